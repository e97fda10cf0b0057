"""Writing and reading hold a bounded part of the documents, however many there are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.formats import FORMATS
from relex_core.types import Annotation, Document, Entity, Relation
from tests.db.formats.conftest import SCHEMA

# these hold their whole file by nature: RDF readers are graphs; zip archives list their members
ONE_FILE = ["gliner", "relex-jsonl", "gliner2", "glirel", "conllu", "doccano", "label-studio", "datasets"]
WRITE_ONLY = ["csv-triples", "cypher", "graphml", "turtle", "jsonld"]
TEXT = "Ada Lovelace worked for Charles Babbage. " * 2


def many(count: int) -> Iterator[Annotation]:
    for n in range(count):
        entities = (Entity("a", 0, 12, "person"), Entity("b", 24, 39, "person"))
        document = Document(f"d{n}", f"{TEXT}{n}")
        yield Annotation(document, SCHEMA, entities, (Relation("a", "b", "works for"),))


def peak(name: str, count: int, path: Path) -> int:
    format = FORMATS[name]
    assert format.write
    tracemalloc.start()
    assert format.write(many(count), path) == count
    if name in ONE_FILE:
        assert format.read
        assert sum(isinstance(item, Annotation) for item in format.read(path, None)) == count
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return used


@pytest.mark.parametrize("name", ONE_FILE + WRITE_ONLY)
def test_memory_does_not_grow_with_the_number_of_documents(name: str, tmp_path: Path) -> None:
    peak(name, 5, tmp_path / "warm")
    few = peak(name, 550, tmp_path / "few")
    many_ = peak(name, 1400, tmp_path / "many")
    # all 850 more of them would be 2 MB at least; rubbish that waits for its collection is not counted
    assert many_ < few + 600_000, f"{few:,} bytes for 550 documents, {many_:,} for 1,400"
