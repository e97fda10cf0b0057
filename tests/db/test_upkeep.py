"""Backup, restore and check."""

from __future__ import annotations

import errno
import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from db import audit, backup, check, migrate
from db.__main__ import main
from db.engine import Database, database_url
from db.store import Store
from db.values import CheckpointRecord, State
from relex_core import editing
from relex_core.errors import InputError, StoreError
from relex_core.types import Annotation, Document
from tests.db.conftest import ADA, CAFE, ENGINES, NIELS, SCHEMA, suggestions
from tests.db.test_migrations import check_contents, stored


def test_checkpoints_are_listed_with_what_they_came_from(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    for n in (1, 2):
        made = CheckpointRecord(f"letters-{n}@0", f"/c/letters-{n}", "mini", "ab" * 32, {"after": {"f1": 0.5}}, at)
        audit.record_checkpoint(store, made, "ada")
    assert main(["checkpoints", "--database", store.database.url.render_as_string(hide_password=False)]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["version"] for one in told] == ["letters-2@0", "letters-1@0"]
    assert told[0]["made_at"] == at.isoformat()
    assert (told[0]["base"], told[0]["snapshot_sha256"], told[0]["scores"]) == (
        "mini",
        "ab" * 32,
        {"after": {"f1": 0.5}},
    )


@pytest.fixture
def letters(store: Store) -> Store:
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [ADA, NIELS, CAFE])
    store.save_extraction("letters", suggestions())
    accept = editing.Accept(relations=(suggestions().relations[0].key,))
    store.save("letters", editing.apply(editing.begin(suggestions()), accept), annotator="ann", state=State.SUBMITTED)
    store.save("letters", Annotation(ADA, SCHEMA), annotator="bob")
    store.save("letters", Annotation(NIELS, SCHEMA), annotator="bob", state=State.FLAGGED, seconds=1.25)
    return store


@pytest.fixture
def new_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if engine == "sqlite":
        return f"sqlite:///{tmp_path}/restored.sqlite"
    make: Callable[[], str] = request.getfixturevalue("empty_postgres")
    return make()


def test_backup_holds_everything(letters: Store, new_url: str, tmp_path: Path) -> None:
    file = tmp_path / "backups" / "monday"
    assert backup.backup(letters.database, file) == file.stat().st_size
    letters.save("letters", Annotation(CAFE, SCHEMA), annotator="bob")
    database = Database(database_url(new_url))
    assert backup.restore(database, file) is None
    database.close()
    with Store.open(new_url) as restored:
        assert restored.revisions("letters", "ada") == letters.revisions("letters", "ada")
        assert restored.revisions("letters", "cafe") == ()
        assert restored.extraction("letters", "ada") == suggestions()
        assert list(check.check(restored.database)) == []


