from __future__ import annotations

import tracemalloc

import pytest

from relex_core.errors import InputError, RelexError, SchemaError, quote
from relex_core.types import (
    Annotation,
    Document,
    Entity,
    EntityLabel,
    Extraction,
    Relation,
    RelationLabel,
    Schema,
    Thresholds,
)

TEXT = Document.from_text("Ada Lovelace met Charles Babbage in London.")
SCHEMA = Schema.of(["person", "city"], ["met"])
ADA = Entity("a", 0, 12, "person")
BABBAGE = Entity("b", 17, 32, "person")


@pytest.mark.parametrize(
    ("text", "found"),
    [("", "an empty text"), (" \n\t", "nothing but white space"), ("a\x00b", "U+0000"), ("x\ud800", "U+D800")],
)
def test_unusable_texts_are_refused_with_what_was_found(text: str, found: str) -> None:
    with pytest.raises(InputError) as caught:
        Document.from_text(text)
    assert found in caught.value.found


def test_a_value_as_long_as_a_file_is_quoted_without_being_written_out() -> None:
    long = "\ud800" * 5_000_000
    tracemalloc.start()
    shown = quote(long, 40)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(shown), shown[0], shown[-4:]) == (41, "'", "...'")
    assert peak < 1_000_000
    assert quote("a" * 38, 40) == repr("a" * 38)
    assert quote("a" * 40, 40) == "'" + "a" * 36 + "...'"


def test_errors_say_expected_found_and_change() -> None:
    error = InputError(expected="a number", found="'x'", change="Write a number.", value="x")
    assert str(error) == "Expected a number, found 'x'. Write a number."
    assert error.value == "x"
    assert isinstance(error, RelexError)


def test_the_id_of_a_document_follows_its_text() -> None:
    assert Document.from_text("a").id == Document.from_text("a", source="elsewhere").id
    assert Document.from_text("a").id != Document.from_text("b").id


@pytest.mark.parametrize("name", ["", " person", "x" * 201, "a\nb", "<<ENT>> person", "the <<REL>>", "\ud800"])
def test_labels_the_model_cannot_read_are_refused(name: str) -> None:
    with pytest.raises(SchemaError):
        EntityLabel(name)
    with pytest.raises(SchemaError):
        RelationLabel(name)


def test_descriptions_are_read_by_the_model_too() -> None:
    with pytest.raises(SchemaError):
        RelationLabel("works for", description="the <<REL>> of work")


def test_markup_in_labels_is_ordinary_text() -> None:
    assert Schema.of(["<script>alert(1)</script>"]).entity_labels[0].name == "<script>alert(1)</script>"


def test_a_text_is_no_list_of_its_letters() -> None:
    for entities, relations in (("person", []), (["person"], "met")):
        with pytest.raises(SchemaError, match="whose letters would be the labels"):
            Schema.of(entities, relations)


def test_duplicates_are_named() -> None:
    with pytest.raises(SchemaError, match="'person' more than once"):
        Schema.of(["person", "city", "person"])


def test_letters_and_colours_are_unique_for_hundreds_of_labels() -> None:
    labels = Schema.of([f"label {n}" for n in range(200)]).entity_labels
    assert len({label.letter for label in labels}) == 200
    assert [label.color for label in labels] == list(range(200))


def test_thousands_of_labels_are_coded_in_their_order() -> None:
    schema = Schema.of([f"x{n}" for n in range(3_000)], [f"r{n}" for n in range(3_000)])
    letters = [label.letter for label in schema.entity_labels]
    assert (letters[0], letters[36:38], letters[-1]) == ("X", ["X2", "X3"], "X2965")
    assert [label.color for label in schema.entity_labels] == list(range(3_000))
    assert [label.color for label in schema.relation_labels] == list(range(3_000))
    assert schema.relation_names == {f"r{n}" for n in range(3_000)}


def test_given_letters_and_colours_stay() -> None:
    schema = Schema.of([EntityLabel("place", letter="P", color=5), "person"])
    assert [(label.letter, label.color) for label in schema.entity_labels] == [("P", 5), ("E", 0)]


def test_constraints_must_name_labels_of_the_set() -> None:
    with pytest.raises(SchemaError, match="'planet'"):
        Schema.of(["person"], [RelationLabel("lives on", tail_types=("planet",))])
    with pytest.raises(SchemaError, match="inverse"):
        Schema.of(["person"], [RelationLabel("parent of", inverse="child of")])
    with pytest.raises(SchemaError, match="symmetric"):
        RelationLabel("spouse", symmetric=True, inverse="husband of")


def test_symmetric_relations_allow_their_types_in_either_order() -> None:
    borders = RelationLabel("borders", head_types=("sea",), tail_types=("land",), symmetric=True)
    assert borders.allows("land", "sea")
    assert not borders.allows("sea", "sea")
    assert not RelationLabel("in", head_types=("city",)).allows("person", "city")
    assert RelationLabel("near").allows("person", "city")


@pytest.mark.parametrize(
    ("entities", "relations"),
    [
        ((Entity("a", 0, 99, "person"),), ()),
        ((Entity("a", 5, 5, "person"),), ()),
        ((Entity("a", -1, 3, "person"),), ()),
        ((Entity("a", 0, 3, "planet"),), ()),
        ((ADA, Entity("a", 17, 32, "person")), ()),
        ((ADA, Entity("z", 0, 12, "person")), ()),
        ((ADA, BABBAGE), (Relation("a", "c", "met"),)),
        ((ADA, BABBAGE), (Relation("a", "a", "met"),)),
        ((ADA, BABBAGE), (Relation("a", "b", "knows"),)),
        ((ADA, BABBAGE), (Relation("a", "b", "met"), Relation("a", "b", "met"))),
    ],
)
def test_impossible_graphs_are_refused(entities: tuple[Entity, ...], relations: tuple[Relation, ...]) -> None:
    with pytest.raises((InputError, SchemaError)):
        Annotation(TEXT, SCHEMA, entities, relations)
    with pytest.raises((InputError, SchemaError)):
        Extraction(TEXT, SCHEMA, entities, relations, "test")


def test_decisions_have_no_score() -> None:
    with pytest.raises(InputError, match="no score"):
        Annotation(TEXT, SCHEMA, (Entity("a", 0, 12, "person", 0.5),))


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_thresholds_are_probabilities(value: float) -> None:
    with pytest.raises(InputError):
        Thresholds(entity=value)
    with pytest.raises(InputError):
        Thresholds(relations=(("met", value),))


def test_crossing_is_overlap_without_nesting() -> None:
    outer, inner, across = Entity("o", 0, 10, "x"), Entity("i", 2, 5, "x"), Entity("c", 4, 12, "x")
    assert outer.overlaps(inner)
    assert not outer.crosses(inner)
    assert inner.crosses(across)
    assert not inner.overlaps(Entity("n", 5, 6, "x"))
