"""Who sits here: a name of one's own choosing, or the account of an OpenID Connect provider where one is set up.

With a section [auth] in `.streamlit/secrets.toml` (Streamlit's documentation, "st.login") nobody gets in without
signing in, and decisions are saved under the account's address. Without it a name is enough, which the browser keeps.
"""

from __future__ import annotations

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from pages.shared import state
from pages.shared.widgets import tab_name

_FIELD = "annotator_name"


def configured() -> bool:
    """Whether a provider is set up."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False


def name() -> str:
    """The address, else the name, of the signed-in account; "" where nobody signed in."""
    if not configured() or not st.user.get("is_logged_in"):
        return ""
    return str(st.user.get("email") or st.user.get("name") or st.user.get("sub") or "")


def gate() -> str:
    """The signed-in account. Where a provider is set up and nobody signed in, a page that asks for it, and no more."""
    if not configured():
        return ""
    account = name()
    if not account:
        with st.container(key="pane_sign_in"):
            st.markdown("Annotations here are saved under your account.")
            st.button("Sign in", key="sign_in", type="primary", on_click=st.login)
        st.stop()
    return account


def settle(account: str) -> None:
    """Sit down under the account, else under the name that this tab had before a reload, else under the one that was
    chosen last in this browser. Once a visit has a name, only its own tab gives it another one."""
    if account:
        state.set_annotator(account)
        return
    if not state.annotator_settled():
        state.set_annotator(tab_name.chosen_last())
    before = tab_name.told()
    if before and before != state.annotator() and not state.annotator_choice():
        state.set_annotator(before)
        state.clear_widget(_FIELD)
    tab_name.tab_name(state.annotator(), state.visit(), state.annotator_choice())


def choose() -> None:
    """The field for the name, for the menu behind it."""
    st.text_input(
        "Your name",
        # in a closed menu what is set otherwise than as the first value is lost
        value=state.annotator(),
        key=_FIELD,
        max_chars=tab_name.LONGEST,
        on_change=_choose,
        help="Decisions are saved under this name. There is no account.",
    )


def _choose() -> None:
    state.choose_annotator(tab_name.tidy(state.widget(_FIELD)))


def leave() -> None:
    """The way out, for the menu behind the name."""
    st.caption("Decisions are saved under this account.")
    st.button("Sign out", key="sign_out", on_click=st.logout)
