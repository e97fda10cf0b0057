"""GLiREL training examples, JSON Lines: tokens, entities and relations by inclusive token positions.

The key `relex` holds what token positions cannot say; files of others, without it, are read as tokens joined by
spaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from db.formats.files import json_rows, write_lines
from db.formats.record import Edge, Format, Item, Mark, Record, each, record_from_marks, united
from db.formats.tokens import Tokens
from relex_core.jsonl import Json, decisions_from_json, document_from_json, dumps, id_of, training_record
from relex_core.types import Annotation, Document, Schema


def write(annotations: Iterable[Annotation], path: Path) -> int:
    return write_lines(path, (dumps(to_json(annotation)) for annotation in annotations))


def to_json(annotation: Annotation) -> Json:
    record = training_record(annotation)
    tokens = record["tokenized_text"]
    ends = [
        {"mention": " ".join(tokens[first : last + 1]), "position": [first, last], "type": label}
        for first, last, label in record["ner"]
    ]
    return {
        "tokenized_text": tokens,
        "ner": [[*end["position"], end["type"], end["mention"]] for end in ends],
        "relations": [
            {"head": ends[head], "tail": ends[tail], "relation_text": label}
            for head, tail, label in record["relations"]
        ],
        "relex": record["relex"],
    }


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    return each(json_rows(path), lambda row: from_json(row, schema))


def from_json(row: Json, schema: Schema | None) -> Record:
    """Raises FormatError, InputError or SchemaError."""
    extra = row.get("relex")
    if isinstance(extra, dict):
        known = united(schema, (e["label"] for e in extra["entities"]), (r["label"] for r in extra["relations"]))
        return decisions_from_json(extra, document_from_json(extra), known)
    tokens = Tokens.joined([str(token) for token in row["tokenized_text"]])
    document = Document.from_text(tokens.text, id_of(row.get("id")))
    marks: dict[tuple[int, int, str], Mark] = {}
    for first, last, label, *_ in row["ner"]:
        key = (int(first), int(last), str(label))
        marks.setdefault(key, Mark(key, *tokens.offsets(first, last), str(label)))
    edges = []
    for relation in row.get("relations") or ():
        ends = []
        for end in (relation["head"], relation["tail"]):
            first, last = (int(position) for position in end["position"])
            typed = (first, last, str(end.get("type")))
            ends.append(typed if typed in marks else next((k for k in marks if k[:2] == (first, last)), typed))
        edges.append(Edge(ends[0], ends[1], str(relation["relation_text"])))
    return record_from_marks(document, marks.values(), edges, schema)


FORMAT = Format("glirel", ".jsonl", write, read, "GLiREL training examples (JSON Lines)")
