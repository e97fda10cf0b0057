"""The mapping between Argilla's records and ours, without a server."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.argilla_client import ArgillaClient, ArgillaSettings, ServerDown, key_from
from db.argilla_offsets import repair
from db.argilla_records import answer, answer_hash, external_id, record, schema_hash, values
from db.argilla_store import dataset_name
from db.formats.utf16 import code_points, pair_ends
from relex_core.errors import ConfigError, FormatError
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Schema
from tests.db.formats.conftest import ENTITY_LABELS, SCHEMA, annotations


@given(annotations(control=True), st.sampled_from(["submitted", "draft", "discarded"]))
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_sent_comes_back_equal(annotation: Annotation, status: str) -> None:
    rejected = Entity("r", 0, 1, ENTITY_LABELS[0], 0.5)
    annotation = replace(annotation, rejected_entities=(rejected,))
    response = json.loads(json.dumps({"status": status, "values": values(annotation)}))
    text = annotation.document.text
    back = answer(response, "ada", annotation.document, SCHEMA, text, None, annotation.entities)
    assert back.annotation == annotation
    assert back.sha256 == answer_hash(status, values(annotation))
    again = answer(response, "ada", annotation.document, SCHEMA, text)
    assert [e.id for e in again.annotation.entities] == [e.id for e in annotation.entities], "ids tell our own marks"


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(
        st.sampled_from(["v", "relations", "ids", "rejected", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["head", "tail", "type", "start"]), inner)
            ),
            max_leaves=6,
        ),
    )
)
def test_any_json_is_taken_or_refused_with_record_and_field(data: dict[str, object]) -> None:
    document = Document("d", "Ada met Bob")
    response = {"status": "submitted", "values": {"relations": {"value": json.dumps(data)}}}
    refused = ""
    try:
        answer(response, "ada", document, SCHEMA, document.text)
    except FormatError as error:
        refused = str(error)
    if data.get("v") != 1 or not isinstance(data.get("relations"), list):
        assert external_id(document) in refused
        assert "relations" in refused


def test_suggestions_without_marks_have_no_score() -> None:
    document = Document("d", "Nothing here")
    item = record(document, Extraction(document, SCHEMA, (), (), "m"), SCHEMA, {"entities": "1", "relations": "2"})
    spans, edges = item["suggestions"]
    assert (spans["value"], spans["score"], edges["score"]) == ([], None, None)


def test_another_text_or_label_set_is_another_record_or_dataset() -> None:
    one, other = Document("d", "Ada"), Document("d", "Bob")
    assert external_id(one) != external_id(other)
    more = Schema.of([*SCHEMA.entity_labels, "new"], SCHEMA.relation_labels)
    assert dataset_name("p", SCHEMA) != dataset_name("p", more)
    assert dataset_name("Bücher", SCHEMA) != dataset_name("Bcher", SCHEMA), "names that look alike are kept apart"
    reordered = Schema(SCHEMA.entity_labels[::-1], SCHEMA.relation_labels)
    assert schema_hash(SCHEMA) == schema_hash(reordered)
    long = dataset_name("  <script> " + "x" * 500, SCHEMA)
    assert len(long) < 200
    assert long[0].isalnum()


@pytest.mark.parametrize(
    ("text", "marks", "known", "expected", "converted", "doubtful"),
    [
        ("Ada met", [(0, 3)], [], [(0, 3)], 0, 0),
        ("é Ada", [(2, 5)], [], [(2, 5)], 0, 0),
        ("😀 Ada", [(3, 6)], [], [(2, 5)], 1, 0),
        ("😀 Ada", [(2, 5)], [], [(2, 5)], 0, 0),
        ("😀 Ada", [(3, 6)], [(3, 6)], [(3, 6)], 0, 0),
        # "a b c" after one emoji: [3, 4) is white space in code points, a word in units
        ("😀 a b c", [(3, 4), (5, 6)], [], [(2, 3), (4, 5)], 2, 0),
        # both units give words: kept and named, unless another mark tells
        ("𝔄𝔅 a", [(0, 2)], [], [(0, 2)], 0, 0),
        ("😀😀 x y z", [(5, 6)], [], [(5, 6)], 0, 1),
        ("😀😀 x yy z", [(5, 6), (7, 9)], [], [(3, 4), (5, 7)], 2, 0),
        # one mark tells for the whole response, also for a part of a word
        ("😀 Ada met Paris", [(3, 6), (11, 14)], [], [(2, 5), (10, 13)], 2, 0),
        ("😀 Ada met Paris", [(2, 5), (10, 13)], [], [(2, 5), (10, 13)], 0, 0),
        ("😀 Ada met Paris", [(3, 6), (10, 13)], [(10, 13)], [(2, 5), (10, 13)], 1, 0),
        # a boundary within the emoji cannot be counted in units
        ("😀 Paris", [(1, 4)], [], [(1, 4)], 0, 0),
        # nothing tells, or marks tell different things
        ("😀 Paris", [(3, 6)], [], [(3, 6)], 0, 1),
        ("😀 Ada met Paris", [(2, 5), (7, 10), (11, 14)], [], [(2, 5), (6, 9), (11, 14)], 1, 1),
        # before the emoji both units are the same
        ("Ada 😀", [(1, 2)], [], [(1, 2)], 0, 0),
    ],
)
def test_offsets_are_understood_by_the_words_under_them(
    text: str,
    marks: list[tuple[int, int]],
    known: list[tuple[int, int]],
    expected: list[tuple[int, int]],
    converted: int,
    doubtful: int,
) -> None:
    got = repair(text, [(*mark, "p") for mark in marks], {(*mark, "p") for mark in known})
    assert [mark[:2] for mark in got.marks] == expected
    assert (got.converted, len(got.doubtful)) == (converted, doubtful)


@given(st.text(st.sampled_from("aé\ud7ff\uffff😀𝔄"), max_size=8), st.integers(-1, 20))
def test_utf16_units_are_whole_characters_and_all_that_was_begun(text: str, units: int) -> None:
    begun = [n for n in range(len(text) + 1) if len(text[:n].encode("utf-16-le")) // 2 >= units]
    assert code_points(text, units) == (begun[0] if begun else len(text))


def test_a_long_text_is_gone_through_once_for_all_its_marks() -> None:
    text = "😀 " + "Ada met Bob. " * 300
    before = pair_ends.cache_info().misses
    got = repair(text, [(3 + at, 6 + at, "p") for at in range(0, 3900, 13)], set())
    assert {text[start:end] for start, end, _ in got.marks} == {"Ada"}
    assert got.converted == 300
    assert pair_ends.cache_info().misses == before + 1


def test_a_relation_of_a_converted_response_names_its_ends_as_the_response_does() -> None:
    document = Document("d", "😀😀 x y zz ww")
    label = ENTITY_LABELS[0]
    marks = [{"start": start, "end": end, "label": label} for start, end in ((5, 6), (7, 8), (9, 11))]
    relation = {"head": marks[0], "tail": marks[2], "type": SCHEMA.relation_labels[0].name}
    text = json.dumps({"v": 1, "relations": [relation]})
    response = {"status": "submitted", "values": {"entities": {"value": marks}, "relations": {"value": text}}}
    found = answer(response, "ada", document, SCHEMA, document.text).annotation
    words = {entity.id: entity.text(document) for entity in found.entities}
    assert list(words.values()) == ["x", "y", "zz"]
    assert [(words[r.head], words[r.tail]) for r in found.relations] == [("x", "zz")], "y stands in x's old place now"


def test_addresses_and_keys_are_checked_and_keys_not_shown() -> None:
    for url in ("argilla.example.org", "ftp://x", "http://user:pass@x", ""):
        with pytest.raises(ConfigError) as error:
            ArgillaSettings(url, "w")
        assert "pass" not in str(error.value).replace("password", "")
    with pytest.raises(ConfigError, match="ARGILLA_API_KEY"):
        key_from({})
    with pytest.raises(ConfigError, match="printable"):
        key_from({"ARGILLA_API_KEY": "a\nb"})
    client = ArgillaClient(ArgillaSettings("http://127.0.0.1:9", "w"), "very-secret", attempts=2)
    assert "very-secret" not in repr(client)
    with pytest.raises(ServerDown, match="waits here") as down:
        client.call("GET", "/me")
    assert "very-secret" not in str(down.value)
    client.close()


def test_a_relation_names_its_ends_by_place_and_label() -> None:
    document = Document("d", "Ada Ada")
    entities = (Entity("x", 0, 3, "person"), Entity("y", 4, 7, "person"))
    sent = json.loads(
        values(Annotation(document, SCHEMA, entities, (Relation("y", "x", "works for"),)))["relations"]["value"]
    )
    assert sent["relations"] == [
        {
            "head": {"start": 4, "end": 7, "label": "person"},
            "tail": {"start": 0, "end": 3, "label": "person"},
            "type": "works for",
        }
    ]
