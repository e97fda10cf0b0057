"""Backups that are made with one click: a folder of them, under names by the time they were made."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from db.backup import backup
from db.engine import Database
from relex_core.errors import NotFound, StoreError, quote

MOST = 20
"""Backups that the folder may hold: clicks alone cannot fill the disk, and nothing old is deleted unasked."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup in the folder: its name, its size in bytes, and when it was made."""

    name: str
    size: int
    made_at: datetime


def folder(database: Database) -> Path:
    """Where backups are kept: beside a SQLite file, else in the data folder."""
    beside = database.path.parent if database.path else Path(os.environ.get("RELEX_DATA") or "data")
    return beside / "backups"


def kept(database: Database) -> tuple[Kept, ...]:
    """The backups in the folder, newest first."""
    found = [(path, path.stat()) for path in folder(database).glob(f"relex-*{_suffix(database)}") if path.is_file()]
    backups = [Kept(path.name, about.st_size, datetime.fromtimestamp(about.st_mtime, UTC)) for path, about in found]
    return tuple(sorted(backups, key=lambda one: (one.made_at, one.name), reverse=True))


def keep(database: Database, now: datetime) -> Kept:
    """A backup in the folder, under a name of its own. Raises StoreError, also if the folder is full."""
    held = len(kept(database))
    if held >= MOST:
        raise StoreError(
            expected=f"fewer than {MOST} backups in {folder(database)}",
            found=str(held),
            change="Move some to another disk, or delete old ones there.",
        )
    stem, number = f"relex-{now:%Y%m%d-%H%M%S}", 1
    while (path := folder(database) / f"{stem}{'' if number == 1 else f'-{number}'}{_suffix(database)}").exists():
        number += 1
    backup(database, path)
    return next(made for made in kept(database) if made.name == path.name)


def path_of(database: Database, name: str) -> Path:
    """The file of a backup in the folder; `name` cannot lead out of it. Raises NotFound."""
    if name not in {known.name for known in kept(database)}:
        raise NotFound(expected="the name of a backup", found=quote(name), change="Choose one of the list.", value=name)
    return folder(database) / name


def _suffix(database: Database) -> str:
    return ".sqlite" if database.is_sqlite else ".dump"
