"""The loop of both stages, written out (sections 3.8, 3.9): batches, steps, evaluation, saves.

A run is a directory that others may watch and that says everything about itself: see `training_state`.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from relex_core.augmentation import view
from relex_core.checkpoint import LoadedModel, load
from relex_core.errors import InputError
from relex_core.examples import Example
from relex_core.losses import Losses, objective
from relex_core.processes import Interrupt, Processes
from relex_core.reduced import has_bf16
from relex_core.targets import TrainingBatch, assemble
from relex_core.training_config import TrainConfig
from relex_core.training_data import data_path, prepare
from relex_core.training_evaluation import score
from relex_core.training_optimizer import make_optimizer, rate
from relex_core.training_state import STOP, Progress, RunDirectory, diverged, storing

__all__ = ["STOP", "Progress", "Trainer", "make_optimizer", "rate"]


class Trainer:
    """One run: `Trainer(config, directory).run()`."""

    def __init__(self, config: TrainConfig, directory: Path, say: Callable[[str], None] = print) -> None:
        self.config = config
        with storing(directory):
            directory.mkdir(parents=True, exist_ok=True)
        if config.threads:
            torch.set_num_threads(config.threads)
        random.seed(config.seed)
        torch.manual_seed(config.seed)
        self.processes, self.interrupt = Processes(), Interrupt()
        self.accelerator, self.main = self.processes.accelerator, self.processes.main
        self.run_directory = RunDirectory(directory, self.main)
        self.say = say if self.main else _silent
        self.loaded = _trainable(load(config.base, device=_device(config, self.accelerator), dtype="fp32"), config)
        self.mixed = config.bf16 and has_bf16(self.loaded.model.device)
        if config.bf16 and not self.mixed:
            self.say("bf16 was asked for, but this processor would emulate it, many times slower: training in fp32")
        with self.processes.main_first():
            self.sampler, self.pools, self.known = prepare(config, directory, self.say)
        self.sha256 = [_sha256(data_path(entry, config, directory)) for entry in config.data]
        self.optimizer = make_optimizer(self.loaded.model, config)
        self.total = self._planned_steps()
        self.progress = self.run_directory.resume(self.loaded, self.optimizer, config, self._inputs())
        if self.progress.step:
            self.say(f"resuming after step {self.progress.step:,}")
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
            asked = self.interrupt.asked or self.run_directory.stop.exists()
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
                self.run_directory.stop.unlink(missing_ok=True)
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
            raise diverged("a finite loss", f"{float(losses.total)} at step {progress.step:,}")
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
        self.run_directory.append(line)
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
        progress = self.progress
        scores, value = score(self.loaded, [(name, self.config.path(name)) for name in self.config.dev])
        self.run_directory.append({"step": progress.step, "dev": scores, "value": round(value, 4)})
        self.say(f"step {progress.step:6,}  dev {json.dumps(scores)}")
        if value > progress.best:
            progress.best, progress.best_step = value, progress.step
            self.run_directory.write("best", self.loaded, progress.step)

    def _save(self) -> None:
        self.run_directory.save(self.loaded, self.optimizer, self.progress, self.config, self._inputs())

    def _inputs(self) -> list[str]:
        return [self.loaded.version, *self.sha256]

    def _describe(self) -> None:
        sources = zip(self.config.data, self.sampler.all_sources, self.sha256, strict=True)
        data = [
            {
                "path": entry.path,
                "sha256": sha256,
                "examples": len(source.examples),
                "divided": source.divided,
                "weight": entry.weight,
            }
            for entry, source, sha256 in sources
        ]
        self.run_directory.describe(self.config, self.loaded.version, data, self.total)
        self._status("running")

    def _status(self, state: str) -> None:
        self.run_directory.status(state, self.fraction(), self.progress)


def mean(parts: Sequence[Losses]) -> Losses:
    """The mean of several losses, without their graphs."""
    keys = ("entity", "adjacency", "relation")
    return Losses(*(torch.stack([getattr(part, key).detach() for part in parts]).mean() for key in keys))


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


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
