"""Snapshots: a project's decisions as a file in an exchange format, with a manifest beside it.

The manifest says what the file holds and how it came about, so that a training run can be traced to the
revisions, models and people behind it, and an import finds the label set again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db import audit, leaving, naming, projects
from db.formats import Format, named
from db.formats.record import Attributed
from db.manifests import Tally, describe, file_hash, is_former, manifest_of
from db.projects import LabelSet
from db.revisions import stream
from db.splits import NAMES, Split, split
from db.store import Store
from db.tables import documents
from db.values import Project, Revision, State
from relex_core.errors import InputError, quote
from relex_core.outputs import Together, together, writing
from relex_core.types import Annotation

DECIDED = (State.IN_PROGRESS, State.SUBMITTED, State.FLAGGED)
"""The states that are exported unless others are named: somebody decided something."""

LISTED = 1000
"""Most documents that a manifest names as left out of a split."""

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


def snapshot(
    store: Store,
    project: str,
    path: Path,
    *,
    format: str = "gliner",
    states: Sequence[State] | None = DECIDED,
    annotators: Sequence[str] | None = None,
    seen: Seen = lambda documents: None,
    by: str = "",
) -> Snapshot:
    """Write the latest annotation of each document to `path`, in constant memory, and its manifest beside it.

    `annotators` takes the latest of theirs; `seen` is told how many documents have gone by, and may raise to end it;
    `by` is who exports, for the audit log. File and manifest come whole and together; without them what was there
    stays, and so does what is no file, or is the database. Raises NotFound, InputError for such a place, an unknown
    format or an empty result, StoreError if the disk refuses.
    """
    with _places(store, path) as files:
        with _view(store, project) as view:
            written = view.write(files, path, _writing(format), _Choice(states, annotators), seen)
        _place(store, files, [written], by)
    return written.snapshot


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
    by: str = "",
) -> dict[str, Snapshot]:
    """Like `snapshot`, as train, dev and test set: `data.jsonl` gives `data.train.jsonl` and so on.

    Whole documents, each text once, labels in proportion (`db.splits`), all of one moment. The sets come together;
    one that an earlier split left under these names and this one does not have goes. Raises what `snapshot` raises.
    """
    writing = _writing(format)
    written: dict[str, _Written] = {}
    with _places(store, path) as files:
        with _view(store, project) as view:
            whole = view.revisions(_Choice(states, annotators), suggestions=False)
            annotations = (revision.annotation for revision in whole)
            with split(annotations, dev=dev, test=test, seed=seed) as chosen:
                for name in NAMES:
                    part = path.with_name(f"{path.stem}.{name}{path.suffix}")
                    if chosen.sizes[name]:
                        about = {"set": name, "seed": seed, "dev": dev, "test": test, **_duplicates(chosen)}
                        further = partial(_further, seen, sum(file.snapshot.documents for file in written.values()))
                        choice = _Choice(states, annotators, about, partial(_is_in, chosen, name))
                        written[name] = view.write(files, part, writing, choice, further)
                    elif is_former(part, project, name):
                        files.remove(part)
                        files.remove(manifest_of(part))
        if not written:
            raise _nothing(project)
        _place(store, files, list(written.values()), by)
    return {name: file.snapshot for name, file in written.items()}


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which documents go into a file."""

    states: Sequence[State] | None
    annotators: Sequence[str] | None
    split: dict[str, Any] | None = None
    takes: Callable[[str], bool] = lambda id: True

    def to_json(self) -> dict[str, Any]:
        states = None if self.states is None else [str(state) for state in self.states]
        annotators = None if self.annotators is None else list(self.annotators)
        return {"states": states, "annotators": annotators, **({"split": self.split} if self.split else {})}


def _duplicates(chosen: Split) -> dict[str, Any]:
    """How many documents were left out for a text that another one has, and the first of them: id -> id kept."""
    return {"duplicates": chosen.duplicates, "left_out": dict(islice(chosen.left_out(), LISTED))}


def _is_in(chosen: Split, name: str, id: str) -> bool:
    return chosen.set_of(id) == name


def _further(seen: Seen, before: int, documents: int) -> None:
    seen(before + documents)


