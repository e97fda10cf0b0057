"""Files that people bring -> documents, without a surprise: what is doubtful is asked, nothing is dropped silently."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import charset_normalizer

from db.formats import texts
from db.formats.csv_files import delimiter, table_rows
from pages.shared.bundles import file_stem
from relex_core.errors import FormatError, InputError, RelexError, quote
from relex_core.jsonl import Json, annotation_from_training, document_from_json, read_lines, training_labels
from relex_core.types import Document, Schema

SUFFIXES = ("txt", "md", "csv", "jsonl", "pdf", "docx")

_OFFICE = {"pdf": texts.PDF, "docx": texts.DOCX}

MAX_PART = 100_000
"""Longest text read in one piece, in code points; a longer one is divided at paragraph ends."""

ENCODINGS = ("windows-1252", "iso-8859-15", "utf-16", "windows-1251", "windows-1256", "shift_jis", "gb18030")
"""What is offered where the guess is wrong."""

PREVIEW = 200
"""Characters of a text that are shown where its encoding is doubtful."""

_MAGIC = {
    b"%PDF": "a PDF file",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an old office document",
    b"SQLite format 3": "a database",
}

_TEXT_COLUMNS = ("text", "content", "body", "document", "sentence", "abstract", "message")


@dataclass(frozen=True, slots=True)
class Upload:
    """What a file holds. `questions` stay open while `guessed` (an encoding to confirm) or `columns` is set.

    `preview` is a passage by which to see whether the encoding is right.
    `problems` are lines that cannot be used; the documents are the good ones, to be taken only on confirmation.
    """

    name: str
    documents: tuple[Document, ...] = ()
    problems: tuple[FormatError, ...] = ()
    encoding: str = "utf-8"
    guessed: bool = False
    preview: str = ""
    columns: tuple[str, ...] = ()
    column: str = ""

    @property
    def lines(self) -> tuple[int, ...]:
        """Numbers of the lines that cannot be used."""
        return tuple(line for problem in self.problems for line in problem.lines)


def read(name: str, data: bytes, encoding: str = "", column: str = "") -> Upload:
    """Read a file. Without `encoding` UTF-8 is expected and otherwise guessed. Raises InputError for binary files."""
    name = PurePosixPath(name.replace("\\", "/")).name[-120:] or "upload"
    suffix = name.rpartition(".")[2].lower()
    if suffix not in SUFFIXES:
        raise InputError(
            expected=f"a file that ends in .{', .'.join(SUFFIXES)}",
            found=quote(name),
            change="Save it as plain text, CSV or JSON Lines.",
            value=name,
        )
    if suffix in _OFFICE:
        return Upload(name, (_of_office(name, data, suffix),))
    refuse_binary(name, data, encoding)
    text, used, guessed = decode(data, encoding)
    upload = Upload(name, encoding=used, guessed=guessed, preview=_doubtful(text))
    if suffix == "csv":
        return _from_csv(upload, text, column)
    if suffix == "jsonl":
        return _from_jsonl(upload, text)
    return replace(upload, documents=(Document.from_text(_lines(text), source=name),))


def _of_office(name: str, data: bytes, suffix: str) -> Document:
    """The text of a file that only a library reads. Raises FormatError or InputError."""
    read = _OFFICE[suffix].read
    assert read
    with TemporaryDirectory() as folder:
        # messages name the file; no file system takes any name
        path = Path(folder) / f"{file_stem(Path(name).stem)}.{suffix}"
        path.write_bytes(data)
        (found,) = read(path, None)
    if isinstance(found, Document):
        return replace(found, source=name)
    assert isinstance(found, RelexError)
    raise found


def refuse_binary(name: str, data: bytes, encoding: str = "") -> None:
    """Raises InputError if the bytes are no text."""
    found = next((what for magic, what in _MAGIC.items() if data.startswith(magic)), None)
    if found is None and b"\0" in data[:65536] and not (_has_bom(data) or encoding.startswith("utf-16")):
        found = "binary data"
    if found:
        raise InputError(
            expected=f"text in {quote(name)}",
            found=found,
            change="Export it as plain text and upload that.",
            value=name,
        )
    if not data.strip():
        raise InputError(
            expected=f"text in {quote(name)}",
            found="an empty file",
            change="Choose a file that holds text.",
            value=name,
        )


def decode(data: bytes, encoding: str = "") -> tuple[str, str, bool]:
    """Text, encoding, and whether that was guessed and should be confirmed. Raises InputError."""
    if encoding:
        try:
            return data.decode(encoding).removeprefix("\ufeff"), encoding, False
        except (UnicodeDecodeError, LookupError) as error:
            raise InputError(
                expected=f"text in the encoding {encoding}",
                found=f"bytes that it does not have ({getattr(error, 'reason', error)})",
                change="Choose another encoding.",
                value=encoding,
            ) from error
    for sure in ("utf-16", "utf-8-sig") if _has_bom(data) else ("utf-8",):
        try:
            return data.decode(sure), sure, False
        except UnicodeDecodeError:
            continue
    best = charset_normalizer.from_bytes(data[:200_000]).best()
    guess = _offered(best.encoding) if best and not _western(data, str(best)) else "windows-1252"
    try:
        return data.decode(guess), guess, True
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1", True


def parts(document: Document, size: int = MAX_PART) -> tuple[Document, ...]:
    """`document`, or if it is longer than `size` its parts in order, which together are its whole text.

    Divided at the last paragraph end, else line end, else space in the second half of a part.
    """
    text = document.text
    if len(text) <= size:
        return (document,)
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = min(start + size, len(text))
        if end < len(text):
            cuts = (text.rfind(mark, start + size // 2, end) + len(mark) for mark in ("\n\n", "\n", " "))
            end = next((cut for cut in cuts if cut > start + size // 2), end)
        # a part of nothing but space is no document: it stays at the end of the part before it
        if pieces and not text[start:end].strip():
            pieces[-1] += text[start:end]
        else:
            pieces.append(text[start:end])
        start = end
    source = document.source or "text"
    return tuple(
        Document(f"{document.id}-{number}", piece, f"{source}, part {number} of {len(pieces)}")
        for number, piece in enumerate(pieces, start=1)
    )


def _from_csv(upload: Upload, text: str, column: str) -> Upload:
    csv.field_size_limit(20_000_000)
    names = text.lstrip("\r\n").partition("\n")[0]
    rows = table_rows(io.StringIO(text, newline=""), delimiter=delimiter(names))
    _, first = next(rows, (0, []))
    if isinstance(first, FormatError):
        found = f"{first.found} of {quote(upload.name)}"
        raise FormatError(expected=first.expected, found=found, change=first.change, lines=first.lines)
    header = [cell.strip() for cell in first]
    columns = tuple(cell or f"column {at}" for at, cell in enumerate(header, start=1))
    likely = [cell for cell in columns if cell.lower() in _TEXT_COLUMNS]
    column = column or (columns[0] if len(columns) == 1 else likely[0] if len(likely) == 1 else "")
    if column not in columns:
        return replace(upload, columns=columns)
    at = columns.index(column)
    name_at = next((i for i, cell in enumerate(columns) if cell.lower() == "id"), None)
    documents: list[Document] = []
    problems: list[FormatError] = []
    for number, row in rows:
        if isinstance(row, FormatError):
            problems.append(row)
            continue
        if not any(cell.strip() for cell in row):
            continue
        id = row[name_at].strip() if name_at is not None and name_at < len(row) else ""
        cell = row[at] if at < len(row) else ""
        _take(documents, problems, number, partial(Document.from_text, cell, id, upload.name))
    return replace(upload, documents=tuple(documents), problems=tuple(problems), columns=columns, column=column)


def _from_jsonl(upload: Upload, text: str) -> Upload:
    documents: list[Document] = []
    problems: list[FormatError] = []
    for number, record in read_lines(text.split("\n")):
        if isinstance(record, FormatError):
            problems.append(record)
        else:
            _take(documents, problems, number, partial(_document, record, upload.name))
    return replace(upload, documents=tuple(documents), problems=tuple(problems))


def _document(record: Json, source: str) -> Document:
    if "text" in record or "tokenized_text" not in record:
        return document_from_json(record, source)
    schema = Schema.of(*training_labels([record]))
    return replace(annotation_from_training(record, schema).document, source=source)


def _take(documents: list[Document], problems: list[FormatError], number: int, make: Callable[[], Document]) -> None:
    try:
        documents.append(make())
    except RelexError as error:
        problems.append(
            FormatError(
                expected=f"{error.expected} in line {number}",
                found=error.found,
                change=error.change,
                lines=(number,),
            )
        )


_ODD = re.compile(r"[^\W\d_][^\w\s\x00-\x7f’‘–—·][^\W\d_]|[^\x00-\x7f\xa0-ÿŒœŸ€‚„“”‘’‹›…–—•™]|[¤¦¨¬¯µ¶¸š]")
"""Signs inside of words, and letters and signs that Western European text has no use for."""


def _western(data: bytes, guessed: str) -> bool:
    """Whether Windows-1252, the most frequent by far, reads the bytes as well as the guess, of Latin letters too.

    The bytes of `è` and `à` are letters in several encodings; of a text of some words nothing tells them apart.
    """
    try:
        text = data.decode("windows-1252")
    except UnicodeDecodeError:
        return False
    return all(sign < "ʰ" or not sign.isalpha() for sign in guessed) and not _ODD.search(text)


def _offered(encoding: str) -> str:
    """The name by which an encoding is offered, where it is: cp1251 is windows-1251."""
    return next((name for name in ENCODINGS if codecs.lookup(name).name == codecs.lookup(encoding).name), encoding)


_FOREIGN = re.compile(r"[^\x00-\x7f]")


def _doubtful(text: str) -> str:
    """A passage by which people see whether the encoding is right: around the first character beyond ASCII."""
    found = _FOREIGN.search(text)
    start = max(0, found.start() - 80) if found else 0
    return text[start : start + PREVIEW]


def _has_bom(data: bytes) -> bool:
    return data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:3] == b"\xef\xbb\xbf"


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
