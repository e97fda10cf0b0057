"""Runs as real processes on a tiny checkpoint: to the end, one after the other, stopped, killed, broken."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from db import audit
from db.manifests import file_hash
from db.store import Store
from db.values import State
from pages.shared import checkpoints, comparing, resources, training_failures, training_plan, training_runs
from pages.shared.training_plan import Plan
from pages.shared.training_runs import Run
from relex_core.datasets import read_gold
from relex_core.errors import InputError
from relex_core.types import Annotation, Document, Entity, EntityLabel
from tests.pages.trained import project, until
from tests.relex_core.tiny import checkpoint


@pytest.fixture
def store(data: Path) -> Iterator[Store]:
    """A store with a project, and a tiny checkpoint to begin with; no process outlives the test."""
    project(resources.store())
    checkpoint(checkpoints.folder() / "tiny")
    yield resources.store()
    for run in training_runs.runs():
        training_runs.stop(run)
    for run in training_runs.runs():
        until(run, lambda run: not run.going)
    training_runs.runs()  # collects the ends of processes


def plan(**changes: object) -> Plan:
    return replace(Plan("letters", "tiny", epochs=2, dev=0.25, who="ada"), **changes)  # type: ignore[arg-type]


def step_of(run: Run) -> int:
    return int(json.loads((run.folder / "model/status.json").read_text())["step"])


def test_a_run_waits_for_the_one_that_is_going(store: Store) -> None:
    first = training_runs.begin(store, plan(epochs=5000))
    until(first, lambda run: run.stage in ("before", "training"))
    second = training_runs.begin(store, plan(seed=1))
    assert (first.plan.name, second.plan.name) == ("letters-1", "letters-2")
    assert training_runs.read(second.folder).stage == "waiting"
    assert [run.id for run in training_runs.going(training_runs.runs())] == [first.id, second.id]
    for run in (second, first):
        training_runs.stop(run)
        assert until(run, lambda run: not run.going).stage == "stopped"


def test_of_runs_that_wait_the_first_goes_first(store: Store) -> None:
    working = training_runs.begin(store, plan(epochs=5000))
    until(working, lambda run: run.stage in ("before", "training"))
    first = training_runs.begin(store, plan(seed=1))
    first_pid = list(training_runs._children)[-1]
    later = training_runs.begin(store, plan(seed=2))
    until(later, lambda run: "launched" in (run.folder / "log.txt").read_text())
    # however late the first looks whether it is its turn
    os.kill(first_pid, signal.SIGSTOP)
    try:
        training_runs.stop(working)
        until(working, lambda run: not run.going)
        time.sleep(3)
        assert training_runs.read(later.folder).stage == "waiting"
    finally:
        os.kill(first_pid, signal.SIGCONT)
    until(first, lambda run: run.stage != "waiting")
    assert training_runs.read(later.folder).stage == "waiting"
    training_runs.stop(first)
    until(later, lambda run: run.stage != "waiting")


def test_a_run_that_is_resumed_waits_for_what_was_begun_later(data: Path) -> None:
    homes = [training_runs.folder() / name for name in ("1-resumed", "2-training", "3-beside", "4-waiting")]
    for home in homes:
        home.mkdir(parents=True)
        made = plan(name=home.name[2:], asked_at="2026-01-01T00:00:00+00:00", beside=home.name == "3-beside")
        training_runs.write_json(home / "plan.json", made.to_json())
    training_runs.write_stage(homes[0], "waiting", ticket=8)
    training_runs.write_stage(homes[1], "training")
    training_runs.write_stage(homes[2], "training")
    training_runs.write_stage(homes[3], "waiting", ticket=9)
    with ExitStack() as living:
        for home in homes:
            living.enter_context(training_runs._alive(home))
        runs = training_runs.runs()
        ahead = {run.id: [other.id for other in training_runs.ahead_of(run, runs)] for run in runs}
    assert ahead["1-resumed"] == ["2-training"]
    assert ahead["4-waiting"] == ["1-resumed", "2-training"]


def test_a_run_trains_compares_and_leaves_a_checkpoint(store: Store) -> None:
    done = until(training_runs.begin(store, plan()), lambda run: not run.going)
    assert done.stage == "done", done.message
    assert (done.progress, done.step, done.steps) == (1.0, 2, 2)
    assert [step for step, _, _ in done.losses] == [1, 2]
    assert [step for step, _, _ in done.scores] == [1, 2]

    found = comparing.read(done.folder)
    assert found.complete
    before, after = found.usual
    assert before is not None
    assert after is not None
    assert (before.documents, after.documents) == (2, 2)
    assert before.sha256 == after.sha256 == file_hash(done.folder / "data.dev.jsonl")
    assert before.predictor.startswith("relex_core, tiny@")
    assert after.predictor.startswith("relex_core, letters-1@")

    train, held_out = (read_gold(done.folder / f"data.{side}.jsonl") for side in ("train", "dev"))
    assert not {gold.document.text for gold in train} & {gold.document.text for gold in held_out}
    assert len(train) == done.plan.documents == 6

    (made,) = audit.checkpoints(store)
    assert made.version == after.predictor.removeprefix("relex_core, ")
    assert (made.base, made.path) == ("tiny", str(checkpoints.folder() / "letters-1"))
    assert made.snapshot_sha256 == file_hash(done.folder / "data.train.jsonl")
    assert made.scores["after"]["relation_f1"] == after.figures["relations"]["f1"]
    assert audit.events(store)[0].by == "ada"
    assert resources.readings("letters-1").service.version == made.version

    training_runs.remove(done)
    assert done.id not in {run.id for run in training_runs.runs()}
    assert checkpoints.locate("letters-1") == made.path


def test_a_killed_training_process_is_told_and_goes_on_where_it_was_saved(store: Store) -> None:
    run = training_runs.begin(store, plan(epochs=400))
    until(run, lambda run: run.step >= 3 and (run.folder / "model/state.pt").is_file())
    os.kill(int(json.loads((run.folder / "model/status.json").read_text())["pid"]), signal.SIGKILL)
    ended = until(run, lambda run: not run.going)
    assert ended.stage == "failed"
    assert "was killed" in ended.message
    assert "Resume goes on from the last save" in ended.message
    killed_at = step_of(run)
    # a shorter plan, so that the test ends: the length is no part of what makes a run this run
    config = json.loads((run.folder / "train.json").read_text())
    (run.folder / "train.json").write_text(json.dumps({**config, "epochs": killed_at + 2}))
    training_runs.resume(ended)
    done = until(run, lambda run: not run.going)
    assert (done.stage, done.step) == ("done", killed_at + 2)
    assert "resuming after step" in (run.folder / "log.txt").read_text()
    steps = [step for step, _, _ in done.losses]
    assert steps == sorted(set(steps))


def test_all_of_a_run_killed_at_once_is_seen_without_its_last_word(store: Store) -> None:
    run = training_runs.begin(store, plan(epochs=400))
    until(run, lambda run: run.step >= 1)
    with pytest.raises(InputError, match="one that goes on"):
        training_runs.resume(run)
    pid = list(training_runs._children)[-1]
    os.killpg(pid, signal.SIGKILL)
    ended = until(run, lambda run: not run.going)
    assert ended.stage == "failed"
    assert "gone without a word" in ended.message


def test_a_stopped_run_keeps_what_it_has_learned(store: Store) -> None:
    run = training_runs.begin(store, plan(epochs=400))
    until(run, lambda run: run.step >= 2)
    training_runs.stop(run)
    ended = until(run, lambda run: not run.going)
    assert ended.stage == "stopped"
    assert (run.folder / "model/state.pt").is_file()
    # no half-made checkpoint is offered
    assert checkpoints.names() == ("mini", "tiny")


def test_a_broken_base_is_refused_in_its_own_words(store: Store) -> None:
    (checkpoints.folder() / "tiny/model.safetensors").write_bytes(b"no weights")
    ended = until(training_runs.begin(store, plan()), lambda run: not run.going)
    assert ended.stage == "failed"
    assert ended.message.startswith("Expected whole weights in model.safetensors")


def test_too_little_is_refused_and_leaves_nothing(store: Store) -> None:
    with pytest.raises(InputError, match="at least 4 annotated documents"):
        training_runs.begin(store, plan(states=("flagged",)))
    with pytest.raises(InputError, match="a folder inside"):
        training_runs.begin(store, plan(base="/etc"))
    assert training_runs.runs() == ()
    assert audit.exports(store, "letters") == ()


def test_the_outlook_counts_what_the_filter_finds_and_warns(store: Store) -> None:
    found = training_plan.outlook(store, plan())
    assert (found.train, found.held_out, found.summary.relations["lives in"]) == (6, 2, 8)
    assert any("8 documents are few" in warning for warning in found.warnings)
    assert not training_plan.outlook(store, plan(annotators=("nobody",))).possible
    again = training_plan.outlook(store, plan(seed=3))
    assert (again.train, again.held_out) == (6, 2)
    assert not any("passages" in warning for warning in found.warnings)
    long = Document.from_text("Ada lives in Rome. " * 60, id="long")
    store.add_documents("letters", [long])
    schema = store.project("letters").schema
    store.save(
        "letters", Annotation(long, schema, (Entity("a", 0, 3, "person"),)), annotator="ada", state=State.SUBMITTED
    )
    told = "1 document of more than 256 words will be learnt in passages"
    assert any(warning.startswith(told) for warning in training_plan.outlook(store, plan()).warnings)
    labels = (*schema.entity_labels, EntityLabel("river"))
    store.save_schema("letters", replace(schema, entity_labels=labels))
    assert "1 × entity labels without an example: river." in training_plan.outlook(store, plan()).warnings


def test_a_base_that_knew_the_held_out_documents_is_named(store: Store) -> None:
    found = training_plan.outlook(store, plan())
    first = replace(plan(), name="letters-1", documents=6, held_out=2)
    runs = (Run(Path("x"), first, "done"),)
    assert training_runs.known_to_base(plan(base="letters-1"), found, runs) == ()
    assert training_runs.known_to_base(plan(base="letters-1", seed=9), found, runs)
    assert training_runs.known_to_base(plan(), found, runs) == ()


@pytest.mark.parametrize(
    ("code", "log", "said"),
    [
        (1, "RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried", "not enough memory"),
        (1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "not enough memory"),
        (1, "OSError: [Errno 28] No space left on device", "disk is full"),
        (-9, "", "was killed"),
        (-15, "", "SIGTERM"),
        (None, "", "gone without a word"),
        (2, "error: Expected a finite loss, found nan. Lower the learning rates.", "Lower the learning rates."),
        (1, "KeyError: 'x'", "KeyError: 'x'"),
    ],
)
def test_why_a_run_ended_is_said_in_words(tmp_path: Path, code: int | None, log: str, said: str) -> None:
    (tmp_path / "log.txt").write_text(f"MemoryError\n--- launched now\n{log}\n" if "launched" not in log else log)
    message = training_failures.explain(tmp_path, code)
    assert said in message
    assert "Traceback" not in message
