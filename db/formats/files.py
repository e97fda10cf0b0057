"""Text files, JSON arrays and archives, read and written piece by piece."""

from __future__ import annotations

import codecs
import gzip
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, TextIO
from urllib.parse import quote as percent_encode
from urllib.parse import unquote

from db.formats.record import misfit
from relex_core.errors import FormatError, UnreadRest, quote
from relex_core.jsonl import Keys
from relex_core.types import sha256

MAX_MEMBER = 200_000_000
"""Largest archive member that is held in memory, in bytes: more is an attack or a mistake."""

MAX_LINE = 64_000_000
"""Longest line, or item of a JSON array, that is held in memory, in bytes; gzip packs any length into a small file."""

_PIECE = 1 << 16


def text_writer(path: Path) -> TextIO:
    """A new UTF-8 text file; line breaks are written as they are."""
    return path.open("w", encoding="utf-8", newline="")


def readable(name: str) -> str:
    """The name of a file as text that can be stored: on Linux it may be any bytes, and those that are no UTF-8 become
    U+FFFD."""
    return os.fsencode(name).decode("utf-8", "replace")


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Write lines (without their line breaks) and give their number."""
    count = 0
    with text_writer(path) as file:
        for line in lines:
            file.write(line + "\n")
            count += 1
    return count


def open_bytes(path: Path) -> gzip.GzipFile | BinaryIO:
    """The file's bytes, decompressed if the file is gzip."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def numbered_lines(path: Path) -> Iterator[tuple[int, str | FormatError]]:
    """(1-based number, line without its end) of a UTF-8 file; lines end at a line feed and nowhere else."""
    with open_bytes(path) as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), start=1):
            if len(line) > MAX_LINE:
                yield number, _too_long(number)
                return
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                yield number, not_utf8(error, number)
                continue
            yield number, text.removesuffix("\n").removesuffix("\r")


def block_rows(number: int, lines: list[str | FormatError]) -> Iterator[tuple[int, Any]]:
    """(number, lines) of a record of several lines, or its bad lines: without them it would say something else."""
    faults = [line for line in lines if isinstance(line, FormatError)]
    for item in faults or (lines,):
        yield number, item


def _too_long(number: int) -> FormatError:
    return UnreadRest(
        FormatError(
            expected=f"at most {MAX_LINE:,} bytes in line (or item) {number:,}",
            found="more",
            change="Write one record to a line, or split the file.",
            lines=(number,),
        )
    )


def undecoded(text: str, number: int, unit: str = "line") -> FormatError | None:
    """What is wrong with line (or another unit) `number` of a file that was decoded as UTF-8 with surrogateescape."""
    try:
        text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeDecodeError as error:
        return not_utf8(error, number, unit)
    return None


def not_utf8(error: UnicodeDecodeError, number: int = 0, unit: str = "line") -> FormatError:
    where = f"{unit} {number:,}" if number else "the file"
    return FormatError(
        expected=f"UTF-8 text in {where}",
        found=f"the byte 0x{error.object[error.start]:02x} at position {error.start:,}",
        change="Save the file with the encoding UTF-8.",
        lines=(number,) if number else (),
    )


def json_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """(1-based number, JSON object or error) of a JSON Lines file or of a JSON array of objects."""
    with open_bytes(path) as file:
        head = file.read(4096).decode("utf-8-sig", "replace").lstrip()
    if head.startswith("["):
        yield from _json_array(path)
        return
    for number, line in numbered_lines(path):
        if isinstance(line, FormatError):
            yield number, line
        elif line.strip():
            yield number, _json_object(line, number)


def _json_object(line: str, number: int) -> Any:
    keys = Keys()
    try:
        value = json.loads(line, object_pairs_hook=keys)
    except (ValueError, RecursionError) as error:
        return _not_json(number, f"{quote(line.strip(), 40)} ({error})")
    return _checked(value, keys, number)


def _checked(value: Any, keys: Keys, number: int) -> Any:
    """A parsed value if it is an object whose keys all stand there once, else what is wrong with it."""
    if keys.repeated is not None:
        return keys.fault(number, f"line (or item) {number:,}")
    return value if isinstance(value, dict) else _not_json(number, quote(value, 40))


def _json_array(path: Path) -> Iterator[tuple[int, Any]]:
    """The items of a JSON array, holding one of them at a time."""
    keys = Keys()
    decoder = json.JSONDecoder(object_pairs_hook=keys)
    # where an item with bytes of another encoding ends can be told all the same
    decode = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
    number, buffer, end = 0, "", False
    with open_bytes(path) as file:

        def more() -> str:
            nonlocal end
            piece = file.read(max(_PIECE, len(buffer)))
            end = not piece
            return decode.decode(piece, final=end)

        buffer = more().lstrip()[1:]
        while True:
            buffer = buffer.lstrip().removeprefix(",").lstrip() if number else buffer.lstrip()
            if buffer.startswith("]"):
                break
            keys.repeated = None
            try:
                value, stop = decoder.raw_decode(buffer)
                # a number or word at the end of the buffer may go on in the next piece
                if stop == len(buffer) and not end:
                    raise ValueError("cut off")
            except (ValueError, RecursionError) as error:
                if end:
                    yield number + 1, UnreadRest(_not_json(number + 1, f"{quote(buffer[:40])} ({error})"))
                    return
                if len(buffer) > MAX_LINE:
                    yield number + 1, _too_long(number + 1)
                    return
                buffer += more()
                continue
            number += 1
            item, buffer = buffer[:stop], buffer[stop:]
            yield number, undecoded(item, number, "item") or _checked(value, keys, number)
            if not buffer:
                buffer = more()
        rest = buffer[1:].lstrip()
        while not rest and not end:
            rest = more().lstrip()
        if rest:
            change = "Write all items as one array, or one JSON object to a line."
            after = FormatError(
                expected="the end of the file after its JSON array", found=quote(rest[:40]), change=change
            )
            yield number + 1, UnreadRest(after)


