"""A database as this package uses it: opened safely, in short transactions, with errors that say what to do."""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from db.search import folded
from relex_core.errors import ConfigError, StoreError, quote

BUSY_SECONDS = 10.0
"""How long a writer waits for another one before it gives up."""


def database_url(url: str | None = None) -> URL:
    """`url`, else RELEX_DATABASE_URL, else a SQLite file in the folder RELEX_DATA (`data`). Raises ConfigError."""
    given = url or os.environ.get("RELEX_DATABASE_URL")
    if not given:
        return URL.create("sqlite", database=str(Path(os.environ.get("RELEX_DATA") or "data") / "relex.sqlite"))
    try:
        parsed = make_url(given)
    except ArgumentError:
        parsed = URL.create("")
    name = parsed.get_backend_name() if parsed.drivername else ""
    if name in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if name == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite")
    # the address may hold a password: it is not shown
    raise ConfigError(
        expected="a database address such as sqlite:///data/relex.sqlite or postgresql://user@host/name",
        found=f"one of the kind {quote(name)}" if name else "something else",
        change="Correct RELEX_DATABASE_URL or --database.",
    )


def existing(url: str | None = None) -> str | None:
    """`url` as it is, if a server has the database or SQLite a file with something in it: else it would make one.

    Raises ConfigError or StoreError.
    """
    address = database_url(url)
    path = Path(address.database or "")
    if address.get_backend_name() == "sqlite" and not (path.exists() and path.stat().st_size):
        raise StoreError(
            expected=f"a database at {address}",
            found="an empty file" if path.exists() else "no file",
            change="Correct --database, RELEX_DATABASE_URL or RELEX_DATA; projects are made by: python -m db import",
        )
    return url


class Database:
    """One database. `read` and `write` give a connection inside a transaction; leaving it commits."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.path = Path(url.database) if self.is_sqlite and url.database else None
        self._reader: sa.Engine
        self._writer: sa.Engine
        if self.is_sqlite:
            self._engine = _open_sqlite(url)
            self._reader = self._engine
            self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE")
        else:
            self._engine = sa.create_engine(url, pool_pre_ping=True, connect_args=_postgres_options())
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._writer = self._engine

    @property
    def files(self) -> tuple[Path, ...]:
        """The file of SQLite and those that its logs have while it is open; none of a server."""
        path = self.path and self.path.resolve()  # the logs are beside what a link names
        return tuple(path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-journal")) if path else ()

    @property
    def option(self) -> str:
        """What tells `python -m db` of this database; a password stays hidden."""
        return f"--database {shlex.quote(str(self))}"

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees the database as it is now, until the end. Raises StoreError."""
        with self.explained(), self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed as a whole or not at all. Raises StoreError."""
        with self.explained(), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Errors of drivers and of the disk become StoreError."""
        try:
            yield
        except (DBAPIError, NoSuchModuleError, sqlite3.Error, OSError) as error:
            raise self.explain(error) from error

    def explain(self, error: BaseException) -> StoreError:
        """What a driver's error means and what to do, without the statement or its values."""
        cause = getattr(error, "orig", None) or error
        said = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
        code = getattr(cause, "sqlstate", None)
        for part, (expected, change) in _KNOWN.items():
            if part in said.lower() or part == code:
                change = change.replace("{database}", self.option)
                return StoreError(expected=expected, found=f"{quote(said, 120)} at {self}", change=change)
        return StoreError(
            expected="the database to do its work",
            found=f"{quote(said, 160)} at {self}",
            change=f"Nothing was saved by this step. Try again; if it stays, run: python -m db check {self.option}",
        )


_DAMAGED = (
    "an intact SQLite database",
    "Stop the app, keep the file, and restore a backup: python -m db restore --replace {database} FILE",
)
_FULL = ("room on the disk", "Nothing was saved by this step. Free some space and save again.")
_BUSY = (
    "the database to be free within a few seconds",
    "Nothing was saved by this step. Close other programs that have the database open, then save again.",
)
_WHY = "If it ended by itself, its log says why: often its disk is full."
_UNREACHABLE = ("a database server at this address", f"Start the server or correct RELEX_DATABASE_URL. {_WHY}")
_ENDED = ("the database server to answer", f"Start the server again and save once more. {_WHY}")
# parts of messages, and codes that PostgreSQL gives in every language
_KNOWN = {
    "53100": _FULL,
    "55P03": _BUSY,
    "malformed": _DAMAGED,
    "not a database": _DAMAGED,
    "is full": _FULL,
    "no space left": _FULL,
    "file too large": _FULL,
    "disk i/o error": ("the disk to read and write", "Check the disk and its free space, then save again."),
    "is locked": _BUSY,
    "lock timeout": _BUSY,
    "readonly": ("a database that may be written", "Give this user the right to write the file and its folder."),
    "read-only": ("a database that may be written", "Give this user the right to write the file and its folder."),
    "unable to open": (
        "a database file that can be opened",
        "Name a folder that exists and that this user may write, in RELEX_DATA or RELEX_DATABASE_URL.",
    ),
    "the database system is": (
        "the database server to be ready",
        "It is starting or ending. Try again in a minute; if it stays, look into the server's log and at its disk.",
    ),
    "password authentication failed": (
        "a user name and password that the server takes",
        "Correct them in RELEX_DATABASE_URL.",
    ),
    "connection refused": _UNREACHABLE,
    "connection is bad": _UNREACHABLE,
    "connection failed": _UNREACHABLE,
    "could not connect": _UNREACHABLE,
    "server closed the connection": _ENDED,
    "terminating connection": _ENDED,
}


def _postgres_options() -> dict[str, Any]:
    # a client that holds a lock and is gone without a word would block everybody else for ever
    return {"connect_timeout": 10, "options": f"-c lock_timeout={BUSY_SECONDS:g}s"}


def _open_sqlite(url: URL) -> sa.Engine:
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            expected="a folder for the database that can be made",
            found=f"{error.strerror or 'an error'} at {path.parent}",
            change="Name another folder in RELEX_DATA or RELEX_DATABASE_URL.",
        ) from error
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: Any) -> None:
        # the driver's own transactions begin late and leave out DDL: they are begun below instead
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -65536")
        connection.create_function("folded", 1, folded, deterministic=True)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # a transaction that will write takes the lock at once: one that reads first and writes later
        # would be refused without waiting when somebody else wrote in between
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine
