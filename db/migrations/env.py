"""Runs the migrations on the connection that db.migrate hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can undo DDL as well: a migration that is killed leaves the old version
    transactional_ddl=True,
)
context.run_migrations()
