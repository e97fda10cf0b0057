"""The Export screen: live counts, the check of the chosen format, three sets, adjudicated decisions."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.elements.lib import policies
from streamlit.runtime.scriptrunner import StopException
from streamlit.testing.v1 import AppTest

from db import imports
from db.exports import DECIDED
from db.values import ADJUDICATOR
from pages.shared import export_check, export_counts, importing, resources
from relex_core.types import Annotation, Document, Entity, Schema
from tests.pages.conftest import Visit

SCHEMA = Schema.of(["person"], [])
DOCUMENTS = [Document(f"d{n}", f"Ada met <b>person</b> {n}.") for n in range(20)]


def shown(app: AppTest) -> str:
    assert not app.exception
    return " ".join(str(element.proto.body) for element in app.get("html"))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run waits for its counts, however busy the machine is."""
    monkeypatch.setattr(export_counts, "SOON", 60.0)


@pytest.fixture
def app(visit: Visit) -> AppTest:
    store = resources.store()
    store.create_project("p", SCHEMA)
    store.add_documents("p", DOCUMENTS)
    for n, document in enumerate(DOCUMENTS):
        # one mark ends inside a word, which a word-based format cannot say
        mark = Entity("a", 0, 2 if n == 0 else 3, "person")
        state = "submitted" if n % 2 else "in progress"
        store.save("p", Annotation(document, SCHEMA, (mark,)), annotator="ada", state=state)
    return visit("export", project="p")


def test_counts_follow_the_filters(app: AppTest) -> None:
    assert "20 documents" in shown(app)
    app.button_group(key="export_states").set_value(["submitted"]).run()
    assert "10 documents" in shown(app)
    store = resources.store()
    store.save("p", Annotation(DOCUMENTS[0], SCHEMA), annotator="ada", state="submitted")
    assert "11 documents" in shown(app.run()), "what somebody else saved in between counts"


def test_ten_records_are_shown_before_the_download(app: AppTest) -> None:
    assert [record.language for record in app.code] == ["json"] * 10
    assert json.loads(app.code[1].value)["ner"] == [[0, 0, "person"]]
    assert "The first 10 records" in " ".join(caption.value for caption in app.caption)
    app.button_group(key="export_states").set_value(["flagged"]).run()
    assert not app.code


LINES = ["gliner", "relex-jsonl", "gliner2", "glirel", "doccano"]
TEXTS = {"turtle": "prov:", "jsonld": "@context", "conllu": "# text = Ada met <b>person</b> 1.", "cypher": "MERGE"}
ARCHIVES = {"brat": (".txt", ".ann"), "inception": (".xmi",), "spacy": (".spacy",), "datasets": (".arrow",)}


@pytest.mark.parametrize("format", [*LINES, *TEXTS, *ARCHIVES])
def test_the_first_records_are_shown_in_the_format_that_was_chosen(app: AppTest, format: str) -> None:
    app.selectbox(key="export_format").set_value(format).run()
    assert not app.exception
    named = [expander.label.replace("\\", "") for expander in app.expander if not expander.label.startswith("Check")]
    if format in LINES:
        assert [f"{n + 1}. Ada met <b>person</b> {n}." for n in range(10)] == named
        assert all(json.loads(record.value) for record in app.code)
    elif format in TEXTS:
        (text,) = app.code
        assert TEXTS[format] in text.value
        assert "Ada" in text.value
        assert "person</b> 10." not in text.value, "ten records and no more"
    else:
        for ending in ARCHIVES[format]:
            assert any(ending in name for name in named), named
    if format == "brat":
        assert sum(".txt" in name for name in named) == 10
        assert "Ada met <b>person</b> 0." in [file.value for file in app.code]
        assert any(file.value.startswith("T1\tperson 0 2\tAd") for file in app.code)
    assert "<b>person" not in shown(app), "what texts hold is no markup"


