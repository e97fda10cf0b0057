"""Bytes -> text: as a byte order mark says, else UTF-8. Nothing is guessed: a wrong guess spoils a text in silence."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO, cast

from relex_core.errors import InputError, quote


def announced(head: bytes) -> str:
    """The encoding that a byte order mark at the beginning of a file names, else UTF-8.

    >>> announced(b"A"), announced("A".encode("utf-16"))
    ('utf-8-sig', 'utf-16')
    """
    # that of UTF-32 may begin with that of UTF-16
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def decode(data: bytes, encoding: str = "", change: str = "Save the file as UTF-8 and try again.") -> str:
    """The text of a file in `encoding`, or in the one that its beginning announces. Raises InputError, which asks for
    `change`."""
    used = encoding or announced(data)
    try:
        return data.decode(used).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        bad, name = data[error.start], error.encoding.upper()
        found = f"the byte 0x{bad:02x} at position {error.start:,}, in line {line:,} ({error.reason})"
        raise InputError(expected=f"{name} text", found=found, change=change) from error
    except (LookupError, ValueError) as error:  # also what is no encoding of texts, such as "hex"
        raise InputError(
            expected="the name of an encoding, such as windows-1252", found=quote(encoding), change="Correct the name."
        ) from error


@contextmanager
def text_of(file: BinaryIO) -> Iterator[TextIO]:
    """A file that is open for bytes, as text in the encoding that its beginning announces."""
    peek = cast("io.BufferedReader", file).peek  # gzip's files have it too
    with io.TextIOWrapper(cast("io.BufferedReader", file), encoding=announced(peek(4)[:4])) as text:
        yield text
