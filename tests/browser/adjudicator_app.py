"""A page that holds nothing but two versions side by side, which are off the page for a moment again and again."""

from __future__ import annotations

import streamlit as st

from pages.shared.adjudication import disagreements
from pages.shared.widgets.adjudicator import adjudicator, decision
from relex_core.types import Annotation, Document, Entity, Schema

SCHEMA = Schema.of(["person", "place"])
DOCUMENT = Document("d0", "Ada met Charles in London near the Thames.")
ADA, CHARLES = Entity("a", 0, 3, "person"), Entity("c", 8, 15, "person")
LONDON = Entity("l", 19, 25, "place")
MARKS = {
    "ada": Annotation(DOCUMENT, SCHEMA, (ADA, CHARLES, LONDON)),
    "eva": Annotation(DOCUMENT, SCHEMA),
}


@st.fragment(run_every=0.7)
def page() -> None:
    session = st.session_state  # noqa: TID251
    session.run = session.get("run", 0) + 1
    found = decision("rx")
    if found is not None:
        st.caption(f"saved {[list(pick) for pick in found.picks.values()]}")
    if session.run % 4:
        adjudicator(
            MARKS, disagreements(MARKS), key="rx", scope="p", seen={"ada": 1, "eva": 1}, saved=0, height="400px"
        )


page()
