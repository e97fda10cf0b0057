"""Datasets of earlier label sets in Argilla: what is in them, and their removal once all answers are here.

A label set that changes becomes a new dataset there, and the one before stays: answers that are given to it count. It
goes only when an admin asks for that.
"""

from __future__ import annotations

from dataclasses import dataclass

from db import audit, documents, projects
from db.argilla_client import ArgillaClient
from db.argilla_fetching import Fetching, Synced
from db.argilla_records import Json
from db.argilla_store import ArgillaStore
from db.argilla_sync import older
from db.store import Store
from relex_core.errors import NotFound

DELETED = "argilla dataset deleted"


@dataclass(slots=True)
class Older:
    """A dataset of an earlier label set: its `records` and the `answers` to them, how many records hold something that
    is not here (an answer that could not be read, a record of no document), and whether it was deleted now."""

    name: str
    records: int = 0
    answers: int = 0
    uncollected: int = 0
    deleted: bool = False


def survey(store: Store, project: str, client: ArgillaClient, *, delete: bool = False, by: str = "") -> list[Older]:
    """All datasets of earlier label sets after their answers were fetched; with `delete`, those go in which everything
    is collected, record by record, each looked at directly before, and then the empty dataset. `by` is who asks, for
    the audit log. Raises as `sync` does."""
    return [_look(store, project, argilla, delete, by) for argilla in older(store, project, client)]


def _look(store: Store, project: str, argilla: ArgillaStore, delete: bool, by: str) -> Older:
    found = Older(argilla.name)
    fetching = Fetching(store, project, argilla, Synced())
    fetching.run(closed=True)
    known: dict[str, int] = {}
    for item in argilla.records():
        found.records += 1
        found.answers += len(item.get("responses") or ())
        document = _document(store, project, item)
        if document is None or not fetching.is_kept(item, document):
            found.uncollected += 1
        else:
            known[str(item["external_id"])] = document
    if not delete or found.uncollected:
        return found
    for name, document in known.items():
        found.uncollected += not fetching.take_away(document, name)
    # somebody may have put another record there meanwhile
    if not found.uncollected and next(argilla.records(), None) is None:
        argilla.client.call("DELETE", f"/datasets/{argilla.id}")
        found.deleted = True
        with store.database.write() as connection:
            pk, _ = projects.find(connection, project)
            audit.write(connection, store.now(), DELETED, pk, by, dataset=found.name, records=found.records)
    return found


def _document(store: Store, project: str, item: Json) -> int | None:
    """The key of the document that a record is of, None if it is of none that is here with this text."""
    id, _, hash = str(item.get("external_id") or "").rpartition(":")
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        try:
            row = documents.find(connection, pk, id)
        except NotFound:
            return None
    return int(row.pk) if row.sha256[:16] == hash else None
