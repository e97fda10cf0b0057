"""Evaluation in the background, its results as files, and the Evaluate screen on real annotations and mini."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from db.values import State
from pages.shared import evaluating, resources, score_tables
from pages.shared.evaluating import EVALUATION, Question, Wrong
from pages.shared.jobs import Jobs
from relex_core.adapters.own import Own
from relex_core.errors import CheckpointError, FormatError, InputError
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Schema, Thresholds
from tests.pages.conftest import ROOT, Visit

RECORDS = (
    {
        "tokenized_text": ["Ada", "Lovelace", "lives", "in", "London", "."],
        "ner": [[0, 1, "person"], [4, 4, "location"]],
        "relations": [[0, 1, "lives in"]],
    },
    {
        "tokenized_text": ["Bob", "was", "born", "in", "Oslo", "."],
        "ner": [[0, 0, "person"], [4, 4, "location"]],
        "relations": [[1, 0, "<b>odd"]],
    },
)
GOLD = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
QUESTION = Question(("mini",), Thresholds(0.3, 0.5))


def finish(jobs: Jobs, question: Question = QUESTION, data: bytes = GOLD, name: str = "tiny.jsonl") -> str:
    job = evaluating.start(jobs, question, data, name, resources.predictor, "ada")
    assert job.wait(120)
    return job.error


def test_a_result_says_what_the_command_says(data: Path) -> None:
    assert finish(Jobs()) == ""
    (path,) = evaluating.kept()
    (ours,) = evaluating.read(path)
    gold, out = data / "tiny.jsonl", data / "out.json"
    gold.write_bytes(GOLD)
    command = [sys.executable, "-m", "relex_core", "evaluate", "--data", str(gold), "--thresholds", "0.3,0.5"]
    subprocess.run([*command, "--json", str(out)], cwd=ROOT, check=True, capture_output=True)
    (theirs,) = evaluating.opened(out.read_bytes(), "out.json")
    assert ours == theirs
    assert ours.figures["entities"]["support"] == 4
    missed = [error for error in ours.errors if error.missed and error.label == "<b>odd"]
    assert [score_tables.edge(error) for error in missed] == ["Oslo → <b>odd → Bob"]


TAGGED = {"tokenized_text": ["Bob", "was", "born", "in", "Oslo", "."], "ner": [[2, 3, "<i>planet"]], "relations": []}


def test_entity_errors_are_listed_with_their_text(data: Path) -> None:
    assert finish(Jobs(), data=(json.dumps(TAGGED) + "\n").encode()) == ""
    ((ours,),) = map(evaluating.read, evaluating.kept())
    (missed,) = (error for error in ours.errors if error.missed)
    assert (missed.text[slice(*missed.head)], missed.tail, missed.label) == ("born in", None, "<i>planet")
    assert score_tables.edge(missed) == "born in: <i>planet"
    assert '<mark class="entity" title="entity">born in</mark>' in score_tables.in_its_text(missed)
    assert "<i>" not in score_tables.in_its_text(missed)


def test_thresholds_are_chosen_on_the_development_file(data: Path) -> None:
    from relex_core.evaluation import predict_file
    from relex_core.tuning import best_thresholds

    development = (json.dumps(RECORDS[0]) + "\n").encode()
    jobs = Jobs()
    assert finish(jobs, Question(("mini",), Thresholds(0.99, 0.99), development=(development, "dev.jsonl"))) == ""
    path = data / "dev.jsonl"
    path.write_bytes(development)
    wanted = best_thresholds(predict_file(resources.predictor("mini"), path))
    ((ours,),) = map(evaluating.read, evaluating.kept())
    assert ours.thresholds == wanted != Thresholds(0.99, 0.99)
    job = jobs.get("ada", EVALUATION)
    assert job is not None
    assert (job.done, job.total) == (3, 3)


def test_a_result_that_cannot_be_kept_is_told(data: Path) -> None:
    (data / "evaluations").write_text("no folder")
    assert finish(Jobs()).startswith("Expected to write a result into ")


@pytest.mark.parametrize("name", ["dev.jsonl", "development-dev.jsonl"])
def test_what_the_files_are_called_does_not_confuse_them(data: Path, name: str) -> None:
    development = (json.dumps(RECORDS[0]) + "\n").encode()
    question = Question(("mini",), Thresholds(), development=(development, "dev.jsonl"))
    assert finish(Jobs(), question, name=name) == ""
    ((ours,),) = map(evaluating.read, evaluating.kept())
    assert (ours.data, ours.documents) == (name.removesuffix(".jsonl"), len(RECORDS))


def test_thresholds_by_label_are_kept_shown_and_taken_into_use(data: Path, visit: Visit) -> None:
    from relex_core.evaluation import predict_file
    from relex_core.tuning import best_thresholds, by_label

    # a place is no person, whatever the model thinks of it
    marked = {"tokenized_text": ["Ada", "met", "Bob", "in", "London", "."], "ner": [[4, 4, "person"]], "relations": []}
    development = (json.dumps(marked) + "\n").encode() * 20
    question = Question(("mini",), Thresholds(), development=(development, "dev.jsonl"), by_label=True)
    assert finish(Jobs(), question) == ""
    path = data / "dev.jsonl"
    path.write_bytes(development)
    tried = predict_file(resources.predictor("mini"), path)
    ((ours,),) = map(evaluating.read, evaluating.kept())
    assert ours.thresholds == by_label(tried, best_thresholds(tried))
    page = visit("explore")
    page.slider(key="entity_threshold").set_value(0.65).run()
    page.switch_page("pages/screens/evaluate.py").run()
    page.button(key="use_thresholds_A").click().run()
    assert page.button(key="use_thresholds_A").disabled
    # Explore's own sliders stand there; single labels are in the editor
    page.switch_page("pages/screens/explore.py").run()
    assert page.session_state["entity_threshold"] == ours.thresholds.entity


def test_thresholds_taken_into_use_are_kept_for_the_project_that_is_open(data: Path, visit: Visit) -> None:
    from db import limits

    assert finish(Jobs(), Question(("mini",), Thresholds(0.65, 0.8))) == ""
    resources.store().create_project("press", Schema.of(["person"], ["knows"]))
    page = visit("documents", project="press")
    page.switch_page("pages/screens/evaluate.py").run()
    page.button(key="use_thresholds_A").click().run()
    assert limits.chosen(resources.store(), "press", "me") == Thresholds(0.65, 0.8)


def test_a_job_counts_its_documents(data: Path) -> None:
    jobs = Jobs()
    finish(jobs, Question(("mini", "mini"), Thresholds(0.3, 0.5)))
    job = jobs.get("ada", EVALUATION)
    assert job is not None
    assert (job.done, job.total) == (4, 4)


class Slow(Own):
    """mini, stopped by somebody after its first document."""

    def predict(
        self,
        documents: Sequence[Document],
        schema: Schema,
        floor: Thresholds,
        given: Sequence[tuple[Entity, ...]] | None = None,
    ) -> Iterator[Extraction]:
        for extraction in super().predict(documents, schema, floor, given):
            yield extraction
            self.stop()


def test_a_stopped_evaluation_leaves_no_result(data: Path) -> None:
    from relex_core.inference import Extractor

    jobs = Jobs()

    def slow(checkpoint: str) -> Slow:
        predictor = Slow(Extractor.load(checkpoint))
        predictor.stop = lambda: jobs.get("ada", EVALUATION).stop()  # type: ignore[attr-defined, union-attr]
        return predictor

    job = evaluating.start(jobs, QUESTION, GOLD, "tiny.jsonl", slow, "ada")
    assert job.wait(120)
    assert (job.stopped, job.done, job.error) == (True, 1, "")
    assert evaluating.kept() == ()


def test_what_cannot_be_measured_says_why(data: Path) -> None:
    with pytest.raises(InputError, match="a checkpoint"):
        finish(Jobs(), Question((), Thresholds()))
    assert "line 1" in finish(Jobs(), data=b'{"no": "record"}\n')
    wrong = finish(Jobs(), Question(("nowhere",), Thresholds()))
    assert "Check the name, or copy the checkpoint there" in wrong
    with pytest.raises(CheckpointError):
        resources.predictor("nowhere")
    with pytest.raises(InputError, match="a folder inside"):
        resources.predictor(str(data / "outside"))


@pytest.mark.parametrize(
    "content", [b"\xff", b"[]", b"{}", b'{"predictor": "x", "files": []}', b'{"predictor": "x", "files": [{}]}']
)
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match="evaluate --json"):
        evaluating.opened(content, "x.json")


@pytest.mark.parametrize(
    ("key", "value"), [("f1", "7"), ("f1", "NaN"), ("precision", "-1"), ("support", "1e999"), ("by_label", "[" * 10**5)]
)
def test_figures_that_are_none_are_refused(key: str, value: str) -> None:
    figures = {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1, "f1_95": [0.5, 1.0], "by_label": {}}
    about = {"data": "d", "sha256": "0", "documents": 1, "partial": False, "gold_entities": False}
    about |= {"thresholds": {"entity": 0.5, "relation": 0.5}, "confusions": [], "errors": []}

    def written(**more: object) -> str:
        entry = {**about, "entities": {**figures, **more}, "relations": figures, "relations_with_types": figures}
        return json.dumps({"predictor": "p", "files": [entry]})

    assert evaluating.opened(written().encode(), "x.json")
    with pytest.raises(FormatError, match="evaluate --json"):
        evaluating.opened(written(**{key: "HERE"}).replace('"HERE"', value).encode(), "x.json")


def test_a_name_never_becomes_a_path() -> None:
    assert evaluating._file_name("../../etc/passwd.jsonl") == "etc-passwd.jsonl"
    assert evaluating._file_name("a b.jsonl.gz") == "a-b.jsonl.gz"
    assert evaluating._file_name("conll04_dev.jsonl") == "conll04_dev.jsonl"
    assert evaluating._file_name("...") == "export.jsonl"
    assert evaluating._file_name("../a b.marked") == "a-b.marked"


def test_marked_text_is_measured_on_as_it_is_trained_on(data: Path) -> None:
    text = "[Ada Lovelace|person] lives in [London|location].\n1 > 2: lives in\n"
    assert finish(Jobs(), data=text.encode(), name="notes.marked") == ""
    ((ours,),) = map(evaluating.read, evaluating.kept())
    assert (ours.data, ours.documents, ours.figures["entities"]["support"]) == ("notes", 1, 2)


def test_a_text_is_escaped_and_its_ends_are_marked() -> None:
    error = Wrong("d<", "<i>Ada</i> & 😀 Bob", False, "met<", (3, 6), (15, 18))
    shown = score_tables.in_its_text(error)
    assert '&lt;i&gt;<mark class="head" title="head">Ada</mark>&lt;/i&gt; &amp; ' in shown
    assert ">Bob</mark>" in shown
    assert "met&lt;" in shown
    nested = score_tables.in_its_text(Wrong("d", "New York City", True, "in", (0, 13), (0, 8)))
    assert '<mark class="head tail" title="head and tail">New York</mark>' in nested


def annotated_project() -> None:
    store = resources.store()
    schema = Schema.of(["person", "location"], ["lives in"])
    store.create_project("letters", schema)
    for name, place in (("Ada", "London"), ("Bob", "Oslo")):
        document = Document.from_text(f"{name} lives in {place}.")
        store.add_documents("letters", [document])
        at = document.text.index(place)
        ends = Entity("h", 0, 3, "person"), Entity("t", at, at + len(place), "location")
        annotation = Annotation(document, schema, ends, (Relation("h", "t", "lives in"),))
        store.save("letters", annotation, annotator="ada", state=State.SUBMITTED)


def test_the_screen_measures_a_project_and_shows_two_results(visit: Visit) -> None:
    app = visit("evaluate")
    assert not app.exception
    assert "Nothing measured yet" in " ".join(h.proto.body for h in app.get("html"))
    app.button(key="evaluate_start").click().run()
    assert "Create it first" in " ".join(str(w.value) for w in app.warning)
    annotated_project()
    for _ in range(2):
        app.run()
        app.button(key="evaluate_start").click().run()
        job = resources.jobs().get("me", EVALUATION)
        assert job is not None
        assert job.wait(120)
        assert job.error == ""
    both = Question(("mini", str(ROOT / "relex_core/checkpoints/mini")), Thresholds(0.5, 0.75))
    job = evaluating.start(resources.jobs(), both, GOLD, "tiny.jsonl", resources.predictor, "me")
    assert job.wait(120)
    app.session_state["remembered_evaluate_asked"] = 2
    app.run()
    assert not app.exception
    shown = " ".join(h.proto.body for h in app.get("html"))
    assert shown.count("2 documents, above 0.5 / 0.75") == 2
    app = visit("evaluate")
    result_a = next(s for s in app.selectbox if s.label == "Result A")
    menu = result_a.options
    assert len(set(menu)) == len(menu) == 4
    result_a.select_index(3).run()
    shown = " ".join(h.proto.body for h in app.get("html"))
    assert "2 documents, above 0.5 / 0.5" in shown
    assert "95% interval" in shown
    assert "lives in" in shown
    next(s for s in app.selectbox if s.label == "Result B").select_index(1).run()
    assert not app.exception
    assert "<b>B</b>" in " ".join(h.proto.body for h in app.get("html"))
    for view in ("Confusions", "Errors"):
        app.segmented_control(key="evaluate_view").set_value(view).run()
        assert not app.exception


def test_an_error_opens_its_text(visit: Visit) -> None:
    assert finish(resources.jobs()) == ""
    app = visit("evaluate")
    app.segmented_control(key="evaluate_view").set_value("Errors").run()
    app.segmented_control(key="error_kind").set_value("missed").run()
    app.selectbox(key="error_label").set_value("<b>odd").run()
    assert not app.exception
    body = " ".join(h.proto.body for h in app.get("html"))
    assert ">Oslo</mark>" in body
    assert "<b>odd" not in body
