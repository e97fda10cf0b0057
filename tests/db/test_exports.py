"""What an export leaves in its folder: data and manifest together, the sets of one moment, nothing of others'."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from db import audit, exports, imports, projects, saving
from db.formats import writers
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


def test_a_manifest_that_cannot_be_written_leaves_the_data_as_it_was(
    letters: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = folder / "out.jsonl"
    exports.snapshot(letters, "letters", out)
    before = contents(folder)
    move = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if target == manifest_of(out) and path.parent.name == "new":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return move(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
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


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_an_export_does_not_take_the_place_of_its_database(
    letters: Store, folder: Path, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = letters.database.path
    assert path
    (folder / "link").symlink_to(Path(f"{path}{end}"))
    monkeypatch.chdir(path.parent)
    before = letters.revisions("letters", "d0")
    for out in (Path(f"{path.name}{end}"), folder / "link"):
        with pytest.raises(InputError, match=f"{out}, which belongs to the database.*Choose another name"):
            exports.snapshot(letters, "letters", out)
    # also in the place of a set, or of a manifest
    (folder / "data.dev.jsonl").symlink_to(Path(f"{path}{end}"))
    with pytest.raises(InputError, match=r"data\.dev\.jsonl, which belongs to the database"):
        exports.split_snapshot(letters, "letters", folder / "data.jsonl")
    manifest_of(folder / "data.jsonl").symlink_to(Path(f"{path}{end}"))
    with pytest.raises(InputError, match=r"data\.jsonl\.manifest\.json, which belongs to the database"):
        exports.snapshot(letters, "letters", folder / "data.jsonl")
    assert {item.name for item in folder.iterdir()} == {"link", "data.dev.jsonl", "data.jsonl.manifest.json"}
    with Store.open(f"sqlite:///{path}") as again:
        assert again.revisions("letters", "d0") == before


def test_what_is_no_file_stays(letters: Store, folder: Path) -> None:
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("pipe")
    (folder / "circle").symlink_to("circle")
    (folder / "data.jsonl.manifest.json").mkdir()
    names = {item.name for item in folder.iterdir()}
    for name in ("folder", "pipe", "link", "circle"):
        with pytest.raises(InputError, match=f"{name}, which is {'a folder' if name == 'folder' else 'no ordinary'}"):
            exports.snapshot(letters, "letters", folder / name)
    with pytest.raises(InputError, match=r"manifest\.json, which is a folder"):
        exports.snapshot(letters, "letters", folder / "data.jsonl")
    assert {item.name for item in folder.iterdir()} == names
    assert (folder / "pipe").is_fifo()
    assert audit.exports(letters, "letters") == ()


def test_a_link_stays_and_what_it_names_is_written(letters: Store, folder: Path, tmp_path: Path) -> None:
    link, target = folder / "latest.jsonl", tmp_path / "elsewhere" / "monday.jsonl"
    link.symlink_to(target)
    for documents in (20, 21):
        written = exports.snapshot(letters, "letters", link)
        assert link.is_symlink()
        assert len(target.read_text().splitlines()) == written.documents == documents
        assert written.path == link
        assert json.loads(manifest_of(link).read_text())["file"] == "latest.jsonl"
        letters.add_documents("letters", [ADA])
        letters.save("letters", marked(ADA), annotator="ann")
    assert [item.name for item in target.parent.iterdir()] == ["monday.jsonl"]
    with letters.database.write() as connection:
        connection.execute(sa.text("ALTER TABLE snapshots RENAME TO elsewhere"))
    before = {name: content for name, content in contents(tmp_path).items() if "relex.sqlite" not in name}
    with pytest.raises(StoreError):
        exports.snapshot(letters, "letters", link, format="doccano")
    assert before.items() <= contents(tmp_path).items()
    assert {item.name for item in folder.iterdir()} == {"latest.jsonl", "latest.jsonl.manifest.json"}


@pytest.mark.parametrize("format", [format.name for format in writers()])
def test_data_can_be_read_by_whoever_can_read_its_manifest(letters: Store, folder: Path, format: str) -> None:
    written = exports.snapshot(letters, "letters", folder / "data", format=format)
    (folder / "new").touch()
    assert {path.stat().st_mode for path in folder.iterdir()} == {(folder / "new").stat().st_mode}
    assert written.path.is_file()


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
