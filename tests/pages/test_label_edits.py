"""Edits of a label set, as the chips send them."""

from __future__ import annotations

import pytest

from pages.shared import label_edits
from pages.shared.presets import PRESETS
from pages.shared.samples import SAMPLES
from pages.shared.widgets import schema_form
from relex_core.errors import InputError, SchemaError
from relex_core.types import RelationLabel, Schema, Thresholds


def names(schema: Schema) -> tuple[list[str], list[str]]:
    return [e.name for e in schema.entity_labels], [r.name for r in schema.relation_labels]


@pytest.fixture
def schema() -> Schema:
    return Schema.of(
        ["person", "place"], [RelationLabel("born in", head_types=("person",), tail_types=("place",)), "knows"]
    )


def test_one_or_many_are_added_and_the_old_keep_colour_and_letter(schema: Schema) -> None:
    after = label_edits.apply(schema, {"op": "add", "kind": "entity", "names": "award, date;\n<script>"})
    assert names(after)[0] == ["person", "place", "award", "date", "<script>"]
    assert after.entity_labels[:2] == schema.entity_labels
    assert len({label.color for label in after.entity_labels}) == 5


@pytest.mark.parametrize("typed", ["person", "Person", "award, award", "", " , ;", "<<ENT>>", "x" * 201])
def test_what_cannot_be_a_label_is_refused(schema: Schema, typed: str) -> None:
    with pytest.raises(SchemaError):
        label_edits.apply(schema, {"op": "add", "kind": "entity", "names": typed})


def test_two_hundred_labels_are_fine_and_a_thousand_are_not() -> None:
    many = ", ".join(f"type {n}" for n in range(200))
    after = label_edits.apply(Schema(), {"op": "add", "kind": "entity", "names": many})
    assert len(after.entity_labels) == 200
    assert len({label.letter for label in after.entity_labels}) == 200
    with pytest.raises(SchemaError, match="at most"):
        label_edits.apply(after, {"op": "add", "kind": "entity", "names": ",".join(f"more {n}" for n in range(400))})


def test_a_new_name_goes_through_the_constraints(schema: Schema) -> None:
    edit = {"op": "change", "kind": "entity", "name": "place", "to": {"name": "location", "description": "a town"}}
    after = label_edits.apply(schema, edit)
    assert after.entity("location").letter == schema.entity("place").letter
    assert after.relation("born in").tail_types == ("location",)


def test_a_removed_type_leaves_the_constraints(schema: Schema) -> None:
    after = label_edits.apply(schema, {"op": "remove", "kind": "entity", "name": "place"})
    assert after.relation("born in").tail_types == ()
    assert names(label_edits.apply(after, {"op": "remove", "kind": "relation", "name": "knows"}))[1] == ["born in"]


def test_constraints_are_changed_and_checked(schema: Schema) -> None:
    to = {"name": "knows", "head_types": ["person"], "tail_types": ["person"], "symmetric": True}
    after = label_edits.apply(schema, {"op": "change", "kind": "relation", "name": "knows", "to": to})
    assert after.relation("knows").symmetric
    to = {"name": "knows", "head_types": ["dragon"]}
    with pytest.raises(SchemaError, match="dragon"):
        label_edits.apply(schema, {"op": "change", "kind": "relation", "name": "knows", "to": to})


@pytest.mark.parametrize("edit", [{}, {"op": "add", "kind": "verb"}, {"op": "remove", "kind": "entity", "name": "x"}])
def test_nonsense_from_the_browser_is_refused(schema: Schema, edit: dict[str, str]) -> None:
    with pytest.raises(SchemaError):
        label_edits.apply(schema, edit)


def test_edits_are_read_once() -> None:
    sent = {"edits": [{"seq": 1, "op": "add"}, {"seq": 2, "op": "add"}, "junk"]}
    assert [edit["seq"] for edit in schema_form.waiting(sent, 1)] == [2]
    assert schema_form.waiting(None, 0) == ()


def test_every_sample_has_its_preset() -> None:
    assert {sample.preset for sample in SAMPLES} <= set(PRESETS)
    assert len({sample.document.id for sample in SAMPLES}) == len(SAMPLES)


def relation_edit(name: str, **to: object) -> dict[str, object]:
    return {"op": "change", "kind": "relation", "name": name, "to": {"name": name, **to}}


def test_a_label_and_its_inverse_name_each_other(schema: Schema) -> None:
    wide = label_edits.apply(schema, {"op": "add", "kind": "relation", "names": "birthplace of, home of"})
    after = label_edits.apply(wide, relation_edit("born in", inverse="birthplace of"))
    assert (after.relation("born in").inverse, after.relation("birthplace of").inverse) == ("birthplace of", "born in")
    other = label_edits.apply(after, relation_edit("born in", inverse="home of"))
    assert [r.inverse for r in other.relation_labels] == ["home of", "", "", "born in"]
    renamed = label_edits.apply(other, {**relation_edit("home of", inverse="born in"), "to": {"name": "cradle of"}})
    assert renamed.relation("born in").inverse == "cradle of"
    assert renamed.relation("cradle of").inverse == "born in"
    both = label_edits.apply(other, relation_edit("born in", symmetric=True, inverse="home of"))
    assert [r.inverse for r in both.relation_labels] == ["", "", "", ""]
    assert both.relation("born in").symmetric
    with pytest.raises(SchemaError):
        label_edits.apply(schema, relation_edit("born in", inverse="nobody's"))


def test_a_label_gets_a_threshold_of_its_own_and_loses_it() -> None:
    own = label_edits.limit(Thresholds(), "relation", "knows", 0.8)
    assert (own.of_relation("knows"), own.of_relation("born in")) == (0.8, 0.5)
    assert label_edits.limit(own, "relation", "knows", None) == Thresholds()
    with pytest.raises(InputError):
        label_edits.limit(Thresholds(), "entity", "person", 7.0)
