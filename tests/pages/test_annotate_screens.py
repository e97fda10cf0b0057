"""Annotate and Review in Streamlit's own test runner, on the real store and the embedded model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pyarrow
import pytest
from streamlit.testing.v1 import AppTest

from db import assignments
from db.projects import checked_name
from db.store import Store
from db.values import ADJUDICATOR, State
from pages.shared import annotating, checkpoints, identity, resources, reviewing, suggestions
from pages.shared.queueing import Filter
from pages.shared.widgets import tab_name
from pages.shared.wording import plain
from relex_core.editing import Accept, RemoveEntity, apply, begin
from relex_core.errors import StoreError
from relex_core.selection import undecided
from relex_core.service import ModelService
from relex_core.types import Document, Extraction, Schema, Thresholds
from tests.edits import apply_all
from tests.pages.conftest import ROOT, Visit
from tests.pages.projects import MODEL, SCHEMA, store_with, suggest
from tests.pages.test_screens import component, said
from tests.relex_core.tiny import broken


def waited(app: AppTest) -> AppTest:
    """Run until the model has read the open document and those ahead."""
    for _ in range(60):
        if any(e.proto.component_name.endswith("relex_annotator") for e in app.get("bidi_component")) and (
            len(component(app, "relex_annotator")["next"]) == 2
        ):
            return app
        app.run()
    raise AssertionError("the model did not read the documents")


@pytest.fixture
def queue(visit: Visit) -> AppTest:
    app = visit("annotate")
    app.button(key="sample_set").click().run()
    return waited(app)


@pytest.mark.parametrize("screen", ["annotate", "review", "export"])
def test_without_a_project_each_page_says_what_it_is_for_and_offers_one(visit: Visit, screen: str) -> None:
    app = visit(screen)
    assert f"Nothing to {screen} yet" in said(app)
    app.button(key="sample_set").click().run()
    assert not app.exception
    assert "Nothing to" not in said(app)


def test_a_review_without_shared_documents_leads_on(visit: Visit) -> None:
    resources.store().create_project("alone", Schema.of(["person"]))
    app = visit("review", project="alone")
    assert "No document was finished by two people yet" in said(app)
    assert app.button(key="to_annotate").label == "Annotate"


def send(app: AppTest, *records: dict[str, Any]) -> AppTest:
    log = [{"client": "test", "on": 0, **record} for record in records]
    app.session_state[annotating.EDITOR] = {"ops": {"records": log}}
    return app.run()


def test_an_empty_queue_shows_how_to_fill_it(visit: Visit) -> None:
    app = visit("annotate")
    assert "Nothing to annotate yet" in said(app)
    assert not app.exception


def test_submit_and_next_open_what_was_ahead(queue: AppTest) -> None:
    shown = component(queue, "relex_annotator")
    first, ahead = shown["document"]["id"], [d["id"] for d in shown["next"]]
    command = {"document": first, "seconds": 7, "keystrokes": 2}
    send(queue, {**command, "seq": 1, "command": "submit"}, {**command, "seq": 2, "command": "next"})
    now = component(queue, "relex_annotator")
    assert now["document"]["id"] == ahead[0]
    assert now["acknowledged"] == {"test": 2}
    assert "1 / 12" in said(queue)
    assert "7 s a document" in said(queue)
    saved = resources.store().latest("sample", first)
    assert saved is not None
    assert saved.state is State.SUBMITTED
    assert queue.query_params["document"] == ahead[0]


def test_where_documents_are_shared_out_progress_is_of_ones_own(queue: AppTest) -> None:
    store, me = resources.store(), "me"
    for row in store.queue("sample"):
        store.set_state("sample", row.id, State.SUBMITTED, annotator="zoe")
    assignments.share(store, "sample", [me, "zoe"], 0.5)
    mine = len(assignments.of(store, "sample", me))
    queue.session_state["remembered_sharing_changed"] = True
    queue.run()
    assert f"0 / {mine}" in said(queue)
    send(queue, {"document": component(queue, "relex_annotator")["document"]["id"], "seq": 1, "command": "submit"})
    assert f"1 / {mine}" in said(queue)


def test_what_cannot_be_saved_is_told_and_the_editor_stays(queue: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    first = component(queue, "relex_annotator")["document"]["id"]
    full = StoreError(expected="room on the disk", found="none", change="Free some space.")
    edit = {"document": first, "seq": 1, "op": "add_entity", "id": "own", "start": 0, "end": 1, "label": "person"}
    with monkeypatch.context() as patch:
        patch.setattr(Store, "save", Mock(side_effect=full))
        send(queue, edit)
    assert [w.value for w in queue.warning] == [plain(str(full))]
    # with its log, which sends again what is not acknowledged
    data = component(queue, "relex_annotator")
    assert (data["document"]["id"], data["acknowledged"]) == (first, {})
    assert "0 / 12" in said(queue)
    send(queue, edit)
    assert not queue.warning
    assert component(queue, "relex_annotator")["acknowledged"] == {"test": 1}


def test_what_a_button_cannot_do_is_told_above_what_was_there(queue: AppTest) -> None:
    queue.session_state["queue_guide"] = True
    queue.session_state["remembered_guidelines_open"] = True
    queue.run()
    queue.text_area(key="guidelines_text").set_value("Mark titles apart.").run()
    with resources.store().database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON projects BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    queue.button(key="guidelines_keep").click().run()
    assert not queue.exception
    assert any("full" in warning.value for warning in queue.warning)
    assert queue.text_area(key="guidelines_text").value == "Mark titles apart."
    assert component(queue, "relex_annotator")["document"]


def test_what_is_refused_before_a_step_is_told_in_the_next_document(queue: AppTest) -> None:
    first = component(queue, "relex_annotator")["document"]["id"]
    send(
        queue,
        {"document": first, "seq": 1, "op": "remove_entity", "id": "ghost"},
        {"document": first, "seq": 2, "command": "skip"},
        {"document": first, "seq": 3, "command": "next"},
    )
    data = component(queue, "relex_annotator")
    assert data["document"]["id"] != first
    assert [r["seq"] for r in data["refused"]] == [1]
    queue.run()
    assert component(queue, "relex_annotator")["refused"] == []


def test_the_end_of_the_queue_says_what_is_next(visit: Visit, queue: AppTest) -> None:
    store = resources.store()
    for row in store.queue("sample"):
        store.set_state("sample", row.id, State.FLAGGED if row.id == "sample-03" else State.SUBMITTED, annotator="me")
    app = visit("annotate", project="sample")
    assert "Every document is done: 11 submitted, 1 flagged." in said(app)
    assert [button.label for button in app.button][-4:-2] == ["Export", "Review"]
    app.button(key="again_flagged").click().run()
    for _ in range(20):
        if any(e.proto.component_name.endswith("relex_annotator") for e in app.get("bidi_component")):
            break
        app.run()
    assert component(app, "relex_annotator")["document"]["id"] == "sample-03"


def test_names_from_right_to_left_take_no_figures_in_among_their_words(visit: Visit) -> None:
    text = "ولدت ماري كوري في وارسو."
    store = resources.store()
    store.create_project("مشروع", SCHEMA)
    store.create_project("plain", SCHEMA)
    store.add_documents("مشروع", [Document("d", text), Document("e", text[::-1])])
    for id in ("d", "e"):
        store.save_extraction("مشروع", Extraction(store.document("مشروع", id), SCHEMA, (), (), MODEL))
    app = visit("annotate", project="مشروع")
    app.session_state["queue_order"] = True
    app.run()
    # from the isolate's beginning to its end
    assert app.button(key="jump_d").label.startswith(f"\u2068{text}\u2069 · ")
    assert app.button(key="to_project_مشروع").label == "\u2068مشروع\u2069  ·  2 documents"
    assert app.button(key="to_project_plain").label == "plain  ·  0 documents"


def test_a_reload_opens_the_same_document(visit: Visit, queue: AppTest) -> None:
    app = visit("annotate", project="sample", document="sample-07")
    assert component(waited(app), "relex_annotator")["document"]["id"] == "sample-07"


def test_a_wrong_address_is_told(visit: Visit, queue: AppTest) -> None:
    app = visit("annotate", project="sample", document="none")
    assert "has no document none" in said(app)
    assert not app.exception


def shared(who: str, drop: int) -> None:
    store = resources.store()
    extraction = store.extraction("sample", "sample-01")
    assert extraction is not None
    entities, relations = undecided(begin(extraction), Thresholds(), twins=False)
    kept = apply(begin(extraction), Accept(tuple(e.id for e in entities), tuple(r.key for r in relations)))
    dropped = apply_all(kept, [RemoveEntity(e.id) for e in entities[:drop]])
    store.save("sample", dropped, annotator=who, state=State.SUBMITTED, independent=True, seconds=9)


def test_review_saves_a_decision_once(visit: Visit, queue: AppTest) -> None:
    queue.query_params["document"] = "sample-01"
    waited(queue.run())
    shared("ada", 0)
    shared("eva", 1)
    app = visit("review", project="sample")
    assert "1 shared document, 1 to adjudicate" in said(app)
    shown = component(app, "relex_adjudicator")
    assert [version["name"] for version in shown["versions"]] == ["ada", "eva"]
    picks, seen = {d["id"]: ["ada"] for d in shown["disagreements"]}, shown["seen"]
    assert picks
    for _ in range(2):
        app.session_state[reviewing.DUEL] = {
            "decision": {"document": "sample-01", "picks": picks, "seen": seen, "number": 1, "seconds": 3.5}
        }
        app.run()
    assert "0 to adjudicate" in said(app)
    history = [r for r in resources.store().revisions("sample", "sample-01") if r.annotator == "adjudication"]
    assert len(history) == 1
    assert len(history[0].annotation.entities) > 1
    for view in ("Agreement", "Statistics"):
        app.segmented_control(key="review_view").set_value(view).run()
        assert not app.exception
    assert "What became of suggestions" in said(app)


def test_where_a_provider_is_set_up_nobody_gets_in_without_signing_in(data: Path) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.secrets["auth"] = {"redirect_uri": "http://localhost/oauth2callback", "cookie_secret": "c" * 32}
    app.switch_page("pages/screens/annotate.py").run()
    assert not app.exception
    assert app.button(key="sign_in").label == "Sign in"
    assert [button.key for button in app.button] == ["sign_in"]


def test_what_is_accepted_in_bulk_is_what_the_queue_goes_through(queue: AppTest) -> None:
    store = resources.store()
    assert resources.jobs().get("sample", suggestions.SCORING).wait(300)  # type: ignore[union-attr]
    least = next(n for n in range(1, 50) if len(store.queue("sample", min_suggested=n)) < 12)
    rich = [row.id for row in store.queue("sample", min_suggested=least)]
    assignments.share(store, "sample", ["me", "zoe"], 0.0)
    mine = assignments.of(store, "sample", "me") & set(rich)
    assert 0 < len(mine) < len(rich) < 12
    queue.session_state["remembered_filter_sample"] = Filter(min_suggested=least)
    queue.session_state["queue_bulk"] = True
    queue.run()
    queue.slider(key="bulk_entity").set_value(0.1)
    queue.button(key="bulk_preview").click().run()
    job = queue.session_state["remembered_bulk_job"]
    assert job.wait(30)
    assert job.total == len(mine)
    assert not queue.exception


def sits_down() -> None:
    import streamlit as st

    from pages.shared import identity, state

    identity.settle(state.widget("account"))
    st.markdown(f"It is {state.annotator()}.")


@pytest.mark.parametrize(("account", "name"), [("eva@example.org", "eva@example.org"), ("", "ada")])
def test_the_account_goes_before_the_name_that_the_browser_kept(account: str, name: str) -> None:
    app = AppTest.from_function(sits_down)
    app.session_state["account"] = account
    app.session_state["tab_name"] = {"name": " ada\n"}
    app.run()
    assert not app.exception
    assert f"It is {name}." in said(app)
    # with an account the browser is not asked
    assert len(app.get("bidi_component")) == (0 if account else 1)


def test_a_name_of_any_script_is_kept_whole() -> None:
    for name in ("Ada", "علی‌رضا", "👩‍🔬 Marie", "x" * 80):
        assert tab_name.tidy(name) == name == checked_name("an annotator", name)
    for anything in (None, 7, ["ada"], "", " \n\x00", "\ud800", "\u200d", "\u202e\u200c"):
        assert tab_name.tidy(anything) == ""
    for name in ("Ada\u00a0Lovelace", "\u202eada", "ada\u200f\u2028", "\u200fعلی‌رضا"):
        assert checked_name("an annotator", tab_name.tidy(name))
    assert tab_name.tidy(tab_name.tidy("x" * 79 + " yz")) == tab_name.tidy("x" * 79 + " yz") == "x" * 79


def test_an_account_is_known_by_an_address_that_nobody_else_can_claim() -> None:
    ada = {"iss": "https://a", "sub": "1", "name": "Ada", "email": "ada@example.org"}
    assert identity.account(ada) == "ada@example.org"
    assert identity.account({**ada, "email_verified": "true"}) == "ada@example.org"
    called = identity.account({**ada, "email_verified": False})
    assert re.fullmatch(r"Ada \([0-9a-f]{8}\)", called)
    for other in ({"email_verified": "false"}, {"email": None}, {"email": "x" * 90 + "@y"}, {"email": "adjudication"}):
        assert identity.account({**ada, **other}) == called
    for other in ({"sub": "2"}, {"iss": "https://b"}):
        assert identity.account({**ada, "email_verified": False, **other}) != called
    # whatever a provider says can be stored, and is no address
    for claims in ({}, {"name": None}, {"name": "\u202e\n"}, {"name": "y" * 500}, {"name": ["a"]}, {"email": called}):
        name = identity.account({"email_verified": True, **claims})
        assert checked_name("an annotator", name) == name == tab_name.tidy(name)
        assert name.endswith(")")


def asks_who_it_is() -> None:
    from pages.shared import identity

    identity.gate()


@pytest.mark.parametrize(
    ("section", "buttons"),
    [
        ({"client_id": "a"}, ["Sign in"]),
        ({"one": {"client_id": "a"}, "two": {"client_id": "b"}}, ["Sign in with one", "Sign in with two"]),
        ({"client_id": "a", "two": {"client_id": "b"}}, ["Sign in", "Sign in with two"]),
        ({}, ["Sign in"]),
    ],
)
def test_each_provider_has_a_button(section: dict[str, Any], buttons: list[str]) -> None:
    app = AppTest.from_function(asks_who_it_is)
    app.secrets["auth"] = section
    app.run()
    assert not app.exception
    assert [button.label for button in app.button] == buttons
    app.button[0].click().run()
    assert not app.exception
    assert "Nobody can sign in" in app.warning[0].value


def test_decisions_are_saved_under_the_name_one_gives(queue: AppTest) -> None:
    queue.text_input(key="annotator_name").set_value("ada <b>").run()
    waited(queue)
    document = component(queue, "relex_annotator")["document"]["id"]
    send(queue, {"document": document, "seq": 1, "command": "skip"})
    saved = resources.store().latest("sample", document)
    assert saved is not None
    assert saved.annotator == "ada <b>"


def test_agreement_statistics_and_gold_are_shown(visit: Visit, data: Path) -> None:
    with store_with(data) as store:
        for n in (0, 1):
            found = suggest(store, f"d{n}")
            full = apply(begin(found), Accept(tuple(e.id for e in found.entities)))
            fewer = apply(full, RemoveEntity(found.entities[0].id))
            for who, marks in (("eva", full), ("ada", fewer), (ADJUDICATOR, full), ("zoe", fewer)):
                store.save("news", marks, annotator=who, state="submitted", independent=True, seconds=20, keystrokes=9)
        # nobody adjudicated this one: what became of its suggestions counts
        found = suggest(store, "d2")
        marks = apply(begin(found), Accept(tuple(e.id for e in found.entities)))
        store.save("news", marks, annotator="eva", state="submitted", independent=True, seconds=20, keystrokes=9)
    review = visit("review", project="news")
    assert not review.exception
    review.segmented_control(key="review_view").set_value("Agreement").run()
    everybody, figures = (frame.value for frame in review.dataframe[:2])
    assert list(everybody.columns) == ["kind", "label", "alpha", "matched"]
    assert list(zip(everybody["kind"], everybody["label"], strict=True))[:3] == [
        ("entity", "all"), ("entity", "person"), ("entity", "place"),
    ]  # fmt: skip
    assert everybody["alpha"].iloc[0] == 1.0
    assert "relations alpha" in figures
    assert {"ada, eva", "ada, zoe", "eva, zoe"} == set(figures["people"])
    assert figures.loc[figures["people"] == "ada, zoe", "spans, strict F1"].iloc[0] == 1.0
    review.segmented_control(key="review_view").set_value("Statistics").run()
    assert not review.exception
    paces, against, became = (frame.value for frame in review.dataframe[:3])
    assert set(paces["annotator"]) == {"ada", "eva", "zoe", ADJUDICATOR}
    assert set(paces["keystrokes"].dropna()) == {9.0}
    # who helped to settle a document has met no gold
    assert list(against["annotator"]) == ["zoe"]
    assert list(against["gold items"]) == [2]
    assert against["spans, strict F1"].iloc[0] == pytest.approx(0.8)
    assert "person" in set(became["label"])


def plotted(app: AppTest) -> list[list[dict[str, Any]]]:
    """The rows of each plot on the page, in the order of the page."""
    charts = app.get("vega_lite_chart")
    return [pyarrow.ipc.open_stream(chart.proto.data.data).read_all().to_pylist() for chart in charts]


def test_statistics_plot_the_work_and_what_became_of_suggestions(visit: Visit, data: Path) -> None:
    with store_with(data) as store:
        for n, seconds in enumerate((20, 40, 90)):
            found = suggest(store, f"d{n}")
            full = apply(begin(found), Accept(tuple(e.id for e in found.entities), (found.relations[0].key,)))
            fewer = apply(full, RemoveEntity(found.entities[0].id))
            marks = fewer if n == 2 else full
            store.save("news", marks, annotator="eva", state="submitted", seconds=seconds, keystrokes=9 - n)
    review = visit("review", project="news")
    review.segmented_control(key="review_view").set_value("Statistics").run()
    assert not review.exception
    finished, seconds_, keystrokes, accepted = plotted(review)
    assert [row["value"] for row in finished] == [1, 2, 3]
    assert [row["value"] for row in seconds_] == [20, 30, 40]
    assert [row["value"] for row in keystrokes] == [9, 8.5, 8]
    assert {row["annotator"] for row in (*finished, *seconds_, *keystrokes)} == {"eva"}
    assert [(row["label"], row["model"], row["rate"]) for row in accepted] == [
        ("person", "mini@test", 83.3), ("place", "mini@test", 100.0), ("→ met in", "mini@test", 100.0),
    ]  # fmt: skip
    assert accepted[0]["words"] == "83 % of 6"
    spec = json.loads(review.get("vega_lite_chart")[-1].proto.spec)
    assert spec["encoding"]["y"]["axis"]["labelOverlap"] is False, "each bar has its name"
    assert len({row["color"] for row in accepted[:2]}) == 2


def test_a_decision_on_versions_that_are_not_the_latest_is_refused_with_what_came(visit: Visit, data: Path) -> None:
    with store_with(data) as store:
        found = suggest(store, "d0")
        full = apply(begin(found), Accept(tuple(e.id for e in found.entities)))
        for who, marks in (("ada", full), ("eva", apply(full, RemoveEntity(found.entities[0].id)))):
            store.save("news", marks, annotator=who, state="submitted", independent=True)
        review = visit("review", project="news")
        shown = component(review, "relex_adjudicator")
        assert shown["seen"] == {"ada": 1, "eva": 2}
        fewer = apply_all(full, [RemoveEntity(found.entities[0].id), RemoveEntity(found.entities[2].id)])
        store.save("news", fewer, annotator="eva", state="submitted", independent=True)
        picks = {d["id"]: ["ada"] for d in shown["disagreements"]}
        decision = {"document": "d0", "picks": picks, "seen": shown["seen"], "number": 1, "seconds": 3.5}
        review.session_state[reviewing.DUEL] = {"decision": decision}
        review.run()
        assert store.latest("news", "d0", ADJUDICATOR) is None
        assert "While you decided, eva saved without London (place)" in review.warning[0].value.replace("\\", "")
        again = component(review, "relex_adjudicator")
        assert (again["seen"], again["saved"]) == ({"ada": 1, "eva": 3}, 1)
        assert len(again["disagreements"]) == 2
        picks = {d["id"]: ["eva"] for d in again["disagreements"]}
        decision = {"document": "d0", "picks": picks, "seen": again["seen"], "number": 2, "seconds": 5}
        review.session_state[reviewing.DUEL] = {"decision": decision}
        review.run()
        assert not review.warning
        saved = store.latest("news", "d0", ADJUDICATOR)
        assert saved is not None
        assert {e.span for e in saved.annotation.entities} == {found.entities[1].span}


def test_a_decision_that_the_disk_refuses_is_told_and_can_be_sent_again(
    visit: Visit, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store_with(data) as store:
        for id in ("d0", "d1"):
            found = suggest(store, id)
            full = apply(begin(found), Accept(tuple(e.id for e in found.entities)))
            for who, marks in (("ada", full), ("eva", apply(full, RemoveEntity(found.entities[0].id)))):
                store.save("news", marks, annotator=who, state="submitted", independent=True)
        review = visit("review", project="news")
        review.button(key="case_d1").click().run()
        shown = component(review, "relex_adjudicator")
        picks = {d["id"]: ["ada"] for d in shown["disagreements"]}
        decision = {"document": "d1", "picks": picks, "seen": shown["seen"], "number": 1, "seconds": 3.5}

        def full_disk(*_: object, **__: object) -> None:
            raise StoreError(expected="room on the disk", found="none", change="Free some space and save again.")

        with monkeypatch.context() as patch:
            patch.setattr(Store, "save", full_disk)
            review.session_state[reviewing.DUEL] = {"decision": decision}
            review.run()
        assert "Free some space and save again" in review.warning[0].value.replace("\\", "")
        again = component(review, "relex_adjudicator")
        # the same document, and the answer for which the browser waits
        assert (again["document"], again["saved"]) == ("d1", 1)
        review.run()
        assert store.latest("news", "d1", ADJUDICATOR) is None
        review.session_state[reviewing.DUEL] = {"decision": {**decision, "number": 2}}
        review.run()
        assert not review.warning
        assert store.latest("news", "d1", ADJUDICATOR) is not None
        assert component(review, "relex_adjudicator")["document"] == "d0"


def test_the_row_of_filters_narrows_the_documents(visit: Visit, data: Path) -> None:
    with store_with(data) as store:
        for n, (who, lost) in enumerate((("eva", 0), ("zoe", 2))):
            found = suggest(store, f"d{n}")
            full = apply(begin(found), Accept(tuple(e.id for e in found.entities)))
            for name, marks in (("ada", full), (who, apply(full, RemoveEntity(found.entities[lost].id)))):
                store.save("news", marks, annotator=name, state="submitted", independent=True)
    review = visit("review", project="news")

    def listed() -> list[str]:
        return [button.key for button in review.button if (button.key or "").startswith("case_")]

    assert listed() == ["case_d0", "case_d1"]
    review.selectbox(key="review_annotator").select("zoe").run()
    assert listed() == ["case_d1"]
    assert component(review, "relex_adjudicator")["document"] == "d1"
    review.selectbox(key="review_annotator").select("").run()
    review.selectbox(key="review_label").select("person").run()
    assert listed() == ["case_d0"]
    review.segmented_control(key="review_view").set_value("Agreement").run()
    review.segmented_control(key="review_view").set_value("Disagreements").run()
    assert listed() == ["case_d0"], "a filter stays while another view is looked at"
    review.selectbox(key="review_band").select("score from 0.9").run()
    assert listed() == ["case_d0"]
    assert [d["score"] for d in component(review, "relex_adjudicator")["disagreements"]] == [0.9]
    review.selectbox(key="review_band").select("not suggested").run()
    assert listed() == []
    review.selectbox(key="review_band").select("").run()
    review.selectbox(key="review_reason").select("relation of some only").run()
    assert listed() == []
    assert "No shared document is like that" in said(review)
    assert not review.exception


def model() -> ModelService:
    return resources.readings(checkpoints.default(resources.store())).service


def test_what_the_model_cannot_read_is_told_and_opens_to_be_marked_by_hand(
    data: Path, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEX_CHECKPOINT", str(broken(tmp_path, "Cem")))
    with store_with(data) as store:
        store.add_documents("news", [Document("d9", "Cem met Bob in Oslo.")])
    app = visit("documents", project="news")
    app.button(key="start_scoring").click().run()
    assert resources.jobs().get("news", suggestions.SCORING).wait(60)  # type: ignore[union-attr]
    app.run()
    assert "All other documents are read by" in said(app)
    assert [app.button(key=f"unread_{n}").label for n in range(2)] == ["d2", "d9"]
    # why is said once
    assert said(app).count("Expected a text that the model can read, found that it fails") == 1
    calls = model().calls
    annotate = waited(visit("annotate", project="news", document="d2"))
    assert not annotate.exception
    assert component(annotate, "relex_annotator")["document"]["id"] == "d2"
    assert "fails at document 'd2'" in said(annotate).replace("\\", "")
    # once in some twenty runs of this test, beside others on a busy machine, the first run of the page did not say so
    for _ in range(5):
        if "2 documents could not be read" in said(annotate):
            break
        annotate.run()
    else:
        raise AssertionError(said(annotate))
    read = model()
    assert read.calls > calls
    calls = read.calls
    annotate.run()
    assert read.calls == calls
    waited(annotate.button(key="read_open_again").click().run())
    assert read.calls > calls
    app.button(key="read_again").click().run()
    assert resources.jobs().get("news", suggestions.SCORING).wait(60)  # type: ignore[union-attr]
