"""Gold items: adjudicated documents that come up in a queue again, unannounced, and what people made of them.

A document is gold once the annotator `ADJUDICATOR` has a revision of it. Whoever meets it later works alone on it,
without seeing anybody's marks, and `saving` keeps the adjudicated version as the document's latest.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db import audit, projects
from db.documents import within
from db.store import Store
from db.tables import annotators, assignments, documents, heads, revisions
from db.values import ADJUDICATOR, FINISHED, State
from relex_core.errors import InputError

SHARE = 0.1
"""Share of gold items among the documents of a team's queue, unless another one was chosen."""

MOST = 0.5

_CHOSEN = "gold share chosen"


def share(store: Store, project: str) -> float:
    """Which share of a queue is gold: what was chosen last, else `SHARE` where a team shares the project, else 0."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        chosen = audit.last(connection, _CHOSEN, pk)
        if chosen is not None:
            return float(chosen["share"])
        team = sa.select(assignments.c.document_pk).join(documents, documents.c.pk == assignments.c.document_pk)
        return SHARE if connection.execute(team.where(documents.c.project_pk == pk).limit(1)).first() else 0.0


def choose_share(store: Store, project: str, wanted: float, by: str = "") -> None:
    """From now on this share of each queue is gold; 0 is none. Raises InputError and NotFound."""
    if not 0.0 <= wanted <= MOST:
        raise InputError(
            expected=f"a share between 0 and {MOST:.0%}",
            found=f"{wanted:.0%}",
            change="Choose a smaller share of gold items.",
            value=wanted,
        )
    with store.database.write() as connection:
        pk, _ = projects.lock(connection, project)
        audit.write(connection, store.now(), _CHOSEN, pk, by, share=wanted)


def items(store: Store, project: str) -> frozenset[str]:
    """Ids of the adjudicated documents."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        settled = _first_revisions(pk).where(annotators.c.name == ADJUDICATOR).subquery()
        query = sa.select(documents.c.id).join(settled, settled.c.document_pk == documents.c.pk)
        return frozenset(connection.scalars(query))


def coming_up(store: Store, project: str) -> frozenset[str]:
    """Ids of the adjudicated documents, none where no share of a queue is gold."""
    return items(store, project) if share(store, project) else frozenset()


def waiting(store: Store, project: str, annotator: str) -> tuple[str, ...]:
    """Ids of gold documents that this annotator neither helped to settle nor has finished, in an order of their own."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        first = _first(connection, pk)
        closed = {
            row.id
            for row in connection.execute(
                sa.select(documents.c.id)
                .join(heads, heads.c.document_pk == documents.c.pk)
                .join(annotators, annotators.c.pk == heads.c.annotator_pk)
                .where(
                    within(pk),
                    annotators.c.name == annotator.strip(),
                    heads.c.state.in_([str(state) for state in (*FINISHED, State.SKIPPED)]),
                )
            )
        }
    settled = {id: number for (id, name), number in first.items() if name == ADJUDICATOR}
    free = [id for id, number in settled.items() if first.get((id, annotator.strip()), number + 1) > number]
    return tuple(sorted((id for id in free if id not in closed), key=lambda id: _hash(f"{annotator}\n{id}")))


def due(annotator: str, position: int, share: float) -> bool:
    """Whether the annotator's document at `position`, counted from 0, is to be gold: one in each run of 1 / `share`,
    at a place in it that nobody can foresee and that is the same after a reload."""
    if share <= 0.0:
        return False
    run = max(2, round(1 / share))
    block, at = divmod(position, run)
    return at == _hash(f"{annotator}\n{block}") % run


def keep(store: Store, project: str, document: str) -> None:
    """Make the adjudicated version the latest again, after suggestions were accepted in bulk: that reopens no case.

    Against those who began after adjudication `saving` keeps it by itself. Who helped to settle it reopens it by a
    correction of their own alone.
    """
    latest = store.latest(project, document)
    if latest is not None and latest.annotator != ADJUDICATOR:
        store.set_state(project, document, State.SUBMITTED, annotator=ADJUDICATOR, note="gold, kept")


def attempts(store: Store, project: str) -> tuple[tuple[str, str], ...]:
    """(document id, annotator) of everybody who finished a document that was gold before they began it."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        first = _first(connection, pk)
        query = (
            sa.select(documents.c.id, annotators.c.name)
            .join(heads, heads.c.document_pk == documents.c.pk)
            .join(annotators, annotators.c.pk == heads.c.annotator_pk)
            .where(within(pk), heads.c.state.in_([str(state) for state in FINISHED]))
            .order_by(documents.c.pk, annotators.c.name)
        )
        finished = [(row.id, row.name) for row in connection.execute(query)]
    return tuple(
        (id, name) for id, name in finished if (id, ADJUDICATOR) in first and first[id, name] > first[id, ADJUDICATOR]
    )


def _first(connection: Connection, project: int) -> dict[tuple[str, str], int]:
    """(document id, annotator) -> number of the annotator's first revision, of documents that were adjudicated."""
    settled = _first_revisions(project).where(annotators.c.name == ADJUDICATOR).subquery()
    query = _first_revisions(project).join(settled, settled.c.document_pk == revisions.c.document_pk)
    query = query.add_columns(documents.c.id).group_by(documents.c.id)
    return {(row.id, row.name): row.number for row in connection.execute(query)}


def _first_revisions(project: int) -> sa.Select[tuple[int, str, int]]:
    return (
        sa.select(revisions.c.document_pk, annotators.c.name, sa.func.min(revisions.c.number).label("number"))
        .select_from(revisions)
        .join(annotators, annotators.c.pk == revisions.c.annotator_pk)
        .join(documents, documents.c.pk == revisions.c.document_pk)
        .where(within(project))
        .group_by(revisions.c.document_pk, annotators.c.name)
    )


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
