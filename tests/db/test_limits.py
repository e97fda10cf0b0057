"""The thresholds that a person chose last in a project: read again by another visit, and under new names of labels."""

from __future__ import annotations

import pytest

from db import audit, label_changes, limits
from db.store import Store
from relex_core.errors import NotFound
from relex_core.types import Thresholds
from tests.db.conftest import SCHEMA

OWN = Thresholds(0.2, 0.6, (("person", 0.7), ("place", 0.15)), (("born in", 0.35),))


@pytest.fixture
def letters(store: Store) -> Store:
    store.create_project("letters", SCHEMA)
    store.create_project("other", SCHEMA)
    return store


def test_what_a_person_chose_last_in_a_project_is_kept_for_them_there(letters: Store, url: str) -> None:
    assert limits.chosen(letters, "letters", "ada") is None
    limits.choose(letters, "letters", "ada", Thresholds(0.4))
    limits.choose(letters, "letters", "ada", OWN)
    limits.choose(letters, "letters", "eva", Thresholds(0.9))
    with Store.open(url) as again:
        assert limits.chosen(again, "letters", " ada ") == OWN
        assert limits.chosen(again, "letters", "eva") == Thresholds(0.9)
        assert limits.chosen(again, "other", "ada") is None
    with pytest.raises(NotFound):
        limits.chosen(letters, "nowhere", "ada")


def test_the_same_thresholds_are_written_once(letters: Store) -> None:
    limits.choose(letters, "letters", "ada", Thresholds())
    for _ in range(3):
        limits.choose(letters, "letters", "ada", OWN)
    written = [event for event in audit.events(letters, "letters") if event.action == limits.CHOSEN]
    assert [event.by for event in written] == ["ada"], "those that everybody begins with were chosen by nobody"


def test_a_renamed_label_keeps_its_threshold(letters: Store) -> None:
    limits.choose(letters, "letters", "ada", OWN)
    label_changes.rename(letters, "letters", "entity", "person", "human", "eva")
    label_changes.rename(letters, "letters", "relation", "born in", "native of", "eva")
    found = limits.chosen(letters, "letters", "ada")
    assert found is not None
    assert (found.of_entity("human"), found.of_entity("place"), found.of_relation("native of")) == (0.7, 0.15, 0.35)
    assert {label for label, _ in (*found.entities, *found.relations)} == {"human", "place", "native of"}


def test_of_two_labels_that_became_one_the_threshold_of_the_one_that_stays_holds(letters: Store) -> None:
    limits.choose(letters, "letters", "ada", OWN)
    label_changes.rename(letters, "letters", "entity", "person", "place", "eva")
    found = limits.chosen(letters, "letters", "ada")
    assert found is not None
    assert found.entities == (("place", 0.15),)
