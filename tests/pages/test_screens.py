"""The screens in Streamlit's own test runner, on the real store and the embedded model."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from db import audit
from pages.shared import resources
from pages.shared.presets import PRESETS
from pages.shared.wording import plain
from relex_core.types import Annotation, Document, Entity, Schema
from tests.pages.conftest import Visit


def component(app: AppTest, name: str) -> dict[str, Any]:
    """What the component under a key was given."""
    for element in app.get("bidi_component"):
        proto = element.proto
        if proto.component_name.endswith(name):
            return dict(json.loads(proto.json))
    raise AssertionError(f"no component {name} among {[e.proto.component_name for e in app.get('bidi_component')]}")


def said(app: AppTest) -> str:
    return " ".join(str(element.value) for element in [*app.markdown, *app.warning, *app.info, *app.caption])


def calls() -> int:
    return resources.readings("mini").service.calls


def reading_done(app: AppTest) -> AppTest:
    """Run until the model has answered."""
    for _ in range(40):
        if any(element.proto.component_name.endswith("relex_relation_table") for element in app.get("bidi_component")):
            return app
        app.run()
    raise AssertionError("the model did not answer")


@pytest.mark.parametrize("screen", ["explore", "annotate", "documents", "export", "train"])
def test_any_page_can_be_a_visitors_first(visit: Visit, screen: str) -> None:
    app = visit(screen)
    assert not app.exception
    assert not app.error


def test_the_first_paint_shows_a_sample_already_drawn(visit: Visit) -> None:
    app = reading_done(visit())
    assert not app.exception
    rows = component(app, "relex_relation_table")["rows"]
    assert ["Marie Curie", "born in", "Warsaw"] in [row["cells"][:3] for row in rows]
    assert "entities" in said(app)
    assert app.button(key="correct").label == "Correct this"


def test_a_slider_filters_and_asks_no_model(visit: Visit) -> None:
    app = reading_done(visit())
    before, rows = calls(), len(component(app, "relex_relation_table")["rows"])
    app.slider(key="relation_threshold").set_value(0.95).run()
    fewer = component(app, "relex_relation_table")["rows"]
    assert 0 < len(fewer) < rows
    assert all(row["cells"][3] > 0.95 for row in fewer)
    app.slider(key="entity_threshold").set_value(1.0).run()
    assert component(app, "relex_relation_table")["rows"] == []
    assert calls() == before


def test_pasted_text_is_read_in_its_place(visit: Visit) -> None:
    app = reading_done(visit())
    app.button(key="edit_text").click().run()
    assert app.text_area(key="text_box").value.startswith("Marie Curie")
    app.text_area(key="text_box").set_value("Grace Hopper was born in New York City.").run()
    app = reading_done(app)
    assert component(app, "relex_annotator")["document"]["text"] == "Grace Hopper was born in New York City."
    assert not app.text_area


def test_an_empty_text_is_refused_and_nothing_is_lost(visit: Visit) -> None:
    app = reading_done(visit())
    app.button(key="edit_text").click().run()
    app.text_area(key="text_box").set_value("  \n ").run()
    assert "at least one word" in said(app)
    assert app.text_area(key="text_box").value == "  \n "
    app.button(key="leave_box").click().run()
    assert component(reading_done(app), "relex_annotator")["document"]["text"].startswith("Marie Curie")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script> met Ada in Paris.",
        "Ada 😀👩‍👩‍👧 met Bob 🎉 in Oslo.",
        "وُلدت ماري كوري في وارسو وعملت في باريس.",
    ],
)
def test_hostile_and_foreign_texts_arrive_unchanged(visit: Visit, text: str) -> None:
    app = reading_done(visit())
    app.button(key="edit_text").click().run()
    app.text_area(key="text_box").set_value(text).run()
    data = component(reading_done(app), "relex_annotator")
    assert data["document"]["text"] == text
    assert not app.exception


def test_a_text_beyond_the_window_says_so(visit: Visit) -> None:
    app = reading_done(visit())
    app.button(key="edit_text").click().run()
    app.text_area(key="text_box").set_value("Ada Lovelace was born in London. " * 120).run()
    assert "passages, relations between them not scored" in said(reading_done(app))


def send_labels(app: AppTest, *edits: dict[str, Any]) -> AppTest:
    numbered = [{"seq": n, **edit} for n, edit in enumerate(edits, start=1)]
    app.session_state["labels"] = {"edits": numbered}
    return app.run()


def test_labels_are_edited_and_scored_again(visit: Visit) -> None:
    app = reading_done(visit())
    app = send_labels(app, {"op": "add", "kind": "entity", "names": "<script>, city"})
    app = reading_done(app)
    shown = component(app, "relex_schema_form")
    assert [label["name"] for label in shown["entity"]][-2:] == ["<script>", "city"]
    assert shown["acknowledged"] == 1


@pytest.mark.parametrize(
    ("names", "message"), [("person", "more than once"), ("<<ENT>>", "<<ENT>>"), ("x" * 300, "1 to 200 characters")]
)
def test_a_refused_label_says_why_and_changes_nothing(visit: Visit, names: str, message: str) -> None:
    app = send_labels(reading_done(visit()), {"op": "add", "kind": "entity", "names": names})
    shown = component(app, "relex_schema_form")
    assert message in shown["refusal"]["message"]
    assert len(shown["entity"]) == len(PRESETS["people"].entity_labels)


def test_without_labels_the_text_stays_and_the_page_says_what_to_do(visit: Visit) -> None:
    app = reading_done(visit())
    names = [label.name for label in PRESETS["people"].entity_labels]
    app = send_labels(app, *({"op": "remove", "kind": "entity", "name": name} for name in names))
    assert "No entity label is chosen" in said(app)
    assert component(app, "relex_annotator")["document"]["text"].startswith("Marie Curie")


def test_corrections_are_kept_and_found_by_their_address(visit: Visit) -> None:
    app = reading_done(visit())
    app.button(key="correct").click().run()
    data = component(reading_done(app), "relex_annotator")
    assert data["mode"] == "edit"
    address = {name: app.query_params[name] for name in ("project", "document")}
    first = data["document"]["entities"][0]
    op = {
        "op": "accept",
        "entities": [first[0]],
        "relations": [],
        "client": "c",
        "document": data["document"]["id"],
        "seq": 1,
        "on": 0,
    }
    app.session_state["text_editor"] = {"ops": {"records": [op]}}
    app.run()
    assert component(app, "relex_annotator")["acknowledged"] == {"c": 1}, said(app)
    again = reading_done(visit(**{k: v[0] if isinstance(v, list) else v for k, v in address.items()}))
    data = component(again, "relex_annotator")
    assert [e["id"] for e in data["document"]["decisions"]["entities"]] == [first[0]]
    assert (data["mode"], data["document"]["revision"]) == ("edit", 1)


def test_an_unknown_address_is_told_and_the_sample_opens(visit: Visit) -> None:
    app = reading_done(visit(project="nowhere", document="x"))
    assert "nowhere" in said(app)
    assert component(app, "relex_annotator")["document"]["text"].startswith("Marie Curie")


def test_a_project_is_made_and_listed(visit: Visit) -> None:
    app = visit("documents")
    app.session_state["annotator"] = "ada"
    app.text_input(key="new_name").set_value("letters").run()
    app.radio(key="new_preset").set_value("news").run()
    app.button(key="make_project").click().run()
    assert not app.exception
    assert "No documents yet" in said(app)
    assert resources.store().project("letters").schema == PRESETS["news"]
    (made,) = audit.events(resources.store(), "letters")
    assert (made.action, made.by) == ("project created", "ada")
    app.text_input(key="new_name").set_value("letters").run()
    app.button(key="make_project").click().run()
    assert "not in use" in said(app)


def test_documents_are_listed_searched_and_read_in_the_background(visit: Visit) -> None:
    store = resources.store()
    store.create_project("p", Schema.of(["person"], []))
    store.add_documents("p", [Document.from_text(f"Ada number {n} slept.") for n in range(3)])
    store.add_documents("p", [Document.from_text("Bob ran.")])
    app = visit("documents", project="p")
    assert len(component(app, "relex_document_table")["rows"]) == 4
    app.text_input(key="document_search").set_value("Bob").run()
    assert [row["text"] for row in component(app, "relex_document_table")["rows"]] == ["Bob ran."]
    app.button(key="start_scoring").click().run()
    job = resources.jobs().get("p", "scoring")
    assert job is not None
    assert job.wait(60)
    app.run()
    assert "All documents are read by mini" in said(app)
    assert "+passages" not in said(app)
    (words,) = (markdown for markdown in app.markdown if "are read by" in markdown.value)
    assert plain(resources.readings("mini").service.version) in words.help


def test_export_shows_what_it_would_give(visit: Visit) -> None:
    store = resources.store()
    schema = Schema.of(["person"], [])
    store.create_project("p", schema)
    document = Document.from_text("Ada slept.")
    store.add_documents("p", [document])
    app = visit("export", project="p")
    assert "No document fits" in said(app)
    store.save("p", Annotation(document, schema, (Entity("a", 0, 3, "person"),)), annotator="ada")
    app.run()
    assert not app.exception
    assert json.loads(app.code[0].value)["ner"] == [[0, 0, "person"]]


def test_what_a_model_has_in_memory_is_not_looked_through_after_each_run(visit: Visit) -> None:
    visit("explore")
    assert gc.get_freeze_count() > 100_000
