"""What a server has of a project, and what it still has to get.

Nothing is queued when somebody saves: what waits is read off the database itself (each head of an annotator and
each document whose newest state the server has not acknowledged), so nothing can be forgotten, and sending
twice changes nothing. This module keeps the acknowledgements; `argilla_sync` sends and fetches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from db.documents import walked
from db.tables import annotators, documents, extractions, heads, outbox
from db.values import LEFT_OUT

RECORD = 0
"""Stands for the record itself where an annotator's key stands for an answer."""

_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that the server did not take or that could not be read. `annotator` is "" for a record."""

    document: str
    annotator: str
    error: str
    attempts: int
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many records and answers the server still has to get, how many records it still has to give up because their
    documents are left out, and what went wrong with some of them."""

    records: int
    answers: int
    left_out: int
    failures: tuple[Failure, ...]
    sent_at: datetime | None

    @property
    def total(self) -> int:
        return self.records + self.answers + self.left_out


def waiting(connection: Connection, project: int, target: str) -> Waiting:
    """What waits for `target`, whether or not the server can be reached."""
    records = _count(connection, due_records(project, target, None))
    answers = _count(connection, due_answers(project, target, None))
    there = (outbox.c.target == target, outbox.c.annotator_pk == RECORD, outbox.c.version != "")
    out = _count(connection, left_out(project).join(outbox, outbox.c.document_pk == documents.c.pk).where(*there))
    mine = sa.and_(outbox.c.target == target, documents.c.project_pk == project)
    query = (
        sa.select(outbox, documents.c.id.label("id"), annotators.c.name.label("annotator"))
        .join(documents, documents.c.pk == outbox.c.document_pk)
        .outerjoin(annotators, annotators.c.pk == outbox.c.annotator_pk)
        .where(mine)
    )
    failed = connection.execute(query.where(outbox.c.error != "").order_by(outbox.c.pk).limit(100)).all()
    failures = tuple(Failure(r.id, r.annotator or "", r.error, r.attempts, r.retry_at) for r in failed)
    last = sa.select(sa.func.max(outbox.c.sent_at)).join(documents, documents.c.pk == outbox.c.document_pk).where(mine)
    return Waiting(records, answers, out, failures, connection.execute(last).scalar())


def due_records(project: int, target: str, now: datetime | None) -> sa.Select[Any]:
    """(document row, `version`) of documents whose newest extraction the server lacks; with `now`, no failed ones
    that have to wait longer."""
    newest = (
        sa.select(sa.func.coalesce(sa.func.max(extractions.c.pk), 0))
        .where(extractions.c.document_pk == documents.c.pk)
        .correlate(documents)
        .scalar_subquery()
    )
    version = sa.cast(newest, sa.Text)
    same = outbox.c.document_pk == documents.c.pk
    joined = sa.and_(same, outbox.c.annotator_pk == RECORD, outbox.c.target == target)
    query = sa.select(documents, version.label("version")).outerjoin(outbox, joined)
    query = query.where(walked(project), _lacks(version), *_ready(now))
    return query.order_by(documents.c.pk)


def due_answers(project: int, target: str, now: datetime | None) -> sa.Select[Any]:
    """(document row, `annotator_pk`, `annotator`, `revision_pk`) of heads that the server lacks."""
    version = sa.cast(heads.c.revision_pk, sa.Text)
    mine = sa.and_(outbox.c.document_pk == heads.c.document_pk, outbox.c.annotator_pk == heads.c.annotator_pk)
    columns = (heads.c.annotator_pk.label("by"), annotators.c.name.label("annotator"), heads.c.revision_pk)
    query = (
        sa.select(documents, *columns)
        .join(heads, heads.c.document_pk == documents.c.pk)
        .join(annotators, annotators.c.pk == heads.c.annotator_pk)
        .outerjoin(outbox, sa.and_(mine, outbox.c.target == target))
        .where(walked(project), _lacks(version), *_ready(now))
    )
    return query.order_by(heads.c.document_pk, heads.c.annotator_pk)


def left_out(project: int) -> sa.Select[Any]:
    """Document rows of what is left out of the project: the server should have no record of them."""
    return sa.select(documents).where(documents.c.project_pk == project, documents.c.state == LEFT_OUT)


def entry(connection: Connection, target: str, document: int, annotator: int) -> Row[Any] | None:
    """What is known about one delivery."""
    return connection.execute(sa.select(outbox).where(*_key(target, document, annotator))).first()


