"""Entities and relations of a text as a graph: mentions merged by surface form and type, drawn by pyvis."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from pyvis.network import Network

from pages.shared import palette
from pages.shared.triples import Shown, Triple, triples
from relex_core.types import Entity

MAX_NODES = 300
"""Most nodes that stay readable; those with most relations are kept."""

NodeKey = tuple[str, str]
"""Surface form without case and repeated space, entity label."""


@dataclass(frozen=True, slots=True)
class Node:
    """An entity of the text with all its mentions; `text` is the most frequent spelling."""

    key: NodeKey
    text: str
    mentions: tuple[Entity, ...]
    degree: int


@dataclass(frozen=True, slots=True)
class Edge:
    """All relations of one label between the same two nodes; `score` is the best, None if a person said so."""

    head: NodeKey
    tail: NodeKey
    label: str
    score: float | None
    triples: tuple[Triple, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """What is drawn, and how many nodes were left out."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    left_out: int = 0
    colors: dict[str, int] = field(default_factory=dict)
    relation_colors: dict[str, int] = field(default_factory=dict)


def merge(shown: Shown, limit: int = MAX_NODES) -> Graph:
    """The graph of what is shown; of more than `limit` nodes those with most relations."""
    mentions: dict[NodeKey, list[Entity]] = defaultdict(list)
    for entity in shown.entities:
        mentions[_key(entity, shown)].append(entity)
    grouped: dict[tuple[NodeKey, NodeKey, str], list[Triple]] = defaultdict(list)
    for triple in triples(shown):
        head, tail = _key(triple.head, shown), _key(triple.tail, shown)
        if head != tail:
            grouped[head, tail, triple.label].append(triple)
    degree: dict[NodeKey, int] = defaultdict(int)
    for head, tail, _ in grouped:
        degree[head] += 1
        degree[tail] += 1
    kept = set(sorted(mentions, key=lambda key: (-degree[key], mentions[key][0].start))[:limit])
    nodes = tuple(
        Node(key, _spelling(found, shown), tuple(found), degree[key]) for key, found in mentions.items() if key in kept
    )
    edges = tuple(
        Edge(head, tail, label, _best(found), tuple(found))
        for (head, tail, label), found in grouped.items()
        if head in kept and tail in kept
    )
    colors = {label.name: label.color for label in shown.schema.entity_labels}
    return Graph(
        nodes, edges, len(mentions) - len(kept), colors, {r.name: r.color for r in shown.schema.relation_labels}
    )


def network(graph: Graph, dark: bool = False, height: str = "100%") -> Network:
    """`graph` as a pyvis network: directed, so that parallel edges stay apart; physics settles, then stops."""
    net = Network(height=height, width="100%", directed=True, notebook=False, cdn_resources="in_line")
    page = palette.PAGE[dark]
    text = palette.TEXT[dark]
    net.bgcolor, net.font_color = page, text
    ids = {node.key: number for number, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        color = graph.colors.get(node.key[1], 0)
        net.add_node(
            ids[node.key],
            label=_clip(node.text, 28),
            title=f"{node.text}\n{node.key[1]}, {_count(len(node.mentions), 'mention')}",
            shape="dot",
            size=9 + 2.5 * min(node.degree, 6),
            color={"background": palette.fill(color, dark), "border": palette.line(color, dark)},
            borderWidth=2,
            font={"color": text, "size": 15, "strokeWidth": 4, "strokeColor": page},
        )
    for edge in graph.edges:
        color = graph.relation_colors.get(edge.label, 0)
        net.add_edge(
            ids[edge.head],
            ids[edge.tail],
            label=_clip(edge.label, 28),
            title=_edge_title(edge),
            width=0.5 + 2.2 * (1.0 if edge.score is None else edge.score),
            color=palette.line(color, dark),
            font={"color": text, "size": 12, "strokeWidth": 4, "strokeColor": page},
        )
    return net


def offline_html(graph: Graph, title: str, dark: bool = False) -> str:
    """A page of its own that draws `graph` and asks no host for anything."""
    net = network(graph, dark, height="100vh")
    net.set_options(OPTIONS)
    page = net.generate_html(notebook=False)
    # pyvis links Bootstrap from a CDN in every mode (pyvis issues 228, 229); nothing on the page needs it
    page = re.sub(r"<!--[^>]*node_modules.*?-->", "", page, flags=re.DOTALL)
    page = re.sub(r"<link[^>]*(?:jsdelivr|cdnjs)[^>]*/?>", "", page)
    page = re.sub(r"<script[^>]*(?:jsdelivr|cdnjs)[^>]*>\s*</script>", "", page)
    rules = "body{margin:0}.card{border:0!important}center{display:none}"
    style = f"<style>{rules}div.vis-tooltip{{white-space:pre-line;max-width:32em}}</style>"
    head = f'<title>{_escape(title)}</title><meta http-equiv="Content-Security-Policy" content="{_POLICY}">{style}'
    settle = "network.once('stabilizationIterationsDone',function(){network.setOptions({physics:false})});"
    page = page.replace('<meta charset="utf-8">', f'<meta charset="utf-8">{head}', 1)
    return page.replace("drawGraph();", f"drawGraph();{settle}", 1)


_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"

OPTIONS = """{
  "layout": {"randomSeed": 7, "improvedLayout": true},
  "interaction": {"hover": true, "tooltipDelay": 120, "hideEdgesOnDrag": false},
  "edges": {"smooth": {"type": "dynamic"}, "arrows": {"to": {"enabled": true, "scaleFactor": 0.6}}},
  "physics": {"solver": "barnesHut", "stabilization": {"enabled": true, "iterations": 300, "fit": true},
              "barnesHut": {"gravitationalConstant": -2600, "centralGravity": 0.9, "springLength": 120,
                            "springConstant": 0.04, "avoidOverlap": 0.4}}
}"""
"""vis-network's options, for the download and for the pane: it settles once and stays."""


def _key(entity: Entity, shown: Shown) -> NodeKey:
    return " ".join(entity.text(shown.document).casefold().split()), entity.label


def _spelling(mentions: list[Entity], shown: Shown) -> str:
    texts = [" ".join(entity.text(shown.document).split()) for entity in mentions]
    return max(texts, key=texts.count)


def _best(found: list[Triple]) -> float | None:
    scores = [triple.score for triple in found]
    return None if None in scores else max(score for score in scores if score is not None)


def _edge_title(edge: Edge) -> str:
    score = "decided" if edge.score is None else f"{edge.score:.2f}"
    first = edge.triples[0]
    return f"{first.head_text} → {edge.label} → {first.tail_text} ({score})\n{first.evidence}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
