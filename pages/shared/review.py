"""Which documents several people annotated, how far they agree, and the adjudicated result in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from db import gold, progress
from db.progress import Work
from db.store import Store
from db.values import Revision, State
from pages.shared import agreement
from pages.shared.adjudication import ADJUDICATOR, Disagreement, Pick, disagreements, resolve
from pages.shared.agreement import Figures
from pages.shared.alignment import Marks

FINISHED = (State.SUBMITTED, State.FLAGGED)
"""States in which somebody's version counts: work in progress is nobody's last word."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A document that at least two people finished. `adjudicated` until one of them saves again."""

    id: str
    annotators: tuple[str, ...]
    adjudicated: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A shared document with its versions and what is disputed."""

    shared: Shared
    marks: Marks
    disagreements: tuple[Disagreement, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Figures over all shared documents of a project, by pair of people and label, and alpha over everybody."""

    documents: int
    figures: tuple[Figures, ...]
    alpha: float | None


@dataclass(frozen=True, slots=True)
class GoldScore:
    """One annotator's figures over the gold documents that they have finished."""

    annotator: str
    documents: int
    figures: Figures


def shared(work: tuple[Work, ...]) -> tuple[Shared, ...]:
    """The documents that at least two people finished, those that want adjudication first."""
    people: dict[str, list[Work]] = {}
    settled: dict[str, Work] = {}
    for item in work:
        if item.annotator == ADJUDICATOR:
            settled[item.document] = item
        elif item.state in FINISHED:
            people.setdefault(item.document, []).append(item)
    found = []
    for id, items in people.items():
        if len(items) > 1:
            last = settled.get(id)
            done = last is not None and last.saved_at >= max(item.saved_at for item in items)
            found.append(Shared(id, tuple(sorted(item.annotator for item in items)), done))
    return tuple(sorted(found, key=lambda shared: shared.adjudicated))


def case(store: Store, project: str, shared: Shared) -> Case:
    """The versions of a shared document. Raises NotFound."""
    marks = _marks(store.by_annotator(project, shared.id))
    return Case(shared, marks, disagreements(marks))


def measure(store: Store, project: str, documents: tuple[Shared, ...]) -> Agreement:
    """The agreement on shared documents."""
    marks = [_marks(store.by_annotator(project, document.id)) for document in documents]
    return Agreement(len(documents), agreement.by_pair(marks), agreement.alpha(marks))


def against_gold(store: Store, project: str) -> tuple[GoldScore, ...]:
    """How far each annotator's work on gold documents agrees with the adjudicated versions, by name."""
    marks: dict[str, list[Marks]] = {}
    for document, annotator in gold.attempts(store, project):
        versions = {revision.annotator: revision.annotation for revision in store.by_annotator(project, document)}
        marks.setdefault(annotator, []).append({ADJUDICATOR: versions[ADJUDICATOR], annotator: versions[annotator]})
    return tuple(
        GoldScore(annotator, len(found), next(f for f in agreement.by_pair(found) if not f.label))
        for annotator, found in sorted(marks.items())
    )


def adjudicate(
    store: Store, project: str, case: Case, picks: Mapping[str, Pick], seconds: float | None = None
) -> Revision:
    """Save the picked versions as a revision of the annotator "adjudication"."""
    return store.save(
        project,
        resolve(case.marks, picks),
        annotator=ADJUDICATOR,
        state=State.SUBMITTED,
        independent=True,
        seconds=seconds,
        note="between " + ", ".join(case.marks),
    )


def work(store: Store, project: str) -> tuple[Work, ...]:
    """What everybody did in a project. Raises NotFound."""
    return progress.work(store, project)


def _marks(revisions: tuple[Revision, ...]) -> Marks:
    return {r.annotator: r.annotation for r in revisions if r.annotator != ADJUDICATOR and r.state in FINISHED}
