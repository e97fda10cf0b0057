"""Files that belong together, such as data and its manifest: all of them are there, or none is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relex_core.errors import StoreError


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
    """Files of one folder that are written aside first; then all of them take their places, or none does."""

    def __init__(self, folder: Path, aside: Path) -> None:
        self._folder, self._new, self._old = folder, aside / "new", aside / "old"
        self._new.mkdir()
        self._old.mkdir()
        self._removed: list[str] = []

    def aside(self, path: Path) -> Path:
        """Where to write what is to be at `path`."""
        return self._new / path.name

    def remove(self, path: Path) -> None:
        """Let the file at `path` go when the others come."""
        self._removed.append(path.name)

    @contextmanager
    def placed(self) -> Iterator[None]:
        """The files in their places; all is as it was before if that or the block ends with an error.

        Only a kill between two of the renames can leave new files beside old ones.
        """
        written = sorted(file.name for file in self._new.iterdir())
        for name in (*written, *self._removed):
            if (self._folder / name).exists():
                _keep(self._folder / name, self._old / name)
        touched: list[str] = []
        try:
            for name in written:
                touched.append(name)
                (self._new / name).replace(self._folder / name)
            for name in self._removed:
                touched.append(name)
                (self._folder / name).unlink(missing_ok=True)
            yield
        except BaseException:
            for name in touched:
                if (self._old / name).exists():
                    (self._old / name).replace(self._folder / name)
                else:
                    (self._folder / name).unlink(missing_ok=True)
            raise


def _keep(path: Path, kept: Path) -> None:
    """A second name for a file, or a copy where the file system has no such names."""
    try:
        kept.hardlink_to(path)
    except OSError:
        shutil.copy2(path, kept)


@contextmanager
def together(folder: Path) -> Iterator[Together]:
    """Files to be written to `folder` together; what is not placed until the end is gone."""
    with tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=folder) as aside:
        yield Together(folder, Path(aside))
