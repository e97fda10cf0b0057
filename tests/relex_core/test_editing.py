from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex_core.editing import (
    Accept,
    AddEntity,
    AddRelation,
    Edit,
    Flip,
    MoveBounds,
    Relabel,
    RelabelRelation,
    RemoveEntity,
    RemoveRelation,
    Restore,
    Withdraw,
    apply,
    begin,
    diff,
    edit_from_json,
    edit_to_json,
    rebase,
)
from relex_core.errors import EditError, InputError, RelexError, SchemaError
from relex_core.selection import undecided
from relex_core.types import (
    RESCORED,
    Annotation,
    Document,
    Entity,
    Extraction,
    Relation,
    Schema,
    Thresholds,
    Undecided,
)
from tests.edits import apply_all

TEXT = Document.from_text("Ada Lovelace met Charles Babbage in London.")
SCHEMA = Schema.of(["person", "city"], ["met", "lives in"])
ADA = Entity.suggested(0, 12, "person", 0.9)
BABBAGE = Entity.suggested(17, 32, "person", 0.8)
LONDON = Entity.suggested(36, 42, "person", 0.4)
MET = Relation(ADA.id, BABBAGE.id, "met", 0.7)
EXTRACTION = Extraction(TEXT, SCHEMA, (ADA, BABBAGE, LONDON), (MET,), "mini@0")
START = begin(EXTRACTION)


def test_beginning_decides_nothing() -> None:
    assert START.entities == START.relations == START.rejected_entities == ()


def test_accepting_a_relation_accepts_its_ends() -> None:
    after = apply(START, Accept(relations=(MET.key,)))
    assert [e.id for e in after.entities] == [ADA.id, BABBAGE.id]
    assert [r.key for r in after.relations] == [MET.key]
    assert all(e.score is None for e in after.entities)


def test_removing_an_entity_removes_its_relations_and_remembers_the_suggestion() -> None:
    after = apply_all(START, [Accept(relations=(MET.key,)), RemoveEntity(BABBAGE.id)])
    assert [e.id for e in after.entities] == [ADA.id]
    assert after.relations == ()
    assert after.rejected_entities == (BABBAGE,)


def test_accepting_what_was_rejected_takes_it_back() -> None:
    after = apply_all(START, [RemoveEntity(ADA.id), Accept(entities=(ADA.id,))])
    assert after.rejected_entities == ()
    after = apply_all(START, [RemoveRelation(*MET.key), AddRelation(*MET.key)])
    assert after.rejected_relations == ()
    assert [r.key for r in after.relations] == [MET.key]


def test_relabelling_and_moving_keep_the_id() -> None:
    after = apply_all(START, [Relabel(LONDON.id, "city"), MoveBounds(LONDON.id, 36, 43)])
    assert after.entities == (Entity(LONDON.id, 36, 43, "city"),)
    assert diff(after).relabelled == ((LONDON, after.entities[0]),)


def test_own_entities_disappear_without_a_trace() -> None:
    after = apply_all(START, [AddEntity("n1", 36, 42, "city"), RemoveEntity("n1")])
    assert after == START


def test_marks_that_relations_were_scored_on_are_no_suggestions() -> None:
    own = Entity("n1", 36, 42, "city")
    lives = Relation(ADA.id, "n1", "lives in", 0.6)
    anew = Extraction(TEXT, SCHEMA, (ADA, BABBAGE, own), (MET, lives), EXTRACTION.model_version + RESCORED)
    before = apply(START, AddEntity("n1", 36, 42, "city"))
    marked = rebase(before, anew)
    assert [r.key for r in undecided(marked, Thresholds())[1]] == [MET.key, lives.key]
    assert diff(marked).added == (own,)
    removed = apply(marked, RemoveEntity("n1"))
    assert (removed.entities, removed.rejected_entities) == ((), ())
    assert own not in undecided(removed, Thresholds())[0]
    # a browser that took it for one
    assert apply(removed, Restore((), (), (own, ADA))).rejected_entities == (ADA,)


def test_a_mark_that_relations_were_scored_on_comes_back_after_its_deletion() -> None:
    add = AddEntity("n1", 36, 42, "city")
    marked = apply(START, add)
    anew = replace(EXTRACTION, entities=(ADA, BABBAGE, *marked.entities), model_version=f"mini@0{RESCORED}")
    removed = apply(rebase(marked, anew), RemoveEntity("n1"))
    assert apply(removed, add).entities == marked.entities
    with pytest.raises(EditError, match="not in use"):
        apply(removed, replace(add, id=ADA.id))


def test_flip_exchanges_the_ends_and_rejects_the_suggested_direction() -> None:
    after = apply(START, Flip(*MET.key))
    assert [r.key for r in after.relations] == [(BABBAGE.id, ADA.id, "met")]
    assert after.rejected_relations == (MET,)


def test_relation_can_be_relabelled() -> None:
    after = apply(START, RelabelRelation(*MET.key, "lives in"))
    assert [r.label for r in after.relations] == ["lives in"]


def test_undo_is_the_earlier_state() -> None:
    after = apply(START, Accept((ADA.id, BABBAGE.id)))
    restore = Restore(START.entities, START.relations, START.rejected_entities, START.rejected_relations)
    assert apply(after, restore) == START


def test_what_is_withdrawn_is_open_again_and_the_rest_stays() -> None:
    own = AddEntity("n1", 36, 42, "person"), Relabel("n1", "city")
    decided = apply_all(START, [Accept((), (MET.key,)), RemoveEntity(LONDON.id), *own])
    after = apply(decided, Withdraw((ADA.id, LONDON.id, "n1", "nobody"), (("nobody", "n1", "met"),)))
    assert [e.id for e in after.entities] == [BABBAGE.id]
    assert (after.relations, after.rejected_entities, after.rejected_relations) == ((), (), ())
    assert apply(apply(START, RemoveRelation(*MET.key)), Withdraw((), (MET.key,))) == START


