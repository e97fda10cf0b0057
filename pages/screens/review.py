"""Review: where annotators differ, how far they agree, and how the work goes on."""

import streamlit as st

from pages.shared import annotating, resources, review, review_figures, reviewing
from pages.shared.messages import guard

with guard():
    store = resources.store()
    project = reviewing.project(store)
    if not project:
        words = "Nothing to review yet. Here the work of several people on the same documents is compared and settled."
        annotating.no_project(store, words)
        st.stop()
    work = review.work(store, project)
    shared = review.shared(work)
    if reviewing.take(store, project, shared):
        work = review.work(store, project)
        shared = review.shared(work)
    view = reviewing.bar(store, project, shared)
    if view == "Disagreements":
        reviewing.disagreements(store, project, shared)
    elif view == "Agreement":
        review_figures.agreement(store, project, shared, work)
    else:
        review_figures.figures(store, project, work)
