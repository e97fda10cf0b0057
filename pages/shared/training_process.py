"""The process of one fine-tuning run: `python -m pages.shared.training_process FOLDER LOCK`.

It waits for its turn, scores the base checkpoint on the held-out documents, trains, scores the result, and puts it
among the checkpoints. Each of these is a process in turn, so that one that is killed is told from one that gave up,
and what it used is freed. It outlives the page and the server; `training_runs` reads what it leaves.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

from pages.shared import checkpoints
from pages.shared.training_plan import Plan
from pages.shared.training_runs import STOP, next_in_line, read_json, write_stage

_LOOK = 0.2


class Ended(Exception):
    """The run ends here, in the stage `stage`, because a process ended with `code`."""

    def __init__(self, stage: str, code: int = 0) -> None:
        self.stage, self.code = stage, code


def main(home: Path, lock: int) -> int:
    """Do the run in `home`; `lock` is the descriptor of its lock, which its processes inherit."""
    # people who work meanwhile come first
    os.nice(max(0, 5 - os.nice(0)))
    print(f"--- launched {time.strftime('%Y-%m-%d %H:%M:%S')}", flush=True)
    plan = Plan.from_json(read_json(home / "plan.json"))
    try:
        with _turn(home, plan) as turn:
            locks = (lock, turn.fileno())
            if not (home / "before.json").is_file():
                _do(home, "before", ["pages.shared.comparing", str(home), "before"], locks)
            if read_json(home / "model/status.json").get("state") != "done":
                _do(home, "training", ["relex_core", "train", str(home / "train.json"), "--out", str(home / "model")],
                    locks)  # fmt: skip
                if read_json(home / "model/status.json").get("state") == "stopped":
                    raise Ended("stopped")
            publish(home, plan)
            _do(home, "after", ["pages.shared.comparing", str(home), "after"], locks)
            # the result has its place; what only resuming needs would triple the run's size
            (home / "model/state.pt").unlink(missing_ok=True)
            shutil.rmtree(home / "model/last", ignore_errors=True)
    except Ended as ended:
        write_stage(home, ended.stage, exit=ended.code)
        return int(ended.stage == "failed")
    write_stage(home, "done")
    return 0


def publish(home: Path, plan: Plan) -> None:
    """Copy the best weights to their place among the checkpoints, there whole or not at all."""
    made = home / "model/best"
    if not made.is_dir():
        made = home / "model/last"
    target = checkpoints.folder() / plan.name
    if (target / checkpoints.CONFIG).is_file():
        return
    part = target.with_name(f".{plan.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(made, part)
    # a new name is an empty folder, which a rename replaces
    target.mkdir(parents=True, exist_ok=True)
    os.replace(part, target)


def _turn(home: Path, plan: Plan) -> TextIO:
    """The file whose lock says that a run is at work, locked by who came first; where the plan says so, without
    waiting."""
    file = (home.parent / "turn").open("a")
    while not plan.beside:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if next_in_line(home):
                break
            fcntl.flock(file, fcntl.LOCK_UN)
        except BlockingIOError:
            pass
        if (home / STOP).exists():
            raise Ended("stopped")
        time.sleep(_LOOK)
    return file


def _do(home: Path, stage: str, module: list[str], locks: tuple[int, ...]) -> None:
    """Run a module to its end. Raises Ended if it fails or the run is stopped."""
    if (home / STOP).exists():
        raise Ended("stopped")
    process = subprocess.Popen([sys.executable, "-m", *module], pass_fds=locks)  # noqa: S603
    write_stage(home, stage, pid=process.pid)
    while (code := process.poll()) is None:
        if (home / STOP).exists():
            if stage == "training":
                # the trainer ends after its step, with everything saved
                (home / "model").mkdir(exist_ok=True)
                (home / "model" / STOP).touch()
            else:
                process.terminate()
        time.sleep(_LOOK)
    if stage != "training" and (home / STOP).exists():
        raise Ended("stopped")
    if code:
        raise Ended("failed", code)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
