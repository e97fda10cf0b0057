"""Archives whose directory is in a file meanwhile are those that zipfile writes."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import pytest

from db.formats.zipping import add_member, member_names, zip_writer
from db.spool import spool
from relex_core.errors import StoreError

NAMES = ["a.txt", "ü/é.txt", "東京 😀.txt", "x" * 300]


def test_equal_bytes(tmp_path: Path) -> None:
    with zip_writer(tmp_path / "ours.zip") as archive:
        for name in NAMES:
            add_member(archive, name, name * 9)
    with zipfile.ZipFile(tmp_path / "plain.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name in NAMES:
            add_member(archive, name, name * 9)
    assert (tmp_path / "ours.zip").read_bytes() == (tmp_path / "plain.zip").read_bytes()


def test_more_members_than_a_directory_without_zip64_counts(tmp_path: Path) -> None:
    with zip_writer(tmp_path / "out.zip") as archive:
        for n in range(66_000):
            add_member(archive, f"{n}", f"text {n}")
    with zipfile.ZipFile(tmp_path / "out.zip") as back:
        assert len(back.namelist()) == 66_000
        assert back.testzip() is None
        assert back.read("65999") == b"text 65999"


def test_a_full_disk_under_temporary_files_is_told() -> None:
    def fill() -> None:
        with spool("x (y)") as tables:
            tables.execute("PRAGMA max_page_count = 20")
            for _ in range(1_000):
                tables.execute("INSERT INTO x VALUES (randomblob(4000))")

    with pytest.raises(StoreError, match=r"temporary files.*Free some space in") as refused:
        fill()
    assert tempfile.gettempdir() in refused.value.change


def test_names_of_many_documents_are_apart() -> None:
    with member_names() as names:
        assert len({names.of(f"{letter}{n}").lower() for letter in "dD" for n in range(10_000)}) == 20_000
