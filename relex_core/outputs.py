"""Files that commands write: each is there whole or as it was, and none takes the place of what is read for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from relex_core.errors import InputError


def check_output(path: Path, inputs: Iterable[Path], option: str = "--out") -> None:
    """Before the work: `path` is none of the inputs and can be written; nothing is changed. Raises InputError."""
    with _told(path, option):
        if path.resolve() in {read.resolve() for read in inputs}:
            raise InputError(
                expected="an output that is none of the inputs",
                found=str(path),
                change=f"Choose another {option}.",
                value=str(path),
            )
        if not _is_stream(path):
            if path.exists():
                path.open("ab").close()  # a folder, or a file that is to stay as it is
            with _aside(path.resolve()):
                pass


@contextmanager
def replacing(path: Path, option: str = "--out") -> Iterator[Path]:
    """The path to write to: a file that takes the place of `path` at the end, and is gone if anything is raised.

    A pipe or a device has no content to keep and is written as it is. Raises InputError.
    """
    with _told(path, option):
        if _is_stream(path):
            yield path
            return
        target = path.resolve()  # a link stays one
        with _aside(target) as folder:
            part = Path(folder) / target.name
            yield part
            if target.exists():
                shutil.copymode(target, part)
            os.replace(part, target)


def _is_stream(path: Path) -> bool:
    return path.exists() and not (path.is_file() or path.is_dir())


def _aside(target: Path) -> TemporaryDirectory[str]:
    # beside it, as a file is replaced at once only within a file system
    return TemporaryDirectory(prefix=".", suffix=".part", dir=target.parent)


@contextmanager
def _told(path: Path, option: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            expected="a file that can be written",
            found=f"{path} ({error})",
            change=f"Choose another {option}, or make room for it.",
            value=str(path),
        ) from error
