"""Writing and reading gives equal annotations, for every format that does both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings

from db.formats import FORMATS
from relex_core.errors import RelexError
from relex_core.types import Annotation, Document, Extraction, Relation
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
    if name != "label-studio":  # which has no word for what was turned down
        assert (back.rejected_entities, back.rejected_relations) == ((c,), relations[1:])


@pytest.mark.parametrize("name", BOTH)
def test_many_documents_keep_their_order(name: str, annotation: Annotation) -> None:
    given = [replace(annotation, document=replace(annotation.document, id=f"{n:03}")) for n in range(7)]
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

    with pytest.raises(OSError, match="went away"):
        format.write(failing(), path)
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
