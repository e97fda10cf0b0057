"""Pages of a project's documents, in any order, searched or not.

A page costs about the same wherever it is and however large the project: without a search each state is read from
its own index, no further than the page needs. A search with few hits fetches and sorts them; one with many goes
through the order and keeps what fits, which takes the longer the fewer hits there are. Where the one gives way to the
other (`_bound`), both take about the square root of the number of documents; a word in a given share of the documents
takes the same however many these are.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from math import isqrt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from db import search
from db.documents import resumed
from db.tables import annotators, assignments, counters, documents, heads
from db.values import LEFT_OUT, DocumentRow, Order, State

PASSED = 8
"""Documents of an order that are passed by and tested in the time of one hit that is fetched and sorted."""

_SORT: dict[Order, tuple[sa.Column[Any], bool]] = {
    Order.FILE: (documents.c.pk, False),
    Order.UNCERTAINTY: (documents.c.uncertainty, True),
    Order.DIVERSITY: (documents.c.turn, False),
    Order.RANDOM: (documents.c.shuffle, False),
    Order.MIXED: (documents.c.mixed, True),
    Order.UPDATED: (documents.c.updated_at, True),
}


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a project's documents is wanted. With `own`, an annotator's name, only their part of a project
    that is shared out, in the states in which they themselves left it. What is left out of the project comes
    with `LEFT_OUT` among the states alone."""

    states: tuple[str, ...] = tuple(State)
    search: str = ""
    order: Order = Order.FILE
    limit: int = 50
    after: DocumentRow | None = None
    min_suggested: int = 0
    own: str = ""


def page(connection: Connection, project: int, wanted: Page) -> tuple[DocumentRow, ...]:
    """The documents of one page."""
    filters = search.filters(connection, project, search.parse(wanted.search))
    driver, streams = _driver(connection, project, wanted, [f for f in filters if isinstance(f, search.Hits)])
    probes = [condition.probe for condition in filters if condition is not driver]
    if wanted.own:
        probes += _own(connection, wanted)
        wanted = replace(wanted, states=tuple(State))
    rows: Iterable[Row[Any]]
    if driver is None:
        rows = _merged(connection, project, wanted, probes)
    elif streams:
        rows = _streamed(connection, project, wanted, probes, driver)
    else:
        keys = [int(row[0]) for row in connection.execute(driver.hits)]
        rows = _fetched(connection, project, wanted, probes, keys)
    return tuple(_to_row(row, row.resumed, row.annotator or "", row.key) for row in islice(rows, wanted.limit))


