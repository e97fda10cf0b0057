"""Figures about the work on a project: pace, what became of the model's suggestions, progress over time.

Pure functions over what the store says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from db.progress import Work
from db.values import ADJUDICATOR, Revision, State
from relex_core.editing import diff

LATELY = 10
"""Documents of which the pace at a moment is the median: one that somebody left open does not bend the line."""

_CLOSED = (State.SUBMITTED, State.SKIPPED, State.FLAGGED)


@dataclass(frozen=True, slots=True)
class Pace:
    """One annotator's work. Seconds and keystrokes are medians over submitted documents, None if nobody measured."""

    annotator: str
    submitted: int
    skipped: int
    flagged: int
    open: int
    seconds: float | None
    keystrokes: float | None

    @property
    def per_hour(self) -> float | None:
        """Documents an hour at the median pace."""
        return 3600 / self.seconds if self.seconds else None


@dataclass(frozen=True, slots=True)
class Point:
    """A value of one annotator's work at a moment."""

    at: datetime
    annotator: str
    value: float


@dataclass(slots=True)
class Acceptance:
    """What people did with one model's suggestions of one label, and what they added themselves.

    `seen` were before them and left alone, `not_shown` were not before them: neither counts as decided. Where nobody
    noted which it was, such suggestions are in none of these.
    """

    model: str
    kind: str
    label: str
    accepted: int = 0
    changed: int = 0
    rejected: int = 0
    added: int = 0
    seen: int = 0
    not_shown: int = 0

    @property
    def rate(self) -> float | None:
        """Share of the decided suggestions that were kept as they were, None where none was decided."""
        return self.accepted / self.decided if self.decided else None

    @property
    def decided(self) -> int:
        """Suggestions on which somebody decided."""
        return self.accepted + self.changed + self.rejected


def paces(work: Iterable[Work]) -> tuple[Pace, ...]:
    """The pace of each annotator, by name."""
    mine: dict[str, list[Work]] = {}
    for item in work:
        mine.setdefault(item.annotator, []).append(item)
    return tuple(_pace(name, items) for name, items in sorted(mine.items()))


def acceptance(revisions: Iterable[Revision]) -> tuple[Acceptance, ...]:
    """By model, kind and label. `revisions` carry the suggestions that they are based on; only submitted ones count,
    and none of adjudication, whose suggestions were decided before."""
    found: dict[tuple[str, str, str], Acceptance] = {}

    def of(model: str, kind: str, label: str) -> Acceptance:
        return found.setdefault((model, kind, label), Acceptance(model, kind, label))

    for revision in revisions:
        if revision.state is not State.SUBMITTED or revision.annotator == ADJUDICATOR:
            continue
        based_on = revision.annotation.based_on
        model = based_on.model_version if based_on else ""
        changes = diff(revision.annotation)
        # what was in the suggestions without a score was put there by a person, before relations were scored anew
        given = {e.id for e in based_on.entities if e.score is None} if based_on else set()
        for entity in changes.accepted:
            if entity.id in given:
                of(model, "entity", entity.label).added += 1
            else:
                of(model, "entity", entity.label).accepted += 1
        for before, _ in (*changes.relabelled, *changes.moved):
            of(model, "entity", before.label).changed += 1
        for entity in changes.added:
            of(model, "entity", entity.label).added += 1
        for entity in changes.rejected:
            of(model, "entity", entity.label).rejected += 1
        for relation in changes.accepted_relations:
            of(model, "relation", relation.label).accepted += 1
        for relation in changes.added_relations:
            of(model, "relation", relation.label).added += 1
        for relation in changes.rejected_relations:
            of(model, "relation", relation.label).rejected += 1
        for kind, seen, hidden in (
            ("entity", changes.seen, changes.not_shown),
            ("relation", changes.seen_relations, changes.not_shown_relations),
        ):
            for left in seen:
                of(model, kind, left.label).seen += 1
            for left in hidden:
                of(model, kind, left.label).not_shown += 1
    return tuple(found[key] for key in sorted(found))


def over_time(work: Iterable[Work]) -> tuple[Point, ...]:
    """How many documents each annotator had finished by then, in the order of time."""
    counts: dict[str, int] = {}
    points = []
    for item in sorted(work, key=lambda item: item.saved_at):
        if item.state in _CLOSED:
            counts[item.annotator] = counts.get(item.annotator, 0) + 1
            points.append(Point(item.saved_at, item.annotator, counts[item.annotator]))
    return tuple(points)


def seconds_over_time(work: Iterable[Work]) -> tuple[Point, ...]:
    """Seconds that a submitted document took: each annotator's median over their last `LATELY`, in the order of
    time."""
    return _lately((item, item.seconds) for item in work)


def keystrokes_over_time(work: Iterable[Work]) -> tuple[Point, ...]:
    """Like `seconds_over_time`, keystrokes."""
    return _lately((item, item.keystrokes) for item in work)


def _lately(measured: Iterable[tuple[Work, float | None]]) -> tuple[Point, ...]:
    last: dict[str, deque[float]] = {}
    points = []
    for item, value in sorted(measured, key=lambda pair: pair[0].saved_at):
        if item.state is State.SUBMITTED and value is not None:
            mine = last.setdefault(item.annotator, deque(maxlen=LATELY))
            mine.append(value)
            points.append(Point(item.saved_at, item.annotator, median(mine)))
    return tuple(points)


def _pace(name: str, items: list[Work]) -> Pace:
    submitted = [item for item in items if item.state is State.SUBMITTED]
    seconds = [item.seconds for item in submitted if item.seconds is not None]
    keystrokes = [item.keystrokes for item in submitted if item.keystrokes is not None]
    return Pace(
        name,
        len(submitted),
        sum(item.state is State.SKIPPED for item in items),
        sum(item.state is State.FLAGGED for item in items),
        sum(item.state not in _CLOSED for item in items),
        median(seconds) if seconds else None,
        median(keystrokes) if keystrokes else None,
    )
