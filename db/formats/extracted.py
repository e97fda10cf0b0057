"""What `python -m relex_core extract` writes, JSON Lines: id, text, model_version, entities and relations with scores.

For reading only: the records are a model's suggestions, offsets are code points, ends of relations are ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from db.formats.files import json_rows, readable
from db.formats.record import Edge, Format, Item, Mark, each, extraction_from_marks
from relex_core.jsonl import Json, document_from_json
from relex_core.types import Extraction, Schema


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    return each(json_rows(path), lambda row: from_json(row, schema, readable(path.name)))


def from_json(row: Json, schema: Schema | None, source: str = "") -> Extraction:
    """Raises FormatError, InputError or SchemaError."""
    document = document_from_json(row, source)
    marks = [
        Mark(str(e["id"]), int(e["start"]), int(e["end"]), str(e["label"]), float(e["score"]), str(e["id"]))
        for e in row["entities"]
    ]
    edges = [Edge(str(r["head"]), str(r["tail"]), str(r["label"]), float(r["score"])) for r in row["relations"]]
    windows = tuple((int(start), int(end)) for start, end in row.get("windows") or ())
    return extraction_from_marks(document, marks, edges, schema, str(row.get("model_version") or "imported"), windows)


FORMAT = Format(
    "extract", ".jsonl", None, read, "Suggestions as `python -m relex_core extract` writes them (JSON Lines)"
)
