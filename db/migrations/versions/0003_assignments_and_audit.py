"""Assignment of documents to people, a record of exports and checkpoints, an audit log."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True)
NEVER_CHANGED = ("snapshots", "checkpoints", "audit_log")


def upgrade() -> None:
    op.create_table(
        "assignments",
        sa.Column("document_pk", KEY, sa.ForeignKey("documents.pk"), primary_key=True, autoincrement=False),
        sa.Column("annotator_pk", KEY, sa.ForeignKey("annotators.pk"), primary_key=True, autoincrement=False),
        column("assigned_at", TIME),
    )
    op.create_index("ix_assignments_annotator", "assignments", ["annotator_pk", "document_pk"])
    op.create_table(
        "snapshots",
        sa.Column("pk", KEY, primary_key=True),
        column("project_pk", KEY, sa.ForeignKey("projects.pk")),
        column("file"),
        column("format"),
        column("sha256", sa.String(64)),
        column("manifest"),
        column("written_at", TIME),
    )
    op.create_table(
        "checkpoints",
        sa.Column("pk", KEY, primary_key=True),
        column("version"),
        column("path"),
        column("base"),
        column("snapshot_sha256", sa.String(64)),
        column("scores"),
        column("made_at", TIME),
        sa.UniqueConstraint("version", name="uq_checkpoints_version"),
    )
    op.create_table(
        "audit_log",
        sa.Column("pk", KEY, primary_key=True),
        sa.Column("project_pk", KEY, sa.ForeignKey("projects.pk")),
        column("at", TIME),
        column("by"),
        column("action", sa.String(40)),
        column("detail"),
    )
    op.create_index("ix_audit_log_project", "audit_log", ["project_pk", "pk"])
    for table in NEVER_CHANGED:
        forbid_changes(table)


def column(name: str, type_: Any = sa.Text, *constraints: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, *constraints, nullable=False)


def forbid_changes(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are only ever added'); END"
            )
    else:
        op.execute(
            f"CREATE TRIGGER {table}_only_added BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION relex_only_added()"
        )
