"""What may go wrong around the program: nothing acknowledged is lost, nothing half-written is seen."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from db import backup, check
from db.__main__ import main
from db.engine import Database, database_url
from db.store import Store
from relex_core.errors import Conflict, StoreError
from relex_core.types import Annotation, Document, Entity
from tests.db.conftest import ADA, CAFE, NIELS, SCHEMA

# the disk of a server cannot be limited from here, and its files are its own affair
ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

WRITER = """
import sys
from db.store import Store
from relex_core.types import Annotation, Document, Entity
from tests.db.conftest import ADA, SCHEMA
store = Store.open(sys.argv[1])
start = store.acknowledged("letters", "ada", "tab")
for seq in range(start + 1, start + 2000):
    annotation = Annotation(ADA, SCHEMA, (Entity(f"e{seq}", seq % 12, seq % 12 + 5, "person"),))
    store.save("letters", annotation, annotator="ann", client="tab", seq=seq, note="x" * 3000)
    print(seq, flush=True)
"""

KILLED_AT_COMMIT = """
import os, signal, sys
import sqlalchemy as sa
from db.store import Store
from relex_core.types import Annotation
from tests.db.conftest import ADA, SCHEMA
store = Store.open(sys.argv[1])
sa.event.listen(store.database._engine, "commit", lambda connection: os.kill(os.getpid(), signal.SIGKILL))
store.save("letters", Annotation(ADA, SCHEMA), annotator="ann", client="tab", seq=1)
"""


@pytest.fixture
def letters(store: Store) -> Store:
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [ADA, NIELS, CAFE])
    return store


def test_killed_writers_lose_nothing_that_was_acknowledged(letters: Store, url: str) -> None:
    """Five times kill -9 at moments that fall between operations and into commits."""
    last = 0
    for wait in (0.0, 0.005, 0.011, 0.017, 0.024):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True)
        assert writer.stdout
        said = [writer.stdout.readline() for _ in range(4)]
        time.sleep(wait)
        writer.kill()
        said += writer.stdout.readlines()
        writer.wait()
        writer.stdout.close()
        promised = max(int(line) for line in said if line.endswith("\n"))
        stored = letters.acknowledged("letters", "ada", "tab")
        assert promised > last
        # one more may have been committed whose answer nobody heard
        assert stored in (promised, promised + 1)
        last = stored
    revisions = letters.revisions("letters", "ada")
    assert [r.number for r in revisions] == list(range(1, last + 1))
    assert [r.seq for r in revisions] == list(range(1, last + 1))
    assert list(check.check(letters.database)) == []


def test_killed_before_the_commit_leaves_no_trace(letters: Store, url: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED_AT_COMMIT, url], check=False)
    assert done.returncode == -signal.SIGKILL
    assert letters.revisions("letters", "ada") == ()
    assert letters.annotators() == ()
    assert list(check.check(letters.database)) == []
    assert letters.save("letters", Annotation(ADA, SCHEMA), annotator="ann", client="tab", seq=1).number == 1


def test_import_killed_half_way_goes_on_where_it_was(letters: Store, url: str, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text("".join(f'{{"tokenized_text": ["text", "{n}"], "ner": [[1, 1, "person"]]}}\n' for n in range(500)))
    command = [sys.executable, "-m", "db", "import", "--database", url, "--project", "letters", str(file)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while letters.project("letters").documents < 100 and running.poll() is None:
        time.sleep(0.01)
    running.kill()
    running.wait()
    assert list(check.check(letters.database)) == []
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert sum(1 for _ in letters.annotations("letters")) == 500
    assert letters.project("letters").documents == 503
    assert {len(letters.revisions("letters", row.id)) for row in letters.queue("letters", search="7")} == {1}


def test_two_writers_on_one_document(letters: Store, url: str) -> None:
    """Each writes on what it saw last; every refusal names the other's revision."""
    conflicts: list[object] = []

    def write(name: str) -> None:
        with Store.open(url) as store:
            done = 0
            while done < 12:
                latest = store.latest("letters", "ada")
                seen = latest.number if latest else 0
                before = latest.annotation.entities if latest else ()
                at = len(before)
                annotation = Annotation(ADA, SCHEMA, (*before, Entity(f"{name}{done}", at, at + 3, "person")))
                try:
                    store.save("letters", annotation, annotator=name, expected=seen)
                    done += 1
                except Conflict as conflict:
                    conflicts.append(conflict.value)

    threads = [threading.Thread(target=write, args=(name,)) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    revisions = letters.revisions("letters", "ada")
    assert [r.number for r in revisions] == list(range(1, 25))
    # nobody's mark was lost: each revision holds all of the one before
    for before, after in pairwise(revisions):
        assert set(before.annotation.entities) <= set(after.annotation.entities)
    assert all(conflict in revisions for conflict in conflicts)


def test_database_locked_by_another_process(
    letters: Store, url: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.engine.BUSY_SECONDS", 0.2)
    with Store.open(url) as store:
        if engine == "sqlite":
            other = sqlite3.connect(str(letters.database.path), isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
        else:
            other = psycopg.connect(url)
            other.execute("LOCK TABLE documents IN SHARE ROW EXCLUSIVE MODE")
        with closing(other):
            with pytest.raises(StoreError, match="Close other programs"):
                store.save("letters", Annotation(ADA, SCHEMA), annotator="ann")
            assert store.document("letters", "ada") == ADA  # reading goes on
        assert store.save("letters", Annotation(ADA, SCHEMA), annotator="ann").number == 1


@ON_SQLITE
def test_disk_full(letters: Store, tmp_path: Path) -> None:
    first = letters.save("letters", Annotation(ADA, SCHEMA), annotator="ann")
    letters.close()
    with sqlite3.connect(str(letters.database.path)) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.close()

    @sa.event.listens_for(letters.database._engine, "connect")
    def limit(connection: sqlite3.Connection, record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages + 3}")

    saved = [first]

    def fill() -> None:
        for _ in range(100):
            saved.append(letters.save("letters", Annotation(ADA, SCHEMA), annotator="ann", note="x" * 2000))

    with pytest.raises(StoreError, match=r"room on the disk.*Free some space"):
        fill()
    with pytest.raises(StoreError, match="room on the disk"):
        letters.add_documents("letters", [Document("long", "word " * 20_000)])
    assert letters.revisions("letters", "ada") == tuple(saved)
    assert list(check.check(letters.database)) == []


FULL = """
import sys
from db.store import Store
from relex_core.errors import StoreError
from relex_core.types import Annotation
from tests.db.conftest import ADA, SCHEMA
store = Store.open(sys.argv[1])
for seq in range(1, 5000):
    try:
        store.save("letters", Annotation(ADA, SCHEMA), annotator="ann", client="tab", seq=seq, note="x" * 3000)
    except StoreError as error:
        print(error)
        break
    print(seq, flush=True)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("a small file system can be mounted by root alone; the other tests of full disks limit the file")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@ON_SQLITE
def test_a_disk_that_is_really_full(letters: Store, small_disk: Path, tmp_path: Path) -> None:
    letters.close()
    assert letters.database.path
    shutil.copy(letters.database.path, small_disk / "relex.sqlite")
    url = f"sqlite:///{small_disk}/relex.sqlite"
    done = subprocess.run([sys.executable, "-c", FULL, url], capture_output=True, text=True, check=False)
    *said, message = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(said) > 100
    assert "Free some space" in message
    file = tmp_path / "in.jsonl"
    file.write_text("".join(f'{{"tokenized_text": ["text", "{n}"], "ner": []}}\n' for n in range(500)))
    options = ["--database", url, "--project"]
    for command in (
        ["import", *options, "more", str(file)],
        ["export", *options, "letters", "--out", str(small_disk / "out.jsonl")],
        ["backup", "--database", url, "--out", str(small_disk / "backup")],
    ):
        refused = subprocess.run([sys.executable, "-m", "db", *command], capture_output=True, text=True, check=False)
        assert refused.returncode == 2, command
        assert refused.stderr.startswith("Error: Expected"), refused.stderr
    assert {item.name for item in small_disk.iterdir()} <= {"relex.sqlite", "relex.sqlite-wal", "relex.sqlite-shm"}
    # with room again, everything that was acknowledged is there and work goes on
    subprocess.run(["mount", "-o", "remount,size=30m", str(small_disk)], check=True)
    with Store.open(url) as store:
        assert [r.seq for r in store.revisions("letters", "ada")] == [int(line) for line in said]
        assert list(check.check(store.database)) == []
        assert store.save("letters", Annotation(ADA, SCHEMA), annotator="ann").number == len(said) + 1


LIMITED = """
import sys
from db.__main__ import main
sys.exit(main(["backup", "--database", sys.argv[1], "--out", sys.argv[2]]))
"""


@ON_SQLITE
def test_disk_full_during_a_backup_leaves_no_file(letters: Store, url: str, tmp_path: Path) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    folder = tmp_path / "backups"
    folder.mkdir()
    command = [sys.executable, "-c", LIMITED, url, str(folder / "file")]
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: Expected")
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []
    assert list(check.check(letters.database)) == []


@ON_SQLITE
@pytest.mark.parametrize("where", ["header", "pages"])
def test_a_corrupt_file_is_told_and_the_backup_helps(
    letters: Store, url: str, tmp_path: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    backup.backup(letters.database, tmp_path / "backup")
    letters.close()
    path = letters.database.path
    assert path
    with path.open("r+b") as file:
        if where == "header":
            file.write(b"no database at all".ljust(100))
        else:
            size = file.seek(0, 2)
            for page in range(4096, size, 4096):
                file.seek(page)
                file.write(b"\xff" * 200)
    assert main(["check", "--database", url]) == 2
    said = capsys.readouterr().err
    assert "restore a backup" in said
    assert "Traceback" not in said
    with pytest.raises(StoreError, match="restore a backup"), Store.open(url) as store:
        store.project("letters")
    path.rename(path.with_name("damaged"))
    database = Database(database_url(url))
    backup.restore(database, tmp_path / "backup")
    database.close()
    with Store.open(url) as store:
        assert store.document("letters", "ada") == ADA
        assert list(check.check(store.database)) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="RELEX_DATA"):
        Store.open(f"sqlite:///{tmp_path}/file/relex.sqlite")
    with pytest.raises(StoreError, match="RELEX_DATA"):
        Store.open(f"sqlite:///{tmp_path}")


def test_no_server_and_no_password_in_the_message() -> None:
    with pytest.raises(StoreError) as refused:
        Store.open("postgresql://ann:hunter2@/relex?host=/nowhere")
    assert "hunter2" not in str(refused.value)
    assert "Start the server" in str(refused.value)


@pytest.mark.postgres
def test_connection_cut_by_the_server(postgres: str, postgres_template: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("empty_postgres")(postgres_template)
    with Store.open(url) as store:
        store.create_project("letters", SCHEMA)
        with psycopg.connect(postgres.format("postgres"), autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        assert store.add_documents("letters", [ADA]).added == 1