def test_the_page_does_not_wait_for_its_counts(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_counts, "SOON", 0.0)
    go_on, half = threading.Event(), threading.Event()
    summarize = export_check.summarize

    def slowly(annotations: Iterable[Annotation], *rest: Any, **more: Any) -> export_check.Summary:
        def passing() -> Iterator[Annotation]:
            for at, annotation in enumerate(annotations):
                if at == 4:
                    half.set()
                    assert go_on.wait(60)
                yield annotation

        return summarize(passing(), *rest, **more)

    def counting() -> export_counts.Counting:
        found = app.session_state["remembered_export_counting"]
        assert isinstance(found, export_counts.Counting)
        return found

    monkeypatch.setattr(export_check, "summarize", slowly)
    app.selectbox(key="export_format").set_value("brat").run()
    given_up = counting()
    assert half.wait(60)
    app.run()
    assert "about 20 documents" in shown(app)
    assert "<b>4</b><span>entities" in shown(app), "what is counted so far"
    assert not app.button(key="download_export").disabled, "who does not care for the counts need not wait"
    app.button_group(key="export_states").set_value(["submitted"]).run()
    assert given_up.job.stopped
    go_on.set()
    assert counting().job.wait(60)
    assert given_up.job.wait(60)
    assert "10 documents" in shown(app.run())
    assert not given_up.complete
    assert "about" not in shown(app)
    # somebody saves: what was counted last stands until it is counted anew
    go_on.clear()
    half.clear()
    resources.store().save("p", Annotation(DOCUMENTS[0], SCHEMA), annotator="ada", state="submitted")
    app.run()
    assert half.wait(60)
    assert "<b>10</b><span>entities" in shown(app.run())
    go_on.set()
    assert counting().job.wait(60)
    assert "11 documents" in shown(app.run())


