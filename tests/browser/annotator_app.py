"""A page that holds nothing but the editor, on fixed suggestions and a real store.

The address chooses: ?document=<name of a scenario>, project=<name>, who=<annotator>, mode=view,
delay=<seconds that every run takes>, queue=1 to hand over what comes next in advance, nested=1, blink=1 for an editor
that is off the page for a moment after each correction.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import streamlit as st

from db import habits
from db.habits import Habits
from db.store import Store
from db.values import State
from pages.shared import corrections
from pages.shared.widgets import annotator as editor
from relex_core.editing import begin
from relex_core.types import Annotation, Thresholds
from tests.browser.annotator_scenarios import SCENARIOS, SCHEMA

st.set_page_config(page_title="editor", layout="wide")
QUEUE = ["news", "second", "nested"]
AWAY = 0.8
"""Seconds without the editor: longer than a test looks away, shorter than the editor waits for its place."""


@st.cache_resource
def store() -> Store:
    return Store.open(f"sqlite:///{Path(os.environ['RELEX_DATA']) / 'editor.db'}")


@st.cache_resource
def project(name: str) -> str:
    if name not in [project.name for project in store().projects()]:
        store().create_project(name, SCHEMA)
        store().add_documents(name, [make().document for make in SCENARIOS.values()], deduplicate=False)
    return name


@st.cache_resource
def suggestions() -> dict[str, Annotation]:
    return {name: begin(make()) for name, make in SCENARIOS.items()}


def load(project: str, name: str) -> tuple[Annotation, int]:
    annotation = suggestions()[name]
    latest = store().latest(project, name)
    if latest is None:
        return annotation, 0
    return replace(latest.annotation, based_on=annotation.based_on), latest.number


def flags(project: str, name: str) -> dict[str, str]:
    latest = store().latest(project, name)
    return {name: latest.note} if latest is not None and latest.state is State.FLAGGED else {}


def page() -> None:
    session = st.session_state  # noqa: TID251
    query = st.query_params
    session.setdefault("document", query.get("document", "news"))
    session.setdefault("acknowledged", {})
    session.setdefault("thresholds", Thresholds())
    name = project(query.get("project", "test"))
    conflict, refused = None, []
    time.sleep(float(query.get("delay", "0")))
    found = editor.pending("rx", session.acknowledged)
    for batch in found:
        annotation, _ = load(name, batch.document_id)
        done = corrections.apply_batch(store(), name, annotation, batch, query.get("who", "ada"), session.thresholds)
        if done.conflict is not None:
            conflict = editor.ConflictNotice(batch.document_id, done.conflict.number, done.conflict.annotator)
            session.document = batch.document_id
            break
        session.acknowledged.update(done.acknowledged)
        session.thresholds = batch.thresholds or session.thresholds
        refused += done.refused
        if any(command.name == "next" for command in done.commands):
            session.document = QUEUE[(QUEUE.index(batch.document_id) + 1) % len(QUEUE)]
    if found and "blink" in query:
        session.away_until = time.monotonic() + AWAY
    if time.monotonic() < session.get("away_until", 0.0):
        return
    annotation, revision = load(name, session.document)
    follows = []
    if "queue" in query:
        follows = [load(name, QUEUE[(QUEUE.index(session.document) + 1) % len(QUEUE)])]
    editor.annotator(
        annotation,
        session.thresholds,
        key="rx",
        acknowledged=session.acknowledged,
        mode="view" if query.get("mode") == "view" else "edit",
        revision=revision,
        scope=f"{name}/{query.get('who', 'ada')}",
        nested="nested" in query,
        next_documents=follows,
        conflict=conflict,
        refused=refused,
        height=int(query.get("height", "720")),
        flags=flags(name, session.document),
        habits=habits.catch_up(store(), name, Habits()).counts(),
    )
    if editor.edit_requested("rx"):
        st.caption("asked to edit")


st.fragment(page, run_every=0.5 if "blink" in st.query_params else None)()
