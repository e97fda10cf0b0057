"""Bring a database to the newest version: forward only, all steps in one transaction or none."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from db.engine import Database
from relex_core.errors import StoreError, quote

# any number, the same in every process: who holds it migrates
_LOCK = 7_341_226


def newest() -> str:
    """The version that this program works with."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def known_versions() -> frozenset[str]:
    """All versions that this program can migrate from."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def version(connection: Connection) -> str | None:
    """The version of the database, None if it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(database: Database, to: str = "head") -> tuple[str | None, str]:
    """Migrate forward; (version before, version after). Raises StoreError if the database is newer, or another's."""
    with database.read() as connection:
        before = version(connection)
    if before == newest():
        return before, before
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        before = version(connection)  # another process may have been faster
        if before is not None and before not in known_versions():
            raise StoreError(
                expected=f"a database of version {newest()} or older",
                found=f"version {quote(before)}",
                change="A newer Relex Studio made it: update this one.",
            )
        if before is None and database.is_sqlite and sa.inspect(connection).get_table_names():
            # PostgreSQL's databases are shared, and tables of others stay beside ours
            raise StoreError(
                expected=f"an empty file, or a database of Relex Studio, at {database}",
                found="tables of another program",
                change="It was left alone. Name another file in --database or RELEX_DATABASE_URL.",
            )
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        return before, version(connection) or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
