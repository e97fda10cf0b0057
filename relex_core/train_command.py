"""`python -m relex_core train`: one run of stage 1 or 2, resumed if its directory holds one."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from relex_core.locating import locate
from relex_core.training_config import DataFile, read_train_config


def add_parser(subparsers: Any) -> None:
    """The subcommand `train`."""
    parser = subparsers.add_parser("train", help="train or fine-tune a checkpoint; a killed run goes on where it stood")
    parser.add_argument("config", help="a preset (stage1, stage2, small, mini, forms) or a JSON file")
    parser.add_argument(
        "--out", type=Path, help="directory of the run: checkpoints, metrics, state (default: runs/ and its name)"
    )
    parser.add_argument("--data", nargs="+", type=Path, help="training files instead of the configuration's")
    parser.add_argument("--dev", nargs="+", type=Path, help="development files instead of the configuration's")
    parser.add_argument("--data-root", help="where the configuration's data files are")
    parser.add_argument("--base", help="checkpoint to start from")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--threads", type=int, help="of torch; 1 is fastest on a machine that is busy otherwise")
    parser.add_argument("--device", help="auto, cpu, cuda or mps")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; the exit status."""
    config = read_train_config(arguments.config)
    keys = ("data_root", "base", "epochs", "steps", "minutes", "seed", "threads", "device")
    config = config.with_changes(**{key: getattr(arguments, key) for key in keys})
    if arguments.data:
        config = replace(config, data=tuple(DataFile(str(path.resolve())) for path in arguments.data))
    if arguments.dev:
        config = replace(config, dev=tuple(str(path.resolve()) for path in arguments.dev))
    # a name is no path: it may come from somebody else's file
    out = arguments.out or Path("runs") / (re.sub(r"[^\w@.-]+", "-", config.name).strip(".-") or "run")
    locate(config.base)  # refused before torch takes its seconds
    from relex_core.training import Trainer

    progress = Trainer(config, out).run()
    print(f"{progress.step:,} steps, {progress.examples:,} examples, {progress.seconds / 60:.1f} minutes")
    print(f"checkpoint in {out / ('best' if progress.best >= 0 else 'last')}")
    return 0
