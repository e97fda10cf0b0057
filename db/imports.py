"""Files in an exchange format -> documents, extractions and revisions of a project.

A file is read twice: once to check it and to collect its labels, once to store it. Nothing is stored before all
files of a call were found good, and storing a file again under the same name adds nothing.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from db import audit, documents, extractions, projects, saving
from db.formats import Attributed, Format, Record, named, united
from db.formats.files import readable
from db.manifests import file_hash, manifest_of
from db.spool import spool
from db.store import Store
from db.values import ADJUDICATOR, State
from relex_core import jsonl
from relex_core.errors import FormatError, InputError, NotFound, RelexError, UnreadRest
from relex_core.types import Annotation, Document, EntityLabel, Extraction, RelationLabel, Schema

BATCH = 200
"""Records that are stored in one transaction."""

SHOWN = 5
"""Bad records whose faults are told one by one."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of files: new and known documents, stored extractions and revisions, bad records. `left_out` counts
    known documents that are left out of the project: what was said of them is stored, and they stay out."""

    records: int
    added: int
    duplicates: int
    extractions: int
    revisions: int
    skipped: tuple[RelexError, ...] = ()
    left_out: int = 0


@dataclass(slots=True)
class Report:
    """What a look at a file found. `schema` holds its labels after those it was read with."""

    schema: Schema
    records: int = 0
    documents: int = 0
    suggestions: int = 0
    decisions: int = 0
    errors: list[RelexError] = field(default_factory=list)

    @property
    def unread(self) -> tuple[UnreadRest, ...]:
        """Where reading ended too early. Such a file is not stored in part: nobody knows what would be left out."""
        return tuple(error for error in self.errors if isinstance(error, UnreadRest))


def read(path: Path, format: str = "gliner", schema: Schema | None = None) -> Iterator[Annotation]:
    """The annotations of a file, all in one label set: `schema`, or the one in the manifest beside it, or its own
    labels. Raises FormatError naming the bad lines."""
    report = inspect(path, format, schema)
    _refuse_bad(path, report)
    for record in _good(_reading(format), path, report.schema):
        if isinstance(record, Annotation):
            yield record


def inspect(path: Path, format: str, schema: Schema | None = None) -> Report:
    """Read a file without storing anything. Raises InputError if it cannot be opened or the format has no reader."""
    chosen, manifest = _reading(format), manifest_schema(path)
    before = schema or manifest
    report = Report(before or Schema())
    entities: dict[str, EntityLabel] = {}
    relations: dict[str, RelationLabel] = {}
    for item in _items(chosen, path, before):
        if isinstance(item, RelexError):
            report.errors.append(item)
            continue
        report.records += 1
        if isinstance(item, Document):
            report.documents += 1
            continue
        report.decisions += isinstance(item, Annotation)
        report.suggestions += isinstance(item, Extraction)
        # a record that brings no new label has the very schema that was given
        if item.schema is not before:
            for label in item.schema.entity_labels:
                entities.setdefault(label.name, label)
            for edge in item.schema.relation_labels:
                relations.setdefault(edge.name, edge)
    # once for all: an open label set has thousands
    report.schema = _with_labels(report.schema, entities, relations, manifest or Schema())
    return report


def load(
    store: Store,
    project: str,
    paths: Iterable[Path],
    *,
    format: str = "gliner",
    annotator: str = "import",
    state: State = State.SUBMITTED,
    skip_bad: bool = False,
    deduplicate: bool = False,
    by: str = "",
) -> Imported:
    """Store files in a project, which is created if there is none of that name.

    Labels that the project lacks are added to its label set. Decisions become revisions by whom the file names, else
    by `annotator`; those of people who come new to an adjudicated document leave it as it is. Marks with scores become
    extractions. `by` is who imports, for the audit log. Without `deduplicate` a text may come under several ids, as
    files of annotations have them. Raises FormatError naming the bad records, unless they are to be skipped, and of a
    file that could not be read to its end in any case, before anything of any file is stored.
    """
    chosen, existing = _reading(format), _schema_of(store, project)
    reports: list[tuple[Path, Report]] = []
    wanted = existing
    for path in paths:
        report = inspect(path, format, wanted)
        _refuse(path, format, report, skip_bad)
        reports.append((path, report))
        wanted = report.schema
    if wanted is not None and existing is None:
        store.create_project(project, wanted, by=by)
    elif wanted is not None and wanted != existing:
        store.save_schema(project, wanted, by=by)
    total = Imported(0, 0, 0, 0, 0)
    for path, report in reports:
        with spool("seen (id TEXT, text TEXT, times INTEGER, PRIMARY KEY (id, text)) WITHOUT ROWID") as tables:
            job = _Job(store, project, file_hash(path), readable(path.name), annotator, state, deduplicate, tables)
            total = _sum(total, job.store_file(chosen, path, report.errors, by))
    return total


@dataclass(frozen=True, slots=True)
class _Job:
    """Storing one file."""

    store: Store
    project: str
    hash: str
    name: str
    annotator: str
    state: State
    deduplicate: bool
    tables: sqlite3.Connection
    last: list[tuple[Document, Document]] = field(default_factory=list)
    """The document of the record before, as the file has it and as it was stored."""

    def store_file(self, chosen: Format, path: Path, left_out: Iterable[RelexError], by: str) -> Imported:
        # of an import that is broken off, too, the log says where the documents came from
        self._log("import begun", by, chosen)
        # the very object that the store reads again for each batch: by equality thousands of labels would be compared
        schema = self.store.project(self.project).schema
        done = Imported(0, 0, 0, 0, 0, tuple(left_out))
        for batch in documents.batches(enumerate(_good(chosen, path, schema), start=1), BATCH):
            done = _sum(done, self.store_batch(batch))
        counts = {"records": done.records, "documents": done.added, "known": done.duplicates}
        counts |= {"extractions": done.extractions, "revisions": done.revisions, "left_out": len(done.skipped)}
        self._log("imported", by, chosen, **counts)
        return done

    def _log(self, action: str, by: str, chosen: Format, **counts: int) -> None:
        about = {"file": self.name, "format": chosen.name, "sha256": self.hash, "annotator": self.annotator.strip()}
        with self.store.database.write() as connection:
            pk, _ = projects.find(connection, self.project)
            audit.write(connection, self.store.now(), action, pk, by, **about, **counts)

    def store_batch(self, batch: list[tuple[int, Record]]) -> Imported:
        now = self.store.now()
        if not self.deduplicate:
            batch = [(number, self._apart(record)) for number, record in batch]
        texts = [record if isinstance(record, Document) else record.document for _, record in batch]
        with self.store.database.write() as connection:
            pk, _ = projects.find(connection, self.project)
            labels = projects.load_labels(connection, pk)
            added, ids = documents.add(connection, pk, texts, now, self.deduplicate)
            found = [_under(record, ids) for _, record in batch if isinstance(record, Extraction)]
            decisions = [
                (_under(record, ids), self._work(number, record))
                for number, record in batch
                if isinstance(record, Annotation)
            ]
            # in the order in which everybody takes their locks
            judged = [extraction.document for extraction in found] + [
                annotation.document for annotation, _ in decisions
            ]
            documents.find_texts(connection, pk, judged)
            projects.people(connection, (work.annotator for _, work in decisions), now)
            for extraction in found:
                row = documents.find_text(connection, pk, extraction.document, lock=True)
                extractions.save(connection, labels, row, extraction, now)
            decided = saving.save_many(connection, labels, decisions, now)
            documents.count(connection, pk, {State.NEW: added.added})
        return Imported(len(batch), added.added, added.duplicates, len(found), decided, (), added.left_out)

    def _work(self, number: int, record: Annotation) -> saving.Work:
        # each record has a client of its own: a document may stand in a file several times
        client = f"import:{self.hash}:{number}"
        named = record.annotator.strip() if isinstance(record, Attributed) else ""
        # a file makes no gold items: they are what was settled here
        who = self.annotator if named in ("", ADJUDICATOR) else named
        # whoever made the file did not see what was decided here
        note = f"imported from {self.name}"
        return saving.Work(who, self.state, client=client, seq=1, independent=True, note=note)

    def _apart(self, record: Record) -> Record:
        """A record whose id and text stood in the file before, under an id of its own; not where a reader gives
        several records of one document."""
        if isinstance(record, Document):
            return record
        document = record.document
        if self.last and self.last[0][0] is document:
            stored = self.last[0][1]
            return record if stored is document else replace(record, document=stored)
        apart = self._named_apart(record)
        self.last[:] = [(document, apart.document)]
        return apart

    def _named_apart(self, record: Annotation | Extraction) -> Annotation | Extraction:
        document = record.document
        (times,) = self.tables.execute(_SEEN, (document.id, document.sha256)).fetchone()
        if times == 1:
            return record
        return replace(record, document=documents.renamed_to(document, f"{document.id}~{times}"))


_SEEN = "INSERT INTO seen VALUES (?, ?, 1) ON CONFLICT (id, text) DO UPDATE SET times = times + 1 RETURNING times"


def manifest_schema(path: Path) -> Schema | None:
    """The label set in the manifest beside a file, None without a manifest. Raises FormatError if it is broken."""
    manifest = manifest_of(path)
    if not manifest.is_file():
        return None
    try:
        return jsonl.schema_from_json(json.loads(manifest.read_text(encoding="utf-8"))["schema"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(
            expected=f'a manifest with a "schema" in {readable(manifest.name)}',
            found=f"{type(error).__name__}: {error}",
            change="Take the manifest that was written with the file, or remove it to read the file without one.",
        ) from error


def _reading(format: str) -> Format:
    chosen = named(format)
    if chosen.read is None:
        raise InputError(
            expected="a format that can be read",
            found=format,
            change="Choose another format.",
            value=format,
        )
    return chosen


def _items(chosen: Format, path: Path, schema: Schema | None) -> Iterator[Record | RelexError]:
    assert chosen.read is not None
    try:
        yield from chosen.read(path, schema)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            expected="a file that can be read",
            found=f"{getattr(error, 'strerror', None) or error}: {readable(path.name)}",
            change="Check the name of the file, the right to read it and that all of it is there.",
            value=str(path),
        ) from error


def _good(chosen: Format, path: Path, schema: Schema) -> Iterator[Record]:
    """The records that can be used, in one label set."""
    for item in _items(chosen, path, schema):
        if not isinstance(item, RelexError):
            yield item


def _refuse(path: Path, format: str, report: Report, skip_bad: bool) -> None:
    """Raises FormatError if there is nothing to store or an unread rest, or, unless they are to be skipped, if there
    are bad records."""
    if not skip_bad or report.unread:
        _refuse_bad(path, report)
    if report.records == 0:
        raise FormatError(
            expected=f"records of the format {format} in {readable(path.name)}",
            found="none that can be used" + (f" ({_told(report.errors)})" if report.errors else ""),
            change="Nothing was imported. Correct the file, or choose the format that it is in.",
            lines=_lines(report.errors),
        )


def _refuse_bad(path: Path, report: Report) -> None:
    if not report.errors:
        return
    lines = _lines(report.errors)
    where = f" in lines {_numbers(lines)}" if lines else ""
    told = _told(report.unread or report.errors)
    change = "Correct the file." if report.unread else "Correct these lines, or leave them out with --skip-bad."
    raise FormatError(
        expected=f"only good records in {readable(path.name)}",
        found=f"{len(report.errors)} bad and {report.records} good ones{where} ({told})",
        change=f"Nothing was imported. {change}",
        value=tuple(report.errors),
        lines=lines,
    )


def _told(errors: Sequence[RelexError]) -> str:
    return "; ".join(f"{error.expected}, found {error.found}" for error in errors[:SHOWN])


def _lines(errors: Iterable[RelexError]) -> tuple[int, ...]:
    return tuple(line for error in errors if isinstance(error, FormatError) for line in error.lines)


def _numbers(lines: tuple[int, ...], limit: int = 20) -> str:
    more = f" and {len(lines) - limit} more" if len(lines) > limit else ""
    return ", ".join(str(line) for line in lines[:limit]) + more


def _schema_of(store: Store, project: str) -> Schema | None:
    try:
        return store.project(project).schema
    except NotFound:
        return None


def _with_labels(
    schema: Schema, entities: Mapping[str, EntityLabel], relations: Mapping[str, RelationLabel], defined: Schema
) -> Schema:
    """`schema` and the labels that it lacks, as `defined` has them if it does. They are taken whole: the types and
    inverses of relations come with them."""
    entity_of = {**entities, **{label.name: label for label in defined.entity_labels}}
    relation_of = {**relations, **{label.name: label for label in defined.relation_labels}}
    given: dict[str, RelationLabel] = {}
    names = list(relations)
    for name in names:
        if name not in schema.relation_names and name not in given:
            given[name] = relation_of[name]
            names += [given[name].inverse] if given[name].inverse else []
    types = (name for label in given.values() for name in (*label.head_types, *label.tail_types))
    new = [name for name in dict.fromkeys((*entities, *types)) if name not in schema.entity_names]
    if not new and not given:
        return schema
    # colours and letters were chosen for another set
    plain = [replace(entity_of[name], letter="", color=0) for name in new]
    merged = Schema.of([*schema.entity_labels, *plain], schema.relation_labels)
    wholes = united(merged, (), given).relation_labels
    finished = [replace(given[label.name], color=label.color) if label.name in given else label for label in wholes]
    return Schema.of(merged.entity_labels, finished)


_Judged = TypeVar("_Judged", Annotation, Extraction)


def _under(record: _Judged, ids: documents.Ids) -> _Judged:
    document = record.document
    id = ids[document.id, document.sha256]
    return record if id == document.id else replace(record, document=replace(document, id=id))


def _sum(a: Imported, b: Imported) -> Imported:
    return Imported(
        a.records + b.records,
        a.added + b.added,
        a.duplicates + b.duplicates,
        a.extractions + b.extractions,
        a.revisions + b.revisions,
        (*a.skipped, *b.skipped),
        a.left_out + b.left_out,
    )
