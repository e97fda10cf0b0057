"""An RDF graph in a temporary file, filled from Turtle and JSON-LD piece by piece. Imports rdflib and ijson, which an
installation may lack.

What belongs together may stand anywhere in such a file, so that all of it has to be at hand; memory holds one piece.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote

import ijson
import rdflib
from rdflib.plugins.parsers.jsonld import to_rdf
from rdflib.plugins.parsers.notation3 import RDFSink, SinkParser
from rdflib.plugins.stores.memory import SimpleMemory

from db.formats.files import MAX_LINE, natural
from db.formats.record import misfit
from db.spool import spool
from relex_core.errors import quote

BATCH = 500
"""Nodes of JSON-LD that are read at once."""

PIECE = 1 << 16
"""Characters of Turtle that are read at once; more where a statement is longer."""


@contextmanager
def graph_of(path: Path, syntax: str) -> Iterator[tuple[rdflib.Graph, sqlite3.Connection]]:
    """The statements of a file, and the tables that hold them. Raises FormatError, StoreError, and what rdflib's and
    ijson's parsers raise."""
    with spool("triples (s TEXT, p TEXT, o TEXT, PRIMARY KEY (s, p, o)) WITHOUT ROWID") as tables:
        tables.execute("CREATE INDEX by_object ON triples (p, o, s)")
        graph = rdflib.Graph(_Triples(tables), bind_namespaces="none")
        {"turtle": _fill_from_turtle, "json-ld": _fill_from_jsonld}[syntax](graph, path)
        yield graph, tables


class _Triples(SimpleMemory):
    """rdflib's simplest store but for where the triples are."""

    def __init__(self, tables: sqlite3.Connection) -> None:
        super().__init__()
        self._tables = tables

    def add(self, triple: Any, context: Any, quoted: bool = False) -> None:
        self._tables.execute("INSERT OR IGNORE INTO triples VALUES (?, ?, ?)", [_text(term) for term in triple])

    def triples(self, triple_pattern: Any, context: Any = None) -> Iterator[Any]:
        given = [(name, _text(term)) for name, term in zip("spo", triple_pattern, strict=True) if term is not None]
        where = " AND ".join(f"{name} = ?" for name, _ in given) or "true"
        query = f"SELECT s, p, o FROM triples WHERE {where}"  # noqa: S608  # three names of columns
        for row in self._tables.execute(query, [text for _, text in given]):
            yield tuple(_term(text) for text in row), iter(())

    def __len__(self, context: Any = None) -> int:
        return int(self._tables.execute("SELECT count(*) FROM triples").fetchone()[0])


def _text(term: Any) -> str:
    if isinstance(term, rdflib.Literal):
        return "L" + json.dumps([str(term), term.datatype, term.language])
    return ("B" if isinstance(term, rdflib.BNode) else "U") + str(term)


def _term(text: str) -> Any:
    kind, value = text[0], text[1:]
    if kind == "L":
        lexical, datatype, language = json.loads(value)
        of = None if datatype is None else rdflib.URIRef(datatype)
        return rdflib.Literal(lexical, datatype=of, lang=language, normalize=False)
    return rdflib.BNode(value) if kind == "B" else rdflib.URIRef(value)


def in_order(
    graph: rdflib.Graph, tables: sqlite3.Connection, nodes: Iterable[Any], order: rdflib.URIRef
) -> Iterator[Any]:
    """`nodes` by the number that `order` gives them; what has none after them, numbers in ids taken as numbers."""
    tables.execute("CREATE TABLE places (late INTEGER, number INTEGER, name TEXT, node TEXT)")
    for node in nodes:
        given = graph.value(node, order)
        number = int(given) if given is not None and re.fullmatch(r"[0-9]{1,18}", str(given)) else None
        row = number is None, number, _sortable(unquote(str(node))), _text(node)
        tables.execute("INSERT INTO places VALUES (?, ?, ?, ?)", row)
    for (node,) in tables.execute("SELECT node FROM places ORDER BY late, number, name"):
        yield _term(node)


