"""Leaving documents out of a project and bringing them back, on the screens that say so."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from db import audit, leaving
from db.store import Store
from db.values import LEFT_OUT, State
from pages.shared import queueing, resources, sample_set
from relex_core.types import Document, Schema
from tests.pages.conftest import Visit


@pytest.fixture
def store(data: Any) -> Store:
    store = resources.store()
    store.create_project("p", Schema.of(["person"], []))
    store.add_documents("p", [Document(f"d{n}", f"Ada number {n} slept.") for n in range(3)])
    store.add_documents("p", [Document("bob", "Bob ran.")])
    return store


def table(app: AppTest) -> list[str]:
    found = [e.proto for e in app.get("bidi_component") if e.proto.component_name.endswith("relex_document_table")]
    return [row["id"] for row in json.loads(found[0].json)["rows"]] if found else []


def said(app: AppTest) -> str:
    return " ".join(str(element.value) for element in [*app.markdown, *app.warning, *app.caption])


def tick(app: AppTest, *ids: str) -> None:
    """As the browser says it."""
    app.session_state[f"document_rows_p_{app.session_state['upload_round']}"] = {"ticked": list(ids), "open": None}


def opened(app: AppTest, out: bool = False) -> AppTest:
    app.session_state[f"leaving_{out}_{app.session_state['upload_round']}"] = True
    return app.run()


def visited(visit: Visit) -> AppTest:
    app = visit("documents", project="p")
    app.session_state["annotator"] = "eve"
    app.session_state["upload_round"] = 0
    return app


def test_ticked_documents_are_left_out_and_come_back(visit: Visit, store: Store) -> None:
    app = visited(visit)
    assert table(app) == ["d0", "d1", "d2", "bob"]
    assert "Tick documents" in said(opened(app))
    tick(app, "d0", "bob", "gone since")
    opened(app)
    assert app.button(key="leave_ticked").label == "Leave out the 2 ticked"
    app.button(key="leave_ticked").click().run()
    assert not app.exception
    assert table(app) == ["d1", "d2"]
    assert "2 documents are left out of the project" in said(app)
    assert audit.events(store, "p")[0].by == "eve"
    app.button(key="move_back").click().run()
    assert table(app) == ["d0", "d1", "d2", "bob"]
    app.button(key="move_back").click().run()
    assert leaving.number(store, "p") == 2


def test_all_that_a_search_finds_are_left_out_with_the_count_first(visit: Visit, store: Store) -> None:
    store.set_state("p", "d1", State.FLAGGED, annotator="ann")
    app = visited(visit)
    app.text_input(key="document_search").set_value("Ada").run()
    opened(app)
    assert app.button(key="leave_found").label == "Leave out all 3 documents that fit"
    app.button(key="leave_found").click().run()
    assert table(app) == []
    assert "No document fits" in said(app)
    app.pills(key="document_left_out").set_value("left out").run()
    assert not app.exception
    assert table(app) == ["d0", "d1", "d2"]
    opened(app, out=True)
    assert app.button(key="leave_found").label == "Bring back all 3 documents that fit"
    app.button(key="leave_found").click().run()
    assert leaving.number(store, "p") == 0
    assert store.counts("p")[State.FLAGGED] == 1
    assert table(app) == ["d0", "d1", "d2"], "the search still stands"


def test_with_everything_left_out_it_is_still_there(visit: Visit, store: Store) -> None:
    leaving.leave_out(store, "p", queueing.ids(store, "p", states=tuple(State)))
    app = visited(visit)
    assert not app.exception
    assert "No document fits" in said(app)
    app.pills(key="document_left_out").set_value("left out").run()
    assert len(table(app)) == 4


def test_an_open_document_says_that_it_is_left_out(visit: Visit, store: Store) -> None:
    leaving.leave_out(store, "p", ["d1"])
    app = visit("annotate", project="p", document="d1")
    assert not app.exception
    assert "left out of the project" in said(app)
    app.button(key="bring_back_open").click().run()
    assert "left out of the project" not in said(app)
    assert not leaving.is_left_out(store, "p", "d1")


def test_a_project_is_archived_and_brought_back(visit: Visit, store: Store) -> None:
    store.create_project("q", Schema.of(["person"], []))
    app = visited(visit)
    assert app.button(key="archive_project").label == "Archive p"
    app.button(key="archive_project").click().run()
    assert not app.exception
    assert "p" not in [project.name for project in store.projects()]
    assert app.button(key="archive_project").label == "Archive q", "another project is open"
    app.button(key="unarchive_0").click().run()
    assert not app.exception
    assert table(app) == ["d0", "d1", "d2", "bob"]
    assert [event.by for event in audit.events(store, "p", limit=2)] == ["eve", "eve"]


def test_the_sample_set_comes_back_from_the_archive(store: Store) -> None:
    made = sample_set.create(store)
    leaving.archive(store, made.name)
    assert sample_set.create(store).name in [project.name for project in store.projects()]


SCREENS = ["annotate", "documents", "review", "export", "train", "evaluate"]


@pytest.mark.parametrize("screen", SCREENS)
def test_the_address_of_an_archived_project_says_so_and_brings_it_back(visit: Visit, store: Store, screen: str) -> None:
    store.create_project("a", Schema.of(["person"], []))
    leaving.archive(store, "p")
    app = visit(screen, project="p")
    assert not app.exception
    assert "Project p is archived" in said(app)
    app.run()
    assert "Project p is archived" in said(app), "the address is another one by now"
    app.button(key="bring_back_project").click().run()
    assert not app.exception
    assert "is archived" not in said(app)
    assert app.session_state["project"] == "p"
    assert app.query_params["project"] == "p"
    assert not leaving.is_archived(store, "p")


@pytest.mark.parametrize("screen", SCREENS)
def test_the_address_of_no_project_says_so(visit: Visit, store: Store, screen: str) -> None:
    app = visit(screen, project="<b>gone</b>")
    assert not app.exception
    assert r"There is no project \<b\>gone\</b\>" in said(app)
    app.button(key="close_absent").click().run()
    assert "There is no project" not in said(app)


def test_a_project_that_is_archived_while_it_is_open_elsewhere_is_not_swapped_silently(
    visit: Visit, store: Store
) -> None:
    store.create_project("a", Schema.of(["person"], []))
    app = visit("annotate", project="p")
    leaving.archive(store, "p")
    app.run()
    assert "Project p is archived" in said(app)


def test_whoever_archives_a_project_is_not_told_so(visit: Visit, store: Store) -> None:
    store.create_project("q", Schema.of(["person"], []))
    app = visited(visit)
    app.button(key="archive_project").click().run()
    assert "is archived" not in said(app)


def test_a_run_asks_once_how_many_are_left_out(visit: Visit, store: Store) -> None:
    leaving.leave_out(store, "p", ["bob"])
    app = visited(visit)
    asked = []

    @sa.event.listens_for(store.database._reader, "before_cursor_execute")
    def see(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "counters.state = ?" in statement and LEFT_OUT in parameters:
            asked.append(statement)

    app.run()
    sa.event.remove(store.database._reader, "before_cursor_execute", see)
    assert f"1 {LEFT_OUT}" in " ".join(str(element.proto.body) for element in app.get("html"))
    assert len(asked) == 1
