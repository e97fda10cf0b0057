"""A batch of corrections on its way into the store: applied in order, committed in one transaction.

Sending a batch twice changes nothing. A correction that does not fit is refused with its reason while the
others are kept, also of those that are accepted in one go; a document of which something was refused is not submitted.
If somebody else saved in between, nothing of the batch is applied: the person decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from db.store import Store
from db.values import Revision, State
from relex_core.editing import Accept, Edit, RelationKey, apply, rebase
from relex_core.errors import Conflict, EditError, RelexError, quote
from relex_core.selection import left_alone
from relex_core.types import Annotation, Thresholds, allowed

CommandName = Literal["submit", "skip", "flag", "next", "back", "rescore", "thresholds"]
"""What a person wants beside corrections. submit, skip and flag change the document's state; next asks for
another document and back for the one before, rescore for relations on exactly the accepted entities; thresholds only
tells the sliders."""

MAX_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Command:
    """A wish of the person at the keyboard, in its place among the corrections.

    `seconds` of work and `keystrokes` are those since the command of the document before this one. `parts` are those
    of a long text, as offsets, that were open so far; None where the text is shown whole.
    """

    seq: int
    name: CommandName
    note: str = ""
    thresholds: Thresholds | None = None
    seconds: float = 0.0
    keystrokes: int = 0
    parts: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A correction that could not be applied, or a wish that was not granted, and why. The others of its batch were."""

    client: str
    seq: int
    message: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one client for one document, in the order in which they were made.

    `revision` is the newest revision that the client had seen (0: none) when it made the last of them. `kin` says up to
    which number this client carries on the unacknowledged work of other clients of the same browser: tabs that were
    closed, or that are still at work on something later.
    """

    client: str
    document_id: str
    ops: tuple[tuple[int, Edit], ...] = ()
    commands: tuple[Command, ...] = ()
    revision: int = 0
    kin: Mapping[str, int] = field(default_factory=dict)
    unreadable: tuple[Refusal, ...] = ()

    @property
    def last(self) -> int:
        """The highest sequence number in the batch."""
        numbers = [seq for seq, _ in self.ops] + [command.seq for command in self.commands]
        return max([*numbers, *(refusal.seq for refusal in self.unreadable)], default=0)

    @property
    def thresholds(self) -> Thresholds | None:
        """The thresholds that were in force at the last command that says so."""
        return next((c.thresholds for c in reversed(self.commands) if c.thresholds is not None), None)

    @property
    def parts(self) -> tuple[tuple[int, int], ...] | None:
        """The parts of a long text that were open until the last command that says so, None if it was open whole."""
        return next((c.parts for c in reversed(self.commands) if c.parts is not None), None)

    @property
    def seconds(self) -> float:
        """Of work in what ends it for now, each since the one before; other commands say how much so far."""
        return sum(command.seconds for command in self.commands if command.name in _STATES)

    @property
    def keystrokes(self) -> int:
        return sum(command.keystrokes for command in self.commands if command.name in _STATES)


_STATES = {"submit": State.SUBMITTED, "skip": State.SKIPPED, "flag": State.FLAGGED}


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of a batch.

    `annotation` and `revision` (0: none) are what is in the store now. `acknowledged` maps the client to the
    last sequence number that it may forget. `commands` are those to obey that this call saw for the first time.
    `conflict` is the other's revision if one stands in the way: then nothing was applied or acknowledged.
    """

    annotation: Annotation
    revision: int
    acknowledged: Mapping[str, int] = field(default_factory=dict)
    refused: tuple[Refusal, ...] = ()
    commands: tuple[Command, ...] = ()
    conflict: Revision | None = None


def apply_batch(
    store: Store,
    project: str,
    annotation: Annotation,
    batch: Batch,
    annotator: str,
    thresholds: Thresholds,
    independent: bool = False,
) -> Committed:
    """Apply `batch` to the document's latest revision and commit the result.

    `annotation` is what the editor shows: its suggestions are those that the batch speaks of, and its
    decisions are where a document begins that was never saved. With `independent` only the annotator's own
    revisions count: several people annotate the document without seeing each other. Raises NotFound and other
    StoreErrors.
    """
    known = store.acknowledged(project, batch.document_id, batch.client)
    batch = _after(batch, known)
    whose = annotator if independent else None
    latest = store.latest(project, batch.document_id, whose)
    start = _start(annotation, latest)
    number = latest.number if latest else 0
    if latest and _overtaken(batch, latest):
        return Committed(start, number, conflict=latest)
    acknowledged = {batch.client: max(known, batch.last)}
    after, edits, refused = _apply(start, batch)
    state, commands = _state(batch, latest), batch.commands
    if refused and state is State.SUBMITTED:
        state = None
        commands, refused = _held_back(batch, refused)
    if not edits and state is None:
        return Committed(start, number, acknowledged, refused, commands)
    state = state or _working(latest)
    said = next((c.note for c in reversed(batch.commands) if c.note), "")
    if not said and latest and latest.state is State.FLAGGED and state is State.FLAGGED:
        said = latest.note  # a flag that stays keeps its reason
    at = batch.thresholds or thresholds
    if state is State.SUBMITTED:
        after = replace(after, undecided=left_alone(after, at, batch.parts))
    try:
        saved = store.save(
            project,
            after,
            annotator=annotator,
            edits=edits,
            client=batch.client,
            seq=batch.last,
            expected=number,
            independent=independent,
            state=state,
            thresholds=at,
            note=said,
            seconds=batch.seconds or None,
            keystrokes=batch.keystrokes or None,
        )
    except Conflict:
        other = store.latest(project, batch.document_id, whose)
        if other is None:
            raise
        return Committed(_start(annotation, other), other.number, conflict=other)
    return Committed(after, saved.number, acknowledged, refused, commands)