@dataclass(frozen=True, slots=True)
class _Written:
    """A file and its manifest that are written aside, and where they will be."""

    snapshot: Snapshot
    manifest: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _View:
    """A project at one moment."""

    connection: Connection
    project: Project
    labels: LabelSet
    at: datetime

    def revisions(self, choice: _Choice, suggestions: bool) -> Iterator[Revision]:
        found = stream(self.connection, self.labels, choice.states, choice.annotators, suggestions)
        for revision in found:
            if choice.takes(revision.annotation.document.id):
                yield revision

    def write(self, files: Together, path: Path, format: Format, choice: _Choice, seen: Seen) -> _Written:
        assert format.write is not None
        tally, manifest_path = Tally(), manifest_of(path)
        # inside the transaction, which would take the disk of the file for that of the database
        with writing(path.name, path, _ELSEWHERE):
            for new in (path, manifest_path):
                Path(os.path.realpath(new)).parent.mkdir(parents=True, exist_ok=True)
            part, manifest_part = files.aside(path), files.aside(manifest_path)
            found = _some(self.revisions(choice, format.suggestions), self.project.name)
            names = naming.read(self.connection, self.labels) if format.names else None
            format.write(attributed(_counted(found, tally, seen), names), part)
            hash = file_hash(part)
            manifest = describe(self.project, format.name, path, hash, tally, choice.to_json(), self.at)
            if format.settings is not None:
                manifest["settings"] = format.settings(self.project.schema)
            text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
            manifest_part.write_text(text, encoding="utf-8")
        counts = tally.documents, tally.entities.total(), tally.relations.total()
        return _Written(Snapshot(path, hash, *counts, manifest_path), manifest)


@contextmanager
def _view(store: Store, project: str) -> Iterator[_View]:
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        yield _View(connection, projects.load(connection, project), projects.load_labels(connection, pk), store.now())


def _place(store: Store, files: Together, written: Sequence[_Written], by: str) -> None:
    """Move files and manifests to their places and remember them, all or nothing."""
    with files.placed(), store.database.write() as connection:
        for file in written:
            pk, _ = projects.find(connection, file.manifest["project"])
            audit.record_export(connection, store.now(), pk, file.manifest, by)


@contextmanager
def _places(store: Store, path: Path) -> Iterator[Together]:
    """For files at `path` and beside it, but not in the place of the store's own. Raises StoreError."""
    with writing(path.name, path, _ELSEWHERE), together(spared=store.database.files) as files:
        yield files


_ELSEWHERE = "Name another folder or free some space; no file was written or changed."


def _writing(format: str) -> Format:
    chosen = named(format)
    if chosen.write is None:
        raise InputError(
            expected="a format that can be written",
            found=format,
            change="Choose another format.",
            value=format,
        )
    return chosen


def stamp(store: Store, project: str) -> tuple[int, ...]:
    """Changes whenever an export of the project might give something else: key, label set, revisions, which documents
    are left out and which names are joined. Raises NotFound.

    Some 50 ms at 100,000 documents, however many revisions they have.
    """
    with store.database.read() as connection:
        pk, version = projects.find(connection, project)
        # revisions are only ever added, and each is counted in the transaction that adds it: whatever else commits
        # first, this grows with every commit. The last of their keys would not, for keys are given before the commit
        held = sa.select(sa.func.coalesce(sa.func.sum(documents.c.revisions), 0)).where(
            documents.c.project_pk == pk,
            # all that are not left out, told so that SQLite goes along the index in file order: thrice as fast as in
            # another one
            documents.c.state.in_([str(state) for state in State]),
            documents.c.pk > 0,
        )
        revised = int(connection.execute(held).scalar_one())
        return pk, version, revised, leaving.stamp(connection, pk), naming.stamp(connection, pk)


def attributed(revisions: Iterable[Revision], names: naming.Names | None = None) -> Iterator[Annotation]:
    """Annotations with who made them and when, and with joined names, for the formats that say so."""
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
            a.undecided,
            revision.annotator,
            revision.saved_at.isoformat(),
            revision.number,
            names.joined(a.document, a.entities) if names else {},
        )


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


def _counted(revisions: Iterable[Revision], tally: Tally, seen: Seen) -> Iterator[Revision]:
    for revision in revisions:
        tally.count(revision)
        seen(tally.documents)
        yield revision