def _sortable(name: str) -> str:
    """Text that sorts as `natural` does: a number is led by the number of its digits."""
    parts = (f"{len(str(part)):09}{part}" if isinstance(part, int) else part for part in natural(name))
    return "\0".join(parts)


def _fill_from_turtle(graph: rdflib.Graph, path: Path) -> None:
    parser = SinkParser(RDFSink(graph), baseURI="urn:relex:file", turtle=True)
    parser.startDoc()
    with path.open(encoding="utf-8-sig", newline="") as file:
        for piece in statements(file):
            parser.feed(piece)
    parser.endDoc()


# https://www.w3.org/TR/turtle/#sec-grammar-grammar: comments, addresses, strings, brackets, and what is between them
_TOKEN = re.compile(
    r"""
    \s+ | \#[^\n\r]* | <[^<>\s]*>
    | \"{3} (?: \"{0,2} (?: [^"\\] | \\. ) )* \"{3} | \"(?!\"\") (?: [^"\\\n\r] | \\. )* \"
    | '{3}  (?: '{0,2}  (?: [^'\\] | \\. ) )* '{3}  | '(?!'')    (?: [^'\\\n\r] | \\. )* '
    | [\[\](),;] | (?: \\. | [^\s<>"'\[\](),;\#\\] )+
    """,
    re.VERBOSE | re.DOTALL,
)


def statements(file: TextIO) -> Iterator[str]:
    """Pieces of Turtle that end where a statement does. Raises FormatError."""
    text, at, end, depth = "", 0, 0, 0
    while True:
        more = file.read(max(PIECE, len(text)))
        text += more
        # a token at the end may go on in the next piece
        while (token := _TOKEN.match(text, at)) and not (more and token.end() == len(text)):
            at = token.end()
            depth += (token[0] in ("[", "(")) - (token[0] in ("]", ")"))
            if depth == 0 and token[0].endswith(".") and token[0][0] not in "\"'<#" and not token[0].endswith("\\."):
                end = at
        if not more:
            yield text
            return
        if end:
            yield text[:end]
            text, at, end = text[end:], at - end, 0
        elif len(text) > MAX_LINE:
            raise misfit(f"statements of at most {MAX_LINE:,} characters", f"a longer one: {quote(text[:40])}")


def _fill_from_jsonld(graph: rdflib.Graph, path: Path) -> None:
    place, context = _nodes_of(path)
    _check_contexts({"@context": context})
    with path.open("rb") as file:
        _skip_mark(file)
        nodes = ijson.items(file, place, use_float=True)
        while batch := list(islice(nodes, BATCH)):
            _check_contexts(batch)
            to_rdf(batch, graph, context_data=context)


def _nodes_of(path: Path) -> tuple[str, Any]:
    """Where in a file its nodes are, as ijson names places, and the context that they share."""
    with path.open("rb") as file:
        _skip_mark(file)
        place = ""
        for prefix, event, _ in ijson.parse(file, use_float=True):
            if (prefix, event) == ("", "start_array"):
                return "item", None
            if prefix == "@graph":
                place = "@graph.item" if event in ("start_array", "end_array") else "@graph"
    if not place:
        return "", None
    with path.open("rb") as file:
        _skip_mark(file)
        return place, next(ijson.items(file, "@context", use_float=True), None)


def _skip_mark(file: Any) -> None:
    if file.read(3) != b"\xef\xbb\xbf":
        file.seek(0)


def _check_contexts(data: Any) -> None:
    """Refuse contexts that are addresses: reading them would fetch whatever a file names. Raises FormatError."""
    pending = [data]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, dict):
            pending.extend(value.values())
            context = value.get("@context")
            for part in context if isinstance(context, list) else [context]:
                if isinstance(part, str) or (isinstance(part, dict) and "@import" in part):
                    raise misfit("a JSON-LD file that holds its context itself", f"the address {quote(part)}", part)
