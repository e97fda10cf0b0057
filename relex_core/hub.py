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

    An interrupted download is resumed. The place of the cache is `cache_dir`, else HF_HOME's; HF_ENDPOINT names
    another hub.
    """
    import httpx
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
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
    except (RepositoryNotFoundError, NoRevision) as error:
        raise CheckpointError(
            expected=f"the checkpoint {quote(name)} on the hub" + (f" at revision {revision}" if revision else ""),
            found="none that may be read",
            change="Check the id and the revision; a private one needs a token (HF_TOKEN).",
            value=name,
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise CheckpointError(
            expected=f"{quote(name)} in the cache {cache}, or a hub that answers at {constants.ENDPOINT}",
            found="neither" if not local_files_only else "nothing in the cache, and downloads are switched off",
            change="Go online once, set HF_HOME to a cache that holds it, or give the path of a directory.",
            value=name,
        ) from error
    if not (path / "gliner_config.json").is_file():
        raise CheckpointError(
            expected=f"gliner_config.json in {quote(name)}",
            found="none",
            change="Choose a GLiNER-Relex checkpoint.",
            value=name,
        )
    return path
