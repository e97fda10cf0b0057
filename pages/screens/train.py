"""Train: fine-tune a checkpoint on what people decided, watch it, compare, and take it into use."""

import streamlit as st

from pages.shared import resources, train, train_watch, training_runs
from pages.shared.messages import guard

store = resources.store()
runs = training_runs.runs()
with st.container(key="train"):
    left, right = st.columns([1, 2.4])
    with left.container(key="pane_plan"), guard():
        train.form(store, runs, primary=not train_watch.offers(train_watch.chosen(runs)))
    with right.container(key="pane_run"), guard():
        run = train_watch.choose(runs)
        if run is None:
            train_watch.nothing_yet()
        else:
            train_watch.show(run)
