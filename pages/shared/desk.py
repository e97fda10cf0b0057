"""What is on an annotator's desk: the open document, those that wait in the browser, and what happens to them.

Values and functions without Streamlit. A document lies on the desk as soon as the model has read it, or has failed
to; until then the walk knows it and the desk does not.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace

from db import gold, habits, progress
from db.habits import Habits
from db.store import Store
from pages.shared import corrections, queueing, suggestions
from pages.shared.corrections import Batch, Command, Refusal
from pages.shared.queueing import Filter, Walk
from pages.shared.readings import Reading, Readings
from pages.shared.suggestions import Opened
from relex_core.editing import Accept, apply, begin
from relex_core.errors import ModelBusy, ModelClosed, NotFound, ReadingError, SchemaError
from relex_core.selection import undecided
from relex_core.types import RESCORED, Annotation, Document, Extraction, Relation, Schema, Thresholds


@dataclass(frozen=True, slots=True)
class Wish:
    """For relations scored anew on the open document's entities: the command `seq` of `client`."""

    client: str
    seq: int
    thresholds: Thresholds


@dataclass(frozen=True, slots=True)
class Desk:
    """`open` is None while the model has not read the open document, or where nothing is left (`walk.current` is "").

    `version` is that of the label set, `habits` say which relations people chose in this project. `gold` holds the
    adjudicated documents, if some come up again. `refused` is what nobody was told yet, `conflict` is (revision,
    annotator) of somebody who saved in between. A `wish` waits until the model has read the open document.
    """

    walk: Walk
    schema: Schema
    version: int
    open: Opened | None = None
    ahead: tuple[Opened, ...] = ()
    refused: tuple[Refusal, ...] = ()
    conflict: tuple[int, str] | None = None
    gold: frozenset[str] = frozenset()
    habits: Habits = field(default_factory=Habits)
    wish: Wish | None = None

    @property
    def waiting(self) -> bool:
        """Whether a chosen document is not there yet."""
        return (bool(self.walk.current) and self.open is None) or len(self.ahead) < len(self.walk.ahead)

    def alone(self, document: str) -> bool:
        """Whether the annotator works on a document without seeing what others decided."""
        return self.walk.filter.shared or document in self.gold


def sit_down(store: Store, readings: Readings, project: str, annotator: str, filter: Filter, at: str = "") -> Desk:
    """The desk at the document `at`, else at the first of the queue. Raises NotFound."""
    known = store.project(project)
    walk = queueing.start(store, project, annotator, filter, at)
    desk = Desk(walk, known.schema, known.schema_version, gold=gold.coming_up(store, project))
    return settle(store, readings, _informed(store, desk, Habits()))


def settle(store: Store, readings: Readings, desk: Desk, patience: float = 0.0, kept: Extraction | None = None) -> Desk:
    """The desk with all documents that can be had now; the model is asked for the others.

    Waits up to `patience` seconds for the open one, before which relations that were scored anew may be `kept`; a wish
    that waited for it is granted. One at which the model fails is there to be marked by hand. Raises what the model
    raised beside that, such as ModelBusy or SchemaError.
    """
    walk = desk.walk
    if desk.open is None and walk.current:
        document = store.document(walk.project, walk.current)
        opened = None
        try:
            read = suggestions.read(store, readings, walk.project, document, desk.schema, patience)
            opened = _opened(store, desk, read, kept)
        except TimeoutError:
            pass
        except ReadingError:
            opened = _by_hand(store, desk, document)
        if opened is not None:
            desk = _grant(readings, replace(desk, open=opened))
    for id in walk.ahead[len(desk.ahead) :]:
        document = store.document(walk.project, id)
        try:
            found = suggestions.known(store, readings, walk.project, document, desk.schema)
        except ReadingError:
            desk = replace(desk, ahead=(*desk.ahead, _by_hand(store, desk, document)))
            continue
        if found is None:
            suggestions.prefetch(store, readings, walk.project, desk.schema, walk.ahead[len(desk.ahead) :])
            break
        desk = replace(desk, ahead=(*desk.ahead, _opened(store, desk, found)))
    return desk


