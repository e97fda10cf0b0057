"""The store: everything that is kept, behind one object that takes and gives frozen values.

Each method is one transaction. What it returned is on the disk; what it raised left no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Self

import sqlalchemy as sa

from db import audit, documents, extractions, paging, projects, revisions, saving
from db.engine import Database, database_url
from db.migrate import migrate
from db.tables import annotators, counters
from db.tables import projects as projects_table
from db.values import LEFT_OUT, Added, DocumentRow, Order, Project, Revision, State
from relex_core.editing import Edit
from relex_core.types import Annotation, Document, Extraction, Schema, Thresholds

Clock = Callable[[], datetime]


class Store:
    """Projects, documents, extractions and revisions in one database. Safe to share between threads."""

    def __init__(self, database: Database, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self.database = database
        self._clock = clock

    @classmethod
    def open(cls, url: str | None = None) -> Store:
        """The store at `url` (RELEX_DATABASE_URL, else a file under RELEX_DATA), migrated to the newest version.

        Raises ConfigError or StoreError.
        """
        database = Database(database_url(url))
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def now(self) -> datetime:
        """The time that is written down, in UTC."""
        return self._clock()

    # projects and label sets

    def create_project(self, name: str, schema: Schema, guidelines: str = "", *, by: str = "") -> Project:
        """A new project; `by` is who makes it, for the audit log, here and below.

        Raises StoreError if the name is in use, InputError if it is no name.
        """
        with self.database.write() as connection:
            pk = projects.create(connection, name, schema, guidelines, self._clock())
            audit.write(connection, self._clock(), "project created", pk, by, name=name.strip())
            return projects.load(connection, name.strip())

    def project(self, name: str) -> Project:
        """Raises NotFound."""
        with self.database.read() as connection:
            return projects.load(connection, name)

    def schema_version(self, name: str) -> int:
        """The version of the project's label set, without reading it. Raises NotFound."""
        with self.database.read() as connection:
            return projects.find(connection, name)[1]

    def projects(self, *, archived: bool | None = False) -> tuple[Project, ...]:
        """The projects by name that are not archived, with `archived` those that are (`db.leaving`), with None all."""
        query = sa.select(projects_table.c.name).order_by(projects_table.c.name)
        if archived is not None:
            there = projects_table.c.archived_at
            query = query.where(there.is_not(None) if archived else there.is_(None))
        with self.database.read() as connection:
            names = connection.scalars(query).all()
            return tuple(projects.load(connection, name) for name in names)

    def save_schema(self, name: str, schema: Schema, *, by: str = "") -> Project:
        """A new version of the project's label set; older ones are kept. Labels in use that `schema` lacks stay,
        hidden. To rename a label, see `db.label_changes`."""
        with self.database.write() as connection:
            pk, before = projects.lock(connection, name)
            after = projects.save_schema(connection, pk, schema, self._clock())
            if after != before:
                audit.write(connection, self._clock(), "label set saved", pk, by, version=after)
            return projects.load(connection, name)

    def save_guidelines(self, name: str, guidelines: str) -> Project:
        with self.database.write() as connection:
            pk, _ = projects.lock(connection, name)
            changed = projects_table.update().where(projects_table.c.pk == pk).values(guidelines=guidelines)
            connection.execute(changed)
            return projects.load(connection, name)

    # documents

    def add_documents(
        self, project: str, documents_: Iterable[Document], *, deduplicate: bool = True, by: str = ""
    ) -> Added:
        """Add texts that the project does not have, some hundred to a transaction. One that is left out stays so.

        Without `deduplicate` a text may stand under several ids.
        """
        added, duplicates, left_out = 0, 0, 0
        renamed: tuple[tuple[str, str], ...] = ()
        for part in documents.batches(documents_, documents.BATCH):
            with self.database.write() as connection:
                pk, _ = projects.find(connection, project)
                result, _ = documents.add(connection, pk, part, self._clock(), deduplicate)
                documents.count(connection, pk, {State.NEW: result.added})
                if result.added:
                    audit.write(connection, self._clock(), "documents added", pk, by, documents=result.added)
            added, duplicates = added + result.added, duplicates + result.duplicates
            renamed, left_out = renamed + result.renamed, left_out + result.left_out
        return Added(added, duplicates, renamed, left_out)

    def having(self, project: str, hashes: Iterable[str]) -> frozenset[str]:
        """Those of the texts, by SHA-256, that the project has, left out or not. Raises NotFound."""
        with self.database.read() as connection:
            pk, _ = projects.find(connection, project)
            found = (documents.having(connection, pk, part) for part in documents.batches(hashes, documents.BATCH))
            return frozenset().union(*found)

    def document(self, project: str, id: str) -> Document:
        """Raises NotFound."""
        with self.database.read() as connection:
            pk, _ = projects.find(connection, project)
            return documents.load(connection, documents.find(connection, pk, id))

    def queue(
        self,
        project: str,
        *,
        states: Iterable[State | str] | None = None,
        search: str = "",
        order: Order | str = Order.FILE,
        limit: int = 50,
        after: DocumentRow | str | None = None,
        min_suggested: int = 0,
        own: str = "",
        left_out: bool = False,
    ) -> tuple[DocumentRow, ...]:
        """One page of the project's documents; `after` is the last row of the page before, or its id.

        `search` is words, "phrases" and label:name. `min_suggested` keeps texts in which the model found that
        many entities (paper section 3.8). `own` names an annotator of a project that is shared out: only their part,
        and `states` are those in which they themselves left it. With `left_out` those alone that are left out of the
        project, whatever their states, which are then those in which they would come back.
        """
        wanted_states: tuple[str, ...] = tuple(State) if states is None else tuple(State(state) for state in states)
        if left_out:
            wanted_states = (LEFT_OUT,)
        with self.database.read() as connection:
            pk, _ = projects.find(connection, project)
            if isinstance(after, str):
                after = paging.place(documents.find(connection, pk, after), Order(order))
            wanted = paging.Page(wanted_states, search, Order(order), limit, after, min_suggested, own)
            return paging.page(connection, pk, wanted)

    def counts(self, project: str) -> dict[State, int]:
        """How many documents are in each state, without those that are left out (`db.leaving`)."""
        with self.database.read() as connection:
            pk, _ = projects.find(connection, project)
            rows = connection.execute(
                sa.select(counters.c.state, counters.c.documents).where(counters.c.project_pk == pk)
            )
            found = {row.state: int(row.documents) for row in rows}
        return {state: found.get(state, 0) for state in State}

    # what models found

    def save_extraction(self, project: str, extraction: Extraction) -> int:
        """Keep what a model found and place the document in the queue's orders; the extraction's number.

        Raises NotFound if the project does not have the document.
        """
        with self.database.write() as connection:
            pk, _ = projects.find(connection, project)
            labels = projects.load_labels(connection, pk)
            row = documents.find_text(connection, pk, extraction.document, lock=True)
            return extractions.save(connection, labels, row, extraction, self._clock())

    def extraction(self, project: str, document_id: str, model_version: str | None = None) -> Extraction | None:
        """The last extraction of a document, under today's labels. Raises NotFound if there is no document."""
        with self.database.read() as connection:
            pk, _ = projects.find(connection, project)
            row = documents.find(connection, pk, document_id)
            return extractions.latest(connection, projects.load_labels(connection, pk), row, model_version)

    # what people decided

    def save(
        self,
        project: str,
        annotation: Annotation,
        *,
        annotator: str,
        edits: Iterable[Edit] = (),
        client: str = "",
        seq: int = 0,
        expected: int | None = None,
        made_from: Mapping[str, int] | None = None,
        independent: bool = False,
        state: State | str = State.IN_PROGRESS,
        thresholds: Thresholds | None = None,
        note: str = "",
        seconds: float | None = None,
        keystrokes: int | None = None,
    ) -> Revision:
        """Add a revision of a document.

        `client` and `seq` make a repeated batch harmless: one that is committed is returned, not saved again.
        `expected` is the number of the revision that the writer saw last (0: none); another one now raises
        Conflict, whose `value` is that revision. With `independent` only the annotator's own revisions count,
        for documents that several people annotate without seeing each other: where one was adjudicated before the
        annotator began, that version is added again and stays the latest. `made_from` holds the numbers of the
        finished versions, by annotator, that this one was made from: if these are others now, Conflict is raised,
        whose `value` holds the revisions that came in between.
        """
        work = saving.Work(
            annotator=annotator,
            state=State(state),
            edits=tuple(edits),
            client=client,
            seq=seq,
            expected=expected,
            made_from=made_from,
            independent=independent,
            thresholds=thresholds,
            note=note,
            seconds=seconds,
            keystrokes=keystrokes,
        )
        with self.database.write() as connection:
            pk, _ = projects.find(connection, project)
            return saving.save(connection, projects.load_labels(connection, pk), annotation, work, self._clock())

    def set_state(
        self, project: str, document_id: str, state: State | str, *, annotator: str, note: str = ""
    ) -> Revision:
        """A revision with the same decisions and another state. Raises NotFound."""
        with self.database.write() as connection:
            pk, _ = projects.find(connection, project)
            labels = projects.load_labels(connection, pk)
            row = documents.find(connection, pk, document_id, lock=True)
            document = documents.load(connection, row)
            head = revisions.head(connection, row.pk, annotator) or revisions.head(connection, row.pk)
            if head is None:
                annotation = Annotation(document, labels.schema)
                based_on = extractions.latest(connection, labels, row)
                if based_on is not None:
                    annotation = Annotation(document, labels.schema, based_on=based_on)
            else:
                annotation = revisions.read(connection, labels, head, document).annotation
            work = saving.Work(annotator=annotator, state=State(state), note=note)
            return saving.save(connection, labels, annotation, work, self._clock())

    def latest(self, project: str, document_id: str, annotator: str | None = None) -> Revision | None:
        """The last revision of a document, of everybody or of one annotator. Raises NotFound."""
        with self.database.read() as connection:
            pk, _ = projects.find(connection, project)
            row = documents.find(connection, pk, document_id)
            head = revisions.head(connection, row.pk, annotator)
            if head is None:
                return None
            labels = projects.load_labels(connection, pk)
            return revisions.read(connection, labels, head, documents.load(connection, row))

    def revisions(self, project: str, document_id: str) -> tuple[Revision, ...]:
        """All revisions of a document, as they were saved. Raises NotFound."""
        with self.database.read() as connection:
            pk, _ = projects.find(connection, project)
            row = documents.find(connection, pk, document_id)
            return revisions.history(connection, projects.load_labels(connection, pk), row)

    def by_annotator(self, project: str, document_id: str) -> tuple[Revision, ...]:
        """The last revision of each annotator of a document, by name. Raises NotFound."""
        with self.database.read() as connection:
            pk, _ = projects.find(connection, project)
            row = documents.find(connection, pk, document_id)
            return revisions.by_annotator(connection, projects.load_labels(connection, pk), row)

    def acknowledged(self, project: str, document_id: str, client: str) -> int:
        """The last sequence number of that client that is on the disk, 0 if none. Raises NotFound."""
        with self.database.read() as connection:
            pk, _ = projects.find(connection, project)
            return revisions.acknowledged(connection, documents.find(connection, pk, document_id).pk, client)

    def annotations(
        self,
        project: str,
        *,
        states: Sequence[State] | None = None,
        annotators: Sequence[str] | None = None,
        suggestions: bool = False,
    ) -> Iterator[Annotation]:
        """The latest annotation of each document, streamed from one consistent view of the database.

        With `suggestions` each carries the extraction that it is based on.
        """
        for revision in self.latest_revisions(project, states=states, annotators=annotators, suggestions=suggestions):
            yield revision.annotation

    def latest_revisions(
        self,
        project: str,
        *,
        states: Sequence[State] | None = None,
        annotators: Sequence[str] | None = None,
        suggestions: bool = False,
    ) -> Iterator[Revision]:
        """Like `annotations`, with who decided and when."""
        with self.database.read() as connection:
            pk, _ = projects.find(connection, project)
            labels = projects.load_labels(connection, pk)
            yield from revisions.stream(connection, labels, states, annotators, suggestions)

    def annotators(self) -> tuple[str, ...]:
        """Names of all annotators."""
        with self.database.read() as connection:
            return tuple(connection.scalars(sa.select(annotators.c.name).order_by(annotators.c.name)).all())
