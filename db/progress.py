"""How far the work on a project is: what the model has not read yet, who did what, and how long it took.

Read-only. Each function is one transaction on a store's database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db import documents as documents_
from db import extractions as extractions_
from db import projects, readings
from db.store import Store
from db.tables import annotators, counters, documents, extractions, heads, label_sets, revisions, texts
from db.values import LEFT_OUT, State
from relex_core.types import Extraction, Schema

MANY = 500
"""Documents of one annotator that are sorted by time; the last of more are looked for among the last revisions."""

RECENT = 20_000
"""Revisions of everybody among which the last of one annotator are looked for."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one annotator did on one document: the sums over their revisions and the state of the last of these.

    `seconds` and `keystrokes` are None where nobody measured.
    """

    document: str
    annotator: str
    state: State
    revisions: int
    seconds: float | None
    keystrokes: int | None
    saved_at: datetime


def unscored(
    store: Store, project: str, model_version: str, limit: int | None = None, among: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Ids of documents that this model has not read with all labels of today, or of those `among` them, in file order.
    Raises NotFound."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        missing = _unscored(connection, pk, model_version)
        query = sa.select(documents.c.id).where(*missing).order_by(documents.c.pk)
        if among is not None:
            query = query.where(documents.c.id.in_(among))
        return tuple(connection.scalars(query if limit is None else query.limit(limit)))


def count_unscored(store: Store, project: str, model_version: str) -> int:
    """How many documents `unscored` would give."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        held = sa.select(counters.c.state, counters.c.documents).where(counters.c.project_pk == pk)
        numbers: dict[str, int] = dict(connection.execute(held).all())
        complete = _complete(connection, pk)
        missing = sum(numbers.values()) - readings.count(store.database, connection, pk, model_version, complete)
        # those that are left out are among both numbers
        return missing - (_unread_left_out(connection, pk, model_version) if numbers.get(LEFT_OUT) else 0)


def characters(
    store: Store,
    project: str,
    *,
    unread_by: str | None = None,
    states: Sequence[State] | None = None,
    without: Sequence[str] = (),
) -> int:
    """Length of all texts of the project together: of those that a model has still to read, as `unscored` has it, and
    of documents in these states alone; `without` these documents, by id. Raises NotFound."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        query = sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(texts.c.text)), 0))
        query = query.join(documents, documents.c.pk == texts.c.document_pk).where(documents_.walked(pk))
        if unread_by is not None:
            query = query.where(*_unscored(connection, pk, unread_by))
        if states is not None:
            query = query.where(documents.c.state.in_([str(state) for state in states]))
        if without:
            query = query.where(documents.c.id.not_in(without))
        return int(connection.execute(query).scalar_one())


def extraction(store: Store, project: str, document_id: str, model_version: str) -> Extraction | None:
    """What this model found in a document with all labels of today, None if it has not read it so.

    Raises NotFound if there is no such document.
    """
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        labels = projects.load_labels(connection, pk)
        row = documents_.find(connection, pk, document_id)
        query = (
            sa.select(extractions)
            .where(
                extractions.c.document_pk == row.pk,
                extractions.c.model_version == model_version,
                extractions.c.schema_sha256.in_(_complete(connection, pk)),
            )
            .order_by(extractions.c.pk.desc())
        )
        found = connection.execute(query.limit(1)).first()
        if found is None:
            return None
        return extractions_.read(connection, labels, found, documents_.load(connection, row))


def states_of(store: Store, project: str, annotator: str, among: Sequence[str] | None = None) -> dict[str, State]:
    """The state in which this annotator left each document that they saved, or of those `among` it by id. Raises
    NotFound."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        query = (
            sa.select(documents.c.id, heads.c.state)
            .join(heads, heads.c.document_pk == documents.c.pk)
            .join(annotators, annotators.c.pk == heads.c.annotator_pk)
            .where(documents.c.project_pk == pk, annotators.c.name == annotator.strip())
        )
        if among is not None:
            query = query.where(documents.c.id.in_(among))
        return {row.id: State(row.state) for row in connection.execute(query)}


def flags(store: Store, project: str, among: Sequence[str], annotator: str | None = None) -> dict[str, str]:
    """Why each of these documents is flagged ("": nobody said), by id: as everybody's last revision has it, or this
    annotator's own. Those that are not flagged are left out. Raises NotFound."""
    if not among:
        return {}
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        query = (
            sa.select(documents.c.id, revisions.c.note)
            .join(revisions, revisions.c.document_pk == documents.c.pk)
            .where(documents.c.project_pk == pk, documents.c.id.in_(among), revisions.c.state == str(State.FLAGGED))
        )
        if annotator is None:
            later = revisions.alias()
            last = sa.select(sa.func.max(later.c.number)).where(later.c.document_pk == documents.c.pk)
            query = query.where(revisions.c.number == last.scalar_subquery())
        else:
            query = query.join(heads, heads.c.revision_pk == revisions.c.pk)
            query = query.join(annotators, annotators.c.pk == heads.c.annotator_pk)
            query = query.where(annotators.c.name == annotator.strip())
        return {row.id: row.note for row in connection.execute(query)}


