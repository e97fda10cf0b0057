"""What a server, such as Argilla, has of this database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("pk", KEY, primary_key=True),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("document_pk", KEY, nullable=False),
        sa.Column("annotator_pk", KEY, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("answer", sa.String(64), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("retry_at", TIME),
        sa.Column("sent_at", TIME),
        sa.ForeignKeyConstraint(["document_pk"], ["documents.pk"], name="fk_outbox_document_pk"),
        sa.UniqueConstraint("document_pk", "annotator_pk", "target", name="uq_outbox_document_pk_annotator_pk_target"),
    )
