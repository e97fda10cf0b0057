"""Turtle and JSON-LD that are read piece by piece say what they say as a whole."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import rdflib
from rdflib.compare import isomorphic

from db.formats import FORMATS, rdf_graph
from relex_core.errors import FormatError

LINES = (
    '@prefix ex: <http://example.org/a.b#> . # a comment . with a "quote',
    "PREFIX other: <http://example.org/>",
    "ex:a ex:b 1.5, .5, 1 .",
    r"ex:a.b ex:c ex:d.ex:d ; ex:e 'it\'s . '.",
    'ex:f ex:text """a . long',
    r""""one" . ""two"" \""" .""",
    r'''""" , "" , '' , """""", "a\\" .''',
    "ex:g ex:text '''x . ' '' y",
    ".''' .",
    '_:one ex:knows [ ex:name "x." ; ex:list ( 1 2.0 "3 ." ) ] .',
    r'_:two ex:knows _:one ; ex:dot ex:en\.d , "y"@en.',
    "[] ex:p <http://example.org/#frag.> .ex:z a ex:Z.",
    "@base <http://example.org/base/> .",
    '<rel> ex:q "last"^^ex:type.',
)
TURTLE = "\n".join(LINES)


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 16])
def test_turtle_is_cut_between_statements_alone(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rdf_graph, "PIECE", size)
    pieces = list(rdf_graph.statements(io.StringIO(TURTLE)))
    assert "".join(pieces) == TURTLE
    assert len(pieces) > 5 or size > 64
    path = tmp_path / "x.ttl"
    path.write_text(TURTLE, "utf-8")
    with rdf_graph.graph_of(path, "turtle") as (graph, _):
        assert len(graph) == 24
        assert isomorphic(graph, rdflib.Graph().parse(data=TURTLE, format="turtle"))


def test_a_statement_without_an_end_is_refused_before_memory_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rdf_graph, "MAX_LINE", 100_000)
    with pytest.raises(FormatError, match="statements of at most 100,000"):
        list(rdf_graph.statements(io.StringIO('<a> <b> """' + "x . " * 200_000)))


CONTEXT = {"ex": "http://example.org/"}
NODES: list[Any] = [
    {"@id": "_:x", "ex:name": "Ada", "ex:age": 36, "ex:height": 1.5},
    {"@id": "ex:b", "ex:knows": {"@id": "_:x"}},
    {"@id": "ex:c", "ex:knows": [{"ex:name": "nameless"}, {"@id": "ex:b"}]},
]


@pytest.mark.parametrize(
    "data",
    [
        {"@context": CONTEXT, "@graph": NODES},
        {"@graph": NODES, "@context": CONTEXT},
        [{"@context": CONTEXT, **node} for node in NODES],
        {"@context": CONTEXT, "@graph": NODES[0]},
        {"@context": CONTEXT, **NODES[2]},
        {"@context": CONTEXT, "@graph": []},
    ],
)
def test_json_ld_in_all_its_shapes(data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rdf_graph, "BATCH", 1)
    path = tmp_path / "x.jsonld"
    path.write_text("\ufeff" + json.dumps(data), "utf-8")
    with rdf_graph.graph_of(path, "json-ld") as (graph, _):
        assert isomorphic(graph, rdflib.Graph().parse(data=json.dumps(data), format="json-ld"))


@pytest.mark.parametrize("where", ["first", "last", "node"])
def test_a_context_elsewhere_is_never_fetched(where: str, tmp_path: Path) -> None:
    address = {"@context": "http://127.0.0.1:9/context"}
    data: Any = {
        "first": {**address, "@graph": NODES},
        "last": {"@graph": NODES, **address},
        "node": {"@context": CONTEXT, "@graph": [*NODES, {**address, "@id": "ex:d"}]},
    }[where]
    path = tmp_path / "x.jsonld"
    path.write_text(json.dumps(data), "utf-8")
    read = FORMATS["jsonld"].read
    assert read
    (error,) = read(path, None)
    assert "holds its context itself" in str(error)
