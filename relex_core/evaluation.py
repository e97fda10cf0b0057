"""How good a predictor is: zero-shot strict micro-F1 on annotated files, with everything that was chosen stated.

    python -m relex_core evaluate --checkpoint mini --data FILE... --thresholds dev:DEVFILE --json OUT

All labels of a file are shown at once, in alphabetical order, unless each text is asked for its own and some others, as
a person who knows the text would ask. Protocol differences from the paper's table 2
are printed with its figures: the paper states neither its label wording nor its thresholds by data set.
"""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from relex_core import metrics
from relex_core.datasets import UNKNOWN_TYPE, Gold, joined, labels_of, read_gold
from relex_core.errors import InputError
from relex_core.jsonl import Json, thresholds_to_json
from relex_core.metrics import Counts, DocumentScore
from relex_core.selection import select
from relex_core.types import Document, Entity, EntityLabel, Extraction, Schema, Thresholds

SCORING_FLOOR = Thresholds(entity=0.1, relation=0.05)
"""Each document is read once, down to here; thresholds are then chosen among the stored scores."""

MAX_ERRORS = 500
"""Most documents with errors that a report lists."""


class Predictor(Protocol):
    """Anything that reads documents: this package, the `gliner` package, a file, a server."""

    name: str

    def predict(
        self,
        documents: Sequence[Document],
        schema: Schema,
        floor: Thresholds,
        given: Sequence[tuple[Entity, ...]] | None = None,
    ) -> Iterable[Extraction]:
        """One extraction for each document, in order. With `given`, only these entities may be related."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """Raw predictions on one file: what thresholds are chosen from."""

    name: str
    sha256: str
    gold: tuple[Gold, ...]
    schema: Schema
    found: tuple[Extraction, ...]
    seconds: float
    gold_entities: bool


@dataclass(frozen=True, slots=True)
class Report:
    """The scores of one run at one pair of thresholds."""

    run: Run
    thresholds: Thresholds
    parts: tuple[DocumentScore, ...]

    @property
    def entities(self) -> Counts:
        return metrics.micro(metrics.total(part.entities for part in self.parts))

    @property
    def relations(self) -> Counts:
        return metrics.micro(metrics.total(part.relations for part in self.parts))

    @property
    def typed(self) -> Counts:
        return metrics.micro(metrics.total(part.typed for part in self.parts))

    @property
    def documents_per_second(self) -> float:
        return len(self.run.gold) / self.run.seconds if self.run.seconds else 0.0

    def to_json(self) -> Json:
        """Everything the table and the app's page show."""
        return {
            "data": self.run.name,
            "sha256": self.run.sha256,
            "documents": len(self.run.gold),
            "partial": any(gold.partial for gold in self.run.gold),
            "document_level": any(gold.clusters for gold in self.run.gold),
            "gold_entities": self.run.gold_entities,
            "thresholds": thresholds_to_json(self.thresholds),
            "entities": _figures([part.entities for part in self.parts]),
            "relations": _figures([part.relations for part in self.parts]),
            "relations_with_types": _figures([part.typed for part in self.parts]),
            "confusions": [
                {"true": true, "claimed": claimed, "count": count}
                for (true, claimed), count in Counter(
                    pair for part in self.parts for pair in part.confusions
                ).most_common(60)
            ],
            "documents_per_second": round(self.documents_per_second, 2),
            "errors": [
                {
                    "id": gold.document.id,
                    "text": gold.document.text,
                    "missed": [_edge(key) for key in part.missed],
                    "false": [_edge(key) for key in part.false],
                    "missed_entities": [_mark(key) for key in part.missed_entities],
                    "false_entities": [_mark(key) for key in part.false_entities],
                }
                for gold, part in zip(self.run.gold, self.parts, strict=True)
                if part.missed or part.false or part.missed_entities or part.false_entities
            ][:MAX_ERRORS],
        }


def _edge(key: metrics.Key) -> Json:
    head, tail, label = key
    return {"head": head, "tail": tail, "label": label}


def _mark(key: metrics.Key) -> Json:
    start, end, label = key
    return {"start": start, "end": end, "label": label}


def _figures(parts: Sequence[Mapping[str, Counts]]) -> Json:
    by_label = metrics.total(parts)
    low, high = metrics.interval(parts)
    return {
        **_one(metrics.micro(by_label)),
        "f1_95": [round(low, 4), round(high, 4)],
        "by_label": {label: _one(counts) for label, counts in sorted(by_label.items())},
    }


