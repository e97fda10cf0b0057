"""The editor of entities and relations: our own Streamlit component, keyboard first.

    committed = [corrections.apply_batch(store, project, annotation, batch, ...) for batch in pending(key, ...)]
    annotator(annotation, thresholds, key=key, acknowledged=..., mode="edit", revision=...)

Corrections act in the browser at once and travel as an append-only log in a state value; Python applies them
at the top of the next run, before it mounts the editor again. A record leaves the log when `acknowledged`
says that it is committed, so a slow server, a lost connection or a reload neither loses nor repeats one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import streamlit as st

from pages.shared import palette, state
from pages.shared.corrections import Batch, Refusal
from pages.shared.widgets.annotator.protocol import (
    batches,
    documents_to_json,
    habits_to_json,
    schema_to_json,
    thresholds_to_json,
)
from relex_core.types import FLOOR, Annotation, Thresholds, sha256

SCRIPTS = (
    "text",
    "model",
    "log",
    "keys",
    "away",
    "page",
    "arcs",
    "side",
    "editor",
    "focus",
    "verbs",
    "panels",
    "quick",
    "caret",
    "pointer",
)
"""The pieces of the script, in the order in which they are joined: each uses only earlier ones."""

_HERE = Path(__file__).parent

GRAPH_COOKIE = "relex_studio_graph"
"""Set by the editor: "yes" where the graph stands beside the text."""


@dataclass(frozen=True, slots=True)
class ConflictNotice:
    """Somebody else's revision of a document, made while the person here was working on an earlier one."""

    document: str
    revision: int
    annotator: str


@cache
def script() -> str:
    """The editor as one JavaScript module."""
    return "\n".join((_HERE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)


@cache
def version() -> str:
    """What names this state of the script."""
    return sha256(script())[:12]


def style() -> str:
    """The style sheet, with the palette as classes h0, h1 and so on."""
    hues = "\n".join(
        f".h{n}{{--fill:var(--fill-{n});--line:var(--line-{n});--ink:var(--ink-{n});}}"
        for n in range(len(palette.ANCHORS))
    )
    sheet = (_HERE / "annotator.css").read_text(encoding="utf-8")
    return f".relex{{{palette.css_variables()}}}\n{hues}\n{sheet}"


_component = st.components.v2.component(
    "relex_annotator",
    html='<div class="relex"></div>',
    css=style(),
    js=(_HERE / "loader.js").read_text(encoding="utf-8"),
    isolate_styles=True,
)


def annotator(
    annotation: Annotation,
    thresholds: Thresholds,
    *,
    key: str,
    acknowledged: Mapping[str, int],
    mode: Literal["view", "edit"],
    revision: int,
    scope: str = "",
    nested: bool = False,
    next_documents: Iterable[tuple[Annotation, int]] = (),
    conflict: ConflictNotice | None = None,
    refused: Iterable[Refusal] = (),
    look: tuple[int, int, int] | None = None,
    height: int | str = "calc(100vh - 190px)",
    direct: str = "",
    turn: int = 0,
    followed: bool = False,
    habits: Iterable[tuple[tuple[str, str, str], int]] = (),
    flags: Mapping[str, str] = MappingProxyType({}),
    graph: bool | None = None,
    rescores: bool = True,
    behind: bool = False,
) -> None:
    """Mount the editor on `annotation`, as of `revision` (0: never saved).

    `acknowledged` maps clients to their last committed sequence number, `scope` (a project and an annotator)
    keeps apart what different work leaves in one browser. `next_documents` are (annotation, revision) pairs in
    queue order, of the same label set: the browser opens the first at once when this one is done. In mode
    "view" nothing can be changed; `edit_requested` tells when the person wants to. `look` is the number of a wish to
    see an entity, and its start and end: it gets the focus once. `height` is CSS or pixels.
    With `direct`, the token of a `seats.Seat`, corrections are posted past the page (`pages.shared.direct`), and so
    are steps through the queue; `turn` is that seat's. Where the rest of the page shows corrections too, `followed`
    asks for one run of it when they have come to rest.
    `habits` are ((head type, tail type, relation), times chosen before), the most frequent first: a relation that is
    drawn takes the label that is usual between its two ends. `flags` are the reasons ("": none given) of those of these
    documents that are flagged, by id. `graph` says whether a graph stands beside the text, None where the editor does
    not offer one; `graph_wanted` tells when the person wants it otherwise. `rescores` says whether the command of that
    name is obeyed, `behind` whether there is a document to go back to.
    """
    extraction = annotation.based_on
    floor = extraction.floor if extraction else FLOOR
    sent = _sent(key)
    at = sent["at"] if isinstance(sent.get("at"), Mapping) else {}
    if look is not None and annotation.document.id not in at:
        at = {**at, annotation.document.id: look[1]}
    shown, *ahead = documents_to_json(((annotation, revision), *next_documents), sent.get("has"), at, flags)
    data = {
        "code": None if sent.get("code") == version() else script(),
        "version": version(),
        "mode": mode,
        "scope": scope or key,
        "schema": schema_to_json(annotation.schema, len(palette.ANCHORS)),
        "document": shown,
        "next": ahead,
        "thresholds": thresholds_to_json(thresholds),
        "floor": {"entity": floor.entity, "relation": floor.relation},
        "acknowledged": dict(acknowledged),
        "refused": [{"client": r.client, "seq": r.seq, "message": r.message} for r in refused],
        "conflict": asdict(conflict) if conflict else None,
        "nested": nested,
        "look": look,
        "direct": direct,
        "turn": turn,
        "followed": followed,
        "graph": graph,
        "rescores": rescores,
        "behind": behind,
        "habits": habits_to_json(annotation.schema, habits),
        "height": f"{height}px" if isinstance(height, int) else height,
    }
    _component(
        key=key,
        data=data,
        default={"ops": {}},
        width="stretch",
        height="content",
        on_ops_change=_rerun_only,
        on_edit_change=_rerun_only,
        on_graph_change=_rerun_only,
    )


def pending(key: str, acknowledged: Mapping[str, int], scope: str = "") -> tuple[Batch, ...]:
    """What the browser has sent under `key` and nobody has acknowledged, oldest first.

    With `scope`, nothing that was made under another one: the browser keeps that until it is open again.

    To be called at the top of the fragment that mounts the editor.
    """
    sent = _sent(key)
    if scope and sent.get("scope", scope) != scope:
        return ()
    return batches(sent.get("records"), acknowledged)


def edit_requested(key: str) -> bool:
    """Whether somebody double-clicked the text in mode "view" just now."""
    return (state.component(key) or {}).get("edit") is not None


def graph_wanted(key: str) -> bool | None:
    """Whether somebody opened (True) or closed the graph beside the text just now, None if neither."""
    wanted = (state.component(key) or {}).get("graph")
    return {"open": True, "closed": False}.get(wanted) if isinstance(wanted, str) else None


def graph_opened_last() -> bool:
    """Whether the graph stood beside the text when this browser was last here."""
    return bool(st.context.cookies.to_dict().get(GRAPH_COOKIE) == "yes")


def _sent(key: str) -> Mapping[str, Any]:
    """The state value: {"records": [...], "scope", "code": version, "has": [static ids], "at": {document: window}}."""
    sent = (state.component(key) or {}).get("ops")
    return sent if isinstance(sent, Mapping) else {}


def _rerun_only() -> None:
    """State names need a callback to appear; what they hold is read at the top of the next run."""
