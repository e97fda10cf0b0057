"""Accepting suggestions in many documents at once: a preview with counts, the acceptance, and its undo.

Only suggestions above the chosen thresholds that nobody has decided on are touched. Each document gets a
revision of its own, so what was accepted can be seen, corrected and taken back.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from db import progress
from db.store import Store
from db.values import Revision, State
from pages.shared import suggestions
from pages.shared.jobs import Job, Jobs
from pages.shared.queueing import OPEN
from relex_core.editing import Accept, apply, begin
from relex_core.errors import Conflict
from relex_core.selection import undecided
from relex_core.types import Annotation, Thresholds

BULK = "bulk"
"""Purpose of the jobs here."""

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be accepted: everything above `thresholds` in documents in `states` that `search` finds."""

    project: str
    annotator: str
    model_version: str
    thresholds: Thresholds
    states: tuple[State, ...] = OPEN
    search: str = ""
    submit: bool = False
    client: str = field(default_factory=lambda: f"bulk-{uuid.uuid4().hex[:12]}")


@dataclass(slots=True)
class Tally:
    """What would be, or was, accepted. `busy` counts documents that somebody changed at that moment."""

    wish: Wish
    documents: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    busy: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def suggestions(self) -> int:
        return self.labels.total()


def preview(store: Store, jobs: Jobs, wish: Wish) -> tuple[Job, Tally]:
    """Count what `accept` would do, in the background."""
    tally = Tally(wish)
    jobs.forget(wish.project, BULK)
    return jobs.start(wish.project, BULK, _total(store, wish), lambda job: _count(store, wish, tally)), tally


def accept(store: Store, jobs: Jobs, wish: Wish) -> tuple[Job, Tally]:
    """Accept in the background; what was done when it is stopped stays done."""
    tally = Tally(wish)
    jobs.forget(wish.project, BULK)
    return jobs.start(wish.project, BULK, _total(store, wish), lambda job: _accept(store, wish, tally)), tally


def undo(store: Store, jobs: Jobs, wish: Wish) -> Job:
    """Take back what `accept` did with this wish, except where somebody has worked on the document since."""
    ids = progress.of_client(store, wish.project, wish.client)
    jobs.forget(wish.project, BULK)
    return jobs.start(wish.project, BULK, len(ids), lambda job: _undo(store, wish, ids))


def _total(store: Store, wish: Wish) -> int:
    counts = store.counts(wish.project)
    return sum(counts[state] for state in wish.states)


def _count(store: Store, wish: Wish, tally: Tally) -> Generator[int]:
    for annotation, _ in _documents(store, wish):
        _tell(tally, annotation, _wanted(annotation, wish))
        yield 1


def _accept(store: Store, wish: Wish, tally: Tally) -> Generator[int]:
    for annotation, latest in _documents(store, wish):
        edit = _wanted(annotation, wish)
        if edit.entities or edit.relations:
            try:
                store.save(
                    wish.project,
                    apply(annotation, edit),
                    annotator=wish.annotator,
                    edits=(edit,),
                    client=wish.client,
                    seq=1,
                    expected=latest.number if latest else 0,
                    state=State.SUBMITTED if wish.submit else State.IN_PROGRESS,
                    thresholds=wish.thresholds,
                    note="accepted in bulk",
                )
                _tell(tally, annotation, edit)
            except Conflict:
                tally.busy += 1
        yield 1


def _undo(store: Store, wish: Wish, ids: tuple[str, ...]) -> Generator[int]:
    for id in ids:
        history = store.revisions(wish.project, id)
        if history[-1].client == wish.client:
            accepted = history[-1].annotation
            before = history[-2] if len(history) > 1 else None
            store.save(
                wish.project,
                before.annotation if before else _untouched(accepted),
                annotator=wish.annotator,
                expected=history[-1].number,
                state=before.state if before else State.NEW,
                note="bulk acceptance taken back",
            )
        yield 1


def _untouched(annotation: Annotation) -> Annotation:
    return begin(annotation.based_on) if annotation.based_on else Annotation(annotation.document, annotation.schema)


def _documents(store: Store, wish: Wish) -> Iterator[tuple[Annotation, Revision | None]]:
    """Ids first: saving changes states, and with them the pages of the queue."""
    ids: list[str] = []
    after = None
    while True:
        page = store.queue(wish.project, states=wish.states, search=wish.search, limit=_PAGE, after=after)
        ids += [row.id for row in page]
        if len(page) < _PAGE:
            break
        after = page[-1]
    for id in ids:
        extraction = progress.extraction(store, wish.project, id, wish.model_version)
        if extraction is not None:
            latest = store.latest(wish.project, id)
            yield suggestions.before(extraction, latest), latest


def _wanted(annotation: Annotation, wish: Wish) -> Accept:
    entities, relations = undecided(annotation, wish.thresholds, twins=False)
    return Accept(tuple(e.id for e in entities), tuple(r.key for r in relations))


def _tell(tally: Tally, annotation: Annotation, edit: Accept) -> None:
    if not (edit.entities or edit.relations):
        return
    tally.documents += 1
    assert annotation.based_on is not None
    known = annotation.based_on.by_id() | annotation.by_id()
    tally.labels.update(known[id].label for id in edit.entities)
    tally.labels.update(label for _, _, label in edit.relations)
    if len(tally.examples) < 5:
        text = [f"{known[id].text(annotation.document)} ({known[id].label})" for id in edit.entities[:3]]
        text += [
            f"{known[h].text(annotation.document)} → {label} → {known[t].text(annotation.document)}"
            for h, t, label in edit.relations[:2]
        ]
        tally.examples.append(", ".join(text))
