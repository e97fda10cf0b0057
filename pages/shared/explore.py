"""The parts of the Explore screen, each drawn where the screen puts it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as Late
from dataclasses import replace
from typing import Any

import streamlit as st

from db.store import Store
from pages.shared import actions, downloads, label_menu, limits, resources, sources, state, text_pane, triples
from pages.shared.messages import guard, refuse
from pages.shared.presets import PRESETS
from pages.shared.readings import Reading
from pages.shared.triples import Shown
from pages.shared.widgets import schema_form
from pages.shared.wording import counted, plain
from pages.shared.workspace import Workspace
from relex_core.errors import RelexError
from relex_core.types import FLOOR, Extraction, Schema
from relex_core.words import Words

PATIENCE = 1.0
"""Seconds that a run waits for the model before it shows how far the reading is."""


def opened(store: Store) -> Workspace:
    """What this tab has open: at first the document that the address names, else the first sample."""
    workspace = state.workspace()
    limits.turn_back()
    if workspace is None:
        project, document = state.address()
        workspace = actions.sample()
        if project and document:
            try:
                workspace = actions.reopen(store, project, document)
                limits.resume(store, project)
            except RelexError as error:
                state.set_notice(str(error))
    if workspace.mode == "correct":
        with guard():
            workspace = actions.refresh(store, workspace)
    workspace = _labels_edited(store, workspace)
    with guard():
        workspace = text_pane.take_corrections(store, workspace)
    state.set_workspace(workspace)
    corrected = workspace.mode == "correct"
    if corrected:
        with guard():
            limits.keep(store, workspace.project)
    state.set_address(workspace.project if corrected else "", workspace.document.id if corrected else "")
    return workspace


def _labels_edited(store: Store, workspace: Workspace) -> Workspace:
    def change(edit: Mapping[str, Any]) -> Schema:
        nonlocal workspace
        if workspace.mode == "correct":
            # decisions are made in these labels, here and elsewhere in the project
            label_menu.carry_out(store, workspace.project, edit)
            workspace = actions.refresh(store, workspace)
        else:
            workspace = actions.edit_labels(workspace, edit)
        return workspace.schema

    schema_form.take(workspace.schema, "labels", change)
    return workspace


def labels(workspace: Workspace) -> None:
    """The label set as chips, presets, and the two thresholds."""
    with st.container(key="tools_labels", horizontal=True):
        st.markdown("Labels")
        st.space("stretch")
        with st.popover("Presets", key=f"presets_{state.upload_round()}", help="Label sets to begin with"):
            for name in PRESETS:
                st.button(name, key=f"preset_{name}", on_click=_take_labels, args=(name,), width="stretch")
    schema_form.schema_form(workspace.schema, key="labels")
    if workspace.mode == "correct":
        label_menu.answers(resources.store(), workspace.project, workspace.schema)
    kept = state.thresholds()
    left, right = st.columns(2)
    for column, kind, value, floor in (
        (left, "entity", kept.entity, FLOOR.entity),
        (right, "relation", kept.relation, FLOOR.relation),
    ):
        column.slider(
            {"entity": "Entities from", "relation": "Relations from"}[kind],
            floor, 1.0, step=0.01, key=state.begin_widget(f"{kind}_threshold", value), on_change=_take_thresholds,
            help="Shows what the model scored above this. Moving it does not ask the model again.",
        )  # fmt: skip


def text(workspace: Workspace) -> Shown | None:
    """The text with its marks, or as a box; what is shown in it, None while nothing is."""
    sources.tools(workspace)
    if state.notice():
        refuse(state.notice())
        state.set_notice("")
    if workspace.mode == "plain":
        sources.box(workspace)
        return _before(workspace)
    if not workspace.schema.visible_entities:
        refuse("No entity label is chosen. Add one beside the text, or take a preset, to see marks.")
        return text_pane.draw(workspace, _nothing(workspace))
    with guard():
        extraction = _extraction(workspace)
        if extraction is not None:
            return text_pane.draw(workspace, extraction)
        if workspace.mode == "marked":
            text_pane.draw(workspace, _nothing(workspace))
    return None


def status(workspace: Workspace, shown: Shown | None) -> None:
    """One line of figures, the downloads, and the way into the editor."""
    if shown is None:
        return
    figures = [
        counted(len(Words.of(workspace.document.text)), "word"),
        counted(len(shown.entities), "entity", "entities"),
        counted(len(shown.relations), "relation"),
    ]
    reading = resources.readings(resources.checkpoint()).known(workspace.document, workspace.schema)
    if reading is not None:
        figures.append(f"{reading.seconds * 1000:,.0f} ms" if reading.seconds < 10 else f"{reading.seconds:.0f} s")
    figures.append(f"{shown.hidden:,} hidden below threshold")
    answer = reading.answer(workspace.document, workspace.schema) if reading is not None else None
    if answer is not None and answer.windows:
        figures.append(f"read in {len(answer.windows):,} passages, relations between them not scored")
    st.markdown(plain(" · ".join(figures)))
    st.space("stretch")
    with st.container(key="tools_status", width="content"):
        downloads.menu(workspace, answer, shown)
    if workspace.mode == "marked":
        st.button("Correct this", key="correct", type="primary", on_click=_correct)
    elif workspace.mode == "correct":
        st.button("Done", key="done", type="primary", on_click=_done)


def _before(workspace: Workspace) -> Shown | None:
    """What was last found in the text that is being edited: it stays on the screen meanwhile."""
    reading = resources.readings(resources.checkpoint()).known(workspace.document, workspace.schema)
    if reading is None:
        return None
    return triples.of_extraction(reading.answer(workspace.document, workspace.schema), state.thresholds())


def _extraction(workspace: Workspace) -> Extraction | None:
    """The model's answer, or None while it reads; then the pane shows how far it is. Raises what the model raised."""
    readings = resources.readings(resources.checkpoint())
    reading = readings.ask(workspace.document, workspace.schema, state.visit())
    readings.let_go(state.visit(), workspace.schema)
    try:
        return reading.answer(workspace.document, workspace.schema, timeout=PATIENCE)
    except Late:
        _progress(reading)
    except CancelledError:
        refuse("The reading of this text was stopped. Choose Edit or paste, then Extract, to read it again.")
    return None


