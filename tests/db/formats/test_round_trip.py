"""Writing and reading gives equal annotations, for every format that does both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings

from db.formats import FORMATS
from db.validation import Weight, validate
from relex_core.errors import RelexError
from relex_core.outputs import replacing
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Undecided
from tests.db.formats.conftest import SCHEMA, annotations, content

BOTH = [name for name, format in FORMATS.items() if format.read and format.write]
SLOW = {"spacy", "jsonld", "turtle", "datasets", "inception"}
# XML cannot hold control characters, so these formats replace them
XML = {"inception", "graphml"}


def written_and_read(name: str, given: list[Annotation]) -> list[Annotation]:
    format = FORMATS[name]
    assert format.write
    assert format.read
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"out{format.suffix}"
        assert format.write(iter(given), path) == len(given)
        assert [path.name] == [item.name for item in Path(folder).iterdir()], "nothing but the file itself is left"
        records = []
        for item in format.read(path, None):
            assert isinstance(item, Annotation), item
            records.append(item)
        return records


@pytest.mark.parametrize("name", BOTH)
def test_equal_after_a_round_trip(name: str) -> None:
    @settings(max_examples=25 if name in SLOW else 120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(annotations(control=name not in XML))
    def check(annotation: Annotation) -> None:
        (back,) = written_and_read(name, [annotation])
        assert content(back) == content(annotation)
        if len(annotation.document.id) < 100:
            assert back.document.id == annotation.document.id

    check()


@pytest.mark.parametrize("name", [name for name in BOTH if FORMATS[name].suggestions])
def test_suggestions_come_back_with_their_scores_and_model(name: str, annotation: Annotation) -> None:
    a, b, c = (replace(entity, score=0.9 - n / 10) for n, entity in enumerate(annotation.entities))
    relations = (Relation("a", "b", "works for", 0.8), Relation("a", "c", "born in", 0.55))
    based_on = Extraction(annotation.document, SCHEMA, (a, b, c), relations, "mini@1")
    given = replace(
        annotation,
        entities=annotation.entities[:2],
        relations=annotation.relations[:1],
        rejected_entities=(c,),
        rejected_relations=relations[1:],
        based_on=based_on,
    )
    (back,) = written_and_read(name, [given])
    assert content(back) == content(given)
    assert back.based_on is not None
    assert back.based_on.model_version == "mini@1"
    assert set(back.based_on.entities) == {a, b, c}
    assert set(back.based_on.relations) == set(relations)
    assert (back.rejected_entities, back.rejected_relations) == ((c,), relations[1:])


def places(annotation: Annotation) -> set[object]:
    """What was turned down, whatever ids the format gives."""
    entities = {e.id: (e.start, e.end, e.label) for e in (*annotation.entities, *annotation.rejected_entities)}
    marks = {(*entities[e.id], e.score) for e in annotation.rejected_entities}
    relations = {(entities[r.head], entities[r.tail], r.label, r.score) for r in annotation.rejected_relations}
    return {*marks, *relations}


@pytest.mark.parametrize("name", BOTH)
def test_what_does_not_come_back_is_announced_as_a_loss_and_nothing_else_is(name: str, annotation: Annotation) -> None:
    document = Document("ada", annotation.document.text, "letters.txt", '{"format": "docred", "facts": []}')
    a, b, c = annotation.entities
    given = Annotation(
        document,
        SCHEMA,
        (c, a),
        annotation.relations[1:],
        (replace(b, score=0.25), Entity("x", 4, 12, "PER", 0.5)),
        (Relation("a", "x", "works for", 0.75), Relation("b", "c", "=1", 0.5)),
        undecided=Undecided(("1:2:PER",)),
    )
    (back,) = written_and_read(name, [given])
    lost = set()
    if back.document.source != document.source:
        lost.add("sources")
    if back.document.extra != document.extra:
        lost.add("what a file said")
    if places(back) != places(given):
        assert not places(back), "all of it or nothing"
        lost.add("turned down")
    if back.undecided != given.undecided:
        assert back.undecided is None, "all of it or nothing"
        lost.add("undecided")
    said = [finding.what for finding in validate([given], name).findings if finding.weight is Weight.LOSS]
    parts = ("sources", "what a file said", "turned down", "undecided")
    assert {part for part in parts if any(part in s for s in said)} == lost


@pytest.mark.parametrize("name", ["relex-jsonl", "doccano"])
def test_a_key_rejected_of_another_tool_is_no_obstacle(name: str, annotation: Annotation, tmp_path: Path) -> None:
    format = FORMATS[name]
    assert format.write
    assert format.read
    path = tmp_path / "out.jsonl"
    format.write([annotation], path)
    row = {**json.loads(path.read_text("utf-8")), "rejected": True}
    path.write_text(json.dumps(row), "utf-8")
    (back,) = format.read(path, None)
    assert isinstance(back, Annotation)
    assert content(back) == content(annotation)
    if name == "relex-jsonl":
        format.write([back], path)
        assert json.loads(path.read_text("utf-8")) == row


@pytest.mark.parametrize("name", BOTH)
def test_many_documents_keep_their_order(name: str, annotation: Annotation) -> None:
    given = [replace(annotation, document=replace(annotation.document, id=f"{n}")) for n in range(12)]
    back = written_and_read(name, given)
    assert [record.document.id for record in back] == [record.document.id for record in given]
    assert all(content(record) == content(annotation) for record in back)


@pytest.mark.parametrize("name", [name for name, format in FORMATS.items() if format.write])
def test_no_documents_are_an_empty_file(name: str, tmp_path: Path) -> None:
    format = FORMATS[name]
    assert format.write
    path = tmp_path / f"empty{format.suffix}"
    assert format.write(iter(()), path) == 0
    if format.read:
        assert list(format.read(path, None)) == []


@pytest.mark.parametrize("name", [name for name, format in FORMATS.items() if format.write])
def test_a_failing_export_leaves_nothing_and_keeps_the_old_file(
    name: str, tmp_path: Path, annotation: Annotation
) -> None:
    format = FORMATS[name]
    assert format.write
    path = tmp_path / f"out{format.suffix}"
    path.write_text("old")

    def failing() -> Iterator[Annotation]:
        yield annotation
        raise OSError("the database went away")

    with pytest.raises(OSError, match="went away"), replacing(path) as part:  # as every export writes
        format.write(failing(), part)
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", [name for name, format in FORMATS.items() if format.read])
@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00nonsense", b"{", b"[{]", b'{"x": 1}\n', b"[1, 2]", b"PK\x03\x04broken"]
)
def test_a_file_of_another_kind_gives_messages_and_no_crash(name: str, content: bytes, tmp_path: Path) -> None:
    read = FORMATS[name].read
    assert read
    path = tmp_path / f"bad{FORMATS[name].suffix}"
    path.write_bytes(content)
    for item in read(path, SCHEMA):
        assert isinstance(item, RelexError | Document | Annotation | Extraction)
        if isinstance(item, RelexError):
            assert len(str(item)) < 1000


@pytest.mark.parametrize("name", ["relex-jsonl", "gliner", "glirel"])
def test_what_was_left_undecided_comes_back(name: str, annotation: Annotation) -> None:
    a, b, _ = annotation.entities
    left = Undecided(("4:12:PER",), ((a.id, "4:12:PER", "works for"),), ("1:2:<i>",), ((a.id, b.id, "=1"),))
    given = replace(annotation, undecided=left)
    (back,) = written_and_read(name, [given])
    # marks that were kept go by their ids, which some files derive from their places
    ids = {e.id: o.id for e, o in zip(given.entities, back.entities, strict=True)}
    named = [
        tuple((ids.get(h, h), ids.get(t, t), r) for h, t, r in part)
        for part in (left.seen_relations, left.not_shown_relations)
    ]
    assert back.undecided == Undecided(left.seen, named[0], left.not_shown, named[1])
    assert back.rejected_entities == back.rejected_relations == ()


def test_a_key_undecided_of_another_tool_is_kept(annotation: Annotation, tmp_path: Path) -> None:
    format = FORMATS["relex-jsonl"]
    assert format.write
    assert format.read
    path = tmp_path / "out.jsonl"
    format.write([annotation], path)
    row = {**json.loads(path.read_text("utf-8")), "undecided": 3}
    path.write_text(json.dumps(row), "utf-8")
    (back,) = format.read(path, None)
    assert isinstance(back, Annotation)
    assert back.undecided is None
    format.write([back], path)
    assert json.loads(path.read_text("utf-8"))["undecided"] == 3
