"""Zip archives written in constant memory, however many members they have."""

from __future__ import annotations

import pickle
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from db.formats.files import coded_name, member_name
from db.spool import spool


@contextmanager
def zip_writer(path: Path) -> Iterator[zipfile.ZipFile]:
    """A new zip archive. Its members get names of their own from the caller."""
    with (
        tempfile.TemporaryFile() as directory,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive,
    ):
        # what zipfile goes through when it closes the archive, and what it looks names up in
        archive.filelist = _Directory(directory)
        archive.NameToInfo = _Forgetful()
        yield archive


class _Directory(list[zipfile.ZipInfo]):
    """The archive's directory, in a file until the archive is closed: some 700 bytes of memory for each member else."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._count = 0

    def append(self, member: zipfile.ZipInfo) -> None:
        pickle.dump(member, self._file)
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[zipfile.ZipInfo]:
        self._file.seek(0)
        for _ in range(self._count):
            yield pickle.load(self._file)  # noqa: S301  # a nameless file that this process alone has written


class _Forgetful(dict[str, zipfile.ZipInfo]):
    def __setitem__(self, name: str, member: zipfile.ZipInfo) -> None:
        pass


def add_member(archive: zipfile.ZipFile, name: str, content: str | bytes) -> None:
    """With a fixed date, so that equal content gives equal archives."""
    archive.writestr(member(name), content)


def member(name: str) -> zipfile.ZipInfo:
    """A compressed member with a fixed date."""
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


@contextmanager
def member_names() -> Iterator[MemberNames]:
    """Names for the documents of one archive."""
    with spool("taken (name TEXT PRIMARY KEY) WITHOUT ROWID", "seen (id TEXT PRIMARY KEY) WITHOUT ROWID") as tables:
        yield MemberNames(tables)


class MemberNames:
    """A name of its own for each document of an archive, also where upper and lower case are one, and when two have
    the same id."""

    def __init__(self, tables: sqlite3.Connection) -> None:
        self._tables = tables

    def of(self, id: str) -> str:
        stem = member_name(id)
        known = self._tables.execute("SELECT 1 FROM seen WHERE id = ?", (id,)).fetchone()
        if not known and self._is_taken(stem):
            stem = coded_name(id)
        self._tables.execute("INSERT OR IGNORE INTO seen VALUES (?)", (id,))
        name, n = stem, 2
        while self._is_taken(name):
            name, n = f"{stem}~{n}", n + 1
        self._tables.execute("INSERT INTO taken VALUES (?)", (name.lower(),))
        return name

    def _is_taken(self, name: str) -> bool:
        return self._tables.execute("SELECT 1 FROM taken WHERE name = ?", (name.lower(),)).fetchone() is not None
