"""A PostgreSQL server whose disk is full: what was acknowledged stays, nothing half-written is seen, work goes on."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from db import check
from db.engine import Database, database_url
from db.store import Store
from relex_core.errors import StoreError
from relex_core.types import Annotation
from tests.db.conftest import ADA, SCHEMA, Server, small_disk

pytestmark = pytest.mark.postgres


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the server's user can reach, with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="relexpg", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def leave(disk: Path, kilobytes: int) -> Path:
    """Fill the disk up to so much; the file that does."""
    ballast = disk / "ballast"
    ballast.write_bytes(b"x" * (shutil.disk_usage(disk).free - kilobytes * 1024))
    return ballast


def save_until_refused(store: Store) -> tuple[list[int], StoreError]:
    """The revisions that were acknowledged, and why the next one was not."""
    saved: list[int] = []
    chance = random.Random(1)
    for seq in range(1, 1_000):
        note = chance.randbytes(8_000).hex()  # which the server cannot pack
        try:
            revision = store.save("letters", Annotation(ADA, SCHEMA), annotator="ann", client="tab", seq=seq, note=note)
        except StoreError as error:
            return saved, error
        saved.append(revision.number)
    pytest.fail("the disk never got full")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "db", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def full_tablespace(place: Path, postgres: str, postgres_template: str) -> Iterator[tuple[str, Path]]:
    """Address of a database of its own and the disk that it alone is on; the server's log of writes is elsewhere."""
    Server(place)  # gives the folder to the server's user
    with small_disk(place, 24), psycopg.connect(postgres.format("postgres"), autocommit=True) as connection:
        disk = place / "space"
        disk.mkdir()
        Server(disk)
        connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'".encode())
        connection.execute(f"CREATE DATABASE crowded TEMPLATE {postgres_template} TABLESPACE small".encode())
        try:
            yield postgres.format("crowded"), place
        finally:
            (place / "ballast").unlink(missing_ok=True)
            connection.execute("DROP DATABASE crowded WITH (FORCE)")
            connection.execute("DROP TABLESPACE small")


def test_a_full_disk_under_the_tables(full_tablespace: tuple[str, Path], tmp_path: Path) -> None:
    url, disk = full_tablespace
    with Store.open(url) as store:
        store.create_project("letters", SCHEMA)
        store.add_documents("letters", [ADA])
        ballast = leave(disk, 1_000)
        saved, error = save_until_refused(store)
        assert len(saved) > 5
        assert error.expected == "room on the disk"
        assert "Nothing was saved by this step. Free some space" in error.change
        assert [r.number for r in store.revisions("letters", "ada")] == saved
        file = tmp_path / "in.jsonl"
        file.write_text("".join(f'{{"tokenized_text": ["text", "{n}"], "ner": []}}\n' for n in range(1_000)))
        options = ["--database", url, "--project"]
        refused = run("import", *options, "letters", str(file))
        assert refused.returncode == 2
        assert refused.stderr.startswith("Error: Expected room on the disk"), refused.stderr
        assert store.project("letters").documents % 200 == 1, "whole batches beside the one that was there"
        assert run("backup", "--database", url, "--out", str(tmp_path / "backup")).returncode == 0
        ballast.unlink()
        assert list(check.check(store.database)) == []
        assert store.save("letters", Annotation(ADA, SCHEMA), annotator="ann").number == len(saved) + 1
        assert run("import", *options, "letters", str(file)).returncode == 0
        assert store.project("letters").documents == 1_001


@pytest.fixture
def small_log(place: Path) -> Iterator[Server]:
    """A server whose log of writes is on a small disk."""
    server = Server(place)
    (place / "log-disk").mkdir()
    with small_disk(place / "log-disk", 8) as disk:
        Server(disk)  # gives the folder to the server's user
        server.make("--wal-segsize=1", f"--waldir={disk / 'wal'}")
        # more than there is room for
        server.start("max_wal_size=64MB")
        try:
            yield server
        finally:
            server.stop()


def test_a_full_disk_under_the_log_of_writes_ends_the_server_and_loses_nothing(small_log: Server) -> None:
    """PostgreSQL stops when it cannot write its log: the connection is gone, and it starts again with room."""
    url = small_log.url.format("postgres")
    with Store.open(url) as store:
        store.create_project("letters", SCHEMA)
        store.add_documents("letters", [ADA])
        ballast = leave(small_log.home / "log-disk", 2_500)
        saved, error = save_until_refused(store)
        assert len(saved) > 5
        assert "Free some space" in str(error)
        with pytest.raises(StoreError, match=r"log.*its disk|its log.*disk is full") as refused:
            store.revisions("letters", "ada")
        assert "server" in refused.value.expected
        ballast.unlink()
        # it is down, or on its way
        small_log.stop()
        small_log.start()
        numbers = [r.number for r in store.revisions("letters", "ada")]
        # whether the one that was not acknowledged came in is open
        assert numbers in (saved, [*saved, len(saved) + 1])
        assert list(check.check(store.database)) == []
        assert store.save("letters", Annotation(ADA, SCHEMA), annotator="ann").number == len(numbers) + 1


@pytest.mark.parametrize(
    ("code", "expected"), [("53100", "room on the disk"), ("55P03", "the database to be free within a few seconds")]
)
def test_a_server_is_understood_in_every_language(code: str, expected: str) -> None:
    error = psycopg.errors.lookup(code)("konnte Datei nicht erweitern")
    assert Database(database_url("postgresql://relex@/x")).explain(error).expected == expected
