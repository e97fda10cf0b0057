"""Gold items: which documents, for whom, how many, and that an attempt never becomes the document's version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from db import assignments, check, gold, imports
from db.argilla_review import PairAnswer, Reviewed, keep_answers
from db.store import Store
from db.values import ADJUDICATOR, State
from relex_core.errors import InputError
from relex_core.types import Annotation, Document, Entity, Relation, Schema

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


def settled(store: Store) -> bool:
    """Whether d0 is as it was adjudicated."""
    latest = store.latest("p", "d0")
    assert latest is not None
    return (latest.annotator, len(latest.annotation.entities), latest.state) == (ADJUDICATOR, 1, State.SUBMITTED)


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
    assert len(store.revisions("p", "d0")) == 3
    say(store, 0, "zoe", marked=False, state=State.IN_PROGRESS)
    assert settled(store)
    assert [len(a.entities) for a in store.annotations("p", states=[State.SUBMITTED])] == [1]
    assert store.counts("p")[State.SUBMITTED] == 1
    # the attempt is there, and begins after the adjudication that was first
    say(store, 0, "zoe", marked=False)
    assert gold.attempts(store, "p") == (("d0", "zoe"),)
    assert [r.annotator for r in store.revisions("p", "d0")][3:] == ["zoe", ADJUDICATOR] * 2
    assert list(check.check(store.database)) == []


def test_a_batch_that_comes_twice_adds_the_adjudicated_version_once(store: Store) -> None:
    for _ in range(2):
        store.save("p", Annotation(TEXTS[0], SCHEMA), annotator="zoe", client="c", seq=1, independent=True)
    assert [r.annotator for r in store.revisions("p", "d0")][3:] == ["zoe", ADJUDICATOR]


def test_who_saw_the_adjudicated_version_and_changed_it_has_the_last_word(store: Store) -> None:
    seen = store.latest("p", "d0")
    assert seen is not None
    store.save("p", Annotation(TEXTS[0], SCHEMA), annotator="zoe", expected=seen.number)
    latest = store.latest("p", "d0")
    assert latest is not None
    assert (latest.annotator, latest.annotation.entities) == ("zoe", ())


def test_a_file_does_not_replace_the_adjudicated_version(store: Store, tmp_path: Path) -> None:
    def task(at: int, *people: str) -> dict[str, object]:
        answers = [{"completed_by": {"email": who}, "result": []} for who in people]
        return {"id": f"d{at}", "data": {"text": TEXTS[at].text}, "annotations": answers}

    path = tmp_path / "tasks.json"
    path.write_text(json.dumps([task(0, "zoe", "kim", ADJUDICATOR), task(1, "zoe")]))
    done = imports.load(store, "p", [path], format="label-studio")
    assert (done.added, done.revisions) == (0, 4)
    assert settled(store)
    assert [r.annotator for r in store.revisions("p", "d0")][3:] == ["zoe", "kim", "import", ADJUDICATOR]
    assert store.counts("p")[State.SUBMITTED] == 2
    assert list(check.check(store.database)) == []


def test_an_answer_about_a_pair_in_argilla_does_not_replace_the_adjudicated_version(store: Store) -> None:
    schema = Schema.of(["person"], ["knows"])
    store.save_schema("p", schema)
    two = (Entity("a", 0, 3, "person"), Entity("b", 4, 9, "person"))
    annotation = Annotation(TEXTS[0], schema, two, (Relation("a", "b", "knows"),))
    store.save("p", annotation, annotator=ADJUDICATOR, state=State.SUBMITTED, independent=True)
    said = PairAnswer("d0", "zoe", (0, 3, "person"), (4, 9, "person"), "", "knows")
    done = Reviewed()
    keep_answers(store, "p", "there", "d0", "zoe", [said], done)
    mine, latest = store.latest("p", "d0", "zoe"), store.latest("p", "d0")
    assert done.revisions == 1
    assert mine is not None
    assert latest is not None
    assert mine.annotation.relations == ()
    assert (latest.annotator, latest.annotation.relations) == (ADJUDICATOR, annotation.relations)


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
