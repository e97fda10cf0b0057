"""The walk through a project's documents: which one is open, which come next, which were left behind.

A `Walk` is a value. The documents ahead are fixed as soon as they are chosen: they are on their way to the
browser, which opens the first of them by itself when a person is done, before the server has answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from db import gold, progress
from db.store import Store
from db.values import DocumentRow, Order, State

AHEAD = 2
"""How many documents wait in the browser beside the open one."""

OPEN = (State.NEW, State.IN_PROGRESS)
"""States in which a document still wants work."""

_PAGE = 50

_MANY = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """Which documents a walk takes, in which order. `min_suggested` is the entity-rich filter of the paper's section
    3.8; with `shared` the annotator's own part, in the states in which they themselves left it (`db.assignments`)."""

    order: Order = Order.MIXED
    search: str = ""
    states: tuple[State, ...] = OPEN
    min_suggested: int = 0
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """A place in a project. `current` is "" where nothing is left; `behind` is newest last."""

    project: str
    annotator: str
    filter: Filter = Filter()
    current: str = ""
    ahead: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()


def start(store: Store, project: str, annotator: str, filter: Filter = Filter(), at: str = "") -> Walk:
    """A walk that begins at the document `at`, else at the first that the filter takes. Raises NotFound."""
    if at:
        store.document(project, at)
        return fill(store, Walk(project, annotator, filter, at))
    walk = Walk(project, annotator, filter)
    return advance(store, replace(walk, ahead=tuple(_take(store, walk, AHEAD + 1))))


def advance(store: Store, walk: Walk) -> Walk:
    """The walk at its next document, with more chosen ahead."""
    behind = (*walk.behind, walk.current) if walk.current else walk.behind
    if not walk.ahead:
        walk = replace(walk, ahead=tuple(_take(store, replace(walk, behind=behind), 1)))
    following = walk.ahead[0] if walk.ahead else ""
    return fill(store, replace(walk, current=following, ahead=walk.ahead[1:], behind=behind))


def back(walk: Walk) -> Walk:
    """The walk at the document before, which is then followed by the one that was open."""
    if not walk.behind:
        return walk
    ahead = ((walk.current, *walk.ahead) if walk.current else walk.ahead)[: AHEAD + 1]
    return replace(walk, current=walk.behind[-1], ahead=ahead, behind=walk.behind[:-1])


def jump(store: Store, walk: Walk, document: str) -> Walk:
    """The walk at `document`. Raises NotFound."""
    store.document(walk.project, document)
    if document == walk.current:
        return walk
    behind = (*(id for id in walk.behind if id != document), *([walk.current] if walk.current else []))
    ahead = tuple(id for id in walk.ahead if id != document)
    return fill(store, replace(walk, current=document, ahead=ahead, behind=behind))


def fill(store: Store, walk: Walk) -> Walk:
    """The walk with `AHEAD` documents chosen ahead, as far as there are any."""
    missing = AHEAD - len(walk.ahead)
    if missing <= 0 or not walk.current:
        return walk
    return replace(walk, ahead=(*walk.ahead, *_take(store, walk, missing)))


def matching(store: Store, walk: Walk, limit: int, after: DocumentRow | None = None) -> tuple[DocumentRow, ...]:
    """The documents that the filter takes, whether or not the walk has been there."""
    found: list[DocumentRow] = []
    for row in _rows(store, walk, after):
        found.append(row)
        if len(found) == limit:
            break
    return tuple(found)


def ids(
    store: Store,
    project: str,
    *,
    states: tuple[State, ...],
    search: str = "",
    min_suggested: int = 0,
    own: str = "",
    left_out: bool = False,
) -> list[str]:
    """Ids of all documents that `store.queue` finds. All at once: whatever is done to them moves the pages."""
    found: list[str] = []
    after = None
    while True:
        page = store.queue(
            project,
            states=states,
            search=search,
            limit=_MANY,
            after=after,
            min_suggested=min_suggested,
            own=own,
            left_out=left_out,
        )
        found += [row.id for row in page]
        if len(page) < _MANY:
            return found
        after = page[-1]


def _take(store: Store, walk: Walk, wanted: int) -> Iterator[str]:
    """The next documents that the walk does not know; unless something is searched for, gold ones are strewn in."""
    known = {walk.current, *walk.ahead, *walk.behind}
    plain = replace(walk.filter, order=Order.FILE, shared=False) == Filter(order=Order.FILE)
    share = gold.share(store, walk.project) if plain else 0.0
    hidden = [id for id in gold.waiting(store, walk.project, walk.annotator) if id not in known] if share else []
    position = _position(store, walk) if hidden else 0
    for row in _rows(store, walk):
        while hidden and wanted and gold.due(walk.annotator, position, share):
            known.add(hidden[0])
            wanted, position = wanted - 1, position + 1
            yield hidden.pop(0)
        if wanted == 0:
            return
        if row.id not in known:
            wanted, position = wanted - 1, position + 1
            yield row.id


def _position(store: Store, walk: Walk) -> int:
    """The place, among all documents of the annotator in this project, of the next one that is taken."""
    own = progress.states_of(store, walk.project, walk.annotator)
    closed = {id for id, state in own.items() if state not in OPEN}
    open_ = [id for id in (walk.current, *walk.ahead) if id and id not in closed]
    return len(closed) + len(open_)


def _rows(store: Store, walk: Walk, after: DocumentRow | None = None) -> Iterator[DocumentRow]:
    chosen = walk.filter
    # shared out, each person's own state counts: a document may be submitted by one and new to the other
    own = walk.annotator if chosen.shared else ""
    while True:
        page = store.queue(
            walk.project,
            states=chosen.states,
            search=chosen.search,
            order=chosen.order,
            limit=_PAGE,
            after=after,
            min_suggested=chosen.min_suggested,
            own=own,
        )
        left = progress.states_of(store, walk.project, own, [row.id for row in page]) if own else {}
        for row in page:
            yield replace(row, state=left.get(row.id, State.NEW)) if own else row
        if len(page) < _PAGE:
            return
        after = page[-1]
