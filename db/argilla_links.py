"""Which projects are kept in Argilla as well, and in which of its workspaces.

A link is the newest line of the audit log about it, so that who made it and when is known, and nothing is stored
beside the log. Address and key are no part of a link: whoever runs the server sets both in its environment, and no
page can send the key anywhere else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from db import audit, projects
from db.store import Store
from db.tables import audit_log
from db.tables import projects as projects_table
from relex_core.errors import InputError, quote

LINKED, PARTED = "argilla linked", "argilla parted"


@dataclass(frozen=True, slots=True)
class Link:
    """One project that is kept in Argilla as well."""

    project: str
    workspace: str
    by: str
    at: datetime


def link(store: Store, project: str, workspace: str, by: str = "") -> Link:
    """Keep a project in a workspace from now on. Raises NotFound, InputError."""
    name = workspace.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise InputError(
            expected="the name of an Argilla workspace",
            found=quote(workspace),
            change="Choose a workspace of the server.",
            value=workspace,
        )
    now = store.now()
    with store.database.write() as connection:
        pk, _ = projects.find(connection, project)
        audit.write(connection, now, LINKED, pk, by, workspace=name)
    return Link(project, name, by, now)


def part(store: Store, project: str, by: str = "") -> None:
    """Keep a project here alone again. What Argilla has stays there. Raises NotFound."""
    with store.database.write() as connection:
        pk, _ = projects.find(connection, project)
        audit.write(connection, store.now(), PARTED, pk, by)


def links(store: Store) -> tuple[Link, ...]:
    """All links that hold, by project: that of an archived project rests until it is brought back."""
    last = (
        sa.select(sa.func.max(audit_log.c.pk))
        .where(audit_log.c.action.in_((LINKED, PARTED)))
        .group_by(audit_log.c.project_pk)
    )
    query = (
        sa.select(audit_log, projects_table.c.name)
        .join(projects_table, projects_table.c.pk == audit_log.c.project_pk)
        .where(audit_log.c.pk.in_(last), audit_log.c.action == LINKED, projects_table.c.archived_at.is_(None))
        .order_by(projects_table.c.name)
    )
    with store.database.read() as connection:
        rows = connection.execute(query).all()
    return tuple(Link(row.name, json.loads(row.detail)["workspace"], row.by, row.at) for row in rows)


def linked(store: Store, project: str) -> Link | None:
    """The link of one project, None if it is kept here alone or archived."""
    return next((found for found in links(store) if found.project == project), None)
