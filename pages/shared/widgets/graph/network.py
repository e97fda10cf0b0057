"""Entities and relations as a graph: mentions merged by name and type, drawn by pyvis."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyvis.network import Network

from db.corpus import normal
from db.naming import Names
from pages.shared import palette
from pages.shared.triples import Shown, Triple, triples
from pages.shared.wording import counted
from relex_core.types import Entity

MAX_NODES = 300
"""Most nodes that stay readable; those with most relations are kept."""

NodeKey = tuple[str, str]
"""Normalised name (`db.corpus.normal`), entity label."""

_NO_NAMES = Names()


@dataclass(frozen=True, slots=True)
class Node:
    """An entity of the text with all its mentions; `text` is the name under which people joined it to others, else the
    most frequent spelling. `others` are names in this text that are joined to it, the most frequent first."""

    key: NodeKey
    text: str
    mentions: tuple[Entity, ...]
    degree: int
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """All relations of one label between the same two nodes; `score` is the best, None if a person said so."""

    head: NodeKey
    tail: NodeKey
    label: str
    score: float | None
    triples: tuple[Triple, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """A node as it is drawn: larger by `degree`; `title` stands in its tooltip; without a `place` physics finds one."""

    key: NodeKey
    text: str
    title: str
    degree: int
    place: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """An edge as it is drawn: wider by `score`, None for a person's own."""

    head: NodeKey
    tail: NodeKey
    label: str
    title: str
    score: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """What pyvis is given, with the palette positions of entity and relation labels by name."""

    dots: tuple[Dot, ...] = ()
    lines: tuple[Line, ...] = ()
    colors: Mapping[str, int] = field(default_factory=dict)
    relation_colors: Mapping[str, int] = field(default_factory=dict)

    @property
    def arranged(self) -> bool:
        """Whether every node has its place already: then there is nothing for physics to do."""
        return bool(self.dots) and all(dot.place is not None for dot in self.dots)


