"""Files that are written whole or not at all, alone or together with those that belong to them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from relex_core.errors import InputError, RelexError, StoreError

if sys.platform != "win32":
    import fcntl


@contextmanager
def writing(
    what: str,
    path: Path,
    change: str,
    error: type[RelexError] = StoreError,
    refusals: type[Exception] = OSError,
) -> Iterator[None]:
    """For a block that writes `what` to `path`: where the disk refuses, `error` asks for `change`. A library that
    writes may have other `refusals`."""
    try:
        yield
    except refusals as refused:
        raise error(
            expected=f"to write {what}",
            found=reason(refused, path),
            change=change,
            value=str(path),
        ) from refused


def reason(refused: Exception, path: Path) -> str:
    """Why `path` could not be written; torch does not say that the disk is full."""
    if isinstance(refused, OSError):
        return refused.strerror or type(refused).__name__
    room = shutil.disk_usage(path.parent).free if path.parent.is_dir() else 0
    return "No space left on device" if room < 1 << 26 else str(refused).partition("\n")[0]


_PREFIX, _SUFFIX = ".relex-", ".part"
"""Names of the folders in which files are written aside."""


class Together:
    """Files that are written aside first; then all of them take their places, or none does.

    Where a link stands, the file that it names is written; what is there already keeps its permissions. Nothing takes
    the place of a file in `spared`, which holds no links.
    """

    def __init__(self, asides: ExitStack, spared: Collection[Path]) -> None:
        self._stack, self._spared = asides, frozenset(spared)
        self._asides: dict[Path, Path] = {}
        self._written: dict[Path, Path] = {}
        self._removed: list[Path] = []

    def aside(self, path: Path) -> Path:
        """Where to write what is to be at `path`. Raises InputError, OSError."""
        target = _target(path, self._spared)
        self._written[target] = self._beside(target) / "new" / path.name
        return self._written[target]

    def remove(self, path: Path) -> None:
        """Let the file at `path` go when the others come."""
        self._removed.append(path.parent.resolve() / path.name)

    def _beside(self, path: Path) -> Path:
        """A folder beside `path`, on the same file system: what is there is moved, not copied.

        What is written there has the permissions of any new file; a temporary one would be its writer's alone.
        """
        if path.parent not in self._asides:
            _sweep(path.parent)
            aside = self._asides[path.parent] = self._stack.enter_context(_made(path.parent))
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
        for path, new in self._written.items():
            _flush(new)
            if path in old:
                shutil.copymode(path, new)
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


@contextmanager
def _made(parent: Path) -> Iterator[Path]:
    """A new folder, locked while it is in use, so that `_sweep` can tell it from one that a kill has left."""
    while True:
        aside = TemporaryDirectory(prefix=_PREFIX, suffix=_SUFFIX, dir=parent, ignore_cleanup_errors=True)
        with aside as made, _locked(Path(made), wait=True):
            # between its making and its lock it looked like one that was left
            if os.path.isdir(made):
                yield Path(made)
                return


def _sweep(parent: Path) -> None:
    """Remove what writers that were killed have left in a folder; a folder in use is not touched."""
    for left in parent.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError), _locked(left, wait=False):
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _locked(folder: Path, wait: bool) -> Iterator[None]:
    """Hold a folder's lock, which ends with the process. Without `wait`, OSError where another holds it, or where there
    are no locks; then nothing can be swept."""
    if sys.platform == "win32":
        if not wait:
            raise OSError(f"{folder} cannot be locked on Windows")
        yield
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        if not wait:
            raise
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            if not wait:
                raise
        yield
    finally:
        os.close(descriptor)


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


def _flush(path: Path) -> None:
    # else a power failure may leave the name with nothing behind it
    with path.open("r+b") as file:
        os.fsync(file.fileno())


@contextmanager
def together(spared: Collection[Path] = ()) -> Iterator[Together]:
    """Files to be written together; what is not placed until the end is gone."""
    with ExitStack() as asides:
        yield Together(asides, spared)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Where to write the file that takes the place of `path` when the block ends without an error. Raises InputError,
    OSError."""
    with together() as files:
        yield files.aside(path)
        with files.placed():
            pass


def check_output(path: Path, inputs: Iterable[Path], option: str = "--out") -> None:
    """Before the work: `path` is none of the inputs and can be written; nothing is changed. Raises InputError."""
    with _told(path, option):
        if os.path.realpath(path) in map(os.path.realpath, inputs):
            raise InputError(
                expected="an output that is none of the inputs",
                found=str(path),
                change=f"Choose another {option}.",
                value=str(path),
            )
        if not _is_stream(path):
            if path.exists():
                path.open("ab").close()  # a folder, or a file that is to stay as it is
            with together() as files:
                files.aside(path)


@contextmanager
def output(path: Path, option: str = "--out") -> Iterator[Path]:
    """`replacing` for a command's option. A pipe or a device has no content to keep and is written as it is.

    Raises InputError.
    """
    with _told(path, option):
        if _is_stream(path):
            yield path
            return
        with replacing(path) as part:
            yield part


def _is_stream(path: Path) -> bool:
    return path.exists() and not (path.is_file() or path.is_dir())


def _told(path: Path, option: str) -> AbstractContextManager[None]:
    return writing(str(path), path, f"Choose another {option}, or make room for it.", InputError)