def fault(readings: Readings, desk: Desk) -> str:
    """Why the model cannot read the open document, "" if it can."""
    error = readings.fault(desk.open[0].document, desk.schema) if desk.open is not None else None
    return str(error) if error is not None else ""


def refresh(store: Store, readings: Readings, desk: Desk) -> Desk:
    """The desk as the store has it now: others may have saved, and labels may have changed.

    Relations that were scored anew stay before the annotator while the document is open.
    """
    known = store.project(desk.walk.project)
    kept = desk.open[0].based_on if desk.open and desk.open[0].document.id == desk.walk.current else None
    version, items = known.schema_version, gold.coming_up(store, known.name)
    fresh = replace(desk, schema=known.schema, version=version, open=None, ahead=(), gold=items)
    return _lay(store, readings, _informed(store, fresh, desk.habits), kept)


def flags(store: Store, desk: Desk) -> dict[str, str]:
    """Why documents on the desk are flagged, by id; only by the annotator where nobody may see another's work."""
    there = [opened[0].document.id for opened in (*([desk.open] if desk.open else []), *desk.ahead)]
    alone = [id for id in there if desk.alone(id)]
    project, own = desk.walk.project, desk.walk.annotator
    return {
        **progress.flags(store, project, [id for id in there if id not in alone]),
        **progress.flags(store, project, alone, own),
    }


def is_old(store: Store, desk: Desk) -> bool:
    """Whether somebody has changed the labels since. Raises NotFound."""
    return store.schema_version(desk.walk.project) != desk.version


def turn(store: Store, readings: Readings, desk: Desk, walk: Walk) -> Desk:
    """The desk after the walk went on to `walk`; what lies there already is kept."""
    there = {opened[0].document.id: opened for opened in (*desk.ahead, *([desk.open] if desk.open else []))}
    ahead = []
    for id in walk.ahead:
        if id not in there:
            break
        ahead.append(there[id])
    wish = desk.wish if walk.current == desk.walk.current else None
    laid = replace(desk, walk=walk, open=there.get(walk.current), ahead=tuple(ahead), wish=wish)
    return _lay(store, readings, laid)


def take(
    store: Store, readings: Readings, desk: Desk, batch: Batch, thresholds: Thresholds
) -> tuple[Desk, dict[str, int]]:
    """Commit what the browser sent and go on if it asked for that; the desk, and what the browser may forget.

    Raises NotFound and other StoreErrors.
    """
    if is_old(store, desk):
        # the decisions in the store are read with the labels of today, and what they stand before has to be as well
        desk = refresh(store, readings, desk)
    walk = desk.walk
    at_hand = next(
        (o for o in (*([desk.open] if desk.open else []), *desk.ahead) if o[0].document.id == batch.document_id), None
    )
    try:
        annotation = at_hand[0] if at_hand else _elsewhere(store, readings, desk, batch.document_id)
    except NotFound as error:
        lost = tuple(Refusal(batch.client, seq, str(error)) for seq, _ in batch.ops)
        return replace(desk, refused=(*desk.refused, *lost)), {batch.client: batch.last}
    committed = corrections.apply_batch(
        store, walk.project, annotation, batch, walk.annotator, thresholds, independent=desk.alone(batch.document_id)
    )
    after: Opened = (committed.annotation, committed.revision)
    if at_hand is not None:
        desk = replace(
            desk,
            open=after if at_hand is desk.open else desk.open,
            ahead=tuple(after if opened is at_hand else opened for opened in desk.ahead),
        )
    desk = replace(
        desk,
        refused=(*desk.refused, *committed.refused),
        conflict=(committed.conflict.number, committed.conflict.annotator) if committed.conflict else None,
    )
    for command in committed.commands:
        desk = _obey(store, readings, desk, command, batch, thresholds)
    return desk, dict(committed.acknowledged)


