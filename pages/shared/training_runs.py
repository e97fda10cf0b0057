"""Fine-tuning runs, each a folder that says everything about itself. No Streamlit in here.

    plan.json             what was asked for, by whom, from which snapshot
    data.train.jsonl, data.dev.jsonl   the snapshot, each with its manifest
    train.json            the same as a configuration of `python -m relex_core train`
    model/                that command's run: status, metrics, checkpoints, what resuming needs
    stage.json            where the run stands; `training_process` writes it
    before.json, after.json   scores on the held-out documents, as `evaluate --json` writes them
    log.txt               what the processes said
    alive                 locked as long as one of the run's processes lives

A run is a process of its own: closing the page or stopping the server leaves it alone. Whether it lives is asked
of the lock, which the system frees however the process ends; a process number could belong to somebody else by now.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from db.exports import split_snapshot
from db.store import Store
from db.values import State
from pages.shared import checkpoints, training_failures, training_plan
from pages.shared.bundles import file_stem
from pages.shared.training_plan import Outlook, Plan
from relex_core.errors import InputError, NotFound
from relex_core.outputs import replacing, writing

ROOT = Path(__file__).parents[2]
STOP = "stop"
"""A file of this name asks a run to end with everything saved; the trainer has one of the same name."""

GOING = ("waiting", "before", "training", "after")
"""Stages of a run that lives; the others are done, stopped and failed."""

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Runs that this server began: their ends are collected, so that none stays behind as a zombie."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its folder says now. `losses` are (step, entity, relation), `scores` (step, entity F1, relation F1).

    `message` is why it failed, in words. `left` are seconds of training to go, None before that can be said.
    """

    folder: Path
    plan: Plan
    stage: str
    message: str = ""
    progress: float = 0.0
    step: int = 0
    steps: int = 0
    left: float | None = None
    losses: tuple[tuple[int, float, float], ...] = ()
    scores: tuple[tuple[int, float, float], ...] = ()

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def going(self) -> bool:
        return self.stage in GOING

    @property
    def checkpoint(self) -> Path:
        """Where the result is, or will be."""
        return checkpoints.folder() / self.plan.name


def folder() -> Path:
    """Where runs are kept, beside the database."""
    return Path(os.environ.get("RELEX_DATA") or "data").absolute() / "runs"


def begin(store: Store, plan: Plan) -> Run:
    """Write the snapshot and start the run. Raises InputError, CheckpointError, NotFound or StoreError."""
    training_plan.check(store, plan)
    base = checkpoints.locate(plan.base)
    home = _new_folder()
    change = "Free some space, or let RELEX_DATA name another folder."
    try:
        with writing(f"a training run into {folder()}", home, change):
            _write(store, plan, base, home)
            launch(home)
    except Exception:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return read(home)


def _write(store: Store, plan: Plan, base: str, home: Path) -> None:
    """The snapshot, the configuration and the plan of a run; its checkpoint's name is taken."""
    states = tuple(State(name) for name in plan.states)
    made = split_snapshot(
        store, plan.project, home / "data.jsonl", dev=plan.dev, test=0.0, seed=plan.seed, states=states,
        annotators=plan.annotators or None, by=plan.who,
    )  # fmt: skip
    train, dev = made["train"], made["dev"]
    plan = replace(
        plan,
        name=checkpoints.unused(_stem(plan)),
        asked_at=store.now().isoformat(),
        documents=train.documents,
        held_out=dev.documents,
        entities=train.entities,
        relations=train.relations,
        sha256=train.sha256,
    )
    base = str(Path(base).absolute()) if Path(base).exists() else base
    chosen = training_plan.config(plan, base, train.path, dev.path, threads())
    training_plan.write_config(chosen, home / "train.json")
    write_json(home / "plan.json", plan.to_json())
    # the name is taken from here on, though the checkpoint comes later
    (checkpoints.folder() / plan.name).mkdir(parents=True)


def threads() -> int:
    """Threads of a run: one core is left for the people who work meanwhile."""
    return max(1, (os.cpu_count() or 2) - 1)


def launch(home: Path) -> None:
    """Start the process of a run, or start it again. Raises InputError if it lives."""
    # a run that has just said its last word may still be leaving: on a busy machine that was seen to take seconds
    with _alive(home, patience=10.0) as lock:
        if lock is None:
            raise InputError(
                expected="a run that has ended", found="one that goes on", change="Stop it first.", value=home.name
            )
        for stop in (home / STOP, home / "model" / STOP):
            stop.unlink(missing_ok=True)
        write_stage(home, "waiting", ticket=time.time_ns())
        with (home / "log.txt").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "pages.shared.training_process", str(home), str(lock)],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=(lock,),
                env=environment(),
            )  # fmt: skip
    _children[process.pid] = process


def environment() -> dict[str, str]:
    """That of this process, with folders that do not depend on where a process stands."""
    env = {**os.environ, "RELEX_DATA": str(folder().parent), checkpoints.FOLDER: str(checkpoints.folder())}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return env


def runs() -> tuple[Run, ...]:
    """All runs, newest first; a folder without a plan that can be read is none."""
    for pid, process in list(_children.items()):
        if process.poll() is not None:
            del _children[pid]
    found = []
    for home in sorted(folder().glob("*/plan.json"), reverse=True):
        with suppress(NotFound):
            found.append(read(home.parent))
    return tuple(found)


