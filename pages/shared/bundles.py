"""Files to take away, made when somebody asks for them."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from db import exports
from db.formats import named
from db.manifests import tool_version
from db.splits import split
from db.store import Store
from db.values import State
from relex_core import jsonl
from relex_core.editing import Accept, apply, begin
from relex_core.outputs import writing
from relex_core.selection import select
from relex_core.types import Annotation, Extraction, Thresholds, sha256

_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file in an archive, so that equal contents are equal bytes."""


def accepted(extraction: Extraction, thresholds: Thresholds) -> Annotation:
    """The annotation that accepts all that is shown at `thresholds`."""
    shown = select(extraction, thresholds, twins=False)
    accept = Accept(tuple(e.id for e in shown.entities), tuple(r.key for r in shown.relations))
    return apply(begin(extraction), accept)


def suggestions_archive(extraction: Extraction, thresholds: Thresholds) -> bytes:
    """A ZIP of stage-2 training data from suggestions that nobody has corrected, whose manifest says just that."""
    annotation = accepted(extraction, thresholds)
    line = jsonl.dumps(jsonl.training_record(annotation)) + "\n"
    manifest = {
        "file": "suggestions.jsonl",
        "format": "gliner",
        "sha256": sha256(line),
        "origin": "suggestions of a model above the thresholds; no person has corrected them",
        "model_versions": [extraction.model_version],
        "thresholds": jsonl.thresholds_to_json(thresholds),
        "schema": jsonl.schema_to_json(extraction.schema),
        "counts": {
            "documents": 1,
            "entities": len(annotation.entities),
            "relations": len(annotation.relations),
        },
        "windows": [list(window) for window in extraction.windows],
        "tool": {"name": "relex-studio", "version": tool_version()},
    }
    return archive({"suggestions.jsonl": line, "suggestions.jsonl.manifest.json": _pretty(manifest)})


@dataclass(frozen=True, slots=True)
class Shares:
    """How a project is split: shares of dev and test set, the rest is for training; and the seed."""

    dev: float = 0.1
    test: float = 0.1
    seed: int = 0


def set_sizes(annotations: Iterable[Annotation], shares: Shares) -> dict[str, int]:
    """How many documents each set would have. Raises InputError, and StoreError if the disk refuses."""
    with split(annotations, dev=shares.dev, test=shares.test, seed=shares.seed) as chosen:
        return {name: size for name, size in chosen.sizes.items() if size}


def project_archive(
    store: Store,
    project: str,
    into: Path,
    format: str = "gliner",
    states: Sequence[State] | None = exports.DECIDED,
    annotators: Sequence[str] | None = None,
    split: Shares | None = None,
    seen: exports.Seen = lambda documents: None,
    by: str = "",
) -> Path:
    """A ZIP in the folder `into`, of a snapshot of the project and its manifest, or of one for each set.

    Constant memory, as far as the format's writer has it. `seen` is told how many documents are written; `by` is who
    exports. Raises what `exports` raises, and StoreError if the disk refuses.
    """
    with tempfile.TemporaryDirectory(dir=into) as folder:
        path = Path(folder) / f"{file_stem(project)}{named(format).suffix}"
        if split is None:
            exports.snapshot(
                store, project, path, format=format, states=states, annotators=annotators, seen=seen, by=by
            )  # fmt: skip
        else:
            exports.split_snapshot(
                store, project, path, dev=split.dev, test=split.test, seed=split.seed, format=format, states=states,
                annotators=annotators, seen=seen, by=by,
            )  # fmt: skip
        out = into / f"{file_stem(project)}-{format}.zip"
        with (
            writing(out.name, out, "Free some space where the server keeps temporary files, and try again."),
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed,
        ):
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file():
                    packed.write(file, file.relative_to(folder).as_posix())
        return out


def archive(files: dict[str, str]) -> bytes:
    """A ZIP of texts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(zipfile.ZipInfo(name, _DATE), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def file_stem(name: str) -> str:
    """`name` as part of a file name on any system.

    >>> file_stem("../news: May")
    'news-May'
    """
    kept = "".join(char if char.isalnum() or char == "_" else "-" for char in name)
    return "-".join(part for part in kept.split("-") if part)[:60] or "export"


def _pretty(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"
