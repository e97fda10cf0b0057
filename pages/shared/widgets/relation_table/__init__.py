"""The triples as a table: sortable by each column, with score and evidence; a row focuses its mentions."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared.triples import Shown, Triple, triples

_HERE = Path(__file__).parent


@cache
def _component() -> Any:
    return st.components.v2.component(
        "relex_relation_table",
        html='<div class="rx-table"></div>',
        css=(_HERE / "relation_table.css").read_text("utf-8"),
        js=(_HERE / "relation_table.js").read_text("utf-8"),
        isolate_styles=False,
    )


def relation_table(shown: Shown, *, key: str) -> None:
    """Draw the relations of `shown`, best first."""
    colors = {label.name: label.color for label in shown.schema.entity_labels}
    rows = [_row(triple, colors) for triple in triples(shown)]
    empty = "No relation above the threshold" if shown.schema.visible_relations else "Add a relation to look for"
    _component()(key=key, data={"rows": rows, "empty": empty}, height="stretch")


def _row(triple: Triple, colors: dict[str, int]) -> dict[str, Any]:
    return {
        "relation": [triple.head.id, triple.tail.id, triple.label],
        "cells": [triple.head_text, triple.label, triple.tail_text, triple.score, triple.evidence],
        "types": [triple.head.label, triple.tail.label],
        "colors": [colors.get(triple.head.label, 0) % 15, colors.get(triple.tail.label, 0) % 15],
    }
