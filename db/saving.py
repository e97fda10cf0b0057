"""Adding revisions: one at a time for a page, many at a time for an import, on the same path.

A revision, the state of its document, the labels in the index and the counters change together or not at all.
Where a document was adjudicated, what somebody decides alone who began after that is kept, and the adjudicated version
stays its latest.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from db import documents as documents_
from db import extractions as extractions_
from db import revisions as revisions_
from db.labels import translate
from db.projects import LabelSet, annotator
from db.projects import people as people_named
from db.tables import annotators, documents, heads, revisions, texts
from db.values import ADJUDICATOR, FINISHED, LEFT_OUT, Revision, State
from relex_core import jsonl
from relex_core.editing import Edit, edit_to_json
from relex_core.errors import Conflict, quote
from relex_core.types import Annotation, Document, Thresholds


@dataclass(frozen=True, slots=True)
class Work:
    """What goes into a revision beside the annotation."""

    annotator: str
    state: State
    edits: tuple[Edit, ...] = ()
    client: str = ""
    seq: int = 0
    expected: int | None = None
    made_from: Mapping[str, int] | None = None
    independent: bool = False
    thresholds: Thresholds | None = None
    note: str = ""
    seconds: float | None = None
    keystrokes: int | None = None


@dataclass(frozen=True, slots=True)
class _New:
    """A revision about to be added: its document, the revision before it, its extraction."""

    row: Row[Any]
    before: Row[Any] | None
    annotator: int
    extraction: int | None
    annotation: Annotation
    work: Work


def save(connection: Connection, labels: LabelSet, annotation: Annotation, work: Work, now: datetime) -> Revision:
    """Add a revision, unless this client's batch is in already. Raises Conflict, carrying the other revision."""
    row = documents_.find_text(connection, labels.project, annotation.document, lock=True)
    if work.client:
        known = _of_client(connection, row.pk, work.client, work.seq)
        if known is not None:
            return revisions_.read(connection, labels, known, documents_.load(connection, row))
    annotator_pk = annotator(connection, work.annotator, now)
    before = revisions_.head(connection, row.pk)
    seen = revisions_.head(connection, row.pk, work.annotator) if work.independent else before
    if work.expected is not None and work.expected != (seen.number if seen else 0):
        _refuse(connection, labels, row, work.expected, seen)
    if work.made_from is not None:
        _refuse_overtaken(connection, labels, row, work.made_from)
    extra = connection.execute(sa.select(texts.c.extra).where(texts.c.document_pk == row.pk)).scalar_one()
    annotation = _settled(annotation, work.state, labels, row, extra)
    extraction = None
    if annotation.based_on is not None:
        extraction = extractions_.save(connection, labels, row, annotation.based_on, now)
    new = _New(row, before, annotator_pk, extraction, annotation, work)
    (revision,) = _append(connection, labels, [new], now)
    documents_.count(connection, labels.project, _moved([new]))
    _keep_adjudicated(connection, labels, [new], now)
    return revision


def save_many(connection: Connection, labels: LabelSet, items: Sequence[tuple[Annotation, Work]], now: datetime) -> int:
    """Add revisions of documents that the project has; how many were not in yet, by the same annotator.

    For annotations from files: each with a `client` of its own, nothing expected.
    """
    rows = documents_.find_texts(connection, labels.project, [annotation.document for annotation, _ in items])
    people = people_named(connection, (work.annotator for _, work in items), now)
    done: list[_New] = []
    while items:
        # a document can move on by one revision at a time
        first: dict[int, tuple[Annotation, Work]] = {}
        later = []
        for item in items:
            pk = rows[item[0].document.id, item[0].document.sha256].pk
            if first.setdefault(pk, item) is not item:
                later.append(item)
        by_key = {row.pk: row for row in rows.values()}
        done += _save_round(connection, labels, by_key, first, people, now)
        items = later
        if items:
            rows = documents_.find_texts(connection, labels.project, [annotation.document for annotation, _ in items])
    documents_.count(connection, labels.project, _moved(done))
    _keep_adjudicated(connection, labels, done, now)
    return len(done)


