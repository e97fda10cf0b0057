"""Where the nodes of a project's graph stand: the same graph gets the same places, and a node keeps its own.

Each connected part is laid out by itself: a small one as a tree to both sides of the node with most neighbours, so that
names have a line of their own and labels room between them; a larger one by ForceAtlas2, from networkx, after which
names are pushed off each other. The parts stand in rows, the largest first. Nodes that join a picture later come beside
their neighbours.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from db.corpus import Key, View

Place = tuple[float, float]
Floats = NDArray[np.float64]

ROOM = (120.0, 70.0)
"""Width and height that a circle with its name wants, in the units of the picture."""

WIDE = 1.25
"""How much wider than high a picture is."""

GAP, LEADING = 50.0, 30.0
"""Between parts that stand side by side, and between rows of them."""

MOST_ROWS = 60
"""Rows that are tried."""

STEP = (190.0, 62.0)
"""From column to column and from line to line of a small part."""

STAGGER = 42.0
"""How much lower every second column stands, so that long names pass below each other."""

SMALL = 12
"""Nodes that a part drawn as a tree may have."""


def arrange(view: View, known: Mapping[Key, Place]) -> dict[Key, Place]:
    """A place for each node of `view`. Those in `known` stay where they were."""
    nodes = [node.key for node in view.nodes]
    places = {key: known[key] for key in nodes if key in known}
    if len(places) == len(nodes):
        return places
    graph: nx.Graph[Key] = nx.Graph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from((edge.head, edge.tail) for edge in view.edges)
    if places:
        _join(graph, places, nodes)
        return places
    order = {key: at for at, key in enumerate(nodes)}
    parts = sorted(nx.connected_components(graph), key=lambda part: (-len(part), min(order[key] for key in part)))
    return _rows([_part(graph, sorted(part, key=order.__getitem__)) for part in parts])


def _part(graph: nx.Graph[Key], keys: Sequence[Key]) -> dict[Key, Place]:
    """One connected part around the middle."""
    if len(keys) == 1:
        return {keys[0]: (0.0, 0.0)}
    # only the order in which nodes are given decides, not that of a hash table
    ordered: nx.Graph[Key] = nx.Graph()
    ordered.add_nodes_from(keys)
    ordered.add_edges_from((a, b) for a, b in graph.subgraph(keys).edges)
    if len(keys) <= SMALL and ordered.number_of_edges() <= len(keys):
        return _tree(ordered, keys)
    # a sunflower, so that nothing is left to chance
    first = {key: math.sqrt(at) * np.array((math.cos(2.4 * at), math.sin(2.4 * at))) for at, key in enumerate(keys)}
    found = nx.forceatlas2_layout(
        ordered,
        pos=first,
        max_iter=120 if len(keys) < 400 else 60,
        seed=7,
        scaling_ratio=4.0,
        gravity=1.0,
        linlog=False,
    )
    points = np.array([found[key] for key in keys], float)
    points -= points.mean(axis=0)
    spread = np.abs(points).max(axis=0) + 1e-9
    # as much room as all names need, in the shape of the pane
    height = math.sqrt(len(keys) * ROOM[0] * ROOM[1] * 1.5 / WIDE)
    points *= np.array([height * WIDE, height]) / (2 * spread)
    points = _apart(points, np.ones(len(keys), bool))
    return {key: (float(x), float(y)) for key, (x, y) in zip(keys, points, strict=True)}


def _tree(graph: nx.Graph[Key], keys: Sequence[Key]) -> dict[Key, Place]:
    """A part that is a tree, or has one line more: the root in the middle, its branches to both sides."""
    order = {key: at for at, key in enumerate(keys)}
    root = max(keys, key=lambda key: (graph.degree(key), -order[key]))
    tree = nx.bfs_tree(graph, root, sort_neighbors=lambda near: sorted(near, key=order.__getitem__))
    leaves = {key: sum(not tree.out_degree(other) for other in nx.descendants(tree, key)) or 1 for key in keys}
    sides: tuple[list[Key], list[Key]] = ([], [])
    for branch in sorted(tree.successors(root), key=lambda key: -leaves[key]):
        min(sides, key=lambda side: sum(leaves[key] for key in side)).append(branch)
    places: dict[Key, Place] = {root: (0.0, 0.0)}
    for way, side in zip((1.0, -1.0), sides, strict=True):
        line = -(sum(leaves[key] for key in side) - 1) / 2
        waiting = [(key, 1, line + sum(leaves[other] for other in side[:at])) for at, key in enumerate(side)]
        for key, column, first in waiting:
            line_of = first + (leaves[key] - 1) / 2
            places[key] = way * column * STEP[0], line_of * STEP[1] + STAGGER * (column % 2)
            for child in tree.successors(key):
                waiting.append((child, column + 1, first))
                first += leaves[child]
    return places


def _apart(points: Floats, free: NDArray[np.bool_]) -> Floats:
    """Push boxes of the size `ROOM` off each other, on the way that is shorter; only `free` ones move."""
    points = points.copy()
    for _ in range(80):
        step = points[:, None, :] - points[None, :, :]
        short = np.array(ROOM) - np.abs(step)
        touch = (short[..., 0] > 0) & (short[..., 1] > 0) & ~np.eye(len(points), dtype=bool)
        if not touch.any():
            break
        side = np.where(
            step == 0, np.sign(np.arange(len(points))[:, None] - np.arange(len(points)))[..., None], np.sign(step)
        )
        by_width = short[..., 0] / ROOM[0] < short[..., 1] / ROOM[1]
        push = np.where(np.stack((by_width, ~by_width), axis=2), short * side, 0.0)
        moved = np.where(touch[..., None], push, 0.0).sum(axis=1) / np.maximum(touch.sum(axis=1), 1)[:, None]
        points += np.where(free[:, None], 0.55 * moved, 0.0)
    return points


def _rows(parts: Sequence[Mapping[Key, Place]]) -> dict[Key, Place]:
    """Parts in rows below each other, in as many as let the whole be drawn largest."""
    boxes = [_box(part.values()) for part in parts]
    widths = [right - left + GAP for left, _, right, _ in boxes]
    best: tuple[float, list[Place]] | None = None
    # as wide as so many equal rows would be: some dozens of tries find the place, however many parts there are
    for rows in range(1, min(len(parts), MOST_ROWS) + 1):
        corners, width, height = _packed(boxes, max(max(widths), sum(widths) / rows))
        size = max(width / WIDE, height)
        if best is None or size < best[0]:
            best = size, corners
    places: dict[Key, Place] = {}
    for part, (left, top, *_), (x, y) in zip(parts, boxes, best[1] if best else [], strict=True):
        places |= {key: (a - left + x, b - top + y) for key, (a, b) in part.items()}
    return places


def _packed(boxes: Sequence[tuple[float, float, float, float]], limit: float) -> tuple[list[Place], float, float]:
    """The upper left corner of each box in rows of at most `limit`, and the width and height of all."""
    corners: list[Place] = []
    x = y = row = width = 0.0
    for left, top, right, bottom in boxes:
        if x and x + right - left + GAP > limit + 1e-6:
            x, y, row = 0.0, y + row + LEADING, 0.0
        corners.append((x, y))
        x, row = x + right - left + GAP, max(row, bottom - top)
        width = max(width, x)
    return corners, width, y + row


def _box(places: Iterable[Place]) -> tuple[float, float, float, float]:
    points = np.array(list(places))
    half = np.array(ROOM) / 2
    (left, top), (right, bottom) = points.min(axis=0) - half, points.max(axis=0) + half
    return float(left), float(top), float(right), float(bottom)


def _join(graph: nx.Graph[Key], places: dict[Key, Place], nodes: Sequence[Key]) -> None:
    """Add the nodes that have no place yet: beside neighbours that have one, the others below the picture."""
    old = set(places)
    waiting = [key for key in nodes if key not in places]
    while waiting:
        near = [key for key in waiting if any(other in places for other in graph[key])]
        for key in near or waiting[:1]:
            beside = [places[other] for other in graph[key] if other in places]
            if beside:
                angle = _share(key) * 2 * math.pi
                middle = np.mean(beside, axis=0)
                reach = ROOM[0] * (1.0 if len(beside) == 1 else 0.5)
                places[key] = float(middle[0] + reach * math.cos(angle)), float(middle[1] + reach * math.sin(angle))
            else:
                left, _, _, bottom = _box(places.values())
                places[key] = left + ROOM[0] / 2, bottom + ROOM[1]
        waiting = [key for key in waiting if key not in places]
    keys = list(places)
    free = np.array([key not in old for key in keys])
    for key, (x, y) in zip(keys, _apart(np.array([places[key] for key in keys]), free), strict=True):
        places[key] = float(x), float(y)


def _share(key: Key) -> float:
    """A number in [0, 1) that is the same in every process."""
    return int.from_bytes(hashlib.sha256("\n".join(key).encode()).digest()[:4], "big") / 2**32
