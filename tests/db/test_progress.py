"""What is left and how fast it goes: counted on from what was counted, and still right after anything that happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import assignments, backup, progress
from db.store import Store
from db.values import State
from relex_core.types import Annotation, Document, Entity, Extraction, Schema
from tests.db.conftest import SCHEMA

DOCUMENTS = [Document(f"d{n}", f"Ada met person {n}.") for n in range(9)]


@pytest.fixture
def letters(store: Store) -> Store:
    store.create_project("letters", SCHEMA)
    store.create_project("other", SCHEMA)
    store.add_documents("letters", DOCUMENTS[:6])
    store.add_documents("other", DOCUMENTS)
    return store


def read(store: Store, document: Document, model: str = "mini-1", project: str = "letters", score: float = 0.9) -> None:
    schema = store.project(project).schema
    found = Extraction(document, schema, (Entity.suggested(0, 3, "person", score),), (), model)
    store.save_extraction(project, found)


def same(store: Store, model: str = "mini-1", project: str = "letters") -> int:
    """The number, which must be that of the list."""
    number = progress.count_unscored(store, project, model)
    assert number == len(progress.unscored(store, project, model))
    return number


def test_unread_documents_are_counted_on(letters: Store) -> None:
    assert same(letters) == 6
    read(letters, DOCUMENTS[0])
    assert same(letters) == 5
    read(letters, DOCUMENTS[0], score=0.5)
    assert same(letters) == 5, "read twice is read once"
    read(letters, DOCUMENTS[1], model="large-1")
    read(letters, DOCUMENTS[1], project="other")
    assert (same(letters), same(letters, "large-1"), same(letters, project="other")) == (5, 5, 8)
    letters.add_documents("letters", DOCUMENTS)
    assert same(letters) == 8
    for document in DOCUMENTS:
        read(letters, document)
    assert same(letters) == 0


def test_a_new_label_makes_everything_unread(letters: Store) -> None:
    read(letters, DOCUMENTS[0])
    assert same(letters) == 5
    letters.save_schema("letters", Schema.of(["person", "place", "organization", "animal"], ["born in", "works for"]))
    assert same(letters) == 6
    read(letters, DOCUMENTS[0])
    read(letters, DOCUMENTS[1])
    assert same(letters) == 4


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_restored_backup_is_counted_anew(letters: Store, tmp_path: Path) -> None:
    read(letters, DOCUMENTS[0])
    assert same(letters) == 5
    backup.backup(letters.database, tmp_path / "copy")
    for document in DOCUMENTS[1:4]:
        read(letters, document)
    assert same(letters) == 2
    backup.restore(letters.database, tmp_path / "copy", replace=True)
    assert same(letters) == 5
    # as many rows as before the restore, but other ones
    for document in DOCUMENTS[:3]:
        read(letters, document, model="large-1")
    assert (same(letters), same(letters, "large-1")) == (5, 3)


def test_what_a_document_took_is_the_sum_of_what_each_revision_says(letters: Store) -> None:
    for state, seconds, keystrokes in (
        (State.FLAGGED, 7.0, 3),
        (State.IN_PROGRESS, None, None),
        (State.SUBMITTED, 5.0, 4),
    ):
        letters.save(
            "letters", Annotation(DOCUMENTS[0], SCHEMA), annotator="ada", state=state, seconds=seconds,
            keystrokes=keystrokes,
        )  # fmt: skip
    (only,) = progress.work(letters, "letters")
    assert (only.state, only.revisions, only.seconds, only.keystrokes) == (State.SUBMITTED, 3, 12.0, 7)
    assert progress.pace(letters, "letters", "ada") == 12.0


def test_the_reason_of_a_flag_is_found_until_somebody_submits(letters: Store) -> None:
    def save(who: str, state: State, note: str = "") -> None:
        annotation = Annotation(DOCUMENTS[0], SCHEMA)
        letters.save("letters", annotation, annotator=who, state=state, note=note, independent=True)

    ids = [DOCUMENTS[0].id, DOCUMENTS[1].id]
    save("ada", State.FLAGGED, "whose is it?")
    assert progress.flags(letters, "letters", ids) == {ids[0]: "whose is it?"}
    assert progress.flags(letters, "letters", ids[1:]) == {}
    save("bob", State.SUBMITTED)
    assert progress.flags(letters, "letters", ids) == {}
    assert progress.flags(letters, "letters", ids, "ada") == {ids[0]: "whose is it?"}
    assert progress.flags(letters, "letters", ids, "bob") == {}


@pytest.mark.parametrize("many", [0, 500])
def test_pace_is_the_median_of_the_last_finished_documents(
    letters: Store, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "MANY", many)
    assert progress.pace(letters, "letters", "ada") is None
    for n, document in enumerate(DOCUMENTS[:5]):
        for who, seconds in (("ada", 10.0 * n), ("bob", 1.0)):
            letters.save(
                "letters", Annotation(document, SCHEMA), annotator=who, state=State.SUBMITTED, seconds=seconds,
                independent=True,
            )  # fmt: skip
    letters.save("other", Annotation(DOCUMENTS[0], SCHEMA), annotator="ada", state=State.SUBMITTED, seconds=1000.0)
    # opened again: no longer finished
    letters.save("letters", Annotation(DOCUMENTS[4], SCHEMA), annotator="ada", seconds=500.0, independent=True)
    assert progress.pace(letters, "letters", "ada") == 15.0
    assert progress.pace(letters, "letters", "ada", last=2) == 25.0
    letters.save(
        "letters", Annotation(DOCUMENTS[0], SCHEMA), annotator="ada", state=State.SUBMITTED, seconds=7.0,
        independent=True,
    )  # fmt: skip
    assert progress.pace(letters, "letters", "ada", last=1) == 7.0, "both sittings on the document count"


def test_an_annotators_part_by_their_own_states(letters: Store) -> None:
    assignments.share(letters, "letters", ["ada", "bob"], overlap=0.5)
    mine = {name: assignments.of(letters, "letters", name) for name in ("ada", "bob")}
    shared = sorted(mine["ada"] & mine["bob"])
    assert shared, "the test needs a document of both"
    document = next(d for d in DOCUMENTS if d.id == shared[0])
    letters.save("letters", Annotation(document, SCHEMA), annotator="bob", state=State.SUBMITTED, independent=True)

    def ids(own: str, *states: State, order: str = "file") -> set[str]:
        return {row.id for row in letters.queue("letters", states=states, own=own, order=order)}

    for order in ("file", "random", "updated"):
        assert ids("ada", *State, order=order) == mine["ada"]
        assert ids("ada", State.NEW, order=order) == mine["ada"], "bob's work is not ada's"
        assert ids("bob", State.NEW, order=order) == mine["bob"] - {document.id}
        assert ids("bob", State.SUBMITTED, order=order) == {document.id}
    assert ids("nobody", *State) == set()
