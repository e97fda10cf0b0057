"""Corrections that are posted past the page: committed once, under the seat's name, or declined."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from db import label_changes
from db.store import Store
from db.values import Order, State
from pages.shared import desk as desks
from pages.shared import direct, queueing, seats, suggestions
from pages.shared.desk import Desk
from pages.shared.queueing import Filter
from pages.shared.readings import Readings
from pages.shared.seats import Seat
from pages.shared.sheet import Sheet
from pages.shared.workspace import Workspace
from relex_core.editing import begin
from relex_core.errors import ModelBusy
from relex_core.types import Schema
from tests.pages.asgi import ask
from tests.pages.projects import SCHEMA, Overrun, Silent, store_with, suggest

SCOPE = seats.scope("news", "ada")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return store_with(tmp_path)


@pytest.fixture
def seat(store: Store) -> Seat:
    """A tab that has d0 open, and d1 ready in the browser."""
    walk = queueing.start(store, "news", "ada", Filter(order=Order.FILE), "d0")
    lying = [suggestions.opened(store, "news", suggest(store, id)) for id in ("d0", "d1")]
    return Seat(desk=Desk(walk, SCHEMA, 1, lying[0], (lying[1],)), store=store, scope=SCOPE)


@pytest.fixture
def explore(store: Store) -> Seat:
    """Explore's editor in the same tab, with d0 of the same project."""
    found = suggest(store, "d0")
    workspace = Workspace((found.document,), SCHEMA, mode="correct", project="news")
    return Seat(desk=Sheet(workspace, begin(found), 0, "ada"), store=store, scope=SCOPE)


@pytest.fixture
def model() -> Readings:
    return Readings(Silent())


def post(
    seat: Seat | None, records: Any, token: str = "", scope: Any = SCOPE, has: list[str] | None = None
) -> httpx.Response:
    return ask(
        Starlette(routes=direct.routes),
        "POST",
        direct.PATH,
        json={"scope": scope, "records": records, "has": has or []},
        headers={direct.TOKEN: token or (seat.token if seat else "")},
    )


def declined(answer: httpx.Response) -> bool:
    """Whether it is left to the page, which is no error."""
    return answer.status_code == 200 and "declined" in answer.json()


def added(seq: int, document: str = "d0", client: str = "c", **more: Any) -> dict[str, Any]:
    edit = {"op": "add_entity", "id": f"own{seq}", "start": seq, "end": seq + 1, "label": "person"}
    return {"client": client, "seq": seq, "document": document, "on": 0, **edit, **more}


def wish(seq: int, command: str, document: str = "d0", **more: Any) -> dict[str, Any]:
    return {"client": "c", "seq": seq, "document": document, "on": 0, "command": command, **more}


def test_corrections_are_committed_before_they_are_acknowledged(seat: Seat, store: Store) -> None:
    answer = post(seat, [added(1), added(2), added(3, "d1")])
    assert answer.status_code == 200
    assert answer.json() == {"acknowledged": {"c": 3}, "revisions": {"d0": 1, "d1": 1}, "refused": []}
    for document, ids in (("d0", ["own1", "own2"]), ("d1", ["own3"])):
        latest = store.latest("news", document)
        assert latest is not None
        assert [e.id for e in latest.annotation.entities] == ids
        assert latest.annotator == "ada"
    # the next run of the page shows what was posted
    assert seat.desk.open[1] == 1
    assert [e.id for e in seat.desk.open[0].entities] == ["own1", "own2"]


def test_a_step_is_answered_with_the_document_that_is_open_now(seat: Seat, store: Store, model: Readings) -> None:
    seat.readings = model
    suggest(store, "d2")
    seat.open("d0")
    log = [added(1), wish(2, "submit", seconds=3.0), wish(3, "next"), added(4, "d1"), wish(5, "submit", "d1")]
    answer = post(seat, log).json()
    assert answer["acknowledged"] == {"c": 5}
    assert answer["refused"] == []
    # d1 stays open: it was only submitted
    assert answer["desk"]["turn"] == seat.turn == 2
    assert answer["desk"]["document"]["id"] == seat.desk.walk.current == "d1"
    assert answer["desk"]["document"]["revision"] == answer["revisions"]["d1"] == 1
    assert [e["id"] for e in answer["desk"]["document"]["decisions"]["entities"]] == ["own4"]
    assert [d["id"] for d in answer["desk"]["next"]] == ["d2"]
    assert seat.page_is_old
    for document in ("d0", "d1"):
        latest = store.latest("news", document)
        assert latest is not None
        assert latest.state is State.SUBMITTED
    # again, and again by a server that has forgotten: nothing goes on once more
    for _ in range(2):
        again = post(seat, log).json()
        assert "desk" not in again or again["desk"]["document"]["id"] == "d1"
        seat.acknowledged.clear()
    assert seat.desk.walk.current == "d1"
    assert [len(store.revisions("news", d)) for d in ("d0", "d1", "d2")] == [1, 1, 0]


