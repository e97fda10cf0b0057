"""What models found: immutable rows, and the queue's order columns computed from their scores."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from db import documents as documents_
from db.labels import present
from db.projects import LabelSet, load_schema, schema_hash, store_schema
from db.tables import document_labels, documents, extractions
from relex_core import jsonl
from relex_core.types import RESCORED, Document, Entity, Extraction, Relation, Thresholds, sha256

SHOWN = Thresholds()
"""The thresholds against which uncertainty and predicted labels are measured (paper section 3.9)."""

Graph = tuple[Sequence[Entity], Sequence[Relation]]

RANDOM_SHARE = 0.1
"""Share of the documents that the mixed order places by chance."""


def save(connection: Connection, labels: LabelSet, row: Row[Any], extraction: Extraction, now: datetime) -> int:
    """Keep an extraction, and place the document by it; its key. The same one twice is kept once."""
    values = {
        "model_version": extraction.model_version,
        "schema_sha256": schema_hash(extraction.schema),
        "floor": jsonl.dumps(jsonl.thresholds_to_json(extraction.floor)),
        "windows": json.dumps(extraction.windows),
        "graph": jsonl.dumps(jsonl.graph_to_json(extraction.entities, extraction.relations)),
    }
    hash = content_hash(values)
    same = sa.select(extractions.c.pk).where(extractions.c.document_pk == row.pk, extractions.c.sha256 == hash)
    known = connection.execute(same).scalar()
    if known is not None:
        return int(known)
    if values["schema_sha256"] not in labels.hashes:
        store_schema(connection, extraction.schema)
    version = labels.hashes.get(values["schema_sha256"], labels.version)
    insert = extractions.insert().values(**values, document_pk=row.pk, label_version=version, sha256=hash, saved_at=now)
    key = connection.execute(insert).inserted_primary_key
    assert key is not None
    place(connection, labels.project, row, present(extraction, labels.schema, labels.since(version)))
    return int(key[0])


def content_hash(values: Any) -> str:
    """Over everything that the model said and under which conditions, as stored."""
    parts = (values[name] for name in ("model_version", "schema_sha256", "floor", "windows", "graph"))
    return sha256("\n".join(parts))


def place(connection: Connection, project: int, row: Row[Any], extraction: Extraction) -> None:
    """Set the order columns of a document from what the model found in it, under the labels of today. What is one
    person's changes nothing."""
    if extraction.rescored:
        return
    entities, relations = shown(extraction)
    profile = sha256(jsonl.dumps({"labels": sorted({*(e.label for e in entities), *(r.label for r in relations)})}))[
        :16
    ]
    score = uncertainty(extraction)
    values: dict[str, Any] = {
        "uncertainty": score,
        "mixed": row.shuffle / RANDOM_SHARE if row.shuffle < RANDOM_SHARE else score,
        "suggested": len(entities),
    }
    if profile != row.profile:
        last = sa.select(sa.func.max(documents.c.turn)).where(
            documents.c.project_pk == project, documents.c.profile == profile
        )
        before = connection.execute(last).scalar()
        turn = 0 if before is None else int(before) + 1
        values |= {"profile": profile, "turn": turn + row.shuffle}
    connection.execute(documents.update().where(documents.c.pk == row.pk).values(**values))
    write_labels(connection, project, "suggested ", {row.pk: (entities, relations)})


def shown(extraction: Extraction) -> tuple[list[Entity], list[Relation]]:
    """The suggestions over the default thresholds: those under which a document is found by label."""
    entities = [e for e in extraction.entities if _over(e.score, SHOWN.entity)]
    return entities, [r for r in extraction.relations if _over(r.score, SHOWN.relation)]


