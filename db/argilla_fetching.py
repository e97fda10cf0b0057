"""From Argilla: what people answered there becomes revisions, and what the server lost waits to be sent again."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from db import documents, extractions, outbox, projects, revisions, saving
from db.argilla_records import STATUS, TEXT, Answer, Json, answer, answer_hash, external_id, unchanged
from db.argilla_store import ArgillaStore
from db.outbox import RECORD
from db.store import Store
from db.tables import annotators, heads
from db.tables import revisions as revisions_table
from db.values import Revision, State
from relex_core.errors import NotFound, RelexError, quote
from relex_core.types import Annotation, Document, Entity, sha256

FETCHED = "from Argilla"
"""How notes of revisions begin that were answered there."""


@dataclass(slots=True)
class Synced:
    """What one round did. `fetched`, `records` and `answers` count what moved, `left_out` the records that were taken
    away; `older` are datasets of earlier label sets that are still there; `problems` name what did not."""

    fetched: int = 0
    records: int = 0
    answers: int = 0
    left_out: int = 0
    conflicts: list[str] = field(default_factory=list)
    sent_again: int = 0
    converted: int = 0
    doubtful: list[str] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
    problems: list[RelexError] = field(default_factory=list)


@dataclass(slots=True)
class Fetching:
    """One look at all responses of a dataset. `unread` are (document key, annotator) whose answer there could not be
    read: they must not be overwritten."""

    store: Store
    project: str
    argilla: ArgillaStore
    done: Synced
    unread: set[tuple[int, str]] = field(default_factory=set)

    def run(self, closed: bool = False) -> None:
        """New and changed responses become revisions. A `closed` dataset gets nothing any more."""
        seen: set[str] = set()
        answered: set[tuple[str, str]] = set()
        known = self._known()
        for item in self.argilla.records():
            name = str(item.get("external_id"))
            seen.add(name)
            responses = item.get("responses") or ()
            answered |= {(name, self._user(response)) for response in responses}
            as_sent = name.endswith(f":{sha256(str(item['fields'].get(TEXT)))[:16]}")
            if as_sent and name in known and not closed:
                self._mend(item, known[name])
            if as_sent and name in known and not responses:
                continue
            found = self._document(item)
            if found is None:
                continue
            row, document = found
            changed = item["fields"].get(TEXT) != document.text
            for response in responses:
                self._take(item, row, document, response, self._user(response))
            if changed and not closed:
                # the text alone first: the server checks suggestions against the text that it has
                self.argilla.put_records([{"external_id": item["external_id"], "fields": {TEXT: document.text}}])
                self._send_again(row.pk)
        if not closed:
            self._look_for_losses(seen, answered)

    def _known(self) -> dict[str, Row[Any]]:
        """What the server acknowledged, by external id of the record."""
        with self.store.database.read() as connection:
            pk, _ = projects.find(connection, self.project)
            rows = outbox.acknowledged(connection, pk, self.argilla.target)
            return {f"{row.id}:{row.sha256[:16]}": row for row in rows if row.annotator_pk == RECORD}

    def _mend(self, item: Json, known: Row[Any]) -> None:
        """Metadata and suggestions that somebody changed there are sent again."""
        if not unchanged(item, known.answer):
            self._send_again(known.document_pk)

    def _send_again(self, document: int) -> None:
        with self.store.database.write() as connection:
            outbox.forget(connection, self.argilla.target, document, RECORD)
        self.done.sent_again += 1

    def _document(self, item: Json) -> tuple[Row[Any], Document] | None:
        id, _, _ = str(item.get("external_id") or "").rpartition(":")
        with self.store.database.read() as connection:
            pk, _ = projects.find(connection, self.project)
            row = documents.look_up(connection, pk, id)
            document = documents.load(connection, row) if row is not None else None
        if row is None or document is None or external_id(document) != item["external_id"]:
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

    def again(self, item: Json, users: Set[str] | None = None) -> None:
        """What these `users`, or all, answered to a record since it was looked at becomes revisions too."""
        responses = [r for r in item.get("responses") or () if users is None or self._user(r) in users]
        found = self._document(item) if responses else None
        if found is not None:
            for response in responses:
                self._take(item, *found, response, self._user(response))

    def take_away(self, document: int, name: str) -> bool:
        """Delete a record there, unless something that was answered to it could not be read; whether it is gone."""
        # looked at one by one, each directly before it goes: the server takes no condition for this either
        for item in self.argilla.these([name]):
            self.again(item)
            if not self.is_kept(item, document):
                return False
            self.argilla.client.call("DELETE", f"/datasets/{self.argilla.id}/records", ids=str(item["id"]))
            self.done.left_out += 1
        with self.store.database.write() as connection:
            outbox.forget(connection, self.argilla.target, document, RECORD)
            outbox.forget_answers(connection, self.argilla.target, document)
        return True

    def is_kept(self, item: Json, document: int) -> bool:
        """Whether all that was answered to a record could be read, and is here."""
        with self.store.database.read() as connection:
            for response in item.get("responses") or ():
                by = _annotator(connection, self._user(response))
                known = outbox.entry(connection, self.argilla.target, document, by)
                hash = answer_hash(str(response["status"]), response.get("values"))
                if known is None or known.error or known.answer != hash:
                    return False
        return True

    def _user(self, response: Json) -> str:
        """The name of who answered, the id of one that the key cannot see."""
        return self.argilla.names.get(response["user_id"], str(response["user_id"]))

    def _take(self, item: Json, row: Row[Any], document: Document, response: Json, user: str) -> None:
        """One response, if it is new. Its revisions and the acknowledgement are one transaction under the lock of the
        document: nobody saves in between, and a program that ends in the middle leaves it all to be done again."""
        target, text = self.argilla.target, str(item["fields"].get(TEXT))
        hash = answer_hash(str(response["status"]), response.get("values"))
        with self.store.database.read() as connection:
            known = outbox.entry(connection, target, row.pk, _annotator(connection, user))
        if known is not None and known.answer == hash:
            return
        with self.store.database.write() as connection:
            row = documents.find(connection, row.project_pk, row.id, lock=True)
            labels = projects.load_labels(connection, row.project_pk)
            by = projects.annotator(connection, user, self.store.now())
            known = outbox.entry(connection, target, row.pk, by)
            head = revisions.head(connection, row.pk, user)
            mine = revisions.read(connection, labels, head, document) if head is not None else None
            based_on = mine.annotation.based_on if mine else extractions.latest(connection, labels, row)
            if based_on is not None and based_on.schema != self.argilla.schema:
                based_on = None
            ours = _sent(connection, row.pk, by, known.version if known is not None else "")
            try:
                given = answer(response, user, document, self.argilla.schema, text, based_on, ours)
            except RelexError as error:
                self.unread.add((row.pk, user))
                self.done.problems.append(error)
                # marks on another text stay refused, also after the text was put back
                lost = hash if text != document.text else ""
                outbox.fail(connection, target, row.pk, by, self.store.now(), str(error), lost)
                return
            unsent = known is None or head is None or known.version != str(head.pk)
            self._keep(connection, labels, row, given, mine, unsent)

    def _keep(
        self,
        connection: Connection,
        labels: projects.LabelSet,
        row: Row[Any],
        given: Answer,
        mine: Revision | None,
        unsent: bool,
    ) -> None:
        """`given` as a revision unless it says the same as `mine`; then `mine` again if Argilla never had it."""
        new = mine is None or not _same(mine, given)
        conflict = new and mine is not None and unsent
        name = f"{given.document} by {given.user}"
        if new:
            note = FETCHED + (f", {given.repair.converted} offsets converted" if given.repair.converted else "")
            self._save(connection, labels, given.annotation, given.user, given.state, note)
        if conflict and mine is not None:
            kept = "kept over the answer from Argilla, which is the revision before"
            self._save(connection, labels, mine.annotation, given.user, mine.state, kept)
        by = projects.annotator(connection, given.user, self.store.now())
        query = sa.select(heads.c.revision_pk).where(heads.c.document_pk == row.pk, heads.c.annotator_pk == by)
        version = "" if conflict else str(connection.execute(query).scalar_one())
        outbox.acknowledge(connection, self.argilla.target, row.pk, by, self.store.now(), version, given.sha256)
        self.done.converted += given.repair.converted
        self.done.fetched += new
        self.done.doubtful += [name] if given.repair.doubtful else []
        self.done.conflicts += [name] if conflict else []

    def _save(
        self,
        connection: Connection,
        labels: projects.LabelSet,
        annotation: Annotation,
        user: str,
        state: State,
        note: str,
    ) -> None:
        work = saving.Work(annotator=user, state=state, note=note, independent=True)
        saving.save(connection, labels, annotation, work, self.store.now())

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


def _annotator(connection: Connection, name: str) -> int:
    """The annotator's key; -1 for one that is not known here."""
    found = connection.execute(sa.select(annotators.c.pk).where(annotators.c.name == name.strip())).scalar()
    return -1 if found is None else int(found)


def _sent(connection: Connection, document: int, annotator: int, version: str) -> tuple[Entity, ...]:
    """Marks that the server has from us, in code points for certain: what came from there may be in another unit."""
    query = revisions.rows().where(
        revisions_table.c.document_pk == document,
        revisions_table.c.annotator_pk == annotator,
        sa.not_(revisions_table.c.note.startswith(FETCHED)),
    )
    if version:
        query = query.where(revisions_table.c.pk <= int(version))
    found = connection.execute(query.order_by(revisions_table.c.number.desc()).limit(1)).first()
    return revisions.decided(found)[0] if found is not None else ()


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
