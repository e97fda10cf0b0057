"""The text with its marks: for looking, or in the editor, whose decisions go to the store as they are made."""

from __future__ import annotations

from collections.abc import Callable

from db.store import Store
from pages.shared import actions, resources, seats, state, triples
from pages.shared.corrections import Refusal
from pages.shared.sheet import Sheet
from pages.shared.triples import Shown
from pages.shared.widgets.annotator import ConflictNotice, annotator, edit_requested, pending
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
    conflict, refused = state.editor_answers()
    seat = state.seat("explore")
    with seat.lock:
        # one picture of the store and of what the browser may forget, whatever is posted meanwhile
        annotation, revision = actions.annotation(resources.store(), workspace, extraction, state.annotator())
        seat.desk, seat.store = Sheet(workspace, annotation, revision, state.annotator()), resources.store()
        seat.thresholds, seat.scope = thresholds, seats.scope(workspace.project, state.annotator())
        acknowledged = seat.acknowledged
    annotator(
        annotation,
        thresholds,
        key=EDITOR,
        acknowledged=acknowledged,
        mode="edit",
        revision=revision,
        scope=seat.scope,
        conflict=conflict,
        refused=refused,
        height=HEIGHT,
        direct=seat.token,
        followed=True,
        rescores=False,
    )
    return triples.of_annotation(annotation, thresholds)


def now(shown: Shown) -> Callable[[], Shown]:
    """What is shown at the time of the call, which may come outside of a run: with what was posted since this one."""
    seat, thresholds = state.seat("explore"), state.thresholds()

    def ask() -> Shown:
        sheet = seat.desk
        same = isinstance(sheet, Sheet) and sheet.annotation.document.id == shown.document.id
        return triples.of_annotation(sheet.annotation, thresholds) if same else shown

    return ask


def take_corrections(store: Store, workspace: Workspace) -> Workspace:
    """Commit what the browser has sent since the last run; the workspace, turned on if the person asked for that."""
    if workspace.mode != "correct":
        return _double_clicked(store, workspace)
    # the same records may be on their way as a posted correction: one after the other
    with state.seat("explore").lock:
        return _take(store, workspace)


def _take(store: Store, workspace: Workspace) -> Workspace:
    seat = state.seat("explore")
    conflict: ConflictNotice | None = None
    refused: list[Refusal] = []
    for batch in pending(EDITOR, seat.acknowledged, seats.scope(workspace.project, state.annotator())):
        committed = actions.commit(store, workspace, batch, _answer(workspace), state.annotator(), state.thresholds())
        seat.acknowledge(committed.acknowledged)
        refused += committed.refused
        if committed.conflict is not None:
            # what follows was made after this and waits for the decision about it, which is taken where it is seen
            conflict = ConflictNotice(batch.document_id, committed.conflict.number, committed.conflict.annotator)
            shown = [document.id for document in workspace.documents]
            if batch.document_id in shown:
                workspace = actions.turn_to(workspace, shown.index(batch.document_id))
            break
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
    return (
        workspace if extraction is None else actions.begin_correcting(store, workspace, extraction, state.annotator())
    )


def _answer(workspace: Workspace) -> Extraction | None:
    """The model's finished answer for what is shown, None if it has none yet."""
    reading = resources.readings(resources.checkpoint()).known(workspace.document, workspace.schema)
    return reading.answer(workspace.document, workspace.schema) if reading else None
