"""Who sits here: a name of one's own choosing, or the account of an OpenID Connect provider where one is set up.

With a section [auth] in `.streamlit/secrets.toml` (Streamlit's documentation, "st.login") nobody gets in without
signing in, and decisions are saved under the account's address. Without it a name is enough.
"""

from __future__ import annotations

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError


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


def leave() -> None:
    """The way out, for the menu behind the name."""
    st.caption("Decisions are saved under this account.")
    st.button("Sign out", key="sign_out", on_click=st.logout)
