"""Batches of corrections into a real store: once, in order, and never over somebody else's work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from db import progress
from db.store import Store
from db.values import State
from pages.shared.corrections import Batch, Command, Committed, Refusal, apply_batch
from relex_core.editing import (
    Accept,
    AddEntity,
    AddRelation,
    Edit,
    Flip,
    MoveBounds,
    Relabel,
    RemoveEntity,
    RemoveRelation,
    Restore,
    begin,
)
from relex_core.types import Document, Entity, Extraction, Relation, RelationLabel, Schema, Thresholds, Undecided
from tests.edits import apply_all

SCHEMA = Schema.of(["person", "place"], ["born in"])
ADA = Entity.suggested(0, 3, "person", 0.9)
LONDON = Entity.suggested(16, 22, "place", 0.4)
EXTRACTION = Extraction(
    Document("d", "Ada was born in London."), SCHEMA, (ADA, LONDON), (Relation(ADA.id, LONDON.id, "born in", 0.6),), "m"
)
START = begin(EXTRACTION)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path / 'x.db'}")
    store.create_project("p", SCHEMA)
    store.add_documents("p", [EXTRACTION.document])
    yield store
    store.close()


def commit(store: Store, batch: Batch, annotator: str = "ada") -> Committed:
    return apply_batch(store, "p", START, batch, annotator, Thresholds())


def batch(*edits: Edit, first: int = 1, client: str = "c", revision: int = 0, **more: object) -> Batch:
    ops = tuple((first + i, edit) for i, edit in enumerate(edits))
    return replace(Batch(client, "d", ops, revision=revision), **more)  # type: ignore[arg-type]


def test_a_batch_is_one_revision_and_acknowledged_after_the_commit(store: Store) -> None:
    done = commit(store, batch(Accept((ADA.id,)), AddEntity("n", 8, 12, "place"), AddRelation(ADA.id, "n", "born in")))
    assert (done.revision, dict(done.acknowledged), done.refused) == (1, {"c": 3}, ())
    latest = store.latest("p", "d")
    assert latest is not None
    assert latest.annotation == done.annotation
    assert (len(latest.edits), latest.state, latest.annotator) == (3, State.IN_PROGRESS, "ada")


def test_sending_it_again_changes_nothing(store: Store) -> None:
    sent = batch(Accept((ADA.id,)), AddEntity("n", 8, 12, "place"))
    commit(store, sent)
    again = commit(store, sent)
    longer = commit(store, replace(sent, ops=(*sent.ops, (3, Relabel("n", "person")))))
    assert (again.revision, dict(again.acknowledged), longer.revision) == (1, {"c": 2}, 2)
    assert [(e.id, e.label) for e in longer.annotation.entities] == [(ADA.id, "person"), ("n", "person")]
    assert [len(r.edits) for r in store.revisions("p", "d")] == [2, 1]


def test_what_does_not_fit_is_refused_and_the_rest_is_kept(store: Store) -> None:
    done = commit(store, batch(Accept((ADA.id,)), Relabel("ghost", "person"), MoveBounds(ADA.id, 0, 7)))
    assert [e.span for e in done.annotation.entities] == [(0, 7)]
    assert [r.seq for r in done.refused] == [2]
    assert "ghost" in done.refused[0].message
    assert dict(done.acknowledged) == {"c": 3}


def test_unreadable_records_are_acknowledged_with_their_reason(store: Store) -> None:
    done = commit(store, batch(Accept((ADA.id,)), unreadable=(Refusal("c", 2, "bad"),)))
    assert (dict(done.acknowledged), done.refused, done.revision) == ({"c": 2}, (Refusal("c", 2, "bad"),), 1)
    only = commit(store, batch(first=3, unreadable=(Refusal("c", 3, "bad"),)))
    assert (dict(only.acknowledged), only.revision) == ({"c": 3}, 1)


def test_somebody_elses_revision_is_a_conflict_and_stays(store: Store) -> None:
    commit(store, batch(RemoveEntity(ADA.id), client="other"), "grace")
    mine = batch(Accept((ADA.id,)))
    done = commit(store, mine)
    assert done.conflict is not None
    assert (done.conflict.number, done.conflict.annotator, dict(done.acknowledged)) == (1, "grace", {})
    assert done.annotation.rejected_entities == (ADA,)
    assert len(store.revisions("p", "d")) == 1
    settled = commit(store, replace(mine, revision=1))
    assert (settled.conflict, settled.revision) == (None, 2)
    assert [e.id for e in settled.annotation.entities] == [ADA.id]


def test_own_revisions_are_no_conflict_though_the_browser_has_not_heard_of_them(store: Store) -> None:
    commit(store, batch(Accept((ADA.id,))))
    assert commit(store, batch(Relabel(ADA.id, "place"), first=2)).conflict is None
    after_reload = batch(Relabel(ADA.id, "person"), client="c2", revision=1)
    assert commit(store, after_reload).conflict is not None
    assert commit(store, replace(after_reload, kin={"c": 1})).conflict is not None, "it went on after that"
    assert commit(store, replace(after_reload, kin={"c": 2})).conflict is None


def test_the_work_in_a_batch_is_the_sum_of_what_its_commands_say(store: Store) -> None:
    flag = Command(2, "flag", seconds=7.5, keystrokes=3)
    submit = Command(3, "submit", seconds=5.0, keystrokes=4)
    commit(store, batch(Accept((ADA.id,)), commands=(flag, submit, Command(4, "next", seconds=5.0, keystrokes=4))))
    (work,) = progress.work(store, "p")
    assert (work.state, work.seconds, work.keystrokes) == (State.SUBMITTED, 12.5, 7)


def test_commands_set_the_state_once(store: Store) -> None:
    submit = Command(2, "submit", thresholds=Thresholds(0.4), seconds=12.5, keystrokes=7)
    sent = batch(Accept((ADA.id,)), commands=(submit, Command(3, "next")))
    done = commit(store, sent)
    assert [command.name for command in done.commands] == ["submit", "next"]
    latest = store.latest("p", "d")
    assert latest is not None
    assert (latest.state, latest.seconds, latest.keystrokes) == (State.SUBMITTED, 12.5, 7)
    assert latest.thresholds == Thresholds(0.4)
    assert commit(store, sent).commands == ()


def test_a_submitted_document_says_what_was_before_the_person_and_what_was_not(store: Store) -> None:
    relation = EXTRACTION.relations[0].key
    submit = Command(2, "submit", thresholds=Thresholds(0.5))
    done = commit(store, batch(Accept((ADA.id,)), commands=(submit,)))
    latest = store.latest("p", "d")
    assert latest is not None
    assert latest.annotation.undecided == done.annotation.undecided
    assert latest.annotation.undecided == Undecided(not_shown=(LONDON.id,), not_shown_relations=(relation,))
    assert (latest.annotation.rejected_entities, latest.annotation.rejected_relations) == ((), ())
    # shown at this threshold and left alone, then corrected further, then submitted with the place turned down
    commit(store, Batch("c", "d", commands=(Command(3, "submit", thresholds=Thresholds(0.2)),), revision=1))
    commit(store, batch(AddEntity("n", 8, 12, "place"), first=4, revision=2))
    turned = batch(RemoveEntity(LONDON.id), first=5, revision=3, commands=(Command(6, "submit"),))
    commit(store, turned)
    assert [r.annotation.undecided for r in store.revisions("p", "d")][1:] == [
        Undecided(seen=(LONDON.id,), seen_relations=(relation,)),
        None,
        Undecided(not_shown_relations=(relation,)),
    ]


def test_what_lay_in_another_part_of_a_long_text_was_not_shown(store: Store) -> None:
    commit(store, Batch("c", "d", commands=(Command(1, "submit", parts=((0, 10),)),)))
    latest = store.latest("p", "d")
    assert latest is not None
    assert latest.annotation.undecided == Undecided((ADA.id,), (), (LONDON.id,), (EXTRACTION.relations[0].key,))


def test_a_flag_stays_through_corrections_and_a_submitted_document_is_in_progress_again(store: Store) -> None:
    commit(store, Batch("c", "d", commands=(Command(1, "flag", note="odd"),)))
    commit(store, batch(Accept((ADA.id,)), first=2, revision=1))
    left = commit(store, Batch("c", "d", commands=(Command(3, "skip"),), revision=2))
    assert [(r.state, r.note) for r in store.revisions("p", "d")] == [(State.FLAGGED, "odd")] * 3
    commit(store, Batch("c", "d", commands=(Command(4, "submit"),), revision=left.revision))
    commit(store, batch(Accept((LONDON.id,)), first=5, revision=4))
    assert [(r.state, r.note) for r in store.revisions("p", "d")][3:] == [
        (State.SUBMITTED, ""),
        (State.IN_PROGRESS, ""),
    ]
    commit(store, Batch("c", "d", commands=(Command(6, "skip"),), revision=5))
    assert store.revisions("p", "d")[-1].state is State.SKIPPED


def test_of_what_is_accepted_at_once_whatever_fits_is_kept(store: Store) -> None:
    relation = EXTRACTION.relations[0].key
    ghost = (ADA.id, "ghost", "born in")
    done = commit(store, batch(Accept((ADA.id, "gone", LONDON.id), (relation, ghost))))
    assert {e.id for e in done.annotation.entities} == {ADA.id, LONDON.id}
    assert [r.key for r in done.annotation.relations] == [relation]
    ((seq, message),) = [(r.seq, r.message) for r in done.refused]
    assert seq == 1
    assert message.startswith("2 of the suggestions accepted at once do not fit. ")
    assert "'gone'" in message
    latest = store.latest("p", "d")
    assert latest is not None
    assert apply_all(START, latest.edits) == done.annotation


def test_a_document_of_which_something_was_refused_is_not_submitted(store: Store) -> None:
    wishes = (Command(2, "submit", seconds=5.0), Command(3, "next"))
    done = commit(store, batch(Accept((ADA.id, "gone")), commands=wishes))
    latest = store.latest("p", "d")
    assert latest is not None
    assert (latest.state, latest.seconds, [e.id for e in latest.annotation.entities]) == (
        State.IN_PROGRESS,
        5.0,
        [ADA.id],
    )
    assert latest.annotation.undecided is None
    assert (done.commands, dict(done.acknowledged)) == ((), {"c": 3})
    assert [r.seq for r in done.refused] == [2, 1]
    assert done.refused[0].message.startswith("Document 'd' is not submitted yet. Expected an entity of this document")
    # once it is seen, it goes
    again = commit(store, batch(first=4, commands=(Command(4, "submit"), Command(5, "next")), revision=1))
    assert [command.name for command in again.commands] == ["submit", "next"]
    assert store.latest("p", "d").state is State.SUBMITTED  # type: ignore[union-attr]


def test_nothing_is_saved_where_all_that_is_submitted_is_refused(store: Store) -> None:
    done = commit(store, batch(Accept(("gone",)), commands=(Command(2, "submit"), Command(3, "next"))))
    assert (done.revision, done.commands, store.latest("p", "d")) == (0, (), None)
    assert [r.seq for r in done.refused] == [2, 1]
    # left for another reason: that is no claim that it is done
    commit(store, batch(Accept(("gone",)), first=4, commands=(Command(5, "skip"), Command(6, "next"))))
    assert store.latest("p", "d").state is State.SKIPPED  # type: ignore[union-attr]


def test_a_wish_without_corrections_saves_nothing(store: Store) -> None:
    done = commit(store, Batch("c", "d", commands=(Command(1, "rescore"),)))
    assert (done.revision, dict(done.acknowledged), [c.name for c in done.commands]) == (0, {"c": 1}, ["rescore"])
    assert store.latest("p", "d") is None


def test_a_relation_that_the_label_set_does_not_allow_is_refused_on_save(store: Store) -> None:
    strict = Schema.of(["person", "place"], [RelationLabel("born in", head_types=("person",), tail_types=("place",))])
    store.save_schema("p", strict)
    start = begin(replace(EXTRACTION, schema=strict))
    wrong, right = AddRelation(LONDON.id, ADA.id, "born in"), AddRelation(ADA.id, LONDON.id, "born in")
    done = apply_batch(store, "p", start, batch(wrong, right, Flip(*right_key(right))), "ada", Thresholds())
    assert [r.seq for r in done.refused] == [1, 3]
    assert "from 'place' to 'person'" in done.refused[0].message
    assert [r.key for r in done.annotation.relations] == [right_key(right)]


def test_a_relation_that_the_inverse_of_its_label_does_not_allow_is_refused_on_save(store: Store) -> None:
    born = RelationLabel("born in", head_types=("person",), tail_types=("place",), inverse="home of")
    strict = Schema.of(["person", "place"], [born, "home of"])
    store.save_schema("p", strict)
    start = begin(replace(EXTRACTION, schema=strict))
    wrong, right = AddRelation(ADA.id, LONDON.id, "home of"), AddRelation(LONDON.id, ADA.id, "home of")
    done = apply_batch(store, "p", start, batch(wrong, right), "ada", Thresholds())
    assert [r.seq for r in done.refused] == [1]
    assert [r.key for r in done.annotation.relations] == [right_key(right)]


@pytest.mark.parametrize(
    "edit",
    [
        Relabel(ADA.id, "place"),
        Accept((), ((LONDON.id, ADA.id, "born in"),)),
        Restore((replace(ADA, score=None), replace(LONDON, score=None)), (Relation(LONDON.id, ADA.id, "born in"),)),
    ],
    ids=["another type", "a suggestion", "all at once"],
)
def test_no_way_leads_to_a_relation_that_the_label_set_does_not_allow(store: Store, edit: Edit) -> None:
    strict = Schema.of(["person", "place"], [RelationLabel("born in", head_types=("person",), tail_types=("place",))])
    store.save_schema("p", strict)
    start = begin(replace(EXTRACTION, schema=strict))
    right = AddRelation(ADA.id, LONDON.id, "born in")
    done = apply_batch(store, "p", start, batch(right, edit), "ada", Thresholds())
    assert [r.seq for r in done.refused] == [2]
    assert [r.key for r in done.annotation.relations] == [right_key(right)]
    # taken away first, as the editor does, it goes
    first = RemoveRelation(*right_key(right))
    done = apply_batch(store, "p", start, batch(first, Relabel(ADA.id, "place"), first=3), "ada", Thresholds())
    assert done.refused == ()


def test_what_did_not_fit_before_does_not_stand_in_the_way(store: Store) -> None:
    commit(store, batch(AddRelation(LONDON.id, ADA.id, "born in")))
    strict = Schema.of(["person", "place"], [RelationLabel("born in", head_types=("person",), tail_types=("place",))])
    store.save_schema("p", strict)
    start = begin(replace(EXTRACTION, schema=strict))
    done = apply_batch(store, "p", start, batch(MoveBounds(ADA.id, 0, 2), first=2), "ada", Thresholds())
    assert done.refused == ()


def test_only_what_ends_the_work_on_a_document_says_how_long_it_took(store: Store) -> None:
    slid = Command(2, "thresholds", seconds=4.0, keystrokes=2)
    commit(store, batch(Accept((ADA.id,)), commands=(slid,)))
    commit(store, Batch("c", "d", commands=(Command(3, "submit", seconds=9.0, keystrokes=5),), revision=1))
    assert [(r.seconds, r.keystrokes) for r in store.revisions("p", "d")] == [(None, None), (9.0, 5)]


def right_key(edit: AddRelation) -> tuple[str, str, str]:
    return edit.head, edit.tail, edit.label
