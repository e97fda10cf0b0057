"""The directory behind a checkpoint's name, or for a new one. Needs no torch, so that a wrong name is told at once."""

from __future__ import annotations

import os
import re
from pathlib import Path

from relex_core.errors import CheckpointError, quote
from relex_core.hub import fetch, is_hub_id

EMBEDDED = Path(__file__).parent / "checkpoints"
"""Checkpoints that come with the package; a name such as "mini" is a directory in here."""


def locate(
    name_or_path: str | Path,
    revision: str | None = None,
    *,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    token: str | bool | None = None,
) -> Path:
    """The directory that a name, path or hub id stands for. Raises CheckpointError."""
    name = str(name_or_path)
    if re.fullmatch(r"[\w.-]+", name) and (EMBEDDED / name / "gliner_config.json").is_file():
        return EMBEDDED / name
    path = Path(name).expanduser()
    if (path / "gliner_config.json").is_file():
        return path
    if is_hub_id(name) and not path.exists():
        return fetch(name, revision, cache_dir=cache_dir, local_files_only=local_files_only, token=token)
    names = ", ".join(sorted(p.name for p in EMBEDDED.iterdir() if p.is_dir()))
    raise CheckpointError(
        expected=f"an embedded checkpoint ({names}), a directory with gliner_config.json or a hub id (owner/name)",
        found=quote(name),
        change="Check the name or the path.",
        value=name,
    )


def check_target(path: Path) -> None:
    """Raises CheckpointError if `path` is no directory that can be written, nor can become one."""
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise CheckpointError(
            expected="a directory that can be written",
            found=f"{there}, which is {'read-only' if there.is_dir() else 'a file'}",
            change="Choose another directory.",
            value=str(path),
        )


def label(path: Path) -> str:
    """What a checkpoint's directory is called in versions: its name, or owner--name where the hub's cache holds it."""
    repository = path.parents[1].name if path.parent.name == "snapshots" else ""
    return repository.removeprefix("models--") if repository.startswith("models--") else path.name
