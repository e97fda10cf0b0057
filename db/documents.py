"""Documents of a project: adding, opening, and the pages of a queue."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from db import search
from db.tables import counters, documents, projects, revisions, texts
from db.values import LEFT_OUT, Added, State
from relex_core.errors import InputError, NotFound, quote
from relex_core.types import Document

BATCH = 500
"""Documents that are added in one transaction."""

_Item = TypeVar("_Item")

EXCERPT = 160
"""Characters of a text that a queue page shows."""

Ids = Mapping[tuple[str, str], str]
"""The id of each document, by (id, hash of the text) as it was wanted: an id may come with several texts."""


def within(project: int) -> sa.ColumnElement[bool]:
    """The documents of a project that are not left out of it."""
    return sa.and_(documents.c.project_pk == project, documents.c.state != LEFT_OUT)


def walked(project: int) -> sa.ColumnElement[bool]:
    """The same, for going through them by key in batches."""
    return sa.and_(walked_all(project), documents.c.state != LEFT_OUT)


def walked_all(project: int) -> sa.ColumnElement[bool]:
    """All documents of a project, those that are left out among them, for going through them by key in batches.

    The sum keeps SQLite from an index by project, after which it would sort all documents anew for each batch.
    """
    return documents.c.project_pk + 0 == project


def add(
    connection: Connection, project: int, batch: Sequence[Document], now: datetime, deduplicate: bool = True
) -> tuple[Added, Ids]:
    """Add documents; what became of them, and which id each was given. They are not counted yet: call `count` last.

    A text that the project has already is not added again; without `deduplicate` it is, under another id. What is left
    out of the project is part of what it has, and stays out. Whoever else adds documents to the project waits until the
    transaction ends.
    """
    _lock(connection, project)
    known = _Known(connection, project, batch)
    rows, added, renamed, left_out = [], [], [], 0
    ids: dict[tuple[str, str], str] = {}
    for document in batch:
        wanted, hash = document.id, document.sha256
        same = known.by_text.setdefault(hash, [])
        if wanted in same or (deduplicate and same):
            ids[wanted, hash] = wanted if wanted in same else same[0]
            left_out += ids[wanted, hash] in known.left_out
            continue
        if wanted in known.ids:
            # by its text, so that adding the file again finds the same
            given = f"{wanted}-{hash[:12]}"
            ids[wanted, hash] = given
            if given in same:
                left_out += given in known.left_out
                continue
            renamed.append((wanted, given))
            document = renamed_to(document, given)
        known.ids.add(document.id)
        same.append(document.id)
        ids[wanted, hash] = document.id
        added.append(document)
        rows.append(_new_row(project, document, hash, len(same) - 1, now))
    if rows:
        insert = documents.insert().returning(documents.c.pk, sort_by_parameter_order=True)
        keys = connection.execute(insert, rows).scalars().all()
        pairs = list(zip(keys, added, strict=True))
        connection.execute(
            texts.insert(), [{"document_pk": pk, "text": d.text, "extra": storable(d.extra)} for pk, d in pairs]
        )
        search.index(connection, project, pairs)
    return Added(len(rows), len(batch) - len(rows), tuple(renamed), left_out), ids


def _lock(connection: Connection, project: int) -> None:
    """Wait for others that add documents to the project: what they commit is seen by the next statement."""
    # not stronger than this, or saves, whose rows refer to the project, would wait too; SQLite has one writer anyway
    query = sa.select(projects.c.pk).where(projects.c.pk == project).with_for_update(key_share=True)
    connection.execute(query)


def locked(query: sa.Select[Any]) -> sa.Select[Any]:
    """With the rows for this transaction alone, but for others that add rows which refer to them."""
    return query.with_for_update(key_share=True)


class _Known:
    """Which of the ids and texts of a batch the project has: ids, ids by hash of the text, and the ids of those texts
    that are left out."""

    def __init__(self, connection: Connection, project: int, batch: Sequence[Document]) -> None:
        mine = documents.c.project_pk == project
        texts_ = sa.select(documents.c.id, documents.c.sha256, documents.c.state).where(mine).order_by(documents.c.copy)
        self.by_text: dict[str, list[str]] = {}
        self.left_out: set[str] = set()
        for row in connection.execute(texts_.where(documents.c.sha256.in_([d.sha256 for d in batch]))):
            self.by_text.setdefault(row.sha256, []).append(row.id)
            if row.state == LEFT_OUT:
                self.left_out.add(row.id)
        ids = sa.select(documents.c.id).where(mine, documents.c.id.in_([d.id for d in batch]))
        self.ids = set(connection.scalars(ids))


def having(connection: Connection, project: int, hashes: Sequence[str]) -> frozenset[str]:
    """Those of the texts, by SHA-256, that the project has, left out or not."""
    query = sa.select(documents.c.sha256).where(documents.c.project_pk == project, documents.c.sha256.in_(hashes))
    return frozenset(connection.scalars(query))


def look_up(connection: Connection, project: int, id: str, lock: bool = False) -> Row[Any] | None:
    """The row of the document with that id, None if there is none."""
    query = sa.select(documents).where(documents.c.project_pk == project, documents.c.id == id)
    return connection.execute(locked(query) if lock else query).first()


def find(connection: Connection, project: int, id: str, lock: bool = False) -> Row[Any]:
    """The row of the document with that id. Raises NotFound."""
    row = look_up(connection, project, id, lock)
    if row is None:
        raise NotFound(
            expected="the id of a document of this project",
            found=quote(id),
            change="Choose a document from the list, or add it first.",
            value=id,
        )
    return row


def find_text(connection: Connection, project: int, document: Document, lock: bool = False) -> Row[Any]:
    """The row of the document with that text, by preference with that id. Raises NotFound, or InputError if the
    id has another text."""
    query = (
        sa.select(documents)
        .where(documents.c.project_pk == project, documents.c.sha256 == document.sha256)
        .order_by((documents.c.id == document.id).desc(), documents.c.copy)
        .limit(1)
    )
    row = connection.execute(locked(query) if lock else query).first()
    if row is not None:
        return row
    find(connection, project, document.id)
    raise InputError(
        expected=f"the text that document {quote(document.id)} has in this project",
        found="another text",
        change="Add it as a document of its own.",
        value=document.id,
    )


def find_texts(connection: Connection, project: int, wanted: Sequence[Document]) -> dict[tuple[str, str], Row[Any]]:
    """The rows of documents that the project has, locked, by (id, hash of the text) as they were wanted."""
    query = sa.select(documents).where(
        documents.c.project_pk == project, documents.c.sha256.in_({document.sha256 for document in wanted})
    )
    by_text: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(locked(query.order_by(documents.c.pk))):
        by_text.setdefault(row.sha256, []).append(row)
    found = {}
    for document in wanted:
        rows = by_text[document.sha256]
        same = [row for row in rows if row.id == document.id]
        found[document.id, document.sha256] = (same or sorted(rows, key=lambda row: row.copy))[0]
    return found


def load(connection: Connection, row: Row[Any]) -> Document:
    stored = connection.execute(sa.select(texts.c.text, texts.c.extra).where(texts.c.document_pk == row.pk)).one()
    return Document(row.id, stored.text, row.source, stored.extra)


def resumed() -> sa.ColumnElement[str]:
    """The state of a document's latest revision: what a document that is left out comes back to."""
    last = sa.select(revisions.c.state).where(
        revisions.c.document_pk == documents.c.pk, revisions.c.number == documents.c.revisions
    )
    return sa.func.coalesce(last.correlate(documents).scalar_subquery(), str(State.NEW))