def versions(connection: Connection, target: str, document: int) -> dict[str, str]:
    """What was acknowledged of each annotator's answer to a document, by name."""
    query = sa.select(annotators.c.name, outbox.c.version).join(annotators, annotators.c.pk == outbox.c.annotator_pk)
    rows = connection.execute(query.where(outbox.c.target == target, outbox.c.document_pk == document))
    return {row.name: row.version for row in rows}


def acknowledge(
    connection: Connection, target: str, document: int, annotator: int, now: datetime, version: str, answer: str = ""
) -> None:
    """The server has `version`."""
    _write(
        connection,
        target,
        document,
        annotator,
        {"version": version, "answer": answer, "attempts": 0, "error": "", "retry_at": None, "sent_at": now},
    )


def fail(
    connection: Connection, target: str, document: int, annotator: int, now: datetime, error: str, answer: str = ""
) -> None:
    """It did not work: it is tried again later, each time after a longer pause. `answer` is not to be read again."""
    known = entry(connection, target, document, annotator)
    attempts = (known.attempts if known else 0) + 1
    pause = min(_FIRST_PAUSE * 2 ** min(attempts - 1, 16), _LONGEST_PAUSE)
    values = {"attempts": attempts, "error": error, "retry_at": now + pause}
    if answer:
        values["answer"] = answer
    _write(connection, target, document, annotator, values)


def forget(connection: Connection, target: str, document: int, annotator: int) -> None:
    """The server lost it, or has something else: it waits again."""
    values = {"version": "", "answer": "", "retry_at": None}
    connection.execute(outbox.update().where(*_key(target, document, annotator)).values(**values))


def forget_answers(connection: Connection, target: str, document: int) -> None:
    """The answers went with their record."""
    mine = (outbox.c.target == target, outbox.c.document_pk == document, outbox.c.annotator_pk != RECORD)
    connection.execute(outbox.update().where(*mine).values(version="", answer="", retry_at=None))


def forget_target(connection: Connection, target: str) -> None:
    """All of a dataset went: one of the same name has nothing of it."""
    connection.execute(outbox.update().where(outbox.c.target == target).values(version="", answer="", retry_at=None))


def retry_now(connection: Connection, target: str) -> None:
    """Failed deliveries wait no longer: somebody corrected the cause."""
    connection.execute(outbox.update().where(outbox.c.target == target).values(retry_at=None))


def acknowledged(connection: Connection, project: int, target: str) -> Iterable[Row[Any]]:
    """All deliveries that the server has, with `id` and `sha256` of their documents."""
    query = (
        sa.select(outbox, documents.c.id.label("id"), documents.c.sha256.label("sha256"))
        .join(documents, documents.c.pk == outbox.c.document_pk)
        .where(documents.c.project_pk == project, outbox.c.target == target, outbox.c.version != "")
    )
    return connection.execute(query.order_by(outbox.c.pk)).all()


def targets(connection: Connection, project: int) -> tuple[str, ...]:
    """Datasets that anything of this project was ever sent to."""
    query = sa.select(outbox.c.target).distinct().join(documents, documents.c.pk == outbox.c.document_pk)
    return tuple(connection.scalars(query.where(documents.c.project_pk == project)).all())


def _write(connection: Connection, target: str, document: int, annotator: int, values: dict[str, Any]) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = {"target": target, "document_pk": document, "annotator_pk": annotator, "version": "", "answer": ""}
    row |= {"attempts": 0, "error": ""}
    insert = dialect.insert(outbox).values(**row | values)
    connection.execute(
        insert.on_conflict_do_update(index_elements=["document_pk", "annotator_pk", "target"], set_=values)
    )


def _key(target: str, document: int, annotator: int) -> tuple[sa.ColumnElement[bool], ...]:
    return outbox.c.target == target, outbox.c.document_pk == document, outbox.c.annotator_pk == annotator


def _lacks(version: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.or_(outbox.c.version.is_(None), outbox.c.version != version)


def _ready(now: datetime | None) -> tuple[sa.ColumnElement[bool], ...]:
    if now is None:
        return ()
    # no pause is longer: it was reckoned by a clock that has gone back since, and would last until it is there again
    beyond = outbox.c.retry_at > now + _LONGEST_PAUSE
    return (sa.or_(outbox.c.retry_at.is_(None), outbox.c.retry_at <= now, beyond),)


def _count(connection: Connection, query: sa.Select[Any]) -> int:
    counted = sa.select(sa.func.count()).select_from(query.order_by(None).subquery())
    return int(connection.execute(counted).scalar_one())
