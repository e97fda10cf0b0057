"""`python -m relex_core silver`: raw text -> training data through its syntax."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from relex_core.errors import ConfigError


def add_parser(subparsers: Any) -> None:
    """The subcommand `silver`."""
    parser = subparsers.add_parser("silver", help="turn raw text into training data through its syntax")
    parser.add_argument("--input", nargs="+", type=Path, required=True, help="text files, one text to a line (.gz too)")
    parser.add_argument("--out", type=Path, required=True, help="training data, .jsonl or .jsonl.gz")
    parser.add_argument("--skip", nargs="*", type=Path, default=[], help="training files whose texts are left out")
    parser.add_argument("--limit", type=int, help="at most so many texts of each file")
    parser.add_argument("--keep-empty", type=float, default=0.1, help="share of sentences without relation to keep")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; the exit status."""
    from relex_core.datasets import iterate_gold
    from relex_core.outputs import check_output
    from relex_core.silver import make_silver

    if (arguments.limit is not None and arguments.limit < 1) or not 0 <= arguments.keep_empty <= 1:
        raise ConfigError(
            expected="--limit of at least 1 and --keep-empty between 0 and 1",
            found=f"{arguments.limit} and {arguments.keep_empty}",
            change="Correct them.",
        )
    check_output(arguments.out, arguments.skip)
    skip = {record.document.text for path in arguments.skip for record in iterate_gold(path)}
    labels = make_silver(arguments.input, arguments.out, skip, arguments.limit, arguments.keep_empty)
    print(f"{sum(labels.values()):,} relations with {len(labels):,} labels in {arguments.out}")
    for label, count in labels.most_common(20):
        print(f"{count:7,}  {label}")
    return 0
