"""Projects and the versions of their label sets, as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from db.labels import Renames, Version, keep_used, renames_since
from db.tables import annotators, counters, document_labels, label_sets, projects, schemas
from db.values import LEFT_OUT, Project, State
from relex_core import jsonl
from relex_core.errors import InputError, NotFound, StoreError, quote
from relex_core.types import Schema, sha256

MAX_NAME = 200

JOINERS = str.maketrans("", "", "\u200c\u200d")
"""Takes out what joins letters of Persian or Hindi words and parts of an emoji, and prints nothing by itself."""


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The present label set of a project, and how older names became today's."""

    project: int
    schema: Schema
    version: int
    versions: tuple[Version, ...]
    hashes: Mapping[str, int]  # sha256 of a schema -> newest version that has it

    def since(self, version: int) -> Renames:
        return renames_since(self.versions, version)

    def version_of(self, schema: Schema) -> int | None:
        """The newest version that is `schema`, None if no version is."""
        # an open label set has thousands of labels, too many to hash them for each document of a file
        return self.version if schema is self.schema else self.hashes.get(schema_hash(schema))


def create(connection: Connection, name: str, schema: Schema, guidelines: str, now: datetime) -> int:
    name = checked_name("a project", name)
    if connection.execute(sa.select(projects.c.pk).where(projects.c.name == name)).first():
        raise StoreError(
            expected="a project name that is not in use",
            found=quote(name),
            change="Choose another name, or open that project; it may be among the archived ones.",
            value=name,
        )
    row = projects.insert().values(name=name, guidelines=guidelines, label_version=1, created_at=now)
    key = connection.execute(row).inserted_primary_key
    assert key is not None
    _add_version(connection, key[0], 1, schema, now)
    zeros = [{"project_pk": key[0], "state": str(state), "documents": 0} for state in (*State, LEFT_OUT)]
    connection.execute(counters.insert(), zeros)
    return int(key[0])


def find(connection: Connection, name: str) -> tuple[int, int]:
    """Key and label set version of the project of that name. Raises NotFound."""
    row = connection.execute(sa.select(projects.c.pk, projects.c.label_version).where(projects.c.name == name)).first()
    if row is None:
        known = connection.scalars(sa.select(projects.c.name).order_by(projects.c.name).limit(8)).all()
        raise NotFound(
            expected="the name of a project" + (f" ({', '.join(quote(n, 30) for n in known)})" if known else ""),
            found=quote(name),
            change="Create it first or choose one of these." if known else "Create it first.",
            value=name,
        )
    return row.pk, row.label_version


def lock(connection: Connection, name: str) -> tuple[int, int]:
    """Like `find`; nobody else changes the project's label set until the transaction ends."""
    pk, _ = find(connection, name)
    # not stronger than this, or saves, whose rows refer to the project, would wait and hold their documents meanwhile
    locked = sa.select(projects.c.label_version).where(projects.c.pk == pk).with_for_update(key_share=True)
    return pk, connection.execute(locked).scalar_one()


def load_labels(connection: Connection, project: int) -> LabelSet:
    query = sa.select(label_sets).where(label_sets.c.project_pk == project).order_by(label_sets.c.version)
    rows = connection.execute(query).all()
    versions = tuple(Version(row.version, Renames.from_json(row.renames), row.reverts) for row in rows)
    hashes = {row.schema_sha256: row.version for row in rows}
    return LabelSet(project, load_schema(connection, rows[-1].schema_sha256), rows[-1].version, versions, hashes)


def load_schema(connection: Connection, hash: str) -> Schema:
    return _parsed(connection.execute(sa.select(schemas.c.json).where(schemas.c.sha256 == hash)).scalar_one())


@lru_cache(maxsize=256)
def _parsed(text: str) -> Schema:
    return jsonl.schema_from_json(json.loads(text))


def store_schema(connection: Connection, schema: Schema) -> str:
    """Keep `schema` under its hash; the hash."""
    text = jsonl.dumps(jsonl.schema_to_json(schema))
    insert_new(connection, schemas, {"sha256": sha256(text), "json": text})
    return sha256(text)


