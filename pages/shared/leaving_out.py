"""Documents that are left out of a project on the Documents screen, and the way back: ticked ones, or all that fit."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db import leaving
from db.store import Store
from db.values import State
from pages.shared import annotating, queueing, resources, state
from pages.shared.messages import guard
from pages.shared.wording import counted


def menu(store: Store, project: str, ticked: Sequence[str], states: tuple[State, ...], search: str, out: bool) -> None:
    """A popover with what can be left out, or brought back where the table shows what is left `out`: counts first."""
    words = "Bring back" if out else "Leave out"
    popover = st.popover(words, key=f"leaving_{out}_{state.upload_round()}", on_change="rerun")
    if not popover.open:
        return
    with popover, st.container(key="leaving_form"), guard():
        if not out:
            st.caption(
                "A document that is left out is in no queue, figure, export or graph. Its text and all decisions stay, "
                "and it comes back with one click."
            )
        if ticked:
            st.button(
                f"{words} the {len(ticked):,} ticked", key="leave_ticked", on_click=_move,
                args=(project, tuple(ticked), out), width="stretch",
            )  # fmt: skip
        if search or states or out:
            found = tuple(queueing.ids(store, project, states=states or tuple(State), search=search, left_out=out))
            st.button(
                f"{words} all {counted(len(found), 'document')}{' that fit' if search or states else ''}",
                key="leave_found", on_click=_move, args=(project, found, out), disabled=not found,
                width="stretch",
            )  # fmt: skip
        elif not ticked:
            st.markdown("Tick documents in the table, or search for those that you mean.")


def outcome(project: str) -> None:
    """What was moved last in this tab, and the way to take it back."""
    moved: tuple[tuple[str, ...], bool] | None = state.remembered(f"moved_{project}")
    if moved is None:
        return
    ids, back = moved
    are = "is" if len(ids) == 1 else "are"
    with st.container(key="tools_moved", horizontal=True):
        st.markdown(f"{counted(len(ids), 'document')} {are} {'back in' if back else 'left out of'} the project.")
        st.button(
            "Leave out again" if back else "Bring back", key="move_back", on_click=_move, args=(project, ids, not back)
        )


def said_of(store: Store, project: str, document: str) -> None:
    """Above an open document that is left out: that it is, and the way back."""
    if not leaving.is_left_out(store, project, document):
        return
    with st.container(key="tools_left_out", horizontal=True):
        st.markdown("This document is left out of the project. What you decide is kept, and counts when it is back.")
        st.button("Bring back", key="bring_back_open", on_click=_move, args=(project, (document,), True))


@guard()
def _move(project: str, ids: tuple[str, ...], back: bool) -> None:
    store = resources.store()
    move = leaving.bring_back if back else leaving.leave_out
    moved = move(store, project, ids, by=state.annotator())
    state.remember(f"moved_{project}", (moved, back) if moved else None)
    # a new round closes the menu
    state.next_upload()
    if back:
        if not leaving.number(store, project):
            state.clear_widget("document_left_out")
        annotating.begin_reading(store, project)
