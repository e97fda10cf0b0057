"""Annotations as hostile as people, languages and file formats make them."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Schema

PIECES = (
    *("Ada", "Lovelace", "pre-war", "x_y", "É", "e\u0301", "नमस्ते", "عربي", "שלום", "東京", "👩‍👩‍👧", "😀", "𝔄", "🇩🇪"),
    *(" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u2028", "\u200d", "\x85", "\ufeff"),
    *(
        "'",
        '"',
        "\\",
        "\\u0027",
        "`",
        "<b>",
        "&amp;",
        "]]>",
        "=1+1",
        " =1+1",
        "-2",
        "+3",
        "@x",
        "'=1",
        "a;b",
        "|",
        "#",
        "$",
        "%20",
    ),
)
ENTITY_LABELS = (
    "person",
    "organization",
    "PER",
    "a b",
    "a_b",
    "A_B",
    "x|y",
    'q"r',
    "=sum()",
    "<i>",
    "ü",
    "東京",
    "a,b;c",
)
RELATION_LABELS = (
    "works for",
    "works_for",
    "born in",
    "=1",
    "r`s",
    "a|b",
    "\\u0060",
    "関係",
    "is 'x'",
    "<->",
    "a:b",
    "c,d",
)
IDS = (
    "1",
    "doc-1",
    "../../etc/passwd",
    "a b",
    "ü/é",
    "..",
    "-x",
    "C:\\x",
    "=id",
    "a" * 300,
    "x\ny",
    "%2F",
    "CON",
    "a~2",
)

SCHEMA = Schema.of(ENTITY_LABELS, RELATION_LABELS)


@st.composite
def annotations(draw: st.DrawFn, control: bool = False) -> Annotation:
    """Nested, crossing and touching marks, marks inside words and of white space, relations in both directions."""
    pieces = (*PIECES, "\x01", "\x0b", "\x0c", "\x1f", "\ufffe") if control else PIECES
    text = draw(st.lists(st.sampled_from(pieces), min_size=1, max_size=14).map("".join).filter(str.strip))
    document = Document(draw(st.sampled_from(IDS)), text, draw(st.sampled_from(("", "file.txt", "=x", "a\tb"))))
    places = st.tuples(st.integers(0, len(text) - 1), st.integers(1, 8), st.sampled_from(ENTITY_LABELS))
    drawn = draw(st.lists(places, max_size=6, unique=True))
    marks = dict.fromkeys((start, min(start + length, len(text)), label) for start, length, label in drawn)
    entities = tuple(Entity(f"e{n}", *mark) for n, mark in enumerate(marks))
    relations: tuple[Relation, ...] = ()
    if len(entities) > 1:
        ids = st.sampled_from([entity.id for entity in entities])
        edges = st.tuples(ids, ids, st.sampled_from(RELATION_LABELS)).filter(lambda edge: edge[0] != edge[1])
        relations = tuple(Relation(*edge) for edge in draw(st.lists(edges, max_size=5, unique=True)))
    return Annotation(document, SCHEMA, entities, relations)


def content(record: Annotation | Extraction) -> tuple[object, ...]:
    """What must come back, whatever ids the format gives: text, marks, relations between marks."""
    places = {e.id: (e.start, e.end, e.label) for e in record.entities}
    relations = {(places[r.head], places[r.tail], r.label) for r in record.relations}
    return record.document.text, set(places.values()), relations


@pytest.fixture
def annotation() -> Annotation:
    """One ordinary sentence with three marks and two relations."""
    document = Document("ada", "Ada Lovelace worked for Babbage in London. 😀", "notes.txt")
    entities = (
        Entity("a", 0, 12, "person"),
        Entity("b", 24, 31, "person"),
        Entity("c", 35, 41, "a b"),
    )
    relations = (Relation("a", "b", "works for"), Relation("a", "c", "born in"))
    return Annotation(document, SCHEMA, entities, relations)
