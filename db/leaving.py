"""Documents that are left out of their project, projects that are archived, and the way back.

Nothing is removed: texts, revisions and extractions stay where they are, and whatever else is saved of a document that
is left out is kept with them. It is in no queue, figure, export or graph until somebody brings it back, and in no queue
of an Argilla server either once that has been brought into step.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db import audit, projects
from db.documents import BATCH, count, locked, resumed
from db.store import Store
from db.tables import audit_log, counters, documents
from db.tables import projects as projects_table
from db.values import LEFT_OUT, State

LEFT, BACK = "documents left out", "documents brought back"


def leave_out(store: Store, project: str, ids: Sequence[str], by: str = "") -> tuple[str, ...]:
    """Leave these documents out of the project, some hundred to a transaction; those that were not before. `by` is who
    does it, for the audit log. Raises NotFound if there is no such project; ids that it lacks are passed over."""
    return _move(store, project, ids, LEFT, by)


def bring_back(store: Store, project: str, ids: Sequence[str], by: str = "") -> tuple[str, ...]:
    """The opposite: each comes back in the state of its latest revision."""
    return _move(store, project, ids, BACK, by)


def number(store: Store, project: str) -> int:
    """How many documents are left out of the project. Raises NotFound."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        held = sa.select(counters.c.documents).where(counters.c.project_pk == pk, counters.c.state == LEFT_OUT)
        return int(connection.execute(held).scalar_one())


def is_left_out(store: Store, project: str, document_id: str) -> bool:
    """Whether the project has this document and it is left out. Raises NotFound if there is no such project."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        mine = documents.c.project_pk == pk, documents.c.id == document_id
        return connection.execute(sa.select(documents.c.state).where(*mine)).scalar() == LEFT_OUT


def stamp(connection: Connection, project: int) -> int:
    """Changes whenever other documents of the project are left out than before: how many lines of the log say so."""
    # not the last of their keys: those are given before the commit
    said = sa.select(sa.func.count()).where(audit_log.c.project_pk == project, audit_log.c.action.in_([LEFT, BACK]))
    return int(connection.execute(said).scalar_one())


def archive(store: Store, project: str, by: str = "") -> None:
    """Take the project out of all lists; whoever knows its name still has all of it. Raises NotFound."""
    _set_archived(store, project, store.now(), "project archived", by)


def unarchive(store: Store, project: str, by: str = "") -> None:
    """Put an archived project back into the lists. Raises NotFound."""
    _set_archived(store, project, None, "project brought back", by)


def is_archived(store: Store, project: str) -> bool:
    """Whether the project is out of the lists. Raises NotFound if there is none of that name."""
    return worked_with(store, project) is None


def worked_with(store: Store, project: str) -> int | None:
    """The version of the project's label set, None if the project is archived: one look for what asks at each document.
    Raises NotFound."""
    with store.database.read() as connection:
        pk, version = projects.find(connection, project)
        archived_at = sa.select(projects_table.c.archived_at).where(projects_table.c.pk == pk)
        return version if connection.execute(archived_at).scalar() is None else None


def _set_archived(store: Store, project: str, at: datetime | None, action: str, by: str) -> None:
    with store.database.write() as connection:
        pk, _ = projects.lock(connection, project)
        there = projects_table.c.archived_at
        changes = projects_table.c.pk == pk, there.is_not(None) if at is None else there.is_(None)
        if connection.execute(projects_table.update().where(*changes).values(archived_at=at)).rowcount:
            audit.write(connection, store.now(), action, pk, by)


def _move(store: Store, project: str, ids: Sequence[str], action: str, by: str) -> tuple[str, ...]:
    moved: list[str] = []
    for at in range(0, len(ids), BATCH):
        with store.database.write() as connection:
            pk, _ = projects.find(connection, project)
            found = _batch(connection, pk, ids[at : at + BATCH], action, by, store)
        moved += found
    return tuple(moved)


def _batch(
    connection: Connection, project: int, ids: Sequence[str], action: str, by: str, store: Store
) -> tuple[str, ...]:
    out = documents.c.state == LEFT_OUT
    query = sa.select(documents.c.pk, documents.c.id, documents.c.state).where(
        documents.c.project_pk == project, documents.c.id.in_(ids), ~out if action == LEFT else out
    )
    rows = connection.execute(locked(query.order_by(documents.c.pk))).all()
    if not rows:
        return ()
    mine = documents.c.pk.in_([row.pk for row in rows])
    connection.execute(documents.update().where(mine).values(state=LEFT_OUT if action == LEFT else resumed()))
    change = dict.fromkeys((*State, LEFT_OUT), 0)
    for row in rows:
        change[row.state] -= 1
    for state in connection.scalars(sa.select(documents.c.state).where(mine)):
        change[state] += 1
    moved = tuple(row.id for row in rows)
    audit.write(connection, store.now(), action, project, by, documents=len(moved), ids=moved)
    count(connection, project, change)
    return moved
