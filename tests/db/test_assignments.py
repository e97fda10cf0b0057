from __future__ import annotations

import pytest

from db import assignments, audit
from db.store import Store
from db.values import State
from relex_core.errors import InputError
from relex_core.types import Annotation, Document
from tests.db.conftest import SCHEMA

TEAM = ("ann", "bob", "eve")


@pytest.fixture
def letters(store: Store) -> Store:
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [Document(f"d{n}", f"Text number {n}.") for n in range(60)])
    return store


def parts(store: Store) -> dict[str, frozenset[str]]:
    return {name: assignments.of(store, "letters", name) for name in TEAM}


def test_every_document_is_somebodys(letters: Store) -> None:
    assignments.share(letters, "letters", TEAM, 0.0, by="ann")
    mine = parts(letters)
    assert sum(len(part) for part in mine.values()) == 60
    assert len(frozenset().union(*mine.values())) == 60
    assert assignments.team(letters, "letters") == tuple((name, len(mine[name])) for name in TEAM)
    assert min(len(part) for part in mine.values()) >= 10
    assert (audit.events(letters, "letters")[0].action, audit.events(letters, "letters")[0].by) == (
        "documents shared out",
        "ann",
    )


def test_a_share_goes_to_two(letters: Store) -> None:
    assignments.share(letters, "letters", TEAM, 0.3)
    assert 60 < sum(len(part) for part in parts(letters).values()) < 90
    assignments.share(letters, "letters", TEAM, 1.0)
    assert sum(len(part) for part in parts(letters).values()) == 120


def test_what_one_did_of_ones_own_is_counted(letters: Store) -> None:
    assignments.share(letters, "letters", TEAM, 1.0)
    mine, others = sorted(assignments.of(letters, "letters", "ann")), {"ann", "bob", "eve"} - {"ann"}
    shared = next(id for id in mine if id in assignments.of(letters, "letters", "bob"))
    foreign = next(id for id in assignments.of(letters, "letters", "bob") if id not in mine)
    for id, who, state in (
        (shared, "ann", State.SKIPPED),
        (shared, "bob", State.SUBMITTED),
        (foreign, "ann", State.SUBMITTED),
    ):
        blank = Annotation(letters.document("letters", id), SCHEMA, (), ())
        letters.save("letters", blank, annotator=who, state=state)
    assert assignments.counts(letters, "letters", "ann") == {State.NEW: len(mine) - 1, State.SKIPPED: 1}
    assert assignments.counts(letters, "letters", "nobody") == {}
    assert sum(assignments.counts(letters, "letters", who).total() for who in others) == 120 - len(mine)


def test_a_colleague_takes_over_and_nobody_else_changes(letters: Store) -> None:
    assignments.share(letters, "letters", ("ann", "bob"), 0.0)
    before = parts(letters)
    assignments.share(letters, "letters", TEAM, 0.0)
    after = parts(letters)
    assert after["ann"] < before["ann"]
    assert after["bob"] < before["bob"]


def test_documents_added_later_are_shared_out_as_well(letters: Store) -> None:
    assignments.share(letters, "letters", TEAM, 1.0)
    letters.add_documents("letters", [Document("late", "Added later.")])
    assignments.complete(letters, "letters")
    assert sum("late" in part for part in parts(letters).values()) == 2
    assignments.stop(letters, "letters")
    assert assignments.team(letters, "letters") == ()


def test_one_person_is_no_team(letters: Store) -> None:
    with pytest.raises(InputError, match="at least two names"):
        assignments.share(letters, "letters", ["ann", " ann "], 0.0)
