"""The Train screen and the checkpoint menu in Streamlit's own test runner. Runs to the end: `test_training_runs`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from db.values import ADJUDICATOR, State
from pages.shared import checkpoint_menu, checkpoints, resources, training_runs
from pages.shared.training_plan import Plan
from relex_core.locating import EMBEDDED
from tests.pages.conftest import Visit
from tests.pages.test_screens import said
from tests.pages.trained import project
from tests.relex_core.tiny import checkpoint


def settled(app: AppTest) -> AppTest:
    """Run until no checkpoint is being loaded."""
    for _ in range(200):
        wanted = app.session_state["remembered_checkpoint_wanted"]
        if not wanted:
            return app
        resources.jobs().get(wanted, checkpoint_menu.LOADING).wait(5)  # type: ignore[union-attr]
        app.run()
    raise AssertionError("the checkpoint was not loaded")


def another(app: AppTest, name: str) -> AppTest:
    """The page after somebody typed a checkpoint's name into the menu."""
    app.text_input(key="checkpoint_other").set_value(name).run()
    return settled(app)


def test_without_a_project_the_sample_is_one_click_away(visit: Visit) -> None:
    app = visit("train")
    assert not app.exception
    assert "There is no project yet" in said(app)
    app.button(key="train_sample").click().run()
    assert not app.exception
    assert [project.name for project in resources.store().projects()] == ["sample"]


def test_nothing_submitted_says_what_is_needed(visit: Visit) -> None:
    project(resources.store(), documents=3)
    app = visit("train")
    assert "at least 4 documents" in said(app).replace("\\", "")
    assert app.button(key="train_start").disabled


def test_versions_of_several_people_are_not_learnt_from_unseen(visit: Visit) -> None:
    store = resources.store()
    project(store)
    told = "finished by several people, each alone, and not adjudicated"
    assert told not in said(visit("train", project="letters"))
    first = store.queue("letters", states=[State.SUBMITTED], limit=1)[0].id
    theirs = store.latest("letters", first)
    assert theirs
    store.save("letters", theirs.annotation, annotator="cyd", state=State.SUBMITTED, independent=True)
    app = visit("train", project="letters")
    assert f"1 document {told}" in said(app)
    assert app.button(key="to_review")
    store.save("letters", theirs.annotation, annotator=ADJUDICATOR, state=State.SUBMITTED, independent=True)
    assert told not in said(app.run())


def test_counts_follow_the_filter(visit: Visit) -> None:
    project(resources.store())
    app = visit("train", project="letters")
    assert "6 documents to learn from, 2 held out" in said(app)
    assert "16 entities, 8 relations" in said(app)
    assert not app.button(key="train_start").disabled
    app.get("button_group")[0].set_value([]).run()
    assert app.button(key="train_start").disabled


def test_export_hands_its_choice_over(visit: Visit) -> None:
    project(resources.store())
    app = visit("export", project="letters")
    app.button(key="fine_tune").click().run()
    assert not app.exception
    assert app.button(key="train_start")
    assert app.session_state["train_states_letters_1"] == ["in progress", "submitted", "flagged"]


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "*[a](http://x)*"])
def test_a_run_of_a_hostile_project_is_shown_as_it_is(visit: Visit, data: Path, name: str) -> None:
    project(resources.store(), name)
    home = training_runs.folder() / "20260101-000000-000000"
    home.mkdir(parents=True)
    plan = Plan(name, "mini", name="x-1", who=name, asked_at="2026-01-01T00:00:00+00:00", documents=6, held_out=2)
    training_runs.write_json(home / "plan.json", plan.to_json())
    training_runs.write_stage(home, "training")
    app = visit("train")
    assert not app.exception
    assert "gone without a word" in said(app).replace("\\", "")
    assert app.button(key="run_resume").label == "Resume"
    for element in app.get("html"):
        assert "<img" not in element.proto.body
    app.button(key="run_forget").click().run()
    assert training_runs.runs() == ()


def test_a_checkpoint_is_taken_into_use_in_this_tab_and_for_everybody(visit: Visit, data: Path) -> None:
    checkpoint(checkpoints.folder() / "tiny")
    app = another(visit(), "tiny")
    assert not app.exception
    assert app.session_state["checkpoint_name"] == "tiny"
    assert "**tiny** is in use" in said(app)
    assert app.query_params["checkpoint"] == "tiny"
    assert "**mini** is in use" in said(visit())
    # a reload, or a link
    assert "**tiny** is in use" in said(visit(checkpoint="tiny"))
    app.button(key="checkpoint_everybody").click().run()
    assert "**tiny** is in use" in said(visit())


def test_an_address_fetches_nothing(visit: Visit) -> None:
    app = visit(checkpoint="owner/name")
    assert "**mini** is in use" in said(app)


def broken(kind: str) -> Path:
    path = checkpoints.folder() / kind
    shutil.copytree(EMBEDDED / "mini", path)
    if kind == "cut":
        weights = path / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
    elif kind == "other":
        (path / "gliner_config.json").write_text(json.dumps({"relations_layer": None}))
    elif kind == "wordless":
        (path / "tokenizer.json").write_text("[]")
    return path


@pytest.mark.parametrize("kind", ["cut", "other", "wordless"])
def test_a_broken_checkpoint_leaves_the_old_one(visit: Visit, data: Path, kind: str) -> None:
    broken(kind)
    app = another(visit(), kind)
    assert not app.exception
    assert app.session_state["checkpoint_name"] == "mini"
    assert "mini stays in use" in said(app).replace("\\", "")
    assert "Expected" in said(app)


def test_a_hub_id_without_a_network_names_the_cache(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    app = another(visit(), "knowledgator/gliner-relex-large-v1.0")
    words = said(app).replace("\\", "")
    assert "in the cache" in words
    assert "mini stays in use" in words


def test_a_path_outside_is_refused(visit: Visit, data: Path) -> None:
    app = visit()
    app.text_input(key="checkpoint_other").set_value("/etc").run()
    assert "a folder inside" in said(app)
    assert app.session_state["checkpoint_name"] == "mini"
