"""Datasets of earlier label sets in Argilla: what is in them, and their removal once all answers are here.

A label set that changes becomes a new dataset there, and the one before stays: answers that are given to it count. It
goes only when an admin asks for that. So it is with the dataset in which relations are reviewed (`argilla_review`).
"""

from __future__ import annotations

from dataclasses import dataclass

from db import audit, documents, outbox, projects
from db.argilla_client import ArgillaClient
from db.argilla_fetching import Fetching, Synced
from db.argilla_records import Json
from db.argilla_review import REVIEW, fold_older, is_folded
from db.argilla_store import ArgillaStore
from db.argilla_sync import earlier, older
from db.labels import Renames
from db.store import Store

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
    found = [_look(store, project, argilla, delete, by) for argilla in older(store, project, client)]
    # nothing here says whether there are any: the server is asked
    for argilla, renames in earlier(store, project, client, REVIEW):
        if argilla.find():
            found.append(_look_review(store, project, argilla, renames, delete, by))
    return found


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
    _remove(store, project, argilla, found, by)
    return found


def _look_review(store: Store, project: str, argilla: ArgillaStore, renames: Renames, delete: bool, by: str) -> Older:
    found = Older(argilla.name)
    fold_older(store, project, argilla, renames)
    names: list[str] = []
    for item in argilla.records():
        names.append(str(item.get("external_id")))
        found.records += 1
        found.answers += len(item.get("responses") or ())
        found.uncollected += not is_folded(store, project, argilla, item)
    if not delete or found.uncollected:
        return found
    for name in names:
        # each directly before it goes, as `Fetching.take_away` does
        for item in argilla.these([name]):
            if is_folded(store, project, argilla, item):
                argilla.client.call("DELETE", f"/datasets/{argilla.id}/records", ids=str(item["id"]))
            else:
                found.uncollected += 1
    _remove(store, project, argilla, found, by)
    return found


def _remove(store: Store, project: str, argilla: ArgillaStore, found: Older, by: str) -> None:
    """Delete a dataset whose records are gone."""
    # somebody may have put another record there meanwhile
    if found.uncollected or next(argilla.records(), None) is not None:
        return
    argilla.client.call("DELETE", f"/datasets/{argilla.id}")
    found.deleted = True
    with store.database.write() as connection:
        pk, _ = projects.find(connection, project)
        outbox.forget_target(connection, argilla.target)
        audit.write(connection, store.now(), DELETED, pk, by, dataset=found.name, records=found.records)


def _document(store: Store, project: str, item: Json) -> int | None:
    """The key of the document that a record is of, None if it is of none that is here with this text."""
    id, _, hash = str(item.get("external_id") or "").rpartition(":")
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        row = documents.look_up(connection, pk, id)
    return int(row.pk) if row is not None and row.sha256[:16] == hash else None