@st.fragment(run_every=0.4)
def _progress(reading: Reading) -> None:
    """How far a reading is, and the way to stop it."""
    if reading.future.done():
        st.rerun()
    share = reading.done / reading.total if reading.total else 0.0
    place = f"part {reading.done:,} of {reading.total:,}" if reading.total else "waiting for the model"
    st.progress(share, text=f"Reading the text: {place}, {reading.waited:.0f} s")
    if st.button("Stop reading", key="stop"):
        reading.stop()
        state.set_notice("Reading was stopped. The text is here unchanged; edit it, or read it again.")
        workspace = state.workspace()
        if workspace is not None:
            state.set_workspace(replace(workspace, mode="plain"))
        st.rerun()


def _nothing(workspace: Workspace) -> Extraction:
    return Extraction(workspace.document, workspace.schema, (), (), resources.checkpoint())


@guard()
def _take_labels(name: str) -> None:
    workspace = state.workspace()
    if workspace is not None:
        state.set_workspace(actions.take_preset(resources.store(), workspace, name, state.annotator()))
        state.next_upload()


def _take_thresholds() -> None:
    kept = state.thresholds()
    entity, relation = state.widget("entity_threshold"), state.widget("relation_threshold")
    # a slider that is moved fast breaks runs off before the other one is drawn again: then that has no value
    entity, relation = kept.entity if entity is None else entity, kept.relation if relation is None else relation
    state.set_thresholds(replace(kept, entity=float(entity), relation=float(relation)))


def _correct() -> None:
    workspace = state.workspace()
    if workspace is None:
        return
    reading = resources.readings(resources.checkpoint()).ask(workspace.document, workspace.schema, state.visit())
    try:
        extraction = reading.answer(workspace.document, workspace.schema)
        state.set_workspace(actions.begin_correcting(resources.store(), workspace, extraction, state.annotator()))
    except RelexError as error:
        state.set_notice(str(error))


def _done() -> None:
    workspace = state.workspace()
    if workspace is not None:
        state.set_workspace(replace(workspace, mode="marked"))
