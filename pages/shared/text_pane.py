"""The text with its marks: for looking, or in the editor, whose decisions go to the store as they are made."""

from __future__ import annotations

from db.store import Store
from pages.shared import actions, resources, state, triples
from pages.shared.triples import Shown
from pages.shared.widgets.annotator import ConflictNotice, Refusal, annotator, edit_requested, pending
from pages.shared.workspace import Workspace
from relex_core.editing import begin
from relex_core.types import Extraction

VIEW, EDITOR = "text_view", "text_editor"

HEIGHT = "calc(var(--rx-top) - 58px)"
"""The height of the upper panes, which the style sheet sets, less the head of the pane."""


def draw(workspace: Workspace, extraction: Extraction) -> Shown:
    """Mount the text and give what is shown in it. Raises StoreError."""
    thresholds = state.thresholds()
    if workspace.mode == "marked":
        annotator(begin(extraction), thresholds, key=VIEW, acknowledged={}, mode="view", revision=0, height=HEIGHT)
        return triples.of_extraction(extraction, thresholds)
    annotation, revision = actions.annotation(resources.store(), workspace, extraction)
    conflict, refused = state.editor_answers()
    annotator(
        annotation,
        thresholds,
        key=EDITOR,
        acknowledged=state.acknowledged(),
        mode="edit",
        revision=revision,
        scope=f"{workspace.project}/{state.annotator()}",
        conflict=conflict,
        refused=refused,
        height=HEIGHT,
    )
    return triples.of_annotation(annotation, thresholds)


def take_corrections(store: Store, workspace: Workspace) -> Workspace:
    """Commit what the browser has sent since the last run; the workspace, turned on if the person asked for that."""
    if workspace.mode != "correct":
        return _double_clicked(store, workspace)
    conflict: ConflictNotice | None = None
    refused: list[Refusal] = []
    for batch in pending(EDITOR, state.acknowledged()):
        committed = actions.commit(store, workspace, batch, _answer(workspace), state.annotator(), state.thresholds())
        state.acknowledge(committed.acknowledged)
        refused += committed.refused
        if committed.conflict is not None:
            conflict = ConflictNotice(committed.conflict.number, committed.conflict.annotator)
        for command in committed.commands:
            if command.thresholds is not None:
                state.set_thresholds(command.thresholds)
            if command.name in ("submit", "skip", "next") and batch.document_id == workspace.document.id:
                workspace = actions.turn_to(workspace, workspace.at + 1)
    state.set_editor_answers(conflict, tuple(refused))
    return workspace


def _double_clicked(store: Store, workspace: Workspace) -> Workspace:
    if workspace.mode != "marked" or not edit_requested(VIEW):
        return workspace
    extraction = _answer(workspace)
    return workspace if extraction is None else actions.begin_correcting(store, workspace, extraction)


def _answer(workspace: Workspace) -> Extraction | None:
    """The model's finished answer for what is shown, None if it has none yet."""
    reading = resources.readings(resources.checkpoint()).known(workspace.document, workspace.schema)
    return reading.answer(workspace.document, workspace.schema) if reading else None
