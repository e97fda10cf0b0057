"""Saved states of documents: added one after the other, never changed.

Revisions of a document are numbered, and each carries a hash over itself and the one before. Their order is
the order of their numbers: the clock is only written down, and never runs backwards within a document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from db import documents as documents_
from db import extractions as extractions_
from db.labels import renamed_keys, translate
from db.projects import LabelSet, load_schema
from db.tables import annotators, documents, extractions, heads, label_sets, revisions, texts
from db.values import Revision, State
from relex_core import jsonl
from relex_core.editing import edit_from_json
from relex_core.types import Annotation, Document, Entity, Relation, sha256

BATCH = 500
"""Documents that are read at once while streaming."""


def chain_hash(values: Any, before: str) -> str:
    """Over all that a revision says, and the hash `before` it. `values` holds the columns and the annotator's name."""
    said = [values[name] for name in ("number", "annotator", "state", "note", "label_version")]
    said += [values["saved_at"].isoformat(), values["thresholds"], values["decisions"], values["edits"]]
    said += [values[name] for name in ("client", "seq", "seconds", "keystrokes")]
    return sha256(json.dumps([before, *said], ensure_ascii=False))


def head(connection: Connection, document: int, annotator: str | None = None) -> Row[Any] | None:
    """The row of the latest revision, of everybody or of one annotator."""
    query = rows().where(revisions.c.document_pk == document)
    if annotator is not None:
        query = query.join(heads, heads.c.revision_pk == revisions.c.pk).where(annotators.c.name == annotator.strip())
    return connection.execute(query.order_by(revisions.c.number.desc()).limit(1)).first()


def history(connection: Connection, labels: LabelSet, row: Row[Any]) -> tuple[Revision, ...]:
    """All revisions of a document as they were saved, the first one first."""
    document = documents_.load(connection, row)
    query = rows().where(revisions.c.document_pk == row.pk).order_by(revisions.c.number)
    return tuple(_as_saved(connection, labels, found, document) for found in connection.execute(query).all())


def by_annotator(connection: Connection, labels: LabelSet, row: Row[Any]) -> tuple[Revision, ...]:
    """The latest revision of each annotator, in the present label set: what agreement is measured on."""
    document = documents_.load(connection, row)
    query = rows().join(heads, heads.c.revision_pk == revisions.c.pk).where(heads.c.document_pk == row.pk)
    found = connection.execute(query.order_by(annotators.c.name)).all()
    return tuple(read(connection, labels, revision, document) for revision in found)


def acknowledged(connection: Connection, document: int, client: str) -> int:
    query = sa.select(sa.func.max(revisions.c.seq)).where(
        revisions.c.document_pk == document, revisions.c.client == client
    )
    return int(connection.execute(query).scalar() or 0)


def stream(
    connection: Connection,
    labels: LabelSet,
    states: Sequence[State] | None,
    annotators_: Sequence[str] | None,
    suggestions: bool = False,
) -> Iterator[Revision]:
    """The latest revision of each document that has one, in file order; with `annotators_`, the latest one that
    any of them made. States are those of the revision that is given. Memory does not grow with the project."""
    at = 0
    while True:
        query = _streamed(labels.project, annotators_).where(documents.c.pk > at)
        if states is not None:
            query = query.where(revisions.c.state.in_([str(state) for state in states]))
        found = connection.execute(query.order_by(documents.c.pk).limit(BATCH)).all()
        for row in found:
            document = Document(row.id, row.text, row.source, row.extra)
            yield read(connection, labels, row, document, suggestions)
        if len(found) < BATCH:
            return
        at = found[-1].document_pk


