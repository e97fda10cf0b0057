"""Accepting suggestions in many documents at once: a preview with counts, the acceptance, and its undo.

Only suggestions above the chosen thresholds that nobody has decided on are touched. Each document gets a revision of
its own, so what was accepted can be seen, corrected and taken back. It ends where somebody archives the project. Where
a project is shared out it is the annotator's own part that is gone through, before the annotator's own decisions: what
others made of it does not count.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

from db import assignments, gold, leaving, progress
from db.store import Store
from db.values import Revision, State
from pages.shared import queueing, suggestions
from pages.shared.jobs import Job, Jobs
from pages.shared.queueing import OPEN
from relex_core.editing import Accept, apply, begin
from relex_core.errors import Conflict, StoreError, quote
from relex_core.selection import left_alone, undecided
from relex_core.types import Annotation, Thresholds


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be accepted: everything above `thresholds` in the documents that a queue holds.

    `states`, `search` and `min_suggested` say which, see `queueing.Filter`.
    """

    project: str
    annotator: str
    model_version: str
    thresholds: Thresholds
    states: tuple[State, ...] = OPEN
    search: str = ""
    submit: bool = False
    min_suggested: int = 0
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
    jobs.forget(wish.project, _purpose(wish))
    return jobs.start(wish.project, _purpose(wish), 0, lambda job: _count(store, wish, tally, job)), tally


def accept(store: Store, jobs: Jobs, wish: Wish) -> tuple[Job, Tally]:
    """Accept in the background; what was done when it is stopped stays done."""
    tally = Tally(wish)
    jobs.forget(wish.project, _purpose(wish))
    return jobs.start(wish.project, _purpose(wish), 0, lambda job: _accept(store, wish, tally, job)), tally


def undo(store: Store, jobs: Jobs, wish: Wish) -> Job:
    """Take back what `accept` did with this wish, except where somebody has worked on the document since; the job's
    `done` counts the documents in which it was taken back, also in those that were left out of the project since:
    they stay out, and would otherwise bring back what was undone.

    Where the annotator worked alone, only the annotator's own later work is in the way.
    """
    ids = progress.of_client(store, wish.project, wish.client)
    jobs.forget(wish.project, _purpose(wish))
    return jobs.start(wish.project, _purpose(wish), len(ids), lambda job: _undo(store, wish, ids))


def _purpose(wish: Wish) -> str:
    """Of the jobs here: two people may work on a project at once."""
    return f"bulk {wish.annotator}"


def _count(store: Store, wish: Wish, tally: Tally, job: Job) -> Generator[int]:
    for found in _documents(store, wish, _alone(store, wish), job):
        if found is not None:
            _tell(tally, found.annotation, found.edit)
        yield 1


def _accept(store: Store, wish: Wish, tally: Tally, job: Job) -> Generator[int]:
    alone = _alone(store, wish)
    for found in _documents(store, wish, alone, job):
        if found is not None:
            annotation, edit = found.annotation, found.edit
            after = apply(annotation, edit)
            # nobody had a document open
            after = replace(after, undecided=left_alone(after, wish.thresholds, parts=()))
            try:
                store.save(
                    wish.project,
                    after,
                    annotator=wish.annotator,
                    independent=alone.on(annotation.document.id),
                    edits=(edit,),
                    client=wish.client,
                    seq=1,
                    expected=found.latest.number if found.latest else 0,
                    state=State.SUBMITTED if wish.submit else State.IN_PROGRESS,
                    thresholds=wish.thresholds,
                    note="accepted in bulk",
                )
                alone.settle(store, wish, annotation.document.id)
                _tell(tally, annotation, edit)
            except Conflict:
                tally.busy += 1
        yield 1


def _undo(store: Store, wish: Wish, ids: tuple[str, ...]) -> Generator[int]:
    alone = _alone(store, wish)
    for id in ids:
        yield int(_take_back(store, wish, id, alone))


def _take_back(store: Store, wish: Wish, id: str, alone: _Alone) -> bool:
    """Whether the document is as it was before the acceptance."""
    history = store.revisions(wish.project, id)
    mine = [r for r in history if r.annotator == wish.annotator] if alone.on(id) else list(history)
    if mine[-1].client != wish.client:
        return False
    before = mine[-2] if len(mine) > 1 else None
    try:
        store.save(
            wish.project,
            before.annotation if before else _untouched(mine[-1].annotation),
            annotator=wish.annotator,
            independent=alone.on(id),
            expected=mine[-1].number,
            state=before.state if before else State.NEW,
            thresholds=before.thresholds if before else None,
            note=(before.note if before else "") or "bulk acceptance taken back",
        )
    except Conflict:
        return False
    others = [r for r in history if r.client != wish.client]
    listed = store.latest(wish.project, id)
    if others and listed and others[-1].annotator != listed.annotator and alone.on(id):
        # the document is listed and exported as its last revision has it, which was the acceptance
        last = store.latest(wish.project, id, others[-1].annotator) or others[-1]
        store.set_state(wish.project, id, last.state, annotator=last.annotator, note=last.note)
    return True


def _untouched(annotation: Annotation) -> Annotation:
    return begin(annotation.based_on) if annotation.based_on else Annotation(annotation.document, annotation.schema)


@dataclass(frozen=True, slots=True)
class _Found:
    """A document with something to accept: the decisions so far, the revision that they come from, the acceptance."""

    annotation: Annotation
    latest: Revision | None
    edit: Accept


@dataclass(frozen=True, slots=True)
class _Alone:
    """In which documents the annotator works without seeing what others decided: all, or those that are gold."""

    everywhere: bool
    gold: frozenset[str]

    def on(self, document: str) -> bool:
        return self.everywhere or document in self.gold

    def settle(self, store: Store, wish: Wish, document: str) -> None:
        if document in self.gold:
            gold.keep(store, wish.project, document)


def _alone(store: Store, wish: Wish) -> _Alone:
    shared = bool(assignments.team(store, wish.project))
    return _Alone(shared, gold.coming_up(store, wish.project))


def _documents(store: Store, wish: Wish, alone: _Alone, job: Job) -> Iterator[_Found | None]:
    """Each document of the wish, None where there is nothing to accept. Raises StoreError once the project is
    archived."""
    ids = queueing.ids(
        store,
        wish.project,
        states=wish.states,
        search=wish.search,
        min_suggested=wish.min_suggested,
        own=wish.annotator if alone.everywhere else "",
    )
    job.total = len(ids)
    for id in ids:
        if leaving.is_archived(store, wish.project):
            raise StoreError(
                expected="a project that is worked on",
                found=f"{quote(wish.project)}, which was archived meanwhile",
                change="What was accepted before stays so. Bring the project back to go on.",
                value=wish.project,
            )
        extraction = progress.extraction(store, wish.project, id, wish.model_version)
        if extraction is None:
            yield None
            continue
        latest = store.latest(wish.project, id, wish.annotator if alone.on(id) else None)
        annotation = suggestions.before(extraction, latest)
        edit = _wanted(annotation, wish)
        yield _Found(annotation, latest, edit) if edit.entities or edit.relations else None


def _wanted(annotation: Annotation, wish: Wish) -> Accept:
    entities, relations = undecided(annotation, wish.thresholds, twins=False)
    return Accept(tuple(e.id for e in entities), tuple(r.key for r in relations))


def _tell(tally: Tally, annotation: Annotation, edit: Accept) -> None:
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
