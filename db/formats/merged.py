"""A project's merged graph as a file: CSV, GraphML, JSON-LD and Turtle.

Apart from the exchange formats, which hold documents: here a node is all mentions of a name, and an edge all places
that say a relation. Nothing of it is read back.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from db.corpus import Edge, Evidence, Key, View
from db.formats.csv_files import neutral
from db.formats.files import text_writer
from db.formats.property_graph import graphml_edge, graphml_node
from db.formats.rdf import label_iri, name_iri, node_iri, nodes_as_jsonld, nodes_as_turtle, typed
from relex_core.jsonl import Json

COLUMNS = (
    "head",
    "head_label",
    "relation",
    "tail",
    "tail_label",
    "score",
    "document",
    "head_start",
    "head_end",
    "tail_start",
    "tail_end",
    "evidence",
)

Sentence = Callable[[Evidence], str]
"""The sentence in which a relation is said."""


def write_csv(view: View, path: Path, sentence: Sentence) -> None:
    """One row for each place that says a relation. No cell is a formula; a relation that a person gave has no score."""
    names = _names(view)
    with text_writer(path) as file:
        rows = csv.writer(file, quoting=csv.QUOTE_ALL)
        rows.writerow(COLUMNS)
        for edge in view.edges:
            for found in edge.evidence:
                cells = (names[edge.head], edge.head[1], edge.label, names[edge.tail], edge.tail[1])
                score = "" if found.score is None else f"{found.score:.4f}"
                row = [*(neutral(cell) for cell in cells), score, neutral(found.document), *found.head, *found.tail]
                rows.writerow([*row, neutral(sentence(found))])


_GRAPHML_KEYS = (
    ("name", "node", "string"),
    ("label", "node", "string"),
    ("others", "node", "string"),
    ("mentions", "node", "int"),
    ("documents", "node", "int"),
    ("relation", "edge", "string"),
    ("evidence", "edge", "int"),
    ("sources", "edge", "int"),
    ("score", "edge", "double"),
)


def write_graphml(view: View, path: Path) -> None:
    """`sources` counts the documents of an edge; an edge that a person gave has no score. `others` are a node's other
    names."""
    ids = {node.key: f"n{at}" for at, node in enumerate(view.nodes)}
    with text_writer(path) as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n')
        for name, target, type in _GRAPHML_KEYS:
            file.write(f'<key id="{name}" for="{target}" attr.name="{name}" attr.type="{type}"/>\n')
        file.write('<graph edgedefault="directed">\n')
        for node in view.nodes:
            named = {"name": node.text, "label": node.label, "others": "; ".join(node.others)}
            counts = {"mentions": len(node.mentions), "documents": node.documents}
            file.write(graphml_node(ids[node.key], **named, **counts) + "\n")
        for edge in view.edges:
            score = {} if edge.score is None else {"score": edge.score}
            counts = {"evidence": len(edge.evidence), "sources": edge.documents}
            line = graphml_edge(ids[edge.head], ids[edge.tail], relation=edge.label, **counts, **score)
            file.write(line + "\n")
        file.write("</graph>\n</graphml>\n")


def write_jsonld(view: View, path: Path) -> None:
    nodes_as_jsonld(_statements(view), path)


def write_turtle(view: View, path: Path) -> None:
    nodes_as_turtle(_statements(view), path)


def _statements(view: View) -> Iterator[Json]:
    """A `relex:Name` for each node; for each edge the plain statement, and a `relex:Statement` with its evidence."""
    for name in dict.fromkeys(node.label for node in view.nodes):
        yield {"@id": label_iri("entity", name), "@type": "rdfs:Class", "rdfs:label": name}
    for name in dict.fromkeys(edge.label for edge in view.edges):
        yield {"@id": label_iri("relation", name), "@type": "rdf:Property", "rdfs:label": name}
    for node in view.nodes:
        documents = dict.fromkeys(mention.document for mention in node.mentions)
        yield {
            "@id": node_iri(node.key),
            "@type": "relex:Name",
            "rdfs:label": node.text,
            **({"skos:altLabel": list(node.others)} if node.others else {}),
            "relex:label": {"@id": label_iri("entity", node.label)},
            "relex:mentions": typed("integer", len(node.mentions)),
            "dcterms:source": [{"@id": name_iri("document", id)} for id in documents],
        }
    for edge in view.edges:
        yield {"@id": node_iri(edge.head), label_iri("relation", edge.label): {"@id": node_iri(edge.tail)}}
        yield _statement(edge)


def _statement(edge: Edge) -> Json:
    documents = dict.fromkeys(found.document for found in edge.evidence)
    said: Json = {
        "@id": name_iri("statement", "\n".join((*edge.head, edge.label, *edge.tail))),
        "@type": "relex:Statement",
        "relex:head": {"@id": node_iri(edge.head)},
        "relex:label": {"@id": label_iri("relation", edge.label)},
        "relex:tail": {"@id": node_iri(edge.tail)},
        "relex:evidence": typed("integer", len(edge.evidence)),
        "dcterms:source": [{"@id": name_iri("document", id)} for id in documents],
    }
    if edge.score is None:
        return said | {"relex:decision": "accepted"}
    return said | {"relex:score": typed("double", repr(edge.score))}


def _names(view: View) -> dict[Key, str]:
    return {node.key: node.text for node in view.nodes}
