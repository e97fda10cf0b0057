from __future__ import annotations

import pytest
import sqlalchemy as sa

from db import benchmark
from db.__main__ import main
from db.store import Store
from db.values import Order
from tests.db.conftest import SCHEMA


def test_benchmark_prints_the_curve(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "CALLS", 1)
    assert main(["benchmark", "--sizes", "20", "60"]) == 0
    said = capsys.readouterr().out
    for operation in ("save", "progress", "search, one document", "queue page, uncertainty"):
        assert f"\n{operation} " in said
    assert "logarithmic growth from 20 to 60 documents" in said


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("order", list(Order))
def test_a_page_is_read_from_an_index_without_sorting(store: Store, order: Order) -> None:
    store.create_project("letters", SCHEMA)
    statements: list[tuple[str, object]] = []

    @sa.event.listens_for(store.database._engine, "before_cursor_execute")
    def note(connection: object, cursor: object, statement: str, values: object, *rest: object) -> None:
        if statement.startswith("SELECT documents.pk"):
            statements.append((statement, values))

    store.queue("letters", order=order)
    assert len(statements) == 5  # one for each state
    with store.database.read() as connection:
        statement, values = statements[0]
        plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values))
    assert "SEARCH documents USING INDEX ix_documents_" in plan
    assert "TEMP B-TREE" not in plan
