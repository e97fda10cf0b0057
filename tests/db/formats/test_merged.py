"""Files of a merged graph, read by the tools that they are for."""

from __future__ import annotations

import csv
from pathlib import Path

import networkx as nx
import rdflib

from db.corpus import Edge, Evidence, Mention, Node, View
from db.formats import merged
from relex_core.types import Schema

ADA, ROME = ("=ada <b>", "person"), ("rome & co", "place")
VIEW = View(
    Schema.of(["person", "place"], ["lives in"]),
    (
        Node(ADA, '=Ada <b>"', (Mention("d1", 0, 3), Mention("-d2", 4, 7, 0.5))),
        Node(ROME, "Rome & Co\x0b", (Mention("d1", 9, 12, 0.75),)),
    ),
    (Edge(ADA, ROME, "lives in", (Evidence("d1", (0, 3), (9, 12), 0.25), Evidence("-d2", (4, 7), (8, 9), 0.5))),),
    {ADA: 1, ROME: 1},
)


def test_a_spreadsheet_gets_no_formula(tmp_path: Path) -> None:
    merged.write_csv(VIEW, tmp_path / "t.csv", lambda found: f"=SUM({found.head[0]})")
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["score"] for row in rows] == ["0.2500", "0.5000"]
    assert rows[0]["head"] == "'=Ada <b>\""
    assert [row["document"] for row in rows] == ["d1", "'-d2"]
    assert [row["evidence"] for row in rows] == ["'=SUM(0)", "'=SUM(4)"]


def test_networkx_reads_the_graphml(tmp_path: Path) -> None:
    merged.write_graphml(VIEW, tmp_path / "g.graphml")
    graph = nx.read_graphml(tmp_path / "g.graphml")
    assert graph.nodes["n0"] == {"name": '=Ada <b>"', "label": "person", "others": "", "mentions": 2, "documents": 2}
    assert graph.edges["n0", "n1"] == {"relation": "lives in", "evidence": 2, "sources": 2, "score": 0.5}


def test_both_syntaxes_say_the_same(tmp_path: Path) -> None:
    merged.write_jsonld(VIEW, tmp_path / "g.jsonld")
    merged.write_turtle(VIEW, tmp_path / "g.ttl")
    one, other = rdflib.Graph(), rdflib.Graph()
    one.parse(data=(tmp_path / "g.jsonld").read_text(), format="json-ld")
    other.parse(data=(tmp_path / "g.ttl").read_text(), format="turtle")
    assert set(one) == set(other)
    relex = rdflib.Namespace("urn:relex:vocabulary:")
    (statement,) = one.subjects(rdflib.RDF.type, relex.Statement)
    head, tail = one.value(statement, relex.head), one.value(statement, relex.tail)
    assert (head, one.value(statement, relex.label), tail) in one
    assert str(one.value(head, rdflib.RDFS.label)) == '=Ada <b>"'
    assert len(set(one.objects(statement, rdflib.DCTERMS.source))) == 2
