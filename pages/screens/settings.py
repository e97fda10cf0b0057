"""Settings: where annotations are kept, their backups and their health, the copy in Argilla, and what was done."""

import streamlit as st

from pages.shared import resources, settings_argilla, settings_database, settings_log
from pages.shared.messages import guard

store = resources.store()
with st.container(key="settings"):
    left, right = st.columns([1, 1])
    with left.container(key="pane_database"):
        with guard():
            settings_database.database(store)
        with guard():
            settings_database.backups(store)
        with guard():
            settings_database.integrity()
        with guard():
            settings_log.log(store)
    with right.container(key="pane_argilla"), guard():
        settings_argilla.argilla(store)
