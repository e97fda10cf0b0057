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
import platform
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from relex_core.augmentation import view
from relex_core.checkpoint import LoadedModel, load, write
from relex_core.errors import ConfigError, InputError
from relex_core.evaluation import predict_file, report
from relex_core.examples import Example
from relex_core.losses import Losses, objective
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


class Trainer:
    """One run: `Trainer(config, directory).run()`."""

    def __init__(self, config: TrainConfig, directory: Path, say: Callable[[str], None] = print) -> None:
        self.config = config
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        if config.threads:
            torch.set_num_threads(config.threads)
        random.seed(config.seed)
        torch.manual_seed(config.seed)
        self.accelerator = _accelerator()
        self.main = self.accelerator is None or self.accelerator.is_main_process
        self.say = say if self.main else _silent
        self.loaded = _trainable(load(config.base, device=_device(config, self.accelerator), dtype="fp32"), config)
        self.sampler, self.pools, self.known = prepare(config, directory, self.say)
        self.optimizer = make_optimizer(self.loaded.model, config)
        self.progress = Progress()
        self.total = self._planned_steps()
        self._resume()
        self.model: nn.Module = self.loaded.model
        if self.accelerator is not None:
            self.model, self.optimizer = self.accelerator.prepare(self.model, self.optimizer)

    def run(self) -> Progress:
        """Train to the end of the plan, or until a stop is asked for; resumes what is in the directory."""
        self._describe()
        state = "failed"
        try:
            state = self._loop()
        finally:
            self._status(state)
        return self.progress

    def _loop(self) -> str:
        config, progress = self.config, self.progress
        began, saved = time.monotonic() - progress.seconds, time.monotonic()
        window: list[tuple[Losses, int]] = []
        self.model.train()
        for batches in self._steps():
            losses, texts = self._step(batches)
            progress.step += 1
            progress.examples += texts * self.processes
            progress.seconds = time.monotonic() - began
            window.append((losses, texts))
            if progress.step % config.log_every == 0:
                self._log(window)
                window = []
            if config.evaluate_every and progress.step % config.evaluate_every == 0:
                self._evaluate()
                if config.patience and progress.step - progress.best_step >= config.patience * config.evaluate_every:
                    self.say(f"no better for {config.patience} evaluations: stopping early")
                    return self._finish()
            if progress.step % config.save_every == 0 or time.monotonic() - saved > 60 * config.save_minutes:
                self._save()
                saved = time.monotonic()
            if (self.directory / STOP).exists():
                (self.directory / STOP).unlink(missing_ok=True)
                self._save()
                return "stopped"
            if self.fraction() >= 1.0:
                break
        return self._finish()

    def _finish(self) -> str:
        if self.config.dev:
            self._evaluate()
        self._save()
        return "done"

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
        mean = [
            torch.stack([getattr(p, key).detach() for p in parts]).mean() for key in ("entity", "adjacency", "relation")
        ]
        return Losses(*mean), texts

    def make_batch(self, number: int, examples: tuple[Example, ...]) -> TrainingBatch:
        """Draw a view of each example from the batch's own seed, and assemble them."""
        rng = random.Random(f"{self.config.seed}-{self.progress.chunk}-{number}")  # noqa: S311
        views = [view(item, self.pools, self.known, self.config.augmentation, rng) for item in examples]
        loaded = self.loaded
        return assemble(views, loaded.builder, loaded.config, loaded.limit).to(loaded.model.device)

    def loss(self, item: TrainingBatch) -> Losses:
        """Equation 9 for one batch, in mixed precision if asked for."""
        device = self.loaded.model.device.type
        mixed = torch.autocast(device, torch.bfloat16) if self.config.bf16 else nullcontext()
        with mixed:
            output = self.model(item.batch, item.spans_BE2, item.mask_BE, item.pairs_BP2)
        return objective(output.entities, output.adjacency_BEE, output.relations_BPM, item.targets, self.config.loss)

    def _steps(self) -> Iterator[list[tuple[int, tuple[Example, ...]]]]:
        """Batches in groups of `accumulate`, from where the run stands, each process its share."""
        rank, world = 0 if self.accelerator is None else self.accelerator.process_index, self.processes
        size = self.config.accumulate * world
        while True:
            batches = list(enumerate(self.sampler.batches(self.progress.chunk)))
            while self.progress.batch < len(batches):
                group = batches[self.progress.batch : self.progress.batch + size]
                own = group[rank::world] or group[:1]
                self.progress.batch += len(group)
                yield own
            self.progress.chunk, self.progress.batch = self.progress.chunk + 1, 0

    def fraction(self) -> float:
        """How much of the run is done, by steps or minutes, whichever is further."""
        done = self.progress.step / self.total if self.total else 0.0
        if self.config.minutes:
            done = max(done, self.progress.seconds / 60 / self.config.minutes)
        return min(done, 1.0)

    @property
    def processes(self) -> int:
        """How many processes train together."""
        return 1 if self.accelerator is None else int(self.accelerator.num_processes)

    def _planned_steps(self) -> int:
        config = self.config
        world = self.processes
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
            raise InputError(
                expected="a finite loss",
                found=f"{float(losses.total)} at step {progress.step:,}",
                change="Lower the learning rates, or train without bf16.",
            )
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
        """Score the development files at their best thresholds; keep the best weights in `best/`."""
        if not self.main:
            return
        from relex_core.adapters.own import Own

        model = self.loaded.model.eval()
        runs = [predict_file(Own(self.loaded), self.config.path(name)) for name in self.config.dev]
        model.train()
        scores = {}
        for run in runs:
            found = report(run, best_thresholds(run))
            scores[run.name] = {
                "entity_f1": round(found.entities.f1, 4),
                "relation_f1": round(found.relations.f1, 4),
                "thresholds": [found.thresholds.entity, found.thresholds.relation],
            }
        value = sum(s["entity_f1"] + s["relation_f1"] for s in scores.values()) / max(1, len(scores))  # type: ignore[operator]
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
            "progress": asdict(self.progress),
            "model": self.loaded.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
        }
        part = self.directory / "state.part"
        torch.save(state, part)
        os.replace(part, self.directory / "state.pt")

    def _write(self, name: str) -> None:
        target, part = self.directory / name, self.directory / f"{name}.part"
        write(self.loaded.model, self.loaded.builder, self.loaded.path, part)
        target.mkdir(exist_ok=True)
        for file in part.iterdir():
            os.replace(file, target / file.name)
        part.rmdir()

    def _resume(self) -> None:
        file = self.directory / "state.pt"
        if not file.is_file():
            return
        state = torch.load(file, map_location=self.loaded.model.device, weights_only=True)
        if state["plan"] != self.config.fingerprint():
            raise ConfigError(
                expected="a directory without a run, or with the run of this configuration to go on with",
                found=f"another run in {self.directory}",
                change="Choose another --out, or remove that directory.",
                value=str(self.directory),
            )
        self.loaded.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"].cpu())
        self.progress = Progress(**state["progress"])
        self.say(f"resuming after step {self.progress.step:,}")

    def _describe(self) -> None:
        if not self.main:
            return
        config = self.config
        data = [
            {
                "path": entry.path,
                "sha256": _sha256(data_path(entry, config, self.directory)),
                "examples": len(source.examples),
                "weight": entry.weight,
            }
            for entry, source in zip(config.data, self.sampler.all_sources, strict=True)
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
        (self.directory / "config.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
        self._status("running")

    def _append(self, line: dict[str, Any]) -> None:
        if self.main:
            with (self.directory / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def _status(self, state: str) -> None:
        if self.main:
            line = {"state": state, "pid": os.getpid(), "progress": round(self.fraction(), 4), **asdict(self.progress)}
            part = self.directory / "status.part"
            part.write_text(json.dumps(line), "utf-8")
            os.replace(part, self.directory / "status.json")


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


def _accelerator() -> Any:
    """Hugging Face accelerate if several processes were launched with it (`accelerate launch`), else None."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return None
    from accelerate import Accelerator

    return Accelerator()


def _device(config: TrainConfig, accelerator: Any) -> str:
    return config.device if accelerator is None else str(accelerator.device)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
