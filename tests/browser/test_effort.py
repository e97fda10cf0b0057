"""The count of corrections and what they cost, by hand. Needs no browser."""

from __future__ import annotations

from relex_core.types import Annotation, Document, Entity, Relation, Schema
from tests.browser.effort import Doccano, LabelStudio, Plan, plan

TEXT = "Ada Lovelace met Charles Babbage in London."
SCHEMA = Schema.of(["person", "place"], ["met", "in"])


def entity(words: str, label: str) -> Entity:
    start = TEXT.index(words)
    return Entity(f"{words}/{label}", start, start + len(words), label)


def annotation(entities: list[Entity], *relations: tuple[Entity, str, Entity]) -> Annotation:
    made = tuple(Relation(a.id, b.id, label) for a, label, b in relations)
    return Annotation(Document("d", TEXT), SCHEMA, tuple(entities), made)


ADA, SHORT = entity("Ada Lovelace", "person"), entity("Ada", "person")
BABBAGE, LONDON, LONDONER = entity("Charles Babbage", "person"), entity("London", "place"), entity("London", "person")
MET = entity("met", "place")


def test_each_difference_is_one_correction() -> None:
    gold = annotation([ADA, BABBAGE, LONDON], (ADA, "met", BABBAGE), (ADA, "in", LONDON))
    shown = annotation([SHORT, MET, LONDONER], (SHORT, "met", LONDONER), (SHORT, "in", MET))
    found = plan(shown, gold)
    assert found.move == ((SHORT, ADA.span),)
    assert found.relabel == ((LONDONER, "place"),)
    assert found.reject == (MET,)
    assert found.add == ((BABBAGE.span, "person"),)
    # what hung on the rejected entity goes with it; the other one only has a wrong label
    assert [(r.label, label) for r, label in found.relabel_relation] == [("met", "in")]
    assert found.reject_relation == ()
    assert found.add_relation == ((ADA.span, BABBAGE.span, "met"),)
    assert plan(gold, gold) == Plan()


def test_a_turned_relation_is_flipped() -> None:
    gold = annotation([ADA, BABBAGE], (ADA, "met", BABBAGE))
    assert len(plan(annotation([ADA, BABBAGE], (BABBAGE, "met", ADA)), gold).flip) == 1


def test_costs_by_hand() -> None:
    spans = (((0, 3), "person"), ((4, 7), "person"), ((8, 9), "place"))
    work = Plan(
        relabel=((SHORT, "place"),),
        reject=(MET,),
        add=spans,
        add_relation=(((0, 3), (4, 7), "met"), ((0, 3), (8, 9), "met")),
    )
    doccano, studio = Doccano(), LabelStudio()
    doccano.correct(work)
    studio.correct(work)
    # relabel 2, delete 1, three drags and two label keys, one switch, two relations and one label, approve, next
    assert doccano.actions == 2 + 1 + 5 + 1 + 5 + 2
    # relabel 2, delete 2, three drags and two label keys, two relations at 6, submit
    assert studio.actions == 2 + 2 + 5 + 12 + 1
    doccano.correct(Plan())
    studio.correct(Plan())
    assert (doccano.actions, studio.actions) == (18, 23)
