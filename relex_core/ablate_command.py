"""`python -m relex_core ablate`: the forms of section 3.5 and 3.6 under the same training."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from relex_core.training_config import read_train_config


def add_parser(subparsers: Any) -> None:
    """The subcommand `ablate`."""
    parser = subparsers.add_parser("ablate", help="compare adjacency decoders and triple scorers under equal training")
    parser.add_argument("config", help="a training preset or JSON file")
    parser.add_argument("--out", type=Path, required=True, help="directory for the runs and the table")
    parser.add_argument("--forms", nargs="+", help="names of forms, all by default")
    parser.add_argument("--dev", required=True, help="development file: thresholds are chosen and scores taken there")
    parser.add_argument("--minutes", type=float, help="of training for each form")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--data-root")
    parser.add_argument("--threads", type=int)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; the exit status."""
    keys = ("minutes", "steps", "data_root", "threads")
    config = read_train_config(arguments.config).with_changes(**{key: getattr(arguments, key) for key in keys})
    config = config.with_changes(dev=(str(Path(arguments.dev).resolve()),))
    from relex_core.ablation import FORMS, ablate, table  # after the configuration: torch takes its seconds

    text = table(ablate(config, arguments.out, arguments.forms or list(FORMS)))
    (arguments.out / "table.md").write_text(text + "\n", "utf-8")
    print(text)
    return 0
