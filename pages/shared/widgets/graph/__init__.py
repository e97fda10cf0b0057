"""The graph pane: pyvis' nodes and edges drawn by the vis-network file that pyvis brings, with focus by click.

In the graph of one text a click says what it means with the browser event `relex:focus` (entities and relations by
id), which the text, the table and the graph all send and hear: no message to the server, no waiting. In the graph of
a project it goes to the server, which knows the documents.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared import state
from pages.shared.widgets.graph.network import (
    OPTIONS,
    STILL,
    Dot,
    Graph,
    Line,
    NodeKey,
    Picture,
    about,
    also,
    merge,
    network,
    offline_html,
)

__all__ = [
    "Dot",
    "Graph",
    "Line",
    "Picture",
    "about",
    "also",
    "chosen_in",
    "corpus_graph",
    "edge_key",
    "graph",
    "graph_is_stale",
    "merge",
    "network",
    "node_key",
    "offline_html",
]

_HERE = Path(__file__).parent

_SEPARATOR = "\x1f"
"""White space to Python and a control character to label sets: in no normalised name and in no label."""


@cache
def _library() -> Any:
    # a component of its own with constant content: Streamlit sends it to a browser once and then only its hash
    source = resources.files("pyvis").joinpath("lib/vis-9.1.2/vis-network.min.js").read_text("utf-8")
    ready = "\nexport default function () { window.dispatchEvent(new Event('relex:vis')); }\n"
    return st.components.v2.component("relex_vis_network", js=source + ready, isolate_styles=False)


_SCRIPTS = ("places.js", "document.js", "corpus.js", "beside.js", "large.js", "graph.js")
"""One module in parts; the last one is where it begins."""

_FRAME = """<div class="rx-graph-frame">
  <div class="rx-graph" role="img"></div>
  <button type="button" class="rx-graph-large"></button>
</div>"""


@cache
def _component() -> Any:
    return st.components.v2.component(
        "relex_graph",
        html=_FRAME,
        css=(_HERE / "graph.css").read_text("utf-8"),
        js="\n".join((_HERE / name).read_text("utf-8") for name in _SCRIPTS),
        isolate_styles=False,
    )


def graph(shown: Graph, *, key: str, stamp: list[Any] | None = None) -> None:
    """Draw `shown`. Nodes keep their places when thresholds or labels change.

    With `stamp` it stands beside an editor: a document's id, its revision and the thresholds, which name what is drawn.
    When the editor has come to rest on something else, the fragment around the graph runs again.
    """
    nodes = [{"key": node_key(n.key), "entities": [entity.id for entity in n.mentions]} for n in shown.nodes]
    edges = [
        {
            "key": edge_key(edge.head, edge.tail, edge.label),
            "relations": [[t.head.id, t.tail.id, t.label] for t in edge.triples],
        }
        for edge in shown.edges
    ]
    note = f"{shown.left_out} entities with fewest relations are not drawn" if shown.left_out else ""
    _draw(shown.picture, nodes, edges, key, {"options": json.loads(OPTIONS), "note": note, "stamp": stamp})


def corpus_graph(picture: Picture, arrangement: int, marked: tuple[int, str], *, key: str) -> None:
    """Draw an arranged picture; a click is read with `chosen_in`.

    Nodes that are drawn already stay where somebody dragged them, until `arrangement` is another number. `marked`
    is a number, and the key of the node or edge to mark when the number is a new one ("" for none); a click marks
    without it, and so nothing is sent again.
    """
    nodes = [{"key": node_key(dot.key), "entities": []} for dot in picture.dots]
    edges = [{"key": edge_key(line.head, line.tail, line.label), "relations": []} for line in picture.lines]
    more = {"options": json.loads(STILL), "arrangement": arrangement, "marked": list(marked), "note": ""}
    _draw(picture, nodes, edges, key, more)


def chosen_in(key: str) -> tuple[int, str] | None:
    """The number of the last click in the graph under `key` and the key of what it hit, "" for nothing."""
    sent = (state.component(key) or {}).get("chosen")
    if not isinstance(sent, Mapping):
        return None
    number, hit = sent.get("number"), sent.get("key")
    return (number, hit) if isinstance(number, int) and isinstance(hit, str) else None


def graph_is_stale(key: str) -> bool:
    """Whether the graph under `key`, drawn with a `stamp`, has asked to be drawn anew just now."""
    return (state.component(key) or {}).get("stale") is not None


def node_key(key: NodeKey) -> str:
    """What names a node between Python and the browser."""
    return _SEPARATOR.join(key)


def edge_key(head: NodeKey, tail: NodeKey, label: str) -> str:
    """What names an edge between Python and the browser."""
    return _SEPARATOR.join((*head, *tail, label))


def _draw(
    picture: Picture, nodes: list[dict[str, Any]], edges: list[dict[str, Any]], key: str, more: Mapping[str, Any]
) -> None:
    tones = {}
    for theme, dark in (("light", False), ("dark", True)):
        net = network(picture, dark)
        tones[theme] = {"nodes": net.nodes, "edges": net.edges}
    _library()(key=f"{key}-library", height=1)
    _component()(
        key=key,
        data={"tones": tones, "nodes": nodes, "edges": edges, **more},
        default={"chosen": None},
        on_chosen_change=_rerun_only,
        on_stale_change=_rerun_only,
        height="stretch",
    )


def _rerun_only() -> None:
    """State names need a callback to appear; what they hold is read at the top of the next run."""
