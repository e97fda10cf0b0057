"""The loop of both stages, written out (sections 3.8, 3.9, table 1): AdamW, warm-up, decay, resume, evaluation.

A run is a directory that others may watch and that says everything about itself:

    config.json         what was asked for, the data files with their sha256, the machine
    metrics.jsonl       one line each `log_every` steps and for each evaluation
    status.json         {"state": "running" | "done" | "failed" | "stopped", "step", "progress", ...}
    last/, best/        checkpoints in GLiNER's format; best only with a development file
    state.pt            what resuming needs: weights, optimiser, position, random state
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import pickle
import platform
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from relex_core.augmentation import view
from relex_core.checkpoint import LoadedModel, load, write
from relex_core.errors import CheckpointError, ConfigError, InputError, quote
from relex_core.evaluation import predict_file, report
from relex_core.examples import Example
from relex_core.losses import Losses, objective
from relex_core.outputs import reason
from relex_core.processes import Interrupt, Processes
from relex_core.reduced import has_bf16
from relex_core.targets import TrainingBatch, assemble
from relex_core.training_config import TrainConfig
from relex_core.training_data import data_path, prepare
from relex_core.tuning import best_thresholds

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


class Trainer:
    """One run: `Trainer(config, directory).run()`."""

    def __init__(self, config: TrainConfig, directory: Path, say: Callable[[str], None] = print) -> None:
        self.config = config
        self.directory = directory
        with storing(directory):
            directory.mkdir(parents=True, exist_ok=True)
        if config.threads:
            torch.set_num_threads(config.threads)
        random.seed(config.seed)
        torch.manual_seed(config.seed)
        self.processes, self.interrupt = Processes(), Interrupt()
        self.accelerator, self.main = self.processes.accelerator, self.processes.main
        self.say = say if self.main else _silent
        self.loaded = _trainable(load(config.base, device=_device(config, self.accelerator), dtype="fp32"), config)
        self.mixed = config.bf16 and has_bf16(self.loaded.model.device)
        if config.bf16 and not self.mixed:
            self.say("bf16 was asked for, but this processor would emulate it, many times slower: training in fp32")
        with self.processes.main_first():
            self.sampler, self.pools, self.known = prepare(config, directory, self.say)
        self.sha256 = [_sha256(data_path(entry, config, directory)) for entry in config.data]
        self.optimizer = make_optimizer(self.loaded.model, config)
        self.progress = Progress()
        self.total = self._planned_steps()
        self._resume()
        self.model: nn.Module = self.loaded.model
        if self.accelerator is not None:
            self.model, self.optimizer = self.accelerator.prepare(self.model, self.optimizer)

    def run(self) -> Progress:
        """Train to the end of the plan, or until a stop is asked for; resumes what is in the directory.

        Raises KeyboardInterrupt after Ctrl-C, once the step is done and everything saved; at once the second time.
        """
        self._describe()
        state = "failed"
        try:
            with self.interrupt:
                state = self._loop()
        except KeyboardInterrupt:
            state = "stopped"
            raise
        finally:
            # a disk that is full must not hide why
            with suppress(InputError) if state == "failed" else nullcontext():
                self._status(state)
        if self.interrupt.asked:
            raise KeyboardInterrupt
        return self.progress

    def _loop(self) -> str:
        config, progress = self.config, self.progress
        began, saved = time.monotonic() - progress.seconds, time.monotonic()
        window: list[tuple[Losses, int]] = []
        steps = self._steps()
        self.model.train()
        while not self._over():
            losses, texts = self._step(next(steps))
            progress.step += 1
            progress.examples += texts * self.processes.number
            asked = self.interrupt.asked or (self.directory / STOP).exists()
            seconds, stop = self.processes.from_main(time.monotonic() - began, asked)
            progress.seconds = seconds
            window.append((losses, texts))
            if progress.step % config.log_every == 0:
                self._log(window)
                window = []
            if config.evaluate_every and progress.step % config.evaluate_every == 0:
                self._evaluate()
            if progress.step % config.save_every == 0 or time.monotonic() - saved > 60 * config.save_minutes:
                self._save()
                saved = time.monotonic()
            if stop:
                (self.directory / STOP).unlink(missing_ok=True)
                self._save()
                return "stopped"
        self._save()
        if config.dev and progress.evaluated != progress.step:
            self._evaluate()
            self._save()
        return "done"

    def _over(self) -> bool:
        """Whether the plan is fulfilled, or `patience` evaluations brought nothing better."""
        config, progress = self.config, self.progress
        if self.fraction() >= 1.0:
            return True
        tired = (
            config.patience > 0
            and progress.evaluated == progress.step > 0
            and progress.step - progress.best_step >= config.patience * config.evaluate_every
        )
        if tired:
            self.say(f"no better for {config.patience} evaluations: stopping early")
        return tired

    def _step(self, batches: list[tuple[int, tuple[Example, ...]]]) -> tuple[Losses, int]:
        """One update from `accumulate` batches."""
        share = self.fraction()
        scale = rate(share, self.progress.step, self.config, self.total)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * scale
        parts, texts = [], 0
        for number, examples in batches:
            losses = self.loss(self.make_batch(number, examples))
            total = losses.total / len(batches)
            if self.accelerator is not None:
                self.accelerator.backward(total)
            else:
                total.backward()
            parts.append(losses)
            texts += len(examples)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return mean(parts), texts

    def make_batch(self, number: int, examples: tuple[Example, ...]) -> TrainingBatch:
        """Draw a view of each example from the batch's own seed, and assemble them."""
        rng = random.Random(f"{self.config.seed}-{self.progress.chunk}-{number}")  # noqa: S311
        views = [view(item, self.pools, self.known, self.config.augmentation, rng) for item in examples]
        loaded = self.loaded
        return assemble(views, loaded.builder, loaded.config, loaded.limit).to(loaded.model.device)

    def loss(self, item: TrainingBatch) -> Losses:
        """Equation 9 for one batch, in mixed precision if asked for and of use."""
        device = self.loaded.model.device.type
        with torch.autocast(device, torch.bfloat16) if self.mixed else nullcontext():
            output = self.model(item.batch, item.spans_BE2, item.mask_BE, item.pairs_BP2)
        return objective(output.entities, output.adjacency_BEE, output.relations_BPM, item.targets, self.config.loss)

    def _steps(self) -> Iterator[list[tuple[int, tuple[Example, ...]]]]:
        """Batches in groups of `accumulate`, from where the run stands, each process its share."""
        size = self.config.accumulate * self.processes.number
        while True:
            batches = list(enumerate(self.sampler.batches(self.progress.chunk)))
            while self.progress.batch < len(batches):
                group = batches[self.progress.batch : self.progress.batch + size]
                self.progress.batch += len(group)
                yield self.processes.share(group)
            self.progress.chunk, self.progress.batch = self.progress.chunk + 1, 0

    def fraction(self) -> float:
        """How much of the run is done, by steps or minutes, whichever is further."""
        done = self.progress.step / self.total if self.total else 0.0
        if self.config.minutes:
            done = max(done, self.progress.seconds / 60 / self.config.minutes)
        return min(done, 1.0)

    def _planned_steps(self) -> int:
        config = self.config
        world = self.processes.number
        by_epochs = 0
        if config.epochs:
            chunks = self.sampler.chunks_per_epoch()
            by_epochs = config.epochs * chunks * -(-len(self.sampler.batches(0)) // (config.accumulate * world))
        return min((n for n in (config.steps, by_epochs) if n), default=0)

    # what a run leaves behind

    def _log(self, window: list[tuple[Losses, int]]) -> None:
        """The mean of the last steps, as one line of metrics.jsonl."""
        progress = self.progress
        losses = mean([losses for losses, _ in window])
        entity, relation = float(losses.entity), float(losses.relation)
        if not math.isfinite(float(losses.total)):
            raise _diverged("a finite loss", f"{float(losses.total)} at step {progress.step:,}")
        line = {
            "step": progress.step,
            "progress": round(self.fraction(), 5),
            "loss": round(float(losses.total), 5),
            "entity_loss": round(entity, 5),
            "adjacency_loss": round(float(losses.adjacency), 5),
            "relation_loss": round(relation, 5),
            "encoder_lr": self.optimizer.param_groups[0]["lr"],
            "examples": progress.examples,
            "seconds": round(progress.seconds, 1),
        }
        self._append(line)
        self._status("running")
        self.say(
            f"step {progress.step:6,}  {100 * self.fraction():5.1f}%  entity {entity:.4f}  "
            f"relation {relation:.4f}  {progress.examples / max(progress.seconds, 1e-9):.1f} examples/s"
        )

    def _evaluate(self) -> None:
        """Score the development files, if there are any, at their best thresholds; keep the best weights in `best/`."""
        if not self.config.dev:
            return
        progress = self.progress
        if self.main:
            self._score()
        progress.best, best_step = self.processes.from_main(progress.best, progress.best_step)
        progress.best_step, progress.evaluated = int(best_step), progress.step

    def _score(self) -> None:
        from relex_core.adapters.own import Own
        from relex_core.inference import Extractor

        model = self.loaded.model.eval()
        runs = {name: predict_file(Own(Extractor(self.loaded)), self.config.path(name)) for name in self.config.dev}
        model.train()
        scores = {}
        for name, run in runs.items():
            found = report(run, best_thresholds(run))
            scores[name] = {
                "entity_f1": round(found.entities.f1, 4),
                "relation_f1": round(found.relations.f1, 4),
                "thresholds": [found.thresholds.entity, found.thresholds.relation],
            }
        value = sum(s["entity_f1"] + s["relation_f1"] for s in scores.values()) / len(scores)  # type: ignore[operator]
        self._append({"step": self.progress.step, "dev": scores, "value": round(value, 4)})
        self.say(f"step {self.progress.step:6,}  dev {json.dumps(scores)}")
        if value > self.progress.best:
            self.progress.best, self.progress.best_step = value, self.progress.step
            self._write("best")

    def _save(self) -> None:
        """Weights and state, each replaced at once, so that a kill leaves the one or the other."""
        if not self.main:
            return
        self._write("last")
        state = {
            "plan": self.config.fingerprint(),
            "inputs": self._inputs(),
            "progress": asdict(self.progress),
            "model": self.loaded.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
        }
        part = self.directory / "state.part"
        with storing(part):
            torch.save(state, part)
            os.replace(part, self.directory / "state.pt")

    def _write(self, name: str) -> None:
        weights = self.loaded.model.state_dict()
        broken = [key for key, value in weights.items() if not bool(torch.isfinite(value).all())]
        if broken:
            raise _diverged("finite weights", f"others in {broken[0]} after step {self.progress.step:,}")
        with storing(self.directory / name):
            write(self.loaded.model, self.loaded.builder, self.loaded.path, self.directory / name)

    def _inputs(self) -> list[str]:
        """What the run stands on: the base checkpoint's version, the SHA-256 of each data file."""
        return [self.loaded.version, *self.sha256]

    def _resume(self) -> None:
        file = self.directory / "state.pt"
        if not file.is_file():
            self._rewind()
            return
        state = _read_state(file, self.loaded.model.device)
        other = state["plan"] != self.config.fingerprint()
        if other or state.get("inputs", self._inputs()) != self._inputs():
            raise ConfigError(
                expected="a directory without a run, or with the run of this configuration to go on with",
                found=f"another run in {self.directory}" + ("" if other else ", from other data or another base"),
                change="Choose another --out, or remove that directory.",
                value=str(self.directory),
            )
        self.loaded.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"].cpu())
        self.progress = Progress(**state["progress"])
        self._rewind()
        self.say(f"resuming after step {self.progress.step:,}")

    def _rewind(self) -> None:
        """Drop the metrics of steps that are done again, and a line that was cut short."""
        file = self.directory / "metrics.jsonl"
        if self.main and file.is_file():
            lines = file.read_text("utf-8", "replace").splitlines(keepends=True)
            kept = [line for line in lines if 0 <= _step_of(line) <= self.progress.step]
            self._replace("metrics.jsonl", "".join(kept))

    def _describe(self) -> None:
        if not self.main:
            return
        config = self.config
        data = [
            {
                "path": entry.path,
                "sha256": sha256,
                "examples": len(source.examples),
                "divided": source.divided,
                "weight": entry.weight,
            }
            for entry, source, sha256 in zip(config.data, self.sampler.all_sources, self.sha256, strict=True)
        ]
        about = {
            "config": config.to_json(),
            "base": self.loaded.version,
            "data": data,
            "steps": self.total,
            "machine": {
                "platform": platform.platform(),
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            },
        }
        self._replace("config.json", json.dumps(about, indent=1) + "\n")
        self._status("running")

    def _append(self, line: dict[str, Any]) -> None:
        if self.main:
            path = self.directory / "metrics.jsonl"
            with storing(path), path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def _status(self, state: str) -> None:
        if self.main:
            line = {"state": state, "pid": os.getpid(), "progress": round(self.fraction(), 4), **asdict(self.progress)}
            self._replace("status.json", json.dumps(line))

    def _replace(self, name: str, text: str) -> None:
        """A file is there whole, as it was or as it will be."""
        part = (self.directory / name).with_suffix(".part")
        with storing(part):
            part.write_text(text, "utf-8")
            os.replace(part, self.directory / name)


def mean(parts: Sequence[Losses]) -> Losses:
    """The mean of several losses, without their graphs."""
    keys = ("entity", "adjacency", "relation")
    return Losses(*(torch.stack([getattr(part, key).detach() for part in parts]).mean() for key in keys))


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW with one rate for the encoder and one for the heads; no decay of biases and norms."""
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((name.startswith("encoder."), parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "base_lr": config.encoder_lr if encoder else config.head_lr,
                "lr": 0.0,
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (encoder, decays), parameters in sorted(groups.items(), key=lambda entry: entry[0], reverse=True)
        ],
        betas=config.betas,
    )


def rate(fraction: float, step: int, config: TrainConfig, total: int) -> float:
    """Factor on the learning rates: linear warm-up, flat, linear decay to 0."""
    if config.warmup >= 1:
        warm = min(1.0, (step + 1) / config.warmup)
    elif config.warmup > 0:
        warm = min(1.0, (fraction + (1 / total if total else 0.0)) / config.warmup)
    else:
        warm = 1.0
    cool = min(1.0, (1.0 - fraction) / config.decay) if config.decay > 0 else 1.0
    return max(0.0, min(warm, cool))


def _trainable(loaded: LoadedModel, config: TrainConfig) -> LoadedModel:
    loaded.model.requires_grad_(True)
    if not config.train_embeddings:
        for name, parameter in loaded.model.named_parameters():
            if name.startswith("encoder.embeddings.") or name.startswith("encoder.model.embeddings."):
                parameter.requires_grad_(False)
    for module in loaded.model.modules():
        # self-attention holds its own probability as `p`, like nn.Dropout
        if config.dropout is not None and (isinstance(module, nn.Dropout) or hasattr(module, "heads")):
            setattr(module, "p", config.dropout)  # noqa: B010
    return loaded


def _silent(_: str) -> None:
    pass


def _device(config: TrainConfig, accelerator: Any) -> str:
    return config.device if accelerator is None else str(accelerator.device)


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


def _diverged(expected: str, found: str) -> InputError:
    return InputError(
        expected=expected,
        found=found,
        change="Lower the learning rates, or train without bf16. Begin in another --out.",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