def test_what_the_browser_holds_is_not_sent_again(seat: Seat, store: Store, model: Readings) -> None:
    seat.readings = model
    suggest(store, "d2")
    whole = post(seat, [wish(1, "next")]).json()["desk"]
    assert whole["document"]["text"] == store.document("news", "d1").text
    known = [d["static"] for d in (whole["document"], *whole["next"])]
    short = post(seat, [wish(2, "next", "d1")], has=known).json()["desk"]
    assert short["document"]["id"] == "d2"
    assert "text" not in short["document"]


def test_a_step_to_a_document_that_nobody_has_read_says_so(seat: Seat, model: Readings) -> None:
    seat.readings = model
    answer = post(seat, [wish(1, "next"), wish(2, "skip", "d1"), wish(3, "next", "d1")]).json()
    assert answer["acknowledged"] == {"c": 3}
    assert answer["desk"] == {"turn": 1, "document": None, "next": [], "behind": True}
    assert seat.desk.walk.current == "d2"
    # the page waits for it
    assert seat.desk.waiting


def test_corrections_of_labels_that_somebody_has_changed_are_left_to_the_page(seat: Seat, store: Store) -> None:
    post(seat, [added(1)])
    label_changes.rename(store, "news", "entity", "person", "human")
    assert declined(post(seat, [added(2, label="place")]))
    assert len(store.revisions("news", "d0")) == 1
    seat.desk = desks.refresh(store, Readings(Silent()), seat.desk)
    assert post(seat, [added(2, label="place")]).json()["refused"] == []
    assert [e.label for e in seat.desk.open[0].entities] == ["human", "place"]


def test_documents_with_new_labels_are_left_to_the_page(
    seat: Seat, store: Store, model: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # they change while the step is taken
    monkeypatch.setattr(desks, "is_old", lambda store, desk: False)
    seat.readings = model
    wider = Schema.of(["group", "person", "place"], ["met in", "lives in"])
    store.save_schema("news", wider)
    suggest(store, "d2", schema=wider)
    answer = post(seat, [wish(1, "next")]).json()
    # the browser reads labels by their place in the set, and has the former one
    assert answer["desk"] == {"turn": 1, "document": None, "next": [], "behind": True}
    assert answer["acknowledged"] == {"c": 1}


def test_a_model_that_cannot_be_asked_does_not_keep_anybody_where_they_are(seat: Seat, store: Store) -> None:
    seat.readings = Readings(Overrun())
    answer = post(seat, [wish(1, "submit"), wish(2, "next"), wish(3, "next", "d1")]).json()
    assert answer["desk"]["document"] is None
    assert (seat.desk.walk.current, store.counts("news")[State.SUBMITTED]) == ("d2", 1)
    # who waits for it hears why
    with pytest.raises(ModelBusy):
        desks.settle(store, seat.readings, seat.desk)


def test_sending_again_changes_nothing(seat: Seat, store: Store) -> None:
    log = [added(1), added(2)]
    first = post(seat, log).json()
    assert post(seat, log).json() == first
    # what a server that has forgotten the seat's memory would be sent
    seat.acknowledged.clear()
    assert post(seat, [*log, added(4)]).json()["acknowledged"] == {"c": 4}
    edits = [edit for revision in store.revisions("news", "d0") for edit in revision.edits]
    assert len(edits) == 3


def test_what_does_not_fit_is_refused_and_the_rest_is_kept(seat: Seat, store: Store) -> None:
    answer = post(seat, [added(1), added(2, start=1, end=2), added(3)]).json()
    assert [(r["client"], r["seq"]) for r in answer["refused"]] == [("c", 2)]
    assert answer["acknowledged"] == {"c": 3}
    latest = store.latest("news", "d0")
    assert latest is not None
    assert [e.id for e in latest.annotation.entities] == ["own1", "own3"]


@pytest.mark.parametrize(
    "record",
    [
        wish(1, "rescore"),
        wish(1, "submit", thresholds={"entity": 0.4, "relation": 0.5}),
        added(1, "d4"),
        added(1, "no such document"),
        added(1, op="nonsense"),
    ],
    ids=["a question to the model", "moved thresholds", "not on the desk", "not in the project", "unreadable"],
)
def test_what_changes_the_page_is_declined_whole(seat: Seat, store: Store, record: dict[str, Any]) -> None:
    assert declined(post(seat, [added(9, client="other"), record]))
    assert store.latest("news", "d0") is None


def test_somebody_elses_revision_is_left_to_the_page(seat: Seat, store: Store) -> None:
    other = Seat(desk=seat.desk, store=store, scope=SCOPE)
    assert post(other, [added(1, client="theirs")]).status_code == 200
    assert declined(post(seat, [added(1)]))
    assert len(store.revisions("news", "d0")) == 1


@pytest.mark.parametrize("records", [{}, "x", [1], None])
def test_rubbish_is_rubbish(seat: Seat, records: Any) -> None:
    assert post(seat, records).status_code == 400


def test_only_a_sitting_tab_is_heard(seat: Seat) -> None:
    assert post(seat, [added(1)], token="guessed").status_code == 404
    gone = Seat(desk=seat.desk, store=seat.store, scope=SCOPE)
    token = gone.token
    del gone
    gc.collect()
    assert post(None, [added(1)], token=token).status_code == 404


@pytest.mark.parametrize("scope", [None, 1, ["news/ada"]])
def test_a_log_says_what_it_belongs_to(seat: Seat, scope: Any) -> None:
    assert post(seat, [added(1)], scope=scope).status_code == 400


@pytest.mark.parametrize("place", ["seat", "explore"])
def test_corrections_of_other_work_are_left_where_they_are(
    place: str, store: Store, request: pytest.FixtureRequest
) -> None:
    # the same text may lie in two projects, and a post be on its way while the tab opens the other
    seat: Seat = request.getfixturevalue(place)
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [store.document("news", "d0")], deduplicate=False)
    for scope in (seats.scope("letters", "ada"), seats.scope("news", "bob"), ""):
        assert declined(post(seat, [added(1)], scope=scope))
    assert store.latest("news", "d0") is None
    assert store.latest("letters", "d0") is None


