"""Spreadsheets: relations as one triple to a row (export), and texts as one document to a row (import).

A cell that a spreadsheet would run as a formula gets an apostrophe before it; reading takes it off again.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from db.formats.files import readable, text_writer, undecoded
from db.formats.record import Format, Item, each, misfit, name_of
from relex_core.errors import FormatError
from relex_core.types import MAX_DOCUMENT, Annotation, Document, Schema

COLUMNS = (
    "document",
    "head",
    "head_label",
    "head_start",
    "head_end",
    "relation",
    "tail",
    "tail_label",
    "tail_start",
    "tail_end",
    "head_name",
    "tail_name",
)

# the characters that start a formula in the usual spreadsheet programs, their full-width forms included; some
# programs read over white space before them (OWASP, "CSV injection")
_FORMULA = re.compile(r"'*(?:\s*[=+\-@|%＝＋－＠]|[\t\r\n])")
_GUARDED = re.compile("'" + _FORMULA.pattern)


def neutral(cell: str) -> str:
    """`cell` as no spreadsheet takes it for a formula.

    >>> neutral("=HYPERLINK(1)"), neutral(" =1+1"), plain(neutral("'=x"))
    ("'=HYPERLINK(1)", "' =1+1", "'=x")
    """
    return "'" + cell if _FORMULA.match(cell) else cell


def plain(cell: str) -> str:
    """The inverse of `neutral`."""
    return cell[1:] if _GUARDED.match(cell) else cell


def write_triples(annotations: Iterable[Annotation], path: Path) -> int:
    """Annotations without relations have no row. `head_name` and `tail_name` are the names in the project's graph."""
    number = 0
    with text_writer(path) as file:
        rows = csv.writer(file, quoting=csv.QUOTE_ALL)
        rows.writerow(COLUMNS)
        for number, annotation in enumerate(annotations, start=1):  # noqa: B007
            entities = annotation.by_id()
            for relation in annotation.relations:
                ends = []
                for end in (entities[relation.head], entities[relation.tail]):
                    ends.append([neutral(end.text(annotation.document)), neutral(end.label), end.start, end.end])
                names = [neutral(name_of(annotation, entities[end])) for end in (relation.head, relation.tail)]
                rows.writerow([neutral(annotation.document.id), *ends[0], neutral(relation.label), *ends[1], *names])
    return number


def read_texts(path: Path, schema: Schema | None) -> Iterator[Item]:
    """Documents from a table with a header row; the column `text` is needed, `id` and `source` are taken if there."""
    del schema  # texts have no labels
    csv.field_size_limit(MAX_DOCUMENT)

    def rows() -> Iterator[tuple[int, Any]]:
        # a byte of another encoding costs its row and leaves the others where they are
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            first = next((line for line in file if line.strip()), "")
            file.seek(0)
            faults: list[FormatError] = []
            names: list[str] = []
            for line, cells in table_rows(_checked(file, faults), delimiter=delimiter(first)):
                if faults:
                    yield line, faults[0]
                    if not names:
                        return
                    faults.clear()
                elif isinstance(cells, FormatError):
                    yield line, cells
                    if not names:
                        return
                elif not names:
                    names = [cell.strip().lower() for cell in cells]
                    if "text" not in names:
                        expected = 'a first row that names the columns, one of them "text"'
                        yield 1, misfit(expected, ", ".join(names[:8]))
                        return
                elif any(cell.strip() for cell in cells):
                    yield line, dict(zip(names, cells, strict=False))

    def make(row: dict[str, str]) -> Document:
        text = plain(row["text"])
        return Document.from_text(text, plain(row.get("id", "")), plain(row.get("source", "")) or readable(path.name))

    return each(rows(), make)


def delimiter(header: str) -> str:
    """What stands most often between the names of the columns.

    Not csv.Sniffer: from a header without quotation marks it concludes that they are not doubled inside of a cell, as
    every spreadsheet doubles them, and cells are cut off there.
    """
    return max(",;\t|", key=re.sub(r'"[^"]*"', "", header).count)


def table_rows(
    lines: Iterable[str], dialect: type[csv.Dialect] = csv.excel, **options: Any
) -> Iterator[tuple[int, list[str] | FormatError]]:
    """(the line it ends in, cells) of each row; of one that cannot be read, what is wrong with it.

    A quotation mark that nothing closes takes the rows up to the next one for its cell. All of them are named.
    """
    table = csv.reader(lines, dialect, strict=True, **options)
    while True:
        begins = table.line_num + 1
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            ends = table.line_num
            where = f"in line {ends:,}" if ends == begins else f"in the lines {begins:,} to {ends:,}"
            yield (
                ends,
                FormatError(
                    expected="table rows in which a cell that begins with a quotation mark ends with one",
                    found=f"{error} {where}",
                    change="Close the quotation mark, double those inside of a cell, or save the sheet again as CSV.",
                    lines=(begins,),
                ),
            )
        else:
            yield table.line_num, cells


def _checked(lines: Iterable[str], faults: list[FormatError]) -> Iterator[str]:
    """The lines; what is wrong with the encoding of those that were given so far goes to `faults`."""
    for number, line in enumerate(lines, start=1):
        if fault := undecoded(line, number):
            faults.append(fault)
        yield line


TRIPLES = Format(
    "csv-triples", ".csv", write_triples, None, "Relations as a table: one (head, relation, tail) to a row", names=True
)
TEXTS = Format("csv", ".csv", None, read_texts, 'Texts as a table with the column "text" (and "id", "source")')