@dataclass(frozen=True, slots=True)
class Graph:
    """What is drawn of one text, and how many nodes were left out."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    left_out: int = 0
    colors: dict[str, int] = field(default_factory=dict)
    relation_colors: dict[str, int] = field(default_factory=dict)

    @property
    def picture(self) -> Picture:
        dots = tuple(
            Dot(n.key, n.text, about(n.text, f"{n.key[1]}, {counted(len(n.mentions), 'mention')}", n.others), n.degree)
            for n in self.nodes
        )
        lines = tuple(Line(e.head, e.tail, e.label, _edge_title(e), e.score) for e in self.edges)
        return Picture(dots, lines, self.colors, self.relation_colors)


def merge(shown: Shown, limit: int = MAX_NODES, names: Names = _NO_NAMES) -> Graph:
    """The graph of what is shown, with those as one node that `names` joins; of more than `limit` nodes those with most
    relations."""

    def key(entity: Entity) -> NodeKey:
        return names.key((normal(entity.text(shown.document)), entity.label))

    mentions: dict[NodeKey, list[Entity]] = defaultdict(list)
    for entity in shown.entities:
        mentions[key(entity)].append(entity)
    grouped: dict[tuple[NodeKey, NodeKey, str], list[Triple]] = defaultdict(list)
    for triple in triples(shown):
        head, tail = key(triple.head), key(triple.tail)
        if head != tail:
            grouped[head, tail, triple.label].append(triple)
    degree: dict[NodeKey, int] = defaultdict(int)
    for head, tail, _ in grouped:
        degree[head] += 1
        degree[tail] += 1
    kept = set(sorted(mentions, key=lambda node: (-degree[node], mentions[node][0].start))[:limit])
    nodes = tuple(_node(key, found, degree[key], shown, names) for key, found in mentions.items() if key in kept)
    edges = tuple(
        Edge(head, tail, label, _best(found), tuple(found))
        for (head, tail, label), found in grouped.items()
        if head in kept and tail in kept
    )
    colors = {label.name: label.color for label in shown.schema.entity_labels}
    return Graph(
        nodes, edges, len(mentions) - len(kept), colors, {r.name: r.color for r in shown.schema.relation_labels}
    )


def network(picture: Picture, dark: bool = False, height: str = "100%") -> Network:
    """`picture` as a pyvis network: directed, so that parallel edges stay apart."""
    net = Network(height=height, width="100%", directed=True, notebook=False, cdn_resources="in_line")
    page = palette.PAGE[dark]
    text = palette.TEXT[dark]
    net.bgcolor = page  # a font colour of the network would take the place of each node's own font
    ids = {dot.key: number for number, dot in enumerate(picture.dots)}
    for dot in picture.dots:
        color = picture.colors.get(dot.key[1], 0)
        place = {} if dot.place is None else {"x": round(dot.place[0], 1), "y": round(dot.place[1], 1)}
        net.add_node(
            ids[dot.key],
            label=_clip(dot.text, 28),
            title=dot.title,
            shape="dot",
            size=9 + 2.5 * min(dot.degree, 6),
            color={"background": palette.fill(color, dark), "border": palette.line(color, dark)},
            borderWidth=2,
            # among many the names of those that hold them together are read first
            font={"color": text, "size": 15 + min(dot.degree // 4, 11), "strokeWidth": 4, "strokeColor": page},
            **place,
        )
    parallel: Counter[tuple[int, int]] = Counter()
    for line in picture.lines:
        color = picture.relation_colors.get(line.label, 0)
        low, high = sorted((ids[line.head], ids[line.tail]))
        # parallel edges fan out, so that each label stays readable
        bend = {"enabled": True, "type": "curvedCW" if ids[line.head] == low else "curvedCCW"}
        net.add_edge(
            ids[line.head],
            ids[line.tail],
            label=_clip(line.label, 28),
            title=line.title,
            width=0.5 + 2.2 * (1.0 if line.score is None else line.score),
            color=palette.line(color, dark),
            font={"color": text, "size": 12, "strokeWidth": 4, "strokeColor": page},
            smooth={**bend, "roundness": round(0.12 + 0.22 * parallel[low, high], 2)},
        )
        parallel[low, high] += 1
    return net


def offline_html(picture: Picture, title: str, dark: bool = False) -> str:
    """A page of its own that draws `picture` and asks no host for anything."""
    net = network(picture, dark, height="100vh")
    net.set_options(STILL if picture.arranged else OPTIONS)
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

STILL = """{
  "interaction": {"hover": true, "tooltipDelay": 120, "hideEdgesOnDrag": true},
  "edges": {"arrows": {"to": {"enabled": true, "scaleFactor": 0.6}}},
  "physics": {"enabled": false}
}"""
"""The same where every node has its place."""


def about(name: str, extent: str, others: Sequence[str]) -> str:
    """What the tooltip of a node says."""
    return "\n".join(filter(None, (name, extent, also(others))))


def also(others: Sequence[str]) -> str:
    """The first other names of a node in words, "" where it has none."""
    if not others:
        return ""
    more = f" and {len(others) - 3:,} more" if len(others) > 3 else ""
    return f"also {', '.join(others[:3])}{more}"


def _node(key: NodeKey, mentions: list[Entity], degree: int, shown: Shown, names: Names) -> Node:
    spellings = Counter(" ".join(entity.text(shown.document).split()) for entity in mentions)
    text, others = names.written(key, spellings)
    return Node(key, text, tuple(mentions), degree, others)


def _best(found: list[Triple]) -> float | None:
    scores = [triple.score for triple in found]
    return None if None in scores else max(score for score in scores if score is not None)


def _edge_title(edge: Edge) -> str:
    score = "decided" if edge.score is None else f"{edge.score:.2f}"
    first = edge.triples[0]
    return f"{first.head_text} → {edge.label} → {first.tail_text} ({score})\n{first.evidence}"


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
