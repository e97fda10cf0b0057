"""Bring a project and its Argilla datasets to the same state: fetch what people answered there, then send ours.

Fetching comes first, so that sending never overwrites an answer that is not in our history yet. If both sides
changed one answer, both become revisions: theirs first, ours after it, and ours is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from db import documents, extractions, outbox, projects, revisions
from db.argilla_client import PAGE, ArgillaClient, ArgillaSettings
from db.argilla_records import (
    STATUS,
    TEXT,
    Answer,
    Json,
    answer,
    answer_hash,
    external_id,
    record,
    shown,
    values,
)
from db.argilla_store import ArgillaStore, Sent
from db.outbox import RECORD, Waiting
from db.store import Store
from db.tables import annotators, heads, label_sets
from db.tables import documents as documents_table
from db.values import Revision
from relex_core.errors import NotFound, RelexError, StoreError, quote
from relex_core.types import Document, Thresholds


@dataclass(slots=True)
class Synced:
    """What one round did. `fetched`, `records` and `answers` count what moved; `problems` name what did not."""

    fetched: int = 0
    records: int = 0
    answers: int = 0
    conflicts: list[str] = field(default_factory=list)
    sent_again: int = 0
    converted: int = 0
    doubtful: list[str] = field(default_factory=list)
    problems: list[RelexError] = field(default_factory=list)


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
    for old in _older(store, project, client):
        _Round(store, project, old, thresholds or Thresholds(), done).fetch(closed=True)
    argilla = ArgillaStore(client, project, schema)
    argilla.open()
    round_ = _Round(store, project, argilla, thresholds or Thresholds(), done)
    if retry:
        with store.database.write() as connection:
            outbox.retry_now(connection, argilla.target)
    round_.fetch()
    round_.send_records()
    round_.send_answers()
    return done


def _older(store: Store, project: str, client: ArgillaClient) -> Iterator[ArgillaStore]:
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


@dataclass(slots=True)
class _Round:
    store: Store
    project: str
    argilla: ArgillaStore
    thresholds: Thresholds
    done: Synced
    # (document key, annotator) whose answer there could not be read: it must not be overwritten
    unread: set[tuple[int, str]] = field(default_factory=set)

    # from the server

    def fetch(self, closed: bool = False) -> None:
        """New and changed responses become revisions. A `closed` dataset gets nothing any more."""
        names = {id: name for name, id in self.argilla.users.items()}
        seen: set[str] = set()
        answered: set[tuple[str, str]] = set()
        for item in self.argilla.records():
            seen.add(str(item.get("external_id")))
            responses = item.get("responses") or ()
            answered |= {(str(item.get("external_id")), names.get(r["user_id"], "")) for r in responses}
            found = self._document(item)
            if found is None:
                continue
            row, document = found
            changed = item["fields"].get(TEXT) != document.text
            for response in responses:
                user = names.get(response["user_id"], str(response["user_id"]))
                self._take(item, row, document, response, user)
            if changed and not closed:
                # the text alone first: the server checks suggestions against the text that it has
                self.argilla.put_records([{"external_id": item["external_id"], "fields": {TEXT: document.text}}])
                with self.store.database.write() as connection:
                    outbox.forget(connection, self.argilla.target, row.pk, RECORD)
                self.done.sent_again += 1
        if not closed:
            self._look_for_losses(seen, answered)

    def _document(self, item: Json) -> tuple[Row[Any], Document] | None:
        id, _, _ = str(item.get("external_id") or "").rpartition(":")
        with self.store.database.read() as connection:
            pk, _ = projects.find(connection, self.project)
            try:
                row = documents.find(connection, pk, id)
                document = documents.load(connection, row)
            except NotFound:
                document = None
        if document is None or external_id(document) != item["external_id"]:
            self.done.problems.append(
                NotFound(
                    expected=f"records of documents of project {quote(self.project)}",
                    found=f"the record {quote(item.get('external_id'))} in Argilla, which is of none",
                    change="It is left alone; delete it there if nobody needs it.",
                    value=item.get("external_id"),
                )
            )
            return None
        return row, document

    def _take(self, item: Json, row: Row[Any], document: Document, response: Json, user: str) -> None:
        target, now = self.argilla.target, self.store.now()
        hash = answer_hash(str(response["status"]), response.get("values"))
        with self.store.database.read() as connection:
            known = outbox.entry(connection, target, row.pk, _annotator(connection, user))
            if known is not None and known.answer == hash:
                return
            labels = projects.load_labels(connection, row.project_pk)
            head = revisions.head(connection, row.pk, user)
            mine = revisions.read(connection, labels, head, document) if head is not None else None
            based_on = mine.annotation.based_on if mine else extractions.latest(connection, labels, row)
        try:
            given = answer(
                response,
                user,
                document,
                self.argilla.schema,
                str(item["fields"].get(TEXT)),
                based_on if based_on is None or based_on.schema == self.argilla.schema else None,
                mine.annotation.entities if mine else (),
            )
        except RelexError as error:
            self.unread.add((row.pk, user))
            self.done.problems.append(error)
            with self.store.database.write() as connection:
                by = projects.annotator(connection, user, now)
                # marks on another text stay refused, also after the text was put back
                lost = hash if item["fields"].get(TEXT) != document.text else ""
                outbox.fail(connection, target, row.pk, by, now, str(error), lost)
            return
        self._keep(row, given, mine, unsent=known is None or head is None or known.version != str(head.pk))

    def _keep(self, row: Row[Any], given: Answer, mine: Revision | None, unsent: bool) -> None:
        self.done.converted += given.repair.converted
        name = f"{given.document} by {given.user}"
        if given.repair.doubtful:
            self.done.doubtful.append(name)
        if mine is None or not _same(mine, given):
            note = "from Argilla" + (f", {given.repair.converted} offsets converted" if given.repair.converted else "")
            self.store.save(
                self.project, given.annotation, annotator=given.user, state=given.state, note=note, independent=True
            )
            self.done.fetched += 1
            if mine is not None and unsent:
                self.done.conflicts.append(name)
                kept = "kept over the answer from Argilla, which is the revision before"
                self.store.save(
                    self.project, mine.annotation, annotator=given.user, state=mine.state, note=kept, independent=True
                )
        with self.store.database.write() as connection:
            by = projects.annotator(connection, given.user, self.store.now())
            query = sa.select(heads.c.revision_pk).where(heads.c.document_pk == row.pk, heads.c.annotator_pk == by)
            version = str(connection.execute(query).scalar_one())
            if mine is not None and unsent and not _same(mine, given):
                version = ""
            outbox.acknowledge(connection, self.argilla.target, row.pk, by, self.store.now(), version, given.sha256)

    def _look_for_losses(self, seen: set[str], answered: set[tuple[str, str]]) -> None:
        """What the server acknowledged and no longer has waits again."""
        names = {pk: name for name, pk in self._annotators().items()}
        with self.store.database.write() as connection:
            pk, _ = projects.find(connection, self.project)
            for row in outbox.acknowledged(connection, pk, self.argilla.target):
                name = f"{row.id}:{row.sha256[:16]}"
                if row.annotator_pk == RECORD and name not in seen:
                    outbox.forget(connection, self.argilla.target, row.document_pk, RECORD)
                    outbox.forget_answers(connection, self.argilla.target, row.document_pk)
                    self.done.sent_again += 1
                elif row.annotator_pk != RECORD and name in seen and (name, names[row.annotator_pk]) not in answered:
                    outbox.forget(connection, self.argilla.target, row.document_pk, row.annotator_pk)
                    self.done.sent_again += 1

    def _annotators(self) -> dict[str, int]:
        with self.store.database.read() as connection:
            return {row.name: row.pk for row in connection.execute(sa.select(annotators))}

    # to the server

    def send_records(self) -> None:
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
                    self._note(connection, row, RECORD, row.version, refused.get(item["external_id"]))
            self.done.records += len(items) - len(refused)

    def _record(self, connection: Connection, labels: projects.LabelSet, row: Row[Any]) -> Json:
        document = documents.load(connection, row)
        extraction = extractions.latest(connection, labels, row)
        if extraction is not None:
            extraction = shown(extraction, self.thresholds, self.argilla.schema)
        return record(document, extraction, self.argilla.schema, self.argilla.questions)

    def send_answers(self) -> None:
        """The newest decisions of each annotator, in the name of the Argilla user who is called the same."""
        at = (0, 0)
        while True:
            with self.store.database.read() as connection:
                pk, _ = projects.find(connection, self.project)
                labels = projects.load_labels(connection, pk)
                query = outbox.due_answers(pk, self.argilla.target, self.store.now())
                place = sa.tuple_(documents_table.c.pk, heads.c.annotator_pk)
                rows = connection.execute(query.where(place > sa.tuple_(*map(sa.literal, at))).limit(PAGE)).all()
                ready = [(row, self._answer(connection, labels, row)) for row in rows]
            if not rows:
                return
            at = (rows[-1].pk, rows[-1].by)
            sent = [(row, item) for row, item in ready if isinstance(item, Sent)]
            refused = {r.record: r.error for r in self.argilla.put_answers([item for _, item in sent])}
            with self.store.database.write() as connection:
                for row, item in sent:
                    hash = answer_hash(item.status, item.values)
                    self._note(connection, row, row.by, str(row.revision_pk), refused.get(item.record), hash)
                for row, unsendable in ready:
                    if isinstance(unsendable, StoreError):
                        self._note(connection, row, row.by, "", unsendable)
            self.done.answers += sum(item.record not in refused for _, item in sent)

    def _answer(self, connection: Connection, labels: projects.LabelSet, row: Row[Any]) -> Sent | StoreError | None:
        if (row.pk, row.annotator) in self.unread:
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
            self.done.problems.append(error)


def _annotator(connection: Connection, name: str) -> int:
    """The annotator's key; -1 for one that is not known here."""
    found = connection.execute(sa.select(annotators.c.pk).where(annotators.c.name == name.strip())).scalar()
    return -1 if found is None else int(found)


def _same(mine: Revision, given: Answer) -> bool:
    """Whether an answer says what a revision says, ids and order apart."""
    if STATUS[mine.state] != STATUS[given.state]:
        return False
    return _content(mine.annotation.entities, mine.annotation.relations) == _content(
        given.annotation.entities, given.annotation.relations
    )


def _content(entities: Any, relations: Any) -> tuple[set[Any], set[Any]]:
    places = {e.id: (e.start, e.end, e.label) for e in entities}
    return set(places.values()), {(places[r.head], places[r.tail], r.label) for r in relations}
