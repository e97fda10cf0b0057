"""What the Settings screen tells of a database, its folder of backups, and its links to Argilla, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from db import argilla_links, audit, backup, backup_folder, leaving, migrate
from db.engine import Database, database_url
from db.status import free_bytes, status
from db.store import Store
from relex_core.errors import InputError, NotFound, StoreError
from relex_core.types import Annotation
from tests.db.conftest import ADA, NIELS, SCHEMA

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.fixture
def letters(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("RELEX_DATA", str(tmp_path))
    store.create_project("letters", SCHEMA)
    store.create_project("other", SCHEMA)
    store.add_documents("letters", [ADA, NIELS])
    store.save("letters", Annotation(ADA, SCHEMA), annotator="ann")
    return store


def test_state_of_a_database(letters: Store, engine: str) -> None:
    found = status(letters.database)
    assert (found.projects, found.documents, found.annotators) == (2, 2, 1)
    assert (found.version, found.newest) == (migrate.newest(), True)
    assert found.size > 10_000
    assert found.engine.startswith({"sqlite": "SQLite 3", "postgresql": "PostgreSQL 1"}[engine])
    assert (found.free is None) == (engine == "postgresql")


def test_no_name_or_password_of_a_user_is_shown(letters: Store, engine: str) -> None:
    shown = status(letters.database).where
    assert "relex@" not in shown
    if engine == "postgresql":
        url = letters.database.url.set(username="anna", password="hunter2")
        letters.database.url = url
        assert "hunter2" not in status(letters.database).where
        assert "anna" not in status(letters.database).where


def test_free_room_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") > 0


def test_backups_get_names_of_their_own_and_restore(letters: Store, url: str, tmp_path: Path) -> None:
    first, second = (backup_folder.keep(letters.database, NOON) for _ in range(2))
    assert first.name.startswith("relex-20261126-120000")
    assert second.name != first.name
    assert {one.name for one in backup_folder.kept(letters.database)} == {first.name, second.name}
    path = backup_folder.path_of(letters.database, first.name)
    assert path.parent == tmp_path / "backups"
    letters.create_project("later", SCHEMA)
    letters.close()
    database = Database(database_url(url))
    backup.restore(database, path, replace=True)
    database.close()
    with Store.open(url) as again:
        assert [project.name for project in again.projects()] == ["letters", "other"]


def test_the_folder_takes_no_more_than_its_share(letters: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_folder, "MOST", 1)
    backup_folder.keep(letters.database, NOON)
    with pytest.raises(StoreError, match="fewer than 1"):
        backup_folder.keep(letters.database, NOON)


@pytest.mark.parametrize("name", ["../relex.sqlite", "/etc/passwd", "relex.sqlite", "", "relex-1.sqlite"])
def test_names_of_backups_are_no_paths(letters: Store, name: str) -> None:
    with pytest.raises(NotFound):
        backup_folder.path_of(letters.database, name)


def test_links_are_the_last_word_of_the_audit_log(letters: Store) -> None:
    assert argilla_links.links(letters) == ()
    argilla_links.link(letters, "letters", "team", by="ann")
    argilla_links.link(letters, "other", "team")
    argilla_links.link(letters, "letters", " news ", by="bob")
    found = argilla_links.links(letters)
    assert [(link.project, link.workspace, link.by) for link in found] == [
        ("letters", "news", "bob"),
        ("other", "team", ""),
    ]
    argilla_links.part(letters, "letters", by="bob")
    assert argilla_links.linked(letters, "letters") is None
    assert argilla_links.linked(letters, "other") is not None
    assert [event.action for event in audit.events(letters, "letters")][:3] == [
        "argilla parted",
        "argilla linked",
        "argilla linked",
    ]


@pytest.mark.parametrize("workspace", ["", "  ", "x" * 201, "a\nb"])
def test_what_is_no_workspace_is_refused(letters: Store, workspace: str) -> None:
    with pytest.raises(InputError, match="workspace"):
        argilla_links.link(letters, "letters", workspace)


def test_no_key_can_be_in_a_link(letters: Store) -> None:
    argilla_links.link(letters, "letters", "team", by="ann")
    with letters.database.read() as connection:
        details = connection.execute(sa.text("SELECT detail FROM audit_log WHERE action = 'argilla linked'")).scalars()
        assert list(details) == ['{"workspace": "team"}']


def test_the_link_of_an_archived_project_rests_until_it_is_back(letters: Store) -> None:
    argilla_links.link(letters, "letters", "annotation", by="ann")
    leaving.archive(letters, "letters")
    assert argilla_links.links(letters) == ()
    assert argilla_links.linked(letters, "letters") is None
    leaving.unarchive(letters, "letters")
    found = argilla_links.linked(letters, "letters")
    assert found is not None
    assert (found.workspace, found.by) == ("annotation", "ann")
