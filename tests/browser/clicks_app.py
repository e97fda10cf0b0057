"""A page whose component sends a click and, a moment later, a message of its own: as a graph does that settles."""

import streamlit as st

from pages.shared import clicks, state

SCRIPT = """
export default function ({ setTriggerValue, setStateValue, parentElement, data }) {
  window.press = (delay) => {
    setTriggerValue("pressed", true);
    setTimeout(() => setStateValue("settled", Math.random()), delay);
  };
}
"""

clicks.keep()
component = st.components.v2.component("clicks", html="<b>here</b>", js=SCRIPT)


def pressed() -> None:
    count = state.remembered("count", 0)
    for _ in range(20):
        state.remembered("anything")
    state.remember("count", count + 1)


component(key="one", on_pressed_change=pressed, on_settled_change=lambda: None)
st.markdown(f"Counted {state.remembered('count', 0)}")