def _save_round(
    connection: Connection,
    labels: LabelSet,
    rows: Mapping[int, Row[Any]],
    items: Mapping[int, tuple[Annotation, Work]],
    people: Mapping[str, int],
    now: datetime,
) -> list[_New]:
    keys = list(items)
    known = {
        tuple(row)
        for row in connection.execute(
            sa.select(revisions.c.document_pk, revisions.c.annotator_pk, revisions.c.client).where(
                revisions.c.document_pk.in_(keys), revisions.c.client.in_([work.client for _, work in items.values()])
            )
        )
    }
    extras = connection.execute(sa.select(texts.c.document_pk, texts.c.extra).where(texts.c.document_pk.in_(keys)))
    extra = {row.document_pk: row.extra for row in extras}
    before = revisions_.heads_of(connection, keys)
    new = []
    for key, (annotation, work) in items.items():
        # a file may hold what several people decided
        if (key, people[work.annotator], work.client) in known:
            continue
        settled, extraction = _settled(annotation, work.state, labels, rows[key], extra[key]), None
        if settled.based_on is not None:
            extraction = extractions_.save(connection, labels, rows[key], settled.based_on, now)
        new.append(_New(rows[key], before.get(key), people[work.annotator], extraction, settled, work))
    _append(connection, labels, new, now)
    return new


def _append(connection: Connection, labels: LabelSet, new: Sequence[_New], now: datetime) -> list[Revision]:
    if not new:
        return []
    rows = [_values(labels, item, now.astimezone(UTC)) for item in new]
    insert = revisions.insert().returning(revisions.c.pk, sort_by_parameter_order=True)
    keys = connection.execute(insert, rows).scalars().all()
    _move_heads(connection, keys, rows)
    decided = {}
    for item in new:
        entities, relations = item.annotation.entities, item.annotation.relations
        renames = labels.since(_version(labels, item.annotation))
        decided[item.row.pk] = translate(entities, relations, renames) if renames else (entities, relations)
    _move_documents(connection, rows, decided, {item.row.pk for item in new if item.row.state == LEFT_OUT})
    extractions_.write_labels(connection, labels.project, "", decided)
    return [_revision(item, row) for item, row in zip(new, rows, strict=True)]


def _keep_adjudicated(connection: Connection, labels: LabelSet, new: Sequence[_New], now: datetime) -> None:
    """Add the adjudicated versions again of documents in which somebody decided alone who began after adjudication.

    Who had a version before it opens the case again by saving.
    """
    alone = {item.row.pk: item for item in new if item.work.independent and item.work.annotator.strip() != ADJUDICATOR}
    if not alone:
        return
    query = revisions_.rows().join(heads, heads.c.revision_pk == revisions.c.pk)
    query = query.where(heads.c.document_pk.in_(list(alone)), annotators.c.name == ADJUDICATOR)
    settled = connection.execute(query.order_by(heads.c.document_pk)).all()
    first = _first_numbers(connection, [found.document_pk for found in settled])
    for found in settled:
        attempt = alone[found.document_pk]
        if first[found.document_pk, attempt.annotator] < first[found.document_pk, found.annotator_pk]:
            continue
        kept = revisions_.read(connection, labels, found, documents_.load(connection, attempt.row))
        work = Work(ADJUDICATOR, kept.state, thresholds=kept.thresholds, note="gold, kept")
        save(connection, labels, kept.annotation, work, now)


def _first_numbers(connection: Connection, keys: Sequence[int]) -> dict[tuple[int, int], int]:
    """(document, annotator) -> number of that annotator's first revision of it."""
    columns = revisions.c.document_pk, revisions.c.annotator_pk
    query = sa.select(*columns, sa.func.min(revisions.c.number)).where(revisions.c.document_pk.in_(keys))
    return {(document, who): number for document, who, number in connection.execute(query.group_by(*columns))}


def _moved(new: Sequence[_New]) -> Counter[str]:
    """By how much the number of documents in each state changes."""
    change: Counter[str] = Counter()
    for item in new:
        if item.row.state != LEFT_OUT:
            change.subtract([item.row.state])
            change.update([item.work.state])
    return change


def _values(labels: LabelSet, new: _New, now: datetime) -> dict[str, Any]:
    work = new.work
    values = {
        "document_pk": new.row.pk,
        "number": new.before.number + 1 if new.before else 1,
        "annotator_pk": new.annotator,
        "saved_at": max(now, new.before.saved_at) if new.before else now,
        "state": str(work.state),
        "note": documents_.storable(work.note),
        "label_version": _version(labels, new.annotation),
        "extraction_pk": new.extraction,
        "thresholds": jsonl.dumps(jsonl.thresholds_to_json(work.thresholds)) if work.thresholds else None,
        "decisions": documents_.storable(jsonl.dumps(jsonl.decisions_to_json(new.annotation))),
        "edits": documents_.storable(json.dumps([edit_to_json(edit) for edit in work.edits], ensure_ascii=False)),
        "client": documents_.storable(work.client),
        "seq": work.seq,
        "seconds": work.seconds,
        "keystrokes": work.keystrokes,
    }
    said = {**values, "annotator": work.annotator.strip()}
    return {**values, "sha256": revisions_.chain_hash(said, new.before.sha256 if new.before else "")}


