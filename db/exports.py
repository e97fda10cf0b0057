"""Snapshots: a project's decisions as a file in an exchange format, with a manifest beside it.

The manifest says what the file holds and how it came about, so that a training run can be traced to the
revisions, models and people behind it, and an import finds the label set again.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from db import audit, projects
from db.formats import named
from db.formats.record import Attributed
from db.splits import NAMES, split
from db.store import Store
from db.tables import revisions as revisions_table
from db.values import Project, Revision, State
from relex_core import jsonl
from relex_core.errors import InputError, StoreError, quote
from relex_core.types import Annotation

DECIDED = (State.IN_PROGRESS, State.SUBMITTED, State.FLAGGED)
"""The states that are exported unless others are named: somebody decided something."""

Seen = Callable[[int], None]
"""Is told how many documents have gone by."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A written file: its hash, what it holds, and where its manifest is."""

    path: Path
    sha256: str
    documents: int
    entities: int
    relations: int
    manifest_path: Path


@dataclass(slots=True)
class _Tally:
    """What went by, counted while it is written. `states` are those of the revisions."""

    documents: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    rejected_entities: int = 0
    rejected_relations: int = 0
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
        self.states[str(revision.state)] += 1
        self.annotators[revision.annotator] += 1
        if revision.model_version:
            self.model_versions[revision.model_version] += 1


def snapshot(
    store: Store,
    project: str,
    path: Path,
    *,
    format: str = "gliner",
    states: Sequence[State] | None = DECIDED,
    annotators: Sequence[str] | None = None,
    seen: Seen = lambda documents: None,
) -> Snapshot:
    """Write the latest annotation of each document to `path`, in constant memory, and its manifest beside it.

    `annotators` takes the latest of theirs; `seen` is told how many documents have gone by, and may raise to end it.
    The file is there whole or not at all. Raises NotFound, InputError for an unknown format or an empty result,
    StoreError if the disk refuses.
    """
    return _written(store, project, path, format, _Choice(states, annotators), seen)


def split_snapshot(
    store: Store,
    project: str,
    path: Path,
    *,
    dev: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    format: str = "gliner",
    states: Sequence[State] | None = DECIDED,
    annotators: Sequence[str] | None = None,
    seen: Seen = lambda documents: None,
) -> dict[str, Snapshot]:
    """Like `snapshot`, as train, dev and test set: `data.jsonl` gives `data.train.jsonl` and so on.

    Whole documents, each text once, labels in proportion (`db.splits`). Raises what `snapshot` raises.
    """
    chosen = split(store.annotations(project, states=states, annotators=annotators), dev=dev, test=test, seed=seed)
    written: dict[str, Snapshot] = {}
    for name in NAMES:
        if ids := chosen.of(name):
            about = {"set": name, "seed": seed, "dev": dev, "test": test, "duplicates": len(chosen.duplicates)}
            part = path.with_name(f"{path.stem}.{name}{path.suffix}")
            before = sum(file.documents for file in written.values())
            further = partial(_further, seen, before)
            written[name] = _written(store, project, part, format, _Choice(states, annotators, ids, about), further)
    if not written:
        raise _nothing(project)
    return written


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which documents go into a file."""

    states: Sequence[State] | None
    annotators: Sequence[str] | None
    ids: frozenset[str] | None = None
    split: dict[str, Any] | None = None

    def revisions(self, store: Store, project: str, suggestions: bool) -> Iterator[Revision]:
        found = store.latest_revisions(project, states=self.states, annotators=self.annotators, suggestions=suggestions)
        for revision in found:
            if self.ids is None or revision.annotation.document.id in self.ids:
                yield revision

    def to_json(self) -> dict[str, Any]:
        states = None if self.states is None else [str(state) for state in self.states]
        annotators = None if self.annotators is None else list(self.annotators)
        return {"states": states, "annotators": annotators, **({"split": self.split} if self.split else {})}


def _further(seen: Seen, before: int, documents: int) -> None:
    seen(before + documents)


def _written(store: Store, project: str, path: Path, format: str, choice: _Choice, seen: Seen) -> Snapshot:
    chosen = named(format)
    if chosen.write is None:
        raise InputError(
            expected="a format that can be written",
            found=format,
            change="Choose another format.",
            value=format,
        )
    about = store.project(project)
    tally = _Tally()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        found = _some(choice.revisions(store, project, chosen.suggestions), project)
        chosen.write(attributed(_counted(found, tally, seen)), path)
        hash = file_hash(path)
        manifest_path = manifest_of(path)
        manifest = _manifest(about, chosen.name, path, hash, tally, choice.to_json(), store.now())
        manifest_path.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        audit.record_export(store, project, path.name, chosen.name, hash, manifest)
    except OSError as error:
        raise StoreError(
            expected=f"to write {path.name}",
            found=error.strerror or type(error).__name__,
            change="Name another folder or free some space; nothing half-written was left.",
            value=str(path),
        ) from error
    return Snapshot(path, hash, tally.documents, tally.entities.total(), tally.relations.total(), manifest_path)


def stamp(store: Store, project: str) -> tuple[int, ...]:
    """Changes whenever an export of the project might give something else. Cheap at any size. Raises NotFound."""
    with store.database.read() as connection:
        pk, version = projects.find(connection, project)
        newest = connection.execute(sa.select(sa.func.coalesce(sa.func.max(revisions_table.c.pk), 0))).scalar_one()
        return pk, version, int(newest)


def attributed(revisions: Iterable[Revision]) -> Iterator[Annotation]:
    """Annotations with who made them and when, for the formats that say so."""
    for revision in revisions:
        a = revision.annotation
        yield Attributed(
            a.document,
            a.schema,
            a.entities,
            a.relations,
            a.rejected_entities,
            a.rejected_relations,
            a.based_on,
            revision.annotator,
            revision.saved_at.isoformat(),
            revision.number,
        )


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
            digest.update(file.relative_to(path).as_posix().encode() + b"\x00")
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


def _some(revisions: Iterator[Revision], project: str) -> Iterator[Revision]:
    """`revisions`, of which there is at least one. Raises InputError."""
    first = next(revisions, None)
    if first is None:
        raise _nothing(project)
    yield first
    yield from revisions


def _nothing(project: str) -> InputError:
    return InputError(
        expected=f"annotated documents in project {quote(project)} that fit the filter",
        found="none",
        change="Annotate and save a document first, or choose other states or annotators.",
    )


def _counted(revisions: Iterable[Revision], tally: _Tally, seen: Seen) -> Iterator[Revision]:
    for revision in revisions:
        tally.count(revision)
        seen(tally.documents)
        yield revision


def _manifest(
    project: Project,
    format: str,
    path: Path,
    hash: str,
    tally: _Tally,
    filter_: dict[str, Any],
    now: datetime,
) -> dict[str, Any]:
    schema = project.schema
    return {
        "file": path.name,
        "format": format,
        "sha256": hash,
        "project": project.name,
        "created_at": now.isoformat(),
        "tool": {"name": "relex-studio", "version": tool_version()},
        "filter": filter_,
        "counts": {
            "documents": tally.documents,
            "entities": tally.entities.total(),
            "relations": tally.relations.total(),
            "rejected_entities": tally.rejected_entities,
            "rejected_relations": tally.rejected_relations,
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