def _one(counts: Counts) -> Json:
    return {
        "precision": round(counts.precision, 4),
        "recall": round(counts.recall, 4),
        "f1": round(counts.f1, 4),
        "support": counts.support,
    }


def predict_file(
    predictor: Predictor,
    path: str | Path,
    gold_entities: bool = False,
    limit: int | None = None,
    floor: Thresholds = SCORING_FLOOR,
    join: int = 1,
    others: int | None = None,
) -> Run:
    """Read every document of an annotated file once, down to `floor`; `join` of them at a time as one text.

    All labels of the file are asked for at once; with `others`, of each text its own and so many others.
    Raises InputError or FormatError.
    """
    gold = read_gold(path)[:limit]
    if join > 1:
        gold = joined(gold, join)
    schema = labels_of(gold)
    given = [unique_spans(record.entities) for record in gold] if gold_entities else None
    if given is not None:
        names = {e.label for entities in given for e in entities}
        known = names - {UNKNOWN_TYPE}
        # a hidden label is not prompted, and its entities can be given
        rest = [EntityLabel(UNKNOWN_TYPE, hidden=True)] if known < names else []
        schema = Schema.of([*sorted(known), *rest] if known else sorted(names), schema.relation_labels)
    if not schema.entity_labels:
        raise InputError(
            expected=f"at least one record with an entity whose type is known in {path}",
            found=f"none in {len(gold):,} records",
            change="Give another file.",
            value=str(path),
        )
    documents = [record.document for record in gold]
    began = time.perf_counter()
    if others is None:
        found = tuple(predictor.predict(documents, schema, floor, given))
    else:
        found = tuple(
            extraction
            for place, (record, asked) in enumerate(zip(gold, own_labels(gold, schema, others), strict=True))
            for extraction in predictor.predict([record.document], asked, floor, given and given[place : place + 1])
        )
    seconds = time.perf_counter() - began
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    name = _NAME_ENDS.sub("", Path(path).name) + (f", {join} joined" if join > 1 else "")
    if others is not None:
        name += f", own labels + {others}"
    return Run(name, digest, gold, schema, found, seconds, gold_entities)


_NAME_ENDS = re.compile(r"(?<=.)(\.jsonl|\.marked)?(\.gz)?$")
"""What the name of an annotated file ends in; a version such as "dev.v2" stays."""


def own_labels(gold: Sequence[Gold], schema: Schema, others: int) -> Iterator[Schema]:
    """For each text the labels of `schema` that it has, and up to `others` of each kind that it has not.

    Those are drawn by the text's place in the file, so that every predictor is asked the same. The inverse of a label
    comes with it.
    """
    for place, record in enumerate(gold):
        rng = random.Random(place)  # noqa: S311
        own = labels_of([record])
        entities, relations = own.entity_names | {UNKNOWN_TYPE}, own.relation_names
        entities |= _drawn([label.name for label in schema.entity_labels], entities, others, rng)
        relations |= _drawn([label.name for label in schema.relation_labels], relations, others, rng)
        relations |= {label.inverse for label in schema.relation_labels if label.name in relations}
        yield Schema(
            tuple(label for label in schema.entity_labels if label.name in entities),
            tuple(label for label in schema.relation_labels if label.name in relations),
        )


def _drawn(names: Sequence[str], but: frozenset[str], number: int, rng: random.Random) -> set[str]:
    rest = [name for name in names if name not in but]
    return set(rng.sample(rest, min(number, len(rest))))


def unique_spans(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """One entity for each span: a known type before the unknown one, else the first."""
    chosen: dict[tuple[int, int], Entity] = {}
    for entity in sorted(entities, key=lambda e: (e.span, e.label == UNKNOWN_TYPE)):
        chosen.setdefault(entity.span, entity)
    return tuple(chosen.values())


def report(run: Run, thresholds: Thresholds) -> Report:
    """The scores of `run` at `thresholds`."""
    parts = (metrics.score(gold, shown(run, place, thresholds)) for place, gold in enumerate(run.gold))
    return Report(run, thresholds, tuple(parts))


def shown(run: Run, place: int, thresholds: Thresholds) -> Extraction:
    """What of the document at `place` is shown at `thresholds`."""
    found = run.found[place]
    return _keep_relations(found, thresholds) if run.gold_entities else select(found, thresholds)


def _keep_relations(found: Extraction, thresholds: Thresholds) -> Extraction:
    # supplied entities are shown whatever their score, overlapping ones too
    kept = tuple(r for r in found.relations if r.score is None or r.score > thresholds.of_relation(r.label))
    return Extraction(found.document, found.schema, found.entities, kept, found.model_version, found.floor)
