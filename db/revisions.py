"""Saved states of documents: added one after the other, never changed.

Revisions of a document are numbered, and each carries a hash over itself and the one before. Their order is
the order of their numbers: the clock is only written down, and never runs backwards within a document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from db import documents as documents_
from db import extractions as extractions_
from db.labels import translate
from db.projects import LabelSet, annotator, insert_new, load_schema, schema_hash
from db.tables import annotators, documents, extractions, heads, label_sets, revisions, texts
from db.values import Revision, State
from relex_core import jsonl
from relex_core.editing import Edit, edit_from_json, edit_to_json
from relex_core.errors import Conflict, quote
from relex_core.types import Annotation, Document, Entity, Relation, Thresholds, sha256

BATCH = 500
"""Documents that are read at once while streaming."""


@dataclass(frozen=True, slots=True)
class Work:
    """What goes into a revision beside the annotation."""

    annotator: str
    state: State
    edits: tuple[Edit, ...] = ()
    client: str = ""
    seq: int = 0
    expected: int | None = None
    independent: bool = False
    thresholds: Thresholds | None = None
    note: str = ""
    seconds: float | None = None
    keystrokes: int | None = None


def save(connection: Connection, labels: LabelSet, annotation: Annotation, work: Work, now: datetime) -> Revision:
    """Add a revision, unless this client's batch is in already. Raises Conflict, carrying the other revision."""
    row = documents_.find_text(connection, labels.project, annotation.document, lock=True)
    if work.client:
        known = _of_client(connection, row.pk, work.client, work.seq)
        if known is not None:
            return read(connection, labels, known, documents_.load(connection, row))
    annotator_pk = annotator(connection, work.annotator, now)
    previous = head(connection, row.pk)
    seen = head(connection, row.pk, work.annotator) if work.independent else previous
    if work.expected is not None and work.expected != (seen.number if seen else 0):
        _refuse(connection, labels, row, work.expected, seen)
    annotation = _settled(connection, annotation, labels, row)
    extraction_pk = None
    if annotation.based_on is not None:
        extraction_pk = extractions_.save(connection, labels, row, annotation.based_on, now)
    now = now.astimezone(UTC)
    saved_at = max(now, previous.saved_at) if previous else now
    values = {
        "document_pk": row.pk,
        "number": previous.number + 1 if previous else 1,
        "annotator_pk": annotator_pk,
        "saved_at": saved_at,
        "state": str(work.state),
        "note": documents_.storable(work.note),
        "label_version": labels.hashes.get(schema_hash(annotation.schema), labels.version),
        "extraction_pk": extraction_pk,
        "thresholds": jsonl.dumps(jsonl.thresholds_to_json(work.thresholds)) if work.thresholds else None,
        "decisions": documents_.storable(jsonl.dumps(jsonl.decisions_to_json(annotation))),
        "edits": documents_.storable(json.dumps([edit_to_json(edit) for edit in work.edits], ensure_ascii=False)),
        "client": documents_.storable(work.client),
        "seq": work.seq,
        "seconds": work.seconds,
        "keystrokes": work.keystrokes,
    }
    values["sha256"] = chain_hash({**values, "annotator": work.annotator.strip()}, previous.sha256 if previous else "")
    key = connection.execute(revisions.insert().values(**values)).inserted_primary_key
    assert key is not None
    _move_head(connection, labels, row, key[0], annotator_pk, work.state, saved_at, annotation)
    return Revision(
        number=values["number"],
        annotation=annotation,
        annotator=work.annotator.strip(),
        saved_at=saved_at,
        state=work.state,
        note=work.note,
        thresholds=work.thresholds,
        model_version=annotation.based_on.model_version if annotation.based_on else None,
        schema_version=values["label_version"],
        edits=work.edits,
        seconds=work.seconds,
        keystrokes=work.keystrokes,
        client=work.client,
        seq=work.seq,
    )


def chain_hash(values: Any, before: str) -> str:
    """Over all that a revision says, and the hash `before` it. `values` holds the columns and the annotator's name."""
    said = [values[name] for name in ("number", "annotator", "state", "note", "label_version")]
    said += [values["saved_at"].isoformat(), values["thresholds"], values["decisions"], values["edits"]]
    said += [values[name] for name in ("client", "seq", "seconds", "keystrokes")]
    return sha256(json.dumps([before, *said], ensure_ascii=False))


def head(connection: Connection, document: int, annotator: str | None = None) -> Row[Any] | None:
    """The row of the latest revision, of everybody or of one annotator."""
    query = _rows().where(revisions.c.document_pk == document)
    if annotator is not None:
        query = query.join(heads, heads.c.revision_pk == revisions.c.pk).where(annotators.c.name == annotator.strip())
    return connection.execute(query.order_by(revisions.c.number.desc()).limit(1)).first()


