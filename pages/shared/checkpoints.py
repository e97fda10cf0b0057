"""Which checkpoints there are, what they are called, and which of them a visitor may name. No Streamlit in here.

A name is one of: an embedded checkpoint ("mini"), a folder inside the checkpoint folder (fine-tuned here, or put
there by whoever runs the server), a hub id (owner/name), or what the server was started with. No other path is
opened: any visitor could type one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from db import audit
from db.store import Store
from relex_core.errors import CheckpointError, InputError, RelexError, quote
from relex_core.hub import is_hub_id

CHECKPOINT = "RELEX_CHECKPOINT"
"""Environment variable that names the checkpoint to begin with: a name, a directory or a hub id."""

FOLDER = "RELEX_CHECKPOINTS"
"""Environment variable with the folder whose checkpoints visitors may use; else `checkpoints` in the data folder."""

CONFIG = "gliner_config.json"
"""The file by which a folder is known to be a checkpoint."""

_EMBEDDED = Path(__file__).parents[2] / "relex_core/checkpoints"
_DEPTH = 2


def folder() -> Path:
    """Where fine-tuned checkpoints go, and where others may be put."""
    return Path(os.environ.get(FOLDER) or Path(os.environ.get("RELEX_DATA") or "data") / "checkpoints").absolute()


def first() -> str:
    """What the server was started with."""
    return os.environ.get(CHECKPOINT) or "mini"


def default(store: Store) -> str:
    """What a new visit begins with: what somebody chose for everybody while it is there, else `first()`."""
    try:
        chosen = audit.chosen_checkpoint(store)
        if chosen:
            locate(chosen)
            return chosen
    except RelexError:
        pass
    return first()


def names() -> tuple[str, ...]:
    """What can be used without a download: what the server was started with, embedded ones, then folders, newest
    first."""
    found = [(path.stat().st_mtime, _name(path)) for path in _in(folder(), _DEPTH)]
    embedded = sorted(path.parent.name for path in _EMBEDDED.glob(f"*/{CONFIG}"))
    return tuple(dict.fromkeys((first(), *embedded, *(name for _, name in sorted(found, reverse=True)))))


def locate(name: str) -> str:
    """What `relex_core.checkpoint.load` takes for a name: a path or hub id. Raises InputError or CheckpointError."""
    name = name.strip()
    if name == first() or ((_EMBEDDED / name / CONFIG).is_file() and re.fullmatch(r"[\w.-]+", name)):
        return name
    if not name:
        raise InputError(expected="the name of a checkpoint", found="none", change="Choose one of the list.")
    # without following links: what is linked into the folder was put there by whoever runs the server
    path = Path(os.path.normpath(folder() / Path(name).expanduser()))
    if any(path.is_relative_to(root) and path != root for root in (folder(), _EMBEDDED)):
        if (path / CONFIG).is_file():
            return str(path)
        if not is_hub_id(name):
            raise CheckpointError(
                expected=f"a checkpoint, with {CONFIG}, called {quote(name)} in {folder()}",
                found="none" if not path.exists() else f"a folder without {CONFIG}" if path.is_dir() else "a file",
                change="Check the name, or copy the checkpoint there.",
                value=name,
            )
    if is_hub_id(name) and not Path(name).exists():
        return name
    raise InputError(
        expected=f"an embedded checkpoint, a folder inside {folder()}, or a hub id such as owner/name",
        found=quote(name, 120),
        change=f"Copy or link the checkpoint into that folder, or start the server with {FOLDER} set to another one.",
        value=name,
    )


def unused(stem: str) -> str:
    """A name for a new checkpoint: `stem` and a number that no folder has."""
    number = 1
    while (folder() / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"


def shown(name: str) -> str:
    """A name as the top bar has room for it.

    >>> shown("knowledgator/gliner-relex-large-v1.0"), shown("/srv/models/news-3")
    ('gliner-relex-large-v1.0', 'news-3')
    """
    return name.rstrip("/").rpartition("/")[2] or name


def fetched(name: str) -> int:
    """How many bytes of a hub checkpoint are in the cache, 0 before the first."""
    from huggingface_hub import constants

    blobs = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}" / "blobs"
    return sum(file.stat().st_size for file in blobs.glob("*")) if blobs.is_dir() else 0


def _in(parent: Path, depth: int) -> list[Path]:
    if not depth or not parent.is_dir():
        return []
    found: list[Path] = []
    for path in parent.iterdir():
        if path.is_dir() and not path.name.startswith("."):
            found += [path] if (path / CONFIG).is_file() else _in(path, depth - 1)
    return found


def _name(path: Path) -> str:
    return path.relative_to(folder()).as_posix()
