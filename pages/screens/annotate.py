"""Annotate: go through a project's documents, one after the other, and correct what the model suggests."""

import streamlit as st

from pages.shared import annotating, leaving_out, queue_bar, resources, state
from pages.shared.messages import guard
from relex_core.errors import RelexError


@st.fragment
def document() -> None:
    """The editor alone: a correction runs no more than this, so that its acknowledgement is quick."""
    with guard():
        annotating.take(resources.store())
    if state.seat().page_is_old:
        st.rerun()
    with guard():
        # also where something could not be saved: the editor keeps it, and tries again
        annotating.editor()


with guard():
    store = resources.store()
    desk = annotating.arrive(store)
    if desk is None:
        annotating.no_project(store)
    else:
        try:
            desk = annotating.take(store, drawing=True)
        except RelexError:
            desk = state.desk()
            if not desk.walk.current:
                raise
            # `document` takes again, and says it beside the editor
        queue_bar.bar(store, desk)
        leaving_out.said_of(store, desk.walk.project, desk.walk.current)
        annotating.said_unread(desk)
        if desk.walk.current:
            with st.container(key="desk"):
                document()
                if annotating.graph_is_open():
                    annotating.beside()
        else:
            queue_bar.nothing_left(store, desk)
        if desk.waiting:
            annotating.watch()
