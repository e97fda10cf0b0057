"""The graph of a project from what is stored.

The database gives the marks of one document after the other, and only places and labels are kept of them, so that
memory grows with the number of marks and not with the texts.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db import extractions as extractions_
from db import leaving, naming, projects, revisions
from db.corpus import Corpus, Edge, Evidence, Key, Mention, Node, Source, normal
from db.documents import within
from db.exports import DECIDED
from db.labels import translate
from db.projects import LabelSet
from db.store import Store
from db.tables import documents, extractions, texts
from db.values import State
from relex_core.jsonl import graph_from_json
from relex_core.selection import select, undecided
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Schema, Thresholds


def stamp(store: Store, project: str) -> tuple[int, ...]:
    """Changes whenever a graph of the project would: key, label set, documents, revisions, extractions, which documents
    are left out and which names are joined."""
    with store.database.read() as connection:
        pk, version = projects.find(connection, project)
        said = sa.select(
            sa.func.count(), sa.func.coalesce(sa.func.sum(documents.c.revisions), 0), sa.func.max(documents.c.pk)
        ).where(within(pk))
        found = sa.select(sa.func.count(), sa.func.max(extractions.c.pk)).join(
            documents, documents.c.pk == extractions.c.document_pk
        )
        numbers = (
            *connection.execute(said).one(),
            *connection.execute(found.where(within(pk))).one(),
            leaving.stamp(connection, pk),
            naming.stamp(connection, pk),
        )
        return pk, version, *(int(number or 0) for number in numbers)


def read(store: Store, project: str, source: Source, thresholds: Thresholds, model_version: str) -> Corpus:
    """The graph of a project: suggestions of that model above `thresholds`, decisions, or both. Raises NotFound."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        labels = projects.load_labels(connection, pk)
        merging = _Merging(labels.schema, naming.read(connection, labels))
        decided: set[str] = set()
        if source is not Source.SUGGESTED:
            model = model_version if source is Source.BOTH else None
            for document, entities, relations in _decisions(connection, labels, thresholds, model):
                decided.add(document.id)
                merging.add(document, entities, relations)
        if source is not Source.CORRECTED:
            for extraction in _suggestions(connection, labels, model_version, decided):
                shown = select(extraction, thresholds)
                merging.add(shown.document, shown.entities, shown.relations)
        return merging.corpus()


class _Merging:
    """Collects the marks of one document after the other."""

    def __init__(self, schema: Schema, joined: naming.Names) -> None:
        self._schema = schema
        self._joined = joined
        self._types = {label.name for label in schema.visible_entities}
        self._names = {label.name: at for at, label in enumerate(schema.visible_relations)}
        self._mentions: dict[Key, list[Mention]] = defaultdict(list)
        self._spellings: dict[Key, Counter[str]] = defaultdict(Counter)
        self._evidence: dict[tuple[Key, Key, str], list[Evidence]] = defaultdict(list)
        self._documents = 0

    def add(self, document: Document, entities: Iterable[Entity], relations: Iterable[Relation]) -> None:
        self._documents += 1
        keys: dict[str, Key] = {}
        marks: dict[str, Entity] = {}
        for entity in entities:
            if entity.label in self._types:
                text = entity.text(document)
                key = self._joined.key((normal(text), entity.label))
                keys[entity.id], marks[entity.id] = key, entity
                self._spellings[key][" ".join(text.split())] += 1
                self._mentions[key].append(Mention(document.id, entity.start, entity.end, entity.score))
        for relation in relations:
            if relation.label in self._names and relation.head in keys and relation.tail in keys:
                one = self._one_way(relation, keys)
                head, tail = keys[one.head], keys[one.tail]
                if head != tail:
                    place = Evidence(document.id, marks[one.head].span, marks[one.tail].span, relation.score)
                    self._evidence[head, tail, one.label].append(place)

    def _one_way(self, relation: Relation, keys: Mapping[str, Key]) -> Relation:
        """The same statement as all documents put it: one direction of a symmetric label, one label of two inverse."""
        label = self._schema.relation(relation.label)
        if label.symmetric and keys[relation.tail] < keys[relation.head]:
            return replace(relation, head=relation.tail, tail=relation.head)
        if label.inverse in self._names and self._names[label.inverse] < self._names[relation.label]:
            return Relation(relation.tail, relation.head, label.inverse, relation.score)
        return relation

    def corpus(self) -> Corpus:
        nodes = [self._node(key, tuple(found)) for key, found in self._mentions.items()]
        edges = [Edge(head, tail, label, tuple(found)) for (head, tail, label), found in self._evidence.items()]
        nodes.sort(key=lambda node: (-len(node.mentions), node.key))
        edges.sort(key=lambda edge: (-len(edge.evidence), edge.head, edge.label, edge.tail))
        return Corpus(self._schema, tuple(nodes), tuple(edges), self._documents, self._joined.apart)

    def _node(self, key: Key, mentions: tuple[Mention, ...]) -> Node:
        text, others = self._joined.written(key, self._spellings[key])
        return Node(key, text, mentions, others)