def test_explores_corrections_are_committed_and_lie_on_its_sheet(explore: Seat, store: Store) -> None:
    answer = post(explore, [added(1), added(2, start=1, end=2), added(3)])
    assert answer.status_code == 200
    assert answer.json()["acknowledged"] == {"c": 3}
    assert answer.json()["revisions"] == {"d0": 1}
    assert [(r["client"], r["seq"]) for r in answer.json()["refused"]] == [("c", 2)]
    latest = store.latest("news", "d0")
    assert latest is not None
    assert latest.annotator == "ada"
    assert explore.desk.revision == 1
    assert [e.id for e in explore.desk.annotation.entities] == [e.id for e in latest.annotation.entities]
    assert [e.id for e in latest.annotation.entities] == ["own1", "own3"]
    # the suggestions stay where they were
    assert explore.desk.annotation.based_on is not None
    assert post(explore, [added(1), added(3)]).json()["acknowledged"] == {"c": 3}
    assert len(store.revisions("news", "d0")) == 1


@pytest.mark.parametrize(
    "record",
    [
        wish(1, "submit"),
        added(1, "d1"),
        added(1, op="nonsense"),
    ],
    ids=["a command", "not the shown document", "unreadable"],
)
def test_explore_leaves_to_the_page_what_changes_it(explore: Seat, store: Store, record: dict[str, Any]) -> None:
    assert declined(post(explore, [added(9, client="other"), record]))
    assert store.latest("news", "d0") is None


def test_the_two_screens_of_a_tab_commit_a_record_once(seat: Seat, explore: Seat, store: Store) -> None:
    log = [added(1), added(2)]
    assert post(explore, log).status_code == 200
    # Annotate finds in the browser's storage what Explore has sent, and was not told that it is committed
    answer = post(seat, [{**r, "on": 0} for r in log] + [added(1, client="d", kin={"c": 2})])
    assert answer.status_code == 200
    assert answer.json()["acknowledged"] == {"c": 2, "d": 1}
    edits = [edit for revision in store.revisions("news", "d0") for edit in revision.edits]
    assert len(edits) == 2  # the third says what the first has said and does not fit
    assert [(r["client"], r["seq"]) for r in answer.json()["refused"]] == [("d", 1)]
    # somebody else has saved meanwhile: the page asks the person
    assert declined(post(explore, [added(5, client="e")]))


def test_a_log_without_end_is_not_read(seat: Seat) -> None:
    assert post(seat, [added(1, note="x" * direct.MOST)]).status_code == 413
