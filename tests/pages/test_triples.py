"""What is on the screen, as values: triples, evidence, CSV, and the merged graph with its offline page."""

from __future__ import annotations

import csv
import io
import re

import pytest

from db.formats import csv_files
from db.naming import Names
from pages.shared import triples
from pages.shared.widgets.graph import merge, network, offline_html
from relex_core.editing import Accept, RemoveRelation, apply, begin
from relex_core.types import Document, Entity, Extraction, Relation, Schema, Thresholds

TEXT = "Ada met Bob. Later ADA wrote to Bob in London.\nBob did not answer."


def at(word: str, label: str, score: float, nth: int = 0) -> Entity:
    start = [match.start() for match in re.finditer(re.escape(word), TEXT)][nth]
    return Entity.suggested(start, start + len(word), label, score)


@pytest.fixture
def extraction() -> Extraction:
    ada, bob, ada2, bob2 = (
        at("Ada", "person", 0.9),
        at("Bob", "person", 0.8),
        at("ADA", "person", 0.7),
        at("Bob", "person", 0.6, 1),
    )
    london, weak = at("London", "place", 0.5), at("answer", "place", 0.2)
    relations = (
        Relation(ada.id, bob.id, "met", 0.9),
        Relation(ada2.id, bob2.id, "met", 0.6),
        Relation(bob2.id, london.id, "in", 0.55),
        Relation(bob.id, london.id, "in", 0.2),
    )
    entities = tuple(sorted((ada, bob, ada2, bob2, london, weak), key=lambda e: e.start))
    return Extraction(
        Document.from_text(TEXT, source="=letters"),
        Schema.of(["person", "place"], ["met", "in"]),
        entities,
        relations,
        "m@1",
    )


def test_hidden_counts_what_the_threshold_hides(extraction: Extraction) -> None:
    shown = triples.of_extraction(extraction, Thresholds())
    assert (len(shown.entities), len(shown.relations), shown.hidden) == (5, 3, 2)
    assert triples.of_extraction(extraction, Thresholds(0.1, 0.1)).hidden == 0


def test_triples_come_best_first_with_their_sentences(extraction: Extraction) -> None:
    found = triples.triples(triples.of_extraction(extraction, Thresholds()))
    assert [(t.head_text, t.label, t.tail_text, t.score) for t in found] == [
        ("Ada", "met", "Bob", 0.9),
        ("ADA", "met", "Bob", 0.6),
        ("Bob", "in", "London", 0.55),
    ]
    assert found[0].evidence == "Ada met Bob."
    assert found[2].evidence == "Later ADA wrote to Bob in London."


def test_decisions_come_first_and_rejected_ones_are_gone(extraction: Extraction) -> None:
    first, _, third, _ = extraction.relations
    annotation = apply(begin(extraction), Accept(relations=(third.key,)))
    annotation = apply(annotation, RemoveRelation(*first.key))
    found = triples.triples(triples.of_annotation(annotation, Thresholds()))
    assert [(t.head_text, t.score) for t in found] == [("Bob", None), ("ADA", 0.6)]


def test_evidence_of_a_text_without_sentences_stays_near_the_mentions() -> None:
    text = "word " * 5000
    found = triples.evidence(text, triples.sentence_starts(text), Entity("a", 10_000, 10_004, "x"))
    assert len(found) <= triples.MAX_EVIDENCE + 4


def test_cells_are_never_formulas(extraction: Extraction) -> None:
    rows = list(csv.reader(io.StringIO(triples.to_csv([triples.of_extraction(extraction, Thresholds())]))))
    assert rows[0][:5] == ["document", "head", "head type", "relation", "tail"]
    assert rows[1][0] == "'=letters"
    assert rows[1][6:11] == ["0.9000", "0", "3", "8", "11"]


@pytest.mark.parametrize("cell", ["+1", " @a", "\tx", "-2", "\u00a0=1", " ＝1", "|x", "\nx"])
def test_one_rule_for_formulas_holds_for_every_table(cell: str) -> None:
    document = Document("d", cell, cell)
    found = Entity("a", 0, len(cell), "x")
    shown = triples.Shown(document, Schema.of(["x"], ["r"]), (found,), (Relation("a", "a", "r", 0.5),))
    row = list(csv.reader(io.StringIO(triples.to_csv([shown]), newline="")))[1]
    assert row[:2] == [f"'{cell}"] * 2
    assert csv_files.neutral(cell) == f"'{cell}"
    assert csv_files.plain(csv_files.neutral(cell)) == cell
    assert csv_files.neutral("a=b") == "a=b"


def test_mentions_merge_by_surface_form_and_type(extraction: Extraction) -> None:
    graph = merge(triples.of_extraction(extraction, Thresholds()))
    assert [(node.text, len(node.mentions), node.degree) for node in graph.nodes] == [
        ("Ada", 2, 1),
        ("Bob", 2, 2),
        ("London", 1, 1),
    ]
    met, located = graph.edges
    assert (met.label, met.score, len(met.triples)) == ("met", 0.9, 2)
    assert located.label == "in"


def test_names_that_people_joined_are_one_node_that_names_the_others(extraction: Extraction) -> None:
    shown = triples.of_extraction(extraction, Thresholds())
    bob = ("robert", "person")
    names = Names({("bob", "person"): "Robert", bob: "Robert", ("london", "place"): "LONDON"})
    graph = merge(shown, names=names)
    assert [(node.text, node.others) for node in graph.nodes] == [("Ada", ()), ("Robert", ("Bob",)), ("LONDON", ())]
    assert {(edge.head, edge.tail) for edge in graph.edges} == {(("ada", "person"), bob), (bob, ("london", "place"))}
    assert [dot.title for dot in graph.picture.dots][1] == "Robert\nperson, 2 mentions\nalso Bob"
    one = merge(shown, names=Names({("bob", "person"): "Ada", ("ada", "person"): "Ada"}))
    assert (one.nodes[0].text, len(one.nodes[0].mentions), one.nodes[0].others) == ("Ada", 4, ("Bob",))
    assert [edge.label for edge in one.edges] == ["in"], "no line leads from a node to itself"


def test_a_large_graph_keeps_its_hubs(extraction: Extraction) -> None:
    graph = merge(triples.of_extraction(extraction, Thresholds()), limit=2)
    assert graph.left_out == 1
    assert "Bob" in [node.text for node in graph.nodes]
    assert len(graph.edges) == 1


def test_parallel_edges_stay_apart_and_widths_follow_scores(extraction: Extraction) -> None:
    net = network(merge(triples.of_extraction(extraction, Thresholds())).picture)
    assert net.directed
    assert len(net.edges) == 2
    assert net.edges[0]["width"] > net.edges[1]["width"]
    assert "Ada met Bob." in net.edges[0]["title"]


def test_the_page_asks_no_host_and_runs_no_text() -> None:
    text = "<script>alert(1)</script> met </script><b>."
    document = Document.from_text(text)
    entities = (Entity.suggested(0, 25, "<img src=x>", 0.9), Entity.suggested(30, 42, "<img src=x>", 0.9))
    schema = Schema.of(["<img src=x>"], ["</script>"])
    relations = (Relation(entities[0].id, entities[1].id, "</script>", 0.9),)
    shown = triples.of_extraction(Extraction(document, schema, entities, relations, "m"), Thresholds())
    page = offline_html(merge(shown).picture, title=text)
    assert "<script>alert" not in page
    assert "<img src=x>" not in page
    assert not re.search(r"<(?:script|link)[^>]+(?:src|href)\s*=", page)
    assert "default-src 'none'" in page
    assert page.count("</script>") == 3  # utilities, vis-network, the drawing
