"""Who is to annotate what: documents dealt out evenly to people, some of them to several.

Each function is one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db import audit, projects
from db.projects import annotator as annotator_
from db.store import Store
from db.tables import annotators, assignments, documents, heads
from db.values import State
from relex_core.errors import InputError

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Task:
    """A document that somebody is to annotate, and how far this person (not others) is with it."""

    document: str
    state: State
    position: int


def assign(
    store: Store,
    project: str,
    people: Sequence[str],
    *,
    overlap: int = 1,
    share: float = 1.0,
    states: Iterable[State] = (State.NEW,),
    by: str = "",
) -> dict[str, int]:
    """Deal out the documents in these states; how many each person got.

    Each document goes to one person, and a share of them, chosen by chance but always the same, to `overlap`
    people. Documents that were dealt out before count, and only what is missing is added. Raises NotFound and
    InputError.
    """
    if not people or not 1 <= overlap <= len(set(people)) or not 0 <= share <= 1:
        raise InputError(
            expected="people, an overlap between 1 and their number, and a share between 0 and 1",
            found=f"{len(set(people))} people, overlap {overlap}, share {share}",
            change="Name more people or choose a smaller overlap.",
        )
    with store.database.write() as connection:
        pk, _ = projects.lock(connection, project)
        keys = {annotator_(connection, name, store.now()): name for name in people}
        load: Counter[int] = Counter(dict.fromkeys(keys, 0))
        load.update(_loads(connection, pk))
        got = _deal(connection, pk, keys, load, overlap, share, [str(state) for state in states], store.now())
        audit.write(connection, store.now(), "documents assigned", pk, by, people=list(people), overlap=overlap)
        return {name: got[key] for key, name in keys.items()}


def tasks(
    store: Store,
    project: str,
    person: str,
    *,
    states: Iterable[State] = (State.NEW, State.IN_PROGRESS),
    limit: int = 50,
    after: Task | None = None,
) -> tuple[Task, ...]:
    """One page of the documents assigned to a person that this person left in one of these states, in file order."""
    state = sa.func.coalesce(heads.c.state, str(State.NEW))
    query = (
        sa.select(documents.c.pk, documents.c.id, state.label("state"))
        .select_from(assignments)
        .join(annotators, annotators.c.pk == assignments.c.annotator_pk)
        .join(documents, documents.c.pk == assignments.c.document_pk)
        .outerjoin(
            heads,
            (heads.c.document_pk == assignments.c.document_pk) & (heads.c.annotator_pk == assignments.c.annotator_pk),
        )
        .where(annotators.c.name == person.strip(), state.in_([str(s) for s in states]))
        .where(assignments.c.document_pk > (after.position if after else 0))
        .order_by(assignments.c.document_pk)
        .limit(limit)
    )
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        found = connection.execute(query.where(documents.c.project_pk == pk)).all()
    return tuple(Task(row.id, State(row.state), row.pk) for row in found)


def people_of(store: Store, project: str, document: str) -> tuple[str, ...]:
    """To whom a document is assigned, by name."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        query = (
            sa.select(annotators.c.name)
            .join(assignments, assignments.c.annotator_pk == annotators.c.pk)
            .join(documents, documents.c.pk == assignments.c.document_pk)
            .where(documents.c.project_pk == pk, documents.c.id == document)
        )
        return tuple(connection.scalars(query.order_by(annotators.c.name)).all())


def _loads(connection: Connection, project: int) -> dict[int, int]:
    query = (
        sa.select(assignments.c.annotator_pk, sa.func.count())
        .join(documents, documents.c.pk == assignments.c.document_pk)
        .where(documents.c.project_pk == project)
        .group_by(assignments.c.annotator_pk)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _deal(
    connection: Connection,
    project: int,
    people: dict[int, str],
    load: Counter[int],
    overlap: int,
    share: float,
    states: list[str],
    now: datetime,
) -> Counter[int]:
    got: Counter[int] = Counter()
    at = 0
    while True:
        query = sa.select(documents.c.pk, documents.c.shuffle).where(
            documents.c.project_pk == project, documents.c.state.in_(states), documents.c.pk > at
        )
        page = connection.execute(query.order_by(documents.c.pk).limit(BATCH)).all()
        if not page:
            return got
        keys = [row.pk for row in page]
        has: dict[int, set[int]] = {}
        there = sa.select(assignments.c.document_pk, assignments.c.annotator_pk)
        for document, person in connection.execute(there.where(assignments.c.document_pk.in_(keys))):
            has.setdefault(document, set()).add(person)
        rows: list[dict[str, Any]] = []
        for row in page:
            mine = has.get(row.pk, set())
            wanted = (overlap if row.shuffle < share else 1) - len(mine)
            free = sorted((person for person in people if person not in mine), key=lambda person: load[person])
            for person in free[: max(wanted, 0)]:
                rows.append({"document_pk": row.pk, "annotator_pk": person, "assigned_at": now})
                load[person] += 1
                got[person] += 1
        if rows:
            connection.execute(assignments.insert(), rows)
        at = keys[-1]
