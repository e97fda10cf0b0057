"""Shared documents, adjudication in the store, and statistics of the work."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db.progress import Work
from db.store import Store
from db.values import ADJUDICATOR, State
from pages.shared import review, statistics
from pages.shared.review import Case, Filter
from pages.shared.statistics import Point
from relex_core import editing
from relex_core.editing import Accept, AddEntity, Edit, RemoveEntity, RemoveRelation, begin
from relex_core.errors import Conflict, InputError
from relex_core.selection import left_alone
from relex_core.types import Thresholds
from tests.edits import apply_all
from tests.pages.projects import store_with, suggest


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return store_with(tmp_path)


def annotate(store: Store, id: str, who: str, *edits: Edit, state: State = State.SUBMITTED) -> None:
    annotation = apply_all(begin(suggest(store, id)), edits)
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
    saved = review.adjudicate(store, "news", case, {d.id: ("ann",) for d in case.disagreements}, case.seen, 5.0)
    assert saved.annotator == ADJUDICATOR
    assert len(saved.annotation.entities) == 3
    assert len(saved.annotation.relations) == 1
    assert review.shared(review.work(store, "news"))[0].adjudicated
    assert [r.annotator for r in store.by_annotator("news", "d0")] == [ADJUDICATOR, "ann", "bob"]
    annotate(store, "d0", "bob", ACCEPT_ALL)
    assert not review.shared(review.work(store, "news"))[0].adjudicated


def test_where_nobody_disagrees_all_are_settled_at_once(store: Store) -> None:
    for document, last in (("d0", ACCEPT_ALL), ("d1", RemoveEntity("19:25:place")), ("d2", ACCEPT_ALL)):
        annotate(store, document, "ann", ACCEPT_ALL)
        annotate(store, document, "bob", ACCEPT_ALL, *([] if last is ACCEPT_ALL else [last]))
    assert review.settle_agreed(store, "news", review.shared(review.work(store, "news"))) == 2
    after = review.shared(review.work(store, "news"))
    assert {document.id for document in after if document.adjudicated} == {"d0", "d2"}
    settled = store.latest("news", "d0", ADJUDICATOR)
    assert settled is not None
    assert (len(settled.annotation.entities), len(settled.annotation.relations)) == (3, 1)
    assert review.settle_agreed(store, "news", after) == 0, "what is settled stays as it is"


def disputed(store: Store) -> Case:
    annotate(store, "d0", "ann", ACCEPT_ALL)
    annotate(store, "d0", "bob", ACCEPT_ALL, RemoveEntity("8:15:person"))
    return review.case(store, "news", review.shared(review.work(store, "news"))[0])


def everything(case: Case, whose: str) -> dict[str, tuple[str, ...]]:
    return {d.id: (whose,) for d in case.disagreements}


def test_what_somebody_saved_while_a_reviewer_decided_is_not_decided_on(store: Store) -> None:
    case = disputed(store)
    annotate(store, "d0", "bob", ACCEPT_ALL, RemoveEntity("19:25:place"), AddEntity("own", 4, 7, "place"))
    now = review.case(store, "news", case.shared)
    for read in (case, now):
        with pytest.raises(Conflict, match="revision 3 by 'bob'") as refused:
            review.adjudicate(store, "news", read, everything(case, "ann"), case.seen)
        assert [r.number for r in refused.value.value] == [3]
    assert store.latest("news", "d0", ADJUDICATOR) is None
    assert not review.shared(review.work(store, "news"))[0].adjudicated
    (saved,) = review.since(store, "news", "d0", case.seen)
    assert (saved.annotator, saved.state) == ("bob", State.SUBMITTED)
    assert saved.now == ("met (place)", "Charles (person)")
    assert saved.before == ("London (place)", "Ada → met in → London")
    review.adjudicate(store, "news", now, everything(now, "ann"), now.seen)
    assert review.shared(review.work(store, "news"))[0].adjudicated


def test_answers_must_cover_every_disagreement(store: Store) -> None:
    case = disputed(store)
    with pytest.raises(InputError, match="1 without one, the first about 'Charles'"):
        review.adjudicate(store, "news", case, {}, case.seen)
    assert store.latest("news", "d0", ADJUDICATOR) is None


def test_a_third_version_and_another_reviewer_count_as_newer_too(store: Store) -> None:
    case = disputed(store)
    annotate(store, "d0", "eva", ACCEPT_ALL, state=State.IN_PROGRESS)
    first = review.adjudicate(store, "news", case, everything(case, "ann"), case.seen)
    assert first.annotator == ADJUDICATOR, "work in progress is nobody's version yet"
    with pytest.raises(Conflict, match="by 'adjudication'"):
        review.adjudicate(store, "news", case, everything(case, "bob"), case.seen)
    again = review.case(store, "news", case.shared)
    annotate(store, "d0", "eva", ACCEPT_ALL)
    with pytest.raises(Conflict, match="by 'eva'"):
        review.adjudicate(store, "news", again, everything(again, "bob"), again.seen)
    third = review.case(store, "news", case.shared)
    annotate(store, "d0", "bob", state=State.IN_PROGRESS)
    with pytest.raises(Conflict, match="by 'bob'"):
        review.adjudicate(store, "news", third, everything(third, "bob"), third.seen)
    assert [s.state for s in review.since(store, "news", "d0", third.seen)] == [State.IN_PROGRESS]


def test_shared_documents_are_found_by_annotator_label_and_kind(store: Store) -> None:
    disputed(store)
    annotate(store, "d1", "ann", ACCEPT_ALL)
    annotate(store, "d1", "eva", ACCEPT_ALL, RemoveRelation("0:3:person", "19:25:place", "met in"))
    shared = review.shared(review.work(store, "news"))
    about = review.disputed(store, "news", shared)

    def found(**wanted: str) -> list[str]:
        return sorted(document.id for document in review.matching(shared, Filter(**wanted), about))

    assert found() == ["d0", "d1"]
    assert found(annotator="eva") == ["d1"]
    assert found(label="person") == ["d0"]
    assert found(label="met in") == ["d1"]
    assert found(reason="entity of some only") == ["d0"]
    assert found(reason="relation of some only") == ["d1"]
    assert found(annotator="bob", label="met in") == []
    assert found(band="score from 0.9") == ["d0", "d1"]
    assert found(band="score from 0.9", label="person") == ["d0"]
    assert found(band="score 0.7 to 0.9") == found(band="not suggested") == []


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


def test_what_was_not_shown_counts_as_not_shown_and_in_no_rate(store: Store) -> None:
    for id, score in (("d0", 0.9), ("d1", 0.2)):
        annotation = editing.apply(editing.begin(suggest(store, id, score)), Accept(("0:3:person",)))
        left = left_alone(annotation, Thresholds())
        store.save("news", replace(annotation, undecided=left), annotator="ann", state=State.SUBMITTED)
    found = {a.label: a for a in statistics.acceptance(store.latest_revisions("news", suggestions=True))}
    assert (found["person"].accepted, found["person"].seen, found["person"].not_shown) == (2, 1, 1)
    assert found["person"].rate == 1.0
    assert (found["place"].seen, found["place"].not_shown, found["place"].decided) == (1, 1, 0)
    assert (found["place"].rate, found["met in"].rate, found["met in"].not_shown) == (None, None, 1)


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
    assert [(point.annotator, point.value) for point in statistics.over_time(done)] == [
        ("ann", 1), ("bob", 1), ("ann", 2), ("ann", 3),
    ]  # fmt: skip
    assert statistics.seconds_over_time(reversed(done)) == (
        Point(start, "ann", 10), Point(start + timedelta(minutes=2), "ann", 20),
    )  # fmt: skip
    assert [point.value for point in statistics.keystrokes_over_time(done)] == [5, 5]


def test_a_pace_looks_back_on_so_many_documents_only() -> None:
    start = datetime(2026, 1, 5, 9, tzinfo=UTC)
    long_ago = statistics.LATELY
    done = [
        Work(f"d{n}", "ann", State.SUBMITTED, 1, 100.0 if n < long_ago else 20.0, 5, start + timedelta(minutes=n))
        for n in range(2 * long_ago)
    ]
    values = [point.value for point in statistics.seconds_over_time(done)]
    assert (values[0], values[long_ago - 1], values[-1]) == (100.0, 100.0, 20.0)
    assert len(values) == 2 * long_ago
