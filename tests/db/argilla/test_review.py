"""The derived dataset of pairs, on a real server and back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from db import argilla_older, argilla_review, audit, label_changes
from db.__main__ import main
from db.argilla_client import KEY_VARIABLE, URL_VARIABLE
from db.argilla_older import Older
from db.argilla_review import NO_RELATION, Pair, PairAnswer, Reviewed, fold, keep_answers, pairs, shown
from db.store import Store
from db.values import State
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


def test_each_relation_of_a_pair_is_asked_about_and_rejected_suggestions_are_not() -> None:
    both = (Relation("ada", "bob", "knows"), Relation("ada", "bob", "born in"))
    annotation = replace(ANNOTATION, relations=both, rejected_relations=BASED_ON.relations)
    found = {(p.head.id, p.tail.id, p.label, p.others) for p in pairs(annotation)}
    asked = {("ada", "bob", "knows", ("born in",)), ("ada", "bob", "born in", ("knows",))}
    assert found == asked | {("bob", "ada", "", ()), ("bob2", "rome", "", ())}
    texts = {shown(DOCUMENT, pair) for pair in pairs(annotation) if pair.label}
    assert len(texts) == 2, "who answers sees which of them is meant"


def test_an_answer_is_about_one_relation_of_its_pair() -> None:
    both = (Relation("ada", "bob", "knows"), Relation("ada", "bob", "born in"))
    before = replace(ANNOTATION, relations=both)
    same = PairAnswer("d", "ada", (0, 3, "person"), (9, 12, "person"), "knows", "knows")
    assert fold(before, [same]) == before
    assert fold(before, [replace(same, label="")]).relations == both[1:]
    assert fold(before, [replace(same, label="born in")]).relations == both[1:]
    # nothing was known when it was asked: what came in between stays
    assert fold(before, [replace(same, label="", about="")]) == before
    # an answer from before that was written down, and two that it can be about
    assert fold(before, [replace(same, label="", about=None)]) == before
    assert fold(replace(before, relations=both[:1]), [replace(same, label="", about=None)]).relations == ()


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


def test_answers_become_one_revision_once_on_both_engines(store: Store) -> None:
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [DOCUMENT])
    store.save("letters", ANNOTATION, annotator="eve")
    yes = PairAnswer("d", "bob", (14, 17, "person"), (32, 36, "place"), "born in")
    gone = PairAnswer("d", "bob", (1, 2, "person"), (32, 36, "a label of some length" * 9), "born in")
    done = Reviewed()
    for _ in range(2):
        keep_answers(store, "letters", "target", "d", "bob", [yes, gone], done)
    assert (done.answers, done.revisions) == (2, 1)
    revision = store.latest("letters", "d", "bob")
    assert revision is not None
    assert revision.annotation.relations == (Relation("bob2", "rome", "born in"),)


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


@pytest.mark.argilla
def test_two_relations_of_a_pair_are_two_records_and_one_answer_leaves_the_other(team: Team) -> None:
    both = (Relation("ada", "bob", "knows"), Relation("ada", "bob", "born in"))
    team.store.save_schema("letters", SCHEMA)
    team.store.add_documents("letters", [DOCUMENT])
    team.store.save("letters", replace(ANNOTATION, relations=both), annotator="eve", state=State.SUBMITTED)
    argilla_review.run(team.store, "letters", team.client)
    there = argilla_review.review(team.client, "letters", SCHEMA)
    items = [item for item in there.records() if item["metadata"]["tail_start"] == 9]
    about = {item["metadata"]["relation"]: item for item in items}
    assert {label: item["suggestions"][0]["value"] for label, item in about.items()} == {
        "knows": "knows",
        "born in": "born in",
    }
    given = {"record_id": about["born in"]["id"], "status": "submitted"}
    given["values"] = {"relation": {"value": NO_RELATION}}
    team.server.call("POST", "/me/responses/bulk", {"items": [given]}, key=team.ada["api_key"])
    assert argilla_review.run(team.store, "letters", team.client).revisions == 1
    revision = team.store.latest("letters", "d", team.ada["username"])
    assert revision is not None
    assert revision.annotation.relations == both[:1]
    assert argilla_review.run(team.store, "letters", team.client).answers == 0


@pytest.mark.argilla
def test_the_command_asks_folds_back_once_and_takes_away_what_is_gone(
    team: Team, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(URL_VARIABLE, team.server.url)
    monkeypatch.setenv(KEY_VARIABLE, team.server.key)
    path, name = team.store.database.path, team.ada["username"]
    command = ["review", "--database", f"sqlite:///{path}", "--project", "letters"]
    command += ["--workspace", team.client.settings.workspace]

    def said() -> str:
        assert main(command) == 0
        return capsys.readouterr().out.strip()

    def answer(head: int, tail: int, label: str) -> None:
        (item,) = [
            i
            for i in argilla_review.review(team.client, "letters", SCHEMA).records()
            if (i["metadata"]["head_start"], i["metadata"]["tail_start"]) == (head, tail)
        ]
        given = {"record_id": item["id"], "status": "submitted", "values": {"relation": {"value": label}}}
        team.server.call("POST", "/me/responses/bulk", {"items": [given]}, key=team.ada["api_key"])

    def latest() -> Annotation:
        revision = team.store.latest("letters", "d", name)
        assert revision is not None
        assert revision.state is State.SUBMITTED
        return revision.annotation

    team.store.save_schema("letters", SCHEMA)
    team.store.add_documents("letters", [DOCUMENT])
    team.store.save("letters", ANNOTATION, annotator="eve", state=State.SUBMITTED)
    assert said() == "0 answers folded back into 0 revisions, 4 pairs asked about, 0 taken away"
    answer(14, 32, "born in")
    answer(0, 32, NO_RELATION)
    # the suggestion that she rejected is asked about no more, and what she answered is no new question
    assert said() == "2 answers folded back into 1 revisions, 3 pairs asked about, 0 taken away"
    assert len(list(argilla_review.review(team.client, "letters", SCHEMA).records())) == 4
    assert latest().relations == (Relation("bob2", "rome", "born in"),)
    assert [r.key for r in latest().rejected_relations] == [("ada", "rome", "born in")]
    # what she changes here afterwards is not changed back by her old answers
    less = replace(latest(), entities=(BOB, BOB2, ROME), relations=())
    team.store.save("letters", less, annotator=name, state=State.SUBMITTED)
    assert said() == "0 answers folded back into 0 revisions, 1 pairs asked about, 2 taken away"
    assert latest().relations == ()
    answer(14, 32, NO_RELATION)
    assert said().startswith("1 answers folded back into 0 revisions")
    answer(14, 32, "born in")
    assert said().startswith("1 answers folded back into 1 revisions")
    assert latest().relations == (Relation("bob2", "rome", "born in"),)
    team.server.call(
        "PUT",
        f"/datasets/{argilla_review.review(team.client, 'letters', SCHEMA).id}/records/bulk",
        {"items": [{"external_id": "strange", "fields": {"text": "?"}}]},
    )
    assert said().startswith("0 answers folded back into 0 revisions")


@pytest.mark.argilla
def test_what_was_answered_before_the_labels_changed_is_folded_back_and_its_dataset_can_go(team: Team) -> None:
    team.store.save_schema("letters", SCHEMA)
    team.store.add_documents("letters", [DOCUMENT])
    team.store.save("letters", ANNOTATION, annotator="eve", state=State.SUBMITTED)
    argilla_review.run(team.store, "letters", team.client)
    old = argilla_review.review(team.client, "letters", SCHEMA)
    items = {(i["metadata"]["head_start"], i["metadata"]["tail_start"]): i for i in old.records()}

    def answer(head: int, tail: int, label: str, status: str = "submitted") -> None:
        given = {"record_id": items[head, tail]["id"], "status": status, "values": {"relation": {"value": label}}}
        sent = team.server.call("POST", "/me/responses/bulk", {"items": [given]}, key=team.ada["api_key"])
        assert sent["items"][0]["error"] is None, sent

    def survey(delete: bool = False) -> list[Older]:
        return argilla_older.survey(team.store, "letters", team.client, delete=delete, by="bo")

    answer(14, 32, "born in")
    assert survey() == [], "the present dataset is none of them"
    label_changes.rename(team.store, "letters", "relation", "born in", "birthplace")
    answer(0, 32, NO_RELATION)
    answer(0, 9, "knows", status="draft")
    # what was only begun is nowhere else
    assert survey(delete=True) == [Older(old.name, records=4, answers=3, uncollected=1)]
    answer(0, 9, "knows")
    assert survey() == [Older(old.name, records=4, answers=3)]
    revision = team.store.latest("letters", "d", team.ada["username"])
    assert revision is not None
    assert {r.key for r in revision.annotation.relations} == {("bob2", "rome", "birthplace"), ("ada", "bob", "knows")}
    # once: what she changes here afterwards is not changed back
    less = replace(revision.annotation, relations=())
    team.store.save("letters", less, annotator=team.ada["username"], state=State.SUBMITTED)
    assert survey(delete=True) == [Older(old.name, records=4, answers=3, deleted=True)]
    assert team.store.latest("letters", "d", team.ada["username"]).annotation.relations == ()  # type: ignore[union-attr]
    assert not old.find()
    assert survey(delete=True) == []
    (event,) = audit.events(team.store, "letters", action=argilla_older.DELETED)
    assert (event.by, event.detail["dataset"]) == ("bo", old.name)
