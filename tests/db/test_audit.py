"""The audit log: read a page at a time, by person and action, and taken away as a table."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from db import audit
from db.formats.csv_files import plain
from db.store import Store
from tests.db.conftest import SCHEMA


@pytest.fixture
def logged(store: Store) -> Store:
    store.create_project("letters", SCHEMA, by="ann")
    with store.database.write() as connection:
        for n in range(10):
            audit.write(connection, store.now(), "exported", None, ["ann", "=HYPERLINK(1)"][n % 2], file=f"@f{n}.zip")
        audit.write(connection, store.now(), "backed up", file="b.sqlite")
    return store


def test_a_page_follows_another(logged: Store) -> None:
    first = audit.events(logged, limit=5)
    rest = audit.events(logged, before=first[-1].number)
    assert [event.number for event in (*first, *rest)] == sorted((e.number for e in audit.events(logged)), reverse=True)
    assert (len(first), len(rest), first[0].action, rest[-1].action) == (5, 7, "backed up", "project created")


def test_a_person_and_an_action_alone(logged: Store) -> None:
    assert audit.people(logged) == ("", "=HYPERLINK(1)", "ann")
    assert audit.actions(logged) == ("backed up", "exported", "project created")
    assert len(audit.events(logged, by="ann")) == 6
    assert len(audit.events(logged, by="ann", action="exported")) == 5
    assert [event.action for event in audit.events(logged, by="")] == ["backed up"]
    assert audit.events(logged, by="'; DROP TABLE audit_log; --") == ()


def test_a_table_without_formulas(logged: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BATCH", 4)
    assert audit.write_csv(logged, tmp_path / "log.csv") == 12
    with (tmp_path / "log.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == audit.COLUMNS
    assert [int(row[0]) for row in rows] == [event.number for event in audit.events(logged)]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for row in rows for cell in row)
    assert {plain(row[2]) for row in rows} == {"", "=HYPERLINK(1)", "ann"}
    assert json.loads(rows[1][5]) == {"file": "@f9.zip"}
    assert audit.write_csv(logged, tmp_path / "less.csv", by="ann", action="exported") == 5


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("chosen", [{"by": "ann"}, {"action": "exported"}, {}])
def test_a_page_is_read_from_an_index(logged: Store, chosen: dict[str, str]) -> None:
    statements: list[tuple[str, object]] = []

    @sa.event.listens_for(logged.database._engine, "before_cursor_execute")
    def note(connection: object, cursor: object, statement: str, values: object, *rest: object) -> None:
        statements.append((statement, values))

    audit.events(logged, limit=3, before=9, **chosen)
    with logged.database.read() as connection:
        (statement, values), *_ = [each for each in statements if "FROM audit_log" in each[0]]
        plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values))
    assert "TEMP B-TREE" not in plan
    assert "SEARCH audit_log" in plan
