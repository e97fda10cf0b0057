"""What grows with the number of documents and need not be in memory: tables in a temporary file."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager

from relex_core.errors import StoreError

CACHE = 2_048
"""KiB of such a file that are held in memory."""


@contextmanager
def spool(*tables: str) -> Iterator[sqlite3.Connection]:
    """An SQLite database of its own with `tables`, in a temporary file that is gone however the process ends.

    `tables` are names and columns, as in "seen (id TEXT PRIMARY KEY)". Raises StoreError if the disk refuses.
    """
    try:
        with closing(sqlite3.connect("", isolation_level=None, check_same_thread=False)) as connection:
            # nothing here outlives an error, so nothing is kept to go back to
            for setting in (f"cache_size = -{CACHE}", "journal_mode = OFF", "temp_store = FILE"):
                connection.execute(f"PRAGMA {setting}")
            for table in tables:
                connection.execute(f"CREATE TABLE {table}")
            yield connection
    except sqlite3.OperationalError as error:
        # not the disk of the project's database, and not that of the file that is written
        raise StoreError(
            expected="room for temporary files",
            found=str(error),
            change=f"Free some space in {tempfile.gettempdir()} or name another folder in SQLITE_TMPDIR and TMPDIR.",
        ) from error
