"""Is everything there, and as it was said: hashes computed anew, chains followed, indexes compared.

What people and models said is never mended by a program. What is derived from it (queue states, counters,
labels, the search index) can be built anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from db import extractions as extractions_
from db import label_changes, migrate, projects, revisions, search
from db.documents import lock_counts, locked, walked_all
from db.engine import Database
from db.tables import (
    annotators,
    counters,
    document_labels,
    documents,
    extractions,
    heads,
    schemas,
    texts,
)
from db.tables import projects as projects_table
from db.tables import revisions as revisions_table
from db.values import LEFT_OUT, State
from relex_core.errors import RelexError, StoreError, quote
from relex_core.types import Document, sha256

BATCH = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `derived` says that it can be built anew from what is intact."""

    where: str
    what: str
    derived: bool = False


def check(database: Database, seen: Callable[[], None] = lambda: None) -> Iterator[Finding]:
    """Everything that is wrong, in constant memory, seen at one moment; `seen` is called after each document.

    Raises StoreError if it cannot be read.
    """
    with database.read() as connection:
        _check_version(database, connection)
        yield from _engine(connection)
        for row in connection.execute(sa.select(schemas)):
            if sha256(row.json) != row.sha256:
                yield Finding(f"label set {row.sha256[:12]}", "does not fit its hash")
        for project in connection.execute(sa.select(projects_table)).all():
            yield from _project(connection, project, seen)


def repair(database: Database) -> int:
    """Build anew all that is derived; the number of documents. Others save between its batches. Raises StoreError."""
    done = 0
    with database.read() as connection:
        _check_version(database, connection)
        names = connection.scalars(sa.select(projects_table.c.name)).all()
    for name in names:
        at: int | None = 0
        while at is not None:
            with database.write() as connection:
                pk, _ = projects.lock(connection, name)
                labels = projects.load_labels(connection, pk)
                rows = connection.execute(locked(_after(pk, at))).all()
                for row in rows:
                    _rebuild(connection, labels, row)
                done += len(rows)
                at = rows[-1].pk if len(rows) == BATCH else None
                if at is None:
                    _recount(connection, pk)
    return done


def _check_version(database: Database, connection: Connection) -> None:
    found = migrate.version(connection)
    if found != migrate.newest():
        raise StoreError(
            expected=f"a database of version {migrate.newest()} at {database}",
            found=f"version {quote(found)}" if found else "an empty one or another kind of database",
            change=f"If it is the right one, run: python -m db migrate {database.option}",
        )


def _engine(connection: Connection) -> Iterator[Finding]:
    if connection.dialect.name != "sqlite":
        return
    for (said,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if said != "ok":
            yield Finding("database file", said)
    for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield Finding(f"table {row[0]}, row {row[1]}", f"names a row of {row[2]} that is not there")


def _project(connection: Connection, project: Row[Any], seen: Callable[[], None]) -> Iterator[Finding]:
    labels = projects.load_labels(connection, project.pk)
    states: Counter[str] = Counter()
    for row in _documents(connection, project.pk):
        states[row.state] += 1
        where = f"{project.name}, document {row.id}"
        text = connection.execute(sa.select(texts.c.text).where(texts.c.document_pk == row.pk)).scalar()
        if text is None or sha256(text) != row.sha256:
            yield Finding(where, "its text is not the one that was added")
        yield from _extractions(connection, row, where)
        yield from _revisions(connection, labels, row, where)
        if not search.indexed(connection, project.pk, row.pk):
            yield Finding(where, "is not in the search index", derived=True)
        seen()
    query = sa.select(counters.c.state, counters.c.documents).where(counters.c.project_pk == project.pk)
    counted = {state: number for state, number in connection.execute(query) if number}
    if counted != dict(states):
        yield Finding(project.name, f"counts {counted}, has {dict(states)}", derived=True)


def _extractions(connection: Connection, row: Row[Any], where: str) -> Iterator[Finding]:
    for found in connection.execute(sa.select(extractions).where(extractions.c.document_pk == row.pk)).all():
        if extractions_.content_hash(found._mapping) != found.sha256:
            yield Finding(f"{where}, extraction {found.pk}", "does not fit its hash")


def _revisions(connection: Connection, labels: projects.LabelSet, row: Row[Any], where: str) -> Iterator[Finding]:
    query = (
        sa.select(revisions_table, annotators.c.name.label("annotator"))
        .join(annotators, annotators.c.pk == revisions_table.c.annotator_pk)
        .where(revisions_table.c.document_pk == row.pk)
        .order_by(revisions_table.c.number)
    )
    before, number, last = "", 0, None
    newest: dict[int, tuple[int, str]] = {}
    for found in connection.execute(query).all():
        number += 1
        if found.number != number:
            yield Finding(where, f"revision {number} is missing")
            number = found.number
        if revisions.chain_hash(found._mapping, before) != found.sha256:
            yield Finding(f"{where}, revision {found.number}", "does not fit its hash")
        before, last = found.sha256, found
        newest[found.annotator_pk] = (found.pk, found.state)
    query_heads = sa.select(heads.c.annotator_pk, heads.c.revision_pk, heads.c.state).where(
        heads.c.document_pk == row.pk
    )
    if {r.annotator_pk: (r.revision_pk, r.state) for r in connection.execute(query_heads)} != newest:
        yield Finding(where, "the latest revisions are not those that are marked so", derived=True)
    state = last.state if last else str(State.NEW)
    if row.state == LEFT_OUT:
        state = LEFT_OUT
    if (row.state, row.revisions) != (state, number):
        yield Finding(where, f"listed as {row.state} with {row.revisions} revisions", derived=True)
    try:
        yield from _labels(connection, labels, row, last, where)
    except (RelexError, ValueError, KeyError, TypeError) as error:
        yield Finding(where, f"cannot be read: {error}")


def _labels(
    connection: Connection, labels: projects.LabelSet, row: Row[Any], last: Row[Any] | None, where: str
) -> Iterator[Finding]:
    wanted: Counter[tuple[str, str]] = Counter()
    found = extractions_.latest(connection, labels, row)
    for prefix, graph in (
        ("", label_changes.today(labels, last) if last is not None else None),
        ("suggested ", extractions_.shown(found) if found is not None else None),
    ):
        if graph is not None:
            wanted.update((f"{prefix}entity", entity.label) for entity in graph[0])
            wanted.update((f"{prefix}relation", relation.label) for relation in graph[1])
    query = sa.select(document_labels).where(document_labels.c.document_pk == row.pk)
    if {(r.kind, r.label): r.mentions for r in connection.execute(query)} != wanted:
        yield Finding(where, "its labels are not those in the index", derived=True)


def _rebuild(connection: Connection, labels: projects.LabelSet, row: Row[Any]) -> None:
    query = sa.select(revisions_table).where(revisions_table.c.document_pk == row.pk)
    found = connection.execute(query.order_by(revisions_table.c.number)).all()
    connection.execute(heads.delete().where(heads.c.document_pk == row.pk))
    latest = {r.annotator_pk: r for r in found}
    if latest:
        connection.execute(
            heads.insert(),
            [
                {"document_pk": row.pk, "annotator_pk": a, "revision_pk": r.pk, "state": r.state}
                for a, r in latest.items()
            ],
        )
    values: dict[str, Any] = {"state": str(State.NEW), "revisions": 0}
    if found:
        last = found[-1]
        values = {
            "state": last.state,
            "revisions": len(found),
            "updated_at": last.saved_at,
            "annotator_pk": last.annotator_pk,
        }
    if row.state == LEFT_OUT:
        values["state"] = LEFT_OUT
    connection.execute(documents.update().where(documents.c.pk == row.pk).values(**values))
    label_changes.reindex(connection, labels, row)
    if not search.indexed(connection, labels.project, row.pk):
        text = connection.execute(sa.select(texts.c.text).where(texts.c.document_pk == row.pk)).scalar_one()
        search.index(connection, labels.project, [(row.pk, Document(row.id, text, row.source))])


def _recount(connection: Connection, project: int) -> None:
    lock_counts(connection, project)
    query = (
        sa.select(documents.c.state, sa.func.count())
        .where(documents.c.project_pk == project)
        .group_by(documents.c.state)
    )
    numbers: dict[str, int] = dict(connection.execute(query).all())
    connection.execute(counters.delete().where(counters.c.project_pk == project))
    connection.execute(
        counters.insert(),
        [{"project_pk": project, "state": str(s), "documents": numbers.get(s, 0)} for s in (*State, LEFT_OUT)],
    )


def _documents(connection: Connection, project: int) -> Iterator[Row[Any]]:
    at = 0
    while True:
        found = connection.execute(_after(project, at)).all()
        yield from found
        if len(found) < BATCH:
            return
        at = found[-1].pk


def _after(project: int, at: int) -> sa.Select[Any]:
    """The next batch of documents, those whose keys follow `at`."""
    return sa.select(documents).where(walked_all(project), documents.c.pk > at).order_by(documents.c.pk).limit(BATCH)
