"""Places of a project's graph: the same for the same graph, kept when it changes, names apart."""

from __future__ import annotations

import random

from db.corpus import Corpus, Edge, Evidence, Lens, Mention, Node, View, narrow
from pages.shared.corpus_layout import ROOM, arrange
from pages.shared.quoting import quoted
from pages.shared.triples import sentence_starts
from relex_core.types import Schema


def graph(nodes: int, edges: int, seed: int = 1) -> Corpus:
    chance = random.Random(seed)
    keys = [(f"name {n}", "person") for n in range(nodes)]
    pairs = {tuple(chance.sample(range(nodes), 2)) for _ in range(edges)}
    return Corpus(
        Schema.of(["person"], ["knows"]),
        tuple(Node(key, key[0], (Mention("d", 0, 1),)) for key in keys),
        tuple(Edge(keys[a], keys[b], "knows", (Evidence("d", (0, 1), (2, 3)),)) for a, b in sorted(pairs)),
    )


def apart(view: View) -> bool:
    places = list(arrange(view, {}).values())
    return all(
        abs(a[0] - b[0]) > 0.8 * ROOM[0] or abs(a[1] - b[1]) > 0.8 * ROOM[1]
        for at, a in enumerate(places)
        for b in places[:at]
    )


def test_the_same_graph_gets_the_same_places() -> None:
    view = narrow(graph(40, 50), Lens())
    assert arrange(view, {}) == arrange(narrow(graph(40, 50), Lens()), {})
    assert len(set(arrange(view, {}).values())) == 40


def test_what_stands_stays_when_more_comes_and_some_goes() -> None:
    corpus = graph(60, 80)
    first = arrange(narrow(corpus, Lens(limit=30)), {})
    more = arrange(narrow(corpus, Lens(limit=60)), first)
    assert {key: more[key] for key in first} == first
    assert len(set(more.values())) == 60
    fewer = arrange(narrow(corpus, Lens(min_degree=3)), more)
    assert all(more[key] == place for key, place in fewer.items())


def test_no_name_stands_on_another() -> None:
    assert apart(narrow(graph(30, 25), Lens()))
    assert apart(narrow(graph(12, 40), Lens()))
    assert arrange(View(Schema()), {}) == {}


def test_small_parts_are_trees_to_both_sides_with_a_line_to_each_name() -> None:
    def tied(*pairs: tuple[int, int]) -> dict[str, tuple[float, float]]:
        corpus = graph(1 + max(map(max, pairs)), 0)
        keys = [node.key for node in corpus.nodes]
        edges = tuple(Edge(keys[a], keys[b], "knows", (Evidence("d", (0, 1), (2, 3)),)) for a, b in pairs)
        found = arrange(narrow(Corpus(corpus.schema, corpus.nodes, edges), Lens()), {})
        return {key[0].removeprefix("name "): place for key, place in found.items()}

    row = tied((0, 1), (1, 2))
    assert row["0"][1] == row["2"][1] > row["1"][1], "names of neighbours pass below each other"
    assert row["1"][0] not in (min(x for x, _ in row.values()), max(x for x, _ in row.values())), "the middle one"
    star = tied(*((0, n) for n in range(1, 9)))
    assert sum(x > star["0"][0] for x, _ in star.values()) == sum(x < star["0"][0] for x, _ in star.values()) == 4
    deep = tied((0, 1), (0, 2), (0, 3), (3, 4), (3, 5), (5, 6), (6, 4))
    assert len({(x, y) for x, y in deep.values()}) == 7
    for at, a in enumerate(deep.values()):
        assert all(abs(a[0] - b[0]) >= ROOM[0] or abs(a[1] - b[1]) >= 0.8 * ROOM[1] for b in list(deep.values())[:at])


def test_a_quotation_has_its_marks_and_no_more_than_its_sentence() -> None:
    text = "Before. Ada <b> met\nBo here. After."
    parts = quoted(text, sentence_starts(text), [(20, 22, 3), (8, 11, 1)])
    assert ("Ada", 1) in parts
    assert ("Bo", 3) in parts
    assert "Before" not in "".join(piece for piece, _ in parts)
    long = "x" * 5000 + " Ada " + "y" * 5000
    parts = quoted(long, sentence_starts(long), [(5001, 5004, 0)])
    assert sum(len(piece) for piece, _ in parts) < 400
