"""Files that belong together, such as data and its manifest: all of them are there, or none is."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from relex_core.errors import InputError, StoreError


@contextmanager
def writing(what: str, path: Path, change: str) -> Iterator[None]:
    """For a block that writes `what` to `path`: where the disk refuses, StoreError asks for `change`."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            expected=f"to write {what}",
            found=error.strerror or type(error).__name__,
            change=change,
            value=str(path),
        ) from error


class Together:
    """Files that are written aside first; then all of them take their places, or none does.

    Where a link stands, the file that it names is written. Nothing takes the place of a file in `spared`, which holds
    no links.
    """

    def __init__(self, asides: ExitStack, spared: Collection[Path]) -> None:
        self._stack, self._spared = asides, frozenset(spared)
        self._asides: dict[Path, Path] = {}
        self._written: dict[Path, Path] = {}
        self._removed: list[Path] = []

    def aside(self, path: Path) -> Path:
        """Where to write what is to be at `path`, whose folder is made. Raises InputError, OSError."""
        target = _target(path, self._spared)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._written[target] = self._beside(target) / "new" / path.name
        return self._written[target]

    def remove(self, path: Path) -> None:
        """Let the file at `path` go when the others come."""
        self._removed.append(path.parent.resolve() / path.name)

    def _beside(self, path: Path) -> Path:
        """A folder beside `path`, on the same file system: what is there is moved, not copied."""
        if path.parent not in self._asides:
            made = tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=path.parent)
            aside = self._asides[path.parent] = Path(self._stack.enter_context(made))
            (aside / "new").mkdir()
            (aside / "old").mkdir()
        return self._asides[path.parent]

    @contextmanager
    def placed(self) -> Iterator[None]:
        """The files in their places; all is as it was before if that or the block ends with an error.

        Only a kill between two of the renames can leave new files beside old ones.
        """
        there = [path for path in (*self._written, *self._removed) if path.exists()]
        old = {path: self._beside(path) / "old" / path.name for path in there}
        for path, kept in old.items():
            _keep(path, kept)
        touched: list[Path] = []
        try:
            for path, new in self._written.items():
                touched.append(path)
                new.replace(path)
            for path in self._removed:
                touched.append(path)
                path.unlink(missing_ok=True)
            yield
        except BaseException:
            for path in touched:
                if path in old:
                    old[path].replace(path)
                else:
                    path.unlink(missing_ok=True)
            raise


def _target(path: Path, spared: Collection[Path]) -> Path:
    """The file that is written for `path`, links followed. Raises InputError if it must not be replaced."""
    target = Path(os.path.realpath(path))
    if target in spared:
        found = f"{path}, which belongs to the database itself"
    elif os.path.lexists(target) and not target.is_file():  # a link that is left leads to itself
        found = f"{path}, which is {'a folder' if target.is_dir() else 'no ordinary file'}"
    else:
        return target
    raise InputError(
        expected="the name of a new file, or of one that may be overwritten",
        found=found,
        change="Choose another name; no file was written or changed.",
        value=str(path),
    )


def _keep(path: Path, kept: Path) -> None:
    """A second name for a file, or a copy where the file system has no such names."""
    try:
        kept.hardlink_to(path)
    except OSError:
        shutil.copy2(path, kept)


@contextmanager
def together(spared: Collection[Path] = ()) -> Iterator[Together]:
    """Files to be written together; what is not placed until the end is gone."""
    with ExitStack() as asides:
        yield Together(asides, spared)
