"""Documents that are left out of their project: in nothing that the project is, kept whole, and back as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import (
    assignments,
    audit,
    check,
    corpus_reading,
    exports,
    gold,
    habits,
    imports,
    leaving,
    outbox,
    progress,
    projects,
)
from db.corpus import Source
from db.store import Store
from db.values import ADJUDICATOR, Order, State
from relex_core.errors import NotFound, StoreError
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Thresholds
from tests.db.conftest import SCHEMA

TEXTS = [Document(f"d{n}", f"Ada was born in Oslo, says note {n}.") for n in range(6)]
MODEL = "mini-1"
MARKS = (Entity("a", 0, 3, "person"), Entity("o", 16, 20, "place"))


@pytest.fixture
def letters(store: Store) -> Store:
    """d0 to d2 submitted, d0 adjudicated as well; d0 and d5 read by the model."""
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", TEXTS)
    for n in range(3):
        say(store, n)
    say(store, 0, ADJUDICATOR)
    for n in (0, 5):
        found = tuple(Entity.suggested(m.start, m.end, m.label, 0.9) for m in MARKS)
        store.save_extraction("letters", Extraction(TEXTS[n], SCHEMA, found, (), MODEL))
    return store


def say(store: Store, n: int, who: str = "ann", state: State = State.SUBMITTED) -> None:
    decided = Annotation(TEXTS[n], SCHEMA, MARKS, (Relation("a", "o", "born in"),))
    store.save("letters", decided, annotator=who, state=state)


def ids(store: Store, **options: object) -> list[str]:
    return [row.id for row in store.queue("letters", **options)]  # type: ignore[arg-type]


def sound(store: Store) -> bool:
    return list(check.check(store.database)) == []


def test_what_is_left_out_is_in_no_queue_and_no_figure(letters: Store) -> None:
    assert leaving.leave_out(letters, "letters", ["d0", "d5", "d5", "nowhere"], by="eve") == ("d0", "d5")
    for order in Order:
        assert sorted(ids(letters, order=order)) == ["d1", "d2", "d3", "d4"]
    assert ids(letters, search="note") == ["d1", "d2", "d3", "d4"]
    assert ids(letters, search="label:person", states=[State.SUBMITTED]) == ["d1", "d2"]
    assert letters.counts("letters") == {**dict.fromkeys(State, 0), State.NEW: 2, State.SUBMITTED: 2}
    assert letters.project("letters").documents == 4
    assert leaving.number(letters, "letters") == 2
    assert [row.annotation.document.id for row in letters.latest_revisions("letters")] == ["d1", "d2"]
    assert {work.document for work in progress.work(letters, "letters")} == {"d1", "d2"}
    assert gold.items(letters, "letters") == frozenset()
    assert sum(number for _, number in habits.catch_up(letters, "letters", habits.Habits()).counts()) == 2
    assert sound(letters)


def test_it_is_found_under_left_out_and_opens_by_its_id(letters: Store) -> None:
    leaving.leave_out(letters, "letters", ["d0", "d4", "d5"])
    rows = letters.queue("letters", left_out=True)
    assert [(row.id, row.state) for row in rows] == [("d0", "submitted"), ("d4", "new"), ("d5", "new")]
    assert ids(letters, left_out=True, limit=2, after="d0") == ["d4", "d5"]
    assert ids(letters, left_out=True, search="label:person") == ["d0", "d5"]
    assert letters.document("letters", "d0") == TEXTS[0]
    assert len(letters.revisions("letters", "d0")) == 2
    assert leaving.is_left_out(letters, "letters", "d0")
    assert not leaving.is_left_out(letters, "letters", "d1")
    assert not leaving.is_left_out(letters, "letters", "nowhere")
    with pytest.raises(NotFound):
        leaving.leave_out(letters, "nowhere", ["d0"])


def test_it_comes_back_as_it_was(letters: Store) -> None:
    before, work = letters.queue("letters"), progress.work(letters, "letters")
    counts, history = letters.counts("letters"), letters.revisions("letters", "d0")
    leaving.leave_out(letters, "letters", [text.id for text in TEXTS], by="eve")
    assert ids(letters) == []
    assert leaving.bring_back(letters, "letters", ["d0", "d1", "d2", "d3", "d4", "d5"], by="bob") == tuple(
        text.id for text in TEXTS
    )
    assert leaving.bring_back(letters, "letters", ["d0"]) == ()
    assert (letters.queue("letters"), letters.counts("letters")) == (before, counts)
    assert (progress.work(letters, "letters"), letters.revisions("letters", "d0")) == (work, history)
    back, out = audit.events(letters, "letters")[:2]
    assert (out.by, out.action, out.detail["documents"]) == ("eve", "documents left out", 6)
    assert (back.by, back.action, back.detail["ids"]) == ("bob", "documents brought back", [t.id for t in TEXTS])
    assert sound(letters)


def test_what_is_saved_meanwhile_is_kept_and_it_stays_out(letters: Store) -> None:
    leaving.leave_out(letters, "letters", ["d3"])
    say(letters, 3, state=State.FLAGGED)
    assert ids(letters, left_out=True) == ["d3"]
    assert letters.counts("letters")[State.FLAGGED] == 0
    assert sound(letters)
    check.repair(letters.database)
    assert ids(letters, left_out=True) == ["d3"]
    assert sound(letters)
    leaving.bring_back(letters, "letters", ["d3"])
    assert ids(letters, states=[State.FLAGGED]) == ["d3"]
    assert sound(letters)


def test_the_model_does_not_read_it(letters: Store) -> None:
    assert progress.count_unscored(letters, "letters", MODEL) == 4
    leaving.leave_out(letters, "letters", ["d3", "d5"])
    assert progress.unscored(letters, "letters", MODEL) == ("d1", "d2", "d4")
    assert progress.count_unscored(letters, "letters", MODEL) == 3
    leaving.bring_back(letters, "letters", ["d3", "d5"])
    assert progress.count_unscored(letters, "letters", MODEL) == 4


def test_no_export_and_no_graph_has_it(letters: Store, tmp_path: Path) -> None:
    def seen() -> tuple[int, int]:
        written = exports.snapshot(letters, "letters", tmp_path / "out.jsonl")
        graph = corpus_reading.read(letters, "letters", Source.BOTH, Thresholds(), MODEL)
        return written.documents, graph.documents

    def stamps() -> tuple[object, object]:
        return exports.stamp(letters, "letters"), corpus_reading.stamp(letters, "letters")

    assert seen() == (3, 4)
    leaving.leave_out(letters, "letters", ["d1", "d5"])
    assert seen() == (2, 2)
    before = stamps()
    # as many, with as many revisions, but others
    leaving.leave_out(letters, "letters", ["d2"])
    leaving.bring_back(letters, "letters", ["d1"])
    assert all(old != new for old, new in zip(before, stamps(), strict=True))


def test_no_server_gets_it(letters: Store) -> None:
    def due() -> tuple[set[str], set[str]]:
        with letters.database.read() as connection:
            pk, _ = projects.find(connection, "letters")
            records = connection.execute(outbox.due_records(pk, "there", None))
            answers = connection.execute(outbox.due_answers(pk, "there", None))
            return {row.id for row in records}, {row.id for row in answers}

    assert due() == ({text.id for text in TEXTS}, {"d0", "d1", "d2"})
    leaving.leave_out(letters, "letters", ["d0", "d5"])
    assert due() == ({"d1", "d2", "d3", "d4"}, {"d1", "d2"})


def test_nobody_has_it_in_their_part(letters: Store) -> None:
    assignments.share(letters, "letters", ["ann", "bob"], 1.0)
    leaving.leave_out(letters, "letters", [f"d{n}" for n in range(5)])
    assert assignments.of(letters, "letters", "ann") == {"d5"}
    assert assignments.counts(letters, "letters", "ann") == {State.NEW: 1}
    assert ids(letters, own="ann") == ["d5"]
    leaving.leave_out(letters, "letters", ["d5"])
    assert assignments.team(letters, "letters") == (("ann", 0), ("bob", 0)), "it is shared out all the same"
    leaving.bring_back(letters, "letters", ["d5", "d0"])
    assert assignments.of(letters, "letters", "bob") == {"d0", "d5"}


def test_what_comes_back_after_the_work_was_shared_out_gets_a_part(letters: Store) -> None:
    leaving.leave_out(letters, "letters", ["d0"])
    assignments.share(letters, "letters", ["ann", "bob"], 1.0)
    leaving.bring_back(letters, "letters", ["d0"])
    assignments.complete(letters, "letters")
    assert "d0" in assignments.of(letters, "letters", "ann")


def test_files_do_not_bring_it_back(letters: Store, tmp_path: Path) -> None:
    leaving.leave_out(letters, "letters", ["d1", "d4"])
    added = letters.add_documents("letters", [*TEXTS, Document("other name", TEXTS[4].text), Document("d9", "New.")])
    assert (added.added, added.duplicates, added.left_out) == (1, 7, 3)
    with Store.open(f"sqlite:///{tmp_path}/elsewhere.sqlite") as elsewhere:
        elsewhere.create_project("letters", SCHEMA)
        elsewhere.add_documents("letters", TEXTS)
        for n in (1, 3):
            say(elsewhere, n, "eve")
        exports.snapshot(elsewhere, "letters", tmp_path / "out.jsonl")
    done = imports.load(letters, "letters", [tmp_path / "out.jsonl"])
    assert (done.added, done.duplicates, done.left_out, done.revisions) == (0, 2, 1, 2)
    assert ids(letters, left_out=True) == ["d1", "d4"]
    assert len(letters.revisions("letters", "d1")) == 2
    assert sound(letters)


def test_an_archived_project_is_in_no_list_and_all_there(letters: Store) -> None:
    letters.create_project("other", SCHEMA)
    leaving.archive(letters, "letters", by="eve")
    leaving.archive(letters, "letters", by="late")
    assert [project.name for project in letters.projects()] == ["other"]
    assert [project.name for project in letters.projects(archived=True)] == ["letters"]
    assert [project.name for project in letters.projects(archived=None)] == ["letters", "other"]
    assert letters.project("letters").documents == 6
    with pytest.raises(StoreError, match="among the archived ones"):
        letters.create_project("letters", SCHEMA)
    leaving.unarchive(letters, "letters", by="bob")
    leaving.unarchive(letters, "letters", by="late")
    assert [project.name for project in letters.projects()] == ["letters", "other"]
    said = [(event.by, event.action) for event in audit.events(letters, "letters")[:2]]
    assert said == [("bob", "project brought back"), ("eve", "project archived")]
    with pytest.raises(NotFound):
        leaving.archive(letters, "nowhere")


def test_a_project_is_worked_on_with_its_label_set_until_it_is_archived(letters: Store) -> None:
    assert leaving.worked_with(letters, "letters") == letters.schema_version("letters") == 1
    leaving.archive(letters, "letters")
    assert leaving.worked_with(letters, "letters") is None
    leaving.unarchive(letters, "letters")
    assert leaving.worked_with(letters, "letters") == 1
    with pytest.raises(NotFound):
        leaving.worked_with(letters, "nowhere")
