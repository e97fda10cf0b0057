"""Adjudication: what is disputed, and what each pick makes of it."""

from __future__ import annotations

from hypothesis import given

from pages.shared import adjudication
from relex_core import editing
from relex_core.types import Annotation, Entity, Extraction, Relation
from tests.pages.test_agreement import (
    ADA,
    BABBAGE,
    LONDON,
    LONDON_PERSON,
    SCHEMA,
    SHORT_ADA,
    THAMES,
    annotation,
    annotations,
    mark,
)

ANN = annotation(ADA, BABBAGE, LONDON, relations=((ADA, "met in", LONDON),))
BOB = annotation(SHORT_ADA, BABBAGE, LONDON, THAMES, relations=((SHORT_ADA, "met in", LONDON),))
MARKS = {"ann": ANN, "bob": BOB}


def test_a_moved_boundary_is_one_disagreement_and_not_also_one_about_its_relation() -> None:
    found = adjudication.disagreements(MARKS)
    assert [(d.kind, d.text) for d in found] == [("entity", "Ada Lovelace"), ("entity", "Thames")]
    assert found[0].of("bob") == ("person: Ada",)
    assert found[1].of("ann") == ()


def test_picks_left_right_both_neither() -> None:
    boundary, thames = (d.id for d in adjudication.disagreements(MARKS))
    left = adjudication.resolve(MARKS, {boundary: ("ann",), thames: ("ann",)})
    assert [e.span for e in left.entities] == [ADA.span, BABBAGE.span, LONDON.span]
    assert left.relations == (Relation(ADA.id, LONDON.id, "met in"),)
    right = adjudication.resolve(MARKS, {boundary: ("bob",), thames: ("bob",)})
    assert [e.span for e in right.entities] == [SHORT_ADA.span, BABBAGE.span, LONDON.span, THAMES.span]
    assert right.relations == (Relation(SHORT_ADA.id, LONDON.id, "met in"),)
    both = adjudication.resolve(MARKS, {boundary: ("ann", "bob")})
    assert [e.span for e in both.entities] == [ADA.span, SHORT_ADA.span, BABBAGE.span, LONDON.span]
    neither = adjudication.resolve(MARKS, {})
    assert [e.span for e in neither.entities] == [BABBAGE.span, LONDON.span]
    assert neither.relations == ()


def test_direction_and_label_of_a_relation() -> None:
    ann = annotation(ADA, BABBAGE, relations=((ADA, "wrote to", BABBAGE),))
    bob = annotation(ADA, BABBAGE, relations=((BABBAGE, "wrote to", ADA), (ADA, "knows", BABBAGE)))
    marks = {"ann": ann, "bob": bob}
    (only,) = adjudication.disagreements(marks)
    assert only.of("bob") == (
        "Ada Lovelace → got letters from → Charles Babbage",
        "Ada Lovelace → knows → Charles Babbage",
    )
    # each as its annotator wrote it
    both = adjudication.resolve(marks, {only.id: ("ann", "bob")})
    assert {r.key for r in both.relations} == {r.key for r in (*ann.relations, *bob.relations)}
    assert adjudication.resolve(marks, {}).relations == ()


def test_two_versions_of_one_suggestion_keep_ids_apart() -> None:
    suggestion = Entity.suggested(*LONDON.span, "place", 0.6)
    extraction = Extraction(ANN.document, SCHEMA, (suggestion,), (), "mini@0")
    begun = editing.begin(extraction)
    kept = editing.apply(begun, editing.Accept((suggestion.id,)))
    relabelled = editing.apply(begun, editing.Relabel(suggestion.id, "person"))
    marks = {"ann": kept, "bob": relabelled}
    (only,) = adjudication.disagreements(marks)
    both = adjudication.resolve(marks, {only.id: ("ann", "bob")})
    assert {e.label for e in both.entities} == {"place", "person"}
    assert both.based_on == extraction


def test_what_was_turned_down_stays_a_negative_unless_it_was_picked() -> None:
    suggestion = Entity.suggested(*LONDON_PERSON.span, "person", 0.6)
    begun = editing.begin(Extraction(ANN.document, SCHEMA, (suggestion,), (), "mini@0"))
    refused = editing.apply(begun, editing.RemoveEntity(suggestion.id))
    marks = {"ann": refused, "bob": editing.apply(begun, editing.Accept((suggestion.id,)))}
    (only,) = adjudication.disagreements(marks)
    assert adjudication.resolve(marks, {}).rejected_entities == (suggestion,)
    assert adjudication.resolve(marks, {only.id: ("bob",)}).rejected_entities == ()


