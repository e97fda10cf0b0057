"""Predictions made elsewhere, read from a file: one extraction record (`python -m relex_core extract`) to a line.

A record names its document by `id`; its `text`, if it has one, must be that of the document. Entities and relations
without a score are sure. The same mark twice is one; a label that the annotated file does not use counts as wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from relex_core.errors import FormatError, InputError, RelexError, quote
from relex_core.jsonl import Json, graph_from_json, read_lines, reading
from relex_core.selection import sureness
from relex_core.types import Document, Entity, EntityLabel, Extraction, Relation, RelationLabel, Schema, Thresholds

Graph = tuple[tuple[Entity, ...], tuple[Relation, ...]]


class PredictionsFile:
    """Plain or gzipped JSON lines. Raises InputError; FormatError names the bad line."""

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        self.name = f"predictions in {path.name}"
        self.records: dict[str, tuple[int, str | None, Graph]] = {}
        with reading(path, "a readable .jsonl or .jsonl.gz file of predictions") as lines:
            for number, record in read_lines(lines):
                self._take(number, record)

    def predict(
        self,
        documents: Sequence[Document],
        schema: Schema,
        floor: Thresholds,
        given: Sequence[tuple[Entity, ...]] | None = None,
    ) -> Iterator[Extraction]:
        """Raises InputError for a document without a prediction, or one that does not fit its text."""
        for number, document in enumerate(documents):
            if document.id not in self.records:
                raise InputError(
                    expected="a prediction for each document",
                    found=f"none for {quote(document.id)}",
                    change="Give every record of the data file a prediction with the same id.",
                    value=document.id,
                )
            line, text, graph = self.records[document.id]
            if text is not None and text != document.text:
                raise _misfit(line, f"another text for {quote(document.id)}", "Predict the texts of the data file.")
            entities, relations = graph if given is None else _between(graph, given[number])
            try:
                yield Extraction(document, _wider(schema, entities, relations), entities, relations, self.name, floor)
            except RelexError as error:
                raise _misfit(line, f"{error.found} for {quote(document.id)}", error.change) from error

    def _take(self, number: int, record: Json | FormatError) -> None:
        if isinstance(record, FormatError):
            raise record
        name, text = record.get("id"), record.get("text")
        if not isinstance(name, str | int) or not isinstance(text, str | None):
            raise _misfit(number, f"the keys {quote(sorted(record))}", 'Give each record an "id".')
        if str(name) in self.records:
            raise _misfit(number, f"{quote(name)} once more", "Give each document one prediction.")
        try:
            graph = _each_once(graph_from_json(record))
        except FormatError as error:
            raise _misfit(number, error.found, error.change) from error
        self.records[str(name)] = number, text, graph


def _each_once(graph: Graph) -> Graph:
    """Entities of the same span and label as one, with the best score; relations of all of them meet there."""
    entities, relations = graph
    kept: dict[tuple[int, int, str], Entity] = {}
    names: dict[str, str] = {}
    for entity in entities:
        first = kept.setdefault((*entity.span, entity.label), entity)
        if sureness(entity) > sureness(first):
            kept[*entity.span, entity.label] = replace(first, score=entity.score)
        names[entity.id] = first.id
    edges: dict[tuple[str, str, str], Relation] = {}
    for relation in relations:
        edge = replace(
            relation, head=names.get(relation.head, relation.head), tail=names.get(relation.tail, relation.tail)
        )
        if edge.key not in edges or sureness(edge) > sureness(edges[edge.key]):
            edges[edge.key] = edge
    return tuple(kept.values()), tuple(edges.values())


def _between(graph: Graph, given: tuple[Entity, ...]) -> Graph:
    """The relations whose ends stand on given entities, between these."""
    at = {entity.span: entity.id for entity in given}
    ends = {entity.id: at[entity.span] for entity in graph[0] if entity.span in at}
    moved = (replace(r, head=ends[r.head], tail=ends[r.tail]) for r in graph[1] if {r.head, r.tail} <= ends.keys())
    return _each_once((given, tuple(r for r in moved if r.head != r.tail)))


def _wider(schema: Schema, entities: Iterable[Entity], relations: Iterable[Relation]) -> Schema:
    types = dict.fromkeys(e.label for e in entities if e.label not in schema.entity_names)
    names = dict.fromkeys(r.label for r in relations if r.label not in schema.relation_names)
    if not types and not names:
        return schema
    return Schema(
        (*schema.entity_labels, *map(EntityLabel, types)), (*schema.relation_labels, *map(RelationLabel, names))
    )


def _misfit(number: int, found: str, change: str) -> FormatError:
    return FormatError(
        expected=f"the prediction for one document in line {number}", found=found, change=change, lines=(number,)
    )
