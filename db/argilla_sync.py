"""Bring a project and its Argilla datasets to the same state: fetch what people answered there, then send ours.

Fetching comes first, and again for the records concerned before answers are sent, so that an answer that is not in
our history yet is not overwritten. If both sides changed one answer, both become revisions: theirs first, ours after
it, and ours is sent. The server takes no condition for replacing an answer, so a window stays: what somebody answers
there between that second look and the sending of the same part (at most `argilla_sending.TOGETHER` answers, a few
seconds) is overwritten by ours. In the same way an answer is lost that is given in the milliseconds between the last
look at a record and its removal, where its document is left out or its dataset is deleted (`argilla_older`).
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from db import outbox, projects
from db.argilla_client import ArgillaClient, ArgillaSettings
from db.argilla_fetching import Fetching, Synced
from db.argilla_sending import Sending
from db.argilla_store import ArgillaStore
from db.outbox import Waiting
from db.store import Store
from db.tables import label_sets
from relex_core.types import Thresholds

__all__ = ["Synced", "sync", "waiting"]


def waiting(store: Store, project: str, settings: ArgillaSettings) -> Waiting:
    """What the server still has to get; asks the database only. Raises NotFound."""
    about = store.project(project)
    target = ArgillaStore(ArgillaClient(settings, ""), project, about.schema).target
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        return outbox.waiting(connection, pk, target)


def sync(
    store: Store, project: str, client: ArgillaClient, thresholds: Thresholds | None = None, *, retry: bool = False
) -> Synced:
    """One round in both directions. What is done stays done if the server goes away in between: then ServerDown is
    raised and the next round goes on. `retry` sends failed ones now. Raises NotFound, StoreError or SchemaError."""
    done = Synced()
    schema = store.project(project).schema
    for old in older(store, project, client):
        Fetching(store, project, old, done).run(closed=True)
        done.older.append(old.name)
    argilla = ArgillaStore(client, project, schema)
    argilla.open()
    if retry:
        with store.database.write() as connection:
            outbox.retry_now(connection, argilla.target)
    fetching = Fetching(store, project, argilla, done)
    fetching.run()
    sending = Sending(store, project, argilla, thresholds or Thresholds(), fetching)
    sending.left_out()
    sending.records()
    sending.answers()
    return done


def older(store: Store, project: str, client: ArgillaClient) -> Iterator[ArgillaStore]:
    """Datasets of earlier label sets that something was sent to: their answers count as well."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        known = set(outbox.targets(connection, pk))
        present = projects.load_labels(connection, pk).schema
        query = sa.select(label_sets.c.schema_sha256).where(label_sets.c.project_pk == pk)
        schemas = [projects.load_schema(connection, hash) for hash in connection.scalars(query)]
    newest = ArgillaStore(client, project, present).target
    stores = {store_.target: store_ for store_ in (ArgillaStore(client, project, schema) for schema in schemas)}
    for target, argilla in stores.items():
        if target != newest and target in known and argilla.find():
            yield argilla
