"""The audit log, and the records of exports and checkpoints: who did what, apart from the revisions themselves."""

from __future__ import annotations

import csv
import getpass
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db.formats.csv_files import neutral
from db.formats.files import text_writer
from db.projects import find, insert_new
from db.tables import audit_log, projects, snapshots
from db.tables import checkpoints as checkpoints_table
from db.values import CheckpointRecord, Event, Export

if TYPE_CHECKING:
    from db.store import Store

BATCH = 1_000
"""Lines that are read at once for a table of all."""

VALUES = 1_000
"""People or actions that are told apart."""


def write(
    connection: Connection, now: datetime, action: str, project: int | None = None, by: str = "", **detail: Any
) -> None:
    """Add a line; `detail` holds plain JSON values and never a secret."""
    row = {
        "project_pk": project,
        "at": now,
        "by": by,
        "action": action,
        "detail": json.dumps(detail, ensure_ascii=False),
    }
    connection.execute(audit_log.insert(), row)


def system_user() -> str:
    """The name that the system has for whoever runs a command; "" if it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # as in a container, under a number alone
        return ""


def events(
    store: Store,
    project: str | None = None,
    limit: int = 200,
    *,
    by: str | None = None,
    action: str | None = None,
    before: int | None = None,
) -> tuple[Event, ...]:
    """The last `limit` lines, newest first: of a project, a person or an action alone where one is named, and those
    `before` a number alone, which is how a page follows another. Raises NotFound."""
    with store.database.read() as connection:
        query = _newest_first(by, action, before)
        if project is not None:
            query = query.where(audit_log.c.project_pk == find(connection, project)[0])
        return tuple(_event(row) for row in connection.execute(query.limit(limit)))


def last(
    connection: Connection, action: str, project: int | None = None, by: str | None = None
) -> Mapping[str, Any] | None:
    """The particulars of the last line with that action, of a project or a person where one is named; None if there is
    none. What was chosen last holds."""
    query = sa.select(audit_log.c.detail).where(audit_log.c.action == action)
    wanted = ((audit_log.c.project_pk, project), (audit_log.c.by, by))
    query = query.where(*(column == value for column, value in wanted if value is not None))
    detail = connection.execute(query.order_by(audit_log.c.pk.desc()).limit(1)).scalar()
    found: Mapping[str, Any] | None = None if detail is None else json.loads(detail)
    return found


def people(store: Store) -> tuple[str, ...]:
    """Whoever is named in the log, "" among them where nobody was."""
    return _values(store, audit_log.c.by)


def actions(store: Store) -> tuple[str, ...]:
    """Whatever was done so far."""
    return _values(store, audit_log.c.action)


COLUMNS = ("number", "at", "by", "action", "project", "detail")


def write_csv(store: Store, path: Path, *, by: str | None = None, action: str | None = None) -> int:
    """The lines as a table, newest first, however many there are; their number. No cell is a formula, times are UTC in
    ISO 8601, particulars are JSON. Raises StoreError if the disk refuses."""
    number, before = 0, None
    with store.database.explained(), text_writer(path) as file:
        rows = csv.writer(file, quoting=csv.QUOTE_ALL)
        rows.writerow(COLUMNS)
        while part := events(store, limit=BATCH, by=by, action=action, before=before):
            for event in part:
                detail = json.dumps(event.detail, ensure_ascii=False)
                cells = (event.at.isoformat(), event.by, event.action, event.project, detail)
                rows.writerow([event.number, *(neutral(cell) for cell in cells)])
            number, before = number + len(part), part[-1].number
    return number


def _newest_first(by: str | None, action: str | None, before: int | None) -> sa.Select[Any]:
    query = sa.select(audit_log, projects.c.name).outerjoin(projects, projects.c.pk == audit_log.c.project_pk)
    wanted = ((audit_log.c.by, by), (audit_log.c.action, action))
    query = query.where(*(column == value for column, value in wanted if value is not None))
    if before is not None:
        query = query.where(audit_log.c.pk < before)
    return query.order_by(audit_log.c.pk.desc())


def _event(row: sa.Row[Any]) -> Event:
    return Event(row.pk, row.at, row.by, row.action, row.name or "", json.loads(row.detail))


def _values(store: Store, column: sa.Column[str]) -> tuple[str, ...]:
    """All values of a column, each found in its index from the one before: the lines between are not looked at."""
    found: list[str] = []
    with store.database.read() as connection:
        while len(found) < VALUES:
            query = sa.select(column).order_by(column).limit(1)
            value = connection.execute(query.where(column > found[-1]) if found else query).scalar()
            if value is None:
                break
            found.append(str(value))
    return tuple(found)


def record_export(
    connection: Connection, now: datetime, project: int, manifest: Mapping[str, Any], by: str = ""
) -> None:
    """Remember a snapshot that was written."""
    about = {name: manifest[name] for name in ("file", "format", "sha256")}
    text = json.dumps(manifest, ensure_ascii=False)
    connection.execute(snapshots.insert(), {"project_pk": project, "manifest": text, "written_at": now, **about})
    write(connection, now, "exported", project, by, **about)


def exports(store: Store, project: str) -> tuple[Export, ...]:
    """The snapshots of a project, newest first. Raises NotFound."""
    with store.database.read() as connection:
        pk, _ = find(connection, project)
        query = sa.select(snapshots).where(snapshots.c.project_pk == pk).order_by(snapshots.c.pk.desc())
        return tuple(
            Export(row.file, row.format, row.sha256, row.written_at, json.loads(row.manifest))
            for row in connection.execute(query)
        )


def record_checkpoint(store: Store, record: CheckpointRecord, by: str = "") -> None:
    """Remember a trained checkpoint; the same version a second time changes nothing."""
    with store.database.write() as connection:
        row = {
            "version": record.version,
            "path": record.path,
            "base": record.base,
            "snapshot_sha256": record.snapshot_sha256,
            "scores": json.dumps(dict(record.scores), ensure_ascii=False),
            "made_at": record.made_at,
        }
        if insert_new(connection, checkpoints_table, row):
            write(connection, store.now(), "checkpoint trained", None, by, version=record.version, base=record.base)


def checkpoints(store: Store) -> tuple[CheckpointRecord, ...]:
    """All recorded checkpoints, newest first."""
    with store.database.read() as connection:
        rows = connection.execute(sa.select(checkpoints_table).order_by(checkpoints_table.c.pk.desc()))
        return tuple(
            CheckpointRecord(row.version, row.path, row.base, row.snapshot_sha256, json.loads(row.scores), row.made_at)
            for row in rows
        )


CHOSEN = "checkpoint chosen"
"""The action of whoever made a checkpoint the one that everybody begins with; the last one holds."""


def choose_checkpoint(store: Store, name: str, by: str = "") -> None:
    """From now on everybody begins with this checkpoint."""
    with store.database.write() as connection:
        write(connection, store.now(), CHOSEN, None, by, name=name)


def chosen_checkpoint(store: Store) -> str:
    """The checkpoint that was last chosen for everybody, "" if none was."""
    with store.database.read() as connection:
        return str((last(connection, CHOSEN) or {}).get("name", ""))
