"""Export: choose what, look at it, take it away with a manifest."""

import streamlit as st

from pages.shared import annotating, export, resources
from pages.shared.messages import guard

store = resources.store()
if not store.projects():
    annotating.no_project(store, "Nothing to export yet. Correct a text in Explore, or annotate a project.")
    st.stop()
with st.container(key="export"):
    left, right = st.columns([1, 2])
    with left.container(key="pane_choice"), guard():
        chosen = export.choose(store)
    with right.container(key="pane_preview"), guard():
        export.preview(store, chosen)
