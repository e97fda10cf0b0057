"""What crosses between Python and the browser: read strictly, sent once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pages.shared.widgets.annotator import script, style
from pages.shared.widgets.annotator.protocol import (
    batches,
    document_to_json,
    habits_to_json,
    schema_to_json,
    thresholds_from_json,
    thresholds_to_json,
)
from relex_core.editing import AddEntity, RemoveEntity, begin
from relex_core.types import Document, Entity, Extraction, Relation, Schema, Thresholds

SCHEMA = Schema.of(["person", "place"], ["born in"])
A, B = Entity.suggested(1, 4, "person", 0.9), Entity.suggested(8, 14, "place", 0.4)
TEXT = "🏆Ada to London"
EXTRACTION = Extraction(Document("d", TEXT), SCHEMA, (A, B), (Relation(A.id, B.id, "born in", 0.6),), "m")


def record(seq: int, client: str = "c", document: str = "d", **more: object) -> dict[str, object]:
    return {"client": client, "document": document, "seq": seq, "on": 3, **more}


def test_batches_follow_the_log_and_leave_out_what_is_acknowledged() -> None:
    log = [
        record(1, op="remove_entity", id="x"),
        record(2, op="add_entity", id="n", start=1, end=4, label="person"),
        record(3, command="submit", seconds=4, keystrokes=9, thresholds=thresholds_to_json(Thresholds(0.4))),
        record(4, document="e", op="remove_entity", id="y", kin={"old": 4, "bad": "x", "worse": -1}),
        record(1, client="old", op="remove_entity", id="z"),
    ]
    first, second, third = batches(log, {"c": 1})
    assert first.ops == ((2, AddEntity("n", 1, 4, "person")),)
    assert (first.client, first.document_id, first.revision, first.last) == ("c", "d", 3, 3)
    assert [command.name for command in first.commands] == ["submit"]
    assert (first.thresholds, first.seconds, first.keystrokes) == (Thresholds(0.4), 4.0, 9)
    assert (second.document_id, second.kin, second.ops) == ("e", {"old": 4}, ((4, RemoveEntity("y")),))
    assert third.client == "old"
    assert batches(log, {"c": 9, "old": 1}) == ()


@pytest.mark.parametrize(
    "rubbish", [None, "x", 3, {}, [None, 3, "x", {}, {"client": "c"}], [record(True)], [record(-1)], [record(2**63)]]
)
def test_rubbish_gives_nothing(rubbish: object) -> None:
    assert batches(rubbish, {}) == ()


@pytest.mark.parametrize(
    "bad",
    [
        {"op": "nonsense"},
        {"op": "add_entity", "id": "x", "start": "0", "end": 3, "label": "person"},
        {"op": "restore", "entities": [{"id": "x"}]},
        {"command": "format"},
        {"command": "submit", "thresholds": {"entity": 7}},
        {"command": "submit", "thresholds": {"entities": 7}},
        {"command": "submit", "seconds": "long"},
        {"command": "submit", "keystrokes": "many"},
        {"command": "submit", "keystrokes": float("inf")},
        {"command": "submit", "parts": [[0, float("inf")]]},
    ],
)
def test_a_bad_record_is_refused_by_itself(bad: dict[str, object]) -> None:
    (batch,) = batches([record(1, op="remove_entity", id="x"), record(2, **bad)], {})
    assert len(batch.ops) == 1
    assert [refusal.seq for refusal in batch.unreadable] == [2]
    assert batch.last == 2


def test_thresholds_round_trip() -> None:
    thresholds = Thresholds(0.2, 0.6, (("person", 0.7),), (("born in", 0.1),))
    assert thresholds_from_json(json.loads(json.dumps(thresholds_to_json(thresholds)))) == thresholds


def test_habits_are_rows_of_positions_and_unknown_labels_are_left_out() -> None:
    schema = Schema.of(["person", "place"], ["born in"])
    counted = [
        (("person", "place", "born in"), 7),
        (("person", "planet", "born in"), 3),
        (("place", "place", "met"), 2),
    ]
    assert habits_to_json(schema, counted) == [[0, 1, 0, 7]]


def test_text_and_suggestions_are_sent_once() -> None:
    annotation = begin(EXTRACTION)
    whole = document_to_json(annotation, 0, (0, len(TEXT)))
    assert (whole["text"], whole["length"]) == (TEXT, 14)
    assert whole["entities"] == [[A.id, 1, 4, 0, 0.9], [B.id, 8, 14, 1, 0.4]]
    assert whole["relations"] == [[A.id, B.id, 0, 0.6]]
    short = document_to_json(annotation, 1, (0, len(TEXT)), {whole["static"]})
    assert set(whole) - set(short) == {"text", "entities", "relations", "passages"}
    passages = ((0, 9), (5, 14))
    for other in (replace(EXTRACTION, relations=()), replace(EXTRACTION, windows=passages)):
        sent = document_to_json(begin(other), 1, (0, len(TEXT)), {whole["static"]})
        assert (sent["text"], sent["passages"]) == (TEXT, other.windows)


def test_a_window_holds_only_what_stands_in_it() -> None:
    part = document_to_json(begin(EXTRACTION), 0, (5, 14))
    assert (part["text"], part["from"], part["relations"]) == (TEXT[5:], 5, [])
    assert [row[0] for row in part["entities"]] == [B.id]


def test_labels_are_data_and_the_script_never_makes_markup() -> None:
    schema = schema_to_json(Schema.of(["<script>"]), 15)
    assert schema["entities"][0]["name"] == "<script>"
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert word not in script()
    assert "http" not in script().replace("http://www.w3.org/2000/svg", "")
    assert ".h14{" in style()
