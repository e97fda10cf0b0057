"""Backup while the app is running, and the way back.

SQLite is copied page by page through its own backup interface, which sees one moment of the database;
PostgreSQL through pg_dump and pg_restore.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from db.engine import Database
from db.migrate import known_versions
from relex_core.errors import InputError, StoreError, quote

_PAGES = 1024
"""Pages that are copied at a time, between which writers get their turn."""


def backup(database: Database, path: Path) -> int:
    """Write a backup to `path`, which must not exist; its size in bytes. It is there whole or not at all.

    Raises InputError, StoreError.
    """
    if path.exists():
        raise InputError(
            expected="the name of a new file",
            found=f"{path.name}, which exists",
            change="Choose another name; old backups are not overwritten.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with database.explained(), _replacing(path) as part:
        if database.is_sqlite:
            with _opened(database.path, writable=False) as source, closing(sqlite3.connect(part)) as copy:
                source.backup(copy, pages=_PAGES)
                copy.execute("PRAGMA journal_mode = DELETE")
            _verified(part)
        else:
            _postgres(database, "pg_dump", "--format=custom", "--file", str(part))
    return path.stat().st_size


def restore(database: Database, path: Path, replace: bool = False) -> Path | None:
    """Bring the database to the state in the backup `path`.

    A database that holds something is only replaced with `replace`; SQLite's is first backed up beside itself,
    and the name of that file is returned. Programs that have the database open see the new state.
    Raises InputError, StoreError.
    """
    if not path.is_file():
        raise InputError(expected="a backup file", found=f"no file {path.name}", change="Check the name.")
    held = _holds_something(database)
    if held and not replace:
        raise StoreError(
            expected="an empty database to restore into",
            found=f"one with projects at {database}",
            change="Name a new one with --database, or add --replace.",
        )
    with database.explained():
        if not database.is_sqlite:
            clean = ["--clean", "--if-exists"] if held else []
            _postgres(database, "pg_restore", "--single-transaction", "--no-owner", *clean, "--dbname", "", str(path))
            return None
        _verified(path)
        kept = None
        if held:
            assert database.path
            kept = _free_name(database.path)
            backup(database, kept)
        with _opened(path, writable=False) as source, _opened(database.path, writable=True) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = WAL")
    return kept


def _verified(path: Path) -> None:
    """Raises StoreError unless `path` is an intact database of this program."""
    with _opened(path, writable=False) as connection:
        said = connection.execute("PRAGMA integrity_check").fetchone()[0]
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        found = (
            connection.execute("SELECT version_num FROM alembic_version").fetchone() if "projects" in tables else None
        )
    if said != "ok" or found is None or found[0] not in known_versions():
        raise StoreError(
            expected=f"an intact database of Relex Studio in {path.name}",
            found=quote(said)
            if said != "ok"
            else f"version {quote(found[0])}"
            if found
            else "another kind of database",
            change="Take another backup.",
        )


def _holds_something(database: Database) -> bool:
    if database.path and not database.path.exists():
        return False
    try:
        with database.read() as connection:
            if not sa.inspect(connection).has_table("projects"):
                return False
            return connection.execute(sa.text("SELECT 1 FROM projects LIMIT 1")).first() is not None
    except StoreError:
        return True  # damaged: something, and worth keeping


@contextmanager
def _opened(path: Path | None, writable: bool) -> Iterator[sqlite3.Connection]:
    assert path
    mode = "rwc" if writable else "ro"
    if writable:
        path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=10)) as connection:
        yield connection


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _free_name(path: Path) -> Path:
    number = 1
    while (name := path.with_name(f"{path.stem}.before-restore-{number}{path.suffix}")).exists():
        number += 1
    return name


def _postgres(database: Database, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; the password goes through the environment, which others cannot read."""
    found = shutil.which(program) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), reverse=True)), None
    )
    if found is None:
        raise StoreError(
            expected=f"PostgreSQL's program {program}",
            found="an installation without it",
            change="Install it: apt-get install postgresql-client",
        )
    url = database.url.set(drivername="postgresql", password=None)
    address = url.render_as_string(hide_password=False)
    environment = {**os.environ, **({"PGPASSWORD": str(database.url.password)} if database.url.password else {})}
    if program == "pg_dump":
        command = [found, *arguments, address]
    else:
        command = [found, *(address if argument == "" else argument for argument in arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise StoreError(
            expected=f"{program} to do its work",
            found=quote(done.stderr.strip(), 300),
            change="Nothing was changed. Mend what it says and try again.",
        )
