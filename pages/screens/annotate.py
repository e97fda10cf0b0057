"""Annotate: go through a project's documents, one after the other, and correct what the model suggests."""

import streamlit as st

from pages.shared import annotating, queue_bar, resources, state, style
from pages.shared.messages import guard


@st.fragment
def annotate() -> None:
    store, desk = resources.store(), state.desk()
    if desk is None:
        return
    with guard():
        desk = annotating.take(store, desk)
        queue_bar.bar(store, desk)
        if desk.walk.current:
            annotating.editor(desk)
        else:
            queue_bar.nothing_left(store, desk)
    if desk.waiting:
        annotating.watch()


style.add("queue.css")
with guard():
    if annotating.arrive(resources.store()) is None:
        annotating.no_project(resources.store())
    else:
        annotate()