def of_client(store: Store, project: str, client: str) -> tuple[str, ...]:
    """Ids of the documents of which this client saved a revision, in file order. Raises NotFound."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        query = (
            sa.select(documents.c.id)
            .join(revisions, revisions.c.document_pk == documents.c.pk)
            .where(documents.c.project_pk == pk, revisions.c.client == client)
            .group_by(documents.c.pk, documents.c.id)
            .order_by(documents.c.pk)
        )
        return tuple(connection.scalars(query))


def work(store: Store, project: str) -> tuple[Work, ...]:
    """What each annotator did on each document, by the time of their last revision. Raises NotFound."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        query = (
            sa.select(
                documents.c.id,
                annotators.c.name,
                heads.c.state,
                sa.func.count(revisions.c.pk).label("revisions"),
                sa.func.sum(revisions.c.seconds).label("seconds"),
                sa.func.sum(revisions.c.keystrokes).label("keystrokes"),
                sa.func.max(revisions.c.saved_at).label("saved_at"),
            )
            .select_from(revisions)
            .join(documents, documents.c.pk == revisions.c.document_pk)
            .join(annotators, annotators.c.pk == revisions.c.annotator_pk)
            .join(
                heads,
                (heads.c.document_pk == revisions.c.document_pk) & (heads.c.annotator_pk == revisions.c.annotator_pk),
            )
            .where(documents_.within(pk))
            .group_by(documents.c.id, annotators.c.name, heads.c.state)
            .order_by(sa.literal_column("saved_at"))
        )
        return tuple(_work(row) for row in connection.execute(query))


def pace(store: Store, project: str, annotator: str, last: int = 20) -> float | None:
    """Median seconds that the annotator's last documents took, None where nobody measured. Raises NotFound."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        taken = _seconds(connection, *_recent(connection, pk, annotator.strip(), last))
    return median(taken) if taken else None


def _recent(connection: Connection, project: int, annotator: str, last: int) -> tuple[int, list[int]]:
    """The annotator's key, and the keys of the last documents that they finished: their heads sorted, or, where these
    are many, the last revisions looked through."""
    by = connection.execute(sa.select(annotators.c.pk).where(annotators.c.name == annotator)).scalar()
    if by is None:
        return -1, []
    mine = heads.c.annotator_pk == by
    many = connection.execute(sa.select(heads.c.document_pk).where(mine).offset(MANY).limit(1)).first() is not None
    query = sa.select(heads.c.document_pk).join(documents, documents.c.pk == heads.c.document_pk)
    query = query.where(mine, documents_.within(project), heads.c.state == str(State.SUBMITTED))
    if many:
        newest = connection.execute(sa.select(sa.func.max(revisions.c.pk))).scalar() or 0
        finished = sa.select(revisions.c.document_pk).where(
            revisions.c.pk > newest - RECENT, revisions.c.annotator_pk == by, revisions.c.state == str(State.SUBMITTED)
        )
        found = connection.scalars(finished.order_by(revisions.c.pk.desc()).limit(10 * last)).all()
        query = query.where(heads.c.document_pk.in_(sorted(set(found))))
    return int(by), list(connection.scalars(query.order_by(heads.c.revision_pk.desc()).limit(last)))


def _seconds(connection: Connection, annotator: int, keys: Sequence[int]) -> list[float]:
    """How long the annotator took for each of these documents, where it was measured."""
    query = sa.select(sa.func.sum(revisions.c.seconds)).where(
        revisions.c.document_pk.in_(keys), revisions.c.annotator_pk == annotator
    )
    found = connection.scalars(query.group_by(revisions.c.document_pk))
    return [float(seconds) for seconds in found if seconds is not None]


def _work(row: sa.Row[Any]) -> Work:
    return Work(
        document=row.id,
        annotator=row.name,
        state=State(row.state),
        revisions=row.revisions,
        seconds=row.seconds,
        keystrokes=None if row.keystrokes is None else int(row.keystrokes),
        saved_at=row.saved_at,
    )


def _unscored(connection: Connection, project: int, model_version: str) -> tuple[sa.ColumnElement[bool], ...]:
    return documents_.walked(project), ~_read(connection, project, model_version)


def _unread_left_out(connection: Connection, project: int, model_version: str) -> int:
    # through the index by state
    mine = documents.c.project_pk == project, documents.c.state == LEFT_OUT
    query = sa.select(sa.func.count()).select_from(documents).where(*mine, ~_read(connection, project, model_version))
    return int(connection.execute(query).scalar_one())


def _read(connection: Connection, project: int, model_version: str) -> sa.Exists:
    read = sa.select(extractions.c.pk).where(
        extractions.c.document_pk == documents.c.pk,
        extractions.c.model_version == model_version,
        extractions.c.schema_sha256.in_(_complete(connection, project)),
    )
    return read.exists()


def _complete(connection: Connection, project: int) -> list[str]:
    """Hashes of the label sets that hold all labels of today, some perhaps under an earlier name."""
    labels = projects.load_labels(connection, project)
    query = sa.select(label_sets.c.schema_sha256, label_sets.c.version).where(label_sets.c.project_pk == project)
    wanted = _names(labels.schema, {}, {})
    complete = []
    for row in connection.execute(query):
        renames = labels.since(row.version)
        then = projects.load_schema(connection, row.schema_sha256)
        if wanted <= _names(then, dict(renames.entities), dict(renames.relations)):
            complete.append(row.schema_sha256)
    return complete


def _names(schema: Schema, entities: Mapping[str, str], relations: Mapping[str, str]) -> set[tuple[str, str]]:
    found = {("entity", entities.get(label.name, label.name)) for label in schema.visible_entities}
    return found | {("relation", relations.get(label.name, label.name)) for label in schema.visible_relations}