def _driver(
    connection: Connection, project: int, wanted: Page, hits: Sequence[search.Hits]
) -> tuple[search.Hits | None, bool]:
    """The condition whose hits are gone through, None to go through the order instead; whether they come in order."""
    if not hits:
        return None, False
    bound, inside = search.MANY, 0
    if search.is_sqlite(connection):
        counted = sa.select(counters.c.state, counters.c.documents).where(counters.c.project_pk == project)
        held = {row.state: int(row.documents) for row in connection.execute(counted)}
        inside = sum(held.get(state, 0) for state in wanted.states)
        bound = min(bound, isqrt(wanted.limit * sum(held.values()) // PASSED), inside)
    words = next((condition for condition in hits if condition.key is search.fts.c.rowid), None)
    # the index of words gives hits in file order: most are in the wanted states, so the page is full at once
    streams = wanted.order is Order.FILE and bound < inside
    if words is not None and streams and len(hits) == 1:
        return words, True
    few = search.few(connection, hits, bound)
    return (words, words is not None) if few is None and streams else (few, False)


def _merged(
    connection: Connection, project: int, wanted: Page, probes: Sequence[sa.ColumnElement[bool]]
) -> Iterator[Row[Any]]:
    """Each state from its own index, already in order. SQLite looks for a row only when it is asked for."""
    select = _select(project, wanted, probes).limit(wanted.limit)
    with ExitStack() as opened:
        pages = [connection.execute(select.where(documents.c.state == str(state))) for state in wanted.states]
        for found in pages:
            opened.callback(found.close)
        yield from heapq.merge(*pages, key=_place, reverse=_SORT[wanted.order][1])


def _own(connection: Connection, wanted: Page) -> list[sa.ColumnElement[bool]]:
    """Conditions for one annotator's part, by the state in which they left a document: new if they have not."""
    me = connection.execute(sa.select(annotators.c.pk).where(annotators.c.name == wanted.own.strip())).scalar()
    key = -1 if me is None else int(me)
    mine = sa.exists().where(assignments.c.document_pk == documents.c.pk, assignments.c.annotator_pk == key)
    left = sa.select(heads.c.state).where(heads.c.document_pk == documents.c.pk, heads.c.annotator_pk == key)
    state = sa.func.coalesce(left.correlate(documents).scalar_subquery(), str(State.NEW))
    return [mine, state.in_([str(state) for state in wanted.states])]


def _fetched(
    connection: Connection,
    project: int,
    wanted: Page,
    probes: Sequence[sa.ColumnElement[bool]],
    keys: Sequence[int],
) -> Iterable[Row[Any]]:
    states = documents.c.state.in_([str(state) for state in wanted.states])
    select = _select(project, wanted, probes).where(_one_of(connection, keys), states)
    return connection.execute(select.limit(wanted.limit)).all()


def _streamed(
    connection: Connection, project: int, wanted: Page, probes: Sequence[sa.ColumnElement[bool]], driver: search.Hits
) -> Iterable[Row[Any]]:
    """Hits as the index gives them, each looked up at once, no further than the page needs. For SQLite."""
    assert driver.hits.whereclause is not None
    select = _select(project, replace(wanted, after=None), probes).where(
        # the sum keeps SQLite from going through the documents and looking each up among the hits
        documents.c.pk == driver.key + 0,
        driver.key > (wanted.after.position if wanted.after else 0),
        driver.hits.whereclause,
        documents.c.state.in_([str(state) for state in wanted.states]),
    )
    return connection.execute(select.order_by(None).order_by(driver.key).limit(wanted.limit))


def _select(project: int, wanted: Page, probes: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    column, falling = _SORT[wanted.order]
    conditions = [documents.c.project_pk == project, *probes]
    if wanted.min_suggested:
        conditions.append(documents.c.suggested >= wanted.min_suggested)
    if wanted.after is not None:
        conditions.append(_beyond(column, falling, wanted.after))
    state = resumed() if LEFT_OUT in wanted.states else documents.c.state
    order = [column.desc() if falling else column.asc()]
    if column is not documents.c.pk:
        order.append(documents.c.pk.desc() if falling else documents.c.pk.asc())
    return (
        sa.select(documents, annotators.c.name.label("annotator"), column.label("key"), state.label("resumed"))
        .outerjoin(annotators, annotators.c.pk == documents.c.annotator_pk)
        .where(*conditions)
        .order_by(*order)
    )


def _place(row: Row[Any]) -> tuple[Any, int]:
    return row.key, row.pk


def _one_of(connection: Connection, keys: Sequence[int]) -> sa.ColumnElement[bool]:
    """`pk IN keys`, with one parameter for all: a list of parameters would make another statement each time."""
    if connection.dialect.name == "sqlite":
        each = sa.func.json_each(json.dumps(list(keys))).table_valued("value")
        return documents.c.pk.in_(sa.select(each.c.value))
    return documents.c.pk == sa.func.any(sa.cast(list(keys), sa.ARRAY(sa.BigInteger)))


def place(row: Row[Any], order: Order) -> DocumentRow:
    """A document as the end of a page in `order`, to which its state is nothing."""
    return _to_row(row, State.NEW, "", row._mapping[_SORT[order][0].name])


def _beyond(column: sa.Column[Any], falling: bool, after: DocumentRow) -> sa.ColumnElement[bool]:
    if column is documents.c.pk:
        return documents.c.pk > after.position
    place = sa.tuple_(column, documents.c.pk)
    last = sa.tuple_(sa.literal(after.key, column.type), sa.literal(after.position))
    return place < last if falling else place > last


def _to_row(row: Row[Any], state: str, annotator: str, key: Any) -> DocumentRow:
    return DocumentRow(
        id=row.id,
        source=row.source,
        excerpt=row.excerpt,
        state=State(state),
        revisions=row.revisions,
        updated_at=row.updated_at if row.revisions else None,
        score=None if row.uncertainty < 0 else row.uncertainty,
        entities=row.entities,
        relations=row.relations,
        annotator=annotator,
        position=row.pk,
        key=key,
    )
