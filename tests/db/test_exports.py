"""What an export leaves in its folder: data and manifest together, the sets of one moment, nothing of others'."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from db import audit, exports, imports, projects, saving
from db.manifests import manifest_of
from db.store import Store
from db.values import State
from relex_core import editing
from relex_core.errors import InputError, StoreError
from relex_core.types import Annotation, Document, Entity, Schema, Undecided
from tests.db.conftest import ADA, NIELS, SCHEMA, suggestions

MORE = Schema.of(["person", "place", "organization", "animal"], ["born in", "works for"])
DOCUMENTS = [Document(f"d{n}", f"Ada met person {n}.") for n in range(20)]


@pytest.fixture
def letters(store: Store) -> Store:
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", DOCUMENTS)
    for document in DOCUMENTS:
        store.save("letters", marked(document), annotator="ann")
    return store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def marked(document: Document, label: str = "person") -> Annotation:
    return Annotation(document, SCHEMA, (Entity("e", 0, 3, label),))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_manifest_that_cannot_be_written_leaves_the_data_as_it_was(letters: Store, folder: Path) -> None:
    out = folder / "out.jsonl"
    exports.snapshot(letters, "letters", out)
    manifest = manifest_of(out)
    manifest.unlink()
    manifest.mkdir()
    before = contents(folder)
    with pytest.raises(StoreError, match="no file was written or changed"):
        exports.snapshot(letters, "letters", out, format="doccano")
    assert contents(folder) == before
    assert [path.name for path in folder.iterdir() if path.suffix == ".part"] == []
    assert len(audit.exports(letters, "letters")) == 1


@pytest.mark.parametrize("again", [False, True])
def test_an_export_that_cannot_be_remembered_leaves_all_as_it_was(letters: Store, folder: Path, again: bool) -> None:
    if again:
        exports.snapshot(letters, "letters", folder / "data.jsonl")
    before = contents(folder)
    with letters.database.write() as connection:
        connection.execute(sa.text("ALTER TABLE snapshots RENAME TO elsewhere"))
    letters.save("letters", marked(DOCUMENTS[0], "place"), annotator="ann")
    with pytest.raises(StoreError):
        exports.snapshot(letters, "letters", folder / "data.jsonl")
    assert contents(folder) == before
    assert all(path.is_file() for path in folder.iterdir())


def test_a_split_that_is_stopped_leaves_the_earlier_sets(letters: Store, folder: Path) -> None:
    def stop(documents: int) -> None:
        if documents > 18:
            raise RuntimeError

    exports.split_snapshot(letters, "letters", folder / "data.jsonl", dev=0.2, test=0.2)
    letters.save("letters", marked(DOCUMENTS[0], "place"), annotator="ann")
    before = contents(folder)
    with pytest.raises(RuntimeError):
        exports.split_snapshot(letters, "letters", folder / "data.jsonl", dev=0.2, test=0.2, seed=1, seen=stop)
    assert contents(folder) == before


def test_the_sets_of_a_split_are_of_one_moment(letters: Store, folder: Path) -> None:
    def save(documents: int) -> None:
        if documents == 1:
            for document in DOCUMENTS:
                letters.save("letters", marked(document, "place"), annotator="bob")
            letters.save_schema("letters", MORE)

    exports.split_snapshot(letters, "letters", folder / "data.jsonl", dev=0.3, test=0.3, seen=save)
    found = [a for name in ("train", "dev", "test") for a in imports.read(folder / f"data.{name}.jsonl")]
    assert len(found) == 20
    assert {annotation.entities[0].label for annotation in found} == {"person"}
    manifests = [json.loads(path.read_text()) for path in folder.glob("*.manifest.json")]
    assert [(manifest["schema_version"], manifest["annotators"].keys()) for manifest in manifests] == [
        (1, {"ann": 0}.keys())
    ] * 3


def test_a_set_of_an_earlier_split_does_not_stay_beside_the_new_ones(letters: Store, folder: Path) -> None:
    def names() -> set[str]:
        return {path.name.removeprefix("data.") for path in folder.iterdir()}

    def split(dev: float, test: float) -> None:
        exports.split_snapshot(letters, "letters", folder / "data.jsonl", dev=dev, test=test)

    three = {f"{name}.jsonl{end}" for name in ("train", "dev", "test") for end in ("", ".manifest.json")}
    split(0.2, 0.2)
    assert names() == three
    split(0.0, 0.2)
    assert names() == three - {"dev.jsonl", "dev.jsonl.manifest.json"}
    # what somebody changed, or put there, is theirs
    (folder / "data.dev.jsonl").write_text("mine\n")
    with (folder / "data.test.jsonl").open("a") as file:
        file.write("\n")
    split(0.0, 0.0)
    assert names() == three - {"dev.jsonl.manifest.json"}


def test_without_a_result_nothing_goes(letters: Store, folder: Path) -> None:
    exports.split_snapshot(letters, "letters", folder / "data.jsonl", dev=0.2, test=0.2)
    before = contents(folder)
    with pytest.raises(InputError, match="found none"):
        exports.split_snapshot(letters, "letters", folder / "data.jsonl", annotators=["nobody"])
    assert contents(folder) == before


def test_the_log_says_who_exported(letters: Store, folder: Path) -> None:
    exports.snapshot(letters, "letters", folder / "out.jsonl", by="ann")
    exports.split_snapshot(letters, "letters", folder / "data.jsonl", by="bob")
    found = [(event.by, event.detail["file"]) for event in audit.events(letters, "letters", limit=4)]
    assert found == [
        ("bob", "data.test.jsonl"),
        ("bob", "data.dev.jsonl"),
        ("bob", "data.train.jsonl"),
        ("ann", "out.jsonl"),
    ]


def test_the_stamp_changes_with_the_project_alone(letters: Store) -> None:
    letters.create_project("other", SCHEMA)
    letters.add_documents("other", [ADA, NIELS])
    seen = [exports.stamp(letters, "letters")]
    letters.save("other", marked(ADA), annotator="ann")
    assert exports.stamp(letters, "letters") == seen[0]
    letters.save("letters", marked(DOCUMENTS[0]), annotator="ann")
    seen.append(exports.stamp(letters, "letters"))
    letters.set_state("letters", "d1", State.NEW, annotator="ann")
    seen.append(exports.stamp(letters, "letters"))
    letters.save_schema("letters", MORE)
    seen.append(exports.stamp(letters, "letters"))
    assert len(set(seen)) == 4


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_revision_that_is_committed_late_changes_the_stamp(letters: Store) -> None:
    """Its key is lower than that of one that was committed before."""
    with letters.database.write() as connection:
        pk, _ = projects.find(connection, "letters")
        work = saving.Work("ann", State.IN_PROGRESS)
        saving.save(connection, projects.load_labels(connection, pk), marked(DOCUMENTS[0]), work, letters.now())
        letters.save("letters", marked(DOCUMENTS[1]), annotator="ann")
        before = exports.stamp(letters, "letters")
    assert exports.stamp(letters, "letters") != before


def test_the_manifest_counts_what_was_not_shown_apart_from_what_was_rejected(store: Store, folder: Path) -> None:
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [ADA])
    person, place = suggestions().entities
    left = Undecided(seen=(place.id,), not_shown_relations=(suggestions().relations[0].key,))
    decided = editing.apply(editing.begin(suggestions()), editing.Accept((person.id,)))
    store.save("letters", replace(decided, undecided=left), annotator="ann", state=State.SUBMITTED)
    exports.snapshot(store, "letters", folder / "out.jsonl", format="gliner")
    counts = json.loads(manifest_of(folder / "out.jsonl").read_text("utf-8"))["counts"]
    assert (counts["rejected_entities"], counts["rejected_relations"]) == (0, 0)
    assert (counts["seen_undecided"], counts["not_shown"]) == (1, 1)
    (record,) = [json.loads(line) for line in (folder / "out.jsonl").read_text("utf-8").splitlines()]
    assert {"ner_negatives", "rel_negatives"}.isdisjoint(record)
    assert record["relex"]["undecided"]["seen"]["entities"] == [place.id]
