"""What the model suggests for a project's documents: from the store, else read now; and the whole set in bulk.

A person who waits comes first: documents that are opened go to the model before those that are read in bulk. One at
which the model fails holds up no other.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError
from dataclasses import replace

from db import leaving, progress
from db.store import Store
from db.values import Project, Revision
from pages.shared.jobs import Job, Jobs
from pages.shared.readings import Labels, Reading, Readings, labels_of
from relex_core.editing import begin, rebase
from relex_core.errors import GIVE_UP, InputError, ModelBusy, ModelClosed, ReadingError
from relex_core.service import ModelService
from relex_core.types import RESCORED, Annotation, Document, Extraction, Schema

SCORING = "scoring"
"""Purpose of the job that reads a project."""

_IN_FLIGHT = 24
"""Documents handed to the model at once in bulk: enough to fill its batches."""

_PAGE = 200

_LOOK = 0.5
"""Seconds after which the job looks whether what it waits for is still wanted."""

Serve = Callable[[], ModelService]
"""The service of a checkpoint, opened again if it was closed to make room for others. Raises CheckpointError."""

Opened = tuple[Annotation, int]
"""Decisions before the model's suggestions, and the revision that they come from (0: none)."""


def known(store: Store, readings: Readings, project: str, document: Document, schema: Schema) -> Extraction | None:
    """The suggestions for a document if they are there already; a finished reading goes into the store. Raises
    ReadingError if the model is known to fail at it."""
    stored = progress.extraction(store, project, document.id, readings.service.version)
    if stored is not None:
        return stored
    reading = readings.known(document, schema)
    if reading is None:
        fault = readings.fault(document, schema)
        if fault is not None:
            raise fault
        return None
    extraction = reading.answer(document, schema)
    store.save_extraction(project, extraction)
    return extraction


def read(
    store: Store, readings: Readings, project: str, document: Document, schema: Schema, patience: float
) -> Extraction:
    """The suggestions for a document, for which the model is waited for up to `patience` seconds. Raises what the model
    raised, or TimeoutError, also where somebody changed the labels meanwhile."""
    found = known(store, readings, project, document, schema)
    if found is None:
        try:
            found = readings.ask(document, schema, project).answer(document, schema, patience)
        except CancelledError as error:
            raise TimeoutError from error
        store.save_extraction(project, found)
    return found


def prefetch(store: Store, readings: Readings, project: str, schema: Schema, ids: tuple[str, ...]) -> None:
    """Ask for the suggestions of documents that will be opened soon, without waiting."""
    for id in ids:
        document = store.document(project, id)
        try:
            if known(store, readings, project, document, schema) is None:
                readings.ask(document, schema, project)
        except ReadingError:
            continue
        except (ModelBusy, ModelClosed):
            return


def opened(
    store: Store,
    project: str,
    extraction: Extraction,
    annotator: str = "",
    alone: bool = True,
    kept: Extraction | None = None,
) -> Opened:
    """The decisions on a document before `extraction`: of the annotator alone, or of the last one whoever that is.

    Relations that were scored anew on what the annotator marked stand in their place, as long as they rest on the same
    reading: those that were `kept`, else those that the annotator's own revision is based on.
    """
    revision = store.latest(project, extraction.document.id, (annotator or None) if alone else None)
    annotation = before(extraction, revision)
    own = revision.annotation.based_on if revision and revision.annotator == annotator else None
    anew = next((e for e in (kept, own) if e is not None and _rests_on(e, extraction)), None)
    if anew is not None:
        annotation = rebase(annotation, _present(anew, annotation))
    return annotation, revision.number if revision else 0


def by_hand(store: Store, project: str, document: Document, schema: Schema, annotator: str, alone: bool) -> Opened:
    """A document that the model has not read with the labels of today, or cannot read, with the decisions that there
    are: before what was found in it earlier, else before nothing."""
    found = store.extraction(project, document.id)
    if found is not None:
        return opened(store, project, found, annotator, alone)
    revision = store.latest(project, document.id, (annotator or None) if alone else None)
    return (Annotation(document, schema), 0) if revision is None else (revision.annotation, revision.number)


def before(extraction: Extraction, revision: Revision | None) -> Annotation:
    """The decisions of a revision, if there is one, before the suggestions of `extraction`."""
    return begin(extraction) if revision is None else rebase(revision.annotation, extraction)


def _rests_on(anew: Extraction, extraction: Extraction) -> bool:
    """Whether `anew` is what this reading became when relations were scored on what a person had marked."""
    if anew.model_version != extraction.model_version + RESCORED or anew.schema != extraction.schema:
        return False
    suggested = anew.suggested()
    marked = {(e.start, e.end, e.label) for e in anew.entities} - {(e.start, e.end, e.label) for e in suggested}
    return set(suggested) == {e for e in extraction.entities if (e.start, e.end, e.label) not in marked}


def _present(anew: Extraction, annotation: Annotation) -> Extraction:
    """`anew` without marks that the person has taken back since."""
    ids = {e.id for e in anew.suggested()} | set(annotation.by_id())
    return replace(
        anew,
        entities=tuple(e for e in anew.entities if e.id in ids),
        relations=tuple(r for r in anew.relations if r.head in ids and r.tail in ids),
    )


