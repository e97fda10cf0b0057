"""What may go wrong around the program: nothing acknowledged is lost, nothing half-written is seen."""

from __future__ import annotations

import itertools
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from db import backup, check
from db.__main__ import main
from db.engine import Database, database_url
from db.store import Store
from relex_core.errors import StoreError
from relex_core.types import Annotation, Document
from tests.db.conftest import ADA, CAFE, NIELS, SCHEMA, small_disk

# the files of a server are its own affair; test_full_server.py is about its disk
ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

KILLS = 20

# the imports take longest: they are made once, and each line that comes in starts a writer
WRITERS = """
import os, sys
from db.store import Store
from relex_core.types import Annotation, Document, Entity
from tests.db.conftest import ADA, SCHEMA
print("ready", flush=True)
for line in sys.stdin:
    writer = os.fork()
    if writer:
        os.waitpid(writer, 0)
        print("gone", flush=True)
        continue
    print(os.getpid(), flush=True)
    store = Store.open(sys.argv[1])
    start = store.acknowledged("letters", "ada", "tab")
    for seq in range(start + 1, start + 2000):
        annotation = Annotation(ADA, SCHEMA, (Entity(f"e{seq}", seq % 12, seq % 12 + 5, "person"),))
        store.save("letters", annotation, annotator="ann", client="tab", seq=seq, note="x" * 3000)
        # number and end of line at once: it may be killed between two writes
        os.write(1, b"%d\\n" % seq)
"""

KILLED_BEFORE_COMMIT = """
import os, signal, sys
import sqlalchemy as sa
from db.store import Store
from relex_core.types import Annotation
from tests.db.conftest import ADA, SCHEMA
store = Store.open(sys.argv[1])
sa.event.listen(store.database._engine, "commit", lambda connection: os.kill(os.getpid(), signal.SIGKILL))
store.save("letters", Annotation(ADA, SCHEMA), annotator="ann", client="tab", seq=1)
"""

# the kernel ends a process that writes beyond the limit, in the middle of the write, as abruptly as kill -9
KILLED_IN_COMMIT = """
import os, resource, signal, sys
from db.store import Store
from relex_core.types import Annotation
from tests.db.conftest import ADA, SCHEMA
for line in sys.stdin:
    writer = os.fork()
    if writer:
        status = os.waitpid(writer, 0)[1]
        print(os.waitstatus_to_exitcode(status), flush=True)
        continue
    store = Store.open(sys.argv[1])
    store.annotators()
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(line), int(line)))
    store.save("letters", Annotation(ADA, SCHEMA), annotator="ann", client="tab", seq=1)
    os._exit(0)
"""


