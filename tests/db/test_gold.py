"""Gold items: which documents, for whom, how many, and that an attempt never becomes the document's version."""

from __future__ import annotations

import pytest

from db import assignments, gold
from db.gold import ADJUDICATOR
from db.store import Store
from db.values import State
from relex_core.errors import InputError
from relex_core.types import Annotation, Document, Entity, Schema

SCHEMA = Schema.of(["person"])
TEXTS = [Document(f"d{n}", f"Ada wrote {n}.") for n in range(6)]


@pytest.fixture
def store(store: Store) -> Store:
    store.create_project("p", SCHEMA)
    store.add_documents("p", TEXTS)
    for who in ("ada", "eva", ADJUDICATOR):
        say(store, 0, who, marked=who != "eva")
    return store


def say(store: Store, at: int, who: str, marked: bool = True, state: State = State.SUBMITTED) -> None:
    entities = (Entity("x", 0, 3, "person"),) if marked else ()
    store.save("p", Annotation(TEXTS[at], SCHEMA, entities), annotator=who, state=state, independent=True)


def test_who_helped_to_settle_a_document_does_not_get_it_and_who_finished_it_not_again(store: Store) -> None:
    assert gold.items(store, "p") == {"d0"}
    assert gold.waiting(store, "p", "ada") == ()
    assert gold.waiting(store, "p", "zoe") == ("d0",)
    say(store, 0, "zoe", state=State.IN_PROGRESS)
    assert gold.waiting(store, "p", "zoe") == ("d0",)
    say(store, 0, "zoe")
    assert gold.waiting(store, "p", "zoe") == ()
    assert gold.attempts(store, "p") == (("d0", "zoe"),)


def test_the_adjudicated_version_stays_the_latest(store: Store) -> None:
    gold.keep(store, "p", "d0")
    assert len(store.revisions("p", "d0")) == 3
    say(store, 0, "zoe", marked=False, state=State.IN_PROGRESS)
    gold.keep(store, "p", "d0")
    latest = store.latest("p", "d0")
    assert latest is not None
    assert (latest.annotator, len(latest.annotation.entities), latest.state) == (ADJUDICATOR, 1, State.SUBMITTED)
    assert [len(a.entities) for a in store.annotations("p", states=[State.SUBMITTED])] == [1]
    # the attempt is there, and begins after the adjudication that was first
    say(store, 0, "zoe", marked=False)
    gold.keep(store, "p", "d0")
    assert gold.attempts(store, "p") == (("d0", "zoe"),)


def test_a_team_gets_a_tenth_and_another_share_can_be_chosen(store: Store) -> None:
    assert gold.share(store, "p") == 0.0
    assignments.share(store, "p", ["ada", "zoe"], 0.0)
    assert gold.share(store, "p") == gold.SHARE
    gold.choose_share(store, "p", 0.25, "ada")
    assert gold.share(store, "p") == 0.25
    gold.choose_share(store, "p", 0.0)
    assert gold.share(store, "p") == 0.0
    with pytest.raises(InputError):
        gold.choose_share(store, "p", 0.9)


@pytest.mark.parametrize(("share", "run"), [(0.1, 10), (0.25, 4), (0.5, 2)])
def test_one_in_each_run_at_a_place_that_differs(share: float, run: int) -> None:
    places = [at for at in range(40 * run) if gold.due("zoe", at, share)]
    assert [at // run for at in places] == list(range(40))
    assert len({at % run for at in places}) == run
    assert places != [at for at in range(40 * run) if gold.due("ada", at, share)]
    assert not any(gold.due("zoe", at, 0.0) for at in range(100))
