"""What an export would look like: its first records, written in the format that was chosen and read as text."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from db.exports import attributed
from db.formats import named
from db.naming import Names
from db.values import Revision
from relex_core.errors import InputError

RECORDS = 10
"""Records that are shown before anybody downloads."""

LONGEST = 20_000
"""Characters of a file that are shown."""

MOST = 60
"""Files of an archive that are shown."""

TITLE = 90
"""Characters of a document's text that stand for it."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of an export. `text` is its beginning, None where the bytes are no text; `size` are all its bytes."""

    name: str
    text: str | None
    size: int

    @property
    def whole(self) -> bool:
        """Whether `text` is all that there is."""
        return self.text is not None and len(self.text.encode()) == self.size


@dataclass(frozen=True, slots=True)
class Sample:
    """The first records of an export, as `files` of its format; `titles` are the beginnings of their texts.

    `more` are files of an archive beyond those that are held here."""

    titles: tuple[str, ...]
    files: tuple[File, ...]
    more: int = 0

    @property
    def lines(self) -> tuple[str, ...] | None:
        """The records by line, None where the format does not give each a line of its own."""
        if len(self.files) != 1 or not self.files[0].name.endswith(".jsonl") or not self.files[0].whole:
            return None
        found = tuple((self.files[0].text or "").removesuffix("\n").split("\n"))
        return found if len(found) == len(self.titles) else None


def sample(
    revisions: Iterable[Revision],
    format: str,
    stem: str = "sample",
    records: int = RECORDS,
    names: Names | None = None,
) -> Sample:
    """Write the first `records` in `format` to a folder that is gone afterwards. No records give no files.

    Raises InputError for a format that cannot be written, FormatError if a package for it is missing.
    """
    chosen = named(format)
    if chosen.write is None:
        raise InputError(
            expected="a format that can be written", found=format, change="Choose another format.", value=format
        )
    first = list(islice(revisions, records))
    titles = tuple(" ".join(r.annotation.document.text[: 4 * TITLE].split())[:TITLE] for r in first)
    if not first:
        return Sample((), ())
    with TemporaryDirectory(prefix="relex-") as folder:
        path = Path(folder) / f"{stem}{chosen.suffix}"
        chosen.write(attributed(first, names if chosen.names else None), path)
        if not zipfile.is_zipfile(path):
            return Sample(titles, (_shown(path.name, path.read_bytes(), path.stat().st_size),))
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            return Sample(titles, tuple(_members(archive, members[:MOST])), max(0, len(members) - MOST))


def _members(archive: zipfile.ZipFile, members: Iterable[zipfile.ZipInfo]) -> Iterator[File]:
    for member in members:
        with archive.open(member) as file:
            yield _shown(member.filename, file.read(4 * LONGEST), member.file_size)


def _shown(name: str, content: bytes, size: int) -> File:
    """A file whose beginning is `content`."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        # a character may have been cut where the reading ended
        if len(content) == size or error.start < len(content) - 4:
            return File(name, None, size)
        text = content[: error.start].decode("utf-8")
    return File(name, None if "\0" in text else text[:LONGEST], size)
