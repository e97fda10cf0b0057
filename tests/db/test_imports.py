"""Where an imported file ends up: on which documents, by whom, and what is said of it."""

from __future__ import annotations

import gzip
import json
import os
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from db import audit, check, documents, exports, imports, projects
from db.__main__ import main
from db.manifests import file_hash
from db.store import Store
from db.values import State
from relex_core.errors import FormatError, InputError
from relex_core.types import Document, Schema
from tests.db.conftest import SCHEMA

TEXT, OTHER = "Ada met Bob", "Other text here"


def record(id: str, text: str, *marks: tuple[int, str]) -> str:
    entities = [{"start": at, "end": at, "label": label} for at, label in marks]
    row = {"id": id, "tokens": text.split(), "text": text, "entities": entities, "relations": [], "source": "s"}
    return json.dumps(row) + "\n"


def load(store: Store, path: Path, annotator: str = "import") -> imports.Imported:
    return imports.load(store, "letters", [path], format="relex-jsonl", annotator=annotator)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_every_annotation_lands_on_a_document_with_its_text(
    store: Store, tmp_path: Path, order: tuple[int, ...]
) -> None:
    """Two documents of the same id, one of them with the text of a third."""
    records = [
        record("p", TEXT, (0, "person")),
        record("x", TEXT, (2, "place")),
        record("x", OTHER, (0, "organization")),
    ]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(records[at] for at in order))
    done = load(store, path)
    assert (done.added, done.revisions) == (3, 3)
    found = [(a.document.text, a.entities[0].label) for a in store.annotations("letters")]
    assert sorted(found) == [(TEXT, "person"), (TEXT, "place"), (OTHER, "organization")]
    assert {row.revisions for row in store.queue("letters")} == {1}
    assert store.counts("letters")[State.NEW] == 0
    assert exports.snapshot(store, "letters", tmp_path / "out.jsonl", format="relex-jsonl").documents == 3
    assert load(store, path).revisions == 0
    assert list(check.check(store.database)) == []


