"""`python -m relex_core average`: one checkpoint from several of the same form, their weights averaged.

A fine-tuned model and the one it came from often do best together: their mean keeps more of what the run was not
about (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relex_core.errors import CheckpointError, ConfigError, quote
from relex_core.locating import check_target, locate


def add_parser(subparsers: Any) -> None:
    """The subcommand `average`."""
    parser = subparsers.add_parser("average", help="average the weights of checkpoints of the same form")
    parser.add_argument("parts", nargs="+", metavar="CHECKPOINT=SHARE", help="such as mini=0.4 runs/mini/last=0.6")
    parser.add_argument("--out", type=Path, required=True, help="directory of the new checkpoint")
    parser.add_argument("--dtype", default="fp16", choices=("fp32", "bf16", "fp16"), help="of the stored weights")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; the exit status."""
    _check(arguments.out)
    average([_part(text) for text in arguments.parts], arguments.out, arguments.dtype)
    print(f"checkpoint in {arguments.out}")
    return 0


def _check(out: Path) -> None:
    """Before anything is loaded: `out` can hold a checkpoint, and holds nothing else. Raises CheckpointError."""
    check_target(out)
    other = next(out.iterdir(), None) if out.exists() and not (out / "gliner_config.json").is_file() else None
    if other is not None:
        raise CheckpointError(
            expected="--out to be a new or empty directory, or one with a checkpoint to replace",
            found=f"{other.name} in {out}",
            change="Choose another --out.",
            value=str(out),
        )


def _part(text: str) -> tuple[str, float]:
    name, _, share = text.rpartition("=")
    try:
        return name, float(share)
    except ValueError as error:
        raise _wrong(quote(text)) from error


def average(parts: Sequence[tuple[str, float]], out: Path, dtype: str = "fp16") -> None:
    """Write the mean of (checkpoint, share) pairs to `out`; configuration and tokenizer are those of the first.

    Raises ConfigError for shares that do not make a whole, CheckpointError for checkpoints of another form.
    """
    if not all(name and share > 0 for name, share in parts) or abs(sum(share for _, share in parts) - 1) > 1e-6:
        raise _wrong(quote(" ".join(f"{name}={share:g}" for name, share in parts), 160))
    paths = [locate(name) for name, _ in parts]  # refused before torch takes its seconds
    import torch

    from relex_core.checkpoint import load, save

    first = load(paths[0], device="cpu", dtype="fp32")
    mean = {key: parts[0][1] * value for key, value in first.model.state_dict().items()}
    for (name, share), path in zip(parts[1:], paths[1:], strict=True):
        state = load(path, device="cpu", dtype="fp32").model.state_dict()
        other = sorted(key for key in mean.keys() | state.keys() if _shape(mean, key) != _shape(state, key))
        if other:
            raise CheckpointError(
                expected=f"weights of the same shapes as {quote(parts[0][0])}",
                found=f"{len(other)} that differ in {quote(name)}, first {other[0]}",
                change="Average a checkpoint with what it was trained from.",
                value=name,
            )
        for key, value in state.items():
            mean[key] += share * value
    first.model.load_state_dict(mean)
    save(first, out, dtype=getattr(torch, _TORCH[dtype]))


_TORCH = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def _shape(state: Any, key: str) -> tuple[int, ...] | None:
    return tuple(state[key].shape) if key in state else None


def _wrong(found: str) -> ConfigError:
    return ConfigError(
        expected="checkpoints with shares above 0 that sum to 1, such as mini=0.4 runs/mini/last=0.6",
        found=found,
        change="Correct the names or shares.",
        value=found,
    )