def _decisions(
    connection: Connection, labels: LabelSet, thresholds: Thresholds, model_version: str | None
) -> Iterator[tuple[Document, Iterable[Entity], Iterable[Relation]]]:
    """What people decided, document by document; with a model, also what it still suggests in those in progress."""
    for row in _pages(connection, revisions.latest_decisions(labels.project, DECIDED)):
        document = Document(row.id, row.text)
        entities, relations = graph_from_json(json.loads(row.decisions))
        renames = labels.since(row.label_version)
        if renames:
            entities, relations = translate(entities, relations, renames)
        if model_version is not None and row.state == State.IN_PROGRESS:
            open_entities, open_relations = _open(connection, labels, row, document, thresholds, model_version)
            entities, relations = (*entities, *open_entities), (*relations, *open_relations)
        yield document, entities, relations


def _open(
    connection: Connection,
    labels: LabelSet,
    row: sa.Row[Any],
    document: Document,
    thresholds: Thresholds,
    model_version: str,
) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
    found = connection.execute(_extractions(labels.project, model_version).where(documents.c.pk == row.at)).first()
    if found is None:
        return (), ()
    annotation: Annotation = revisions.read(connection, labels, row, document, suggestions=False).annotation
    return undecided(replace(annotation, based_on=_extraction(connection, labels, found)), thresholds)


def _suggestions(
    connection: Connection, labels: LabelSet, model_version: str, without: set[str]
) -> Iterator[Extraction]:
    for row in _pages(connection, _extractions(labels.project, model_version)):
        if row.id not in without:
            yield _extraction(connection, labels, row)


def _extraction(connection: Connection, labels: LabelSet, row: sa.Row[Any]) -> Extraction:
    return extractions_.read(connection, labels, row, Document(row.id, row.text))


def _extractions(project: int, model_version: str) -> sa.Select[Any]:
    """The model's last extraction of each document."""
    last = (
        sa.select(sa.func.max(extractions.c.pk))
        .where(extractions.c.document_pk == documents.c.pk, extractions.c.model_version == model_version)
        .correlate(documents)
        .scalar_subquery()
    )
    return (
        sa.select(extractions, documents.c.pk.label("at"), documents.c.id, texts.c.text)
        .select_from(documents)
        .join(extractions, extractions.c.pk == last)
        .join(texts, texts.c.document_pk == documents.c.pk)
        .where(within(project))
    )


def _pages(connection: Connection, query: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
    """All rows by the key of their document, some hundred at a time."""
    at = 0
    while True:
        page = query.where(documents.c.pk > at).order_by(documents.c.pk).limit(revisions.BATCH)
        found = connection.execute(page).all()
        yield from found
        if len(found) < revisions.BATCH:
            return
        at = found[-1].at
