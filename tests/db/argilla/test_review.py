"""The derived dataset of pairs, on a real server and back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from db import argilla_review
from db.argilla_review import NO_RELATION, Pair, PairAnswer, fold, pairs, shown
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, RelationLabel, Schema
from tests.db.argilla.conftest import Team

SCHEMA = Schema.of(
    ["person", "place"],
    [
        RelationLabel("born in", head_types=("person",), tail_types=("place",)),
        RelationLabel("knows", head_types=("person",), tail_types=("person",)),
    ],
)
DOCUMENT = Document("d", "Ada knew Bob. Bob 😀 was born in Rome.")
ADA, BOB, BOB2, ROME = (
    Entity("ada", 0, 3, "person"),
    Entity("bob", 9, 12, "person"),
    Entity("bob2", 14, 17, "person"),
    Entity("rome", 32, 36, "place"),
)
SUGGESTED = (replace(ADA, score=0.9), replace(ROME, score=0.9))
BASED_ON = Extraction(DOCUMENT, SCHEMA, SUGGESTED, (Relation("ada", "rome", "born in", 0.4),), "m")
ANNOTATION = Annotation(DOCUMENT, SCHEMA, (ADA, BOB, BOB2, ROME), based_on=BASED_ON)


def test_pairs_are_suggested_ones_and_possible_ones_of_one_sentence() -> None:
    found = {(p.head.id, p.tail.id, p.label) for p in pairs(ANNOTATION)}
    assert found == {("ada", "rome", "born in"), ("ada", "bob", ""), ("bob", "ada", ""), ("bob2", "rome", "")}


def test_marks_are_written_into_the_sentence() -> None:
    assert shown(DOCUMENT, Pair(BOB2, ROME)) == "[person: Bob ⟶] 😀 was born in [⟶ place: Rome]."
    assert shown(DOCUMENT, Pair(ROME, ADA)).startswith("[⟶ person: Ada] knew Bob. Bob")


def test_answers_settle_their_pair_and_leave_the_others() -> None:
    before = replace(ANNOTATION, relations=(Relation("ada", "bob", "knows"),))
    no = PairAnswer("d", "ada", (0, 3, "person"), (32, 36, "place"), "")
    yes = PairAnswer("d", "ada", (14, 17, "person"), (32, 36, "place"), "born in")
    gone = PairAnswer("d", "ada", (1, 2, "person"), (32, 36, "place"), "born in")
    after = fold(before, [no, yes, gone])
    assert after.relations == (Relation("ada", "bob", "knows"), Relation("bob2", "rome", "born in"))
    assert [r.key for r in after.rejected_relations] == [("ada", "rome", "born in")]
    changed_mind = fold(after, [replace(no, label="born in")])
    assert changed_mind.rejected_relations == ()


@pytest.mark.argilla
def test_pairs_are_answered_in_argilla_and_folded_back(team: Team) -> None:
    store = argilla_review.review(team.client, team.project, SCHEMA)
    assert argilla_review.put(store, [ANNOTATION]) == 4
    assert argilla_review.put(store, [ANNOTATION]) == 4, "again changes nothing"
    items = {item["external_id"]: item for item in store.records()}
    assert len(items) == 4
    said = {"born in": "bob2", NO_RELATION: "ada"}
    places = {"bob2": (14, 32), "ada": (0, 32)}
    for label, head in said.items():
        item = next(
            i for i in items.values() if (i["metadata"]["head_start"], i["metadata"]["tail_start"]) == places[head]
        )
        answer = {"record_id": item["id"], "status": "submitted", "values": {"relation": {"value": label}}}
        team.server.call("POST", "/me/responses/bulk", {"items": [answer]}, key=team.ada["api_key"])
    given = list(argilla_review.answers(store))
    assert {a.user for a in given} == {team.ada["username"]}
    after = fold(ANNOTATION, given)
    assert after.relations == (Relation("bob2", "rome", "born in"),)
    assert [r.key for r in after.rejected_relations] == [("ada", "rome", "born in")]
    again = argilla_review.review(team.client, team.project, SCHEMA)
    assert again.id == store.id
