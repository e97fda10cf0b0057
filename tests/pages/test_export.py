"""The Export screen: live counts, the check of the chosen format, three sets, adjudicated decisions."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import export_check, resources
from pages.shared.adjudication import ADJUDICATOR
from relex_core.types import Annotation, Document, Entity, Schema
from tests.pages.conftest import Visit

SCHEMA = Schema.of(["person"], [])
DOCUMENTS = [Document(f"d{n}", f"Ada met <b>person</b> {n}.") for n in range(20)]


def shown(app: AppTest) -> str:
    assert not app.exception
    return " ".join(str(element.proto.body) for element in app.get("html"))


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


def test_adjudicated_decisions_alone(app: AppTest) -> None:
    assert "export_annotators_adjudicated" not in [toggle.key for toggle in app.toggle]
    annotation = Annotation(DOCUMENTS[3], SCHEMA)
    resources.store().save("p", annotation, annotator=ADJUDICATOR, state="submitted", independent=True)
    app.run()
    app.toggle(key="export_annotators_adjudicated").set_value(True).run()
    assert "1 document<" in shown(app)