def test_a_new_extraction_keeps_the_decisions() -> None:
    decided = apply(START, Relabel(LONDON.id, "city"))
    again = rebase(decided, Extraction(TEXT, SCHEMA, (LONDON,), (), "other@1"))
    assert again.entities == decided.entities
    assert again.based_on is not None
    assert again.based_on.model_version == "other@1"


@pytest.mark.parametrize(
    "edit",
    [
        AddEntity("n", 0, 99, "person"),
        AddEntity("n", 0, 3, "planet"),
        RemoveEntity("nobody"),
        Relabel("nobody", "city"),
        Relabel(ADA.id, "planet"),
        MoveBounds(ADA.id, 5, 5),
        AddRelation(ADA.id, ADA.id, "met"),
        AddRelation(ADA.id, "nobody", "met"),
        AddRelation(ADA.id, BABBAGE.id, "knows"),
        RemoveRelation(ADA.id, LONDON.id, "met"),
        Accept(entities=("nobody",)),
        Restore((Entity("a", 0, 3, "person", 0.5),), ()),
    ],
)
def test_impossible_edits_are_refused(edit: Edit) -> None:
    with pytest.raises((EditError, SchemaError, InputError)):
        apply(START, edit)


def test_no_entity_twice() -> None:
    once = apply(START, AddEntity("n1", 36, 42, "city"))
    for edit in (AddEntity("n1", 0, 3, "city"), AddEntity("n2", 36, 42, "city"), Relabel(LONDON.id, "city")):
        with pytest.raises(EditError):
            apply(once, edit)


ids = st.sampled_from([ADA.id, BABBAGE.id, LONDON.id, "n1", "n2"])
spans = st.tuples(st.integers(0, 43), st.integers(0, 43)).map(sorted)
labels = st.sampled_from(["person", "city"])
names = st.sampled_from(["met", "lives in"])
edits = st.one_of(
    st.builds(lambda id, span, label: AddEntity(id, *span, label), ids, spans, labels),
    st.builds(RemoveEntity, ids),
    st.builds(Relabel, ids, labels),
    st.builds(lambda id, span: MoveBounds(id, *span), ids, spans),
    st.builds(AddRelation, ids, ids, names),
    st.builds(RemoveRelation, ids, ids, names),
    st.builds(RelabelRelation, ids, ids, names, names),
    st.builds(Flip, ids, ids, names),
    st.builds(lambda e, r: Accept(tuple(e), tuple(r)), st.lists(ids), st.lists(st.tuples(ids, ids, names))),
    st.builds(lambda e, r: Withdraw(tuple(e), tuple(r)), st.lists(ids), st.lists(st.tuples(ids, ids, names))),
)


@given(st.lists(edits, max_size=12))
def test_whatever_is_edited_no_relation_dangles(steps: list[Edit]) -> None:
    annotation = START
    for edit in steps:
        before = annotation
        try:
            annotation = apply(annotation, edit)
        except RelexError:
            assert annotation == before
    # Annotation refuses dangling relations when made; this is about the two sides of a decision
    assert not {e.id for e in annotation.entities} & {e.id for e in annotation.rejected_entities}
    assert not {r.key for r in annotation.relations} & {r.key for r in annotation.rejected_relations}
    assert list(annotation.entities) == sorted(annotation.entities, key=lambda e: (e.start, -e.end, e.label))


@given(edits)
def test_edits_travel_as_json(edit: Edit) -> None:
    assert edit_from_json({"seq": 3, "client": "c", **edit_to_json(edit)}) == edit


def test_undo_travels_as_json() -> None:
    edit = Restore((Entity("n", 0, 3, "city"),), (), (ADA,), (MET,))
    assert edit_from_json(edit_to_json(edit)) == edit


@pytest.mark.parametrize(
    "data",
    [
        {"op": "explode"},
        {"op": "add_entity", "id": "a", "start": "0", "end": 3, "label": "x"},
        {"op": "add_entity", "id": "a", "start": True, "end": 3, "label": "x"},
        {"op": "relabel", "id": "a"},
        {"op": "accept", "relations": [["a", "b"]]},
        {"op": "restore", "entities": [{"id": "a"}]},
        {"op": "restore", "entities": 7},
    ],
)
def test_what_is_no_edit_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(EditError):
        edit_from_json(data)


def test_diff_counts_each_suggestion_once() -> None:
    after = apply_all(START, [Accept((ADA.id,)), MoveBounds(BABBAGE.id, 17, 24), RemoveEntity(LONDON.id)])
    changes = diff(after)
    assert [len(x) for x in (changes.accepted, changes.moved, changes.relabelled, changes.rejected, changes.added)] == [
        1,
        1,
        0,
        1,
        0,
    ]
    assert diff(Annotation(TEXT, SCHEMA, (Entity("n", 0, 3, "city"),))).added[0].id == "n"


def test_what_was_left_alone_is_in_the_changes_and_gone_with_the_next_edit() -> None:
    left = Undecided(seen=(BABBAGE.id,), not_shown=(LONDON.id,), not_shown_relations=(MET.key,))
    submitted = replace(apply(START, Accept((ADA.id,))), undecided=left)
    changes = diff(submitted)
    assert (changes.seen, changes.not_shown, changes.not_shown_relations) == ((BABBAGE,), (LONDON,), (MET,))
    assert (changes.rejected, changes.rejected_relations) == ((), ())
    assert apply(submitted, Accept((LONDON.id,))).undecided is None
    assert rebase(submitted, EXTRACTION).undecided is None