def test_a_disagreement_says_what_kind_it_is_and_which_labels_it_is_about() -> None:
    boundary, thames = adjudication.disagreements(MARKS)
    assert (boundary.reasons, boundary.labels) == (("boundary",), ("person",))
    assert (thames.reasons, thames.labels) == (("entity of some only",), ("river",))
    other = annotation(ADA, BABBAGE, LONDON_PERSON, relations=((LONDON_PERSON, "met in", ADA),))
    label, direction = adjudication.disagreements({"ann": ANN, "eva": other})
    assert (label.reasons, label.labels) == (("entity label",), ("person", "place"))
    assert (direction.reasons, direction.labels) == (("relation label or direction",), ("met in",))
    (missing,) = adjudication.disagreements({"ann": ANN, "eva": annotation(ADA, BABBAGE, LONDON)})
    assert missing.reasons == ("relation of some only",)


def test_a_disagreement_has_the_highest_score_that_the_model_gave_a_version() -> None:
    ada, place = Entity.suggested(*ADA.span, "person", 0.95), Entity.suggested(*LONDON.span, "place", 0.6)
    met = Relation(place.id, ada.id, "met in", 0.4)
    begun = editing.begin(Extraction(ANN.document, SCHEMA, (ada, place), (met,), "mini@0"))
    kept = editing.apply(begun, editing.Accept((ada.id, place.id), (met.key,)))
    kept = editing.apply(kept, editing.AddEntity("own", *BABBAGE.span, "person"))
    person = editing.apply(begun, editing.Accept((ada.id,)))
    person = editing.apply(person, editing.AddEntity("own", *LONDON.span, "person"))
    found = {d.text: d for d in adjudication.disagreements({"ann": kept, "bob": person})}
    scores = {text: (d.score, d.band) for text, d in found.items()}
    assert scores == {
        "Charles Babbage": (None, adjudication.UNSCORED),
        "London": (0.6, "score 0.5 to 0.7"),
        "Ada Lovelace – London": (0.4, "score below 0.5"),
    }
    # the model's opinion of what nobody says is none of theirs
    without = editing.apply(begun, editing.Accept((ada.id,)))
    (only,) = adjudication.disagreements({"bob": person, "eva": without})
    assert (only.text, only.score) == ("London", None)
    (lower, *_, highest) = adjudication.BANDS.values()
    assert lower[0] == 0
    assert highest[1] > 1


def test_what_no_pick_answers_is_undecided_but_for_relations_of_an_entity_that_was_turned_down() -> None:
    ann = annotation(ADA, LONDON, LONDON_PERSON, relations=((ADA, "met in", LONDON),))
    found = adjudication.disagreements({"ann": ann, "bob": annotation(ADA)})
    by_label = {d.labels[0]: d for d in found}
    place, person, relation = (by_label[name] for name in ("place", "person", "met in"))
    assert adjudication.undecided(found, {}) == found
    assert adjudication.undecided(found, {place.id: ("bob",), person.id: ("ann",)}) == ()
    # the same words as a person, which no relation is about
    assert adjudication.undecided(found, {place.id: ("ann",), person.id: ("bob",)}) == (relation,)


def test_three_people() -> None:
    marks = {"ann": ANN, "bob": BOB, "eva": annotation(ADA, BABBAGE, mark("Charles", "person"))}
    found = adjudication.disagreements(marks)
    relation = next(d for d in found if d.kind == "relation")
    assert [name for name, said in relation.options if said] == ["ann", "bob"]
    picked = adjudication.resolve(marks, {d.id: ("ann",) for d in found})
    assert [e.span for e in picked.entities] == [e.span for e in ANN.entities]
    assert len(picked.relations) == 1


@given(annotations(), annotations())
def test_picking_one_side_throughout_gives_that_side(one: Annotation, other: Annotation) -> None:
    marks = {"a": one, "b": other}
    picks = {d.id: ("b",) for d in adjudication.disagreements(marks)}
    result = adjudication.resolve(marks, picks)
    assert {(e.span, e.label) for e in result.entities} == {(e.span, e.label) for e in other.entities}
    assert adjudication.disagreements({"a": other, "b": result}) == ()


def test_picks_from_a_browser() -> None:
    assert adjudication.picks_from_json({"e:1": ["ann", 3], "x": "ann"}) == {"e:1": ("ann", "3")}
    assert adjudication.picks_from_json(None) == {}
