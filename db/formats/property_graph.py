"""Property graphs: a Cypher script and GraphML. Entities are nodes, relations are edges; documents are nodes too.

An entity has its words as `text`, and as `name` what the project's graph calls it: the same for all mentions whose
names people joined.

GraphML is read back too, the whole graph held in memory. A Cypher script is a program for a database, which alone
could say what comes of it: it is not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from db.formats.files import open_bytes, text_writer
from db.formats.record import (
    Edge,
    Format,
    Item,
    Mark,
    Record,
    each,
    misfit,
    name_of,
    record_from_marks,
    rejected_to_json,
    with_extra,
    with_rejected,
)
from relex_core.errors import FormatError, quote
from relex_core.jsonl import dumps
from relex_core.types import Annotation, Document, Schema


def write_cypher(annotations: Iterable[Annotation], path: Path) -> int:
    """Statements that end with `;` and a line break and can be run twice without doubling anything."""
    number = 0
    with text_writer(path) as file:
        for number, annotation in enumerate(annotations, start=1):  # noqa: B007
            for statement in _statements(annotation):
                file.write(statement + ";\n")
    return number


def _statements(annotation: Annotation) -> Iterator[str]:
    document = annotation.document
    id = cypher_string(document.id)
    yield (
        f"MERGE (d:Document {{id: {id}}}) "
        f"SET d.text = {cypher_string(document.text)}, d.source = {cypher_string(document.source)}"
    )
    # by place and label, so that the marks of several annotators meet
    keys = {e.id: cypher_string(f"{document.id}#{e.start}-{e.end}#{e.label}") for e in annotation.entities}
    for entity in annotation.entities:
        yield (
            f"MATCH (d:Document {{id: {id}}}) MERGE (e:Entity {{key: {keys[entity.id]}}}) "
            f"SET e:{cypher_name(entity.label)}, e.text = {cypher_string(entity.text(document))}, "
            f"e.name = {cypher_string(name_of(annotation, entity))}, "
            f"e.label = {cypher_string(entity.label)}, e.start = {entity.start}, e.end = {entity.end} "
            "MERGE (e)-[:IN_DOCUMENT]->(d)"
        )
    for relation in annotation.relations:
        yield (
            f"MATCH (h:Entity {{key: {keys[relation.head]}}}), (t:Entity {{key: {keys[relation.tail]}}}) "
            f"MERGE (h)-[r:{cypher_name(relation.label)}]->(t) SET r.label = {cypher_string(relation.label)}"
        )


def cypher_string(text: str) -> str:
    r"""A Cypher string on one line, in escapes that all dialects know.

    A backslash before a u parts the string: versions of Neo4j that decode Unicode escapes before they read the
    statement would take `\\u0027` for the end of it.

    >>> print(cypher_string("it's \\u0027"))
    'it\'s \\' + 'u0027'
    """
    out = text.replace("\\", "\\\\").replace("'", "\\'").replace("\\\\u", "\\\\' + 'u")
    return "'" + out.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + "'"


def cypher_name(name: str) -> str:
    """A label or relationship type in backticks; the exact name stands in the property `label`.

    Dialects differ in how a name may hold a backtick or a backslash, so look-alikes take their place.

    >>> cypher_name("works` for")
    '`worksˋ for`'
    """
    return "`" + name.replace("\\", "＼").replace("`", "ˋ") + "`"


_KEYS = (
    ("kind", "node", "string"),
    ("id", "node", "string"),
    ("label", "node", "string"),
    ("text", "node", "string"),
    ("name", "node", "string"),
    ("source", "node", "string"),
    ("extra", "node", "string"),
    ("rejected", "node", "string"),
    ("start", "node", "int"),
    ("end", "node", "int"),
    ("relation", "edge", "string"),
)


def write_graphml(annotations: Iterable[Annotation], path: Path) -> int:
    """Characters that XML forbids become U+FFFD."""
    number = 0
    with text_writer(path) as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n')
        for name, target, type in _KEYS:
            file.write(f'<key id="{name}" for="{target}" attr.name="{name}" attr.type="{type}"/>\n')
        file.write('<graph edgedefault="directed">\n')
        for number, annotation in enumerate(annotations, start=1):
            for line in _elements(annotation, number):
                file.write(line + "\n")
        file.write("</graph>\n</graphml>\n")
    return number


def _elements(annotation: Annotation, number: int) -> Iterator[str]:
    document = annotation.document
    root = f"d{number}"
    more = {"extra": document.extra} if document.extra else {}
    if rejected := rejected_to_json(annotation):
        more["rejected"] = dumps(rejected["rejected"])
    yield graphml_node(root, kind="document", id=document.id, text=document.text, source=document.source, **more)
    names = {entity.id: f"{root}e{n}" for n, entity in enumerate(annotation.entities)}
    for entity in annotation.entities:
        yield graphml_node(
            names[entity.id],
            kind="entity",
            id=entity.id,
            label=entity.label,
            text=entity.text(document),
            name=name_of(annotation, entity),
            start=entity.start,
            end=entity.end,
        )
        yield graphml_edge(names[entity.id], root, "in document")
    for relation in annotation.relations:
        yield graphml_edge(names[relation.head], names[relation.tail], relation.label)


def graphml_node(node: str, /, **data: object) -> str:
    """A node with these data, whose keys the file declares."""
    return f"<node id={quoteattr(node)}>{_data(data)}</node>"


def graphml_edge(source: str, target: str, relation: str, **data: object) -> str:
    """An edge of that relation, with these data."""
    more = _data({"relation": relation, **data})
    return f"<edge source={quoteattr(source)} target={quoteattr(target)}>{more}</edge>"


def _data(data: dict[str, object]) -> str:
    # a bare carriage return would come back as a line feed
    return "".join(
        f'<data key="{key}">{escape(xml_text(str(value)), {chr(13): "&#13;"})}</data>' for key, value in data.items()
    )


def xml_text(text: str) -> str:
    """`text` with U+FFFD in place of each character that XML 1.0 forbids."""
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", text)


class _Graph:
    """What a GraphML file says: data of nodes by their name, and edges. Raises FormatError and expat's errors.

    networkx reads GraphML too, but through a parser that expands the entities of a document type, and it gives edges
    in another order than the file.
    """

    def __init__(self, path: Path) -> None:
        self.nodes: dict[str, dict[str, str]] = {}
        self.edges: list[tuple[str, str, dict[str, str]]] = []
        self._names: dict[str, str] = {}
        self._data: dict[str, str] = {}
        self._key: str | None = None
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = self._text, self._doctype
        with open_bytes(path) as file:
            while piece := file.read(1 << 20):
                parser.Parse(piece, False)
        parser.Parse(b"", True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.rpartition(" ")[2]
        if kind == "key":
            self._names[attributes["id"]] = attributes.get("attr.name", attributes["id"])
        elif kind == "node":
            self._data = self.nodes.setdefault(attributes["id"], {})
        elif kind == "edge":
            self._data = {}
            self.edges.append((attributes["source"], attributes["target"], self._data))
        elif kind == "data":
            self._key = self._names.get(attributes["key"], attributes["key"])
            self._data[self._key] = ""

    def _end(self, name: str) -> None:
        if name.rpartition(" ")[2] == "data":
            self._key = None

    def _text(self, text: str) -> None:
        if self._key is not None:
            self._data[self._key] += text

    def _doctype(self, *_: object) -> None:
        # entities that grow or name files come with one; GraphML needs none
        raise misfit("a GraphML file without a document type declaration", "one that has it")


def read_graphml(path: Path, schema: Schema | None) -> Iterator[Item]:
    """Each document node with its text, the entities whose edges lead to it and the relations between them."""
    try:
        graph = _Graph(path)
    except FormatError as error:
        yield error
        return
    except (expat.ExpatError, KeyError, EOFError) as error:
        yield misfit("a GraphML file", f"{quote(path.name)} ({type(error).__name__}: {error})")
        return
    documents: dict[str, tuple[list[str], list[Edge]]] = {
        name: ([], []) for name, data in graph.nodes.items() if data.get("kind") == "document"
    }
    if graph.nodes and not documents:
        yield misfit("a GraphML file with document nodes and their texts", f"none in {quote(path.name)}")
    home: dict[str, str] = {}
    for source, target, _ in graph.edges:
        if target in documents:
            home[source] = target
            documents[target][0].append(source)
    for source, target, data in graph.edges:
        if source in home and target not in documents:
            documents[home[source]][1].append(Edge(source, target, data.get("relation", "")))

    def make(found: Any) -> Record:
        name, (entities, edges) = found
        data = graph.nodes[name]
        document = Document.from_text(data["text"], data.get("id", ""), data.get("source", ""))
        document = with_extra(document, data.get("extra"))
        marks = [
            Mark(e, int(n["start"]), int(n["end"]), n["label"], id=n.get("id", ""))
            for e, n in ((e, graph.nodes[e]) for e in entities)
        ]
        record = record_from_marks(document, marks, edges, schema)
        return with_rejected(record, json.loads(data.get("rejected") or "{}"))

    yield from each(enumerate(documents.items(), start=1), make)


CYPHER = Format("cypher", ".cypher", write_cypher, None, "Cypher script for property graph databases", names=True)
GRAPHML = Format("graphml", ".graphml", write_graphml, read_graphml, "GraphML for graph tools", names=True)
