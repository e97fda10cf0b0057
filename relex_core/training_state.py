"""The directory of a run: what others may watch, what is made, and what resuming needs.

config.json         what was asked for, the data files with their sha256, the machine
metrics.jsonl       one line each `log_every` steps and for each evaluation
status.json         {"state": "running" | "done" | "failed" | "stopped", "step", "progress", ...}
last/, best/        checkpoints in GLiNER's format; best only with a development file
state.pt            what resuming needs: weights, optimiser, position, random state
"""

from __future__ import annotations

import json
import os
import pickle
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from relex_core.checkpoint import LoadedModel, write
from relex_core.errors import CheckpointError, ConfigError, InputError, quote
from relex_core.outputs import reason
from relex_core.training_config import TrainConfig

STOP = "stop"
"""A file of this name in the run's directory ends the run after the current step, with everything saved."""


@dataclass
class Progress:
    """Where a run stands; with the weights, the optimiser and torch's random state, all that resuming needs."""

    step: int = 0
    chunk: int = 0
    batch: int = 0
    examples: int = 0
    seconds: float = 0.0
    best: float = -1.0
    best_step: int = 0
    evaluated: int = 0


@dataclass(frozen=True)
class RunDirectory:
    """All files of one run. Of processes that train together only the `main` one writes.

    Raises InputError where the disk is full or refuses.
    """

    path: Path
    main: bool

    @property
    def stop(self) -> Path:
        """Whoever makes this file ends the run."""
        return self.path / STOP

    def describe(self, config: TrainConfig, base: str, data: list[dict[str, Any]], steps: int) -> None:
        """What the run is, in config.json."""
        machine = {
            "platform": platform.platform(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }
        about = {"config": config.to_json(), "base": base, "data": data, "steps": steps, "machine": machine}
        self._replace("config.json", json.dumps(about, indent=1) + "\n")

    def status(self, state: str, fraction: float, progress: Progress) -> None:
        """How far it is, in status.json."""
        line = {"state": state, "pid": os.getpid(), "progress": round(fraction, 4), **asdict(progress)}
        self._replace("status.json", json.dumps(line))

    def append(self, line: dict[str, Any]) -> None:
        """One more line of metrics.jsonl."""
        if self.main:
            path = self.path / "metrics.jsonl"
            with storing(path), path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def rewind(self, step: int) -> None:
        """Drop the metrics of what comes after `step` and is done again, and a line that was cut short."""
        file = self.path / "metrics.jsonl"
        if self.main and file.is_file():
            lines = file.read_text("utf-8", "replace").splitlines(keepends=True)
            self._replace("metrics.jsonl", "".join(line for line in lines if 0 <= _step_of(line) <= step))

    def write(self, name: str, loaded: LoadedModel, step: int) -> None:
        """The weights as the checkpoint `name`. Raises InputError also for weights that are no numbers."""
        weights = loaded.model.state_dict()
        broken = [key for key, value in weights.items() if not bool(torch.isfinite(value).all())]
        if broken:
            raise diverged("finite weights", f"others in {broken[0]} after step {step:,}")
        with storing(self.path / name):
            write(loaded.model, loaded.builder, loaded.path, self.path / name)

    def save(
        self,
        loaded: LoadedModel,
        optimizer: torch.optim.Optimizer,
        progress: Progress,
        config: TrainConfig,
        inputs: list[str],
    ) -> None:
        """Weights and state, each replaced at once, so that a kill leaves the one or the other. `inputs` are what the
        run stands on: the base checkpoint's version, the SHA-256 of each data file."""
        if not self.main:
            return
        self.write("last", loaded, progress.step)
        state = {
            "plan": config.fingerprint(),
            "inputs": inputs,
            "progress": asdict(progress),
            "model": loaded.model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "random": torch.get_rng_state(),
        }
        part = self.path / "state.part"
        with storing(part):
            torch.save(state, part)
            os.replace(part, self.path / "state.pt")

    def resume(
        self, loaded: LoadedModel, optimizer: torch.optim.Optimizer, config: TrainConfig, inputs: list[str]
    ) -> Progress:
        """Give the model, the optimiser and torch's random numbers the state that was saved last, if one was; where the
        run stands. Raises ConfigError for the state of another run, CheckpointError for one that is not whole."""
        file = self.path / "state.pt"
        progress = Progress()
        if file.is_file():
            state = _read_state(file, loaded.model.device)
            other = state["plan"] != config.fingerprint()
            if other or state.get("inputs", inputs) != inputs:
                raise ConfigError(
                    expected="a directory without a run, or with the run of this configuration to go on with",
                    found=f"another run in {self.path}" + ("" if other else ", from other data or another base"),
                    change="Choose another --out, or remove that directory.",
                    value=str(self.path),
                )
            loaded.model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["random"].cpu())
            progress = Progress(**state["progress"])
        self.rewind(progress.step)
        return progress

    def _replace(self, name: str, text: str) -> None:
        """A file is there whole, as it was or as it will be."""
        if self.main:
            part = (self.path / name).with_suffix(".part")
            with storing(part):
                part.write_text(text, "utf-8")
                os.replace(part, self.path / name)


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Write `path`, a file or a directory. Raises InputError if the disk is full or refuses; a file ending in .part,
    which was begun and is of no use, is removed then."""
    try:
        yield
    except Exception as error:  # each of the libraries that write here has an error of its own
        if path.suffix == ".part":
            path.unlink(missing_ok=True)
        raise InputError(
            expected=f"to be able to write {path.with_suffix('') if path.suffix == '.part' else path}",
            found=reason(error, path),
            change="Free some space or choose another --out; the same command goes on from the last save.",
            value=str(path),
        ) from error


def _read_state(file: Path, device: torch.device) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(file, map_location=device, weights_only=True)
        missing = {"plan", "progress", "model", "optimizer", "random"} - state.keys()
        if missing:
            raise KeyError(", ".join(sorted(missing)))
    except (OSError, EOFError, RuntimeError, KeyError, AttributeError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            expected=f"the whole state of a run in {file}",
            found=quote(str(error).splitlines()[0], 120),
            change="Copy it again, or remove it to begin the run anew.",
            value=str(file),
        ) from error
    return state


def _step_of(line: str) -> int:
    """The step that a line of metrics is about, -1 if it is no whole line."""
    try:
        return int(json.loads(line)["step"]) if line.endswith("\n") else -1
    except (ValueError, KeyError, TypeError):
        return -1


def diverged(expected: str, found: str) -> InputError:
    return InputError(
        expected=expected,
        found=found,
        change="Lower the learning rates, or train without bf16. Begin in another --out.",
    )
