"""Which checkpoints may be named, and what everybody begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

from db import audit
from pages.shared import checkpoints, resources
from relex_core.errors import CheckpointError, InputError


def folder_with(name: str, config: str = "{}") -> Path:
    path = checkpoints.folder() / name
    path.mkdir(parents=True)
    (path / checkpoints.CONFIG).write_text(config)
    return path


def test_a_name_is_embedded_or_in_the_folder_or_on_the_hub(data: Path) -> None:
    made = folder_with("news-1")
    assert checkpoints.locate("mini") == "mini"
    assert checkpoints.locate("news-1") == str(made)
    assert checkpoints.locate(str(made)) == str(made)
    assert checkpoints.locate("knowledgator/gliner-relex-large-v1.0") == "knowledgator/gliner-relex-large-v1.0"
    assert checkpoints.names() == ("mini", "news-1")


@pytest.mark.parametrize("name", ["/etc", "..", "../outside", "news-1/../../outside", ".", "", "~", "C:\\models"])
def test_no_other_path_is_opened(data: Path, name: str) -> None:
    outside = data / "outside"
    outside.mkdir()
    (outside / checkpoints.CONFIG).write_text("{}")
    folder_with("news-1")
    with pytest.raises((InputError, CheckpointError)):
        checkpoints.locate(name)
    with pytest.raises(InputError, match="a folder inside"):
        checkpoints.locate(str(outside))


def test_a_path_like_a_hub_id_below_the_servers_own_folder_is_none(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "private/model").mkdir(parents=True)
    (data / "private/model" / checkpoints.CONFIG).write_text("{}")
    monkeypatch.chdir(data)
    with pytest.raises(InputError, match="a folder inside"):
        checkpoints.locate("private/model")


def test_what_is_linked_into_the_folder_was_put_there_on_purpose(data: Path) -> None:
    (data / "elsewhere").mkdir()
    (data / "elsewhere" / checkpoints.CONFIG).write_text("{}")
    checkpoints.folder().mkdir()
    (checkpoints.folder() / "linked").symlink_to(data / "elsewhere")
    assert checkpoints.locate("linked") == str(checkpoints.folder() / "linked")


def test_what_the_server_was_started_with_is_always_allowed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(checkpoints.CHECKPOINT, str(data / "mine"))
    assert checkpoints.locate(str(data / "mine")) == str(data / "mine")
    assert checkpoints.names()[0] == str(data / "mine")


def test_everybody_begins_with_what_was_chosen_while_it_is_there(data: Path) -> None:
    store = resources.store()
    made = folder_with("news-1")
    assert checkpoints.default(store) == "mini"
    audit.choose_checkpoint(store, "mini", "ada")
    audit.choose_checkpoint(store, "news-1", "bob")
    assert checkpoints.default(store) == "news-1"
    (event, _) = audit.events(store)
    assert (event.by, event.detail) == ("bob", {"name": "news-1"})
    (made / checkpoints.CONFIG).unlink()
    assert checkpoints.default(store) == "mini"


def test_new_names_take_no_folder_that_is_there(data: Path) -> None:
    folder_with("news-1")
    assert checkpoints.unused("news") == "news-2"
