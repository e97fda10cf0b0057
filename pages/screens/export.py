"""Export: choose what, look at it, take it away with a manifest."""

import streamlit as st

from pages.shared import export, resources
from pages.shared.messages import guard

store = resources.store()
with st.container(key="export"):
    left, right = st.columns([1, 2])
    with left.container(key="pane_choice"), guard():
        chosen = export.choose(store)
    with right.container(key="pane_preview"), guard():
        if chosen is None:
            export.nothing_yet()
        else:
            export.preview(store, chosen)
