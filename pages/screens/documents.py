"""Documents: projects, their label sets and texts, and how far the model and people are."""

import streamlit as st

from pages.shared import documents, resources
from pages.shared.messages import guard

store = resources.store()
with st.container(key="documents"):
    left, right = st.columns([1, 3.4])
    with left.container(key="pane_projects"), guard():
        project = documents.projects(store)
    with right.container(key="pane_project"), guard():
        if project is None:
            documents.nothing_yet()
        else:
            documents.pane(store, project)
