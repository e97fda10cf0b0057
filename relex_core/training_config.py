"""What a training run is told: a JSON file, checked before anything is loaded (table 1 of the paper).

Paths are relative to `data_root`, which the command line or the variable RELEX_DATA may set.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import reduce
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from relex_core.errors import ConfigError, quote
from relex_core.loss_weights import LossWeights
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


_SHARES = "drop_label coarse rename_entity other rename_relation inverse wrong_spans narrow general lower_text"
_RANGES: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("encoder_lr head_lr clip", "a number above 0", lambda value: value > 0),
    (
        "steps epochs minutes warmup evaluate_every patience weight_decay threads save_minutes",
        "0 or more",
        lambda value: value >= 0,
    ),
    (
        "accumulate log_every save_every max_words sampling.chunk sampling.pieces sampling.texts sampling.join_words "
        "augmentation.max_pairs",
        "at least 1",
        lambda value: value >= 1,
    ),
    ("augmentation.max_labels", "at least 3", lambda value: value >= 3),
    ("decay sampling.join sampling.connect", "between 0 and 1", lambda value: 0 <= value <= 1),
    (
        " ".join(f"augmentation.{name}" for name in (*_SHARES.split(), "capital_labels")),
        "between 0 and 1",
        lambda value: 0 <= value <= 1,
    ),
    ("dropout", "from 0 to below 1", lambda value: 0 <= value < 1),
    ("betas", "two numbers from 0 to below 1", lambda value: len(value) == 2 and all(0 <= beta < 1 for beta in value)),
)
"""Keys, what their values should be, and whether one is."""


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
        for keys, expected, fits in _RANGES:
            for key in keys.split():
                value = reduce(getattr, key.split("."), self)
                if value is not None and not fits(value):
                    raise _wrong(key, expected, value)
        for number, entry in enumerate(self.data, start=1):
            if not entry.weight >= 0 or (entry.limit is not None and entry.limit < 1):
                raise _wrong(
                    f"data, file {number}", "weighted with 0 or more, its limit at least 1", (entry.weight, entry.limit)
                )
        if not (self.steps or self.epochs or self.minutes):
            raise _wrong("steps, epochs or minutes", "a limit to the run", "none")
        if self.patience and not (self.dev and self.evaluate_every):
            raise _wrong("patience", "0 without a development file and evaluate_every", self.patience)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrainConfig:
        """Raises ConfigError, naming unknown keys and values of another kind."""
        given = dict(data)
        for key, kind in (("loss", LossWeights), ("sampling", Sampling), ("augmentation", Augmentation)):
            if key in given:
                given[key] = _part(given[key], kind, key)
        if "data" in given:
            if not isinstance(given["data"], list | tuple):
                raise _wrong("data", 'a list of objects such as {"path": "train.jsonl"}', given["data"])
            given["data"] = tuple(
                _part(entry, DataFile, f"data, file {number}") for number, entry in enumerate(given["data"], start=1)
            )
        config: TrainConfig = _part(given, cls, "")
        return config

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
        data = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise _wrong(
            "the training configuration", "a preset (stage1, stage2, small, mini, forms) or a JSON file", error
        ) from error
    if not isinstance(data, dict):
        raise _wrong("the training configuration", "a JSON object", data)
    config = TrainConfig.from_json(data)
    root = os.environ.get("RELEX_DATA")
    return config.with_changes(data_root=root) if root else config


def _part(data: Any, kind: Any, place: str) -> Any:
    """An object of the configuration as the dataclass `kind`. Raises ConfigError."""
    if not isinstance(data, Mapping):
        raise _wrong(place or "the training configuration", "a JSON object", data)
    prefix = f"{place}: " if " " in place else f"{place}." if place else ""
    unknown = sorted(set(data) - {f.name for f in fields(kind)})
    if unknown:
        names = ", ".join(sorted(f.name for f in fields(kind)))
        raise _wrong(", ".join(prefix + key for key in unknown), f"keys among {names}", "unknown keys")
    if kind is DataFile and "path" not in data:
        raise _wrong(place, "with a path", data)
    hints = get_type_hints(kind)
    return kind(**{key: _of_kind(value, hints[key], prefix + key) for key, value in data.items()})


def _of_kind(value: Any, wanted: Any, key: str) -> Any:
    """The value of one key, lists as tuples. Raises ConfigError if it is of another kind."""
    options = get_args(wanted)
    if NoneType in options:
        if value is None:
            return None
        (wanted,) = (option for option in options if option is not NoneType)
    elif options:
        if not isinstance(value, list | tuple) or (options[-1] is not ... and len(value) != len(options)):
            raise _wrong(key, f"a list of {len(options)} numbers" if options[-1] is not ... else "a list", value)
        return tuple(_of_kind(item, options[0], key) for item in value) if options[0] is not DataFile else value
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    fits = {bool: isinstance(value, bool), int: number and isinstance(value, int), float: number}
    if not fits.get(wanted, isinstance(value, wanted)):
        raise _wrong(key, _KINDS.get(wanted, f"a {wanted.__name__}"), repr(value))
    return value


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _wrong(key: str, expected: str, found: object) -> ConfigError:
    return ConfigError(
        expected=f"{key} to be {expected}",
        found=quote(str(found), 160),
        change="Correct the training configuration.",
        value=found,
    )
