"""Two transactions on one project wait for each other in one direction only."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db import assignments, check, documents, imports, label_changes, projects, saving
from db.store import Store
from db.values import State
from relex_core.types import Annotation, Document, Entity
from tests.db.conftest import ADA, NIELS, SCHEMA

pytestmark = [
    pytest.mark.postgres,
    # SQLite has one writer at a time
    pytest.mark.parametrize("engine", ["postgresql"], indirect=True),
]

ADA_LINE = {"id": "ada", "tokenized_text": ["Ada", "Lovelace"], "ner": [[0, 1, "person"]], "relations": []}
NEW_LINE = {"id": "new", "tokenized_text": ["Grace", "Hopper"], "ner": [[0, 1, "person"]], "relations": []}
TEXT = Document("ada", "Ada Lovelace")


@pytest.fixture
def letters(store: Store) -> Store:
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [TEXT, NIELS])
    return store


def until_it_waits(url: str, other: Future[Any]) -> None:
    """Until the other transaction stands before a lock, or is through without one."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 60
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            found = connection.execute(waiting).fetchone()
            if other.done() or (found is not None and found[0]):
                return
    raise AssertionError("it neither ended nor waited")


def beside_a_save(store: Store, url: str, other: Callable[[Store], object]) -> None:
    """`other` begins when a save has locked its document, and the save goes on when `other` waits."""

    def work() -> None:
        with Store.open(url) as second:
            other(second)

    annotation = Annotation(TEXT, SCHEMA, (Entity("a", 0, 3, "person"),))
    with ThreadPoolExecutor(1) as thread:
        with store.database.write() as connection:
            pk, _ = projects.find(connection, "letters")
            documents.find(connection, pk, "ada", lock=True)
            done = thread.submit(work)
            until_it_waits(url, done)
            new = saving.Work(annotator="newcomer", state=State.SUBMITTED)
            saving.save(connection, projects.load_labels(connection, pk), annotation, new, store.now())
        done.result(timeout=60)
    assert list(check.check(store.database)) == []


@pytest.mark.parametrize("lines", [[NEW_LINE, ADA_LINE], [ADA_LINE, NEW_LINE]])
def test_an_import_that_decides(letters: Store, url: str, tmp_path: Path, lines: list[dict[str, object]]) -> None:
    path = tmp_path / "more.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    beside_a_save(letters, url, lambda store: imports.load(store, "letters", [path], annotator="newcomer"))
    assert letters.counts("letters")[State.SUBMITTED] == 2
    assert letters.counts("letters")[State.NEW] == 1
    assert [revision.annotator for revision in letters.revisions("letters", "ada")] == ["newcomer", "newcomer"]


@pytest.mark.parametrize(
    "other",
    [
        lambda store: assignments.share(store, "letters", ["bob", "newcomer"], 0.5),
        lambda store: label_changes.rename(store, "letters", "entity", "place", "location"),
        lambda store: store.add_documents("letters", [ADA, TEXT]),
        lambda store: store.save_guidelines("letters", "Mark people."),
    ],
    ids=["sharing out", "a rename", "documents added", "guidelines"],
)
def test_what_changes_the_whole_project(letters: Store, url: str, other: Callable[[Store], object]) -> None:
    beside_a_save(letters, url, other)
    assert letters.counts("letters")[State.SUBMITTED] == 1


def test_numbers_are_taken_together(letters: Store, url: str) -> None:
    """One transaction adds to what is new and then to what is flagged, the other one moves from flagged to new."""
    letters.set_state("letters", "niels", State.FLAGGED, annotator="ann")
    with ThreadPoolExecutor(1) as thread, Store.open(url) as second:
        with letters.database.write() as connection:
            pk, _ = projects.find(connection, "letters")
            documents.count(connection, pk, {State.NEW: 5})
            back = thread.submit(second.set_state, "letters", "niels", State.NEW, annotator="ann")
            until_it_waits(url, back)
            documents.count(connection, pk, {State.FLAGGED: 5})
        back.result(timeout=60)
    assert (letters.counts("letters")[State.NEW], letters.counts("letters")[State.FLAGGED]) == (7, 5)
