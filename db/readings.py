"""How many documents a model has read: counted once, then counted on.

Extractions are only ever added, so a number that was right stays right for what was there, and only newer ones are
looked at. PostgreSQL commits keys out of order, so there everything is counted each time.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db.engine import Database
from db.tables import documents, extractions

_Key = tuple[int, str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Counted:
    """The number up to the extraction `last`, whose hash tells whether it is still the same database."""

    last: int
    sha256: str
    number: int


_known: WeakKeyDictionary[Database, dict[_Key, _Counted]] = WeakKeyDictionary()
_lock = threading.Lock()


def count(database: Database, connection: Connection, project: int, model_version: str, schemas: Sequence[str]) -> int:
    """Documents of the project with an extraction of this model under one of the label sets, by their hashes."""
    newest = connection.execute(
        sa.select(extractions.c.pk, extractions.c.sha256).order_by(extractions.c.pk.desc()).limit(1)
    ).first()
    if newest is None or not schemas:
        return 0
    key = (project, model_version, frozenset(schemas))
    with _lock:
        known = _known.setdefault(database, {}).get(key)
    if known is None or not database.is_sqlite or not _holds(connection, known, newest.pk):
        known = _Counted(0, "", 0)
    number = known.number + _new(connection, key, known.last, newest.pk)
    with _lock:
        _known.setdefault(database, {})[key] = _Counted(newest.pk, newest.sha256, number)
    return number


def _holds(connection: Connection, known: _Counted, newest: int) -> bool:
    """Whether what was counted is still there: a backup may have been restored."""
    if known.last > newest:
        return False
    at = sa.select(extractions.c.sha256).where(extractions.c.pk == known.last)
    return connection.execute(at).scalar() == known.sha256


def _new(connection: Connection, key: _Key, after: int, upto: int) -> int:
    """Documents first read by an extraction after `after` and not after `upto`."""
    project, model_version, schemas = key

    def of_model(table: sa.FromClause) -> tuple[sa.ColumnElement[bool], ...]:
        return table.c.model_version == model_version, table.c.schema_sha256.in_(sorted(schemas))

    if after == upto:
        return 0
    # EXISTS, not a join, so that the few new extractions are gone through and not the many documents
    mine = sa.exists().where(documents.c.pk == extractions.c.document_pk, documents.c.project_pk == project)
    query = sa.select(sa.func.count(sa.distinct(extractions.c.document_pk))).where(
        mine, extractions.c.pk > after, extractions.c.pk <= upto, *of_model(extractions)
    )
    if after:
        older = extractions.alias("older")
        before = sa.exists().where(
            older.c.document_pk == extractions.c.document_pk, older.c.pk <= after, *of_model(older)
        )
        query = query.where(~before)
    return int(connection.execute(query).scalar_one())