def test_backup_while_somebody_saves(letters: Store, new_url: str, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            letters.save("letters", Annotation(CAFE, SCHEMA), annotator="bob")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backup.backup(letters.database, tmp_path / "file")
    finally:
        stop.set()
        writer.join()
    database = Database(database_url(new_url))
    backup.restore(database, tmp_path / "file")
    assert list(check.check(database)) == []
    database.close()


def test_restore_keeps_what_it_replaces(letters: Store, new_url: str, tmp_path: Path) -> None:
    backup.backup(letters.database, tmp_path / "file")
    later = letters.save("letters", Annotation(CAFE, SCHEMA), annotator="bob")
    with pytest.raises(StoreError, match="--replace"):
        backup.restore(letters.database, tmp_path / "file")
    assert letters.latest("letters", "cafe") == later
    kept = backup.restore(letters.database, tmp_path / "file", replace=True)
    # the store that was open all the time sees the restored state and goes on
    assert letters.latest("letters", "cafe") is None
    letters.save("letters", Annotation(NIELS, SCHEMA), annotator="bob")
    assert list(check.check(letters.database)) == []
    # which is found beside, and is a backup itself
    assert kept
    assert kept.parent == tmp_path
    # and they are for nobody else to read, as they hold everything
    assert {file.stat().st_mode & 0o777 for file in (kept, tmp_path / "file")} == {0o600}
    database = Database(database_url(new_url))
    backup.restore(database, kept)
    database.close()
    with Store.open(new_url) as before:
        assert before.latest("letters", "cafe") == later
    again = backup.restore(letters.database, tmp_path / "file", replace=True)
    assert again != kept


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_a_backup_of_every_version_replaces_this_one(
    letters: Store, version: int, engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    old = Database(database_url(stored(version, engine, request, tmp_path / "old")))
    backup.backup(old, tmp_path / "file")
    old.close()
    url = letters.database.url.render_as_string(hide_password=False)
    assert main(["restore", "--database", url, "--replace", str(tmp_path / "file")]) == 0
    with Store.open(url) as restored:
        check_contents(restored)
        restored.add_documents("letters", [Document("new", "A text added later.")])


def test_restore_into_a_database_that_was_only_opened(
    letters: Store, engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if engine == "sqlite":
        url = f"sqlite:///{tmp_path}/opened.sqlite"
    else:
        url = request.getfixturevalue("empty_postgres")(request.getfixturevalue("postgres_template"))
    backup.backup(letters.database, tmp_path / "file")
    with Store.open(url) as opened:
        assert backup.restore(opened.database, tmp_path / "file") is None
        assert opened.revisions("letters", "ada") == letters.revisions("letters", "ada")
        assert list(check.check(opened.database)) == []


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_backup_that_breaks_off_changes_nothing(letters: Store, engine: str, tmp_path: Path, share: float) -> None:
    whole = tmp_path / "whole"
    backup.backup(letters.database, whole)
    (tmp_path / "file").write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    letters.save("letters", Annotation(CAFE, SCHEMA), annotator="bob")
    before = letters.revisions("letters", "cafe")
    with pytest.raises(StoreError, match="malformed" if engine == "sqlite" else "could not read from input file"):
        backup.restore(letters.database, tmp_path / "file", replace=True)
    assert letters.revisions("letters", "cafe") == before
    assert list(check.check(letters.database)) == []


def test_a_newer_version_is_replaced_whole(letters: Store, tmp_path: Path) -> None:
    """As somebody does who was not lucky with an update: the old program, and the backup of before."""
    backup.backup(letters.database, tmp_path / "file")
    with letters.database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(sa.text("CREATE TABLE remarks (document_pk bigint REFERENCES documents (pk))"))
    kept = backup.restore(letters.database, tmp_path / "file", replace=True)
    assert kept
    with letters.database.read() as connection:
        assert migrate.version(connection) == migrate.newest()
        assert not sa.inspect(connection).has_table("remarks")
    assert list(check.check(letters.database)) == []
    with pytest.raises(StoreError, match=r"version .9999.*update this program"):
        backup.restore(letters.database, kept, replace=True)
    assert list(check.check(letters.database)) == []


def test_what_others_keep_in_the_same_database_stays(letters: Store, new_url: str, tmp_path: Path) -> None:
    """PostgreSQL: their tables beside ours. SQLite: the file is theirs, and is only replaced when asked to."""
    backup.backup(letters.database, tmp_path / "file")
    database = Database(database_url(new_url))
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE notes (note text)"))
        connection.execute(sa.text("INSERT INTO notes VALUES ('milk')"))
    if database.is_sqlite:
        with pytest.raises(StoreError, match="--replace"):
            backup.restore(database, tmp_path / "file")
        with database.read() as connection:
            assert connection.execute(sa.text("SELECT note FROM notes")).scalar_one() == "milk"
        kept = backup.restore(database, tmp_path / "file", replace=True)
        holder = Database(database_url(f"sqlite:///{kept}"))
    else:
        for replace in (False, True):
            backup.restore(database, tmp_path / "file", replace=replace)
        holder = database
    with holder.read() as connection:
        assert connection.execute(sa.text("SELECT note FROM notes")).scalar_one() == "milk"
    assert list(check.check(database)) == []
    holder.close()
    database.close()


@pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
def test_tables_of_others_by_the_same_name_are_not_dropped(letters: Store, new_url: str, tmp_path: Path) -> None:
    backup.backup(letters.database, tmp_path / "file")
    database = Database(database_url(new_url))
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE documents (note text)"))
    with pytest.raises(StoreError, match=r"already exists.*Nothing was changed"):
        backup.restore(database, tmp_path / "file")
    with database.read() as connection:
        assert sa.inspect(connection).get_table_names() == ["documents"]
    # and a backup of theirs does not take the place of ours
    backup.backup(database, tmp_path / "theirs")
    with pytest.raises(StoreError, match="another kind of database"):
        backup.restore(letters.database, tmp_path / "theirs", replace=True)
    assert list(check.check(letters.database)) == []
    database.close()


@pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
def test_restore_does_not_wait_for_ever(
    letters: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.backup_postgres.BUSY_SECONDS", 0.2)
    backup.backup(letters.database, tmp_path / "file")
    with psycopg.connect(url) as other:
        other.execute("INSERT INTO annotators (name, created_at) VALUES ('zoe', now())")
        with pytest.raises(StoreError, match=r"lock timeout.*Nothing was changed"):
            backup.restore(letters.database, tmp_path / "file", replace=True)
        other.rollback()
    assert list(check.check(letters.database)) == []


def test_backups_are_not_overwritten(letters: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="which exists"):
        backup.backup(letters.database, tmp_path / "file")
    assert os.listdir(tmp_path).count("file") == 1
    assert (tmp_path / "file").read_text() == "precious"


def test_what_is_no_backup_is_not_restored(letters: Store, new_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("something else, long enough to be read as a header of a database file")
    before = letters.revisions("letters", "ada")
    with pytest.raises(StoreError):
        backup.restore(letters.database, tmp_path / "file", replace=True)
    assert letters.revisions("letters", "ada") == before
    assert list(check.check(letters.database)) == []


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("content", "expected", "found"),
    [
        (b"a letter to Ada, and no database at all", "an intact backup in note.txt", "'file is not a database'"),
        (b"", "a database of Relex Studio in note.txt", "an empty one or another kind of database"),
    ],
)
def test_a_bad_backup_is_blamed_and_not_the_database(
    letters: Store, tmp_path: Path, content: bytes, expected: str, found: str
) -> None:
    (tmp_path / "note.txt").write_bytes(content)
    with pytest.raises(StoreError) as refused:
        backup.restore(letters.database, tmp_path / "note.txt", replace=True)
    assert (refused.value.expected.partition(", of version")[0], refused.value.found) == (expected, found)
    assert refused.value.change.startswith(f"Choose another backup; {letters.database} is as it was.")
    assert list(check.check(letters.database)) == []


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_database_of_others_is_not_backed_up(url: str, tmp_path: Path) -> None:
    database = Database(database_url(f"sqlite:///{tmp_path}/other.sqlite"))
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE notes (note text)"))
    with pytest.raises(StoreError, match=r"Relex Studio at sqlite:.*other\.sqlite.*Name another database"):
        backup.backup(database, tmp_path / "file")
    assert not (tmp_path / "file").exists()
    database.close()


def test_a_place_for_a_backup_that_cannot_be_written(
    letters: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "note.txt").touch()
    with pytest.raises(StoreError, match=r"to write a backup to .*note\.txt/file, found File exists\. Name another"):
        backup.backup(letters.database, tmp_path / "note.txt" / "file")

    def refuse(*named: object) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(StoreError, match=r"to write a backup to .*file, found Permission denied"):
        backup.backup(letters.database, tmp_path / "file")
    url = letters.database.url.render_as_string(hide_password=False)
    assert main(["backup", "--database", url, "--out", str(tmp_path / "note.txt" / "file")]) == 2
    assert capsys.readouterr().err.startswith("Error: Expected to write a backup")


def tamper(store: Store, table: str, statement: str) -> None:
    """Change what the database protects, as a broken disk or a stranger would."""
    with store.database.write() as connection:
        if store.database.is_sqlite:
            connection.execute(sa.text(f"DROP TRIGGER {table}_no_update"))
            connection.execute(sa.text(f"DROP TRIGGER {table}_no_delete"))
        else:
            connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("table", "statement", "found"),
    [
        ("texts", "UPDATE texts SET text = 'Ada Byron' WHERE text LIKE 'Ada%'", "document ada: its text"),
        ("revisions", "UPDATE revisions SET note = 'x' WHERE number = 1", "ada, revision 1: does not fit"),
        ("revisions", "UPDATE revisions SET saved_at = '2020-01-01 00:00:00' WHERE number = 2", "revision 2: does not"),
        ("extractions", "UPDATE extractions SET model_version = 'other'", "extraction 1: does not fit"),
        ("schemas", "UPDATE schemas SET json = json || ' '", "does not fit its hash"),
    ],
)
def test_changed_facts_are_found(letters: Store, table: str, statement: str, found: str) -> None:
    tamper(letters, table, statement)
    findings = [f"{finding.where}: {finding.what}" for finding in check.check(letters.database) if not finding.derived]
    assert any(found in finding for finding in findings), findings


def test_a_missing_revision_is_found(letters: Store) -> None:
    tamper(letters, "revisions", "UPDATE revisions SET number = 7 WHERE number = 2")
    assert any("revision 2 is missing" in finding.what for finding in check.check(letters.database))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM heads",
        "UPDATE documents SET state = 'skipped', revisions = 9",
        "DELETE FROM document_labels",
        "UPDATE counters SET documents = documents + 1",
        "DROP TABLE documents_fts",
    ],
)
def test_derived_data_is_built_anew(letters: Store, statement: str) -> None:
    latest, counts = letters.latest("letters", "ada"), letters.counts("letters")
    with letters.database.write() as connection:
        made = "CREATE VIRTUAL TABLE documents_fts USING fts5(words, detail=none, tokenize='ascii')"
        if not letters.database.is_sqlite:
            made = "CREATE TABLE documents_fts (rowid bigint PRIMARY KEY, words tsvector)"
        connection.execute(sa.text(statement))
        if statement.startswith("DROP"):
            connection.execute(sa.text(made))
    findings = list(check.check(letters.database))
    assert findings
    assert all(finding.derived for finding in findings)
    assert check.repair(letters.database) == 3
    assert list(check.check(letters.database)) == []
    assert (letters.latest("letters", "ada"), letters.counts("letters")) == (latest, counts)
    assert [row.id for row in letters.queue("letters", search="zurich")] == ["niels"]
    assert [row.id for row in letters.queue("letters", search="label:person")] == ["ada"]


def test_others_save_while_derived_data_is_built_anew(
    letters: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with letters.database.write() as connection:
        connection.execute(sa.text("UPDATE documents SET state = 'flagged'"))
        connection.execute(sa.text("UPDATE counters SET documents = 7"))
    monkeypatch.setattr(check, "BATCH", 1)
    commits: list[object] = []
    with Store.open(url) as other:

        @sa.event.listens_for(letters.database._engine, "commit")
        def note(connection: object) -> None:
            commits.append(connection)
            if len(commits) == 2:
                # one document is behind, the other before: both are saved between two batches
                saved.append(threading.Thread(target=save))
                saved[0].start()

        def save() -> None:
            for document in (ADA, CAFE):
                other.save("letters", Annotation(document, SCHEMA), annotator="eva", state=State.SKIPPED)

        saved: list[threading.Thread] = []
        assert check.repair(letters.database) == 3
        saved[0].join()
        latest = other.latest("letters", "ada")
    assert len(commits) == 5, "the names of projects, three documents, and the end"
    assert latest is not None
    assert latest.annotator == "eva"
    assert list(check.check(letters.database)) == []


def test_command_line(
    letters: Store, url: str, new_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "backup")
    assert main(["check", "--database", url]) == 0
    assert main(["backup", "--database", url, "--out", file]) == 0
    assert main(["restore", "--database", new_url, file]) == 0
    assert main(["check", "--database", new_url]) == 0
    assert main(["restore", "--database", new_url, file]) == 2
    assert "--replace" in capsys.readouterr().err
    assert main(["restore", "--database", new_url, "--replace", file]) == 0
    kept = capsys.readouterr().out.split("the state before is kept in ")[1].strip()
    assert Path(kept).is_file()
    with letters.database.write() as connection:
        connection.execute(sa.text("UPDATE counters SET documents = 5"))
    assert main(["check", "--database", url]) == 1
    assert "--repair" in capsys.readouterr().err
    assert main(["check", "--repair", "--database", url]) == 0


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["check", "--repair"],
        ["backup", "--out", "file"],
        ["export", "--project", "letters", "--out", "file"],
        ["sync", "--project", "letters", "--workspace", "team"],
        ["review", "--project", "letters", "--workspace", "team"],
    ],
)
def test_a_mistyped_database_is_not_made(
    command: list[str], there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RELEX_ARGILLA_URL", "http://localhost:1")
    monkeypatch.setenv("ARGILLA_API_KEY", "key")
    if there:
        Path("typo.db").touch()
    assert main([*command, "--database", "sqlite:///typo.db"]) == 2
    said = capsys.readouterr().err
    assert f"a database at sqlite:///typo.db, found {'an empty file' if there else 'no file'}. Correct --data" in said
    assert "python -m db import" in said
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == ({"typo.db": 0} if there else {})


def test_an_empty_database_is_not_called_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/it's opened.sqlite"
    database = Database(database_url(url))
    with database.read():
        pass
    database.close()
    for repair in ([], ["--repair"]):
        assert main(["check", *repair, "--database", url]) == 2
        said = capsys.readouterr().err.strip()
        *command, address = shlex.split(said.partition("run: ")[2])
        assert (command, database_url(address)) == (["python", "-m", "db", "migrate", "--database"], database.url)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_advice_is_for_the_same_database(letters: Store, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    tamper(letters, "texts", "UPDATE texts SET text = 'Ada Byron' WHERE text LIKE 'Ada%'")
    with letters.database.write() as connection:
        connection.execute(sa.text("UPDATE counters SET documents = 5"))
    assert main(["check", "--database", url]) == 1
    said = capsys.readouterr().err
    assert f"python -m db check --repair --database {url}" in said
    assert f"python -m db restore --database {url}" in said


FINDINGS = """
import sys
from db import __main__ as command, check
command.check.check = lambda database: (check.Finding("document", "x" * 1000) for _ in range(1000))
sys.exit(command.main(["check", "--database", sys.argv[1]]))
"""


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_whoever_reads_may_stop_reading(letters: Store, url: str) -> None:
    command = [sys.executable, "-c", FINDINGS, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert running.stderr
        assert running.stdout.readline().startswith("document: x")
        running.stdout.close()
        assert running.stderr.read() == ""
    assert running.returncode == 1


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_refusal_of_the_disk_is_no_traceback(
    letters: Store, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(database: Database) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "somewhere")

    monkeypatch.setattr("db.check.repair", refuse)
    assert main(["check", "--repair", "--database", url]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: Expected to write or read every file, found Read-only file system at somewhere.")


def test_documents_in_several_projects(letters: Store) -> None:
    letters.create_project("other", SCHEMA)
    letters.add_documents("other", [ADA, Document("x", "Lovelace, Ada.")])
    assert [row.id for row in letters.queue("other", search="lovelace")] == ["ada", "x"]
    assert [row.id for row in letters.queue("letters", search="lovelace")] == ["ada"]
    assert list(check.check(letters.database)) == []