def going(among: tuple[Run, ...]) -> tuple[Run, ...]:
    """Those that live, the first of them first."""
    return tuple(run for run in reversed(among) if run.going)


def ahead_of(run: Run, among: tuple[Run, ...]) -> tuple[Run, ...]:
    """What a run that waits waits for: those at work that take turns, and those that asked before it."""
    mine = _ticket(run.folder)
    return tuple(other for other in going(among) if not other.plan.beside and _ticket(other.folder) < mine)


def known_to_base(plan: Plan, found: Outlook, among: tuple[Run, ...]) -> tuple[str, ...]:
    """What to say if the base checkpoint may have learned from documents that this plan would hold out."""
    made = next((run.plan for run in among if run.plan.name == plan.base and run.plan.project == plan.project), None)
    if made is None:
        return ()
    then = (made.seed, made.dev, made.states, made.annotators, made.documents, made.held_out)
    if then == (plan.seed, plan.dev, plan.states, plan.annotators, found.train, found.held_out):
        return ()
    return (
        f"{plan.base} learned from this project under another split: it may know documents that are held out now, and "
        "its scores are then too good. Begin with the checkpoint that it came from for a fair comparison.",
    )


def stop(run: Run) -> None:
    """Ask a run to end after the step that it is in. What it has learned is kept."""
    if run.going:
        (run.folder / STOP).touch()


def resume(run: Run) -> None:
    """Go on with a run that was stopped, failed or killed. Raises InputError if it lives."""
    launch(run.folder)


def remove(run: Run) -> None:
    """Forget a run that has ended; a checkpoint that came of it stays."""
    if not run.going:
        shutil.rmtree(run.folder, ignore_errors=True)
        with suppress(OSError):
            run.checkpoint.rmdir()  # only where nothing came of it


def read(home: Path) -> Run:
    """A run as it stands. Raises NotFound."""
    try:
        plan = Plan.from_json(read_json(home / "plan.json"))
    except (TypeError, KeyError) as error:
        raise NotFound(
            expected="a training run", found=f"no plan in {home.name}", change="Choose another.", value=str(home)
        ) from error
    said = read_json(home / "stage.json")
    stage, message = str(said.get("stage", "failed")), ""
    if stage in GOING and not lives(home):
        stage, message = "failed", training_failures.explain(home, None)
    elif stage == "failed":
        message = training_failures.explain(home, said.get("exit"))
    return _with_figures(Run(home, plan, stage, message))


def lives(home: Path) -> bool:
    """Whether a process of the run holds its lock."""
    with _alive(home) as lock:
        return lock is None


def next_in_line(home: Path) -> bool:
    """Whether no living run that waits was asked for before the one in `home`; to resume is to ask again."""
    mine = _ticket(home)
    return not any(
        (0, "") <= _ticket(file.parent) < mine and lives(file.parent) for file in home.parent.glob("*/stage.json")
    )


def _ticket(home: Path) -> tuple[int, str]:
    """The place of a waiting run in the line, a negative one for any other."""
    said = read_json(home / "stage.json")
    return (int(said.get("ticket", 0)) if said.get("stage") == "waiting" else -1), home.name


def _with_figures(run: Run) -> Run:
    """The run with what the trainer has written about it so far."""
    model = run.folder / "model"
    status, config = read_json(model / "status.json"), read_json(model / "config.json")
    losses, scores = [], []
    if (model / "metrics.jsonl").is_file():
        for line in (model / "metrics.jsonl").read_text("utf-8").splitlines():
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                if "dev" in entry:
                    found = next(iter(entry["dev"].values()))
                    scores.append((int(entry["step"]), float(found["entity_f1"]), float(found["relation_f1"])))
                else:
                    losses.append((int(entry["step"]), float(entry["entity_loss"]), float(entry["relation_loss"])))
    step, progress = int(status.get("step", 0)), float(status.get("progress", 0.0))
    left = float(status["seconds"]) / progress * (1 - progress) if progress > 0 and step else None
    return replace(
        run, progress=progress, step=step, steps=int(config.get("steps", 0)), left=left,
        losses=_forward(losses), scores=_forward(scores),
    )  # fmt: skip


def _forward(points: list[tuple[int, float, float]]) -> tuple[tuple[int, float, float], ...]:
    """Without what was done again after a kill: the last word on each step."""
    return tuple(sorted({point[0]: point for point in points}.values()))


@contextmanager
def _alive(home: Path, patience: float = 0.02) -> Iterator[int | None]:
    """The run's lock, held meanwhile; None if a process of the run has it and keeps it for `patience` seconds."""
    descriptor = os.open(home / "alive", os.O_RDWR | os.O_CREAT, 0o644)
    until = time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # another reader holds it for an instant, a process for good
                if time.monotonic() > until:
                    yield None
                    return
                time.sleep(0.005)
        yield descriptor
    finally:
        os.close(descriptor)


def write_stage(home: Path, stage: str, **more: Any) -> None:
    write_json(home / "stage.json", {"stage": stage, "at": datetime.now().isoformat(), **more})


def write_json(path: Path, data: dict[str, Any]) -> None:
    """The file is there whole or not at all."""
    with replacing(path) as part:
        part.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", "utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file, empty if there is none."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text("utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def _new_folder() -> Path:
    stamp = f"{datetime.now():%Y%m%d-%H%M%S-%f}"
    home = folder() / stamp
    home.mkdir(parents=True)
    return home


def _stem(plan: Plan) -> str:
    return file_stem(plan.name or plan.project)[:40].lower()
