"""doccano's JSON Lines for sequence labelling with relations; its older files (`label`, `labels`) are read too.

Offsets are code points. Ids are numbers that are unique in the file, as doccano assigns them. doccano keeps
keys that it does not know as metadata: the document's id and source, and suggestions that a person turned down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from db.formats.files import json_rows, readable, write_lines
from db.formats.record import (
    Edge,
    Format,
    Item,
    Mark,
    Record,
    each,
    record_from_marks,
    rejected_to_json,
    with_extra,
    with_rejected,
)
from relex_core.jsonl import Json, dumps, id_of
from relex_core.types import Annotation, Document, Schema


def write(annotations: Iterable[Annotation], path: Path) -> int:
    return write_lines(path, _lines(annotations))


def _lines(annotations: Iterable[Annotation]) -> Iterator[str]:
    entities = relations = 0
    for number, annotation in enumerate(annotations, start=1):
        ids = {entity.id: entities + n for n, entity in enumerate(annotation.entities, start=1)}
        document = annotation.document
        yield dumps(
            {
                "id": number,
                "text": document.text,
                "entities": [
                    {"id": ids[e.id], "label": e.label, "start_offset": e.start, "end_offset": e.end}
                    for e in annotation.entities
                ],
                "relations": [
                    {"id": relations + n, "from_id": ids[r.head], "to_id": ids[r.tail], "type": r.label}
                    for n, r in enumerate(annotation.relations, start=1)
                ],
                "Comments": [],
                "document": document.id,
                "source": document.source,
                **({"extra": document.extra} if document.extra else {}),
                **rejected_to_json(annotation, ids),
            }
        )
        entities += len(annotation.entities)
        relations += len(annotation.relations)


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    def make(row: Json) -> Record:
        text = row["text"] if "text" in row else row["data"]
        id = id_of(row.get("document"), row.get("id"))
        document = Document.from_text(str(text), id, str(row.get("source") or readable(path.name)))
        document = with_extra(document, row.get("extra"))
        if "entities" not in row:
            triples = row.get("label") or row.get("labels") or []
            marks = [Mark(n, int(start), int(end), str(label)) for n, (start, end, label) in enumerate(triples)]
            return record_from_marks(document, marks, (), schema) if marks else document
        marks = [Mark(e["id"], int(e["start_offset"]), int(e["end_offset"]), str(e["label"])) for e in row["entities"]]
        edges = [Edge(r["from_id"], r["to_id"], str(r["type"])) for r in row.get("relations") or ()]
        return with_rejected(record_from_marks(document, marks, edges, schema), row.get("rejected"), marks)

    return each(json_rows(path), make)


FORMAT = Format("doccano", ".jsonl", write, read, "doccano, sequence labelling with relations (JSON Lines)")
