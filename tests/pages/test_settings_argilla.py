"""The Settings screen with a real Argilla server: link, follow through a stop of the server, part again."""

from __future__ import annotations

import shlex
import threading
from itertools import count
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from db import argilla_links
from db.__main__ import main
from db.argilla_client import KEY_VARIABLE, URL_VARIABLE
from pages.shared import resources, synchronising
from pages.shared.synchronising import SYNC
from relex_core.types import Annotation, Document, Entity, Schema
from tests.argilla_server.running import ArgillaServer
from tests.db.argilla.conftest import server  # noqa: F401 - a fixture
from tests.pages.conftest import Visit
from tests.pages.test_settings import html_of, said

pytestmark = pytest.mark.argilla
SCHEMA = Schema.of(["person"], ["knows"])
_numbers = count()


@pytest.fixture
def workspace(server: ArgillaServer, monkeypatch: pytest.MonkeyPatch) -> str:  # noqa: F811
    monkeypatch.setenv(URL_VARIABLE, server.url)
    monkeypatch.setenv(KEY_VARIABLE, server.key)
    monkeypatch.setattr(synchronising, "FIRST_PAUSE", 1.0)
    resources.synchroniser.clear()
    number = next(_numbers)
    server.user(f"ada-{number}", server.workspace(f"page-{number}"))
    return f"page-{number}"


def filled(count: int = 3) -> list[Document]:
    store = resources.store()
    store.create_project("letters", SCHEMA)
    documents = [Document.from_text(f"Ada slept {n}.") for n in range(count)]
    store.add_documents("letters", documents)
    return documents


def after_the_round(app: AppTest) -> AppTest:
    job = resources.jobs().get("letters", SYNC)
    assert job is not None
    assert job.wait(60)
    return app.run()


def test_a_project_is_linked_sent_and_parted(visit: Visit, workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    documents = filled()
    annotator = workspace.replace("page", "ada")
    mark = (Entity("a", 0, 3, "person"),)
    for name in (annotator, "nobody-there"):
        resources.store().save("letters", Annotation(documents[0], SCHEMA, mark), annotator=name, state="submitted")
    app = visit("settings")
    assert "role owner" in html_of(app)
    app.selectbox(key="argilla_workspace").set_value(workspace)
    app.button(key="argilla_link").click().run()
    app = after_the_round(app)
    assert not app.exception
    assert "3 records sent, 1 answer sent" in said(app)
    assert "<b>1</b><span>answers wait" in html_of(app)
    assert "an Argilla user named &#x27;nobody-there&#x27;" in html_of(app)
    app.button(key="argilla_retry").click().run()
    assert "2 tries" in html_of(after_the_round(app))
    resources.store().save_schema("letters", Schema.of(["person", "place"], ["knows"]))
    app.button(key="argilla_sync").click().run()
    assert "1 dataset of earlier label sets is still there" in said(after_the_round(app))
    # as it stands on the page
    assert main(shlex.split(app.code[-1].value)[3:]) == 0
    assert "3 records, 1 answers, all collected" in capsys.readouterr().out
    app.button(key="argilla_part").click().run()
    assert argilla_links.links(resources.store()) == ()


def test_a_stopped_server_gets_the_rest_by_itself_when_it_is_back(
    visit: Visit,
    workspace: str,
    server: ArgillaServer,  # noqa: F811
) -> None:
    filled()
    argilla_links.link(resources.store(), "letters", workspace, by="ada")
    synchroniser, stop = resources.synchroniser(), threading.Event()
    synchroniser.round_of_all(stop)
    resources.store().add_documents("letters", [Document.from_text("Bob came later.")])
    server.stop()
    try:
        app = visit("settings")
        assert "no answer" in said(app)
        assert "<b>1</b><span>records wait" in html_of(app)
        # the round that nobody asked for goes on trying
        patient = threading.Thread(target=synchroniser.round_of_all, args=(stop,))
        patient.start()
        patient.join(4)
        assert patient.is_alive()
        last = synchroniser.last("letters")
        assert last is not None
        assert last.down
    finally:
        server.start()
    patient.join(60)
    assert not patient.is_alive()
    assert synchroniser.waiting("letters", workspace).total == 0
    app.button(key="argilla_ask").click().run()
    assert "role owner" in html_of(app)


def test_stopping_the_app_ends_the_patience(data: Path, workspace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    filled()
    argilla_links.link(resources.store(), "letters", workspace)
    monkeypatch.setenv(URL_VARIABLE, "http://127.0.0.1:9")
    stop = threading.Event()
    patient = threading.Thread(target=resources.synchroniser().round_of_all, args=(stop,))
    patient.start()
    patient.join(2)
    stop.set()
    patient.join(20)
    assert not patient.is_alive()


def test_wrong_and_annotators_keys_are_told(
    visit: Visit,
    workspace: str,
    server: ArgillaServer,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filled()
    monkeypatch.setenv(KEY_VARIABLE, "wrong-and-secret")
    app = visit("settings")
    assert "does not know the key" in said(app)
    assert "wrong-and-secret" not in said(app) + html_of(app)
    users = server.call("GET", "/users")["items"]
    ada = next(user for user in users if user["username"] == workspace.replace("page", "ada"))
    monkeypatch.setenv(KEY_VARIABLE, ada["api_key"])
    app.button(key="argilla_ask").click().run()
    assert "belongs to an annotator" in said(app)


def test_synchronising_without_a_browser(data: Path, workspace: str, capsys: pytest.CaptureFixture[str]) -> None:
    filled()
    assert main(["sync", "--project", "letters", "--workspace", workspace]) == 0
    assert "3 records and 0 answers sent, 0 records taken away, 0 waiting" in capsys.readouterr().out
    older = ["older", "--project", "letters", "--workspace", workspace]
    assert main(older) == 0
    assert "No dataset of an earlier label set" in capsys.readouterr().out
    resources.store().save_schema("letters", Schema.of(["person", "place"], ["knows"]))
    assert main(["sync", "--project", "letters", "--workspace", workspace]) == 0
    capsys.readouterr()
    assert main(older) == 0
    listed = capsys.readouterr().out
    assert "3 records, 0 answers, all collected" in listed
    assert "With --delete" in listed
    assert main([*older, "--delete"]) == 0
    assert "3 records, 0 answers, deleted" in capsys.readouterr().out
    assert main(["sync", "--project", "letters", "--workspace", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err
