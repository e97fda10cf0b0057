"""Agreement against values worked out by hand, and properties that any figure must have."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask

from pages.shared import agreement, alignment
from pages.shared.agreement import F1
from relex_core.types import Annotation, Document, Entity, Relation, RelationLabel, Schema

TEXT = "Ada Lovelace met Charles Babbage in London near the Thames."
SCHEMA = Schema.of(
    ["person", "place", "river"],
    [
        "met in",
        RelationLabel("knows", symmetric=True),
        RelationLabel("wrote to", inverse="got letters from"),
        RelationLabel("got letters from", inverse="wrote to"),
    ],
)


def mark(words: str, label: str) -> Entity:
    start = TEXT.index(words)
    return Entity(f"{label}-{start}-{len(words)}", start, start + len(words), label)


def annotation(*entities: Entity, relations: tuple[tuple[Entity, str, Entity], ...] = ()) -> Annotation:
    return Annotation(
        Document("d", TEXT), SCHEMA, entities, tuple(Relation(a.id, b.id, label) for a, label, b in relations)
    )


ADA, SHORT_ADA = mark("Ada Lovelace", "person"), mark("Ada", "person")
BABBAGE, LONDON, LONDON_PERSON = mark("Charles Babbage", "person"), mark("London", "place"), mark("London", "person")
THAMES, THAMES_PLACE = mark("Thames", "river"), mark("Thames", "place")


def test_span_f1_strict_and_relaxed() -> None:
    ann = annotation(ADA, BABBAGE, LONDON)
    bob = annotation(SHORT_ADA, BABBAGE, LONDON_PERSON, THAMES)
    overall = agreement.by_pair([{"ann": ann, "bob": bob}])[0]
    # equal: Babbage; overlapping with the same label: Ada too; 3 + 4 marks
    assert overall.strict == F1(1, 3, 4)
    assert overall.strict.value == pytest.approx(2 / 7)
    assert overall.relaxed.value == pytest.approx(4 / 7)
    assert overall.matched == 3


def test_f1_by_label() -> None:
    ann = annotation(ADA, BABBAGE, LONDON)
    bob = annotation(SHORT_ADA, BABBAGE, LONDON_PERSON)
    by_label = {figures.label: figures for figures in agreement.by_pair([{"ann": ann, "bob": bob}])}
    assert by_label["person"].strict == F1(1, 2, 3)
    assert by_label["place"].strict == F1(0, 1, 0)
    assert by_label["place"].strict.value == 0.0
    # Ada and Babbage; London is a person for one of the two only
    assert (by_label[""].matched, by_label["person"].matched, by_label["place"].matched) == (3, 2, 0)


def test_kappa_and_alpha_on_matched_mentions() -> None:
    # labels of four matched mentions: (person, person), (person, person), (place, place), (river, place)
    ann = annotation(ADA, BABBAGE, LONDON, THAMES)
    bob = annotation(SHORT_ADA, BABBAGE, LONDON, THAMES_PLACE)
    overall = agreement.by_pair([{"ann": ann, "bob": bob}])[0]
    observed = Fraction(3, 4)
    by_chance = Fraction(2, 4) * Fraction(2, 4) + Fraction(1, 4) * Fraction(2, 4)  # person, place
    assert overall.kappa == pytest.approx(float((observed - by_chance) / (1 - by_chance)))
    # eight labels: 4 person, 3 place, 1 river; alpha = 1 - observed / expected disagreement
    expected = 1 - Fraction(4 * 3 + 3 * 2 + 1 * 0, 8 * 7)
    assert overall.alpha == pytest.approx(float(1 - Fraction(1, 4) / expected))


def test_no_figure_where_there_is_nothing_to_measure() -> None:
    same = annotation(ADA, BABBAGE)
    overall = agreement.by_pair([{"ann": same, "bob": same}])[0]
    assert overall.strict.value == 1.0
    assert (overall.kappa, overall.alpha, overall.relations.value) == (None, None, None)
    assert agreement.by_pair([{"ann": same}]) == ()
    assert agreement.over_everybody([{"ann": same}])[0].value is None


def test_relation_f1_counts_symmetric_and_inverse_labels_as_the_same() -> None:
    ann = annotation(
        ADA, BABBAGE, LONDON, relations=((ADA, "knows", BABBAGE), (ADA, "wrote to", BABBAGE), (ADA, "met in", LONDON))
    )
    bob = annotation(
        ADA, BABBAGE, LONDON,
        relations=((BABBAGE, "knows", ADA), (BABBAGE, "got letters from", ADA), (LONDON, "met in", ADA)),
    )  # fmt: skip
    figures = {f.label: f for f in agreement.by_pair([{"ann": ann, "bob": bob}])}
    assert figures[""].relations == F1(2, 3, 3)
    assert figures["knows"].relations.value == 1.0
    assert figures["met in"].relations.value == 0.0


def test_alpha_of_three_people_allows_for_gaps() -> None:
    documents = [
        {"ann": annotation(ADA, LONDON, THAMES), "bob": annotation(ADA, LONDON), "eva": annotation(ADA, THAMES_PLACE)}
    ]
    # Ada: person x 3; London: place x 2; Thames: river, place. Nine... seven pairable labels: 3, 3, 1
    observed = Fraction(2, 7)  # coincidences that differ, of seven: the pair (river, place) counts twice
    expected = 1 - Fraction(3 * 2 + 3 * 2 + 0, 7 * 6)
    assert agreement.over_everybody(documents)[0].value == pytest.approx(float(1 - observed / expected))


def test_alpha_of_each_label_over_everybody() -> None:
    documents = [
        {"ann": annotation(ADA, LONDON, THAMES), "bob": annotation(ADA, LONDON), "eva": annotation(ADA, THAMES_PLACE)}
    ]
    everybody = {(a.kind, a.label): a for a in agreement.over_everybody(documents)}
    # place against all others: 3 yes, 4 no of seven; two of seven coincidences differ
    place = 1 - Fraction(2, 7) / (1 - Fraction(3 * 2 + 4 * 3, 7 * 6))
    assert place == Fraction(1, 2)
    assert everybody["entity", "place"].value == pytest.approx(float(place))
    # river: 1 yes, 6 no, which is no better than chance
    assert everybody["entity", "river"].value == pytest.approx(0.0)
    assert everybody["entity", "person"].value == pytest.approx(1.0)
    matched = {label: a.matched for (_, label), a in everybody.items() if label}
    assert matched == {"place": 1, "river": 0, "person": 1}
    assert everybody["entity", ""].matched == 3
    assert everybody["relation", ""].value is None


def test_alpha_of_relations() -> None:
    everywhere = (ADA, BABBAGE, LONDON, THAMES)
    same = ((BABBAGE, "met in", LONDON), (ADA, "met in", LONDON))
    marks = {
        "ann": annotation(*everywhere, relations=(*same, (ADA, "knows", BABBAGE), (LONDON, "met in", THAMES))),
        "bob": annotation(*everywhere, relations=(*same, (BABBAGE, "knows", ADA), (THAMES, "met in", LONDON))),
    }
    overall = agreement.by_pair([marks])[0]
    # eight labels: 5 met in, 1 met in backwards, 2 knows; one pair of four differs
    two = 1 - Fraction(1, 4) / (1 - Fraction(5 * 4 + 1 * 0 + 2 * 1, 8 * 7))
    assert overall.relation_alpha == pytest.approx(float(two))
    marks["eva"] = annotation(*everywhere, relations=((ADA, "knows", LONDON),))
    everybody = {a.label: a for a in agreement.over_everybody([marks]) if a.kind == "relation"}
    # nine labels: 5, 1, 3; in a pair of three people each of two differs from the third, each weighs 1 / (3 - 1)
    three = 1 - Fraction(2 + 2, 9) / (1 - Fraction(5 * 4 + 1 * 0 + 3 * 2, 9 * 8))
    assert everybody[""].value == pytest.approx(float(three))
    # met in whichever way against all others: 6 yes, 3 no
    met_in = 1 - Fraction(2, 9) / (1 - Fraction(6 * 5 + 3 * 2, 9 * 8))
    assert everybody["met in"].value == pytest.approx(float(met_in))
    assert (everybody[""].matched, everybody["met in"].matched, everybody["knows"].matched) == (4, 3, 1)


def test_units_match_one_to_one_by_overlap() -> None:
    inner = mark("Lovelace", "person")
    units = alignment.units({"ann": annotation(ADA), "bob": annotation(inner, SHORT_ADA)})
    assert [unit.of("bob") for unit in units if unit.of("ann")] == [inner]
    assert len(units) == 2


@st.composite
def annotations(draw: st.DrawFn) -> Annotation:
    spans = draw(st.lists(st.tuples(st.integers(0, 10), st.integers(1, 5), st.sampled_from(["person", "place"])),
                          max_size=5, unique=True))  # fmt: skip
    return annotation(*(Entity(str(n), s, s + w, label) for n, (s, w, label) in enumerate(spans)))


@given(annotations(), annotations())
def test_agreement_does_not_depend_on_who_is_named_first(one: Annotation, other: Annotation) -> None:
    there = agreement.by_pair([{"a": one, "b": other}])[0]
    back = agreement.by_pair([{"a": other, "b": one}])[0]
    assert there.strict.value == back.strict.value
    assert there.strict.matched <= there.relaxed.matched <= min(len(one.entities), len(other.entities))
    assert agreement.by_pair([{"a": one, "b": one}])[0].strict.value in (1.0, None)


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("xyz")), min_size=2, max_size=12))
def test_kappa_is_that_of_nltk(said: list[tuple[str, str]]) -> None:
    ratings = [
        (who, str(at), label) for at, pair in enumerate(said) for who, label in zip(("ann", "bob"), pair, strict=True)
    ]
    ours = agreement._kappa(ratings)
    assert (ours is None) == (len({label for pair in said for label in pair}) == 1)
    if ours is not None:
        assert ours == pytest.approx(float(AnnotationTask(ratings).kappa()))


def test_thousands_of_mentions_take_no_minutes() -> None:
    """Time that grows with the square of the mentions made a page of a text of 150,000 characters hang."""
    document = Document("d", "Ada met Bob. " * 3000)
    marks = {
        name: Annotation(
            document,
            SCHEMA,
            tuple(Entity(f"{at}", 13 * at, 13 * at + 3, label if at % 2 else "person") for at in range(3000)),
            tuple(Relation(f"{at}", f"{at + 1}", "met in") for at in range(0, 2998, 2)),
        )
        for name, label in (("ann", "place"), ("bob", "river"))
    }
    began = time.process_time()
    overall = agreement.by_pair([marks])[0]
    assert time.process_time() - began < 3
    assert (overall.strict, overall.matched) == (F1(1500, 3000, 3000), 3000)
