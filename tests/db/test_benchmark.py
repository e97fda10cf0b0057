from __future__ import annotations

import pytest
import sqlalchemy as sa

from db import benchmark, check, outbox, progress, projects
from db.__main__ import main
from db.store import Store
from db.tables import documents, heads
from db.values import Order, State
from relex_core.types import Annotation
from tests.db.conftest import ADA, SCHEMA


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


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_batches_are_read_in_order_without_sorting_the_rest(store: Store) -> None:
    """An export, a check or a delivery of 100,000 documents would else sort all that is left for each batch."""
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [ADA])
    store.save("letters", Annotation(ADA, SCHEMA), annotator="ann")
    statements: list[tuple[str, object]] = []

    @sa.event.listens_for(store.database._engine, "before_cursor_execute")
    def note(connection: object, cursor: object, statement: str, values: object, *rest: object) -> None:
        if "ORDER BY documents.pk" in statement or "ORDER BY heads.document_pk" in statement:
            statements.append((statement, values))

    list(store.annotations("letters"))
    list(store.annotations("letters", states=[State.SUBMITTED], annotators=["ann"]))
    list(check.check(store.database))
    progress.unscored(store, "letters", "mini", 50)
    with store.database.read() as connection:
        pk, _ = projects.find(connection, "letters")
        connection.execute(outbox.due_records(pk, "t", store.now()).where(documents.c.pk > 0).limit(5)).all()
        connection.execute(outbox.due_answers(pk, "t", store.now()).where(heads.c.document_pk >= 0).limit(5)).all()
    assert len(statements) >= 6
    with store.database.read() as connection:
        for statement, values in list(statements):
            plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values))
            assert "TEMP B-TREE" not in plan, statement
