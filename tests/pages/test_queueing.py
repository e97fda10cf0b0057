"""The walk through a project, and what the store says about its progress."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from db import assignments, progress
from db.store import Store
from db.values import Order, State
from pages.shared import queueing
from pages.shared.queueing import Filter
from relex_core import editing
from relex_core.errors import InputError, NotFound
from relex_core.types import Document, Schema
from tests.pages.projects import MODEL, SCHEMA, store_with, suggest

FILE = Filter(order=Order.FILE)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return store_with(tmp_path)


def test_a_walk_opens_each_document_once_and_ends(store: Store) -> None:
    walk = queueing.start(store, "news", "ada", FILE)
    seen = []
    while walk.current:
        seen.append(walk.current)
        assert len(walk.ahead) == min(queueing.AHEAD, 6 - len(seen))
        store.set_state("news", walk.current, State.SKIPPED, annotator="ada")
        walk = queueing.advance(store, walk)
    assert seen == [f"d{n}" for n in range(6)]
    assert queueing.advance(store, walk).current == ""
    store.set_state("news", "d2", State.NEW, annotator="ada")
    assert queueing.start(store, "news", "ada", FILE).current == "d2"


def test_what_is_ahead_stays_ahead_when_scores_change_the_order(store: Store) -> None:
    walk = queueing.start(store, "news", "ada", Filter(order=Order.UNCERTAINTY))
    ahead = walk.ahead
    for n in range(6):
        suggest(store, f"d{n}", 0.3 + n / 10)
    assert queueing.advance(store, walk).current == ahead[0]


def test_uncertain_documents_come_first(store: Store) -> None:
    for n, score in enumerate((0.99, 0.95, 0.52, 0.9, 0.85, 0.8)):
        suggest(store, f"d{n}", score)
    assert queueing.start(store, "news", "ada", Filter(order=Order.UNCERTAINTY)).current == "d2"


def test_back_and_jump(store: Store) -> None:
    walk = queueing.advance(store, queueing.start(store, "news", "ada", FILE))
    assert queueing.back(walk).current == "d0"
    assert queueing.advance(store, queueing.back(walk)).current == "d1"
    jumped = queueing.jump(store, walk, "d5")
    assert (jumped.current, jumped.ahead) == ("d5", ("d2", "d3"))
    with pytest.raises(NotFound):
        queueing.jump(store, walk, "none")
    assert queueing.start(store, "news", "ada", FILE, at="d4").current == "d4"


def test_search_states_and_entity_rich_texts(store: Store) -> None:
    suggest(store, "d3")
    assert queueing.start(store, "news", "ada", replace(FILE, search="Eva")).current == "d4"
    assert queueing.start(store, "news", "ada", replace(FILE, min_suggested=3)).current == "d3"
    store.set_state("news", "d1", State.FLAGGED, annotator="ada")
    flagged = queueing.start(store, "news", "ada", replace(FILE, states=(State.FLAGGED,)))
    assert (flagged.current, flagged.ahead) == ("d1", ())


def test_a_document_is_one_persons_or_twos_and_a_new_colleague_only_takes_over() -> None:
    team = ("ada", "bob", "eva")
    shares = {n: assignments.people(f"d{n}", team, 0.5) for n in range(400)}
    assert 150 < sum(len(people) == 2 for people in shares.values()) < 250
    for person in team:
        assert 150 < sum(person in people for people in shares.values()) < 250
    for n in range(400):
        before = assignments.people(f"d{n}", team, 0.0)
        assert assignments.people(f"d{n}", (*team, "zoe"), 0.0) in (before, ("zoe",))


def test_shared_out_each_persons_own_state_counts(store: Store) -> None:
    assignments.share(store, "news", ["ada", " bob ", "ada"], 1.0)
    assert assignments.team(store, "news") == (("ada", 6), ("bob", 6))
    shared = replace(FILE, shared=True)
    store.set_state("news", "d0", State.SUBMITTED, annotator="bob")
    assert queueing.start(store, "news", "ada", shared).current == "d0"
    store.set_state("news", "d0", State.SUBMITTED, annotator="ada")
    assert queueing.start(store, "news", "ada", shared).current == "d1"
    assert queueing.start(store, "news", "guest", shared).current == ""
    # a document that comes later is shared out like the others
    store.add_documents("news", [Document("late", "Somebody came late.")])
    assignments.complete(store, "news")
    assert "late" in assignments.of(store, "news", "bob")
    assignments.stop(store, "news")
    assert assignments.team(store, "news") == ()
    with pytest.raises(InputError, match="at least two names"):
        assignments.share(store, "news", ["ada"], 0.1)


def test_unread_documents_are_those_without_all_of_todays_labels(store: Store) -> None:
    suggest(store, "d0")
    assert progress.unscored(store, "news", MODEL) == ("d1", "d2", "d3", "d4", "d5")
    assert progress.count_unscored(store, "news", "other@model") == 6
    assert progress.extraction(store, "news", "d0", MODEL) is not None
    wider = Schema.of([*SCHEMA.entity_labels, "river"], SCHEMA.relation_labels)
    store.save_schema("news", wider)
    assert progress.count_unscored(store, "news", MODEL) == 6
    assert progress.extraction(store, "news", "d0", MODEL) is None
    # one label fewer needs no new reading
    store.save_schema("news", Schema.of(SCHEMA.entity_labels, ["met in"]))
    assert progress.count_unscored(store, "news", MODEL) == 5


def test_work_is_summed_over_revisions(store: Store) -> None:
    extraction = suggest(store, "d0")
    annotation = editing.begin(extraction)
    for seconds, keys, state in ((4.0, 7, State.IN_PROGRESS), (2.5, 3, State.SUBMITTED)):
        store.save("news", annotation, annotator="ada", seconds=seconds, keystrokes=keys, state=state)
    store.save("news", annotation, annotator="bob", state=State.SKIPPED)
    ada, bob = progress.work(store, "news")
    assert (ada.seconds, ada.keystrokes, ada.revisions, ada.state) == (6.5, 10, 2, State.SUBMITTED)
    assert (bob.annotator, bob.seconds, bob.keystrokes, bob.state) == ("bob", None, None, State.SKIPPED)
    assert progress.states_of(store, "news", "bob") == {"d0": State.SKIPPED}
