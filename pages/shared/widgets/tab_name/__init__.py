"""The name that a tab works under, where the browser keeps it: over reloads of the tab, and for the next new one."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import streamlit as st

from db.projects import JOINERS
from db.values import ADJUDICATOR
from pages.shared import state

COOKIE = "relex_studio_name"
"""Holds the name that was chosen last in this browser; it is there before a visit's first run."""

TAB_COOKIE = "relex_studio_tab"
"""Holds the name of a tab while that is loaded again."""

LONGEST = 80

_KEY = "tab_name"


@cache
def _component() -> Any:
    return st.components.v2.component(
        "relex_tab_name", html="<i></i>", js=(Path(__file__).parent / "tab_name.js").read_text("utf-8")
    )


def tab_name(name: str, visit: str, choice: str) -> None:
    """Let the browser keep `name`. `visit` is another text for each session of the tab, `choice` another one each time
    that somebody chose a name in it, "" where nobody has yet."""
    with st.container(key="nothing_to_see"):
        data = {"cookie": COOKIE, "tab": TAB_COOKIE, "name": name, "visit": visit, "choice": choice}
        _component()(key=_KEY, data=data, on_name_change=_rerun_only)


def told() -> str:
    """The name under which this tab worked before it was loaded again, "" if it is not another one."""
    return tidy((state.component(_KEY) or {}).get("name"))


def begins_with() -> str:
    """The name that a visit begins with: of the tab that is loaded again, else the one that was chosen last in this
    browser, "" if none was."""
    cookies = st.context.cookies.to_dict()
    return tidy(unquote(cookies.get(TAB_COOKIE, ""))) or tidy(unquote(cookies.get(COOKIE, "")))


def tidy(name: Any) -> str:
    """A name as it is kept, the same for one that is tidy already; "" for what is none, as a browser may send, and for
    the one that adjudicated versions are saved under. What is left can be stored.

    >>> tidy("Ada\\u00a0Lovelace\\u200f\\n")
    'Ada Lovelace'
    """
    signs = (" " if unicodedata.category(sign) == "Zs" else sign for sign in name) if isinstance(name, str) else ()
    line = "".join(sign for sign in signs if not sign.translate(JOINERS) or sign.isprintable()).strip()[:LONGEST]
    name = line.strip() if line.translate(JOINERS).strip() else ""
    return "" if name.casefold() == ADJUDICATOR else name


def _rerun_only() -> None:
    """A trigger needs a callback to appear; what it holds is read at the top of the next run."""
