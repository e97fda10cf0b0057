"""What the store gives back: frozen values, no database types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from db.labels import Kind
from relex_core.editing import Edit
from relex_core.types import Annotation, Schema, Thresholds


class State(StrEnum):
    """How far the work on a document is."""

    NEW = "new"
    IN_PROGRESS = "in progress"
    SUBMITTED = "submitted"
    SKIPPED = "skipped"
    FLAGGED = "flagged"


LEFT_OUT = "left out"
"""In place of its state in the table of documents where one is left out of its project. No revision has it: the
document comes back in the state of its last one."""

FINISHED = (State.SUBMITTED, State.FLAGGED)
"""States in which somebody's version counts: work in progress is nobody's last word."""

ADJUDICATOR = "adjudication"
"""The annotator under whose name an adjudicated document is saved."""


class Order(StrEnum):
    """In which order a queue shows its documents.

    FILE: as they came. UNCERTAINTY: where the model is least sure first. DIVERSITY: one document of each
    profile of predicted labels, then a second of each. RANDOM: a fixed shuffle. MIXED: by uncertainty, with a
    random tenth strewn in, chosen without looking at the model. UPDATED: last changed first.
    """

    FILE = "file"
    UNCERTAINTY = "uncertainty"
    DIVERSITY = "diversity"
    RANDOM = "random"
    MIXED = "mixed"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class Project:
    """A set of documents with one label set. `schema_version` counts from 1."""

    name: str
    schema: Schema
    schema_version: int
    guidelines: str
    created_at: datetime
    documents: int = 0


@dataclass(frozen=True, slots=True)
class Added:
    """What became of documents that were to be added.

    `duplicates` counts texts that the project has already, `left_out` those among them that are left out of it and stay
    so. `renamed` holds (wanted id, given id) for texts whose id belongs to another text of the project.
    """

    added: int
    duplicates: int
    renamed: tuple[tuple[str, str], ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class LabelChange:
    """What renaming a label would do. With `merges` the new name is that of another label, which takes all in.

    `documents` and `mentions` count the latest decisions, `suggested` documents with such suggestions.
    """

    kind: Kind
    old: str
    new: str
    merges: bool
    documents: int
    mentions: int
    suggested: int


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the audit log: who did what to a project, and the particulars as JSON data. `number` counts up."""

    number: int
    at: datetime
    by: str
    action: str
    project: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Export:
    """A snapshot that was written: the name of its file, its hash and its manifest."""

    file: str
    format: str
    sha256: str
    written_at: datetime
    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A trained checkpoint: where it came from and how it scored."""

    version: str
    path: str
    base: str
    snapshot_sha256: str
    scores: Mapping[str, Any]
    made_at: datetime


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One line of a queue page. `score` is the model's uncertainty in [0, 1], None before it was asked.

    `updated_at` is None until somebody saves. `position` and `key` are where the page ends: hand the last row
    as `after` to get the next page.
    """

    id: str
    source: str
    excerpt: str
    state: State
    revisions: int
    updated_at: datetime | None
    score: float | None
    entities: int
    relations: int
    annotator: str
    position: int
    key: float | datetime | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """One saved state of a document. `number` counts from 1 within the document; `saved_at` is in UTC.

    `annotation` is in the project's present label set, except in a document's history, where it is as it was
    saved. `schema_version` is the label set's version that it was saved under. `seconds` and `keystrokes` are
    the work since the annotator's previous revision of the document, None if nobody measured.
    """

    number: int
    annotation: Annotation
    annotator: str
    saved_at: datetime
    state: State
    note: str = ""
    thresholds: Thresholds | None = None
    model_version: str | None = None
    schema_version: int = 1
    edits: tuple[Edit, ...] = ()
    seconds: float | None = None
    keystrokes: int | None = None
    client: str = ""
    seq: int = 0
