"""`python -m db names`: what people decided about names of one thing, as a table that another project can take."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from db import audit, corpus_reading, extractions, naming, projects
from db.alike import alike
from db.corpus import Source, normal
from db.engine import existing
from db.formats.csv_files import delimiter, neutral, plain, table_rows
from db.formats.files import text_writer
from db.naming import Decision
from db.store import Store
from relex_core.errors import FormatError, quote
from relex_core.outputs import output
from relex_core.types import Thresholds

COLUMNS = ("decision", "label", "name", "other", "why")

JOINED, SHOWN, APART, PARTED, PROPOSED = "joined", "shown", "different", "parted", "proposed"
"""What stands in the first column: the name goes under the other, is shown in the other spelling, is not the other,
stands for itself again (in a file to load alone), may be the other (what a load passes over)."""

_ACTIONS = {JOINED: naming.JOINED, SHOWN: naming.JOINED, APART: naming.APART, PARTED: naming.PARTED}

Row = tuple[str, str, str, str, str]


def add_parsers(verb: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """The verbs, each made by `verb` from its name and its help."""
    list_ = verb("list", "what was decided, and with --proposed what may be the same")
    _about_project(list_)
    list_.add_argument("--format", default="table", choices=list(_WRITERS))
    list_.add_argument("--out", type=Path, metavar="FILE", help="write it there, in UTF-8")
    list_.add_argument("--proposed", action="store_true", help="also names that look alike; takes a look at all marks")
    model = "whose suggestions count where nobody decided yet; default: the one that read the project last"
    list_.add_argument("--model", metavar="VERSION", help=model)
    list_.set_defaults(run=_list)

    join = verb("join", "let names go under another")
    _about_label(join)
    join.add_argument("--into", required=True, metavar="NAME", help="what they are all shown as")
    join.add_argument("names", nargs="+", metavar="NAME")
    join.set_defaults(run=lambda options: _decide(options, _each(options, naming.JOINED, options.into)))

    part = verb("part", "let names that were joined to another stand for themselves again")
    _about_label(part)
    part.add_argument("names", nargs="+", metavar="NAME")
    part.set_defaults(run=lambda options: _decide(options, _each(options, naming.PARTED)))

    differ = verb("differ", "say that two names are not the same, so that they are not proposed again")
    _about_label(differ)
    differ.add_argument("names", nargs=1, metavar="NAME")
    differ.add_argument("other", metavar="OTHER")
    differ.set_defaults(run=lambda options: _decide(options, _each(options, naming.APART, options.other)))

    about = f"take the decisions of a CSV file as `list --format csv` writes it: all rows or none, but for {PROPOSED}"
    load = verb("load", about)
    _about_project(load)
    load.add_argument("file", type=Path, metavar="FILE")
    load.set_defaults(run=lambda options: _decide(options, read_csv(options.file)))


def _about_project(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", required=True, metavar="NAME")


def _about_label(parser: argparse.ArgumentParser) -> None:
    _about_project(parser)
    parser.add_argument("--label", required=True, metavar="LABEL", help="the entity label of the names")


def _each(options: argparse.Namespace, action: str, other: str = "") -> list[Decision]:
    return [Decision(action, options.label, name, other) for name in options.names]


def _decide(options: argparse.Namespace, decisions: Sequence[Decision]) -> None:
    with Store.open(existing(options.database)) as store:
        changed = naming.decide(store, options.project, decisions, by=audit.system_user())
    print(f"{len(decisions):,} decisions, {changed:,} of them new")


def _list(options: argparse.Namespace) -> None:
    with Store.open(existing(options.database)) as store:
        rows = [_row(made) for made in naming.decisions(store, options.project)]
        if options.proposed:
            rows += _proposed(store, options.project, options.model)
    written = _WRITERS[options.format](rows)
    if options.out is None:
        print(written)
        return
    with output(options.out) as path, text_writer(path) as file:
        file.write(written + "\n")


def _row(made: Decision) -> Row:
    if made.action == naming.APART:
        word = APART
    else:
        word = JOINED if normal(made.name) != normal(made.other) else SHOWN
    return word, made.label, made.name, made.other, ""


def _proposed(store: Store, project: str, model: str | None) -> Iterator[Row]:
    if model is None:
        with store.database.read() as connection:
            model = extractions.newest_model(connection, projects.find(connection, project)[0])
    for likely in alike(corpus_reading.read(store, project, Source.BOTH, Thresholds(), model)):
        yield PROPOSED, likely.name.label, likely.name.text, likely.into.text, likely.why


def _as_table(rows: Sequence[Row]) -> str:
    # a name or label may hold what would move the cursor
    lines = [COLUMNS, *(tuple(c if c.isprintable() else repr(c)[1:-1] for c in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _as_csv(rows: Sequence[Row]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([neutral(cell) for cell in row] for row in rows)
    return out.getvalue().removesuffix("\n")


def _as_json(rows: Sequence[Row]) -> str:
    lines = (json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) for row in rows)
    return "[\n" + ",\n".join(lines) + "\n]"


_WRITERS: dict[str, Callable[[Sequence[Row]], str]] = {"table": _as_table, "csv": _as_csv, "json": _as_json}


def read_csv(path: Path) -> list[Decision]:
    """The decisions of a table with these columns, in any order; `why` may be missing. Raises FormatError."""
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _misfit("a CSV file in UTF-8", f"{quote(path.name)} in another encoding", 0) from error
    rows = table_rows(io.StringIO(text, newline=""), delimiter=delimiter(text.partition("\n")[0]))
    _, header = next(rows, (0, []))
    if isinstance(header, FormatError):
        raise header
    names = [name.strip().lower() for name in header]
    missing = [name for name in COLUMNS[:4] if name not in names]
    if missing:
        raise _misfit(f"the columns {', '.join(COLUMNS[:4])}", f"no {', '.join(missing)}", 1)
    return list(_decisions(rows, names))


def _decisions(rows: Iterable[tuple[int, list[str] | FormatError]], names: Sequence[str]) -> Iterator[Decision]:
    for line, cells in rows:
        if isinstance(cells, FormatError):
            raise cells
        if not any(map(str.strip, cells)):
            continue
        row = dict(zip(names, map(plain, cells), strict=False))
        word = row["decision"].strip().lower()
        label, name, other = (" ".join(row.get(column, "").split()) for column in ("label", "name", "other"))
        if word == PROPOSED:
            continue
        if word not in _ACTIONS:
            raise _misfit(f"one of {', '.join((*_ACTIONS, PROPOSED))} as the decision", quote(word), line)
        if not (label and name and (other or word == PARTED)):
            found = "an empty cell"
            raise _misfit(f"a label, a name{'' if word == PARTED else ' and an other name'}", found, line)
        yield Decision(_ACTIONS[word], label, name, "" if word == PARTED else other)


def _misfit(expected: str, found: str, line: int) -> FormatError:
    where = f" in line {line:,}" if line else ""
    return FormatError(
        expected=expected, found=found + where, change="Mend the file; nothing was taken from it.", lines=(line,)
    )
