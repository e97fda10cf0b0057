"""What a server still has to get, read off the database; on both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from db import outbox, projects
from db.argilla_client import ArgillaSettings
from db.argilla_store import ArgillaStore, dataset_name
from db.argilla_sync import waiting
from db.outbox import RECORD
from db.store import Store
from db.values import State
from relex_core.types import Annotation, Entity
from tests.db.conftest import ADA, CAFE, NIELS, SCHEMA, suggestions

SETTINGS = ArgillaSettings("http://argilla.example.org/", "team")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def filled(store: Store) -> Store:
    store.create_project("people", SCHEMA)
    store.add_documents("people", [ADA, NIELS, CAFE])
    store.save_extraction("people", suggestions())
    store.save("people", Annotation(ADA, SCHEMA, (Entity("a", 0, 3, "person"),)), annotator="ada")
    store.save("people", Annotation(ADA, SCHEMA), annotator="bob", state=State.SUBMITTED)
    return store


def deliver(store: Store, now: datetime = NOW) -> int:
    """Acknowledge everything that is due, as a server would; how much that was."""
    target = f"http://argilla.example.org team {dataset_name('people', SCHEMA)}"
    with store.database.write() as connection:
        pk, _ = projects.find(connection, "people")
        records = connection.execute(outbox.due_records(pk, target, now)).all()
        answers = connection.execute(outbox.due_answers(pk, target, now)).all()
        for row in records:
            outbox.acknowledge(connection, target, row.pk, RECORD, now, row.version)
        for row in answers:
            outbox.acknowledge(connection, target, row.pk, row.by, now, str(row.revision_pk), "hash")
    return len(records) + len(answers)


def test_everything_waits_until_it_is_acknowledged_and_again_after_a_change(filled: Store) -> None:
    before = waiting(filled, "people", SETTINGS)
    assert (before.records, before.answers, before.total, before.sent_at) == (3, 2, 5, None)
    assert deliver(filled) == 5
    after = waiting(filled, "people", SETTINGS)
    assert (after.total, after.sent_at, after.failures) == (0, NOW, ())
    filled.save_extraction("people", suggestions("mini-2"))
    filled.save("people", Annotation(ADA, SCHEMA), annotator="ada")
    again = waiting(filled, "people", SETTINGS)
    assert (again.records, again.answers) == (1, 1)
    assert deliver(filled) == 2


def test_another_server_workspace_or_label_set_has_nothing_yet(filled: Store) -> None:
    deliver(filled)
    assert waiting(filled, "people", ArgillaSettings("http://other.example.org", "team")).total == 5
    assert waiting(filled, "people", ArgillaSettings(SETTINGS.url, "others")).total == 5


def test_failures_wait_longer_each_time_and_can_be_sent_at_once(filled: Store) -> None:
    with filled.database.write() as connection:
        pk, _ = projects.find(connection, "people")
        target = f"http://argilla.example.org team {dataset_name('people', SCHEMA)}"
        row = connection.execute(outbox.due_answers(pk, target, NOW)).all()[0]
        pauses = []
        for _ in range(12):
            outbox.fail(connection, target, row.pk, row.by, NOW, "no such user")
            entry = outbox.entry(connection, target, row.pk, row.by)
            assert entry is not None
            pauses.append(entry.retry_at - NOW)
        due = outbox.due_answers(pk, target, NOW + timedelta(hours=5))
        assert [r.annotator for r in connection.execute(due)] == ["bob"]
    assert pauses[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert pauses[-1] == timedelta(hours=6)
    (failure,) = waiting(filled, "people", SETTINGS).failures
    assert (failure.document, failure.annotator, failure.attempts) == ("ada", "ada", 12)
    assert waiting(filled, "people", SETTINGS).answers == 2, "what failed still waits"
    with filled.database.write() as connection:
        outbox.retry_now(connection, target)
        assert len(connection.execute(outbox.due_answers(pk, target, NOW)).all()) == 2


def test_a_clock_that_goes_back_keeps_nothing_waiting_for_years(filled: Store) -> None:
    target = f"http://argilla.example.org team {dataset_name('people', SCHEMA)}"
    with filled.database.write() as connection:
        pk, _ = projects.find(connection, "people")
        row = connection.execute(outbox.due_answers(pk, target, NOW)).all()[0]
        outbox.fail(connection, target, row.pk, row.by, NOW + timedelta(days=400), "no such user")
        assert len(connection.execute(outbox.due_answers(pk, target, NOW + timedelta(days=400))).all()) == 1
        assert len(connection.execute(outbox.due_answers(pk, target, NOW)).all()) == 2


def test_what_the_server_lost_waits_again(filled: Store) -> None:
    deliver(filled)
    with filled.database.write() as connection:
        pk, _ = projects.find(connection, "people")
        (target,) = outbox.targets(connection, pk)
        row = next(r for r in outbox.acknowledged(connection, pk, target) if r.id == "ada")
        outbox.forget(connection, target, row.document_pk, RECORD)
        outbox.forget_answers(connection, target, row.document_pk)
    lost = waiting(filled, "people", SETTINGS)
    assert (lost.records, lost.answers) == (1, 2)


def test_the_target_names_server_workspace_project_and_labels() -> None:
    from db.argilla_client import ArgillaClient

    client = ArgillaClient(SETTINGS, "key")
    target = ArgillaStore(client, "people", SCHEMA).target
    client.close()
    assert target == f"http://argilla.example.org team {dataset_name('people', SCHEMA)}"
    assert "key" not in target
