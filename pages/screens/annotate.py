"""Annotate: go through a project's documents, one after the other, and correct what the model suggests."""

import streamlit as st

from pages.shared import annotating, queue_bar, resources, state, style
from pages.shared.messages import guard


@st.fragment
def document() -> None:
    """The editor alone: a correction runs no more than this, so that its acknowledgement is quick."""
    with guard():
        desk = annotating.take(resources.store())
        if state.seat().page_is_old:
            st.rerun()
        annotating.editor(desk)


style.add("queue.css")
with guard():
    store = resources.store()
    desk = annotating.arrive(store)
    if desk is None:
        annotating.no_project(store)
    else:
        desk = annotating.take(store, drawing=True)
        queue_bar.bar(store, desk)
        if desk.walk.current:
            with st.container(key="desk"):
                document()
                if annotating.graph_is_open():
                    annotating.beside()
        else:
            queue_bar.nothing_left(store, desk)
        if desk.waiting:
            annotating.watch()
