"""What a training run is told: a JSON file, checked before anything is loaded (table 1 of the paper).

Paths are relative to `data_root`, which the command line or the variable RELEX_DATA may set.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from relex_core.errors import ConfigError, quote
from relex_core.losses import LossWeights
from relex_core.sampling import Sampling
from relex_core.views import Augmentation

PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True, slots=True)
class DataFile:
    """One training file.

    `closed`: types that are annotated together are known to be absent where they are not marked, although the
    records are partial. `silver` applies `examples.clean_silver`. With `text`, the file is made from these raw
    texts by `silver`, without the sentences that the files in `skip` hold already.
    """

    path: str
    weight: float = 1.0
    closed: bool = False
    silver: bool = False
    limit: int | None = None
    text: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One run. It ends after `steps`, `epochs` or `minutes`, whichever is reached first; 0 means no such limit.

    Rates: linear warm-up over `warmup` (a share of the run if below 1, else steps), then constant, then linear
    decay to 0 over the last `decay` share.
    """

    name: str = "run"
    base: str = "mini"
    data: tuple[DataFile, ...] = ()
    dev: tuple[str, ...] = ()
    data_root: str = "."
    paraphrases: str = ""
    seed: int = 0
    encoder_lr: float = 3e-6
    head_lr: float = 5e-6
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.01
    clip: float = 1.0
    warmup: float = 0.05
    decay: float = 0.95
    dropout: float | None = None
    train_embeddings: bool = True
    steps: int = 0
    epochs: int = 0
    minutes: float = 0.0
    accumulate: int = 1
    bf16: bool = False
    device: str = "auto"
    threads: int = 0
    log_every: int = 20
    save_every: int = 500
    save_minutes: float = 5.0
    evaluate_every: int = 0
    patience: int = 0
    max_words: int = 256
    loss: LossWeights = field(default_factory=LossWeights)
    sampling: Sampling = field(default_factory=Sampling)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        for key in ("encoder_lr", "head_lr", "clip"):
            if not getattr(self, key) > 0:
                raise _wrong(key, "a number above 0", getattr(self, key))
        for key in ("steps", "epochs", "minutes", "warmup", "evaluate_every", "patience"):
            if getattr(self, key) < 0:
                raise _wrong(key, "0 or more", getattr(self, key))
        if self.accumulate < 1 or self.log_every < 1:
            raise _wrong("accumulate and log_every", "at least 1", (self.accumulate, self.log_every))
        if not (self.steps or self.epochs or self.minutes):
            raise _wrong("steps, epochs or minutes", "a limit to the run", "none")
        if self.patience and not (self.dev and self.evaluate_every):
            raise _wrong("patience", "0 without a development file and evaluate_every", self.patience)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrainConfig:
        """Raises ConfigError, naming unknown keys."""
        given = dict(data)
        _known(given, cls, "")
        parts: dict[str, Any] = {"loss": LossWeights, "sampling": Sampling, "augmentation": Augmentation}
        try:
            for key, kind in parts.items():
                if key in given:
                    _known(given[key], kind, f"{key}.")
                    given[key] = kind(**given[key])
            if "data" in given:
                given["data"] = tuple(map(_data_file, given["data"]))
            for key in ("dev", "betas"):
                if key in given:
                    given[key] = tuple(given[key])
            return cls(**given)
        except (TypeError, AttributeError) as error:
            raise _wrong("the training configuration", "values of the right kinds", str(error)) from error

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def fingerprint(self) -> str:
        """What makes a run this run: the same for another length, logging, machine or place of the data."""
        free: tuple[str, ...] = (
            "name",
            "data_root",
            "steps",
            "epochs",
            "minutes",
            "device",
            "threads",
            "log_every",
            "save_every",
        )
        free += ("save_minutes", "dev", "evaluate_every", "patience")
        fixed = {key: value for key, value in self.to_json().items() if key not in free}
        return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()

    def path(self, name: str) -> Path:
        """A data path as it can be opened: beside the presets (`texts/`) or under the data folder."""
        own = PRESETS / name
        return own if own.is_file() else Path(self.data_root).expanduser() / name

    def with_changes(self, **changes: Any) -> TrainConfig:
        """A copy with some values changed; None means unchanged."""
        return replace(self, **{key: value for key, value in changes.items() if value is not None})


def read_train_config(name: str | Path) -> TrainConfig:
    """A preset's name ("stage2") or a JSON file. Raises ConfigError."""
    path = PRESETS / f"{name}.json" if (PRESETS / f"{name}.json").is_file() else Path(name)
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _wrong(
            "the training configuration", "a preset (stage1, stage2, small, mini, forms) or a JSON file", error
        ) from error
    if not isinstance(data, dict):
        raise _wrong("the training configuration", "a JSON object", data)
    config = TrainConfig.from_json(data)
    root = os.environ.get("RELEX_DATA")
    return config.with_changes(data_root=root) if root else config


def _data_file(entry: dict[str, Any]) -> DataFile:
    _known(entry, DataFile, "data.")
    lists: dict[str, Any] = {key: tuple(entry[key]) for key in ("text", "skip") if key in entry}
    return DataFile(**{**entry, **lists})


def _known(data: Mapping[str, Any], kind: Any, prefix: str) -> None:
    unknown = sorted(set(data) - {f.name for f in fields(kind)})
    if unknown:
        names = ", ".join(sorted(f.name for f in fields(kind)))
        raise _wrong(", ".join(prefix + key for key in unknown), f"keys among {names}", "unknown keys")


def _wrong(key: str, expected: str, found: object) -> ConfigError:
    return ConfigError(
        expected=f"{key} to be {expected}",
        found=quote(str(found), 160),
        change="Correct the training configuration.",
        value=found,
    )
