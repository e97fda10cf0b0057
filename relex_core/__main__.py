"""`python -m relex_core COMMAND`: extract, and whatever else a command module offers.

A command module has `add_parser(subparsers)`, which sets `run` on its parser: a function from the parsed
arguments to an exit code. It imports torch only inside `run`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from io import TextIOWrapper

from relex_core.errors import RelexError

COMMANDS = (
    "relex_core.extract_command",
    "relex_core.benchmark",
    "relex_core.train_command",
    "relex_core.evaluate_command",
    "relex_core.silver_command",
    "relex_core.ablate_command",
    "relex_core.curve_command",
    "relex_core.average_command",
)
"""Modules of commands, in the order in which --help names them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 2 stands for bad input, whose reason goes to standard error."""
    if isinstance(sys.stdout, TextIOWrapper):  # a label that the console cannot show must not end an hour of work
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(prog="python -m relex_core", description=__doc__.split("\n\n")[0])
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        if find_spec(name) is not None:
            import_module(name).add_parser(subparsers)
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except RelexError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 1
    except OSError as error:  # a disk that is full or may not be written, wherever that comes out
        where = f" at {error.filename}" if error.filename else ""
        # other packages have kinds of their own, which say everything in their text
        found = f"{error.strerror or str(error).partition(chr(10))[0] or type(error).__name__}{where}"
        print(f"error: Expected to write or read every file, found {found}. Mend that and try again.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
