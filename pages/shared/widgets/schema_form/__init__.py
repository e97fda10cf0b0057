"""Label sets as chips: add, rename, describe, constrain, remove. Edits travel as an append-only log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared import label_edits, state
from relex_core.errors import RelexError
from relex_core.types import FLOOR, EntityLabel, RelationLabel, Schema

_HERE = Path(__file__).parent


@cache
def _component() -> Any:
    return st.components.v2.component(
        "relex_schema_form",
        html='<div class="rx-labels"></div>',
        css=(_HERE / "schema_form.css").read_text("utf-8"),
        js=(_HERE / "schema_form.js").read_text("utf-8"),
        isolate_styles=False,
    )


def schema_form(schema: Schema, *, key: str) -> None:
    """Draw the chips. What is done to them is read with `waiting` at the top of the next run."""
    refused = state.refusal(key)
    limits = state.thresholds()
    data = {
        "limits": {
            "entity": {"common": limits.entity, "floor": FLOOR.entity, "own": dict(limits.entities)},
            "relation": {"common": limits.relation, "floor": FLOOR.relation, "own": dict(limits.relations)},
        },
        "entity": [_entity(label) for label in schema.visible_entities],
        "relation": [_relation(label) for label in schema.visible_relations],
        "acknowledged": state.labels_acknowledged(key),
        "refusal": {"seq": refused.seq, "message": refused.message} if refused else None,
    }
    _component()(key=key, data=data, default={"edits": []}, on_edits_change=_rerun_only, height="content")


def take(schema: Schema, key: str, change: Callable[[Mapping[str, Any]], Schema]) -> Schema:
    """The schema after the edits that the browser has sent; `change` gives the one after each or refuses it.

    A refused edit is shown with its reason and changes nothing. Thresholds of labels are no part of the schema: they
    belong to the visit.
    """
    for edit in waiting(state.component(key), state.labels_acknowledged(key)):
        try:
            if edit.get("op") == "threshold":
                _limit(edit)
            else:
                schema = change(edit)
        except RelexError as error:
            state.answer_labels(key, int(edit["seq"]), str(error))
        else:
            state.answer_labels(key, int(edit["seq"]))
    return schema


def waiting(component: Mapping[str, Any] | None, acknowledged: int) -> tuple[Mapping[str, Any], ...]:
    """The edits in the component's state that nobody has answered, in order."""
    edits = (component or {}).get("edits") or ()
    return tuple(edit for edit in edits if isinstance(edit, Mapping) and int(edit.get("seq", 0)) > acknowledged)


def _limit(edit: Mapping[str, Any]) -> None:
    value = edit.get("value")
    wanted = float(value) if isinstance(value, int | float) else None
    state.set_thresholds(label_edits.limit(state.thresholds(), str(edit.get("kind")), str(edit.get("name")), wanted))


def _rerun_only() -> None:
    """State names need a callback to appear; what they hold is read at the top of the next run."""


def _entity(label: EntityLabel) -> dict[str, Any]:
    return {
        "name": label.name,
        "description": label.description,
        "letter": label.letter,
        "color": label.color % 15,
    }


def _relation(label: RelationLabel) -> dict[str, Any]:
    return {
        "name": label.name,
        "description": label.description,
        "color": label.color % 15,
        "head_types": list(label.head_types),
        "tail_types": list(label.tail_types),
        "symmetric": label.symmetric,
        "inverse": label.inverse,
    }
