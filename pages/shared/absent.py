"""What a visitor is told whose address names a project that is not in the lists: archived, or none at all.

The screens open another one in its place.
"""

from __future__ import annotations

import streamlit as st

from db import leaving
from db.store import Store
from pages.shared import annotating, resources, state
from pages.shared.messages import guard
from pages.shared.wording import plain
from relex_core.errors import NotFound


def notice(store: Store) -> None:
    """One line above a screen, until it is closed or the project is there again. Comes before the screen, which writes
    the project that it opens into the address."""
    archived = _archived(store, state.address()[0])
    if archived is not False:
        state.remember("absent", state.address()[0])
    name = state.remembered("absent", "")
    archived = _archived(store, name)
    if archived is False:
        return
    with st.container(key="tools_absent", horizontal=True):
        if archived:
            st.markdown(f"Project {plain(name)} is archived: it is in no list, and nothing of it is removed.")
            st.button("Bring it back", key="bring_back_project", on_click=_bring_back, args=(name,))
        else:
            st.markdown(f"There is no project {plain(name)}. Check the name in the address.")
        st.button("Close", key="close_absent", on_click=_close)


def _archived(store: Store, name: str) -> bool | None:
    """Whether the project is archived, None if there is none of that name; "" stands for no question."""
    try:
        return bool(name) and leaving.is_archived(store, name)
    except NotFound:
        return None


def _close() -> None:
    state.remember("absent", "")
    # Evaluate leaves the address as it was
    state.set_address(state.project())


@guard()
def _bring_back(name: str) -> None:
    store = resources.store()
    leaving.unarchive(store, name, by=state.annotator())
    state.remember("absent", "")
    for menu in ("export_project", "train_project", "evaluate_project"):
        state.clear_widget(menu)
    state.set_project(name)
    state.set_address(name)
    annotating.begin_reading(store, name)