def history(connection: Connection, labels: LabelSet, row: Row[Any]) -> tuple[Revision, ...]:
    """All revisions of a document as they were saved, the first one first."""
    document = documents_.load(connection, row)
    query = _rows().where(revisions.c.document_pk == row.pk).order_by(revisions.c.number)
    return tuple(_as_saved(connection, labels, found, document) for found in connection.execute(query).all())


def by_annotator(connection: Connection, labels: LabelSet, row: Row[Any]) -> tuple[Revision, ...]:
    """The latest revision of each annotator, in the present label set: what agreement is measured on."""
    document = documents_.load(connection, row)
    query = _rows().join(heads, heads.c.revision_pk == revisions.c.pk).where(heads.c.document_pk == row.pk)
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
    rejected = jsonl.graph_from_json(json.loads(row.decisions)["rejected"])
    renames = labels.since(row.label_version)
    if renames:
        entities, relations = translate(entities, relations, renames)
        rejected = translate(*rejected, renames)
    return _revision(row, Annotation(document, labels.schema, entities, relations, *rejected, based_on=based_on))


def decided(row: Row[Any]) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
    """Entities and relations of a stored revision, under the labels of its time."""
    return jsonl.graph_from_json(json.loads(row.decisions))


def _rows(*more: sa.Column[Any]) -> sa.Select[Any]:
    return (
        sa.select(revisions, annotators.c.name.label("annotator"), extractions.c.model_version, *more)
        .select_from(revisions)
        .join(annotators, annotators.c.pk == revisions.c.annotator_pk)
        .outerjoin(extractions, extractions.c.pk == revisions.c.extraction_pk)
    )


def _streamed(project: int, annotators_: Sequence[str] | None) -> sa.Select[Any]:
    mine = sa.select(sa.func.max(heads.c.revision_pk)).where(heads.c.document_pk == documents.c.pk)
    if annotators_ is not None:
        names = sa.select(annotators.c.pk).where(annotators.c.name.in_(list(annotators_)))
        mine = mine.where(heads.c.annotator_pk.in_(names))
    return (
        _rows(documents.c.id, documents.c.source, texts.c.text, texts.c.extra)
        .join(documents, revisions.c.pk == mine.correlate(documents).scalar_subquery())
        .join(texts, texts.c.document_pk == documents.c.pk)
        .where(documents.c.project_pk == project)
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


def _of_client(connection: Connection, document: int, client: str, seq: int) -> Row[Any] | None:
    """The revision that holds this client's batch `seq`, if it was committed."""
    query = _rows().where(revisions.c.document_pk == document, revisions.c.client == client, revisions.c.seq >= seq)
    return connection.execute(query.order_by(revisions.c.seq, revisions.c.number).limit(1)).first()


def _refuse(connection: Connection, labels: LabelSet, row: Row[Any], expected: int, seen: Row[Any] | None) -> None:
    other = read(connection, labels, seen, documents_.load(connection, row)) if seen else None
    found = f"revision {other.number} by {quote(other.annotator)}" if other else "a document without revisions"
    raise Conflict(
        expected=f"revision {expected} to be the latest of document {quote(row.id)}",
        found=found,
        change="Nothing was overwritten. Look at the other version and decide which one to keep.",
        value=other,
    )


def _settled(connection: Connection, annotation: Annotation, labels: LabelSet, row: Row[Any]) -> Annotation:
    """The annotation of the stored document, under a label set that the project knows.

    Raises SchemaError if it uses labels that the present label set lacks and no earlier one explains."""
    document = documents_.load(connection, row)
    if annotation.document != document:
        based_on = annotation.based_on and replace(annotation.based_on, document=document)
        annotation = replace(annotation, document=document, based_on=based_on)
    if schema_hash(annotation.schema) in labels.hashes:
        return annotation
    return replace(annotation, schema=labels.schema)


def _move_head(
    connection: Connection,
    labels: LabelSet,
    row: Row[Any],
    revision: int,
    annotator_pk: int,
    state: State,
    saved_at: datetime,
    annotation: Annotation,
) -> None:
    pointer = {"revision_pk": revision, "state": str(state)}
    if not insert_new(connection, heads, {"document_pk": row.pk, "annotator_pk": annotator_pk, **pointer}):
        mine = (heads.c.document_pk == row.pk, heads.c.annotator_pk == annotator_pk)
        connection.execute(heads.update().where(*mine).values(**pointer))
    entities, relations = annotation.entities, annotation.relations
    renames = labels.since(labels.hashes[schema_hash(annotation.schema)])
    if renames:
        entities, relations = translate(entities, relations, renames)
    connection.execute(
        documents.update()
        .where(documents.c.pk == row.pk)
        .values(
            state=str(state),
            revisions=documents.c.revisions + 1,
            updated_at=saved_at,
            annotator_pk=annotator_pk,
            entities=len(entities),
            relations=len(relations),
        )
    )
    extractions_.write_labels(connection, labels.project, row.pk, "", entities, relations)
    if row.state != str(state):
        documents_.count(connection, labels.project, row.state, -1)
        documents_.count(connection, labels.project, str(state), 1)