def test_no_widget_is_given_its_value_twice(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    resources.store().create_project("p", SCHEMA)
    # Streamlit says it once in a process
    monkeypatch.setattr(policies, "_shown_default_value_warning", False)
    log = logging.getLogger(policies.__name__)
    log.addHandler(caplog.handler)
    try:
        app = visit("export", project="p")
    finally:
        log.removeHandler(caplog.handler)
    assert app.button_group(key="export_states").value == list(DECIDED)
    assert [message for message in caplog.messages if "default value" in message] == []


def test_an_import_that_goes_on_is_waited_for(visit: Visit, tmp_path: Path) -> None:
    store = resources.store()
    store.create_project("p", SCHEMA)
    path = tmp_path / "more.jsonl"
    record = {"ner": [[0, 0, "person"]], "relations": []}
    lines = [json.dumps({"tokenized_text": ["Ada", f"slept{n}"], **record}) for n in range(4)]
    path.write_text("\n".join(lines), encoding="utf-8")
    opened = threading.Event()

    def work() -> str:
        assert opened.wait(60)
        return f"{imports.load(store, 'p', [path]).added} added"

    importing.begin("p", 4, work)
    app = visit("export", project="p")
    assert "0 documents" not in shown(app)
    assert "being imported" in app.info[0].value
    opened.set()
    job = resources.jobs().get("p", importing.IMPORTING)
    assert job is not None
    assert job.wait(60)
    assert "4 documents" in shown(app.run())
    # and Documents says so, for longer than the model reads, until another import is begun
    documents = visit("documents", project="p")
    assert documents.info[0].value == "4 added"
    reading = resources.jobs().get("p", "scoring")
    assert reading is not None
    assert reading.wait(60)
    assert documents.run().info[0].value == "4 added"
    documents.session_state["upload_round"] = 1
    assert not documents.run().info
    assert not visit("documents", project="p").info


def test_an_import_is_told_although_a_run_was_broken_off(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    store = resources.store()
    store.create_project("p", SCHEMA)

    def work() -> str:
        return f"{store.add_documents('p', DOCUMENTS[:2]).added} added"

    def broken_off(_: str) -> None:
        raise StopException

    importing.begin("p", 2, work)
    job = resources.jobs().get("p", importing.IMPORTING)
    assert job is not None
    assert job.wait(60)
    with monkeypatch.context() as patched:
        patched.setattr(importing, "tell", broken_off)
        documents = visit("documents", project="p")
        assert not documents.info
    assert documents.run().info[0].value == "2 added"
    reading = resources.jobs().get("p", "scoring")
    assert reading is not None
    assert reading.wait(60)


def test_an_import_that_ends_while_the_page_is_drawn_is_on_it(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    store = resources.store()
    store.create_project("p", SCHEMA)
    opened = threading.Event()

    def work() -> str:
        assert opened.wait(60)
        return f"{store.add_documents('p', DOCUMENTS[:2]).added} added"

    importing.begin("p", 2, work)
    job = resources.jobs().get("p", importing.IMPORTING)
    assert job is not None
    asked = importing.under_way

    def under_way(project: str) -> bool:
        # the list of projects has been drawn by now
        opened.set()
        assert job.wait(60)
        return asked(project)

    monkeypatch.setattr(importing, "under_way", under_way)
    documents = visit("documents", project="p")
    assert documents.info[0].value == "2 added"
    assert documents.button(key="chosen_project").label.endswith("2")
    reading = resources.jobs().get("p", "scoring")
    assert reading is not None
    assert reading.wait(60)


def test_nothing_is_counted_twice(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("counted again")

    monkeypatch.setattr(export_check, "summarize", never)
    assert "20 documents" in shown(app.run())


def test_the_check_is_that_of_the_format_and_shows_places_as_text(app: AppTest) -> None:
    told = shown(app)
    assert "1 × marks that begin or end inside a word" in told
    assert "d0 &#x27;Ad&#x27; (person)" in told
    assert 'class="rx-loss"' in told
    app.selectbox(key="export_format").set_value("brat").run()
    assert 'class="rx-loss"' not in shown(app), "offsets say it exactly"


def test_three_sets_are_counted_before_the_download(app: AppTest) -> None:
    app.toggle(key="export_split").set_value(True).run()
    assert "train 16 · dev 2 · test 2" in shown(app)
    app.number_input(key="export_dev").set_value(30).run()
    assert "train 12 · dev 6 · test 2" in shown(app)


def test_the_time_left_is_guessed_by_the_length_of_texts(app: AppTest) -> None:
    for split, passes in ((False, 1), (True, 2)):
        app.toggle(key="export_split").set_value(split).run()
        job = app.session_state["remembered_export_counting"].job
        assert job.read == job.characters == passes * sum(len(document.text) for document in DOCUMENTS)


def test_adjudicated_decisions_alone(app: AppTest) -> None:
    assert "export_annotators_adjudicated" not in [toggle.key for toggle in app.toggle]
    annotation = Annotation(DOCUMENTS[3], SCHEMA)
    resources.store().save("p", annotation, annotator=ADJUDICATOR, state="submitted", independent=True)
    app.run()
    app.toggle(key="export_annotators_adjudicated").set_value(True).run()
    assert "1 document<" in shown(app)


def test_versions_of_several_people_are_not_taken_unseen(app: AppTest) -> None:
    store = resources.store()
    assert not app.warning
    for document, person in ((DOCUMENTS[1], "bob"), (DOCUMENTS[3], "cyd")):
        store.save("p", Annotation(document, SCHEMA), annotator=person, state="submitted", independent=True)
    (warning,) = app.run().warning
    assert warning.value.startswith("2 documents finished by several people, each alone, and not adjudicated")
    assert app.button(key="to_review")
    store.save("p", Annotation(DOCUMENTS[1], SCHEMA), annotator=ADJUDICATOR, state="submitted", independent=True)
    assert app.run().warning[0].value.startswith("1 document finished")
    app.toggle(key="export_annotators_adjudicated").set_value(True).run()
    assert not app.warning


def test_the_rest_of_a_file_that_ends_early_is_not_called_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in.json"
    path.write_text('[{"text": "Ada", "label": []}, {text: 1}, {"text": "Bob", "label": []}]')
    said: list[str] = []
    monkeypatch.setattr(importing, "refuse", said.append)
    assert importing._told(SimpleNamespace(name="in.json", file_id="1"), imports.inspect(path, "doccano"))
    assert "in.json cannot be read to its end, so nothing of it is imported." in said[0]
    assert "what follows was not read" in said[0]
