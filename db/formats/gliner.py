"""GLiNER-Relex stage-2 training examples, JSON Lines (paper section 3.9); see `relex_core.jsonl`.

`ner_negatives` and `rel_negatives` name the labels of rejected suggestions, so that training asks for them as
negatives. Marks that end inside a word are widened for the trainer and kept exact beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from db.formats.files import json_rows, write_lines
from db.formats.record import Format, Item, each, united
from relex_core.jsonl import Json, annotation_from_training, dumps, graph_from_json, training_labels, training_record
from relex_core.types import Annotation, Schema


def write(annotations: Iterable[Annotation], path: Path) -> int:
    return write_lines(path, (dumps(training_record(annotation)) for annotation in annotations))


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    def make(row: Json) -> Annotation:
        extra = row.get("relex")
        if isinstance(extra, dict):
            entities, relations = graph_from_json(extra)
            known = united(schema, (e.label for e in entities), (r.label for r in relations))
        else:
            known = united(schema, *training_labels([row]))
        return annotation_from_training(row, known)

    return each(json_rows(path), make)


FORMAT = Format("gliner", ".jsonl", write, read, "GLiNER-Relex stage-2 training examples (JSON Lines)")
