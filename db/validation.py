"""What a person should know about a set of annotations before it is exported: one pass, constant memory."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from db.formats.property_graph import xml_text
from db.formats.relex_jsonl import kept_of
from db.splits import same_text
from db.spool import spool
from relex_core.types import Annotation, Entity, Schema, allowed
from relex_core.words import Words

MAX_WORDS = 512
"""Words of the window that the released checkpoints read at once; training cuts longer texts there."""

MAX_WIDTH = 12
"""Widest entity in words that span models of GLiNER's family can mark."""

FEW = 10
"""Fewer examples of a label than this rarely teach it."""

SHOWN = 5

_WORD_FORMATS = {"gliner", "gliner2", "glirel"}
_FLAT_FORMATS = {"spacy"}
_XML_FORMATS = {"inception", "graphml"}
_NO_TEXT = {"csv-triples"}
_NO_REJECTED = {"inception", "brat", "csv-triples", "cypher"}
_NO_SOURCE = {"brat", "csv-triples"}
_UNDECIDED = {"gliner", "glirel", "relex-jsonl"}
_NO_EXTRA = {"inception", "brat", "csv-triples", "cypher"}


class Weight(StrEnum):
    """LOSS: this format cannot say it. WARNING: likely a mistake or harmful in training. NOTE: good to know."""

    LOSS = "loss"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of fault: how often, and up to five places (document id and what is there)."""

    weight: Weight
    what: str
    count: int
    places: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Validation:
    """Counts and findings; `clean` says that nothing is lost and nothing looks wrong."""

    documents: int
    entities: int
    relations: int
    entity_labels: tuple[tuple[str, int], ...]
    relation_labels: tuple[tuple[str, int], ...]
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        return all(finding.weight is Weight.NOTE for finding in self.findings)


@dataclass(slots=True)
class _Tally:
    counts: Counter[tuple[Weight, str]] = field(default_factory=Counter)
    places: dict[tuple[Weight, str], list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, weight: Weight, what: str, document: str, where: str) -> None:
        self.counts[weight, what] += 1
        places = self.places.setdefault((weight, what), [])
        if len(places) < SHOWN:
            places.append((document, where))


def validate(annotations: Iterable[Annotation], format: str = "gliner") -> Validation:
    """Look at each annotation once. Raises StoreError if there is no room for temporary files."""
    tally = _Tally()
    entities: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    schema = Schema()
    documents = 0
    with spool("texts (hash TEXT PRIMARY KEY, id TEXT) WITHOUT ROWID") as tables:
        for annotation in annotations:
            documents += 1
            schema = annotation.schema
            entities.update(e.label for e in annotation.entities)
            relations.update(r.label for r in annotation.relations)
            id = annotation.document.id
            first = _first(tables, same_text(annotation.document.text), id)
            if first != id:
                tally.add(Weight.WARNING, "texts that occur twice", id, f"the same as {first}")
            for weight, what, where in _faults(annotation, format):
                tally.add(weight, what, id, where)
    for kind, labels, counts in (
        ("entity", [label.name for label in schema.visible_entities], entities),
        ("relation", [label.name for label in schema.visible_relations], relations),
    ):
        for name in labels:
            if not counts[name]:
                tally.add(Weight.WARNING, f"{kind} labels without an example", "", name)
            elif counts[name] < FEW:
                tally.add(Weight.NOTE, f"{kind} labels with fewer than {FEW} examples", "", f"{name}: {counts[name]}")
    order = list(Weight)
    findings = [Finding(*key, count, tuple(tally.places[key])) for key, count in tally.counts.items()]
    findings.sort(key=lambda finding: (order.index(finding.weight), -finding.count, finding.what))
    return Validation(
        documents,
        entities.total(),
        relations.total(),
        tuple(entities.most_common()),
        tuple(relations.most_common()),
        tuple(findings),
    )


def _first(tables: sqlite3.Connection, text: str, id: str) -> str:
    """The first document that had a text of this hash."""
    tables.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (text, id))
    return str(tables.execute("SELECT id FROM texts WHERE hash = ?", (text,)).fetchone()[0])


def _faults(annotation: Annotation, format: str) -> Iterator[tuple[Weight, str, str]]:
    document = annotation.document
    text = document.text
    words = Words.of(text)
    if not annotation.entities:
        if format == "glirel":
            yield Weight.WARNING, "documents without a mark, at which GLiREL's trainer stops", ""
        else:
            yield Weight.NOTE, "documents without a mark", ""
    if len(words) > MAX_WORDS and format in _WORD_FORMATS:
        yield Weight.WARNING, f"texts longer than the model's window of {MAX_WORDS} words", f"{len(words)} words"
    if format in _NO_TEXT and not annotation.relations:
        yield Weight.LOSS, "documents without a relation, of which this format says nothing", ""
    if format in _XML_FORMATS and xml_text(text) != text:
        yield Weight.LOSS, "control characters, which this format replaces", ""
    yield from _left_behind(annotation, format)
    yield from _mark_faults(annotation, words, format)
    yield from _relation_faults(annotation, format)


def _left_behind(annotation: Annotation, format: str) -> Iterator[tuple[Weight, str, str]]:
    """What the format has no room for."""
    document = annotation.document
    if format in _NO_REJECTED:
        told = "suggestions that were turned down, which this format does not hold"
        for entity in annotation.rejected_entities:
            yield Weight.LOSS, told, f"{entity.text(document)[:40]!r} ({entity.label})"
        for relation in annotation.rejected_relations:
            yield Weight.LOSS, told, relation.label
    if annotation.undecided is not None and format not in _UNDECIDED:
        left = annotation.undecided
        parts = left.seen, left.seen_relations, left.not_shown, left.not_shown_relations
        told = "what submitted documents left undecided, which this format does not hold"
        yield Weight.LOSS, told, f"{sum(map(len, parts))} suggestions"
    if format in _NO_SOURCE and document.source:
        yield Weight.LOSS, "sources of documents, which this format does not hold", document.source[:40]
    foreign = format == "relex-jsonl" and not kept_of(document)
    if document.extra and (foreign or format in _NO_EXTRA):
        told = "what a file said of a document beside its marks, which this format does not hold"
        yield Weight.LOSS, told, document.extra[:40]
    if format in _NO_TEXT:
        related = {end for relation in annotation.relations for end in (relation.head, relation.tail)}
        for entity in annotation.entities:
            if entity.id not in related:
                told = "marks in no relation, of which this format says nothing"
                yield Weight.LOSS, told, f"{entity.text(document)[:40]!r} ({entity.label})"


def _mark_faults(annotation: Annotation, words: Words, format: str) -> Iterator[tuple[Weight, str, str]]:
    text = annotation.document.text
    starts, ends = set(words.starts), set(words.ends)
    by_span: dict[tuple[int, int], Entity] = {}
    before: Entity | None = None
    for entity in sorted(annotation.entities, key=lambda e: (e.start, -e.end)):
        surface = entity.text(annotation.document)
        where = f"{surface[:40]!r} ({entity.label})"
        if surface != surface.strip():
            yield Weight.WARNING, "marks with white space at an end", where
        elif entity.start not in starts or entity.end not in ends:
            weight = Weight.LOSS if format in _WORD_FORMATS else Weight.NOTE
            yield weight, "marks that begin or end inside a word (trainers get whole words)", where
        covered = words.covering(*entity.span)
        if format in _WORD_FORMATS and covered and covered[1] - covered[0] >= MAX_WIDTH:
            yield Weight.WARNING, f"marks wider than {MAX_WIDTH} words, which span models cannot learn", where
        twin = by_span.setdefault(entity.span, entity)
        if twin is not entity:
            told = "spans with two labels (GLiNER's trainer mixes up their relations)"
            yield Weight.WARNING, told, f"{where} and {twin.label}"
        elif before is not None and entity.start < before.end:
            weight = Weight.LOSS if format in _FLAT_FORMATS else Weight.NOTE
            told = "overlapping marks" + (" (doc.ents keeps the longest, doc.spans all)" if format == "spacy" else "")
            yield weight, told, f"{where} in {text[before.start : before.end][:40]!r}"
        if before is None or entity.end > before.end:
            before = entity


def _relation_faults(annotation: Annotation, format: str) -> Iterator[tuple[Weight, str, str]]:
    entities = annotation.by_id()
    pairs = Counter((relation.head, relation.tail) for relation in annotation.relations)
    labels, bounds = {label.name: label for label in annotation.schema.relation_labels}, annotation.schema.bounds
    keys = {relation.key for relation in annotation.relations}
    for relation in annotation.relations:
        head, tail = entities[relation.head], entities[relation.tail]
        ends = f"{head.text(annotation.document)[:30]!r} {relation.label} {tail.text(annotation.document)[:30]!r}"
        label = labels[relation.label]
        if format == "glirel" and pairs[relation.head, relation.tail] > 1:
            yield Weight.WARNING, "relations of a pair that has several, of which GLiREL's trainer learns one", ends
        if not allowed(bounds[relation.label], head.label, tail.label):
            yield Weight.WARNING, "relations between types that their label does not allow", ends
        both = (relation.tail, relation.head, relation.label) in keys
        if both and not label.symmetric and relation.head < relation.tail:
            yield Weight.WARNING, "relations in both directions though their label is not symmetric", ends
        if label.symmetric and both and relation.head < relation.tail:
            yield Weight.NOTE, "symmetric relations marked in both directions", ends
