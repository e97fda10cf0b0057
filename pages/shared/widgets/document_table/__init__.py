"""The documents of a project as a table; a click, or Enter on a row, opens one, its box or the space bar ticks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from db.values import DocumentRow, State
from pages.shared import state

_HERE = Path(__file__).parent

HUES = {State.NEW: None, State.IN_PROGRESS: 5, State.SUBMITTED: 2, State.SKIPPED: 3, State.FLAGGED: 4}
"""Palette position of each state; a new document has none. The word always stands beside the colour."""


@cache
def _component() -> Any:
    return st.components.v2.component(
        "relex_document_table",
        html='<div class="rx-documents"></div>',
        css=(_HERE / "document_table.css").read_text("utf-8"),
        js=(_HERE / "document_table.js").read_text("utf-8"),
        isolate_styles=False,
    )


def document_table(rows: Sequence[DocumentRow], flags: Mapping[str, str], *, key: str) -> None:
    """Draw the rows in their order; `flags` are the reasons of those that are flagged, by id."""
    now = datetime.now(UTC)
    _component()(
        key=key,
        data={"rows": [{**_row(row, now), "flag": flags.get(row.id, "")} for row in rows]},
        height="content",
        on_open_change=_rerun_only,
        on_ticked_change=_rerun_only,
    )


def opened(key: str) -> str:
    """The id of the document that somebody chose just now, "" if nobody did."""
    return str((state.component(key) or {}).get("open") or "")


def ticked(key: str, rows: Sequence[DocumentRow]) -> tuple[str, ...]:
    """Ids of the rows that are ticked, of those that are shown."""
    said = set((state.component(key) or {}).get("ticked") or ())
    return tuple(row.id for row in rows if row.id in said)


def _row(row: DocumentRow, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": str(row.state),
        "hue": HUES[row.state],
        "text": row.excerpt,
        "source": row.source,
        "entities": row.entities,
        "relations": row.relations,
        "uncertainty": row.score,
        "annotator": row.annotator,
        "saved": ago(row.updated_at, now) if row.updated_at else "",
    }


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in one unit.

    >>> ago(datetime(2026, 1, 1, 12, 0), datetime(2026, 1, 1, 15, 30))
    '3 h ago'
    """
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def _rerun_only() -> None:
    """A trigger needs a callback to appear; what it holds is read at the top of the next run."""