_Question = tuple[str, str, Labels]
"""A document's id, the model's version and the labels: what a failure in bulk is known by. No document's text
changes."""


def score_all(store: Store, serve: Serve, jobs: Jobs, project: str) -> Job:
    """Read every document that this model has not read with today's labels, in the background. Those at which it failed
    stay out, for which see `failures`, unless the job that says so was forgotten."""
    before = jobs.get(project, SCORING)
    failed: dict[_Question, str] = dict(_failed(before)) if before is not None else {}
    version = serve().version
    total = progress.count_unscored(store, project, version) - len(failures(store, before, project, version))
    return jobs.start(project, SCORING, total, lambda job: _score(store, serve, project, job, failed))


def failures(store: Store, job: Job | None, project: str, version: str) -> dict[str, str]:
    """Why this model could not read documents in bulk with the labels of today, by their ids; not those that it has
    read since, and none that is left out."""
    failed = _failed(job) if job is not None else {}
    return _today(store, failed, store.project(project), version) if failed else {}


def _failed(job: Job) -> dict[_Question, str]:
    # a copy: the job goes on
    return job.result.copy() if isinstance(job.result, dict) else {}


def _today(store: Store, failed: dict[_Question, str], project: Project, version: str) -> dict[str, str]:
    """Of what failed, what this model failed at with the labels of the project and has still to read: why, by the
    documents' ids."""
    now = version, labels_of(project.schema)
    said = {id: why for (id, *asked), why in failed.items() if tuple(asked) == now}
    left = progress.unscored(store, project.name, version, among=tuple(said)) if said else ()
    return {id: said[id] for id in left}


def _score(store: Store, serve: Serve, project: str, job: Job, failed: dict[_Question, str]) -> Generator[int]:
    """In pages, so that documents and labels that are added meanwhile are read as well, and what a model that was
    closed has left. A project that is archived is not read on; that is no wish to stop once it is back."""
    job.result, row = failed, 0
    while not leaving.is_archived(store, project):
        now, version = store.project(project), serve().version
        ids = _unread(store, now, version, job, failed)
        if not ids:
            return
        if not now.schema.visible_entities:
            raise InputError(expected="at least one entity label", found="none", change="Add a label first.")
        waiting: deque[tuple[Document, Reading]] = deque()
        try:
            while (ids or waiting) and not _overtaken(store, now):
                if ids and len(waiting) < _IN_FLIGHT:
                    document = store.document(project, ids.popleft())
                    reading = _submit(store, serve, now, document, job)
                    if reading is not None:
                        waiting.append((document, reading))
                    continue
                document, reading = waiting.popleft()
                try:
                    done = _keep(store, now, document, reading, job)
                    row = 0 if done else row
                    yield done
                except ReadingError as error:
                    failed[document.id, version, labels_of(now.schema)] = str(error)
                    row += 1
                    if row == GIVE_UP:
                        raise
        finally:
            for _, reading in waiting:
                reading.stop()


def _unread(store: Store, project: Project, version: str, job: Job, failed: dict[_Question, str]) -> deque[str]:
    """The next page of what is to be read, and how much that is."""
    known = _today(store, failed, project, version)
    ids = progress.unscored(store, project.name, version, _PAGE + len(known))
    total = job.done + progress.count_unscored(store, project.name, version) - len(known)
    if total != job.total or not job.characters:
        job.total = total
        left = progress.characters(store, project.name, unread_by=version, without=tuple(known))
        job.characters = job.read + left
    return deque([id for id in ids if id not in known][:_PAGE])


def _overtaken(store: Store, project: Project) -> bool:
    """Whether the project was archived, or the model is to be asked for labels that `project`, as it was, did not
    have."""
    version = leaving.worked_with(store, project.name)
    if version in (None, project.schema_version):
        return version is None
    now = labels_of(store.project(project.name).schema)
    return any(not set(labels) <= set(before) for labels, before in zip(now, labels_of(project.schema), strict=True))


def _submit(store: Store, serve: Serve, project: Project, document: Document, job: Job) -> Reading | None:
    """Ask as soon as there is a place; None if nobody wants it any more. Raises Stopped and CheckpointError."""
    reading = Reading()
    while not leaving.is_left_out(store, project.name, document.id):
        job.go_on()
        try:
            reading.future = serve().submit(document, project.schema, bulk=True, watch=reading.watch)
        except ModelBusy:
            # another project's documents are in the queue: they are read first
            time.sleep(0.2)
            if _overtaken(store, project):
                return None
        except ModelClosed:
            # between being had and being asked
            continue
        else:
            return reading
    return None


def _keep(store: Store, project: Project, document: Document, reading: Reading, job: Job) -> int:
    """Store an answer, 1; 0 where none came, for nobody waits for it any more. Raises ReadingError, and SchemaError for
    labels that no document can be read with."""
    while True:
        try:
            extraction = reading.answer(document, project.schema, _LOOK)
        except (CancelledError, ModelClosed):
            return 0
        except TimeoutError:
            # a long text: ended before its next batch
            unwanted = job.stopped or leaving.is_left_out(store, project.name, document.id)
            if unwanted or _overtaken(store, project):
                reading.stop()
        else:
            store.save_extraction(project.name, extraction)
            job.read += len(extraction.document.text)
            return 1
