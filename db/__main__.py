"""`python -m db`: move annotations in and out, and look after the database, without a browser."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from db import exports, imports
from db.engine import Database, database_url
from db.formats import readers, writers
from db.migrate import migrate
from db.store import Store
from db.values import State
from relex_core.errors import RelexError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 2 after telling what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except RelexError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. What was reported as done is kept.", file=sys.stderr)
        return 130
    return 0


def _export(options: argparse.Namespace) -> None:
    states = exports.DECIDED if options.state is None else tuple(options.state)
    with Store.open(options.database) as store:
        written = exports.snapshot(
            store, options.project, options.out, format=options.format, states=states, annotators=options.annotator
        )
    print(
        f"{written.documents} documents, {written.entities} entities, {written.relations} relations -> {written.path}\n"
        f"sha256 {written.sha256}\nmanifest {written.manifest_path}"
    )


def _import(options: argparse.Namespace) -> None:
    with Store.open(options.database) as store:
        done = imports.load(
            store,
            options.project,
            options.files,
            format=options.format,
            annotator=options.annotator,
            skip_bad=options.skip_bad,
            deduplicate=options.deduplicate,
        )
    print(
        f"{done.records} records: {done.added} documents added, {done.duplicates} known already, "
        f"{done.extractions} with suggestions, {done.revisions} revisions"
    )
    for error in done.skipped[: imports.SHOWN]:
        print(f"Left out: {error}", file=sys.stderr)
    if len(done.skipped) > imports.SHOWN:
        print(f"Left out: {len(done.skipped) - imports.SHOWN} more", file=sys.stderr)


def _migrate(options: argparse.Namespace) -> None:
    database = Database(database_url(options.database))
    before, after = migrate(database)
    database.close()
    print(
        f"{database}: version {after}, as before" if before == after else f"{database}: {before or 'empty'} -> {after}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m db", description=__doc__.split(":", 1)[1].strip())
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.add_argument("--database", metavar="URL", help="default: RELEX_DATABASE_URL, else a file under RELEX_DATA")
        return sub

    export = command("export", "write a project's annotations to a file, with a manifest beside it")
    export.add_argument("--project", required=True, metavar="NAME")
    export.add_argument("--format", default="gliner", choices=[format.name for format in writers()])
    export.add_argument("--out", required=True, type=Path, metavar="FILE")
    export.add_argument("--state", action="append", type=_state, metavar="STATE", help="again for several")
    export.add_argument("--annotator", action="append", metavar="NAME", help="the latest of theirs; again for several")
    export.set_defaults(run=_export)

    import_ = command("import", "read files into a project, which is created if it is new")
    import_.add_argument("--project", required=True, metavar="NAME")
    import_.add_argument("--format", default="gliner", choices=[format.name for format in readers()])
    import_.add_argument("--annotator", default="import", metavar="NAME", help="whose decisions these are")
    import_.add_argument("--skip-bad", action="store_true", help="leave out records that cannot be used")
    import_.add_argument("--deduplicate", action="store_true", help="take each text once, under its first id")
    import_.add_argument("files", nargs="+", type=Path, metavar="FILE")
    import_.set_defaults(run=_import)

    command("migrate", "bring the database to this version of the program").set_defaults(run=_migrate)
    return parser


def _state(text: str) -> State:
    try:
        return State(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"choose from {', '.join(State)}") from error


if __name__ == "__main__":
    sys.exit(main())
