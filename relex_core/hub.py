"""Checkpoints of the Hugging Face hub by id, through its own client: pinned, cached, resumable."""

from __future__ import annotations

import re
from pathlib import Path

from relex_core.errors import CheckpointError, quote

PINNED = {"knowledgator/gliner-relex-large-v1.0": "4aedc9226a5ac9e2f6b5ea3e91c1ee577c88a290"}
"""Revisions that are taken unless another one is asked for, so that a name means the same weights tomorrow."""

FILES = (
    "gliner_config.json",
    "*.safetensors",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "spm.model",
)
"""What is fetched: pytorch_model.bin only if there are no safetensors."""


def is_hub_id(name: str) -> bool:
    """Whether a name has the form owner/name."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None and not name.startswith((".", "/"))


def fetch(
    name: str,
    revision: str | None = None,
    *,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    token: str | bool | None = None,
) -> Path:
    """The directory of a downloaded or cached checkpoint. Raises CheckpointError.

    A connection that breaks off is taken up where it broke, some times; after that, or when the process ends, whole
    files are kept and others begin anew: this client keeps no parts of files between calls. The place of the cache
    is `cache_dir`, else HF_HOME's; HF_ENDPOINT names another hub.
    """
    import httpx
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.errors import RepositoryNotFoundError as NoRepository
    from huggingface_hub.errors import RevisionNotFoundError as NoRevision

    revision = revision or PINNED.get(name)
    cache = Path(cache_dir or constants.HF_HUB_CACHE)

    def get(patterns: tuple[str, ...]) -> Path:
        folder = snapshot_download(
            name,
            revision=revision,
            cache_dir=cache,
            allow_patterns=list(patterns),
            local_files_only=local_files_only,
            token=token,
        )
        return Path(folder)

    try:
        path = get(FILES)
        if not any(path.glob("*.safetensors")):
            path = get((*FILES, "pytorch_model.bin"))
    except (NoRepository, NoRevision) as error:
        raise CheckpointError(
            expected=f"the checkpoint {quote(name)} on the hub" + (f" at revision {revision}" if revision else ""),
            found="none that may be read",
            change="Check the id and the revision; a private one needs a token (HF_TOKEN).",
            value=name,
        ) from error
    except HFValidationError as error:
        raise CheckpointError(
            expected="a hub id such as owner/name",
            found=f"{quote(name)} ({error})",
            change="Check the id.",
            value=name,
        ) from error
    # a server that is no hub answers with what is no JSON
    except (LocalEntryNotFoundError, HfHubHTTPError, httpx.HTTPError, OSError, ValueError) as error:
        raise _unreachable(name, cache, constants.ENDPOINT, error, local_files_only) from error
    if not (path / "gliner_config.json").is_file():
        raise CheckpointError(
            expected=f"gliner_config.json in {quote(name)}",
            found="none",
            change="Choose a GLiNER-Relex checkpoint.",
            value=name,
        )
    return path


def _unreachable(
    name: str, cache: Path, endpoint: str, error: BaseException, local_files_only: bool
) -> CheckpointError:
    """Why there is no checkpoint: a hub that refuses, a download that broke off, or no hub at all."""
    status = _status(error)
    if status in (401, 403):
        return CheckpointError(
            expected=f"a hub at {endpoint} that lets {quote(name)} be read",
            found=f"one that refuses (HTTP {status})",
            change="Check the token (HF_TOKEN), and on the hub that you may read this checkpoint.",
            value=name,
        )
    found = "neither" if not local_files_only else "nothing in the cache, and downloads are switched off"
    change = "Go online once, set HF_HOME to a cache that holds it, or give the path of a directory."
    if status is not None:
        found += f" (the hub says HTTP {status})"
    if any((cache / f"models--{name.replace('/', '--')}" / "blobs").glob("*")):
        found += ", but a part of it"
        change = "Try again with the hub in reach: files that are whole in the cache are not fetched again."
    return CheckpointError(
        expected=f"{quote(name)} in the cache {cache}, or a hub that answers at {endpoint}",
        found=found,
        change=change,
        value=name,
    )


def _status(error: BaseException | None) -> int | None:
    """The HTTP status behind an error, if there is one."""
    while error is not None:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status is not None:
            return int(status)
        error = error.__cause__ or error.__context__
    return None
