"""What is on the screen, as plain values for the graph, the table, the status line and the downloads."""

from __future__ import annotations

import csv
import io
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from db.formats.csv_files import neutral
from relex_core.selection import select, undecided
from relex_core.types import FLOOR, Annotation, Document, Entity, Extraction, Relation, Schema, Thresholds

MAX_EVIDENCE = 280
"""Longest evidence shown beside a triple, in code points."""

_SENTENCE_END = re.compile(r"(?<=[.!?。！？؟])[\"'”’)\]]*\s+|\n+")


@dataclass(frozen=True, slots=True)
class Shown:
    """The entities and relations that are on the screen, and how many suggestions the thresholds hide."""

    document: Document
    schema: Schema
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Triple:
    """A relation spelled out. `score` is None if a person said so."""

    head: Entity
    tail: Entity
    label: str
    score: float | None
    head_text: str
    tail_text: str
    evidence: str


def of_extraction(extraction: Extraction, thresholds: Thresholds) -> Shown:
    """What a model's extraction shows at `thresholds`."""
    shown = select(extraction, thresholds, twins=False)
    everything = select(extraction, FLOOR, twins=False)
    hidden = _size(everything) - _size(shown)
    return Shown(extraction.document, extraction.schema, shown.entities, shown.relations, max(hidden, 0))


def of_annotation(annotation: Annotation, thresholds: Thresholds) -> Shown:
    """A person's decisions, and the suggestions that are still open at `thresholds`."""
    entities, relations = undecided(annotation, thresholds, twins=False)
    more_entities, more_relations = undecided(annotation, FLOOR, twins=False)
    hidden = len(more_entities) + len(more_relations) - len(entities) - len(relations)
    return Shown(
        annotation.document,
        annotation.schema,
        tuple(sorted((*annotation.entities, *entities), key=lambda e: (e.start, e.end))),
        (*annotation.relations, *relations),
        max(hidden, 0),
    )


def triples(shown: Shown) -> tuple[Triple, ...]:
    """The relations of `shown` with texts and evidence, best score first, a person's own before all."""
    entities = {entity.id: entity for entity in shown.entities}
    bounds = sentence_starts(shown.document.text)
    found = []
    for relation in shown.relations:
        head, tail = entities[relation.head], entities[relation.tail]
        found.append(
            Triple(
                head,
                tail,
                relation.label,
                relation.score,
                head.text(shown.document),
                tail.text(shown.document),
                evidence(shown.document.text, bounds, head, tail),
            )
        )
    return tuple(sorted(found, key=lambda t: -(2.0 if t.score is None else t.score)))


def sentence_starts(text: str) -> tuple[int, ...]:
    """Where sentences begin, roughly: after closing punctuation and at line ends.

    >>> sentence_starts("One. Two.")
    (0, 5)
    """
    return (0, *(match.end() for match in _SENTENCE_END.finditer(text)))


def evidence(text: str, bounds: tuple[int, ...], *spans: Entity) -> str:
    """The sentences from the first to the last of `spans`, white space joined, shortened in the middle."""
    first = min(span.start for span in spans)
    last = max(span.end for span in spans)
    start = bounds[bisect_right(bounds, first) - 1]
    at = bisect_right(bounds, last - 1)
    end = bounds[at] if at < len(bounds) else len(text)
    # a sentence of pages, or none that ends: stay near the mentions
    start, end = max(start, first - MAX_EVIDENCE // 2), min(end, last + MAX_EVIDENCE // 2)
    passage = " ".join(text[start:end].split())
    if len(passage) <= MAX_EVIDENCE:
        return passage
    half = MAX_EVIDENCE // 2
    return f"{passage[:half].rstrip()} … {passage[-half:].lstrip()}"


def to_csv(documents: Iterable[Shown]) -> str:
    """Triples as CSV, one a line, with offsets in code points; cells that a spreadsheet would run are quoted."""
    out = io.StringIO()
    writer = csv.writer(out)
    header = "document,head,head type,relation,tail,tail type,score,head start,head end,tail start,tail end,evidence"
    writer.writerow(header.split(","))
    for shown in documents:
        for t in triples(shown):
            cells = [shown.document.source or shown.document.id, t.head_text, t.head.label, t.label, t.tail_text]
            row: list[object] = [neutral(cell) for cell in (*cells, t.tail.label)]
            row += ["" if t.score is None else f"{t.score:.4f}", *t.head.span, *t.tail.span, neutral(t.evidence)]
            writer.writerow(row)
    return out.getvalue()


def _size(extraction: Extraction) -> int:
    return len(extraction.entities) + len(extraction.relations)