def uncertainty(extraction: Extraction) -> float:
    """1 minus the mean distance of the scores from their threshold, in [0, 1]; the mean of that for entities and
    for relations. The distance is a share of the widest one possible on its side. 0 if nothing was found."""
    parts = []
    for scores, threshold in (
        ([e.score for e in extraction.entities], SHOWN.entity),
        ([r.score for r in extraction.relations], SHOWN.relation),
    ):
        margins = [
            abs(s - threshold) / (1 - threshold if s > threshold else threshold) for s in scores if s is not None
        ]
        if margins:
            parts.append(1 - sum(margins) / len(margins))
    return sum(parts) / len(parts) if parts else 0.0


def latest(
    connection: Connection, labels: LabelSet, row: Row[Any], model_version: str | None = None
) -> Extraction | None:
    """The last extraction of the document that is everybody's, in the present label set."""
    query = sa.select(extractions).where(extractions.c.document_pk == row.pk, common())
    query = query.order_by(extractions.c.pk.desc()).limit(1)
    if model_version is not None:
        query = query.where(extractions.c.model_version == model_version)
    found = connection.execute(query).first()
    if found is None:
        return None
    return read(connection, labels, found, documents_.load(connection, row))


def common() -> sa.ColumnElement[bool]:
    """Holds for what a model found by itself. Relations scored on what a person marked are that person's, and are kept
    for the revisions that are based on them."""
    return ~extractions.c.model_version.endswith(RESCORED, autoescape=True)


def newest_model(connection: Connection, project: int) -> str:
    """The model that read a document of the project last, "" if none has."""
    query = sa.select(extractions.c.model_version).join(documents, documents.c.pk == extractions.c.document_pk)
    query = query.where(documents.c.project_pk == project, common()).order_by(extractions.c.pk.desc()).limit(1)
    return connection.execute(query).scalar() or ""


def by_key(connection: Connection, labels: LabelSet, pk: int | None, document: Document) -> Extraction | None:
    if pk is None:
        return None
    return read(
        connection, labels, connection.execute(sa.select(extractions).where(extractions.c.pk == pk)).one(), document
    )


def as_saved(connection: Connection, row: Row[Any], document: Document) -> Extraction:
    """The extraction exactly as it was saved, under its own label set."""
    entities, relations = jsonl.graph_from_json(json.loads(row.graph))
    return Extraction(
        document,
        load_schema(connection, row.schema_sha256),
        entities,
        relations,
        row.model_version,
        jsonl.thresholds_from_json(json.loads(row.floor)),
        tuple((int(start), int(end)) for start, end in json.loads(row.windows)),
    )


def read(connection: Connection, labels: LabelSet, row: Row[Any], document: Document) -> Extraction:
    return present(as_saved(connection, row, document), labels.schema, labels.since(row.label_version))


def write_labels(connection: Connection, project: int, prefix: str, graphs: Mapping[int, Graph]) -> None:
    """Count the labels of documents anew, under kinds that begin with `prefix`. `graphs` goes by document key."""
    wanted: Counter[tuple[int, str, str]] = Counter()
    for key, (entities, relations) in graphs.items():
        wanted.update((key, f"{prefix}entity", entity.label) for entity in entities)
        wanted.update((key, f"{prefix}relation", relation.label) for relation in relations)
    kinds = document_labels.c.kind.in_((f"{prefix}entity", f"{prefix}relation"))
    query = sa.select(document_labels).where(document_labels.c.document_pk.in_(list(graphs)), kinds)
    there = {(r.document_pk, r.kind, r.label): r.mentions for r in connection.execute(query)}
    changed = {key for key, _, _ in dict(there.items() ^ wanted.items())}
    if not changed:
        return
    if there:
        connection.execute(document_labels.delete().where(document_labels.c.document_pk.in_(changed), kinds))
    rows = [
        {"document_pk": key, "kind": kind, "label": label, "project_pk": project, "mentions": mentions}
        for (key, kind, label), mentions in wanted.items()
        if key in changed
    ]
    if rows:
        connection.execute(document_labels.insert(), rows)


def _over(score: float | None, threshold: float) -> bool:
    return score is None or score > threshold
