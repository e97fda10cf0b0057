"""A page with a fragment that looks again by itself, in a process that takes long to tidy up after each run."""

import gc
import time

import streamlit as st

from pages.shared import clicks, state

clicks.keep()


@st.cache_resource
def ballast() -> list[list[int]]:
    """Streamlit collects garbage after each run, which takes as long as there is much in memory: here a tenth of a
    second on any machine, or runs of the fragment would come faster than they end."""
    held: list[list[int]] = []
    took = 0.0
    while took < 0.1:
        held.extend([] for _ in range(200_000))
        began = time.perf_counter()
        gc.collect()
        took = time.perf_counter() - began
    return held


@st.fragment(run_every=0.5)
def look_again() -> None:
    st.caption(f"{time.monotonic()}")


def pressed() -> None:
    state.remember("count", state.remembered("count", 0) + 1)


ballast()
st.markdown(f"Counted {state.remembered('count', 0)}")
st.button("Press", on_click=pressed)
with st.container(key="box"):
    look_again()
