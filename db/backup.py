"""Backup while the app is running, and the way back.

SQLite is copied page by page through its own backup interface, which sees one moment of the database;
PostgreSQL through pg_dump and pg_restore (`backup_postgres`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

from db import backup_postgres
from db.engine import Database
from db.migrate import known_versions, newest
from relex_core.errors import InputError, StoreError, quote
from relex_core.outputs import replacing, writing

_PAGES = 1024
"""Pages that are copied at a time, between which writers get their turn."""

_SHARED_FIRST, _SHARED_BYTES = 0x4000_0002, 510
"""The bytes of a file that SQLite locks while it is open (sqlite.org/fileformat2.html, the lock-byte page)."""


def backup(database: Database, path: Path) -> int:
    """Write a backup to `path`, which must not exist; its size in bytes. It is there whole or not at all.

    Raises InputError, StoreError.
    """
    with writing(f"a backup to {path}", path, "Name another place for it; the database is as it was."):
        if path.exists():
            raise InputError(
                expected="the name of a new file",
                found=f"{path.name}, which exists",
                change="Choose another name; old backups are not overwritten.",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with _private(path) as part:
            if database.is_sqlite:
                with database.explained():
                    _copy(database.path, part, path.parent)
                    _intact(part)  # what is damaged in a copy of all pages is so in the database
                _check_version(_version(part), f"at {database}", "No backup was written. Name another database.")
            else:
                backup_postgres.dump(database, part)
        return path.stat().st_size


def restore(database: Database, path: Path, replace: bool = False) -> Path | None:
    """Bring the database to the state in the backup `path`, whole or not at all.

    A database that holds something is only replaced with `replace`, and is backed up first: SQLite's beside itself,
    PostgreSQL's beside `path`. The name of that file is returned. Programs that have the database open see the new
    state, unless SQLite cannot read the old one: then its file is set aside as it is, once they are stopped.
    Raises InputError, StoreError.
    """
    if not path.is_file():
        raise InputError(expected="a backup file", found=f"no file {path.name}", change="Check the name.")
    held = _holds_something(database)
    if held and not replace:
        raise StoreError(
            expected="an empty database to restore into",
            found=f"one that holds something at {database}",
            change="Name a new one with --database, or add --replace.",
        )
    _verify(path, database)
    with database.explained():
        if database.is_sqlite:
            return _restored_sqlite(database, path, held)
        kept = None
        if held:
            kept = _free_name(path.with_name("relex.dump"), "before-restore")
            backup(database, kept)
        backup_postgres.load(database, path, replace=held)
    return kept


def _restored_sqlite(database: Database, path: Path, held: bool) -> Path | None:
    assert database.path
    kept = None
    if held:
        kept = _free_name(database.path, "before-restore")
        try:
            with _private(kept) as part:
                _copy(database.path, part, kept.parent)
                _intact(part)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            return _set_aside(database, path)
    with _opened(path, writable=False) as source, _opened(database.path, writable=True) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = WAL")
    return kept


def _copy(path: Path | None, to: Path, folder: Path) -> None:
    """`to` will stand in `folder`. Raises StoreError if there is no room, sqlite3.Error if the database is damaged."""
    with _opened(path, writable=False) as source, closing(sqlite3.connect(to)) as copy:
        try:
            source.backup(copy, pages=_PAGES)
            copy.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
                raise
            raise StoreError(
                expected=f"room for a copy of the database in {folder}",
                found=quote(str(error)),
                change="Free some space or name another place; the database is as it was.",
            ) from error


def _set_aside(database: Database, path: Path) -> Path:
    """Give the damaged file a name that says so, and put the backup `path` in its place; the new name."""
    assert database.path
    old = database.path.resolve()  # a link stays one, and the logs are beside what it names
    kept = _free_name(old, "damaged")
    database.close()  # what is open would go on with the old file
    with _alone(old), replacing(old) as part:
        _copy(path, part, old.parent)
        before = old.stat()
        part.chmod(before.st_mode)
        with suppress(PermissionError):  # somebody else than the app's user may restore; only root can hand over
            os.chown(part, before.st_uid, before.st_gid)
        # last, so that a full disk leaves everything where it was; the log belongs to its file and to no other
        for end in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                old.with_name(old.name + end).rename(kept.with_name(kept.name + end))
    return kept


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Holds the lock that SQLite takes for an open file. Raises StoreError if another program has it open."""
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_BYTES, _SHARED_FIRST)
        except (BlockingIOError, PermissionError) as error:
            # it would go on to save into the file that is set aside
            raise StoreError(
                expected=f"the damaged file {path.name} to be closed by all programs",
                found="one that has it open",
                change="Nothing was changed. Stop the app and try again.",
            ) from error
        yield


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    # the lower byte is the kind, the others say which of it; `_intact` gives none
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _verify(path: Path, database: Database) -> None:
    """Raises StoreError unless the backup `path` holds what can take the place of `database`."""
    change = f"Choose another backup; {database} is as it was."
    try:
        if database.is_sqlite:
            _intact(path)
        found = _version(path) if database.is_sqlite else backup_postgres.version(path)
    except sqlite3.Error as error:
        raise StoreError(
            expected=f"an intact backup in {path.name}", found=quote(str(error), 120), change=change
        ) from error
    _check_version(found, f"in {path.name}", change)


def _check_version(found: str | None, where: str, change: str) -> None:
    """Raises StoreError unless this program knows the version that was found."""
    if found not in known_versions():
        raise StoreError(
            expected=f"a database of Relex Studio {where}, of version {newest()} or older",
            found=f"version {quote(found)}" if found else "an empty one or another kind of database",
            change=f"{change} If a newer program made it, update this program.",
        )


def _version(path: Path) -> str | None:
    """The version of a database of this program, None for another one."""
    with _opened(path, writable=False) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        ours = {"projects", "alembic_version"} <= names
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if ours else None
    return str(row[0]) if row else None


def _intact(path: Path) -> None:
    """Raises sqlite3.DatabaseError unless SQLite finds its file well-formed."""
    with _opened(path, writable=False) as connection:
        said = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if said != "ok":
        raise sqlite3.DatabaseError(f"malformed: {' '.join(said.split())}")


def _holds_something(database: Database) -> bool:
    if database.path and not database.path.exists():
        return False
    try:
        with database.read() as connection:
            tables = sa.inspect(connection)
            if not tables.has_table("projects"):
                # SQLite's whole file is replaced, whoever made it; PostgreSQL's other tables stay
                return database.is_sqlite and bool(tables.get_table_names())
            return connection.execute(sa.text("SELECT 1 FROM projects LIMIT 1")).first() is not None
    except StoreError:
        if not database.is_sqlite:
            raise
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
def _private(path: Path) -> Iterator[Path]:
    """Where to write what is to be at `path`, for nobody else to read: it holds all that the database does."""
    with replacing(path) as part:
        part.touch(0o600)
        yield part


def _free_name(path: Path, why: str) -> Path:
    number = 1
    while (name := path.with_name(f"{path.stem}.{why}-{number}{path.suffix}")).exists():
        number += 1
    return name
