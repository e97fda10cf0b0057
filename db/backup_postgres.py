"""Backups of PostgreSQL: its own programs, and one transaction that replaces everything or nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from db.engine import BUSY_SECONDS, Database
from db.tables import metadata
from relex_core.errors import StoreError, quote

# what refers to ours, or is guarded as ours are, belongs to a newer version, whose names are not known here.
# Without the guard the tables are somebody else's, and stay
_CLEAR = """
SET lock_timeout = '{seconds:g}s';
DO $clear$
DECLARE names text;
BEGIN
    IF to_regproc('relex_only_added') IS NULL THEN RETURN; END IF;
    WITH RECURSIVE ours AS (
        SELECT oid FROM pg_class
        WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname IN ({tables})
        UNION SELECT tgrelid FROM pg_trigger WHERE tgfoid = to_regproc('relex_only_added')
        UNION SELECT conrelid FROM pg_constraint JOIN ours ON confrelid = ours.oid
    )
    SELECT string_agg(oid::regclass::text, ', ') INTO names FROM ours;
    IF names IS NOT NULL THEN EXECUTE 'DROP TABLE ' || names || ' CASCADE'; END IF;
    DROP FUNCTION relex_only_added() CASCADE;
END $clear$;
"""


def dump(database: Database, path: Path) -> None:
    """Write everything to `path`, as of one moment. Raises StoreError."""
    command = [_found("pg_dump"), "--format=custom", "--no-password", "--file", str(path), _address(database)]
    done = subprocess.run(command, env=_environment(database), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise _refused("pg_dump", done.stderr)


def version(path: Path) -> str | None:
    """The version of the database in a backup, None if it is another program's. Raises StoreError if it is no backup.

    Only the list of contents and this one table are read: a damaged rest shows when it is loaded.
    """
    command = [_found("pg_restore"), "--data-only", "--table=alembic_version", "--file=-", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise _refused("pg_restore", done.stderr)
    lines = iter(done.stdout.splitlines())
    begun = any(line.startswith("COPY ") for line in lines)
    return next(lines, None) if begun else None


def load(database: Database, path: Path, replace: bool) -> None:
    """Put what is in the backup in the place of this program's tables, in one transaction. Raises StoreError.

    Other tables that the backup holds as well are only replaced with `replace`.
    """
    clean = ["--clean", "--if-exists"] if replace else []
    script = [_found("pg_restore"), "--no-owner", *clean, "--file=-", str(path)]
    psql = [_found("psql"), "--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1", _address(database)]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as answered:
        running = subprocess.Popen(  # noqa: S603
            psql, env=_environment(database), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=answered
        )
        assert running.stdin
        read = 0
        try:
            _say(running.stdin, "BEGIN;" + _clear())
            read = subprocess.run(script, stdout=running.stdin, stderr=said, check=False).returncode  # noqa: S603
            if read == 0:  # else the script broke off, and the server takes back what was not committed
                _say(running.stdin, "COMMIT;\n")
        finally:
            with suppress(BrokenPipeError):
                running.stdin.close()
            done = running.wait()
        if read > 0:  # below it was stopped, because psql had given up
            raise _refused("pg_restore", _text(said))
        if done != 0:
            raise _refused("psql", _text(answered))


def _clear() -> str:
    names = [*metadata.tables, "documents_fts", "alembic_version"]
    return _CLEAR.format(seconds=BUSY_SECONDS, tables=", ".join(f"'{name}'" for name in names))


def _say(stdin: IO[bytes], text: str) -> None:
    with suppress(BrokenPipeError):  # psql has given up: why, it says itself
        stdin.write(text.encode())
        stdin.flush()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _found(program: str) -> str:
    found = shutil.which(program) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), reverse=True)), None
    )
    if found is None:
        raise StoreError(
            expected=f"PostgreSQL's program {program}",
            found="an installation without it",
            change="Install it: apt-get install postgresql-client",
        )
    return found


def _address(database: Database) -> str:
    return database.url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _environment(database: Database) -> dict[str, str]:
    """With the password, which others could read among the arguments."""
    return {**os.environ, **({"PGPASSWORD": str(database.url.password)} if database.url.password else {})}


def _refused(program: str, said: str) -> StoreError:
    return StoreError(
        expected=f"{program} to do its work",
        found=quote(said.strip(), 300),
        change="Nothing was changed. Mend what it says and try again.",
    )
