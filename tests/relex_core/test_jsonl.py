from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex_core import jsonl
from relex_core.datasets import read_gold
from relex_core.errors import FormatError, InputError, RelexError
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
    Undecided,
)

SCHEMA = Schema.of(
    [EntityLabel("person", "a human being", letter="P"), "city"],
    ["met", RelationLabel("lives in", head_types=("person",), tail_types=("city",))],
)
TEXT = Document("d1", "🎉 Ada Love\u0301lace met  Charles-Babbage in London; الجزائر", "a file.txt")


@st.composite
def annotations(draw: st.DrawFn) -> Annotation:
    """Annotations of hard texts: any characters, any spans, nested and inside words."""
    text = draw(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1))
    document = Document("d", text if text.strip() else text + "a")
    length = len(document.text)
    spans = draw(
        st.lists(
            st.tuples(st.integers(0, length - 1), st.integers(1, 9), st.sampled_from(["person", "city"])), max_size=6
        )
    )
    marks = dict.fromkeys((s, min(s + w, length), label) for s, w, label in spans)
    entities = tuple(
        sorted((Entity(f"e{i}", *mark) for i, mark in enumerate(marks)), key=lambda e: (e.start, -e.end, e.label))
    )
    pairs = [(a.id, b.id) for a in entities for b in entities if a != b]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=4)) if pairs else []
    rejected = (Entity.suggested(0, 1, "city", 0.25),) if draw(st.booleans()) else ()
    left = Undecided(("0:1:city",), (), ("<b>",), (("a", "b", "met"),)) if draw(st.booleans()) else None
    relations = tuple(Relation(h, t, "met") for h, t in chosen)
    return Annotation(document, SCHEMA, entities, relations, rejected, undecided=left)


@given(annotations())
def test_a_training_record_gives_back_the_annotation(annotation: Annotation) -> None:
    record = json.loads(jsonl.dumps(jsonl.training_record(annotation)))
    assert jsonl.annotation_from_training(record, SCHEMA) == annotation


@given(annotations())
def test_training_records_are_valid_for_a_trainer(annotation: Annotation) -> None:
    record = jsonl.training_record(annotation)
    for first, last, _ in record["ner"]:
        assert 0 <= first <= last < len(record["tokenized_text"])
    for head, tail, _ in record["relations"]:
        assert head != tail
        assert head in range(len(record["ner"]))
        assert tail in range(len(record["ner"]))


def test_spans_inside_words_are_widened_for_the_trainer_and_kept_exact_beside() -> None:
    annotation = Annotation(TEXT, SCHEMA, (Entity("e", 2, 4, "person"),))
    record = jsonl.training_record(annotation)
    assert [record["tokenized_text"][i] for i in range(record["ner"][0][0], record["ner"][0][1] + 1)] == ["Ada"]
    assert jsonl.annotation_from_training(record, SCHEMA).entities[0].span == (2, 4)


def test_training_records_of_others_are_read_with_words_joined_by_spaces() -> None:
    record = {
        "tokenized_text": ["Ada", "met", "Charles", "Babbage", "."],
        "ner": [[0, 0, "person"], [2, 3, "person"], [0, 0, "person"]],
        "relations": [[0, 1, "met"], [2, 1, "met"]],
    }
    annotation = jsonl.annotation_from_training(record, SCHEMA)
    assert annotation.document.text == "Ada met Charles Babbage ."
    assert [e.text(annotation.document) for e in annotation.entities] == ["Ada", "Charles Babbage"]
    assert len(annotation.relations) == 1


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"tokenized_text": ["a"], "ner": [[0, 1, "person"]]},
        {"tokenized_text": ["a"], "ner": [[0, "person"]]},
        {"tokenized_text": ["a"], "ner": [[0, 0, "person"]], "relations": [[0, 3, "met"]]},
        {"relex": {"id": "x"}},
    ],
)
def test_broken_training_records_are_refused(record: dict[str, object]) -> None:
    with pytest.raises((FormatError, InputError)):
        jsonl.annotation_from_training(record, SCHEMA)


@pytest.mark.parametrize(("start", "read"), [(3, 3), (3.0, 3), ("3", 3), (3.5, None), (float("inf"), None), ([], None)])
def test_no_mark_is_moved_in_silence(start: object, read: int | None) -> None:
    data = {"entities": [{"id": "e", "start": start, "end": 7, "label": "city"}], "relations": []}
    if read is None:
        with pytest.raises(FormatError, match="start, end, label"):
            jsonl.graph_from_json(data)
    else:
        assert jsonl.graph_from_json(data)[0] == (Entity("e", read, 7, "city"),)


def test_schema_and_thresholds_survive() -> None:
    assert jsonl.schema_from_json(json.loads(json.dumps(jsonl.schema_to_json(SCHEMA)))) == SCHEMA
    thresholds = Thresholds(0.25, 0.75, (("person", 0.5),), (("met", 0.125),))
    assert jsonl.thresholds_from_json(json.loads(json.dumps(jsonl.thresholds_to_json(thresholds)))) == thresholds
    for data in ({}, {"entity": "x", "relation": 1}, {"entity": 2, "relation": 0}):
        with pytest.raises(RelexError):
            jsonl.thresholds_from_json(data)
    for data in ({}, {"entity_labels": [{"nome": "x"}], "relation_labels": []}):
        with pytest.raises(FormatError):
            jsonl.schema_from_json(data)


def test_an_extraction_prints_as_the_command_line_promises() -> None:
    ada, city = Entity.suggested(2, 5, "person", 0.9), Entity.suggested(42, 48, "city", 0.8)
    extraction = Extraction(TEXT, SCHEMA, (ada, city), (Relation(ada.id, city.id, "lives in", 0.6),), "mini@0")
    record = json.loads(jsonl.dumps(jsonl.extraction_to_json(extraction)))
    assert list(record) == ["id", "text", "model_version", "entities", "relations"]
    assert record["entities"][0] == {"id": ada.id, "start": 2, "end": 5, "label": "person", "score": 0.9}
    assert record["relations"] == [{"head": ada.id, "tail": city.id, "label": "lives in", "score": 0.6}]
    assert jsonl.graph_from_json(record) == (extraction.entities, extraction.relations)


def test_lines_are_numbered_and_bad_ones_do_not_stop_the_good_ones() -> None:
    read = list(jsonl.read_lines(['{"text": "a"}', "", "{oops", "[1]", '{"text": "b"}']))
    assert [number for number, _ in read] == [1, 3, 4, 5]
    assert [isinstance(item, FormatError) for _, item in read] == [False, True, True, False]
    bad = read[1][1]
    assert isinstance(bad, FormatError)
    assert bad.lines == (3,)


def test_a_key_that_stands_twice_in_an_object_is_named(tmp_path: Path) -> None:
    twice = '{"tokenized_text": ["Ada"], "ner": [[0, 0, "person"]], "ner": []}'
    inside = '{"text": "a", "relex": {"id": "b", "it\\u0065m": 1, "item": 2}}'
    (_, bad), (_, other), (_, good) = jsonl.read_lines(
        [twice, inside, '{"text": "a", "x": [{"y": 1}, {"y": 2}]}'], "t.jsonl"
    )
    assert isinstance(bad, FormatError)
    assert "each key once in a JSON object in line 1 of t.jsonl, found 'ner' more than once" in str(bad)
    assert bad.lines == (1,)
    assert isinstance(other, FormatError)
    assert "'item' more than once" in str(other)
    assert good == {"text": "a", "x": [{"y": 1}, {"y": 2}]}
    (tmp_path / "t.jsonl").write_text(twice + "\n")
    with pytest.raises(FormatError, match="'ner' more than once"):
        read_gold(tmp_path / "t.jsonl")


def test_line_separators_inside_texts_do_not_break_lines() -> None:
    line = jsonl.dumps({"text": "a\u2028b\nc"})
    assert "\n" not in line
    assert json.loads(line) == {"text": "a\u2028b\nc"}


def test_what_was_not_shown_is_no_negative() -> None:
    left = Undecided(("2:5:city",), (), ("6:15:person",), (("2:5:city", "6:15:person", "met"),))
    record = jsonl.training_record(Annotation(TEXT, SCHEMA, undecided=left))
    assert "ner_negatives" not in record
    assert "rel_negatives" not in record
    assert record["relex"]["undecided"]["not_shown"] == {
        "entities": ["6:15:person"], "relations": [["2:5:city", "6:15:person", "met"]]
    }  # fmt: skip


def test_decisions_from_before_that_was_noted_are_read() -> None:
    annotation = Annotation(TEXT, SCHEMA)
    stored = jsonl.decisions_to_json(annotation)
    assert "undecided" not in stored
    assert jsonl.decisions_from_json(stored, TEXT, SCHEMA) == annotation
    for bad in ({"seen": {}}, [], {"seen": {"entities": [], "relations": [[1]]}, "not_shown": {}}):
        with pytest.raises(FormatError, match="not_shown"):
            jsonl.decisions_from_json({**stored, "undecided": bad}, TEXT, SCHEMA)


def test_a_text_that_is_no_string_is_told_from_one_that_is_missing() -> None:
    with pytest.raises(InputError, match=r'found 12 as "text"\. Write the text there'):
        jsonl.document_from_json({"text": 12})
    with pytest.raises(InputError, match=r"found the keys \['txt'\]\. Rename the key"):
        jsonl.document_from_json({"txt": "Ada"})
