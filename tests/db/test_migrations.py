from __future__ import annotations

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from db import assignments, audit, check, migrate, outbox, projects, search
from db.engine import Database, database_url
from db.store import Store
from db.tables import metadata
from db.values import State
from relex_core.errors import StoreError
from relex_core.types import Document, Thresholds
from tests.db.conftest import ADA, SCHEMA

DATA = Path(__file__).parent / "data"


def stored(version: int, engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database that this version of the program made."""
    if engine == "sqlite":
        path = tmp_path / "relex.sqlite"
        path.write_bytes(gzip.decompress((DATA / f"version_{version}.sqlite.gz").read_bytes()))
        return f"sqlite:///{path}"
    make: Callable[[], str] = request.getfixturevalue("empty_postgres")
    url = make()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((DATA / f"version_{version}.postgresql.sql").read_bytes())
    return url


@pytest.fixture
def version_1(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return stored(1, engine, request, tmp_path)


def check_contents(store: Store) -> None:
    project = store.project("letters")
    assert (project.schema_version, project.guidelines, project.documents) == (2, "Mark people.", 3)
    assert [label.name for label in project.schema.entity_labels] == ["person", "place", "organization", "event"]
    assert store.counts("letters")[State.SUBMITTED] == 1
    first, second = store.revisions("letters", "ada")
    assert (first.seq, second.seq, second.note, second.seconds) == (2, 3, "sure", 12.5)
    assert second.thresholds == Thresholds()
    assert second.saved_at > datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
    assert second.annotation.document == ADA
    assert second.annotation.schema == SCHEMA
    assert len(second.annotation.relations) == 1
    assert second.annotation.based_on is not None
    assert store.document("letters", "niels").extra == '{"format": "relex-jsonl"}'
    assert [row.id for row in store.queue("letters", search="zurich")] == ["niels"]
    assert [row.id for row in store.queue("letters", search="zu")] == ["niels"]
    assert [row.id for row in store.queue("letters", search='label:"born in"')] == ["ada"]
    assert list(check.check(store.database)) == []


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_every_version_is_migrated(version: int, engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = stored(version, engine, request, tmp_path)
    database = Database(database_url(url))
    with database.read() as connection:
        assert migrate.version(connection) == f"{version:04}"
    database.close()
    with Store.open(url) as store:
        check_contents(store)
        # what a later version added, and a database of that version holds
        delivered = "http://argilla.example letters letters-0"
        with store.database.read() as connection:
            pk, _ = projects.find(connection, "letters")
            assert outbox.targets(connection, pk) == ((delivered,) if version >= 2 else ())
        assert assignments.of(store, "letters", "ann") == (frozenset({"niels"}) if version >= 3 else frozenset())
        assert [event.action for event in audit.events(store)] == (["documents shared out"] if version >= 3 else [])
        store.add_documents("letters", [Document("new", "A text added later.")])
        store.set_state("letters", "new", State.FLAGGED, annotator="ann")
    with Store.open(url) as store:
        assert store.counts("letters")[State.FLAGGED] == 1


def test_there_is_a_stored_database_of_every_version() -> None:
    for version in migrate.known_versions():
        for engine in ("sqlite.gz", "postgresql.sql"):
            assert (DATA / f"version_{int(version)}.{engine}").is_file(), f"add one of version {version}"


def test_tables_are_what_the_migrations_make(store: Store) -> None:
    with store.database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or "documents_fts" not in str(name)}
        )
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("version", [1, 2, 3, 4])
@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_search_index_holds_the_words_that_it_held(
    version: int, engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    def held(connection: sa.Connection) -> set[tuple[str, int]]:
        connection.exec_driver_sql("CREATE VIRTUAL TABLE temp.held USING fts5vocab(main, documents_fts, 'instance')")
        words = {(term, doc) for term, doc in connection.exec_driver_sql("SELECT term, doc FROM temp.held")}
        connection.exec_driver_sql("DROP TABLE temp.held")
        return words

    database = Database(database_url(stored(version, engine, request, tmp_path)))
    with database.write() as connection:
        before = held(connection)
    migrate.migrate(database)
    with database.write() as connection:
        assert held(connection) == before
        made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'documents_fts'").scalar_one()
    database.close()
    assert len(before) > 10
    assert f"prefix='{' '.join(str(length) for length in range(1, search.BEGINNINGS + 1))}'" in made


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (note text)")
    with pytest.raises(StoreError, match=r"at sqlite:.*other\.sqlite, found tables of another program"):
        Store.open(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("notes",)]


def test_a_newer_database_is_left_alone(url: str) -> None:
    with Store.open(url) as store, store.database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="update this one"):
        Store.open(url)


KILLED = """
import os, signal, sys
from alembic import op
from db.store import Store
whole = op.create_index
def create_index(name, *arguments, **options):
    whole(name, *arguments, **options)
    if name == "ix_assignments_annotator":
        os.kill(os.getpid(), signal.SIGKILL)
op.create_index = create_index
Store.open(sys.argv[1])
"""


def test_a_migration_killed_half_way_leaves_the_old_version(version_1: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, version_1], check=False)
    assert done.returncode == -signal.SIGKILL
    database = Database(database_url(version_1))
    with database.read() as connection:
        assert migrate.version(connection) == "0001"
        assert not sa.inspect(connection).has_table("assignments")
    database.close()
    with Store.open(version_1) as store:
        check_contents(store)


def test_many_processes_open_a_new_database_at_once(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/new.sqlite" if engine == "sqlite" else request.getfixturevalue("empty_postgres")()
    command = [sys.executable, "-c", "import sys; from db.store import Store; Store.open(sys.argv[1]).close()", url]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ) for _ in range(3)]
    for process in running:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said.decode()
    with Store.open(url) as store:
        assert store.projects() == ()
