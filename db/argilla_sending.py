"""To Argilla: documents with suggestions, then the newest decisions of each annotator. Records of documents that are
left out of the project are taken away there, and sent again, with their answers, when they are back.

Sending a document leaves the answers to it alone. Sending an answer replaces the one that is there: see `argilla_sync`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from db import documents, extractions, outbox, projects, revisions
from db.argilla_client import PAGE
from db.argilla_fetching import Fetching
from db.argilla_records import STATUS, Json, answer_hash, external_id, record, record_hash, shown, values
from db.argilla_store import ArgillaStore, Sent
from db.outbox import RECORD
from db.store import Store
from db.tables import documents as documents_table
from db.tables import heads
from relex_core.errors import StoreError, quote
from relex_core.types import Thresholds

TOGETHER = 100
"""Answers that are looked at and then sent: few, so that little time lies between."""


@dataclass(slots=True)
class Sending:
    """One round of deliveries, after `fetching`, which looks again before answers are sent. Answers that it could not
    read are left alone."""

    store: Store
    project: str
    argilla: ArgillaStore
    thresholds: Thresholds
    fetching: Fetching

    def records(self) -> None:
        """Documents with what the model suggests for them."""
        at = 0
        while True:
            with self.store.database.read() as connection:
                pk, _ = projects.find(connection, self.project)
                labels = projects.load_labels(connection, pk)
                query = outbox.due_records(pk, self.argilla.target, self.store.now())
                rows = connection.execute(query.where(documents_table.c.pk > at).limit(PAGE)).all()
                items = [(row, self._record(connection, labels, row)) for row in rows]
            if not items:
                return
            at = rows[-1].pk
            refused = {r.record: r.error for r in self.argilla.put_records([item for _, item in items])}
            with self.store.database.write() as connection:
                for row, item in items:
                    self._note(
                        connection, row, RECORD, row.version, refused.get(item["external_id"]), record_hash(item)
                    )
            self.fetching.done.records += len(items) - len(refused)

    def _record(self, connection: Connection, labels: projects.LabelSet, row: Row[Any]) -> Json:
        document = documents.load(connection, row)
        extraction = extractions.latest(connection, labels, row)
        if extraction is not None:
            extraction = shown(extraction, self.thresholds, self.argilla.schema)
        return record(document, extraction, self.argilla.schema, self.argilla.questions)

    def left_out(self) -> None:
        """Take away the records of documents that are left out, so that they are in nobody's queue there either. What
        was answered to them is fetched first; a record with an answer that could not be read stays."""
        with self.store.database.read() as connection:
            pk, _ = projects.find(connection, self.project)
            rows = connection.execute(outbox.left_out(pk)).all()
        for row in rows:
            name = f"{row.id}:{row.sha256[:16]}"
            if name in self.argilla.ids and not any(document == row.pk for document, _ in self.fetching.unread):
                self.fetching.take_away(row.pk, name)

    def answers(self) -> None:
        """The newest decisions of each annotator, in the name of the Argilla user who is called the same."""
        at = (0, 0)
        while True:
            with self.store.database.read() as connection:
                rows = self._due(connection, at)
            if not rows:
                return
            self._look_again(rows)
            last = (rows[-1].pk, rows[-1].by)
            with self.store.database.read() as connection:
                pk, _ = projects.find(connection, self.project)
                labels = projects.load_labels(connection, pk)
                looked = {(row.pk, row.by) for row in rows}
                due = [row for row in self._due(connection, at, last) if (row.pk, row.by) in looked]
                ready = [(row, self._answer(connection, labels, row)) for row in due]
            at = last
            sent = [(row, item) for row, item in ready if isinstance(item, Sent)]
            refused = {r.record: r.error for r in self.argilla.put_answers([item for _, item in sent])}
            with self.store.database.write() as connection:
                for row, item in sent:
                    hash = answer_hash(item.status, item.values)
                    self._note(connection, row, row.by, str(row.revision_pk), refused.get(item.record), hash)
                for row, unsendable in ready:
                    if isinstance(unsendable, StoreError):
                        self._note(connection, row, row.by, "", unsendable)
            self.fetching.done.answers += sum(item.record not in refused for _, item in sent)

    def _due(
        self, connection: Connection, after: tuple[int, int], last: tuple[int, int] | None = None
    ) -> Sequence[Row[Any]]:
        """Answers that wait, by document and annotator, behind `after`: the next few, or all up to `last`."""
        pk, _ = projects.find(connection, self.project)
        query = outbox.due_answers(pk, self.argilla.target, self.store.now())
        place = sa.tuple_(heads.c.document_pk, heads.c.annotator_pk)
        query = query.where(heads.c.document_pk >= after[0], place > sa.tuple_(*map(sa.literal, after)))
        if last is None:
            return connection.execute(query.limit(TOGETHER)).all()
        query = query.where(heads.c.document_pk <= last[0], place <= sa.tuple_(*map(sa.literal, last)))
        return connection.execute(query).all()

    def _look_again(self, rows: Sequence[Row[Any]]) -> None:
        """What the same people answered to the same records since they were fetched becomes revisions first."""
        users: dict[str, set[str]] = {}
        for row in rows:
            if (row.pk, row.annotator) not in self.fetching.unread:
                users.setdefault(f"{row.id}:{row.sha256[:16]}", set()).add(row.annotator)
        for item in self.argilla.these(users):
            self.fetching.again(item, users[item["external_id"]])

    def _answer(self, connection: Connection, labels: projects.LabelSet, row: Row[Any]) -> Sent | StoreError | None:
        if (row.pk, row.annotator) in self.fetching.unread:
            return None
        if row.annotator not in self.argilla.users:
            return StoreError(
                expected=f"an Argilla user named {quote(row.annotator)}",
                found="none that the key can see",
                change="Make a user of that name in Argilla, with access to the workspace, and send again.",
                value=row.annotator,
            )
        document = documents.load(connection, row)
        head = revisions.head(connection, row.pk, row.annotator)
        assert head is not None
        revision = revisions.read(connection, labels, head, document)
        user = self.argilla.users[row.annotator]
        return Sent(external_id(document), user, STATUS[revision.state], values(revision.annotation))

    def _note(
        self, connection: Connection, row: Row[Any], by: int, version: str, error: StoreError | None, hash: str = ""
    ) -> None:
        target, now = self.argilla.target, self.store.now()
        if error is None:
            outbox.acknowledge(connection, target, row.pk, by, now, version, hash)
        else:
            outbox.fail(connection, target, row.pk, by, now, str(error))
            self.fetching.done.problems.append(error)