def _after(batch: Batch, known: int) -> Batch:
    return replace(
        batch,
        ops=tuple((seq, edit) for seq, edit in batch.ops if seq > known),
        commands=tuple(command for command in batch.commands if command.seq > known),
        unreadable=tuple(refusal for refusal in batch.unreadable if refusal.seq > known),
    )


def _start(annotation: Annotation, latest: Revision | None) -> Annotation:
    """The latest decisions before the suggestions that are on the screen."""
    if latest is None:
        return annotation
    return rebase(latest.annotation, annotation.based_on) if annotation.based_on else latest.annotation


def _overtaken(batch: Batch, latest: Revision) -> bool:
    """Whether somebody else saved a revision that the batch's client had not seen.

    Where the latest revision is the client's own, or holds work that it carries on, it was checked when that was saved.
    """
    changes = batch.ops or any(command.name in _STATES for command in batch.commands)
    own = latest.client == batch.client or latest.seq <= batch.kin.get(latest.client, -1)
    return bool(changes) and latest.number > batch.revision and not own


def _apply(annotation: Annotation, batch: Batch) -> tuple[Annotation, tuple[Edit, ...], tuple[Refusal, ...]]:
    done: list[Edit] = []
    refused = list(batch.unreadable)
    for seq, edit in batch.ops:
        annotation, fitting, reasons = _fit(annotation, edit)
        done += fitting
        if reasons:
            left = f"{len(reasons)} of the suggestions accepted at once do not fit. " if len(reasons) > 1 else ""
            refused.append(Refusal(batch.client, seq, left + reasons[0]))
    return annotation, tuple(done), tuple(refused)


def _fit(annotation: Annotation, edit: Edit) -> tuple[Annotation, tuple[Edit, ...], tuple[str, ...]]:
    """The annotation after as much of `edit` as fits, that as edits, and why each of the rest does not."""
    try:
        return _checked(annotation, apply(annotation, edit), edit), (edit,), ()
    except RelexError as error:
        parts = _halves(edit)
        if not parts:
            return annotation, (), (str(error),)
    fitting: list[Edit] = []
    reasons: list[str] = []
    for part in parts:
        annotation, done, why = _fit(annotation, part)
        fitting += done
        reasons += why
    return annotation, tuple(fitting), tuple(reasons)


def _halves(edit: Edit) -> tuple[Edit, ...]:
    """What an acceptance of several suggestions consists of, the entities first; nothing for any other edit."""
    if not isinstance(edit, Accept):
        return ()
    entities, relations = edit.entities, edit.relations
    if entities and relations:
        return Accept(entities), Accept((), relations)
    middle = (len(entities) + len(relations)) // 2
    if not middle:
        return ()
    return Accept(entities[:middle], relations[:middle]), Accept(entities[middle:], relations[middle:])


def _held_back(batch: Batch, refused: tuple[Refusal, ...]) -> tuple[tuple[Command, ...], tuple[Refusal, ...]]:
    """The wishes to obey where something was refused: the person wanted to submit and go on before that was known. And
    what was refused, first of all the document's submission."""
    submit = next(command for command in reversed(batch.commands) if command.name == "submit")
    said = f"Document {quote(batch.document_id)} is not submitted yet. {refused[0].message}"
    commands = tuple(command for command in batch.commands if command.name not in ("submit", "next"))
    return commands, (Refusal(batch.client, submit.seq, said), *refused)


def _checked(before: Annotation, after: Annotation, edit: Edit) -> Annotation:
    """`after`, unless `edit` has brought in a relation between types that its label does not allow.

    The editor offers no such relation, and takes away those that no longer fit a new type, but the label set may have
    changed since. What did not fit before is left alone. Raises EditError.
    """
    wrong = _misfits(after).difference(_misfits(before))
    if not wrong:
        return after
    head, tail, label = min(wrong)
    types = after.by_id()
    raise EditError(
        expected=f"a relation that {quote(label)} allows",
        found=f"one from {quote(types[head].label)} to {quote(types[tail].label)}",
        change="Choose another relation or other ends, or allow these types in the label set.",
        value=edit,
    )


def _misfits(annotation: Annotation) -> set[RelationKey]:
    """The relations between types that their labels, or the inverses of these, do not allow."""
    types = annotation.by_id()
    bounds = annotation.schema.bounds
    return {
        r.key for r in annotation.relations if not allowed(bounds[r.label], types[r.head].label, types[r.tail].label)
    }


def _state(batch: Batch, latest: Revision | None) -> State | None:
    """The state that the batch's last such command asks for, None if none does. A skip leaves a flag where it is: it is
    how one goes on from a document that somebody else should look at."""
    flagged, state = latest is not None and latest.state is State.FLAGGED, None
    for command in batch.commands:
        if command.name in _STATES:
            state = State.FLAGGED if flagged and command.name == "skip" else _STATES[command.name]
            flagged = state is State.FLAGGED
    return state


def _working(latest: Revision | None) -> State:
    """The state after mere corrections: a flag stays until the document is submitted."""
    return State.FLAGGED if latest and latest.state is State.FLAGGED else State.IN_PROGRESS
