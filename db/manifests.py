"""Manifests: what a snapshot holds and how it came about, as JSON beside the file."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from db.values import Project, Revision
from relex_core import jsonl
from relex_core.types import Undecided

TOOL = "relex-studio"
"""What manifests call this program."""


@dataclass(slots=True)
class Tally:
    """What went by, counted while it is written. `states` are those of the revisions."""

    documents: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    rejected_entities: int = 0
    rejected_relations: int = 0
    seen_undecided: int = 0
    not_shown: int = 0
    states: Counter[str] = field(default_factory=Counter)
    annotators: Counter[str] = field(default_factory=Counter)
    model_versions: Counter[str] = field(default_factory=Counter)

    def count(self, revision: Revision) -> None:
        annotation = revision.annotation
        self.documents += 1
        self.entities.update(entity.label for entity in annotation.entities)
        self.relations.update(relation.label for relation in annotation.relations)
        self.rejected_entities += len(annotation.rejected_entities)
        self.rejected_relations += len(annotation.rejected_relations)
        left = annotation.undecided or Undecided()
        self.seen_undecided += len(left.seen) + len(left.seen_relations)
        self.not_shown += len(left.not_shown) + len(left.not_shown_relations)
        self.states[str(revision.state)] += 1
        self.annotators[revision.annotator] += 1
        if revision.model_version:
            self.model_versions[revision.model_version] += 1


def describe(
    project: Project,
    format: str,
    path: Path,
    hash: str,
    tally: Tally,
    filter_: dict[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """The manifest of the file that will be at `path` with this hash; `now` is the moment that it shows."""
    schema = project.schema
    return {
        "file": path.name,
        "format": format,
        "sha256": hash,
        "project": project.name,
        "created_at": now.isoformat(),
        "tool": {"name": TOOL, "version": tool_version()},
        "filter": filter_,
        "counts": {
            "documents": tally.documents,
            "entities": tally.entities.total(),
            "relations": tally.relations.total(),
            "rejected_entities": tally.rejected_entities,
            "rejected_relations": tally.rejected_relations,
            "seen_undecided": tally.seen_undecided,
            "not_shown": tally.not_shown,
            "entity_labels": {label.name: tally.entities[label.name] for label in schema.entity_labels},
            "relation_labels": {label.name: tally.relations[label.name] for label in schema.relation_labels},
            "states": dict(tally.states),
        },
        "label_map": {
            "entities": {label.name: number for number, label in enumerate(schema.entity_labels)},
            "relations": {label.name: number for number, label in enumerate(schema.relation_labels)},
        },
        "schema_version": project.schema_version,
        "schema": jsonl.schema_to_json(schema),
        "model_versions": dict(sorted(tally.model_versions.items())),
        "annotators": dict(sorted(tally.annotators.items())),
    }


def is_former(path: Path, project: str, name: str) -> bool:
    """Whether the file is that set of an earlier split of the project, unchanged, as the manifest beside it says."""
    try:
        manifest = json.loads(manifest_of(path).read_text(encoding="utf-8"))
        said = manifest["tool"]["name"], manifest["project"], manifest["file"], manifest["filter"]["split"]["set"]
        return said == (TOOL, project, path.name, name) and manifest["sha256"] == file_hash(path)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def manifest_of(path: Path) -> Path:
    """Where the manifest of a snapshot is."""
    return path.with_name(path.name + ".manifest.json")


def file_hash(path: Path) -> str:
    """sha256 of a file, or of the names and files of a folder in order."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_dir():
            continue
        if path.is_dir():
            digest.update(os.fsencode(file.relative_to(path).as_posix()) + b"\x00")
        with file.open("rb") as content:
            while piece := content.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


def tool_version() -> str:
    """The version of this program, from pyproject.toml."""
    project = Path(__file__).parents[1] / "pyproject.toml"
    try:
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return "unknown"
