"""Who annotates which document: each one's part, and the documents that two people get for agreement.

A document goes to the person whose hash with it is lowest (rendezvous hashing, Thaler and Ravishankar 1998), so
that a new colleague takes over documents and nobody else's change hands.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db import audit, projects
from db.documents import within
from db.store import Store
from db.tables import annotators, assignments, documents, heads
from db.values import LEFT_OUT, State
from relex_core.errors import InputError


def people(document: str, team: Sequence[str], overlap: float) -> tuple[str, ...]:
    """Whose a document is: one person's, and for a share `overlap` of all documents a second one's too."""
    ranked = sorted(team, key=lambda name: _hash(f"{name}\n{document}"))
    return tuple(ranked[: 2 if _hash(f"overlap\n{document}") < overlap else 1])


def share(store: Store, project: str, team: Sequence[str], overlap: float, by: str = "") -> None:
    """Give every document of the project to one or two of the team, in place of what was. Raises InputError."""
    names = list(dict.fromkeys(name.strip() for name in team if name.strip()))
    if len(names) < 2:
        raise InputError(
            expected="at least two names",
            found=str(len(names)),
            change="Write the names with commas between them.",
            value=tuple(team),
        )
    with store.database.write() as connection:
        pk, _ = projects.lock(connection, project)
        _clear(connection, pk)
        _assign(connection, pk, names, overlap, store)
        audit.write(connection, store.now(), "documents shared out", pk, by, team=names, overlap=overlap)


def stop(store: Store, project: str, by: str = "") -> None:
    """Every document is everybody's again. What was annotated stays."""
    with store.database.write() as connection:
        pk, _ = projects.lock(connection, project)
        _clear(connection, pk)
        audit.write(connection, store.now(), "sharing ended", pk, by)


def complete(store: Store, project: str) -> None:
    """Share out documents that were added since, with the same overlap."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        team = _team(connection, pk)
        if not team or connection.execute(_unassigned(pk).limit(1)).first() is None:
            return
    with store.database.write() as connection:
        pk, _ = projects.lock(connection, project)
        counted = sa.select(sa.func.count().label("people")).select_from(assignments)
        counted = counted.join(documents, documents.c.pk == assignments.c.document_pk)
        each = counted.where(documents.c.project_pk == pk).group_by(assignments.c.document_pk).subquery()
        mean = connection.execute(sa.select(sa.func.avg(each.c.people))).scalar() or 1
        _assign(connection, pk, [name for name, _ in team], float(mean) - 1, store)


def team(store: Store, project: str) -> tuple[tuple[str, int], ...]:
    """The people among whom the project is shared out, with how many documents each has; empty if it is not."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        return _team(connection, pk)


def of(store: Store, project: str, annotator: str) -> frozenset[str]:
    """Ids of the documents that are the annotator's."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        query = (
            sa.select(documents.c.id)
            .join(assignments, assignments.c.document_pk == documents.c.pk)
            .join(annotators, annotators.c.pk == assignments.c.annotator_pk)
            .where(within(pk), annotators.c.name == annotator.strip())
        )
        return frozenset(connection.scalars(query))


def counts(store: Store, project: str, annotator: str) -> Counter[State]:
    """How many of the annotator's documents they left in which state, those that they never saved being new. Raises
    NotFound."""
    state = sa.func.coalesce(heads.c.state, str(State.NEW))
    own = sa.and_(heads.c.document_pk == assignments.c.document_pk, heads.c.annotator_pk == assignments.c.annotator_pk)
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        query = (
            sa.select(state, sa.func.count())
            .select_from(assignments)
            .join(documents, documents.c.pk == assignments.c.document_pk)
            .join(annotators, annotators.c.pk == assignments.c.annotator_pk)
            .outerjoin(heads, own)
            .where(within(pk), annotators.c.name == annotator.strip())
            .group_by(state)
        )
        return Counter({State(name): number for name, number in connection.execute(query)})


def _team(connection: Connection, project: int) -> tuple[tuple[str, int], ...]:
    # who has nothing but what is left out is in the team all the same
    query = (
        sa.select(annotators.c.name, sa.func.count().filter(documents.c.state != LEFT_OUT))
        .join(assignments, assignments.c.annotator_pk == annotators.c.pk)
        .join(documents, documents.c.pk == assignments.c.document_pk)
        .where(documents.c.project_pk == project)
        .group_by(annotators.c.name)
        .order_by(annotators.c.name)
    )
    return tuple((name, int(count)) for name, count in connection.execute(query))


def _unassigned(project: int) -> sa.Select[tuple[int, str]]:
    there = sa.select(assignments.c.document_pk).where(assignments.c.document_pk == documents.c.pk)
    return sa.select(documents.c.pk, documents.c.id).where(within(project), ~there.exists())


def _assign(connection: Connection, project: int, names: Sequence[str], overlap: float, store: Store) -> None:
    now = store.now()
    keys = {name: projects.annotator(connection, name, now) for name in names}
    rows = [
        {"document_pk": row.pk, "annotator_pk": keys[name], "assigned_at": now}
        for row in connection.execute(_unassigned(project)).all()
        for name in people(row.id, names, overlap)
    ]
    for at in range(0, len(rows), 5000):
        connection.execute(assignments.insert(), rows[at : at + 5000])


def _clear(connection: Connection, project: int) -> None:
    mine = sa.select(documents.c.pk).where(documents.c.project_pk == project)
    connection.execute(assignments.delete().where(assignments.c.document_pk.in_(mine)))


def _hash(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48
