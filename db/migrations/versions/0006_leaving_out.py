"""Documents can be left out of a project, and are counted apart; projects can be archived."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("INSERT INTO counters (project_pk, state, documents) SELECT pk, 'left out', 0 FROM projects")
    op.add_column("projects", sa.Column("archived_at", sa.DateTime(timezone=True)))
