"""The Settings screen: the database, its backups and its check, and what a visitor may say about Argilla."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from db import argilla_links, audit, backup_folder
from db.argilla_client import KEY_VARIABLE, URL_VARIABLE
from db.check import check
from db.store import Store
from pages.shared import resources
from pages.shared.upkeep import CHECK
from relex_core.types import Annotation, Document, Entity, Schema
from tests.pages.conftest import Visit
from tests.pages.test_screens import said as said_in_markdown

SCHEMA = Schema.of(["person"], [])
ADA = Document.from_text("Ada slept.")


@pytest.fixture(autouse=True)
def no_argilla(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own settings."""
    for name in (URL_VARIABLE, KEY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    resources.synchroniser.clear()


def letters() -> Store:
    store = resources.store()
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [ADA])
    store.save("letters", Annotation(ADA, SCHEMA, (Entity("a", 0, 3, "person"),)), annotator="ada")
    return store


def said(app: AppTest) -> str:
    return said_in_markdown(app).replace("\\", "")


def html_of(app: AppTest) -> str:
    return " ".join(str(element.proto.body) for element in app.get("html"))


def test_the_page_says_where_everything_is(visit: Visit, data: Path) -> None:
    letters()
    app = visit("settings")
    assert not app.exception
    shown = html_of(app)
    assert str(data / "relex.sqlite") in shown
    assert "1 project, 1 document, 1 annotator" in shown
    assert "up to date" in shown


def test_one_click_makes_a_backup_that_restores(visit: Visit, data: Path) -> None:
    store = letters()
    app = visit("settings")
    app.button(key="backup_now").click().run()
    assert not app.exception
    (made,) = backup_folder.kept(store.database)
    assert made.name in said(app)
    with Store.open(f"sqlite:///{data / 'backups' / made.name}") as copy:
        assert copy.document("letters", ADA.id) == ADA
    assert audit.events(store)[0].action == "backed up"


def test_clicks_cannot_fill_the_disk(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_folder, "MOST", 2)
    letters()
    app = visit("settings")
    for _ in range(3):
        app.button(key="backup_now").click().run()
    assert "fewer than 2 backups" in said(app)
    assert len(backup_folder.kept(resources.store().database)) == 2


def checked(app: AppTest) -> AppTest:
    app.button(key="check_start").click().run()
    job = resources.jobs().get("", CHECK)
    assert job is not None
    assert job.wait(30)
    return app.run()


def test_the_check_finds_what_was_changed_behind_the_programs_back(visit: Visit) -> None:
    store = letters()
    app = checked(visit("settings"))
    assert "all 1 document are there and fit their hashes" in said(app)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE counters SET documents = 7 WHERE state = 'new'")
    app = checked(app)
    assert "1 finding in 1 document" in said(app)
    assert "can be built anew" in said(app)
    assert "counts" in html_of(app)


def test_a_check_is_stopped_between_documents(data: Path) -> None:
    store = letters()
    store.add_documents("letters", [Document.from_text(f"Ada slept {n}.") for n in range(5)])
    seen: list[int] = []
    assert list(check(store.database, lambda: seen.append(1))) == []
    assert len(seen) == 6


def test_without_an_address_the_page_says_how_and_asks_for_no_key(visit: Visit) -> None:
    letters()
    app = visit("settings")
    assert URL_VARIABLE in app.code[0].value
    assert "not on this page" in said(app)
    # nothing on the page takes text: no address, no key
    assert [box.key for box in app.text_input] == ["checkpoint_other", "annotator_name"]
    assert not app.text_area


def test_no_widget_moves_the_key_to_another_address(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a visitor's browser sends, the address is the environment's."""
    letters()
    # nothing listens on this port of the loopback
    monkeypatch.setenv(URL_VARIABLE, "http://127.0.0.1:9")
    monkeypatch.setenv(KEY_VARIABLE, "very-secret-key")
    app = visit("settings", url="http://evil.example", argilla_url="http://evil.example")
    for name in ("argilla_url", "url", "address", "RELEX_ARGILLA_URL"):
        app.session_state[name] = "http://evil.example"
    app.run()
    assert not app.exception
    shown = html_of(app) + said(app)
    assert "http://127.0.0.1:9" in shown
    assert "evil.example" not in shown
    assert "very-secret-key" not in shown
    assert resources.synchroniser().address == "http://127.0.0.1:9"
    assert [box.key for box in app.text_input] == ["checkpoint_other", "annotator_name"]


def test_a_server_that_is_down_is_told_and_nothing_can_be_linked(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    letters()
    monkeypatch.setenv(URL_VARIABLE, "http://127.0.0.1:9")
    monkeypatch.setenv(KEY_VARIABLE, "k")
    app = visit("settings")
    assert "no answer" in said(app)
    assert not [button for button in app.button if button.key == "argilla_link"]


def test_a_linked_project_shows_what_waits_while_the_server_is_down(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = letters()
    argilla_links.link(store, "letters", "team", by="ada")
    monkeypatch.setenv(URL_VARIABLE, "http://127.0.0.1:9")
    monkeypatch.setenv(KEY_VARIABLE, "k")
    app = visit("settings")
    assert "<b>1</b><span>records wait" in html_of(app)
    assert "<b>1</b><span>answers wait" in html_of(app)
    app.button(key="argilla_sync").click().run()
    for _ in range(100):
        if resources.synchroniser().last("letters"):
            break
        time.sleep(0.1)
    app.run()
    assert "waits here" in said(app)
    assert "<b>1</b><span>records wait" in html_of(app)
    app.button(key="argilla_part").click().run()
    assert argilla_links.links(store) == ()
    assert not app.exception


def test_environment_before_secrets_and_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, "http://one.example")
    assert resources.argilla_environment()[URL_VARIABLE] == "http://one.example"
    monkeypatch.setenv(URL_VARIABLE, "http://two.example")
    assert resources.argilla_environment()[URL_VARIABLE] == "http://two.example"
    monkeypatch.delenv(URL_VARIABLE)
    assert URL_VARIABLE not in resources.argilla_environment()


def test_the_log_is_read_by_person_and_action_a_page_at_a_time(visit: Visit) -> None:
    store = letters()
    with store.database.write() as connection:
        for n in range(45):
            audit.write(connection, store.now(), "exported", 1, "<b>eve</b>", file=f"<i>{n}</i>.zip", sha256="ab" * 32)
    app = visit("settings")

    def numbers() -> list[int]:
        assert not app.exception
        return [int(n) for n in re.findall(r"file &lt;i&gt;(\d+)&lt;/i&gt;", html_of(app))]

    assert numbers() == list(range(44, 24, -1))
    assert "<b>&lt;b&gt;eve&lt;/b&gt;</b> exported" in html_of(app)
    assert "sha256 abababababab…" in html_of(app)
    assert app.button(key="log_newer").disabled
    app.button(key="log_older").click().run()
    assert numbers() == list(range(24, 4, -1))
    app.button(key="log_older").click().run()
    assert numbers() == list(range(4, -1, -1))
    assert "project created" in html_of(app)
    assert app.button(key="log_older").disabled
    app.button(key="log_newer").click().run()
    assert numbers() == list(range(24, 4, -1))
    app.selectbox(key="log_by").set_value("=<b>eve</b>").run()
    assert numbers() == list(range(44, 24, -1)), "another choice begins with the newest"
    app.selectbox(key="log_action").set_value("=project created").run()
    assert "Nothing of this kind." in said(app)
    app.selectbox(key="log_by").set_value("").run()
    assert "project created" in html_of(app)
    assert not numbers()
