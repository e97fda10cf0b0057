"""Which relations people choose between which types: counted on from what was counted, and as if counted anew."""

from __future__ import annotations

import pytest

from db import habits, label_changes
from db.habits import Habits
from db.store import Store
from db.values import State
from relex_core.types import Annotation, Document, Entity, Relation, Schema

SCHEMA = Schema.of(["person", "place"], ["born in", "died in"])
TEXT = "Ada Paris Eva"
ADA, PARIS, EVA = Entity("a", 0, 3, "person"), Entity("p", 4, 9, "place"), Entity("e", 10, 13, "person")
BORN, DIED = ("person", "place", "born in"), ("person", "place", "died in")


@pytest.fixture
def letters(store: Store) -> Store:
    store.create_project("letters", SCHEMA)
    store.create_project("other", SCHEMA)
    for project in ("letters", "other"):
        store.add_documents(project, [Document(f"d{n}", TEXT + f" {n}") for n in range(4)])
    return store


def save(
    store: Store, id: str, *relations: tuple[str, str, str], by: str = "ada", state: State = State.SUBMITTED,
    project: str = "letters",
) -> None:  # fmt: skip
    document = store.document(project, id)
    schema = store.project(project).schema
    made = tuple(Relation(head, tail, label) for head, tail, label in relations)
    store.save(project, Annotation(document, schema, (ADA, PARIS, EVA), made), annotator=by, state=state)


def test_what_was_submitted_last_counts_and_is_counted_on(letters: Store) -> None:
    known = habits.catch_up(letters, "letters", Habits())
    assert known.counts() == ()
    save(letters, "d0", ("a", "p", "born in"), ("e", "p", "born in"))
    save(letters, "d1", ("a", "p", "died in"), state=State.IN_PROGRESS)
    save(letters, "d2", ("a", "p", "died in"), project="other")
    known = habits.catch_up(letters, "letters", known)
    assert known.counts() == ((BORN, 2),)
    save(letters, "d1", ("a", "p", "died in"))
    save(letters, "d0", ("a", "p", "died in"), by="eva")
    known = habits.catch_up(letters, "letters", known)
    assert known.counts() == ((DIED, 2),), "each document as it was submitted last"
    assert habits.catch_up(letters, "letters", known) is known
    assert habits.catch_up(letters, "letters", Habits()).counts() == known.counts()


def test_one_person_alone(letters: Store) -> None:
    save(letters, "d0", ("a", "p", "born in"))
    save(letters, "d1", ("a", "p", "died in"), by="eva")
    assert habits.catch_up(letters, "letters", Habits("eva")).counts() == ((DIED, 1),)


def test_renamed_labels_are_counted_under_their_new_name(letters: Store) -> None:
    save(letters, "d0", ("a", "p", "born in"))
    known = habits.catch_up(letters, "letters", Habits())
    label_changes.rename(letters, "letters", "relation", "born in", "native of", "ada")
    known = habits.catch_up(letters, "letters", known)
    assert known.counts() == ((("person", "place", "native of"), 1),)


def test_only_so_many_documents_are_looked_at(letters: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(habits, "RECENT", 2)
    known = Habits()
    for n, label in enumerate(["born in", "died in", "died in"]):
        save(letters, f"d{n}", ("a", "p", label))
        known = habits.catch_up(letters, "letters", known)
    assert known.counts() == ((DIED, 2),)
    assert habits.catch_up(letters, "letters", Habits()).counts() == ((DIED, 2),)
