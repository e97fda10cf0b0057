"""The use cases: what a screen calls when a person has done something. No Streamlit here.

Each takes values, joins the model's side and the store's side, and gives values back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from db import assignments
from db.store import Store
from pages.shared import label_edits
from pages.shared.corrections import Batch, Committed, apply_batch
from pages.shared.presets import PRESETS
from pages.shared.samples import SAMPLES
from pages.shared.uploads import parts
from pages.shared.workspace import Workspace
from relex_core.editing import begin, rebase
from relex_core.errors import StoreError
from relex_core.types import Annotation, Document, Extraction, Schema, Thresholds

EXPLORE = "explore"
"""Name of the project that corrections made in Explore go to; one about something else is called after its labels."""

HALF = 0.5
"""Share of labels in common from which on a label set is the same one, changed."""


def sample(at: int = 0) -> Workspace:
    """A sample with the label set that fits it."""
    chosen = SAMPLES[at]
    return Workspace((chosen.document,), PRESETS[chosen.preset])


def paste(workspace: Workspace, text: str) -> Workspace:
    """The pasted text in place of what was open, or the same if it is the same. Raises InputError."""
    if text == workspace.document.text:
        return replace(workspace, mode="marked")
    document = Document.from_text(text, source="pasted text")
    return replace(workspace, documents=parts(document), at=0, mode="marked")


def open_documents(workspace: Workspace, documents: tuple[Document, ...]) -> Workspace:
    """Uploaded documents in place of what was open, long ones in parts; ids are hashes, sources keep the names."""
    opened: list[Document] = []
    for document in documents:
        known_by = document.source
        if document.id != document.sha256[:16]:
            known_by = f"{document.source}: {document.id}" if document.source else document.id
        opened += parts(Document.from_text(document.text, source=known_by))
    return replace(workspace, documents=tuple(opened), at=0, mode="marked")


def turn_to(workspace: Workspace, at: int) -> Workspace:
    """Another of the open documents, counted from 0, in the same mode unless that is the text box."""
    at = max(0, min(at, len(workspace.documents) - 1))
    return replace(workspace, at=at, mode="correct" if workspace.mode == "correct" else "marked")


def edit_labels(workspace: Workspace, edit: Mapping[str, Any]) -> Workspace:
    """The label set after an edit, before anything is corrected in it. Raises SchemaError."""
    return replace(workspace, schema=label_edits.apply(workspace.schema, edit))


def take_preset(store: Store, workspace: Workspace, name: str, by: str = "") -> Workspace:
    """The label set of a preset; while correcting, labels in use stay, hidden."""
    schema = PRESETS[name]
    if workspace.mode == "correct":
        schema = store.save_schema(workspace.project, schema, by=by).schema
        return replace(workspace, schema=schema)
    return replace(workspace, schema=schema, project="")


def begin_correcting(store: Store, workspace: Workspace, extraction: Extraction, by: str = "") -> Workspace:
    """The workspace in the editor, with its document, label set and suggestions in the store. Raises StoreError."""
    project = _explore_project(store, workspace, by)
    schema = store.save_schema(project, workspace.schema, by=by).schema
    store.add_documents(project, [extraction.document], by=by)
    store.save_extraction(project, replace(extraction, schema=schema))
    return replace(workspace, project=project, schema=schema, mode="correct")


def refresh(store: Store, workspace: Workspace) -> Workspace:
    """The workspace with the label set as the project has it now: others may have changed it."""
    return replace(workspace, schema=store.project(workspace.project).schema)


def annotation(store: Store, workspace: Workspace, extraction: Extraction, annotator: str) -> tuple[Annotation, int]:
    """The decisions on the shown document before the model's present suggestions, and their revision (0: none).

    In a project that is shared out those are the annotator's own: nobody sees another's before the review.
    """
    whose = annotator if _shared_out(store, workspace) else None
    revision = store.latest(workspace.project, workspace.document.id, whose)
    if revision is None:
        return begin(extraction), 0
    return rebase(revision.annotation, extraction), revision.number


def commit(
    store: Store,
    workspace: Workspace,
    batch: Batch,
    shown: Extraction | None,
    annotator: str,
    thresholds: Thresholds,
) -> Committed:
    """Commit a batch of corrections, of the shown document (with the suggestions `shown`) or of another one."""
    suggestions = shown if batch.document_id == workspace.document.id else None
    suggestions = suggestions or store.extraction(workspace.project, batch.document_id)
    if suggestions is None:
        document = store.document(workspace.project, batch.document_id)
        before = Annotation(document, store.project(workspace.project).schema)
    else:
        before = begin(suggestions)
    alone = _shared_out(store, workspace)
    return apply_batch(store, workspace.project, before, batch, annotator, thresholds, independent=alone)


def _shared_out(store: Store, workspace: Workspace) -> bool:
    return bool(assignments.team(store, workspace.project))


def reopen(store: Store, project: str, document_id: str) -> Workspace:
    """What an address names: a document of a project, in the editor. Raises NotFound."""
    schema = store.project(project).schema
    return Workspace((store.document(project, document_id),), schema, mode="correct", project=project)


def _explore_project(store: Store, workspace: Workspace, by: str) -> str:
    """The session's project, else the one of Explore's that has most labels in common with it, else a new one.

    A project of another field of work has fewer than half in common: its texts would be read with labels that are
    none of theirs. The label set of the project that is taken gets a new version; labels in use stay, hidden.
    """
    if workspace.project:
        return workspace.project
    wanted = _names(workspace.schema)
    projects = [p for p in store.projects() if p.name == EXPLORE or p.name.startswith((f"{EXPLORE} ", f"{EXPLORE}: "))]
    alike = {p.name: _shared(wanted, _names(p.schema)) for p in projects}
    best = max(alike, key=lambda name: (alike[name], name == EXPLORE), default="")
    if best and alike[best] >= HALF:
        return best
    taken = {project.name for project in projects}
    # the first is for whatever comes first; another one says what it is about
    subject = ", ".join(label.name for label in workspace.schema.visible_entities[:3])[:80]
    stem = EXPLORE if EXPLORE not in taken else f"{EXPLORE}: {subject}"
    number = 1
    while True:
        name = stem if number == 1 else f"{stem} {number}"
        number += 1
        if name in taken:
            continue
        try:
            return store.create_project(name, workspace.schema, by=by).name
        except StoreError:
            # somebody else took the name between the look and the leap
            if name not in {p.name for p in store.projects(archived=None)}:
                raise


def _shared(one: set[tuple[str, str]], other: set[tuple[str, str]]) -> float:
    """Share of all labels of the two sets that both have."""
    return len(one & other) / max(1, len(one | other))


def _names(schema: Schema) -> set[tuple[str, str]]:
    entities = {("entity", label.name) for label in schema.visible_entities}
    return entities | {("relation", label.name) for label in schema.visible_relations}
