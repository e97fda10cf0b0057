"""Explore: paste or upload a text, see what the model finds, correct it."""

import streamlit as st

from pages.shared import explore, resources
from pages.shared.messages import guard
from pages.shared.widgets.graph import graph, merge
from pages.shared.widgets.relation_table import relation_table

workspace = explore.opened(resources.store())
with st.container(key="explore"):
    text, labels = st.columns([1.75, 1])
    picture, table = st.columns([1.2, 1])
    with labels.container(key="pane_labels"):
        explore.labels(workspace)
    with text.container(key="pane_text"):
        shown = explore.text(workspace)
    with st.container(key="status", horizontal=True):
        explore.status(workspace, shown)
    if shown is not None:
        with picture.container(key="pane_graph"), guard():
            graph(merge(shown, names=resources.names(workspace.project)), key="graph")
        with table.container(key="pane_triples"), guard():
            relation_table(shown, key="triples")
