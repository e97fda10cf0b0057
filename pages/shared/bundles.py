"""Files to take away, made in memory or in a temporary folder when somebody asks for them."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from db import exports
from db.formats import named
from db.store import Store
from db.values import State
from relex_core import jsonl
from relex_core.editing import Accept, apply, begin
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
        "tool": {"name": "relex-studio", "version": exports.tool_version()},
    }
    return archive({"suggestions.jsonl": line, "suggestions.jsonl.manifest.json": _pretty(manifest)})


def project_archive(
    store: Store,
    project: str,
    format: str = "gliner",
    states: Sequence[State] | None = exports.DECIDED,
    annotators: Sequence[str] | None = None,
) -> bytes:
    """A ZIP of a snapshot of the project and its manifest. Raises what `exports.snapshot` raises."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{file_stem(project)}{named(format).suffix}"
        made = exports.snapshot(store, project, path, format=format, states=states, annotators=annotators)
        files = [file for file in sorted(path.rglob("*")) if file.is_file()] if path.is_dir() else [path]
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in [*files, made.manifest_path]:
                packed.write(file, file.relative_to(folder).as_posix())
        return out.getvalue()


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
    kept = "".join(char if char.isalnum() else "-" for char in name)
    return "-".join(part for part in kept.split("-") if part)[:60] or "export"


def _pretty(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"
