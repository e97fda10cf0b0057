"""Files that hold nothing but text: plain text, Markdown, and the text layers of PDF and DOCX.

One file is one document. A PDF of scanned pages has no text layer and is refused with that reason: there is no
text recognition here.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from db.formats.files import MAX_MEMBER, check_member, not_utf8, readable
from db.formats.record import Format, Item, misfit, required
from relex_core.errors import FormatError, InputError, RelexError, quote
from relex_core.types import Document, Schema


def read_text(path: Path, schema: Schema | None) -> Iterator[Item]:
    del schema
    try:
        yield Document.from_text(path.read_bytes().decode("utf-8-sig"), source=readable(path.name))
    except UnicodeDecodeError as error:
        yield not_utf8(error)
    except RelexError as error:
        yield error


def read_pdf(path: Path, schema: Schema | None) -> Iterator[Item]:
    """Pages are parted by an empty line."""
    del schema
    try:
        import pypdf
    except ImportError as error:
        raise required("pypdf", "pypdf==7.1.0", "pdf") from error
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            yield misfit("a PDF without a password", f"{quote(path.name)}, which is encrypted")
            return
        text = "\n\n".join(page.extract_text() for page in reader.pages)
    except Exception as error:  # pypdf raises what its parts raise on broken files
        yield misfit("a readable PDF", f"{quote(path.name)} ({type(error).__name__}: {error})")
        return
    yield _layer(text, path, "a PDF with a text layer", "Run text recognition (OCR) on it first.")


def read_docx(path: Path, schema: Schema | None) -> Iterator[Item]:
    """Paragraphs and table rows in the order of the document, one to a line; merged cells count once."""
    del schema
    try:
        import docx
    except ImportError as error:
        raise required("python-docx", "python-docx==1.2.0", "docx") from error
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            for info in members:
                check_member(info)
        if sum(info.file_size for info in members) > MAX_MEMBER:
            raise misfit("a DOCX file of usual size", quote(path.name))
        parts = docx.Document(str(path)).iter_inner_content()
        lines: list[str] = []
        for part in parts:
            rows = getattr(part, "rows", None)
            if rows is None:
                lines.append(str(getattr(part, "text", "")))
            else:
                lines.extend("\t".join(cells) for cells in _rows(rows))
        text = "\n".join(lines)
    except FormatError as error:
        yield error
        return
    except Exception as error:  # python-docx raises what zipfile, lxml and its own parts raise
        yield misfit("a readable DOCX file", f"{quote(path.name)} ({type(error).__name__}: {error})")
        return
    yield _layer(text, path, "a DOCX file with text", "Save it with its text, not as pictures.")


def _rows(rows: Iterable[Any]) -> Iterator[list[str]]:
    """The texts of a table's cells: python-docx gives a merged cell again for each place that it covers."""
    seen: set[Any] = set()
    for row in rows:
        cells = [cell for cell in {cell._tc: cell for cell in row.cells}.values() if cell._tc not in seen]
        seen.update(cell._tc for cell in cells)
        yield [cell.text for cell in cells]


def _layer(text: str, path: Path, expected: str, change: str) -> Item:
    # what cannot be shown comes from fonts without a map to Unicode
    text = "".join("\ufffd" if c == "\x00" or "\ud800" <= c <= "\udfff" else c for c in text)
    if not text.strip():
        return InputError(expected=expected, found=f"{quote(path.name)}, which has none", change=change)
    try:
        return Document.from_text(text, source=readable(path.name))
    except RelexError as error:
        return error


TEXT = Format("text", ".txt", None, read_text, "Plain text, one document to a file")
MARKDOWN = Format("markdown", ".md", None, read_text, "Markdown, taken as it is written")
PDF = Format("pdf", ".pdf", None, read_pdf, "Text layer of a PDF")
DOCX = Format("docx", ".docx", None, read_docx, "Text of a DOCX file")
