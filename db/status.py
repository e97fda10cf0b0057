"""What a database is and holds, for the page that looks after it. Cheap at any size: nothing is counted row by row."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from db import migrate
from db.engine import Database
from db.tables import annotators, counters, projects


@dataclass(frozen=True, slots=True)
class Status:
    """`where` shows no user name or password. Sizes are bytes; `free` is None where the disk is not this machine's."""

    engine: str
    where: str
    version: str
    newest: bool
    size: int
    free: int | None
    projects: int
    documents: int
    annotators: int


def status(database: Database) -> Status:
    """The state at this moment. Raises StoreError."""
    with database.read() as connection:
        found = migrate.version(connection) or "empty"
        held = connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(counters.c.documents), 0)))
        numbers = [connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in (projects, annotators)]
        size = 0 if database.is_sqlite else connection.scalar(sa.text("SELECT pg_database_size(current_database())"))
        engine = _engine(connection)
    free = None
    if database.path is not None:
        size = sum(path.stat().st_size for path in database.files if path.exists())
        free = free_bytes(database.path.parent)
    return Status(
        engine=engine,
        where=_where(database),
        version=found,
        newest=found == migrate.newest(),
        size=int(size or 0),
        free=free,
        projects=int(numbers[0] or 0),
        documents=int(held or 0),
        annotators=int(numbers[1] or 0),
    )


def free_bytes(folder: Path) -> int:
    """What is left on the disk of a folder, or of the nearest one above it that exists."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def _where(database: Database) -> str:
    if database.path is not None:
        return str(database.path)
    url = database.url
    host = str(url.query.get("host", "")) or url.host or "localhost"
    return f"{url.database} at {host}" + (f":{url.port}" if url.port else "")


def _engine(connection: sa.Connection) -> str:
    found = connection.dialect.server_version_info or ()
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[connection.dialect.name]
    return f"{name} {'.'.join(str(part) for part in found)}"