def _revision(new: _New, row: Mapping[str, Any]) -> Revision:
    based_on = new.annotation.based_on
    return Revision(
        number=row["number"],
        annotation=new.annotation,
        annotator=new.work.annotator.strip(),
        saved_at=row["saved_at"],
        state=new.work.state,
        note=new.work.note,
        thresholds=new.work.thresholds,
        model_version=based_on.model_version if based_on else None,
        schema_version=row["label_version"],
        edits=new.work.edits,
        seconds=new.work.seconds,
        keystrokes=new.work.keystrokes,
        client=new.work.client,
        seq=new.work.seq,
    )


def _move_heads(connection: Connection, keys: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(heads)
    upsert = insert.on_conflict_do_update(
        index_elements=[heads.c.document_pk, heads.c.annotator_pk],
        set_={"revision_pk": insert.excluded.revision_pk, "state": insert.excluded.state},
    )
    names = ("document_pk", "annotator_pk", "state")
    connection.execute(
        upsert, [{"revision_pk": pk, **{n: row[n] for n in names}} for pk, row in zip(keys, rows, strict=True)]
    )


def _move_documents(
    connection: Connection,
    rows: Sequence[Mapping[str, Any]],
    decided: Mapping[int, tuple[Sequence[Any], Sequence[Any]]],
    left_out: Collection[int],
) -> None:
    columns = ("state", "updated_at", "annotator_pk", "entities", "relations", "revisions")
    update = (
        documents.update()
        .where(documents.c.pk == sa.bindparam("document"))
        .values({name: sa.bindparam(f"new_{name}") for name in columns})
    )
    connection.execute(
        update,
        [
            {
                "document": row["document_pk"],
                # what is saved of a document that is left out is kept, and brings it back no more than an import does
                "new_state": LEFT_OUT if row["document_pk"] in left_out else row["state"],
                "new_updated_at": row["saved_at"],
                "new_annotator_pk": row["annotator_pk"],
                "new_entities": len(decided[row["document_pk"]][0]),
                "new_relations": len(decided[row["document_pk"]][1]),
                "new_revisions": row["number"],
            }
            for row in rows
        ],
    )


def _of_client(connection: Connection, document: int, client: str, seq: int) -> Row[Any] | None:
    """The revision that holds this client's batch `seq`, if it was committed."""
    query = revisions_.rows().where(
        revisions.c.document_pk == document, revisions.c.client == client, revisions.c.seq >= seq
    )
    return connection.execute(query.order_by(revisions.c.seq, revisions.c.number).limit(1)).first()


def _refuse(connection: Connection, labels: LabelSet, row: Row[Any], expected: int, seen: Row[Any] | None) -> None:
    other = revisions_.read(connection, labels, seen, documents_.load(connection, row)) if seen else None
    found = f"revision {other.number} by {quote(other.annotator)}" if other else "a document without revisions"
    raise Conflict(
        expected=f"revision {expected} to be the latest of document {quote(row.id)}",
        found=found,
        change="Nothing was overwritten. Look at the other version and decide which one to keep.",
        value=other,
    )


def _refuse_overtaken(connection: Connection, labels: LabelSet, row: Row[Any], made_from: Mapping[str, int]) -> None:
    """Raise Conflict if the finished versions of the document are others than those that a writer worked from."""
    newer = tuple(
        revision
        for revision in revisions_.by_annotator(connection, labels, row)
        if made_from.get(revision.annotator, 0) != revision.number
        and (revision.annotator in made_from or revision.state in FINISHED)
    )
    if newer:
        raise Conflict(
            expected=f"the versions of document {quote(row.id)} that were compared to be the latest",
            found=" and ".join(f"revision {r.number} by {quote(r.annotator)}" for r in newer),
            change="Nothing was saved. Look at the newer versions and decide again.",
            value=newer,
        )


def _settled(annotation: Annotation, state: State, labels: LabelSet, row: Row[Any], extra: str) -> Annotation:
    """The annotation of the stored document, under a label set that the project knows. What was left undecided is said
    of a submitted one alone.

    Raises SchemaError if it uses labels that the present label set lacks and no earlier one explains."""
    document = Document(row.id, annotation.document.text, row.source, extra)
    if state is not State.SUBMITTED and annotation.undecided is not None:
        annotation = replace(annotation, undecided=None)
    if annotation.document != document:
        based_on = annotation.based_on and replace(annotation.based_on, document=document)
        annotation = replace(annotation, document=document, based_on=based_on)
    if labels.version_of(annotation.schema) is not None:
        return annotation
    return replace(annotation, schema=labels.schema)


def _version(labels: LabelSet, annotation: Annotation) -> int:
    """The version of the label set that a settled annotation is under."""
    version = labels.version_of(annotation.schema)
    assert version is not None
    return version