def _not_json(number: int, found: str) -> FormatError:
    return FormatError(
        expected=f"a JSON object in line (or item) {number:,}",
        found=found,
        change="Write one JSON object to a line or as one item of an array.",
        lines=(number,),
    )


def write_json_array(path: Path, items: Iterable[str]) -> int:
    """A JSON array of items that are JSON already, one to a line."""
    count = 0
    with text_writer(path) as file:
        file.write("[")
        for count, item in enumerate(items, start=1):
            file.write(("\n" if count == 1 else ",\n") + item)
        file.write("\n]\n")
    return count


# names that Windows keeps for devices, whatever ending they have
_DEVICE = re.compile(r"CON|PRN|AUX|NUL|(COM|LPT)[0-9]", re.IGNORECASE)

_LONGEST = 120


def member_name(id: str) -> str:
    """`id` as a file name that no file system misreads; `member_id` gives short ones back.

    >>> member_name("../a b"), member_id("%2E.%2Fa%20b")
    ('%2E.%2Fa%20b', '../a b')
    """
    name = percent_encode(id, safe="")
    if name.startswith((".", "-")) or _DEVICE.fullmatch(name.partition(".")[0]):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return name if len(name) <= _LONGEST else _cut(name, id)


def coded_name(id: str) -> str:
    """Another name for `id`, with letters as codes, so that upper and lower case differ; `member_id` gives it back.

    >>> coded_name("aA"), member_id("%61%41")
    ('%61%41', 'aA')
    """
    coded = "".join(f"%{ord(c):02X}" if c.isascii() and c.isalpha() else percent_encode(c, safe="") for c in id)
    return coded if len(coded) <= _LONGEST else _cut(member_name(id), id)


def _cut(name: str, id: str) -> str:
    return f"{name[:60].rpartition('%')[0] or name[:60]}~{sha256(id)[:16]}"


def member_id(name: str) -> str:
    """The inverse of `member_name`, but for long ids, which it had to cut."""
    return unquote(readable(name))


@dataclass(frozen=True, slots=True)
class Archive:
    """Files by name, of a zip archive or a folder, without hidden ones and without what macOS adds."""

    names: tuple[str, ...]
    open: Callable[[str], IO[bytes]]

    def namelist(self) -> list[str]:
        return [name for name in self.names if not any(map(_hidden, PurePosixPath(name).parts))]


def _hidden(part: str) -> bool:
    # Finder puts the attributes of each file there, under the file's own name and ending
    return part.startswith(".") or part == "__MACOSX"


def _folder(path: Path) -> Archive:
    """A folder, read like an archive of its files. Numbers in names count as numbers."""
    files = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
    return Archive(tuple(sorted(files, key=natural)), lambda name: files[name].open("rb"))


def natural(name: str) -> list[str | int]:
    """Sorts names that differ in a number by that number.

    >>> sorted(["a10", "a9"], key=natural)
    ['a9', 'a10']
    """
    return [int(part) if at % 2 else part for at, part in enumerate(re.split(r"(\d+)", name))]


def is_archive(path: Path) -> bool:
    """Whether `archive_reader` can read it."""
    return path.is_dir() or zipfile.is_zipfile(path)


@contextmanager
def archive_reader(path: Path) -> Iterator[Archive]:
    """An open folder or zip archive whose member names stay inside its folder. Raises FormatError."""
    if path.is_dir():
        yield _folder(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise misfit("a .zip archive", f"{quote(path.name)} ({error})") from error
    with archive:
        for info in archive.infolist():
            check_member(info)
        yield Archive(tuple(archive.namelist()), archive.open)


def check_member(info: zipfile.ZipInfo) -> None:
    """Refuse absolute paths, paths that climb out, and links. Raises FormatError."""
    name = info.filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    link = (info.external_attr >> 16) & 0o170000 == 0o120000
    if not parts or name.startswith("/") or ".." in parts or ":" in parts[0] or link:
        raise misfit("archive members inside the archive's own folder", f"{quote(info.filename)}", info.filename)


def member_text(archive: Archive, name: str) -> str:
    """A member as text, line breaks as they are. Raises FormatError."""
    try:
        return member_bytes(archive, name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(error) from error


def member_bytes(archive: Archive, name: str) -> bytes:
    """Raises FormatError."""
    try:
        with archive.open(name) as file:
            content = file.read(MAX_MEMBER + 1)
    except (KeyError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise misfit(f"a readable member {quote(name)} in the archive", str(error) or type(error).__name__) from error
    if len(content) > MAX_MEMBER:
        raise misfit(f"archive members of at most {MAX_MEMBER:,} bytes", quote(name))
    return content
