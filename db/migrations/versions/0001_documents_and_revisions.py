"""Projects, label sets, documents, extractions, revisions, full-text search.

Written out, not taken from db.tables: this file says for ever what version 1 was.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True)
NEVER_CHANGED = ("schemas", "label_sets", "texts", "extractions", "revisions")


def upgrade() -> None:
    projects_and_labels()
    documents()
    judgements()
    indexes_over_judgements()
    full_text()
    for table in NEVER_CHANGED:
        forbid_changes(table)


def column(name: str, type_: Any = sa.Text, *constraints: Any, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, type_, *constraints, nullable=null)


def to(table: str, name: str = "", null: bool = False) -> sa.Column[Any]:
    return column(name or f"{table[:-1]}_pk", KEY, sa.ForeignKey(f"{table}.pk"), null=null)


def own_key() -> sa.Column[Any]:
    return sa.Column("pk", KEY, primary_key=True)


def projects_and_labels() -> None:
    op.create_table(
        "projects",
        own_key(),
        column("name"),
        column("guidelines"),
        column("label_version", sa.Integer),
        column("created_at", TIME),
        sa.UniqueConstraint("name", name="uq_projects_name"),
    )
    op.create_table("schemas", sa.Column("sha256", sa.String(64), primary_key=True), column("json"))
    op.create_table(
        "label_sets",
        own_key(),
        to("projects"),
        column("version", sa.Integer),
        column("schema_sha256", sa.String(64), sa.ForeignKey("schemas.sha256")),
        column("renames"),
        column("reverts", sa.Integer, null=True),
        column("note"),
        column("saved_at", TIME),
        sa.UniqueConstraint("project_pk", "version", name="uq_label_sets_project_pk_version"),
    )
    op.create_table(
        "annotators",
        own_key(),
        column("name"),
        column("created_at", TIME),
        sa.UniqueConstraint("name", name="uq_annotators_name"),
    )


def documents() -> None:
    op.create_table(
        "documents",
        own_key(),
        to("projects"),
        column("id"),
        column("sha256", sa.String(64)),
        column("copy", sa.Integer),
        column("source"),
        column("excerpt"),
        column("added_at", TIME),
        column("state", sa.String(20)),
        column("revisions", sa.Integer),
        column("updated_at", TIME),
        to("annotators", null=True),
        column("entities", sa.Integer),
        column("relations", sa.Integer),
        column("uncertainty", sa.Double),
        column("mixed", sa.Double),
        column("shuffle", sa.Double),
        column("profile", sa.String(16)),
        column("turn", sa.Double),
        column("suggested", sa.Integer),
        sa.UniqueConstraint("project_pk", "id", name="uq_documents_project_pk_id"),
        sa.UniqueConstraint("project_pk", "sha256", "copy", name="uq_documents_project_pk_sha256_copy"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_documents_file", "documents", ["project_pk", "state", "pk"])
    for order in ("uncertainty", "mixed", "shuffle", "turn"):
        op.create_index(f"ix_documents_{order}", "documents", ["project_pk", "state", order, "pk"])
    op.create_index("ix_documents_updated", "documents", ["project_pk", "state", "updated_at", "pk"])
    op.create_index("ix_documents_profile", "documents", ["project_pk", "profile", "turn"])
    op.create_table(
        "texts",
        sa.Column("document_pk", KEY, sa.ForeignKey("documents.pk"), primary_key=True, autoincrement=False),
        column("text"),
        column("extra"),
    )


def judgements() -> None:
    op.create_table(
        "extractions",
        own_key(),
        to("documents"),
        column("model_version"),
        column("schema_sha256", sa.String(64), sa.ForeignKey("schemas.sha256")),
        column("label_version", sa.Integer),
        column("floor"),
        column("windows"),
        column("graph"),
        column("sha256", sa.String(64)),
        column("saved_at", TIME),
        sa.UniqueConstraint("document_pk", "sha256", name="uq_extractions_document_pk_sha256"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "revisions",
        own_key(),
        to("documents"),
        column("number", sa.Integer),
        to("annotators"),
        column("saved_at", TIME),
        column("state", sa.String(20)),
        column("note"),
        column("label_version", sa.Integer),
        to("extractions", null=True),
        column("thresholds", null=True),
        column("decisions"),
        column("edits"),
        column("client"),
        column("seq", sa.Integer),
        column("seconds", sa.Double, null=True),
        column("keystrokes", sa.Integer, null=True),
        column("sha256", sa.String(64)),
        sa.UniqueConstraint("document_pk", "number", name="uq_revisions_document_pk_number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_revisions_client", "revisions", ["document_pk", "client", "seq"])


def indexes_over_judgements() -> None:
    op.create_table(
        "heads",
        sa.Column("document_pk", KEY, sa.ForeignKey("documents.pk"), primary_key=True, autoincrement=False),
        sa.Column("annotator_pk", KEY, sa.ForeignKey("annotators.pk"), primary_key=True, autoincrement=False),
        to("revisions"),
        column("state", sa.String(20)),
    )
    op.create_index("ix_heads_annotator", "heads", ["annotator_pk", "document_pk"])
    op.create_table(
        "document_labels",
        sa.Column("document_pk", KEY, sa.ForeignKey("documents.pk"), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("label", sa.Text, primary_key=True),
        to("projects"),
        column("mentions", sa.Integer),
    )
    op.create_index("ix_document_labels_label", "document_labels", ["project_pk", "label", "document_pk"])
    op.create_table(
        "counters",
        sa.Column("project_pk", KEY, sa.ForeignKey("projects.pk"), primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(20), primary_key=True),
        column("documents", sa.Integer),
    )


def full_text() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # words are made by db.search; the tokenizer only splits at spaces. No text and no positions are kept twice
        op.execute("CREATE VIRTUAL TABLE documents_fts USING fts5(words, content='', detail=none, tokenize='ascii')")
    else:
        op.execute("CREATE TABLE documents_fts (rowid bigint PRIMARY KEY REFERENCES documents (pk), words tsvector)")
        op.execute("CREATE INDEX ix_documents_fts_words ON documents_fts USING gin (words)")


def forbid_changes(table: str) -> None:
    """Let the database itself refuse to change or delete what somebody said."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are only ever added'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION relex_only_added() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% are only ever added', TG_TABLE_NAME; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_only_added BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION relex_only_added()"
    )
