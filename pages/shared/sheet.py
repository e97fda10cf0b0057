"""What Explore's editor has open: one document of the workspace, as the last correction left it. No Streamlit here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from db.store import Store
from pages.shared import actions
from pages.shared.corrections import Batch, Committed
from pages.shared.workspace import Workspace
from relex_core.types import Annotation, Thresholds


@dataclass(frozen=True, slots=True)
class Sheet:
    """Decisions on the shown document before the model's suggestions, their revision (0: none), and who decides."""

    workspace: Workspace
    annotation: Annotation
    revision: int
    annotator: str


def take(store: Store, sheet: Sheet, batch: Batch, thresholds: Thresholds) -> tuple[Sheet, Committed]:
    """Commit corrections of the shown document; nothing is changed where somebody else's revision is in the way."""
    committed = actions.commit(store, sheet.workspace, batch, sheet.annotation.based_on, sheet.annotator, thresholds)
    if committed.conflict is not None:
        return sheet, committed
    return replace(sheet, annotation=committed.annotation, revision=committed.revision), committed