@contextmanager
def child(program: str, url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process of its own; it ends when its input does."""
    command = [sys.executable, "-c", program, url, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def say(process: subprocess.Popen[str], line: object = "") -> None:
    assert process.stdin
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    line = process.stdout.readline()
    assert line, "the process ended early"
    return line.strip()


@pytest.fixture
def letters(store: Store) -> Store:
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [ADA, NIELS, CAFE])
    return store


def test_killed_writers_lose_nothing_that_was_acknowledged(letters: Store, url: str) -> None:
    """Many times kill -9 at moments that fall anywhere: between operations, into statements and into commits."""
    promised = 0
    with child(WRITERS, url) as writers:
        assert hear(writers) == "ready"
        for _ in range(KILLS):
            say(writers)
            writer = int(hear(writers))
            first = int(hear(writers))
            assert first in (promised + 1, promised + 2)  # one more may have been committed whose answer nobody heard
            time.sleep(random.uniform(0, 0.02))
            os.kill(writer, signal.SIGKILL)
            promised = first
            while (said := hear(writers)) != "gone":
                promised = int(said)
            assert letters.acknowledged("letters", "ada", "tab") in (promised, promised + 1)
    revisions = letters.revisions("letters", "ada")
    last = len(revisions)
    assert last in (promised, promised + 1)
    assert [r.number for r in revisions] == list(range(1, last + 1))
    assert [r.seq for r in revisions] == list(range(1, last + 1))
    assert list(check.check(letters.database)) == []


def test_killed_before_the_commit_leaves_no_trace(letters: Store, url: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED_BEFORE_COMMIT, url], check=False)
    assert done.returncode == -signal.SIGKILL
    assert letters.revisions("letters", "ada") == ()
    assert letters.annotators() == ()
    assert list(check.check(letters.database)) == []
    assert letters.save("letters", Annotation(ADA, SCHEMA), annotator="ann", client="tab", seq=1).number == 1


@ON_SQLITE
def test_killed_anywhere_in_the_commit_leaves_all_or_nothing(letters: Store, url: str) -> None:
    """A commit appends pages to the log: the writer is killed after every few pages of them."""
    path = letters.database.path
    assert path
    log = path.with_name(path.name + "-wal")
    # below the limits nothing but the log may grow
    letters.add_documents("letters", [Document("long", "word " * 40_000)])
    start = log.stat().st_size
    assert start > path.stat().st_size
    killed = 0
    with child(KILLED_IN_COMMIT, url) as writers:
        for room in itertools.count(1, 6_007):
            say(writers, start + room)
            code = int(hear(writers))
            if code == 0:
                break
            assert code == -signal.SIGXFSZ
            # nobody heard an answer: it is there whole, or not at all
            assert log.stat().st_size == start + room
            assert letters.revisions("letters", "ada") == ()
            assert letters.annotators() == ()
            assert list(check.check(letters.database)) == []
            killed += 1
    assert killed > 5
    assert [r.seq for r in letters.revisions("letters", "ada")] == [1]
    assert list(check.check(letters.database)) == []


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


ON_TOP = """
import sys
from db.store import Store
from relex_core.errors import Conflict
from relex_core.types import Annotation, Entity
from tests.db.conftest import ADA, SCHEMA
name = sys.argv[2]
with Store.open(sys.argv[1]) as store:
    done = 0
    while done < 12:
        latest = store.latest("letters", "ada")
        before = latest.annotation.entities if latest else ()
        if not latest:
            print("ready", flush=True)
            sys.stdin.readline()
        annotation = Annotation(ADA, SCHEMA, (*before, Entity(f"{name}{done}", len(before), len(before) + 3, "person")))
        try:
            store.save("letters", annotation, annotator=name, expected=latest.number if latest else 0)
            done += 1
        except Conflict as conflict:
            assert conflict.value in store.revisions("letters", "ada")
            print(conflict.value.number, conflict.value.annotator, flush=True)
"""


def test_two_writers_on_one_document(letters: Store, url: str) -> None:
    """Each is a process and writes on what it saw last; every refusal names the other's revision."""
    with child(ON_TOP, url, "ann") as ann, child(ON_TOP, url, "bob") as bob:
        writers = {"ann": ann, "bob": bob}
        assert [hear(writer) for writer in writers.values()] == ["ready", "ready"]
        # both have seen the document without a revision: one of the two is refused
        for writer in writers.values():
            say(writer)
        refused = {name: writer.communicate(timeout=60)[0].splitlines() for name, writer in writers.items()}
    assert (ann.returncode, bob.returncode) == (0, 0)
    revisions = letters.revisions("letters", "ada")
    assert [r.number for r in revisions] == list(range(1, 25))
    # nobody's mark was lost: each revision holds all of the one before
    for before, after in pairwise(revisions):
        assert set(before.annotation.entities) <= set(after.annotation.entities)
    assert refused["ann"] or refused["bob"]
    assert {line.split()[1] for line in refused["ann"]} <= {"bob"}
    assert {line.split()[1] for line in refused["bob"]} <= {"ann"}


LOCKING = {
    "sqlite": """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1].removeprefix("sqlite:///"), isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
""",
    "postgresql": """
import sys, psycopg
other = psycopg.connect(sys.argv[1])
other.execute("LOCK TABLE documents IN SHARE ROW EXCLUSIVE MODE")
print("locked", flush=True)
sys.stdin.readline()
""",
}


def test_database_locked_by_another_process(
    letters: Store, url: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.engine.BUSY_SECONDS", 0.2)
    with Store.open(url) as store:
        with child(LOCKING[engine], url) as other:
            assert hear(other) == "locked"
            with pytest.raises(StoreError, match="Close other programs"):
                store.save("letters", Annotation(ADA, SCHEMA), annotator="ann")
            assert store.document("letters", "ada") == ADA  # reading goes on
            other.kill()
        assert other.returncode == -signal.SIGKILL
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
def disk(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", 8) as folder:
        yield folder


@ON_SQLITE
def test_a_disk_that_is_really_full(letters: Store, disk: Path, tmp_path: Path) -> None:
    letters.close()
    assert letters.database.path
    shutil.copy(letters.database.path, disk / "relex.sqlite")
    url = f"sqlite:///{disk}/relex.sqlite"
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
        ["export", *options, "letters", "--out", str(disk / "out.jsonl")],
        ["backup", "--database", url, "--out", str(disk / "backup")],
    ):
        refused = subprocess.run([sys.executable, "-m", "db", *command], capture_output=True, text=True, check=False)
        assert refused.returncode == 2, command
        assert refused.stderr.startswith("Error: Expected"), refused.stderr
    assert {item.name for item in disk.iterdir()} <= {"relex.sqlite", "relex.sqlite-wal", "relex.sqlite-shm"}
    # with room again, everything that was acknowledged is there and work goes on
    subprocess.run(["mount", "-o", "remount,size=30m", str(disk)], check=True)
    with Store.open(url) as store:
        assert [r.seq for r in store.revisions("letters", "ada")] == [int(line) for line in said]
        assert list(check.check(store.database)) == []
        assert store.save("letters", Annotation(ADA, SCHEMA), annotator="ann").number == len(said) + 1


def limit_files() -> None:
    """No file of this process gets larger."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


LIMITED = """
import sys
from db.__main__ import main
sys.exit(main(["backup", "--database", sys.argv[1], "--out", sys.argv[2]]))
"""


@ON_SQLITE
def test_disk_full_during_a_backup_leaves_no_file(letters: Store, url: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    command = [sys.executable, "-c", LIMITED, url, str(folder / "file")]
    done = subprocess.run(command, preexec_fn=limit_files, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: Expected room for a copy of the database in {folder}")
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []
    assert list(check.check(letters.database)) == []


@ON_SQLITE
@pytest.mark.parametrize("where", ["header", "pages", "whole"])
def test_a_corrupt_file_is_told_and_the_backup_helps(
    letters: Store, url: str, tmp_path: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    backup.backup(letters.database, tmp_path / "backup")
    letters.close()
    path = letters.database.path
    assert path
    if where == "whole":
        path.write_text("Dear Ada, this is a letter and no database at all.\n" * 200)
    if where == "header":
        with path.open("r+b") as file:
            file.write(b"no database at all".ljust(100))
    if where == "pages":
        damage(path)
    assert main(["check", "--database", url]) == 2
    said = capsys.readouterr().err
    assert "restore a backup" in said
    assert "Traceback" not in said
    with pytest.raises(StoreError, match="restore a backup"), Store.open(url) as store:
        store.project("letters")
    damaged, mode = path.read_bytes(), path.stat().st_mode
    command = ["restore", "--database", url, str(tmp_path / "backup")]
    assert main(command) == 2
    assert "--replace" in capsys.readouterr().err
    assert path.read_bytes() == damaged
    assert main([*command, "--replace"]) == 0
    kept = path.with_name("relex.damaged-1.sqlite")
    assert str(kept) in capsys.readouterr().out
    assert kept.read_bytes() == damaged
    assert path.stat().st_mode == mode
    with Store.open(url) as store:
        assert store.document("letters", "ada") == ADA
        assert list(check.check(store.database)) == []


@ON_SQLITE
def test_a_backup_of_a_damaged_database_says_that_it_is_damaged(letters: Store, tmp_path: Path) -> None:
    path = letters.database.path
    assert path
    letters.add_documents("letters", [Document(f"d{n}", f"Ada met person {n}. " * 20) for n in range(50)])
    letters.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_assignments_annotator'")
        page = root.fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\x0a\x00\x00\x00\xff")  # pages are copied as they are: only the copy's own check finds it
    folder = tmp_path / "backups"
    with pytest.raises(StoreError) as refused:
        backup.backup(letters.database, folder / "file")
    assert refused.value.expected == "an intact SQLite database"
    assert refused.value.found.endswith(f" at {letters.database}")
    assert "restore a backup" in refused.value.change
    assert list(folder.iterdir()) == []


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        for page in range(4096, file.seek(0, 2), 4096):
            file.seek(page)
            file.write(b"\xff" * 200)


@ON_SQLITE
def test_the_log_goes_with_the_damaged_file(letters: Store, url: str, tmp_path: Path) -> None:
    path = letters.database.path
    assert path
    backup.backup(letters.database, tmp_path / "backup")
    letters.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:  # open, as a log is left then
        other.execute("UPDATE projects SET guidelines = 'new'")
        damage(path)
        log = path.with_name(path.name + "-wal").read_bytes()
        assert main(["restore", "--replace", "--database", url, str(tmp_path / "backup")]) == 0
        assert path.with_name("relex.damaged-1.sqlite-wal").read_bytes() == log
    with Store.open(url) as store:
        assert store.project("letters").guidelines == ""
        assert list(check.check(store.database)) == []


OPEN = """
import sys
from db.store import Store
store = Store.open(sys.argv[1])
print(len(store.projects()), flush=True)
sys.stdin.readline()
"""


@ON_SQLITE
def test_a_damaged_file_is_set_aside_where_a_link_names_it(letters: Store, tmp_path: Path) -> None:
    path = letters.database.path
    assert path
    backup.backup(letters.database, tmp_path / "backup")
    letters.close()
    damage(path)
    damaged = path.read_bytes()
    (tmp_path / "link").symlink_to(path)
    database = Database(database_url(f"sqlite:///{tmp_path / 'link'}"))
    kept = backup.restore(database, tmp_path / "backup", replace=True)
    assert kept == path.with_name("relex.damaged-1.sqlite")
    assert kept.read_bytes() == damaged
    assert Store(database).document("letters", "ada") == ADA
    database.close()
    assert (tmp_path / "link").is_symlink()


@ON_SQLITE
def test_a_damaged_file_is_not_set_aside_under_a_running_app(
    letters: Store, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = letters.database.path
    assert path
    backup.backup(letters.database, tmp_path / "backup")
    letters.close()
    command = ["restore", "--replace", "--database", url, str(tmp_path / "backup")]
    with child(OPEN, url) as app:
        assert hear(app) == "1"
        damage(path)
        damaged = path.read_bytes()
        assert main(command) == 2
        assert "Stop the app" in capsys.readouterr().err
        assert path.read_bytes() == damaged
        app.kill()
    assert main(command) == 0
    with Store.open(url) as store:
        assert list(check.check(store.database)) == []


@ON_SQLITE
def test_a_full_disk_leaves_the_damaged_file_where_it_was(letters: Store, url: str, tmp_path: Path) -> None:
    backup.backup(letters.database, tmp_path / "backup")
    letters.close()
    assert letters.database.path
    letters.database.path.write_bytes(b"no database at all" * 100)
    before = {item.name for item in tmp_path.iterdir()}
    command = [sys.executable, "-m", "db", "restore", "--replace", "--database", url, str(tmp_path / "backup")]
    done = subprocess.run(command, preexec_fn=limit_files, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: Expected")
    assert {item.name for item in tmp_path.iterdir()} == before
    assert letters.database.path.read_bytes() == b"no database at all" * 100


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