@lru_cache(maxsize=256)
def schema_hash(schema: Schema) -> str:
    return sha256(jsonl.dumps(jsonl.schema_to_json(schema)))


def save_schema(
    connection: Connection,
    project: int,
    schema: Schema,
    now: datetime,
    renames: Renames | None = None,
    reverts: int | None = None,
    note: str = "",
) -> int:
    """A new version of the label set, unless nothing changed; its number. Labels in use stay, hidden."""
    labels = load_labels(connection, project)
    renames = renames or Renames()
    used = used_labels(connection, project)
    for kind, pairs in (("entity", renames.entities), ("relation", renames.relations)):
        used[kind] = {dict(pairs).get(name, name) for name in used[kind]}
    schema = keep_used(schema, labels.schema, used)
    if schema == labels.schema and not renames and reverts is None:
        return labels.version
    version = labels.version + 1
    _add_version(connection, project, version, schema, now, renames, reverts, note)
    connection.execute(projects.update().where(projects.c.pk == project).values(label_version=version))
    return version


def used_labels(connection: Connection, project: int) -> dict[str, set[str]]:
    """Names of labels that decisions use, under "entity" and "relation"."""
    query = (
        sa.select(document_labels.c.kind, document_labels.c.label)
        .where(document_labels.c.project_pk == project, document_labels.c.kind.in_(("entity", "relation")))
        .distinct()
    )
    used: dict[str, set[str]] = {"entity": set(), "relation": set()}
    for kind, label in connection.execute(query):
        used[kind].add(label)
    return used


def load(connection: Connection, name: str) -> Project:
    pk, version = find(connection, name)
    row = connection.execute(sa.select(projects).where(projects.c.pk == pk)).one()
    count = sa.select(sa.func.coalesce(sa.func.sum(counters.c.documents), 0)).where(
        counters.c.project_pk == pk, counters.c.state != LEFT_OUT
    )
    labels = load_labels(connection, pk)
    return Project(
        row.name, labels.schema, version, row.guidelines, row.created_at, connection.execute(count).scalar_one()
    )


def annotator(connection: Connection, name: str, now: datetime) -> int:
    """Key of the annotator of that name, who is added if new."""
    name = checked_name("an annotator", name)
    query = sa.select(annotators.c.pk).where(annotators.c.name == name)
    found = connection.execute(query).scalar()
    if found is None:
        insert_new(connection, annotators, {"name": name, "created_at": now})
        found = connection.execute(query).scalar_one()
    return int(found)


def people(connection: Connection, names: Iterable[str], now: datetime) -> dict[str, int]:
    """Keys of annotators by name, those who are new added in the order of their names."""
    return {name: annotator(connection, name, now) for name in sorted(set(names))}


def checked_name(what: str, name: str) -> str:
    """`name` without space around it. Raises InputError if it is empty, long or cannot be stored."""
    stripped = name.strip()
    printed = stripped.translate(JOINERS)
    if not printed or len(stripped) > MAX_NAME or not printed.isprintable():
        raise InputError(
            expected=f"a name for {what} of 1 to {MAX_NAME} printable characters",
            found=quote(name),
            change="Choose another name.",
            value=name,
        )
    return stripped


def insert_new(connection: Connection, table: sa.Table, row: Mapping[str, object]) -> bool:
    """Insert unless a row with the same key is there; whether it was inserted."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return connection.execute(dialect.insert(table).on_conflict_do_nothing().values(**row)).rowcount > 0


def _add_version(
    connection: Connection,
    project: int,
    version: int,
    schema: Schema,
    now: datetime,
    renames: Renames | None = None,
    reverts: int | None = None,
    note: str = "",
) -> None:
    row = {
        "project_pk": project,
        "version": version,
        "schema_sha256": store_schema(connection, schema),
        "renames": (renames or Renames()).to_json(),
        "reverts": reverts,
        "note": note,
        "saved_at": now,
    }
    connection.execute(label_sets.insert(), row)