def count(connection: Connection, project: int, change: Mapping[str, int]) -> None:
    """Add to the numbers of documents by state: the last thing that a transaction does.

    All transactions take their locks in one order, so that no two wait for each other: the project, documents by key,
    annotators by name, and these numbers, all of them together.
    """
    changed = {state: by for state, by in change.items() if by}
    if not changed:
        return
    lock_counts(connection, project)
    for state, by in changed.items():
        number = counters.update().where(counters.c.project_pk == project, counters.c.state == str(state))
        connection.execute(number.values(documents=counters.c.documents + by))


def lock_counts(connection: Connection, project: int) -> None:
    """Wait for others that change these numbers: what they commit is seen by the next statement."""
    if not search.is_sqlite(connection):
        query = sa.select(counters.c.state).where(counters.c.project_pk == project).order_by(counters.c.state)
        connection.execute(query.with_for_update()).all()


def _new_row(project: int, document: Document, hash: str, copy: int, now: datetime) -> dict[str, Any]:
    shuffle = fraction(f"{project}:{hash}")
    return {
        "project_pk": project,
        "id": document.id,
        "sha256": hash,
        "copy": copy,
        "source": document.source,
        "excerpt": " ".join(document.text[: 4 * EXCERPT].split())[:EXCERPT],
        "added_at": now,
        "updated_at": now,
        "state": str(State.NEW),
        "shuffle": shuffle,
        "turn": shuffle,
    }


def renamed_to(document: Document, id: str) -> Document:
    """`document` under another id; `extra`, if it has any, keeps the one that its file gave it."""
    if not document.extra:
        return replace(document, id=id)
    kept = json.loads(document.extra)
    return replace(document, id=id, extra=json.dumps({"id": document.id, **kept}, ensure_ascii=False))


def storable(text: str) -> str:
    """`text`, if databases take it. Raises InputError."""
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise InputError(
            expected="names, ids and notes of readable characters",
            found=quote(text),
            change="Remove the unreadable characters.",
            value=text,
        )
    return text


def fraction(text: str) -> float:
    """A number in [0, 1) that only depends on `text`, evenly spread."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def batches(items: Iterable[_Item], size: int) -> Iterable[list[_Item]]:
    batch: list[_Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
