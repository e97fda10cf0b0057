"""`python -m db`: move annotations in and out, and look after the database, without a browser."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from db import (
    argilla_older,
    argilla_review,
    argilla_sync,
    audit,
    backup,
    benchmark,
    check,
    exports,
    imports,
    names_command,
)
from db.argilla_client import KEY_VARIABLE, URL_VARIABLE, ArgillaClient, ArgillaSettings, key_from, url_from
from db.engine import Database, database_url, existing
from db.formats import readers, writers
from db.migrate import migrate
from db.store import Store
from db.validation import validate
from db.values import ADJUDICATOR, State
from relex_core import jsonl
from relex_core.errors import RelexError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, 1 if a check found something, or 2 after telling what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        code: int | None = options.run(options)
        sys.stdout.flush()
    except RelexError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # as of `| head`
        with suppress(BrokenPipeError):
            sys.stdout.close()  # what is left in it would be told of at the end
        return 1
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        print(
            f"Error: Expected to write or read every file, found {error.strerror or type(error).__name__}{where}. "
            "Mend that and try again; what was reported as done is kept.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("Stopped. What was reported as done is kept.", file=sys.stderr)
        return 130
    return code or 0


def _export(options: argparse.Namespace) -> None:
    states = exports.DECIDED if options.state is None else tuple(options.state)
    annotators = [ADJUDICATOR] if options.adjudicated else options.annotator
    chosen = {"format": options.format, "states": states, "annotators": annotators, "by": audit.system_user()}
    with Store.open(existing(options.database)) as store:
        if options.dev is None and options.test is None:
            files = [exports.snapshot(store, options.project, options.out, **chosen)]
        else:
            shares = {"dev": options.dev or 0.0, "test": options.test or 0.0, "seed": options.seed}
            files = list(exports.split_snapshot(store, options.project, options.out, **shares, **chosen).values())
        found = store.annotations(options.project, states=states, annotators=annotators)
        report = validate(found, options.format)
    for written in files:
        print(
            f"{written.documents} documents, {written.entities} entities, {written.relations} relations "
            f"-> {written.path}\nsha256 {written.sha256}\nmanifest {written.manifest_path}"
        )
    for finding in report.findings:
        print(f"{finding.weight}: {finding.what} ({finding.count})", file=sys.stderr)


def _import(options: argparse.Namespace) -> None:
    with Store.open(options.database) as store:
        done = imports.load(
            store,
            options.project,
            options.files,
            format=options.format,
            annotator=options.annotator or "import",
            by=options.annotator or audit.system_user(),
            skip_bad=options.skip_bad,
            deduplicate=options.deduplicate,
        )
    print(
        f"{done.records} records: {done.added} documents added, {done.duplicates} known already, "
        f"{done.extractions} with suggestions, {done.revisions} revisions"
    )
    if done.left_out:
        print(f"{done.left_out} of the known ones are left out of the project and stay so: see Documents, left out")
    for error in done.skipped[: imports.SHOWN]:
        print(f"Left out: {error}", file=sys.stderr)
    if len(done.skipped) > imports.SHOWN:
        print(f"Left out: {len(done.skipped) - imports.SHOWN} more", file=sys.stderr)


def _sync(options: argparse.Namespace) -> int:
    settings = ArgillaSettings(url_from(), options.workspace)
    with Store.open(existing(options.database)) as store, closing(ArgillaClient(settings, key_from())) as client:
        done = argilla_sync.sync(store, options.project, client, retry=options.retry)
        left = argilla_sync.waiting(store, options.project, settings).total
    print(
        f"{done.fetched} answers fetched, {done.records} records and {done.answers} answers sent, "
        f"{done.left_out} records taken away, {left} waiting"
    )
    for name in done.conflicts:
        print(f"Changed on both sides, ours kept as the newer revision: {name}")
    for problem in done.problems:
        print(f"Not done: {problem}", file=sys.stderr)
    return 1 if done.problems else 0


def _older(options: argparse.Namespace) -> None:
    settings = ArgillaSettings(url_from(), options.workspace)
    with Store.open(existing(options.database)) as store, closing(ArgillaClient(settings, key_from())) as client:
        found = argilla_older.survey(store, options.project, client, delete=options.delete, by=audit.system_user())
    for dataset in found:
        state = "all collected" if not dataset.uncollected else f"{dataset.uncollected} not collected, so it stays"
        state = "deleted" if dataset.deleted else state
        print(f"{dataset.name}: {dataset.records} records, {dataset.answers} answers, {state}")
    if not found:
        print("No dataset of an earlier label set is there.")
    elif not options.delete and not all(dataset.uncollected for dataset in found):
        print("With --delete those go of which all is collected.")


def _review(options: argparse.Namespace) -> None:
    settings = ArgillaSettings(url_from(), options.workspace)
    with Store.open(existing(options.database)) as store, closing(ArgillaClient(settings, key_from())) as client:
        done = argilla_review.run(store, options.project, client)
    print(
        f"{done.answers} answers folded back into {done.revisions} revisions, {done.pairs} pairs asked about, "
        f"{done.removed} taken away"
    )
    if done.strange:
        print(f"Left alone: {done.strange} records or answers that are of no document here", file=sys.stderr)


def _migrate(options: argparse.Namespace) -> None:
    with _opened(options.database) as database:
        before, after = migrate(database)
    print(
        f"{database}: version {after}, as before" if before == after else f"{database}: {before or 'empty'} -> {after}"
    )


def _backup(options: argparse.Namespace) -> None:
    with _opened(existing(options.database)) as database:
        size = backup.backup(database, options.out)
    print(f"{size:,} bytes -> {options.out}")


def _restore(options: argparse.Namespace) -> None:
    with _opened(options.database) as database:
        kept = backup.restore(database, options.file, options.replace)
        migrate(database)
    print(f"{options.file} -> {database}" + (f"\nthe state before is kept in {kept}" if kept else ""))


def _check(options: argparse.Namespace) -> int:
    with _opened(existing(options.database)) as database:
        if options.repair:
            print(f"{check.repair(database)} documents: states, counters, labels and search index built anew")
        wrong, derived = 0, 0
        for finding in check.check(database):
            wrong, derived = wrong + 1, derived + finding.derived
            print(f"{finding.where}: {finding.what}")
    if not wrong:
        print(f"{database}: everything is there and fits its hashes")
        return 0
    if derived:
        print(f"{derived} of these can be mended: python -m db check --repair {database.option}", file=sys.stderr)
    if wrong > derived:
        print(
            f"{wrong - derived} cannot: restore a backup with python -m db restore {database.option}", file=sys.stderr
        )
    return 1


def _checkpoints(options: argparse.Namespace) -> None:
    with Store.open(existing(options.database)) as store:
        for made in audit.checkpoints(store):
            print(jsonl.dumps({**asdict(made), "made_at": made.made_at.isoformat()}))


def _benchmark(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="relex-benchmark-") as folder:
        figures = benchmark.run(lambda size: f"sqlite:///{folder}/{size}.sqlite", tuple(sorted(options.sizes)))
    print(benchmark.table(figures))


def _opened(url: str | None) -> closing[Database]:
    return closing(Database(database_url(url)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m db", description=__doc__.split(":", 1)[1].strip())
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, help: str, among: Any = commands) -> argparse.ArgumentParser:
        sub: argparse.ArgumentParser = among.add_parser(name, help=help, description=help)
        sub.add_argument("--database", metavar="URL", help="default: RELEX_DATABASE_URL, else a file under RELEX_DATA")
        return sub

    export = command("export", "write a project's annotations to a file, with a manifest beside it")
    export.add_argument("--project", required=True, metavar="NAME")
    joined = ", ".join(format.name for format in writers() if format.names)
    about = f"default: gliner; {joined} carry the names that were joined (`names`) as well"
    export.add_argument("--format", default="gliner", choices=[format.name for format in writers()], help=about)
    export.add_argument("--out", required=True, type=Path, metavar="FILE")
    export.add_argument("--dev", type=float, metavar="SHARE", help="split: into train, dev and test files")
    export.add_argument("--test", type=float, metavar="SHARE")
    export.add_argument("--seed", type=int, default=0, help="of the split")
    export.add_argument("--state", action="append", type=_state, metavar="STATE", help="again for several")
    export.add_argument("--annotator", action="append", metavar="NAME", help="the latest of theirs; again for several")
    export.add_argument("--adjudicated", action="store_true", help="only what was settled in Review")
    export.set_defaults(run=_export)

    import_ = command("import", "read files into a project, which is created if it is new")
    import_.add_argument("--project", required=True, metavar="NAME")
    import_.add_argument("--format", default="gliner", choices=[format.name for format in readers()])
    whose = "whose decisions these are where the file does not say; default: import"
    import_.add_argument("--annotator", metavar="NAME", help=whose)
    import_.add_argument("--skip-bad", action="store_true", help="leave out records that cannot be used")
    import_.add_argument("--deduplicate", action="store_true", help="take each text once, under its first id")
    folders = "files; for brat, datasets, inception and spacy also folders"
    import_.add_argument("files", nargs="+", type=Path, metavar="FILE", help=folders)
    import_.set_defaults(run=_import)

    about = f"bring a project and an Argilla workspace into step; {URL_VARIABLE} and {KEY_VARIABLE} name the server"
    sync = command("sync", about)
    sync.add_argument("--project", required=True, metavar="NAME")
    sync.add_argument("--workspace", required=True, metavar="NAME")
    sync.add_argument("--retry", action="store_true", help="also what failed before and would wait longer")
    sync.set_defaults(run=_sync)

    about = "list datasets of earlier label sets in an Argilla workspace, after fetching what was answered there"
    older = command("older", about)
    older.add_argument("--project", required=True, metavar="NAME")
    older.add_argument("--workspace", required=True, metavar="NAME")
    older.add_argument("--delete", action="store_true", help="delete there those whose answers are all here")
    older.set_defaults(run=_older)

    about = "ask in Argilla which relation holds between two marks, a record to a pair, and fold the answers back"
    review = command("review", about)
    review.add_argument("--project", required=True, metavar="NAME")
    review.add_argument("--workspace", required=True, metavar="NAME")
    review.set_defaults(run=_review)

    about = "names of one thing in a project's graph: list, join and part them, carry them to another project"
    verbs = commands.add_parser("names", help=about, description=about).add_subparsers(required=True, metavar="VERB")
    names_command.add_parsers(lambda name, help: command(name, help, verbs))

    backup_ = command("backup", "copy the database to a file while the app is running")
    backup_.add_argument("--out", required=True, type=Path, metavar="FILE")
    backup_.set_defaults(run=_backup)

    restore = command("restore", "bring the database to the state of a backup")
    restore.add_argument("--replace", action="store_true", help="also if it holds something")
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.set_defaults(run=_restore)

    check_ = command("check", "compute all hashes anew and compare all indexes")
    check_.add_argument("--repair", action="store_true", help="build anew what is derived, before checking")
    check_.set_defaults(run=_check)

    about = (
        "list the checkpoints that were trained here, a JSON object a line: from what, on which data, how they scored"
    )
    command("checkpoints", about).set_defaults(run=_checkpoints)

    measure = commands.add_parser("benchmark", help="time what pages do on SQLite databases of rising size")
    measure.add_argument("--sizes", nargs="+", type=int, default=list(benchmark.SIZES), metavar="DOCUMENTS")
    measure.set_defaults(run=_benchmark)

    command("migrate", "bring the database to this version of the program").set_defaults(run=_migrate)
    return parser


def _state(text: str) -> State:
    try:
        return State(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"choose from {', '.join(State)}") from error


if __name__ == "__main__":
    sys.exit(main())
