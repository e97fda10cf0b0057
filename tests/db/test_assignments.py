from __future__ import annotations

import pytest

from db import assignments, audit
from db.store import Store
from db.values import State
from relex_core.errors import InputError
from relex_core.types import Annotation, Document
from tests.db.conftest import SCHEMA


@pytest.fixture
def letters(store: Store) -> Store:
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [Document(f"d{n}", f"Text number {n}.") for n in range(20)])
    return store


def test_documents_are_dealt_out_evenly(letters: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.assignments.BATCH", 6)
    assert assignments.assign(letters, "letters", ["ann", "bob"]) == {"ann": 10, "bob": 10}
    assert assignments.assign(letters, "letters", ["ann", "bob"]) == {"ann": 0, "bob": 0}
    ann = {task.document for task in assignments.tasks(letters, "letters", "ann")}
    bob = {task.document for task in assignments.tasks(letters, "letters", "bob")}
    assert len(ann) == len(bob) == 10
    assert not ann & bob
    assert assignments.assign(letters, "letters", ["ann", "bob", "eve"], overlap=2) == {"ann": 4, "bob": 3, "eve": 13}
    assert len(assignments.people_of(letters, "letters", "d0")) == 2
    assert audit.events(letters, "letters")[0].action == "documents assigned"


def test_a_share_goes_to_two(letters: Store) -> None:
    got = assignments.assign(letters, "letters", ["ann", "bob", "eve"], overlap=2, share=0.3)
    twice = [n for n in range(20) if len(assignments.people_of(letters, "letters", f"d{n}")) == 2]
    assert 0 < len(twice) < 20
    assert sum(got.values()) == 20 + len(twice)


def test_tasks_follow_their_own_persons_state(letters: Store) -> None:
    assignments.assign(letters, "letters", ["ann", "bob"], overlap=2)
    first = letters.document("letters", "d0")
    letters.save("letters", Annotation(first, SCHEMA), annotator="ann", state=State.SUBMITTED)
    page = assignments.tasks(letters, "letters", "ann", limit=5)
    assert [task.document for task in page] == ["d1", "d2", "d3", "d4", "d5"]
    assert assignments.tasks(letters, "letters", "ann", after=page[-1])[0].document == "d6"
    assert assignments.tasks(letters, "letters", "bob")[0].document == "d0"
    done = assignments.tasks(letters, "letters", "ann", states=[State.SUBMITTED])
    assert [(task.document, task.state) for task in done] == [("d0", State.SUBMITTED)]


def test_overlap_needs_enough_people(letters: Store) -> None:
    with pytest.raises(InputError, match="2 people, overlap 3"):
        assignments.assign(letters, "letters", ["ann", "bob"], overlap=3)
