"""The graph of a project: what is merged, whose marks it shows, what a lens leaves of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from db import corpus, corpus_reading
from db.corpus import Lens, Source
from db.store import Store
from db.values import State
from relex_core.editing import Accept, AddEntity, AddRelation, RemoveEntity, apply, begin
from relex_core.types import Document, Entity, Extraction, Relation, RelationLabel, Schema, Thresholds

SCHEMA = Schema.of(
    ["person", "place"],
    [
        RelationLabel("lives in", head_types=("person",), tail_types=("place",)),
        RelationLabel("spouse", symmetric=True, color=1),
        RelationLabel("home of", inverse="lives in", color=2),
    ],
)
MODEL = "m@1"


def found(id: str, text: str, marks: list[tuple[str, str, float]], edges: list[tuple[int, int, str, float]]):  # type: ignore[no-untyped-def]
    entities = [Entity.suggested(text.index(t), text.index(t) + len(t), label, score) for t, label, score in marks]
    relations = [Relation(entities[h].id, entities[t].id, label, score) for h, t, label, score in edges]
    return Extraction(Document(id, text), SCHEMA, tuple(entities), tuple(relations), MODEL)


@pytest.fixture
def store(store: Store) -> Store:
    store.create_project("p", SCHEMA)
    extractions = [
        found(
            "a",
            "Ada Byron lives in  LONDON with Bo.",
            [("Ada Byron", "person", 0.9), ("LONDON", "place", 0.8), ("Bo", "person", 0.7)],
            [(0, 1, "lives in", 0.9), (2, 0, "spouse", 0.8)],
        ),
        found(
            "b",
            "ada\nbyron, London, Bo, Rome.",
            [("ada\nbyron", "person", 0.6), ("London", "place", 0.5), ("Bo", "person", 0.9), ("Rome", "place", 0.2)],
            [(1, 0, "home of", 0.7), (0, 2, "spouse", 0.6)],
        ),
    ]
    store.add_documents("p", [e.document for e in extractions])
    for extraction in extractions:
        store.save_extraction("p", extraction)
    return store


def read(store: Store, source: Source = Source.BOTH, thresholds: Thresholds | None = None) -> corpus.Corpus:
    return corpus_reading.read(store, "p", source, thresholds or Thresholds(), MODEL)


def test_names_are_merged_and_relations_say_it_one_way(store: Store) -> None:
    graph = read(store)
    assert {node.key: len(node.mentions) for node in graph.nodes} == {
        ("ada byron", "person"): 2,
        ("london", "place"): 2,
        ("bo", "person"): 2,
    }
    edges = {(e.head[0], e.label, e.tail[0]): e for e in graph.edges}
    assert set(edges) == {("ada byron", "lives in", "london"), ("ada byron", "spouse", "bo")}
    lives = edges["ada byron", "lives in", "london"]
    assert [(found.document, found.score) for found in lives.evidence] == [("a", 0.9), ("b", 0.7)]
    assert (lives.score, lives.documents, graph.documents) == (0.9, 2, 2)


def test_decisions_stand_for_suggestions_once_somebody_decided(store: Store) -> None:
    extraction = store.extraction("p", "a")
    assert extraction is not None
    ada, _, bo = extraction.entities
    decided = apply(begin(extraction), Accept((ada.id,)))
    decided = apply(decided, RemoveEntity(bo.id))
    store.save("p", decided, annotator="ada", state=State.IN_PROGRESS)
    # in progress: what is open is still suggested, what was turned down is gone
    assert {m.document for n in read(store).nodes if n.key[0] == "bo" for m in n.mentions} == {"b"}
    (node,) = [n for n in read(store).nodes if n.key[0] == "ada byron"]
    assert [m.score for m in node.mentions] == [None, 0.6]
    assert [n.key[0] for n in read(store, Source.CORRECTED).nodes] == ["ada byron"]
    assert len(read(store, Source.SUGGESTED).nodes) == 3
    # submitted: only what was decided
    store.set_state("p", "a", State.SUBMITTED, annotator="ada")
    assert {m.document for n in read(store).nodes if n.key[0] == "london" for m in n.mentions} == {"b"}
    assert read(store, Source.CORRECTED, Thresholds(0.9, 0.9)).documents == 1


def test_thresholds_and_hidden_labels_hold(store: Store) -> None:
    assert ("rome", "place") in {n.key for n in read(store, thresholds=Thresholds(0.1, 0.1)).nodes}
    assert all(len(n.mentions) == 1 for n in read(store, thresholds=Thresholds(0.65, 0.5)).nodes if n.key[0] != "bo")
    before = corpus_reading.stamp(store, "p")
    store.save_schema("p", Schema.of(["person"], [RelationLabel("spouse", symmetric=True, color=1)]))
    assert corpus_reading.stamp(store, "p") != before
    assert {n.label for n in read(store).nodes} == {"person"}


def test_every_decision_changes_the_stamp(store: Store) -> None:
    seen = {corpus_reading.stamp(store, "p")}
    annotation = begin(found("a", "Ada Byron lives in  LONDON with Bo.", [], []))
    annotation = apply(annotation, AddEntity("x", 0, 3, "person"))
    store.save("p", annotation, annotator="ada")
    seen.add(corpus_reading.stamp(store, "p"))
    store.save("p", apply(annotation, AddEntity("y", 4, 9, "person")), annotator="eva")
    seen.add(corpus_reading.stamp(store, "p"))
    assert len(seen) == 3


def chain(length: int) -> corpus.Corpus:
    """n0 - n1 - n2 ..., each edge scored lower than the one before."""
    names = [f"n{n}" for n in range(length)]
    nodes = tuple(corpus.Node((n, "person"), n, (corpus.Mention("d", 0, 2, 0.9),)) for n in names)
    edges = tuple(
        corpus.Edge((a, "person"), (b, "person"), "spouse", (corpus.Evidence("d", (0, 2), (3, 5), 0.9 - 0.1 * at),))
        for at, (a, b) in enumerate(pairwise(names))
    )
    return corpus.Corpus(SCHEMA, nodes, edges, 1)


def names(view: corpus.View) -> set[str]:
    return {node.text for node in view.nodes}


def test_lenses() -> None:
    graph = chain(6)
    assert names(corpus.narrow(graph, Lens(around=("n2", "person"), hops=1))) == {"n1", "n2", "n3"}
    assert names(corpus.narrow(graph, Lens(around=("n0", "person"), hops=2))) == {"n0", "n1", "n2"}
    assert names(corpus.narrow(graph, Lens(min_degree=2))) == {"n1", "n2", "n3", "n4"}
    scored = corpus.narrow(graph, Lens(min_score=0.75))
    assert len(scored.edges) == 2
    assert scored.degree["n5", "person"] == 0
    assert names(corpus.narrow(graph, Lens(min_score=0.95))) == set()
    assert corpus.narrow(graph, Lens(entities=("place",))).nodes == ()
    assert corpus.narrow(graph, Lens(relations=("lives in",))).edges == ()
    few = corpus.narrow(graph, Lens(limit=2))
    assert (len(few.nodes), few.left_out, names(few)) == (2, 4, {"n1", "n2"})


def test_a_decided_relation_passes_every_score(store: Store) -> None:
    extraction = store.extraction("p", "b")
    assert extraction is not None
    ada, _, bo, _ = extraction.entities
    store.save("p", apply(begin(extraction), AddRelation(bo.id, ada.id, "spouse")), annotator="ada", state="submitted")
    view = corpus.narrow(read(store, Source.CORRECTED), Lens(min_score=1.0))
    assert [(e.label, e.score) for e in view.edges] == [("spouse", None)]
