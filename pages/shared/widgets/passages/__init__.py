"""Sentences of several documents with marks in them; a click, or Enter on one, opens its document there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared import state

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence of a document: `parts` are pieces of text, each with the palette position of its mark or None.

    `start` and `end` are what is looked at when the document is opened. `score` is None if a person said so.
    """

    document: str
    parts: tuple[tuple[str, int | None], ...]
    start: int
    end: int
    score: float | None = None


@cache
def _component() -> Any:
    return st.components.v2.component(
        "relex_passages",
        html='<ol class="rx-passages"></ol>',
        css=(_HERE / "passages.css").read_text("utf-8"),
        js=(_HERE / "passages.js").read_text("utf-8"),
        isolate_styles=False,
    )


def passages(found: Sequence[Passage], *, key: str) -> None:
    """Draw them in their order."""
    rows = [{"document": p.document, "parts": p.parts, "score": p.score} for p in found]
    _component()(key=key, data={"rows": rows}, height="content", on_open_change=_rerun_only)


def opened(key: str) -> int | None:
    """The place in the list of the passage that somebody chose just now, None if nobody did."""
    at = (state.component(key) or {}).get("open")
    return at if isinstance(at, int) else None


def _rerun_only() -> None:
    """A trigger needs a callback to appear; what it holds is read at the top of the next run."""
