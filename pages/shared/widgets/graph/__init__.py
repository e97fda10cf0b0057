"""The graph pane: pyvis' nodes and edges drawn by the vis-network file that pyvis brings, with focus by click.

A click says what it means with the browser event `relex:focus` (entities and relations by id), which the text,
the table and the graph all send and hear: no message to the server, no waiting.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared.widgets.graph.network import OPTIONS, Graph, merge, network, offline_html

__all__ = ["Graph", "graph", "merge", "network", "offline_html"]

_HERE = Path(__file__).parent


@cache
def _library() -> Any:
    # a component of its own with constant content: Streamlit sends it to a browser once and then only its hash
    source = resources.files("pyvis").joinpath("lib/vis-9.1.2/vis-network.min.js").read_text("utf-8")
    ready = "\nexport default function () { window.dispatchEvent(new Event('relex:vis')); }\n"
    return st.components.v2.component("relex_vis_network", js=source + ready, isolate_styles=False)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "relex_graph",
        html='<div class="rx-graph" role="img"></div>',
        css=(_HERE / "graph.css").read_text("utf-8"),
        js=(_HERE / "graph.js").read_text("utf-8"),
        isolate_styles=False,
    )


def graph(shown: Graph, *, key: str) -> None:
    """Draw `shown`. Nodes keep their places when thresholds or labels change."""
    tones = {}
    for theme, dark in (("light", False), ("dark", True)):
        net = network(shown, dark)
        tones[theme] = {"nodes": net.nodes, "edges": net.edges}
    nodes = [
        {"key": "\x1f".join(node.key), "entities": [entity.id for entity in node.mentions]} for node in shown.nodes
    ]
    edges = [
        {
            "key": "\x1f".join((*edge.head, *edge.tail, edge.label)),
            "relations": [[t.head.id, t.tail.id, t.label] for t in edge.triples],
        }
        for edge in shown.edges
    ]
    _library()(key=f"{key}-library", height=1)
    _component()(
        key=key,
        data={
            "tones": tones,
            "nodes": nodes,
            "edges": edges,
            "options": json.loads(OPTIONS),
            "left_out": shown.left_out,
        },
        height="stretch",
    )
