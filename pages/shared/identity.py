"""Who sits here: a name of one's own choosing, or the account of an OpenID Connect provider where one is set up.

With a section [auth] in `.streamlit/secrets.toml` (Streamlit's documentation, "st.login") nobody gets in without
signing in, and decisions are saved under the account's address. Without it a name is enough, which the browser keeps.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitSecretNotFoundError

from pages.shared import sign_in, state
from pages.shared.messages import refuse
from pages.shared.sign_in import Problem
from pages.shared.widgets import tab_name
from pages.shared.wording import plain
from relex_core.errors import ConfigError

_FIELD = "annotator_name"

_REFUSED = "annotator_name_refused"

_ADDRESS = re.compile(r"(?=.{3,80}$)[^\s@()]+@[^\s@()]+")
"""One whose account has a sign of its own has brackets in its name."""

_KEPT = "Nothing is lost: what was corrected in this browser is kept and saved once you are signed in."

_PROBLEMS: dict[Problem, str] = {
    "unreachable": "The provider of accounts does not answer, so nobody can sign in now. "
    f"{_KEPT} Try again in a while, or tell whoever runs this server.",
    "refused": f"The provider of accounts did not let you in. {_KEPT} Try again, perhaps with another account.",
    "unfinished": f"Signing in was begun and not finished: the provider of accounts did not confirm it. {_KEPT} "
    "Try again.",
}


def configured() -> bool:
    """Whether a provider is set up. Raises ConfigError if there are settings that cannot be read: they may say so."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError as error:
        there = [path for path in st.get_option("secrets.files") if Path(path).exists()]
        if not there:
            return False
        raise ConfigError(
            expected="a secrets.toml that can be read, for it may say who gets in",
            found=f"one that cannot ({type(error.__cause__ or error).__name__})",
            change="Until it is mended nobody gets in. Whoever runs this server finds the place in its log.",
        ) from error


def name() -> str:
    """The name that the signed-in account's decisions are saved under; "" where nobody signed in."""
    if not configured() or not st.user.get("is_logged_in"):
        return ""
    return account(st.user.to_dict())


def account(said: Mapping[str, Any]) -> str:
    """The name of an account, from what the provider said of it: its address, unless the provider says that it has
    not verified that; else what it is called, with a sign of its own. So whoever takes another person's name or
    address for theirs is still another annotator.

    >>> account({"email": "ada@example.org", "sub": "1"})
    'ada@example.org'
    >>> account({"email": "ada@example.org", "email_verified": False, "name": "Ada", "sub": "2"})
    'Ada (9024aff7)'
    """
    address = said.get("email")
    verified = str(said.get("email_verified", True)).lower() == "true"
    if verified and isinstance(address, str) and _ADDRESS.fullmatch(address) and address.isprintable():
        return address
    sign = hashlib.sha256(f"{said.get('iss', '')}\n{said.get('sub', '')}".encode()).hexdigest()[:8]
    called = tab_name.tidy(said.get("name")) or tab_name.tidy(said.get("preferred_username")) or "account"
    return f"{called[: tab_name.LONGEST - len(sign) - 3].strip()} ({sign})"


def gate() -> str:
    """The signed-in account. Where a provider is set up and nobody signed in, a page that asks for it, and no more."""
    try:
        account = name()
        if account or not configured():
            return account
        with st.container(key="pane_sign_in"):
            _ask()
    except ConfigError as error:
        refuse(str(error))
    st.stop()


def _ask() -> None:
    problem = sign_in.problem(state.sign_in_problem())
    if problem:
        refuse(_PROBLEMS[problem])
    st.markdown("Annotations here are saved under your account.")
    for provider in _providers():
        label = f"Sign in with {plain(provider)}" if provider else "Sign in"
        if st.button(label, key=f"sign_in_{provider}" if provider else "sign_in", type="primary"):
            try:
                st.login(provider or None)
            except StreamlitAuthError as error:
                refuse(f"Nobody can sign in: {error} This is for whoever runs this server.")


def _providers() -> tuple[str, ...]:
    """The names of the providers, "" for the one that has none."""
    section = st.secrets["auth"]
    named = tuple(name for name, value in section.items() if isinstance(value, Mapping) and "client_id" in value)
    return named if named and "client_id" not in section else ("", *named)


def settle(account: str) -> None:
    """Sit down under the account, else under the name that this tab had before a reload, else under the one that was
    chosen last in this browser. Once a visit has a name, only its own tab gives it another one."""
    if account:
        state.set_annotator(account)
        return
    if not state.annotator_settled():
        state.set_annotator(tab_name.begins_with())
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
    if refused := state.remembered(_REFUSED, ""):
        refuse(
            f"“{refused}” cannot be an annotator's name, so you are still “{state.annotator()}”. Choose another one."
        )


def _choose() -> None:
    said = str(state.widget(_FIELD) or "").strip()
    name = tab_name.tidy(said)
    refused = said if said and not name else ""
    state.remember(_REFUSED, refused)
    if not refused:
        state.choose_annotator(name)


def leave() -> None:
    """The way out, for the menu behind the name."""
    st.caption("Decisions are saved under this account.")
    st.button("Sign out", key="sign_out", on_click=st.logout)
