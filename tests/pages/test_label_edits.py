"""Edits of a label set, as the chips send them."""

from __future__ import annotations

import pytest

from pages.shared import label_edits
from pages.shared.presets import PRESETS
from pages.shared.samples import SAMPLES
from pages.shared.widgets import schema_form
from relex_core.errors import SchemaError
from relex_core.types import RelationLabel, Schema


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
