"""Shared documents, adjudication in the store, and statistics of the work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db.progress import Work
from db.store import Store
from db.values import State
from pages.shared import review, statistics
from pages.shared.adjudication import ADJUDICATOR
from relex_core import editing
from relex_core.editing import Accept, AddEntity, Edit, RemoveEntity, RemoveRelation
from tests.pages.projects import store_with, suggest


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return store_with(tmp_path)


def annotate(store: Store, id: str, who: str, *edits: Edit, state: State = State.SUBMITTED) -> None:
    annotation = editing.apply_all(editing.begin(suggest(store, id)), edits)
    store.save("news", annotation, annotator=who, edits=edits, state=state, independent=True, seconds=10, keystrokes=4)


ACCEPT_ALL = Accept(("0:3:person", "8:15:person", "19:25:place"), (("0:3:person", "19:25:place", "met in"),))


def test_only_finished_versions_of_two_people_are_compared(store: Store) -> None:
    annotate(store, "d0", "ann", ACCEPT_ALL)
    annotate(store, "d0", "bob", ACCEPT_ALL, RemoveEntity("19:25:place"))
    annotate(store, "d1", "ann", ACCEPT_ALL)
    annotate(store, "d1", "bob", ACCEPT_ALL, state=State.IN_PROGRESS)
    (only,) = review.shared(review.work(store, "news"))
    assert (only.id, only.annotators, only.adjudicated) == ("d0", ("ann", "bob"), False)
    figures = review.measure(store, "news", (only,)).figures[0]
    assert figures.strict.value == pytest.approx(2 * 2 / 5)
    assert figures.relations.value == 0.0


def test_the_adjudicated_document_is_a_revision_and_opens_again_when_somebody_saves(store: Store) -> None:
    annotate(store, "d0", "ann", ACCEPT_ALL)
    annotate(store, "d0", "bob", ACCEPT_ALL, RemoveEntity("19:25:place"))
    (only,) = review.shared(review.work(store, "news"))
    case = review.case(store, "news", only)
    assert [d.kind for d in case.disagreements] == ["entity", "relation"]
    saved = review.adjudicate(store, "news", case, {d.id: ("ann",) for d in case.disagreements}, 5.0)
    assert saved.annotator == ADJUDICATOR
    assert len(saved.annotation.entities) == 3
    assert len(saved.annotation.relations) == 1
    assert review.shared(review.work(store, "news"))[0].adjudicated
    assert [r.annotator for r in store.by_annotator("news", "d0")] == [ADJUDICATOR, "ann", "bob"]
    annotate(store, "d0", "bob", ACCEPT_ALL)
    assert not review.shared(review.work(store, "news"))[0].adjudicated


def test_acceptance_by_label_and_model(store: Store) -> None:
    annotate(store, "d0", "ann", ACCEPT_ALL, RemoveEntity("8:15:person"), AddEntity("own", 4, 7, "place"))
    annotate(store, "d1", "ann", ACCEPT_ALL, RemoveRelation("0:3:person", "19:25:place", "met in"))
    annotate(store, "d2", "ann", state=State.IN_PROGRESS)
    found = {(a.kind, a.label): a for a in statistics.acceptance(store.latest_revisions("news", suggestions=True))}
    person, place = found["entity", "person"], found["entity", "place"]
    assert (person.accepted, person.rejected, person.model) == (3, 1, "mini@test")
    assert person.rate == 0.75
    assert (place.accepted, place.added) == (2, 1)
    assert (found["relation", "met in"].accepted, found["relation", "met in"].rejected) == (1, 1)


def test_pace_and_progress_over_time() -> None:
    start = datetime(2026, 1, 5, 9, tzinfo=UTC)

    def work(n: int, who: str, state: State, seconds: float | None) -> Work:
        return Work(f"d{n}", who, state, 1, seconds, None if seconds is None else 5, start + timedelta(minutes=n))

    done = [
        work(0, "ann", State.SUBMITTED, 10),
        work(1, "bob", State.SUBMITTED, None),
        work(2, "ann", State.SUBMITTED, 30),
        work(3, "ann", State.SKIPPED, 500),
        work(4, "ann", State.IN_PROGRESS, 1),
    ]
    ann, bob = statistics.paces(done)
    assert (ann.submitted, ann.skipped, ann.open, ann.seconds, ann.keystrokes) == (2, 1, 1, 20, 5)
    assert ann.per_hour == 180
    assert (bob.seconds, bob.per_hour) == (None, None)
    assert [(who, count) for _, who, count in statistics.over_time(done)] == [
        ("ann", 1), ("bob", 1), ("ann", 2), ("ann", 3),
    ]  # fmt: skip
