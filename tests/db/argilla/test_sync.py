"""A project and a real Argilla server, in both directions, with what goes wrong between them."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db import argilla_client, argilla_older, argilla_sending, argilla_store, audit, exports, leaving
from db.argilla_client import ArgillaClient, ArgillaSettings, ServerDown
from db.argilla_fetching import Fetching
from db.argilla_older import Older
from db.argilla_store import ArgillaStore
from db.argilla_sync import Synced, waiting
from db.engine import Database
from db.store import Store
from db.values import ADJUDICATOR, State
from relex_core.editing import Accept, AddEntity, RemoveEntity, apply, begin
from relex_core.errors import NotFound, StoreError
from relex_core.types import Annotation, Document, Entity, Relation, Schema, Thresholds
from tests.db.argilla.conftest import SCHEMA, Team, extraction
from tests.edits import apply_all

pytestmark = pytest.mark.argilla

NO_RELATIONS = '{"v":1,"relations":[]}'
TEXTS = (
    "Ada was born in London",
    "Émile ✨ 😀 lived in Paris",
    "مريم وُلدت في القاهرة",
    'Bob\r\nknew "Ann" <b> in Rome',
)


def add(team: Team, texts: tuple[str, ...] = TEXTS, extracted: bool = True) -> list[Document]:
    documents = [Document(f"d{n}", text, "letters.txt") for n, text in enumerate(texts)]
    team.store.add_documents(team.project, documents)
    if extracted:
        for document in documents:
            team.store.save_extraction(team.project, extraction(document))
    return documents


def test_a_round_trip_of_several_pages_is_equal(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """120 documents: two parts of answers, and whole and broken pages in both directions."""
    for module in (argilla_client, argilla_store, argilla_sending):
        assert module.PAGE > 120
        monkeypatch.setattr(module, "PAGE", 50)
    documents = add(team, tuple(f"{text} {n}" for n in range(30) for text in TEXTS))
    assert len(documents) > argilla_sending.TOGETHER
    saved = {}
    for n, document in enumerate(documents):
        annotation = begin(extraction(document))
        suggested = extraction(document)
        head, tail = suggested.entities
        own = AddEntity(f"own-{n}", head.end + 1, head.end + 2, "place")
        annotation = apply(annotation, Accept((), (suggested.relations[0].key,)))
        annotation = apply_all(annotation, [own, RemoveEntity(tail.id)] if n % 2 else [own])
        state = (State.SUBMITTED, State.IN_PROGRESS, State.SKIPPED)[n % 3]
        team.store.save(team.project, annotation, annotator=team.ada["username"], state=state)
        saved[document.id] = (annotation, state)
    done = team.sync()
    assert (done.records, done.answers, done.problems) == (120, 120, [])
    assert team.waiting().total == 0
    assert team.dataset.progress()["total"] == 120

    # an empty database with the same documents gets everything back
    path = team.store.database.path
    assert path
    copy = replace(team, store=Store.open(f"sqlite:///{path.with_name('copy.db')}"))
    copy.store.create_project(copy.project, SCHEMA)
    copy.store.add_documents(copy.project, documents)
    fetched = copy.sync()
    assert (fetched.fetched, fetched.problems, fetched.conflicts) == (120, [], [])
    for document in documents:
        revision = copy.store.latest(copy.project, document.id, team.ada["username"])
        assert revision is not None
        annotation, state = saved[document.id]
        assert revision.state == state
        assert revision.annotation == replace(annotation, based_on=None)
    again = copy.sync()
    copy.store.close()
    assert (again.fetched, again.answers) == (0, 0), "nothing moves twice"


def test_suggestions_carry_scores_and_the_model(team: Team) -> None:
    add(team)
    assert team.sync().problems == []
    path = f"/datasets/{team.dataset.id}/records"
    items = team.server.call("GET", path, include="suggestions", limit=10)["items"]
    spans, edges = sorted(items[0]["suggestions"], key=lambda s: isinstance(s["value"], str))
    assert spans["score"] == [0.9, 0.8]
    # the server allows no @ in the name of an agent
    assert {spans["agent"], edges["agent"]} == {"mini_1"}
    assert items[0]["metadata"]["model"] == "mini@1"
    assert {spans["type"], edges["type"]} == {"model"}
    assert json.loads(edges["value"])["relations"][0]["score"] == 0.7
    assert team.sync(thresholds=Thresholds(entity=0.85)).records == 0, "sent once; a new extraction is sent again"


def test_what_people_answer_in_argilla_becomes_revisions(team: Team) -> None:
    add(team)
    team.sync()
    head, tail = {"start": 0, "end": 3, "label": "person"}, {"start": 16, "end": 22, "label": "place"}
    relations = json.dumps({"v": 1, "relations": [{"head": head, "tail": tail, "type": "born in"}]})
    team.answer_there("d0", [(0, 3, "person"), (16, 22, "place")], relations, "submitted")
    team.answer_there("d2", [(0, 4, "person")], NO_RELATIONS, "draft")
    team.answer_there("d3", [], "", "discarded")
    done = team.sync()
    assert (done.fetched, done.answers, done.problems) == (3, 0, [])
    states = {}
    for id in ("d0", "d2", "d3"):
        revision = team.store.latest(team.project, id)
        assert revision is not None
        assert revision.annotator == team.ada["username"]
        states[id] = revision.state
    assert states == {"d0": State.SUBMITTED, "d2": State.IN_PROGRESS, "d3": State.SKIPPED}
    first = team.store.latest(team.project, "d0")
    assert first is not None
    assert first.annotation.relations == (Relation("0:3:person", "16:22:place", "born in"),)


def test_an_answer_does_not_replace_the_adjudicated_version(team: Team, tmp_path: Path) -> None:
    (document,) = add(team, TEXTS[:1])
    team.sync()
    settled = apply(begin(extraction(document)), Accept(tuple(e.id for e in extraction(document).entities)))
    team.store.save(team.project, settled, annotator=ADJUDICATOR, state=State.SUBMITTED)
    team.answer_there("d0", [], NO_RELATIONS, "submitted")
    assert team.sync().fetched == 1
    latest, hers = (team.store.latest(team.project, "d0", who) for who in (None, team.ada["username"]))
    assert latest is not None
    assert hers is not None
    assert (latest.annotator, len(latest.annotation.entities)) == (ADJUDICATOR, 2)
    assert (hers.annotation.entities, hers.state) == ((), State.SUBMITTED)
    assert exports.snapshot(team.store, team.project, tmp_path / "out.jsonl").entities == 2
    assert team.sync().fetched == 0


def test_a_discarded_response_without_values_is_read(team: Team) -> None:
    add(team)
    team.sync()
    record = team.records_there()["d0"]["id"]
    item = {"record_id": record, "status": "discarded", "values": None}
    team.server.call("POST", "/me/responses/bulk", {"items": [item]}, key=team.ada["api_key"])
    assert team.sync().fetched == 1
    revision = team.store.latest(team.project, "d0")
    assert revision is not None
    assert revision.state is State.SKIPPED


def test_offsets_of_a_browser_are_converted_by_the_words_under_them(team: Team) -> None:
    add(team)
    team.sync()
    # "Émile ✨ 😀 lived in Paris": Paris is [19, 24) in code points and [20, 25) in UTF-16 units
    assert TEXTS[1][19:24] == "Paris"
    team.answer_there("d1", [(0, 5, "person"), (20, 24, "place")], NO_RELATIONS, "draft")
    done = team.sync()
    # a mark that fits words in neither unit stays as it is, and somebody should look at it
    assert done.doubtful == [f"d1 by {team.ada['username']}"]
    revision = team.store.latest(team.project, "d1")
    assert revision is not None
    assert {(e.start, e.end) for e in revision.annotation.entities} == {(0, 5), (20, 24)}
    # "lived" fits in UTF-16 alone: the page that marked it counted the part of "Paris" the same way, although that
    # was fetched once as it stood
    marks = [(0, 5, "person"), (11, 16, "place"), (20, 24, "place")]
    team.answer_there("d1", marks, NO_RELATIONS, "submitted")
    done = team.sync()
    revision = team.store.latest(team.project, "d1")
    assert revision is not None
    assert {e.text(revision.annotation.document) for e in revision.annotation.entities} == {"Émile", "lived", "Pari"}
    assert (done.converted, done.doubtful) == (2, [])


def test_marks_that_we_sent_stay_while_those_of_the_page_are_converted(team: Team) -> None:
    documents = add(team, extracted=False)
    name = team.ada["username"]
    # "Pari" in code points: as UTF-16 units it would be " Par"
    team.store.save(team.project, Annotation(documents[1], SCHEMA, (Entity("p", 19, 23, "place"),)), annotator=name)
    team.sync()
    team.store.save(team.project, Annotation(documents[1], SCHEMA), annotator=name)
    team.answer_there("d1", [(19, 23, "place"), (11, 16, "place")], NO_RELATIONS, "submitted")
    done = team.sync()
    assert (done.converted, done.doubtful, len(done.conflicts)) == (1, [], 1)
    there = team.store.revisions(team.project, "d1")[-2].annotation
    assert {e.text(there.document) for e in there.entities} == {"Pari", "lived"}, "also one that is gone here since"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{not json", "json"),
        ('{"v": 2, "relations": []}', "v"),
        ('{"v": 1, "relations": [{"head": {"start": 0, "end": 3, "label": "person"}}]}', "tail"),
        (
            '{"v":1,"relations":[{"head":{"start":0,"end":3,"label":"person"},'
            '"tail":{"start":5,"end":9,"label":"place"},"type":"born in"}]}',
            "no mark",
        ),
        (
            '{"v":1,"relations":[{"head":{"start":0,"end":3,"label":"person"},'
            '"tail":{"start":0,"end":3,"label":"person"},"type":"married"}]}',
            "married",
        ),
    ],
)
def test_unusable_relations_are_refused_by_record_and_field_and_never_overwritten(
    team: Team, text: str, said: str
) -> None:
    documents = add(team)
    team.sync()
    team.answer_there("d0", [(0, 3, "person")], text, "submitted")
    mine = Annotation(documents[0], SCHEMA, (Entity("x", 4, 7, "place"),))
    team.store.save(team.project, mine, annotator=team.ada["username"])
    done = team.sync()
    assert len(done.problems) == 1
    message = str(done.problems[0])
    assert said in message
    assert "d0:" in message
    assert "relations" in message
    assert (done.fetched, done.answers) == (0, 0)
    there = team.records_there()["d0"]["responses"][0]
    assert there["values"]["relations"]["value"] == text, "her work is still there"
    failures = team.waiting().failures
    assert [(f.document, f.annotator) for f in failures] == [("d0", team.ada["username"])]
    team.answer_there("d0", [(0, 3, "person")], NO_RELATIONS, "submitted")
    assert team.sync().problems == []


def test_what_is_left_out_is_in_nobodys_queue_there_and_comes_back_with_its_answers(team: Team) -> None:
    documents = add(team)
    name = team.ada["username"]
    mine = Annotation(documents[1], SCHEMA, (Entity("x", 0, 5, "person"),))
    team.store.save(team.project, mine, annotator=name, state=State.SUBMITTED)
    team.sync()
    leaving.leave_out(team.store, team.project, ["d0", "d1"])
    assert (team.waiting().left_out, team.waiting().total) == (2, 2)
    team.answer_there("d0", [(0, 3, "person")], NO_RELATIONS, "draft")
    done = team.sync()
    assert (done.fetched, done.left_out, done.problems) == (1, 2, [])
    assert sorted(team.records_there()) == ["d2", "d3"]
    assert team.waiting().total == 0
    again = team.sync()
    assert (again.left_out, again.records, again.answers, again.sent_again) == (0, 0, 0, 0)
    revision = team.store.latest(team.project, "d0", name)
    assert revision is not None
    assert [entity.span for entity in revision.annotation.entities] == [(0, 3)]
    assert leaving.is_left_out(team.store, team.project, "d0"), "an answer does not bring it back"

    leaving.bring_back(team.store, team.project, ["d0", "d1"])
    assert (team.waiting().records, team.waiting().answers) == (2, 2)
    done = team.sync()
    assert (done.records, done.answers, done.problems) == (2, 2, [])
    there = team.records_there()
    assert sorted(there) == ["d0", "d1", "d2", "d3"]
    answers = {
        id: (r["status"], r["values"]["entities"]["value"]) for id in ("d0", "d1") for r in there[id]["responses"]
    }
    assert answers == {
        "d0": ("draft", [{"start": 0, "end": 3, "label": "person"}]),
        "d1": ("submitted", [{"start": 0, "end": 5, "label": "person"}]),
    }
    assert team.sync().fetched == 0


def test_a_left_out_document_whose_answer_cannot_be_read_keeps_its_record(team: Team) -> None:
    add(team)
    team.sync()
    team.answer_there("d0", [(0, 3, "person")], "no JSON", "submitted")
    leaving.leave_out(team.store, team.project, ["d0"])
    for _ in range(2):
        done = team.sync()
        assert (len(done.problems), done.left_out) == (1, 0)
        assert team.records_there()["d0"]["responses"][0]["values"]["relations"]["value"] == "no JSON"
        assert team.waiting().left_out == 1
    team.answer_there("d0", [(0, 3, "person")], NO_RELATIONS, "submitted")
    assert team.sync().left_out == 1
    assert "d0" not in team.records_there()


def test_an_answer_given_after_the_fetch_is_fetched_before_its_record_goes(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(team)
    team.sync()
    leaving.leave_out(team.store, team.project, ["d0"])
    fetch = Fetching.run

    def answered_meanwhile(self: Fetching, closed: bool = False) -> None:
        fetch(self, closed)
        team.answer_there("d0", [(0, 3, "person")], NO_RELATIONS, "submitted")

    monkeypatch.setattr(Fetching, "run", answered_meanwhile)
    done = team.sync()
    assert (done.fetched, done.left_out) == (1, 1)
    revision = team.store.latest(team.project, "d0", team.ada["username"])
    assert revision is not None
    assert revision.state is State.SUBMITTED


def test_both_sides_changed_keeps_both(team: Team) -> None:
    documents = add(team)
    name = team.ada["username"]
    team.store.save(team.project, Annotation(documents[0], SCHEMA, (Entity("a", 0, 3, "person"),)), annotator=name)
    team.sync()
    team.answer_there("d0", [(0, 3, "place")], NO_RELATIONS, "submitted")
    team.store.save(team.project, Annotation(documents[0], SCHEMA, (Entity("a", 4, 7, "person"),)), annotator=name)
    done = team.sync()
    assert len(done.conflicts) == 1
    history = team.store.revisions(team.project, "d0")
    assert [next(iter(r.annotation.entities)).label for r in history] == ["person", "person", "place", "person"]
    there = team.records_there()["d0"]["responses"][0]["values"]["entities"]["value"]
    assert [(span["start"], span["end"]) for span in there] == [(4, 7)]
    assert (team.waiting().total, team.sync().fetched) == (0, 0)


def test_what_is_saved_here_while_an_answer_is_fetched_is_a_conflict(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = add(team)
    name = team.ada["username"]
    team.store.save(team.project, Annotation(documents[0], SCHEMA, (Entity("a", 0, 3, "person"),)), annotator=name)
    team.sync()
    team.answer_there("d0", [(0, 3, "place")], NO_RELATIONS, "submitted")
    write = Database.write
    mine = Annotation(documents[0], SCHEMA, (Entity("a", 4, 7, "person"),))

    def after_a_save(self: Database) -> AbstractContextManager[Connection]:
        monkeypatch.setattr(Database, "write", write)
        team.store.save(team.project, mine, annotator=name)
        return write(self)

    monkeypatch.setattr(Database, "write", after_a_save)
    done = team.sync()
    assert done.conflicts == [f"d0 by {name}"]
    marks = [next(iter(r.annotation.entities)) for r in team.store.revisions(team.project, "d0")]
    assert [(m.start, m.label) for m in marks] == [(0, "person"), (4, "person"), (0, "place"), (4, "person")]
    assert team.records_there()["d0"]["responses"][0]["values"]["entities"]["value"][0]["start"] == 4


def fetch(team: Team, database: Path, end_at: int = 0) -> Synced:
    """Fetch into `database`; this process ends without a trace before change or commit number `end_at`."""
    changes = 0

    def see(connection: Connection, cursor: object = None, statement: str = "COMMIT", *_: object) -> None:
        nonlocal changes
        changes += statement.split()[0] in ("INSERT", "UPDATE", "DELETE", "COMMIT")
        if end_at and changes == end_at:
            os.kill(os.getpid(), signal.SIGKILL)

    done = Synced()
    client = ArgillaClient(team.client.settings, team.server.key, attempts=1)
    with closing(client), Store.open(f"sqlite:///{database}") as store:
        argilla = ArgillaStore(client, team.project, SCHEMA)
        argilla.open()
        sa.event.listen(store.database._writer, "before_cursor_execute", see)
        sa.event.listen(store.database._writer, "commit", see)
        Fetching(store, team.project, argilla, done).run()
    return done


def killed(team: Team, database: Path, end_at: int) -> bool:
    """Whether a process that fetches came so far that it was killed."""
    child = os.fork()
    if child == 0:
        try:
            fetch(team, database, end_at)
            os._exit(0)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_a_program_that_ends_anywhere_while_it_fetches_a_conflict_comes_to_the_same_end(team: Team) -> None:
    documents = add(team, TEXTS[:1])
    name = team.ada["username"]
    team.store.save(team.project, Annotation(documents[0], SCHEMA, (Entity("a", 0, 3, "person"),)), annotator=name)
    team.sync()
    team.answer_there("d0", [(0, 3, "place")], NO_RELATIONS, "submitted")
    team.store.save(team.project, Annotation(documents[0], SCHEMA, (Entity("a", 4, 7, "person"),)), annotator=name)
    path = team.store.database.path
    assert path
    team.store.close()
    for end_at in count(1):
        copy = Path(shutil.copy(path, path.with_name(f"{end_at}.db")))
        was_killed = killed(team, copy, end_at)
        with Store.open(f"sqlite:///{copy}") as store:
            before = len(store.revisions(team.project, "d0"))
        done = fetch(team, copy)
        with Store.open(f"sqlite:///{copy}") as store:
            marks = [e for r in store.revisions(team.project, "d0") for e in r.annotation.entities]
            waits = waiting(store, team.project, team.client.settings).answers
        assert [(m.start, m.label) for m in marks] == [(0, "person"), (4, "person"), (0, "place"), (4, "person")]
        assert (before, done.conflicts) in ((2, [f"d0 by {name}"]), (4, [])), "all of it was there, or nothing"
        assert waits == 1
        if not was_killed:
            break
    assert end_at > 6


@pytest.mark.parametrize("more", [0, 15])
def test_an_answer_given_after_the_fetch_is_fetched_before_ours_is_sent(
    team: Team, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    """Of few records the server gives a list, of many it is asked for those concerned."""
    documents = add(team, (*TEXTS, *(f"Ada was born in Place{n}" for n in range(more))))
    name = team.ada["username"]
    team.sync()
    team.store.save(team.project, Annotation(documents[0], SCHEMA, (Entity("a", 4, 7, "person"),)), annotator=name)
    real = Fetching.run

    def then_answered(self: Fetching, closed: bool = False) -> None:
        real(self, closed)
        team.answer_there("d0", [(0, 3, "place")], NO_RELATIONS, "submitted")

    monkeypatch.setattr(Fetching, "run", then_answered)
    done = team.sync()
    assert (done.fetched, done.conflicts, done.answers, done.problems) == (1, [f"d0 by {name}"], 1, [])
    history = team.store.revisions(team.project, "d0")
    marks = [next(iter(revision.annotation.entities)) for revision in history]
    assert [(m.start, m.label) for m in marks] == [(4, "person"), (0, "place"), (4, "person")]
    assert team.records_there()["d0"]["responses"][0]["values"]["entities"]["value"][0]["start"] == 4
    monkeypatch.undo()
    assert team.sync() == Synced()


def test_a_server_that_is_down_and_restarted_loses_nothing(team: Team) -> None:
    documents = add(team)
    team.sync()
    team.answer_there("d1", [(0, 5, "person")], NO_RELATIONS, "submitted")
    team.server.stop()
    try:
        name = team.ada["username"]
        team.store.save(team.project, Annotation(documents[0], SCHEMA), annotator=name, state=State.SUBMITTED)
        with pytest.raises(ServerDown, match="waits here"):
            team.sync()
        assert (team.waiting().records, team.waiting().answers) == (0, 1)
    finally:
        team.server.start()
    done = team.sync()
    assert (done.fetched, done.records, done.answers, done.problems) == (1, 0, 1, [])
    assert team.sync() == Synced(), "both sides have everything"


def test_a_server_that_dies_between_two_batches_gets_the_rest_later(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(team, tuple(f"Ada was born in Place{n}" for n in range(12)), extracted=False)
    monkeypatch.setattr("db.argilla_sending.PAGE", 5)
    real, calls = ArgillaClient.call, []

    def flaky(self: ArgillaClient, method: str, path: str, body: object = None, **params: object) -> object:
        if path.endswith("/records/bulk"):
            calls.append(path)
            if len(calls) == 2:
                raise self._down("no answer (test)")
        return real(self, method, path, body, **params)

    monkeypatch.setattr(ArgillaClient, "call", flaky)
    with pytest.raises(ServerDown):
        team.sync()
    assert team.waiting().records == 7
    assert team.sync().records == 7
    assert len(team.records_there()) == 12


def test_wrong_keys_are_told_apart_and_never_shown(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    add(team)
    wrong = ArgillaClient(team.client.settings, "wrong-and-secret", attempts=1)
    with pytest.raises(StoreError, match="does not know the key"):
        replace(team, client=wrong).sync()
    annotator = ArgillaClient(team.client.settings, team.ada["api_key"], attempts=1)
    with pytest.raises(StoreError, match="role is annotator"):
        replace(team, client=annotator).sync()
    assert "wrong-and-secret" not in caplog.text + repr(wrong)
    elsewhere = ArgillaClient(ArgillaSettings(team.server.url, "nowhere"), team.server.key, attempts=1)
    with pytest.raises(NotFound, match="nowhere"):
        replace(team, client=elsewhere).sync()
    wrong.close()
    annotator.close()
    elsewhere.close()
    dump = team.store.database.path
    assert dump
    assert team.server.key.encode() not in dump.read_bytes()


def test_records_edited_or_deleted_behind_our_back_are_put_right(team: Team) -> None:
    documents = add(team)
    name = team.ada["username"]
    team.store.save(team.project, Annotation(documents[1], SCHEMA), annotator=name, state=State.SUBMITTED)
    team.sync()
    there = team.records_there()
    base = f"/datasets/{team.dataset.id}/records"
    team.server.call("DELETE", base, ids=there["d1"]["id"])
    changed = {"external_id": there["d0"]["external_id"], "fields": {"text": "Eve was here"}}
    team.server.call("PUT", f"{base}/bulk", {"items": [changed]})
    team.answer_there("d0", [(0, 3, "person")], NO_RELATIONS, "submitted")
    team.server.call("PUT", f"{base}/bulk", {"items": [{"external_id": "strange", "fields": {"text": "?"}}]})
    done = team.sync()
    assert done.sent_again == 2
    assert (done.records, done.answers, done.fetched) == (2, 1, 0), done.problems
    messages = " ".join(str(problem) for problem in done.problems)
    assert "strange" in messages
    assert "a text that was changed in Argilla" in messages
    there = team.records_there()
    assert there["d0"]["fields"]["text"] == documents[0].text
    assert there["d1"]["responses"][0]["status"] == "submitted"
    assert team.store.latest(team.project, "d0") is None, "marks on another text are not taken over"
    assert team.sync().fetched == 0, "also not after the text was put right"


def test_metadata_and_suggestions_changed_behind_our_back_are_sent_again(team: Team) -> None:
    add(team)
    team.store.add_documents(team.project, [Document("plain", "Nothing was read here")])
    team.sync()
    path = f"/datasets/{team.dataset.id}/records"

    def there() -> dict[str, tuple[object, ...]]:
        items = team.server.call("GET", path, include="suggestions", limit=10)["items"]
        said = ("value", "score", "agent", "type")
        return {
            item["external_id"]: (item["metadata"], [[s[key] for key in said] for s in item["suggestions"]])
            for item in items
        }

    before, ids = there(), {document: item["external_id"] for document, item in team.records_there().items()}
    spans = team.dataset
    spans.open()
    other = {"question_id": spans.questions["entities"], "value": [{"start": 0, "end": 2, "label": "place"}]}
    changed = [
        {"external_id": ids["d0"], "metadata": {"document": "d9", "note": "hers"}},
        {"external_id": ids["d1"], "suggestions": [other]},
        {"external_id": ids["plain"], "suggestions": [other]},
    ]
    team.server.call("PUT", f"{path}/bulk", {"items": changed})
    lost = team.records_there()["d2"]["id"]
    suggestions = team.server.call("GET", f"/records/{lost}/suggestions")["items"]
    team.server.call("DELETE", f"/records/{lost}/suggestions", ids=",".join(s["id"] for s in suggestions))
    assert there()[ids["d2"]] != before[ids["d2"]]
    done = team.sync()
    assert (done.sent_again, done.records, done.problems) == (3, 3, [])
    after = there()
    # somebody else's suggestion for a document that no model of ours has read is left to them
    assert {id: after[id] == before[id] for id in before if id != ids["plain"]} == dict.fromkeys(
        (ids["d0"], ids["d1"], ids["d2"], ids["d3"]), True
    )
    assert team.sync() == Synced()


def test_a_changed_label_set_is_a_new_dataset_and_late_answers_to_the_old_one_count(team: Team) -> None:
    add(team)
    team.sync()
    old = team.dataset
    team.answer_there("d0", [(0, 3, "person")], NO_RELATIONS, "submitted")
    team.store.save_schema(team.project, Schema.of([*SCHEMA.entity_labels, "date"], SCHEMA.relation_labels))
    done = team.sync()
    assert team.dataset.name != old.name
    assert (done.fetched, done.records, done.answers) == (1, 4, 1)
    revision = team.store.latest(team.project, "d0")
    assert revision is not None
    assert [e.label for e in revision.annotation.entities] == ["person"]
    assert len(team.records_there()) == 4


def test_datasets_of_earlier_label_sets_go_when_asked_and_all_is_collected(team: Team) -> None:
    add(team)
    team.sync()
    old = team.dataset
    team.answer_there("d0", [(0, 3, "person")], NO_RELATIONS, "submitted")
    records = {id: item["id"] for id, item in team.records_there().items()}
    team.store.save_schema(team.project, Schema.of([*SCHEMA.entity_labels, "date"], SCHEMA.relation_labels))
    assert team.sync().older == [old.name]

    def answer_late(document: str, relations: str) -> None:
        values = {"entities": {"value": []}, "relations": {"value": relations}}
        item = {"record_id": records[document], "status": "submitted", "values": values}
        team.server.call("POST", "/me/responses/bulk", {"items": [item]}, key=team.ada["api_key"])

    def survey(delete: bool) -> Older:
        (found,) = argilla_older.survey(team.store, team.project, team.client, delete=delete, by="bo")
        return found

    # an answer that cannot be read is nowhere else: nothing goes
    answer_late("d1", "no JSON")
    kept = Older(old.name, records=4, answers=2, uncollected=1)
    assert survey(delete=True) == kept
    assert survey(delete=False) == kept
    # one that comes after the last round is fetched first
    answer_late("d1", NO_RELATIONS)
    assert survey(delete=False) == Older(old.name, records=4, answers=2)
    answer_late("d2", NO_RELATIONS)
    assert survey(delete=True) == Older(old.name, records=4, answers=3, deleted=True)
    assert {id for id in records if team.store.latest(team.project, id)} == {"d0", "d1", "d2"}
    assert not old.find()
    assert argilla_older.survey(team.store, team.project, team.client, delete=True) == []
    done = team.sync()
    assert (done.older, done.problems) == ([], [])
    assert len(team.records_there()) == 4, "the present dataset is none of them"
    (event,) = audit.events(team.store, team.project, action=argilla_older.DELETED)
    assert (event.by, event.detail["dataset"]) == ("bo", old.name)


def test_a_record_that_is_not_ours_keeps_its_dataset(team: Team) -> None:
    add(team)
    team.sync()
    old = team.dataset
    item = {"external_id": "theirs", "fields": {"text": "By hand."}}
    team.server.call("POST", f"/datasets/{old.id}/records/bulk", {"items": [item]})
    team.store.save_schema(team.project, Schema.of([*SCHEMA.entity_labels, "date"], SCHEMA.relation_labels))
    found = argilla_older.survey(team.store, team.project, team.client, delete=True)
    assert found == [Older(old.name, records=5, uncollected=1)]
    assert old.progress()["total"] == 5


def test_an_annotator_without_a_user_waits_with_a_message(team: Team) -> None:
    documents = add(team)
    team.store.save(team.project, Annotation(documents[0], SCHEMA), annotator="Grace")
    done = team.sync()
    assert done.answers == 0
    assert "Grace" in str(done.problems[0])
    assert team.waiting().failures[0].retry_at is not None
    assert team.sync().problems == [], "not tried at once again"
    team.server.user("Grace", team.workspace_id)
    assert team.sync(retry=True).answers == 1


def test_argillas_own_package_reads_what_was_sent(team: Team) -> None:
    argilla = pytest.importorskip("argilla")
    documents = add(team)
    annotation = Annotation(documents[0], SCHEMA, (Entity("a", 0, 3, "person"),))
    team.store.save(team.project, annotation, annotator=team.ada["username"], state=State.SUBMITTED)
    team.sync()
    client = argilla.Argilla(api_url=team.server.url, api_key=team.server.key)
    dataset = client.datasets(team.dataset.name, workspace=team.client.settings.workspace)
    records = {record.metadata["document"]: record for record in dataset.records(with_responses=True)}
    assert {record.fields["text"] for record in records.values()} == set(TEXTS)
    (response,) = records["d0"].responses["entities"]
    assert (response.value, str(response.status.value)) == ([{"start": 0, "end": 3, "label": "person"}], "submitted")