def rescore(readings: Readings, annotation: Annotation, thresholds: Thresholds) -> Annotation:
    """The same decisions before relations that were scored anew on exactly the entities that are accepted or shown.

    Between two entities that nobody has decided on they stay as they were. What the person marked is among them, so
    the result is `rescored`: shown to nobody else. Raises ModelBusy, ModelClosed or ReadingError.
    """
    shown, _ = undecided(annotation, thresholds, twins=False)
    accepted = apply(annotation, Accept(tuple(entity.id for entity in shown), ()))
    found = Reading(readings.service.submit_rescore(accepted)).answer(annotation.document, annotation.schema)
    own = {entity.id for entity in annotation.entities}
    asked = own | {entity.id for entity in shown}
    before = annotation.based_on or begin(found).based_on
    assert before is not None
    suggested = before.suggested()
    known = {entity.id for entity in suggested}
    added = [entity for entity in annotation.entities if entity.id not in known]
    taken = {(e.start, e.end, e.label) for e in added}
    kept = [e for e in suggested if (e.start, e.end, e.label) not in taken]
    ids = {e.id for e in (*kept, *added)}

    def anew(relation: Relation) -> bool:
        return {relation.head, relation.tail} <= asked and (relation.head in own or relation.tail in own)

    relations = [r for r in before.relations if not anew(r) and r.head in ids and r.tail in ids]
    extraction = Extraction(
        annotation.document,
        annotation.schema,
        tuple(sorted((*kept, *added), key=lambda e: (e.start, e.end))),
        (*relations, *(r for r in found.relations if anew(r))),
        found.model_version + RESCORED,
        before.floor,
        before.windows,
    )
    return replace(annotation, based_on=extraction, undecided=None)


def _lay(store: Store, readings: Readings, desk: Desk, kept: Extraction | None = None) -> Desk:
    """`settle` where a model that cannot be asked holds nobody up: whoever waits for the document asks again, and hears
    why."""
    try:
        return settle(store, readings, desk, kept=kept)
    except (ModelBusy, ModelClosed, SchemaError):
        return desk


def _obey(store: Store, readings: Readings, desk: Desk, command: Command, batch: Batch, thresholds: Thresholds) -> Desk:
    here = batch.document_id == desk.walk.current
    if command.name == "submit":
        desk = _informed(store, desk, desk.habits)
    if command.name == "next" and here:
        return turn(store, readings, desk, queueing.advance(store, desk.walk))
    if command.name == "back" and here:
        return turn(store, readings, desk, queueing.back(desk.walk))
    if command.name == "rescore" and here:
        return _grant(readings, replace(desk, wish=Wish(batch.client, command.seq, thresholds)))
    return desk


def _grant(readings: Readings, desk: Desk) -> Desk:
    """The desk after its wish, if there is one and the document lies there."""
    wish = desk.wish
    if wish is None or desk.open is None:
        return desk
    annotation, revision = desk.open
    desk = replace(desk, wish=None)
    try:
        return replace(desk, open=(rescore(readings, annotation, wish.thresholds), revision))
    except (ModelBusy, ModelClosed, ReadingError) as error:
        # the corrections before it are committed: they are acknowledged all the same
        return replace(desk, refused=(*desk.refused, Refusal(wish.client, wish.seq, str(error))))


def _informed(store: Store, desk: Desk, before: Habits) -> Desk:
    """The desk with what people chose so far; only the annotator's own choices where nobody may see another's."""
    whose = desk.walk.annotator if desk.walk.filter.shared or desk.gold else ""
    before = before if before.annotator == whose else Habits(whose)
    return replace(desk, habits=habits.catch_up(store, desk.walk.project, before))


def _opened(store: Store, desk: Desk, extraction: Extraction, kept: Extraction | None = None) -> Opened:
    walk, alone = desk.walk, desk.alone(extraction.document.id)
    return suggestions.opened(store, walk.project, extraction, walk.annotator, alone, kept)


def _by_hand(store: Store, desk: Desk, document: Document) -> Opened:
    walk, alone = desk.walk, desk.alone(document.id)
    return suggestions.by_hand(store, walk.project, document, desk.schema, walk.annotator, alone)


def _elsewhere(store: Store, readings: Readings, desk: Desk, id: str) -> Annotation:
    """What is known of a document that is not on the desk: corrections of it waited in the browser. Raises NotFound.

    Where the model has not read it with the labels of today, those that are still there of what it found before.
    """
    document = store.document(desk.walk.project, id)
    with suppress(ReadingError):
        found = suggestions.known(store, readings, desk.walk.project, document, desk.schema)
        if found is not None:
            return _opened(store, desk, found)[0]
    return _by_hand(store, desk, document)[0]
