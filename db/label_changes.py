"""Renaming and merging labels in mid-project: a preview with counts, the change, and one way back.

Nothing that was said is rewritten: the new version of the label set carries the rename and reading translates.
Only the index of labels by document is brought up to date. Each function is one transaction.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from db import audit, extractions, projects, revisions
from db.labels import Kind, Renames, renamed, translate
from db.store import Store
from db.tables import document_labels, documents, label_sets
from db.values import LabelChange, Project
from relex_core.errors import SchemaError, StoreError, quote
from relex_core.types import Entity, Relation


def preview(store: Store, project: str, kind: Kind, old: str, new: str) -> LabelChange:
    """What `rename` would do. Raises NotFound and SchemaError like it."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        return _preview(connection, pk, kind, old, new)


def rename(store: Store, project: str, kind: Kind, old: str, new: str, by: str = "") -> LabelChange:
    """Call label `old` `new`, or merge it into the label of that name. Raises NotFound, SchemaError."""
    with store.database.write() as connection:
        pk, _ = projects.lock(connection, project)
        change = _preview(connection, pk, kind, old, new)
        schema = renamed(projects.load_labels(connection, pk).schema, kind, old, new)
        pairs = ((old, new),)
        renames = Renames(entities=pairs) if kind == "entity" else Renames(relations=pairs)
        verb = "merged into" if change.merges else "renamed to"
        note = f"{kind} label {quote(old)} {verb} {quote(new)}"
        projects.save_schema(connection, pk, schema, store.now(), renames, note=note)
        both = _with_label(connection, pk, kind, old) & _with_label(connection, pk, kind, new)
        _relabel_index(connection, pk, kind, old, new, both)
        _reindex(connection, pk, both)
        audit.write(connection, store.now(), "label change", pk, by, note=note, documents=change.documents)
        return change


def undo(store: Store, project: str, by: str = "") -> Project:
    """Take back the last change of the label set, if it was a rename or a merge.

    Decisions made since a merge keep the label that they were given. Raises StoreError if there is nothing to
    take back.
    """
    with store.database.write() as connection:
        pk, _ = projects.lock(connection, project)
        query = sa.select(label_sets).where(label_sets.c.project_pk == pk).order_by(label_sets.c.version.desc())
        rows = connection.execute(query.limit(2)).all()
        renames = Renames.from_json(rows[0].renames)
        if not renames or rows[0].reverts is not None:
            raise StoreError(
                expected="a label that was just renamed or merged",
                found=rows[0].note or "a label set that was changed in another way since",
                change="Rename the label by hand.",
            )
        _take_back(connection, pk, rows, renames, store)
        audit.write(connection, store.now(), "label change taken back", pk, by, note=rows[0].note)
        return projects.load(connection, project)


def in_use(store: Store, project: str, kind: Kind, name: str) -> bool:
    """Whether decisions use the label: it stays, hidden, if it is deleted. Raises NotFound."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        return name in projects.used_labels(connection, pk)[kind]


def today(labels: projects.LabelSet, revision: Row[Any]) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
    """What a stored revision holds, under the labels of today."""
    return translate(*revisions.decided(revision), labels.since(revision.label_version))


def reindex(connection: Connection, labels: projects.LabelSet, row: Row[Any]) -> None:
    """Count the labels of one document anew, from its latest revision and extraction."""
    head = revisions.head(connection, row.pk)
    if head is not None:
        entities, relations = today(labels, head)
        counted = documents.update().where(documents.c.pk == row.pk)
        connection.execute(counted.values(entities=len(entities), relations=len(relations)))
        extractions.write_labels(connection, labels.project, "", {row.pk: (entities, relations)})
    found = extractions.latest(connection, labels, row)
    if found is not None:
        extractions.place(connection, labels.project, row, found)


def _preview(connection: Connection, project: int, kind: Kind, old: str, new: str) -> LabelChange:
    schema = projects.load_labels(connection, project).schema
    if renamed(schema, kind, old, new) == schema:
        raise SchemaError(
            expected="another name for the label",
            found=quote(old),
            change="Type the new name, or the name of the label to merge it into.",
            value=old,
        )
    labels = schema.entity_labels if kind == "entity" else schema.relation_labels
    count = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(document_labels.c.mentions), 0)).where(
        document_labels.c.project_pk == project, document_labels.c.label == old
    )
    decided = connection.execute(count.where(document_labels.c.kind == kind)).one()
    suggested = connection.execute(count.where(document_labels.c.kind == f"suggested {kind}")).one()
    merges = any(label.name == new for label in labels)
    return LabelChange(kind, old, new, merges, decided[0], int(decided[1]), suggested[0])


def _take_back(connection: Connection, project: int, rows: Any, renames: Renames, store: Store) -> None:
    schema = projects.load_schema(connection, rows[1].schema_sha256)
    kind: Kind = "entity" if renames.entities else "relation"
    ((old, new),) = renames.entities or renames.relations
    merged = any(label.name == new for label in (schema.entity_labels if kind == "entity" else schema.relation_labels))
    # after a merge nobody can tell which decisions made since belong to the old label: they keep the new one
    pairs = () if merged else ((new, old),)
    back = Renames(entities=pairs) if kind == "entity" else Renames(relations=pairs)
    note = f"taken back: {rows[0].note}"
    projects.save_schema(connection, project, schema, store.now(), back, reverts=rows[0].version, note=note)
    if merged:
        _reindex(connection, project, _with_label(connection, project, kind, new))
    else:
        _relabel_index(connection, project, kind, new, old, set())


def _with_label(connection: Connection, project: int, kind: Kind, label: str) -> set[int]:
    query = sa.select(document_labels.c.document_pk).where(
        document_labels.c.project_pk == project,
        document_labels.c.label == label,
        document_labels.c.kind.in_((kind, f"suggested {kind}")),
    )
    return set(connection.scalars(query))


def _relabel_index(connection: Connection, project: int, kind: Kind, old: str, new: str, leave: set[int]) -> None:
    """Rename in the index where that is all there is to do; the documents in `leave` are counted anew."""
    mine = (
        document_labels.c.project_pk == project,
        document_labels.c.label == old,
        document_labels.c.kind.in_((kind, f"suggested {kind}")),
    )
    change = document_labels.update().where(*mine).values(label=new)
    if not leave:
        connection.execute(change)
        return
    rows = connection.scalars(sa.select(document_labels.c.document_pk).where(*mine).distinct()).all()
    changed = [{"document": key} for key in rows if key not in leave]
    if changed:
        connection.execute(change.where(document_labels.c.document_pk == sa.bindparam("document")), changed)


def _reindex(connection: Connection, project: int, keys: set[int]) -> None:
    labels = projects.load_labels(connection, project)
    for key in sorted(keys):
        reindex(connection, labels, connection.execute(sa.select(documents).where(documents.c.pk == key)).one())
