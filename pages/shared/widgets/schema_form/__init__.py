"""Label sets as chips: add, rename, describe, constrain, remove. Edits travel as an append-only log."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from relex_core.types import EntityLabel, RelationLabel, Schema

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


def schema_form(
    schema: Schema, *, key: str, acknowledged: int, refusal: Mapping[str, Any] | None, on_change: Any
) -> None:
    """Draw the chips. `acknowledged` is the last edit that was answered, `refusal` {"seq", "message"} if it was no.

    `on_change` runs before the screen does; read the waiting edits with `waiting(state.component(key), ...)`.
    """
    data = {
        "entity": [_entity(label) for label in schema.visible_entities],
        "relation": [_relation(label) for label in schema.visible_relations],
        "acknowledged": acknowledged,
        "refusal": dict(refusal) if refusal else None,
    }
    _component()(key=key, data=data, default={"edits": []}, on_edits_change=on_change, height="content")


def waiting(component: Mapping[str, Any] | None, acknowledged: int) -> tuple[Mapping[str, Any], ...]:
    """The edits in the component's state that nobody has answered, in order."""
    edits = (component or {}).get("edits") or ()
    return tuple(edit for edit in edits if isinstance(edit, Mapping) and int(edit.get("seq", 0)) > acknowledged)


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
    }
