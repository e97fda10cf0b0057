"""Evaluate: how good a checkpoint is on annotated texts, beside another one, down to each error."""

import streamlit as st

from pages.shared import resources, scorecard
from pages.shared.messages import guard

store = resources.store()
with st.container(key="evaluate"):
    left, right = st.columns([1, 3])
    with left.container(key="pane_question"), guard():
        scorecard.form(store)
    with right.container(key="pane_scores"), guard():
        results = scorecard.choose()
        if results:
            scorecard.show(results)
        else:
            scorecard.nothing_yet()
