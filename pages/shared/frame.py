"""What stands around every screen: the style, the top bar, the checkpoint and the annotator."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared import absent, checkpoint_menu, clicks, identity, resources, shell, state
from pages.shared.messages import guard
from pages.shared.wording import plain

_SCREENS = Path(__file__).parents[1] / "screens"

ICON = Path(__file__).parent / "icon.svg"

NAVIGATION = (
    ("explore", "Explore"),
    ("annotate", "Annotate"),
    ("documents", "Documents"),
    ("review", "Review"),
    ("export", "Export"),
    ("train", "Train"),
    ("evaluate", "Evaluate"),
    ("settings", "Settings"),
)
"""Name of the screen's file and its title, in the order of the top bar; a screen that is not there is left out."""

ASIDE = frozenset({"settings"})
"""Screens that are reached from the menu behind the name: seldom needed, they would crowd the top bar."""

_WARM, _ARGILLA = "warm", "argilla"
"""Names of the threads that draw for nobody."""


def visited() -> bool:
    """Whether this run of app.py draws a page for somebody; otherwise the server is starting."""
    return get_script_run_ctx(suppress_warning=True) is not None


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Around the server's life: the model loads before anybody has asked for it, and Argilla is kept in step."""
    # Streamlit takes a folder called pages for its old navigation until the first run has called st.navigation,
    # and tells the first visitor of any other address that the page does not exist (1.67.0, PagesManager)
    PagesManager.uses_pages_directory = False
    clicks.keep()
    logging.getLogger(get_script_run_ctx.__module__).addFilter(_is_of_a_run)
    threading.Thread(target=resources.warm, name=_WARM, daemon=True).start()
    stop = threading.Event()
    threading.Thread(target=resources.keep_in_step, args=(stop,), name=_ARGILLA, daemon=True).start()
    yield
    stop.set()


def _is_of_a_run(_: logging.LogRecord) -> bool:
    """Whether Streamlit may warn that a thread draws for nobody: those that this file starts are meant to."""
    return threading.current_thread().name not in (_WARM, _ARGILLA)


def pages() -> list[StreamlitPage]:
    """The screens for `st.navigation`; the first one is where visitors land."""
    there = [(name, title) for name, title in NAVIGATION if (_SCREENS / f"{name}.py").exists()]
    return [
        st.Page(
            _SCREENS / f"{name}.py",
            title=title,
            url_path=None if at == 0 else name,
            default=at == 0,
            visibility="hidden" if name in ASIDE else "visible",
        )
        for at, (name, title) in enumerate(there)
    ]


def draw(page: StreamlitPage) -> None:
    """Everything of the frame that is the same on all screens, before `page` is."""
    with st.container(key="brand"):
        st.markdown(shell.TITLE)
    account = identity.gate()
    identity.settle(account)
    with guard():
        checkpoint_menu.settle()
        checkpoint_menu.keep_in_address()
    with st.container(key="identity"):
        with guard():
            checkpoint_menu.menu()
        with st.popover(plain(state.annotator()), key="annotator_menu", help="Who you are"):
            if account:
                identity.leave()
            else:
                identity.choose()
            st.page_link(_SCREENS / "settings.py", label="Settings", icon=":material/settings:")
    # Explore opens what the address names, wherever it is; Settings asks for no project
    if page.title not in ("Explore", "Settings"):
        with guard():
            absent.notice(resources.store())