def read(
    connection: Connection, labels: LabelSet, row: Row[Any], document: Document, suggestions: bool = True
) -> Revision:
    """A revision in the present label set."""
    based_on = extractions_.by_key(connection, labels, row.extraction_pk, document) if suggestions else None
    entities, relations = decided(row)
    stored = json.loads(row.decisions)
    rejected = jsonl.graph_from_json(stored["rejected"])
    left = jsonl.undecided_from_json(stored.get("undecided"))
    renames = labels.since(row.label_version)
    if renames:
        entities, relations = translate(entities, relations, renames)
        rejected = translate(*rejected, renames)
        left = left and renamed_keys(left, renames)
    annotation = Annotation(document, labels.schema, entities, relations, *rejected, based_on=based_on, undecided=left)
    return _revision(row, annotation)


def decided(row: Row[Any]) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
    """Entities and relations of a stored revision, under the labels of its time."""
    return jsonl.graph_from_json(json.loads(row.decisions))


def heads_of(connection: Connection, keys: Sequence[int]) -> dict[int, Row[Any]]:
    """The latest revisions of documents, by the key of the document."""
    last = (
        sa.select(revisions.c.document_pk, sa.func.max(revisions.c.number).label("number"))
        .where(revisions.c.document_pk.in_(keys))
        .group_by(revisions.c.document_pk)
        .subquery()
    )
    query = sa.select(revisions).join(
        last, (last.c.document_pk == revisions.c.document_pk) & (last.c.number == revisions.c.number)
    )
    return {row.document_pk: row for row in connection.execute(query)}


def rows(*more: sa.Column[Any]) -> sa.Select[Any]:
    return (
        sa.select(revisions, annotators.c.name.label("annotator"), extractions.c.model_version, *more)
        .select_from(revisions)
        .join(annotators, annotators.c.pk == revisions.c.annotator_pk)
        .outerjoin(extractions, extractions.c.pk == revisions.c.extraction_pk)
    )


def latest_decisions(project: int, states: Sequence[State]) -> sa.Select[Any]:
    """The latest revision of each document in one of `states`, with the document's key as `at`, its id and text."""
    named = [str(state) for state in states]
    query = _streamed(project, None).add_columns(documents.c.pk.label("at"))
    return query.where(revisions.c.state.in_(named))


def _streamed(project: int, annotators_: Sequence[str] | None) -> sa.Select[Any]:
    mine = sa.select(sa.func.max(heads.c.revision_pk)).where(heads.c.document_pk == documents.c.pk)
    if annotators_ is not None:
        names = sa.select(annotators.c.pk).where(annotators.c.name.in_(list(annotators_)))
        mine = mine.where(heads.c.annotator_pk.in_(names))
    return (
        rows(documents.c.id, documents.c.source, texts.c.text, texts.c.extra)
        .join(documents, revisions.c.pk == mine.correlate(documents).scalar_subquery())
        .join(texts, texts.c.document_pk == documents.c.pk)
        .where(documents_.walked(project))
    )


def _as_saved(connection: Connection, labels: LabelSet, row: Row[Any], document: Document) -> Revision:
    hash = connection.execute(
        sa.select(label_sets.c.schema_sha256).where(
            label_sets.c.project_pk == labels.project, label_sets.c.version == row.label_version
        )
    ).scalar_one()
    schema = load_schema(connection, hash)
    based_on = None
    if row.extraction_pk is not None:
        query = sa.select(extractions).where(extractions.c.pk == row.extraction_pk)
        based_on = extractions_.as_saved(connection, connection.execute(query).one(), document)
    return _revision(row, jsonl.decisions_from_json(json.loads(row.decisions), document, schema, based_on))


def _revision(row: Row[Any], annotation: Annotation) -> Revision:
    return Revision(
        number=row.number,
        annotation=annotation,
        annotator=row.annotator,
        saved_at=row.saved_at,
        state=State(row.state),
        note=row.note,
        thresholds=jsonl.thresholds_from_json(json.loads(row.thresholds)) if row.thresholds else None,
        model_version=row.model_version,
        schema_version=row.label_version,
        edits=tuple(edit_from_json(edit) for edit in json.loads(row.edits)),
        seconds=row.seconds,
        keystrokes=row.keystrokes,
        client=row.client,
        seq=row.seq,
    )
