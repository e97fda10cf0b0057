"""`python -m relex_core curve`: the learning curve of a run as a picture, from the metrics that the run wrote."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relex_core.errors import ConfigError, FormatError, InputError, quote

WINDOW = 10
"""Lines of metrics that one point of the smooth curve averages."""

Line = dict[str, Any]


def add_parser(subparsers: Any) -> None:
    """The subcommand `curve`."""
    parser = subparsers.add_parser("curve", help="draw the learning curve of a training run (needs matplotlib)")
    parser.add_argument("run_directory", type=Path, metavar="RUN", help="directory of the run")
    parser.add_argument("--out", type=Path, required=True, help="picture to write: .svg, .png or .pdf")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; the exit status."""
    lines = read_metrics(arguments.run_directory)
    draw(lines, arguments.out)
    print(f"{len(lines):,} lines of metrics drawn to {arguments.out}")
    return 0


def read_metrics(directory: Path) -> list[Line]:
    """The lines of a run's metrics.jsonl. Raises InputError; FormatError names a line that cannot be drawn. One cut
    short by a kill is left out."""
    try:
        written = (directory / "metrics.jsonl").read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise InputError(
            expected="the directory of a training run, with metrics.jsonl",
            found=str(error),
            change="Give the directory that was --out of python -m relex_core train.",
        ) from error
    lines = []
    for number, line in enumerate(written, start=1):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            _check(entry, number)
            lines.append(entry)
    if not any("loss" in line for line in lines):
        raise InputError(
            expected="metrics of at least one step",
            found=f"none in {directory}",
            change="Let the run go on until it has logged.",
        )
    return lines


_LOGGED = ("step", "examples", "entity_loss", "relation_loss", "encoder_lr")
_SCORED = ("entity_f1", "relation_f1")
"""Numbers that are drawn, of a logged step and of a development file."""


def _check(entry: Line, number: int) -> None:
    """Raises FormatError if a number that is drawn is missing in line `number`."""
    wanted = [(key, entry.get(key)) for key in _LOGGED if "loss" in entry]
    if "dev" in entry:
        dev = entry["dev"] if isinstance(entry["dev"], dict) else {}
        wanted += [("step", entry.get("step"))]
        wanted += [
            (key, found.get(key) if isinstance(found, dict) else None) for found in dev.values() for key in _SCORED
        ]
    missing = [key for key, value in wanted if not isinstance(value, int | float) or (key == "step" and value < 1)]
    if missing:
        raise FormatError(
            expected=f"the number {missing[0]} in line {number} of metrics.jsonl",
            found=quote(entry),
            change="Give the directory of a run as python -m relex_core train wrote it.",
            lines=(number,),
        )


def smooth(values: Sequence[float], window: int = WINDOW) -> list[float]:
    """The mean of each value and up to `window` - 1 before it.

    >>> smooth([1.0, 3.0, 5.0], 2)
    [1.0, 2.0, 4.0]
    """
    parts = [values[max(0, i + 1 - window) : i + 1] for i in range(len(values))]
    return [sum(part) / len(part) for part in parts]


def draw(lines: Sequence[Line], out: Path) -> None:
    """Losses over examples seen, with the learning rate; below them scores on development files, if the run took any.

    Raises ConfigError without matplotlib, an optional extra, InputError for a picture that cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            expected="the optional extra for pictures",
            found="no matplotlib",
            change="Install it with pip install matplotlib.",
        ) from error
    steps = [line for line in lines if "loss" in line]
    # a step that was scored need not be one that was logged
    scores = [line for line in lines if "dev" in line and line["step"] >= steps[0]["step"]]
    figure = Figure(figsize=(8, 6.4 if scores else 3.6), layout="constrained")
    panels = figure.subplots(2 if scores else 1, sharex=True, squeeze=False)[:, 0]
    _losses(panels[0], steps)
    if scores:
        _scores(panels[1], [(_examples(line["step"], steps), line["dev"]) for line in scores])
    panels[-1].set(xlabel="examples seen")
    try:
        figure.savefig(out)
    except (OSError, ValueError) as error:
        raise InputError(
            expected="a picture that can be written: .svg, .png or .pdf",
            found=str(error),
            change="Choose another --out.",
            value=str(out),
        ) from error


def _examples(step: int, steps: Sequence[Line]) -> float:
    """Examples seen at a step, in proportion to those of the last logged step before it."""
    last = [line for line in steps if line["step"] <= step][-1]
    examples: float = last["examples"] * step / last["step"]
    return examples


def _losses(axes: Any, steps: Sequence[Line]) -> None:
    """Both losses as measured and smoothed, and the learning rate on an axis of its own."""
    at = [line["examples"] for line in steps]
    for key, colour in (("entity", "#0072b2"), ("relation", "#d55e00")):
        values = [line[f"{key}_loss"] for line in steps]
        axes.plot(at, values, color=colour, alpha=0.25, linewidth=0.8)
        axes.plot(at, smooth(values), color=colour, label=f"{key} loss")
    axes.set(ylabel="loss per text", ylim=(0, None))
    axes.legend(loc="upper right", frameon=False)
    right = axes.twinx()
    right.plot(at, [line["encoder_lr"] for line in steps], color="#888888", linestyle=":")
    right.set(ylabel="encoder learning rate (dotted)", ylim=(0, None))


def _scores(axes: Any, scores: Sequence[tuple[float, dict[str, dict[str, float]]]]) -> None:
    """F1 on each development file, at the thresholds that are best there."""
    for name in sorted({name for _, found in scores for name in found}):
        for key, style in (("entity", "--"), ("relation", "-")):
            points = [(at, found[name][f"{key}_f1"]) for at, found in scores if name in found]
            axes.plot(*zip(*points, strict=True), style, marker=".", label=f"{name}, {key} F1")
    axes.set(ylabel="F1", ylim=(0, 1))
    axes.legend(loc="lower right", frameon=False)
