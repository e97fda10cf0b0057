"""Versions of one document side by side, and keys that pick one at each disagreement: our own Streamlit component.

Picks act in the browser at once, and outlive a reload there until the document is saved. They travel as a state value
with the document's id, so that a run finds them; a save has a number of its own and is obeyed once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from db.values import ADJUDICATOR
from pages.shared import palette, state
from pages.shared.adjudication import Disagreement, Pick, picks_from_json
from pages.shared.alignment import Marks

_HERE = Path(__file__).parent
_EDITOR = _HERE.parent / "annotator"

SCRIPTS = (_EDITOR / "keys.js", _EDITOR / "away.js", _HERE / "adjudicator.js")
"""The pieces of the script, in the order in which they are joined. What somebody has changed of the editor's keys holds
here too."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person picked in a document, and the numbers of the versions that they saw, by annotator. `number` rises
    with each save, `seconds` is the time it took."""

    document: str
    picks: Mapping[str, Pick]
    seen: Mapping[str, int]
    number: int
    seconds: float


@cache
def _component() -> Any:
    hues = "\n".join(
        f".h{n}{{--fill:var(--fill-{n});--line:var(--line-{n});--ink:var(--ink-{n});}}"
        for n in range(len(palette.ANCHORS))
    )
    sheet = (_HERE / "adjudicator.css").read_text("utf-8")
    return st.components.v2.component(
        "relex_adjudicator",
        html='<div class="duel"></div>',
        css=f".duel{{{palette.css_variables()}}}\n{hues}\n{sheet}",
        js="\n".join(path.read_text("utf-8") for path in SCRIPTS),
        isolate_styles=True,
    )


def adjudicator(
    marks: Marks,
    disagreements: tuple[Disagreement, ...],
    *,
    key: str,
    scope: str,
    seen: Mapping[str, int],
    saved: int,
    height: str,
) -> None:
    """Mount the versions. `scope` (a project) keeps apart what is picked in documents of one id. `seen` holds the
    numbers of the versions and of the adjudicated one, which come back with a decision; `saved` is the number of the
    last decision that was answered."""
    first = next(iter(marks.values()))
    labels = {label.name: label for label in first.schema.entity_labels}
    data = {
        "document": first.document.id,
        "text": first.document.text,
        "scope": scope,
        "seen": dict(seen),
        "settled": seen.get(ADJUDICATOR, 0),
        "saved": saved,
        "height": height,
        "versions": [
            {
                "name": name,
                "entities": [
                    [
                        e.start,
                        e.end,
                        e.label,
                        labels[e.label].letter or "?",
                        labels[e.label].color % len(palette.ANCHORS),
                    ]
                    for e in annotation.entities
                ],
            }
            for name, annotation in marks.items()
        ],
        "disagreements": [
            {
                "id": d.id,
                "kind": d.kind,
                "spans": d.spans,
                "text": d.text,
                "ends": d.ends,
                "options": [list(said) for _, said in d.options],
                "score": d.score,
            }
            for d in disagreements
        ],
    }
    _component()(key=key, data=data, default={"decision": None}, on_decision_change=_rerun_only, height="content")


def decision(key: str) -> Decision | None:
    """The last decision that the browser sent under `key`, obeyed or not."""
    sent = (state.component(key) or {}).get("decision")
    if not isinstance(sent, Mapping):
        return None
    try:
        number, seconds = int(sent.get("number", 0)), float(sent.get("seconds", 0.0))
    except (TypeError, ValueError):
        return None
    seen = sent.get("seen")
    numbers = {str(name): n for name, n in seen.items() if isinstance(n, int)} if isinstance(seen, Mapping) else {}
    picks = picks_from_json(sent.get("picks"))
    return Decision(str(sent.get("document", "")), picks, numbers, number, min(seconds, 86_400.0))


def _rerun_only() -> None:
    """State names need a callback to appear; what they hold is read at the top of the next run."""