def test_two_people_import_the_same_file(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(record("p", TEXT, (0, "person")) + record("q", OTHER))
    for name in ("ann", "bob"):
        assert load(store, path, name).revisions == 2
    assert [load(store, path, name).revisions for name in ("ann", "bob", " bob ")] == [0, 0, 0]
    assert [r.annotator for r in store.by_annotator("letters", "p")] == ["ann", "bob"]
    assert len(store.revisions("letters", "p")) == 2
    assert list(check.check(store.database)) == []


def test_nothing_of_several_files_is_stored_if_one_is_bad(store: Store, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text(record("p", TEXT, (0, "person")))
    bad.write_text(record("q", OTHER, (0, "animal")) + "not json\n")
    with pytest.raises(FormatError, match="Nothing was imported") as refused:
        imports.load(store, "letters", [good, bad], format="relex-jsonl")
    assert refused.value.lines == (2,)
    with pytest.raises(InputError, match=r"none\.jsonl"):
        imports.load(store, "letters", [good, tmp_path / "none.jsonl"], format="relex-jsonl")
    assert store.projects() == ()
    done = imports.load(store, "letters", iter([good, bad]), format="relex-jsonl", skip_bad=True)
    assert (done.records, done.added, done.revisions, len(done.skipped)) == (2, 2, 2, 1)
    assert store.project("letters").schema.entity_names == {"person", "animal"}


def test_a_file_that_was_not_read_to_its_end_is_not_imported_in_part(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text("[" + record("p", TEXT) + ", {}, {text: 1}," + record("q", OTHER) + "]")
    with pytest.raises(FormatError, match="what follows was not read") as refused:
        imports.load(store, "letters", [path], format="relex-jsonl", skip_bad=True)
    assert refused.value.change == "Nothing was imported. Correct the file."
    assert store.projects() == ()


@pytest.mark.parametrize("format", ["doccano", "csv", "conllu", "text", "brat"])
def test_files_whose_names_are_no_utf8_are_imported(store: Store, tmp_path: Path, format: str) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9")
    contents = {"doccano": '{"text": "Ada", "label": []}', "csv": "text\nAda\n", "text": "Ada"}
    contents["conllu"] = "1\tAda" + "\t_" * 8 + "\n"
    try:
        if format == "brat":
            (path / path.name).mkdir(parents=True)
            (path / path.name / f"{path.name}.txt").write_text("Ada")
        else:
            path.write_text(contents[format])
    except OSError:
        pytest.skip("this file system has no such names")
    assert imports.load(store, "letters", [path], format=format).added == 1
    (row,) = store.queue("letters")
    document = store.document("letters", row.id)
    assert document.source.rstrip("/") == "caf\ufffd"
    assert (document.id == "caf\ufffd") == (format == "brat")
    assert audit.events(store, "letters")[0].detail["file"] == "caf\ufffd"


@pytest.mark.parametrize("spoilt", [slice(-20), slice(40)])
def test_a_packed_file_that_is_cut_off_is_told(store: Store, tmp_path: Path, spoilt: slice) -> None:
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress("".join(record(f"{n}", TEXT) for n in range(1000)).encode())[spoilt])
    with pytest.raises(InputError, match=r"end-of-stream marker was reached: in\.jsonl\.gz"):
        load(store, path)
    path.write_bytes(gzip.compress(b"")[:10] + b"\xff" * 100)
    with pytest.raises(InputError, match="invalid block type"):
        load(store, path)
    assert store.projects() == ()


def test_why_no_record_can_be_used_is_told(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes("id,text\n1,caf\xe9\n".encode("cp1252"))
    with pytest.raises(FormatError, match=r"none that can be used \(UTF-8 text in line 2, found the byte 0xe9"):
        imports.load(store, "letters", [path], format="csv", skip_bad=True)


def test_the_log_says_what_was_imported_and_by_whom(store: Store, url: str, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(record("p", TEXT, (0, "person")) + record("q", OTHER) + "not json\n")
    imports.load(store, "letters", [path], format="relex-jsonl", annotator="ann", skip_bad=True, by="bob")
    done, begun, made = audit.events(store, "letters")
    about = {"file": "in.jsonl", "format": "relex-jsonl", "sha256": file_hash(path), "annotator": "ann"}
    counts = {"records": 2, "documents": 2, "known": 0, "extractions": 0, "revisions": 2, "left_out": 1}
    assert (done.action, done.by, done.detail) == ("imported", "bob", about | counts)
    assert (begun.action, begun.by, begun.detail) == ("import begun", "bob", about)
    assert (made.action, made.by) == ("project created", "bob")
    arguments = ["import", "--database", url, "--project", "letters", "--format", "relex-jsonl", "--skip-bad"]
    assert main([*arguments, "--annotator", "cleo", str(path)]) == 0
    assert (audit.events(store, "letters")[0].by, audit.events(store)[0].detail["annotator"]) == ("cleo", "cleo")


def test_the_command_line_says_who_runs_it(
    store: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "dora")
    path = tmp_path / "in.jsonl"
    path.write_text(record("p", TEXT, (0, "person")))
    about = ["--database", url, "--project", "letters", "--format", "relex-jsonl"]
    assert main(["import", *about, str(path)]) == 0
    assert store.annotators() == ("import",)
    assert main(["export", *about, "--out", str(tmp_path / "out.jsonl")]) == 0
    assert [(event.action, event.by) for event in audit.events(store, "letters")] == [
        ("exported", "dora"),
        ("imported", "dora"),
        ("import begun", "dora"),
        ("project created", "dora"),
    ]


def test_who_changes_a_project_is_in_the_log(store: Store) -> None:
    store.create_project("letters", SCHEMA, by="ann")
    store.add_documents("letters", [Document("d0", TEXT)], by="bob")
    store.save_schema("letters", Schema.of(["animal"]), by="cleo")
    assert [(event.action, event.by) for event in audit.events(store, "letters")] == [
        ("label set saved", "cleo"),
        ("documents added", "bob"),
        ("project created", "ann"),
    ]


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_two_add_the_same_documents_at_once(store: Store, url: str) -> None:
    """The second one comes while the first one's are in but not committed, and finds them when they are."""
    store.create_project("letters", SCHEMA)
    batch = [Document(f"d{n}", f"Text number {n}") for n in range(20)]
    results: list[object] = []

    def second() -> None:
        with Store.open(url) as other:
            try:
                results.append(other.add_documents("letters", [*batch, Document("d0", "a different text")]))
            except Exception as error:
                results.append(error)

    waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = :name")
    adder = threading.Thread(target=second)
    with store.database.write() as connection:
        pk, _ = projects.find(connection, "letters")
        documents.add(connection, pk, batch, store.now())
        adder.start()
        while adder.is_alive():
            with store.database.read() as look:
                if look.execute(waiting, {"name": store.database.url.database}).scalar_one():
                    break
        documents.count(connection, pk, {State.NEW: len(batch)})
    adder.join()
    (added,) = results
    assert not isinstance(added, Exception), added
    assert (added.added, added.duplicates, added.renamed[0][0]) == (1, 20, "d0")  # type: ignore[attr-defined]
    assert store.project("letters").documents == 21
    assert list(check.check(store.database)) == []


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_adding_documents_keeps_nobody_from_saving(store: Store) -> None:
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [Document("d0", TEXT)])
    with store.database.write() as connection:
        pk, _ = projects.find(connection, "letters")
        documents.add(connection, pk, [Document("d0", TEXT)], store.now())
        assert store.set_state("letters", "d0", State.SKIPPED, annotator="ann").number == 1
