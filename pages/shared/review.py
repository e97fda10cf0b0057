"""Which documents several people annotated, how far they agree, and the adjudicated result in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from db import gold, progress
from db.progress import Work
from db.store import Store
from db.values import ADJUDICATOR, FINISHED, Revision, State
from pages.shared import agreement
from pages.shared.adjudication import Disagreement, Pick, disagreements, resolve, undecided
from pages.shared.agreement import Alpha, Figures
from pages.shared.alignment import Marks
from relex_core.errors import Conflict, InputError
from relex_core.types import Annotation


@dataclass(frozen=True, slots=True)
class Shared:
    """A document that at least two people finished, `last` the moment at which one of them saved last. `adjudicated`
    until one of them saves again."""

    id: str
    annotators: tuple[str, ...]
    adjudicated: bool
    last: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """A shared document with its versions and what is disputed. `seen` holds the numbers of these versions by
    annotator, and of the adjudicated one if there is one."""

    shared: Shared
    marks: Marks
    disagreements: tuple[Disagreement, ...]
    seen: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Saved:
    """What somebody saved while another person compared versions: what their version has now and had not before, and
    the reverse, in words."""

    annotator: str
    state: State
    at: datetime
    now: tuple[str, ...]
    before: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which shared documents are wanted: those that this annotator finished, and in which a disagreement is about
    this label, of this kind (one of `adjudication.REASONS`) and scored by the model within this band (one of
    `adjudication.BANDS`, or `UNSCORED`). "" leaves a field open."""

    annotator: str = ""
    label: str = ""
    reason: str = ""
    band: str = ""

    @property
    def disputed(self) -> bool:
        """Whether it asks for a disagreement."""
        return bool(self.label or self.reason or self.band)

    def about(self, found: Disagreement) -> bool:
        """Whether a disagreement is as wanted."""
        return (
            (not self.label or self.label in found.labels)
            and (not self.reason or self.reason in found.reasons)
            and (not self.band or self.band == found.band)
        )


@dataclass(frozen=True, slots=True)
class Agreement:
    """Figures over all shared documents of a project, by pair of people and label, and alpha over everybody."""

    documents: int
    figures: tuple[Figures, ...]
    alphas: tuple[Alpha, ...]


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
            end, latest = settled.get(id), max(item.saved_at for item in items)
            done = end is not None and end.saved_at >= latest
            found.append(Shared(id, tuple(sorted(item.annotator for item in items)), done, latest))
    return tuple(sorted(found, key=lambda shared: shared.adjudicated))


def case(store: Store, project: str, shared: Shared) -> Case:
    """The versions of a shared document. Raises NotFound."""
    latest = store.by_annotator(project, shared.id)
    marks = _marks(latest)
    return Case(shared, marks, disagreements(marks), {r.annotator: r.number for r in latest if r.state in FINISHED})


def disputed(store: Store, project: str, documents: Iterable[Shared]) -> dict[str, tuple[Disagreement, ...]]:
    """What is disputed in each of these documents, by id."""
    return {document.id: case(store, project, document).disagreements for document in documents}


def matching(
    documents: tuple[Shared, ...], wanted: Filter, disputed: Mapping[str, tuple[Disagreement, ...]]
) -> tuple[Shared, ...]:
    """The documents that a filter leaves. `disputed` is needed where it asks for a disagreement: one has to meet all
    that it says about it."""
    return tuple(
        document
        for document in documents
        if (not wanted.annotator or wanted.annotator in document.annotators)
        and (not wanted.disputed or any(map(wanted.about, disputed.get(document.id, ()))))
    )


def measure(store: Store, project: str, documents: tuple[Shared, ...]) -> Agreement:
    """The agreement on shared documents."""
    marks = [_marks(store.by_annotator(project, document.id)) for document in documents]
    return Agreement(len(documents), agreement.by_pair(marks), agreement.over_everybody(marks))


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
    store: Store,
    project: str,
    case: Case,
    picks: Mapping[str, Pick],
    seen: Mapping[str, int],
    seconds: float | None = None,
) -> Revision:
    """Save the picked versions as a revision of the annotator "adjudication".

    `seen` are the numbers of the versions that the picks were made from. Raises Conflict, whose `value` holds the
    newer revisions, if these are not the latest any more, and InputError if a disagreement was not decided.
    """
    left = undecided(case.disagreements, picks) if seen == case.seen else ()
    if left:
        raise InputError(
            expected="an answer to each disagreement",
            found=f"{len(left)} without one, the first about {left[0].text!r}",
            change="Nothing was saved. Decide on these too.",
            value=left,
        )
    return store.save(
        project,
        resolve(case.marks, picks),
        annotator=ADJUDICATOR,
        state=State.SUBMITTED,
        made_from=seen,
        independent=True,
        seconds=seconds,
        note="between " + ", ".join(case.marks),
    )


def settle_agreed(store: Store, project: str, documents: Iterable[Shared]) -> int:
    """Adjudicate those of the documents on which nobody disagrees, as they are; how many. Raises StoreErrors."""
    number = 0
    for document in documents:
        found = None if document.adjudicated else case(store, project, document)
        if found is None or found.disagreements:
            continue
        try:
            adjudicate(store, project, found, {}, found.seen)
        except Conflict:
            continue  # somebody has saved it since: it comes again
        number += 1
    return number


def since(store: Store, project: str, document: str, seen: Mapping[str, int]) -> tuple[Saved, ...]:
    """Who saved the document after the versions `seen`, and what became different. Raises NotFound."""
    history = {revision.number: revision for revision in store.revisions(project, document)}
    found = []
    for latest in store.by_annotator(project, document):
        known = seen.get(latest.annotator, 0)
        if known == latest.number or not (known or latest.state in FINISHED):
            continue
        before = _said(history[known].annotation) if known in history else {}
        now = _said(history[latest.number].annotation)
        found.append(
            Saved(
                latest.annotator,
                latest.state,
                latest.saved_at,
                tuple(words for key, words in now.items() if key not in before),
                tuple(words for key, words in before.items() if key not in now),
            )
        )
    return tuple(found)


def work(store: Store, project: str) -> tuple[Work, ...]:
    """What everybody did in a project. Raises NotFound."""
    return progress.work(store, project)


def _said(annotation: Annotation) -> dict[object, str]:
    """Entities in text order and relations, in words, by what makes them the same in another revision."""
    entities, text = annotation.by_id(), annotation.document
    in_order = sorted(annotation.entities, key=lambda e: (*e.span, e.label))
    said: dict[object, str] = {(*e.span, e.label): f"{e.text(text)} ({e.label})" for e in in_order}
    for relation in annotation.relations:
        head, tail = entities[relation.head], entities[relation.tail]
        said[head.span, tail.span, relation.label] = f"{head.text(text)} → {relation.label} → {tail.text(text)}"
    return said


def _marks(revisions: tuple[Revision, ...]) -> Marks:
    return {r.annotator: r.annotation for r in revisions if r.annotator != ADJUDICATOR and r.state in FINISHED}
