"""The tables, as the newest migration leaves them. They never leave this package.

What people and models said (`schemas`, `label_sets`, `texts`, `extractions`, `revisions`) is only ever added.
The rest is an index over it, rebuilt by `python -m db check --repair`: `heads` (the latest revision of each
annotator), `document_labels`, `counters` and the state and order columns of `documents`. Two choices of people can be
taken back, and stand in a column: that a document is left out (in place of its state) and that a project is archived.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """A moment with its time zone, in UTC. SQLite has no type for it: stored there as UTC without a zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment


# SQLite numbers rows by itself only in a column of exactly this type
Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _pk() -> sa.Column[int]:
    return sa.Column("pk", Key, primary_key=True)


def _to(table: str, name: str = "", **options: Any) -> sa.Column[int]:
    return sa.Column(name or f"{table[:-1]}_pk", Key, sa.ForeignKey(f"{table}.pk"), **options)


projects = sa.Table(
    "projects",
    metadata,
    _pk(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("guidelines", sa.Text, nullable=False, default=""),
    sa.Column("label_version", sa.Integer, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("archived_at", Utc),
)

schemas = sa.Table(
    "schemas",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("json", sa.Text, nullable=False),
)

label_sets = sa.Table(
    "label_sets",
    metadata,
    _pk(),
    _to("projects", nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("schema_sha256", sa.String(64), sa.ForeignKey("schemas.sha256"), nullable=False),
    # {"entities": {old: new}, "relations": {old: new}} from the version before
    sa.Column("renames", sa.Text, nullable=False, default="{}"),
    # the version whose renames this one takes back
    sa.Column("reverts", sa.Integer),
    sa.Column("note", sa.Text, nullable=False, default=""),
    sa.Column("saved_at", Utc, nullable=False),
    sa.UniqueConstraint("project_pk", "version"),
)

annotators = sa.Table(
    "annotators",
    metadata,
    _pk(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", Utc, nullable=False),
)

documents = sa.Table(
    "documents",
    metadata,
    _pk(),
    _to("projects", nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    # 0, or counts on where the same text was kept under several ids
    sa.Column("copy", sa.Integer, nullable=False, default=0),
    sa.Column("source", sa.Text, nullable=False, default=""),
    sa.Column("excerpt", sa.Text, nullable=False),
    sa.Column("added_at", Utc, nullable=False),
    # that of the latest revision, "new" without one, or "left out"
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("revisions", sa.Integer, nullable=False, default=0),
    # the time it was added, until somebody saves
    sa.Column("updated_at", Utc, nullable=False),
    _to("annotators", "annotator_pk"),
    sa.Column("entities", sa.Integer, nullable=False, default=0),
    sa.Column("relations", sa.Integer, nullable=False, default=0),
    # -1 before the model was asked, so that these come last without NULLs in the index
    sa.Column("uncertainty", sa.Double, nullable=False, default=-1.0),
    sa.Column("mixed", sa.Double, nullable=False, default=-1.0),
    sa.Column("shuffle", sa.Double, nullable=False),
    sa.Column("profile", sa.String(16), nullable=False, default=""),
    # place among the documents of the same profile, with the shuffle behind the point
    sa.Column("turn", sa.Double, nullable=False),
    sa.Column("suggested", sa.Integer, nullable=False, default=0),
    sa.UniqueConstraint("project_pk", "id"),
    sa.UniqueConstraint("project_pk", "sha256", "copy"),
    sa.Index("ix_documents_file", "project_pk", "state", "pk"),
    sa.Index("ix_documents_uncertainty", "project_pk", "state", "uncertainty", "pk"),
    sa.Index("ix_documents_mixed", "project_pk", "state", "mixed", "pk"),
    sa.Index("ix_documents_shuffle", "project_pk", "state", "shuffle", "pk"),
    sa.Index("ix_documents_turn", "project_pk", "state", "turn", "pk"),
    sa.Index("ix_documents_updated", "project_pk", "state", "updated_at", "pk"),
    sa.Index("ix_documents_profile", "project_pk", "profile", "turn"),
    sqlite_autoincrement=True,
)

# apart from `documents`, whose rows change with every save: a long text is not written again each time
texts = sa.Table(
    "texts",
    metadata,
    _to("documents", primary_key=True, autoincrement=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("extra", sa.Text, nullable=False, default=""),
)

extractions = sa.Table(
    "extractions",
    metadata,
    _pk(),
    _to("documents", nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("schema_sha256", sa.String(64), sa.ForeignKey("schemas.sha256"), nullable=False),
    sa.Column("label_version", sa.Integer, nullable=False),
    sa.Column("floor", sa.Text, nullable=False),
    sa.Column("windows", sa.Text, nullable=False),
    sa.Column("graph", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("saved_at", Utc, nullable=False),
    sa.UniqueConstraint("document_pk", "sha256"),
    sqlite_autoincrement=True,
)

revisions = sa.Table(
    "revisions",
    metadata,
    _pk(),
    _to("documents", nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    _to("annotators", nullable=False),
    sa.Column("saved_at", Utc, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("note", sa.Text, nullable=False, default=""),
    sa.Column("label_version", sa.Integer, nullable=False),
    _to("extractions"),
    sa.Column("thresholds", sa.Text),
    sa.Column("decisions", sa.Text, nullable=False),
    sa.Column("edits", sa.Text, nullable=False, default="[]"),
    sa.Column("client", sa.Text, nullable=False, default=""),
    sa.Column("seq", sa.Integer, nullable=False, default=0),
    sa.Column("seconds", sa.Double),
    sa.Column("keystrokes", sa.Integer),
    # over what the revision says and the hash of the document's revision before: a chain
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.UniqueConstraint("document_pk", "number"),
    sa.Index("ix_revisions_client", "document_pk", "client", "seq"),
    sqlite_autoincrement=True,
)

heads = sa.Table(
    "heads",
    metadata,
    _to("documents", primary_key=True, autoincrement=False),
    _to("annotators", primary_key=True, autoincrement=False),
    _to("revisions", nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Index("ix_heads_annotator", "annotator_pk", "document_pk"),
)

document_labels = sa.Table(
    "document_labels",
    metadata,
    _to("documents", primary_key=True, autoincrement=False),
    # "entity" and "relation" as decided in the latest revision; "suggested entity", "suggested relation"
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("label", sa.Text, primary_key=True),
    _to("projects", nullable=False),
    sa.Column("mentions", sa.Integer, nullable=False),
    sa.Index("ix_document_labels_label", "project_pk", "label", "document_pk"),
)

assignments = sa.Table(
    "assignments",
    metadata,
    _to("documents", primary_key=True, autoincrement=False),
    _to("annotators", primary_key=True, autoincrement=False),
    sa.Column("assigned_at", Utc, nullable=False),
    sa.Index("ix_assignments_annotator", "annotator_pk", "document_pk"),
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    _pk(),
    _to("projects", nullable=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("manifest", sa.Text, nullable=False),
    sa.Column("written_at", Utc, nullable=False),
)

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    _pk(),
    sa.Column("version", sa.Text, nullable=False, unique=True),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("base", sa.Text, nullable=False),
    sa.Column("snapshot_sha256", sa.String(64), nullable=False),
    sa.Column("scores", sa.Text, nullable=False),
    sa.Column("made_at", Utc, nullable=False),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    _pk(),
    _to("projects"),
    sa.Column("at", Utc, nullable=False),
    sa.Column("by", sa.Text, nullable=False, default=""),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("detail", sa.Text, nullable=False, default="{}"),
    sa.Index("ix_audit_log_project", "project_pk", "pk"),
    sa.Index("ix_audit_log_by", "by", "pk"),
    sa.Index("ix_audit_log_action", "action", "pk"),
)

counters = sa.Table(
    "counters",
    metadata,
    _to("projects", primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(20), primary_key=True),
    sa.Column("documents", sa.Integer, nullable=False),
)

# what a server, such as Argilla, has of this database: deliveries that it acknowledged, and failures
outbox = sa.Table(
    "outbox",
    metadata,
    _pk(),
    # address, workspace and dataset
    sa.Column("target", sa.Text, nullable=False),
    _to("documents", nullable=False),
    # 0 for the record itself, else whose answer; no foreign key because of the 0
    sa.Column("annotator_pk", Key, nullable=False),
    # key of the extraction or revision that the server has, "" before
    sa.Column("version", sa.Text, nullable=False, default=""),
    # hash of the answer as the server last had it
    sa.Column("answer", sa.String(64), nullable=False, default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("retry_at", Utc),
    sa.Column("sent_at", Utc),
    sa.UniqueConstraint("document_pk", "annotator_pk", "target"),
)
