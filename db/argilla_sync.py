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
from db.argilla_store import DOCUMENTS, ArgillaStore, Form
from db.labels import Renames
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
        known = set(outbox.targets(connection, projects.find(connection, project)[0]))
    for argilla, _ in earlier(store, project, client):
        if argilla.target in known and argilla.find():
            yield argilla


def earlier(
    store: Store, project: str, client: ArgillaClient, form: Form = DOCUMENTS
) -> list[tuple[ArgillaStore, Renames]]:
    """The dataset that each earlier label set has on the server, if any, and what became of its labels since."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        labels = projects.load_labels(connection, pk)
        query = sa.select(label_sets.c.schema_sha256, label_sets.c.version).where(label_sets.c.project_pk == pk)
        rows = connection.execute(query.order_by(label_sets.c.version)).all()
        schemas = [(projects.load_schema(connection, row.schema_sha256), labels.since(row.version)) for row in rows]
    found = [(ArgillaStore(client, project, schema, form), renames) for schema, renames in schemas]
    # a label set that came back has one dataset: what became of its labels since it was there last
    datasets = {argilla.name: (argilla, renames) for argilla, renames in found}
    datasets.pop(ArgillaStore(client, project, labels.schema, form).name, None)
    return list(datasets.values())
