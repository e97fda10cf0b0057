"""GLiNER2 training examples, JSON Lines: {"input": text, "output": {"entities", "relations"}}.

Mentions are pinned to their characters ({"text", "start", "end"}), which GLiNER2 accepts since 2.0, so that a name
that occurs twice stays unambiguous. Every label of the record is listed, rejected ones with no mention: an
empty list trains a negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from db.formats.files import json_rows, readable, write_lines
from db.formats.record import (
    Edge,
    Format,
    Item,
    Mark,
    Record,
    each,
    misfit,
    record_from_marks,
    rejected_to_json,
    with_extra,
    with_rejected,
)
from relex_core.errors import quote
from relex_core.jsonl import Json, dumps, id_of
from relex_core.types import Annotation, Document, Entity, Schema


def write(annotations: Iterable[Annotation], path: Path) -> int:
    return write_lines(path, (dumps(to_json(annotation)) for annotation in annotations))


def to_json(annotation: Annotation) -> Json:
    document = annotation.document
    entities: dict[str, list[Json]] = {}
    for entity in annotation.entities:
        entities.setdefault(entity.label, []).append(_mention(document, entity))
    for entity in annotation.rejected_entities:
        entities.setdefault(entity.label, [])
    # GLiNER2 refuses an example without any task
    for label in annotation.schema.visible_entities if not entities else ():
        entities.setdefault(label.name, [])
    output: Json = {"entities": entities}
    descriptions = {
        e.name: e.description for e in annotation.schema.entity_labels if e.description and e.name in entities
    }
    if descriptions:
        output["entity_descriptions"] = descriptions
    places = annotation.by_id()
    output["relations"] = [
        {r.label: {"head": _mention(document, places[r.head]), "tail": _mention(document, places[r.tail])}}
        for r in annotation.relations
    ]
    kept = {"id": document.id, "source": document.source, **({"extra": document.extra} if document.extra else {})}
    index = {entity.id: number for number, entity in enumerate(_in_order(annotation))}
    return {"input": document.text, "output": output, **kept, **rejected_to_json(annotation, index)}


def _in_order(annotation: Annotation) -> list[Entity]:
    """The entities as a record lists them: label by label."""
    labels = {label: n for n, label in enumerate(dict.fromkeys(e.label for e in annotation.entities))}
    return sorted(annotation.entities, key=lambda entity: labels[entity.label])


def _mention(document: Document, entity: Entity) -> Json:
    # the label is ours, for two marks of one place; GLiNER2 reads the other three keys
    return {"text": entity.text(document), "start": entity.start, "end": entity.end, "label": entity.label}


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    return each(json_rows(path), lambda row: from_json(row, schema, readable(path.name)))


def from_json(row: Json, schema: Schema | None, source: str = "") -> Record:
    """Mentions without offsets are looked up; one that occurs more than once is refused as ambiguous."""
    document = Document.from_text(str(row["input"]), id_of(row.get("id")), str(row.get("source") or source))
    document = with_extra(document, row.get("extra"))
    output = row["output"]
    marks: dict[tuple[int, int, str], Mark] = {}
    for label, mentions in (output.get("entities") or {}).items():
        for mention in mentions:
            place = (*_place(document.text, mention), str(label))
            marks.setdefault(place, Mark(place, *place))
    edges = []
    for item in output.get("relations") or ():
        for label, ends in item.items():
            head, tail = (_end(document.text, ends[end], marks) for end in ("head", "tail"))
            edges.append(Edge(head, tail, str(label)))
    numbered = [Mark(number, *place) for number, place in enumerate(marks)]
    return with_rejected(record_from_marks(document, marks.values(), edges, schema), row.get("rejected"), numbered)


def _place(text: str, mention: Any) -> tuple[int, int]:
    if isinstance(mention, dict):
        start, end = int(mention["start"]), int(mention["end"])
        if text[start:end] != mention["text"]:
            raise misfit("a mention where its offsets say", f"{quote(mention['text'])} at [{start}, {end})", mention)
        return start, end
    surface = str(mention)
    found = text.find(surface)
    if not surface or found < 0 or text.find(surface, found + 1) >= 0:
        raise misfit("a mention that occurs once in the text, or one with offsets", quote(surface), mention)
    return found, found + len(surface)


def _end(text: str, mention: Any, marks: dict[tuple[int, int, str], Mark]) -> tuple[int, int, str]:
    start, end = _place(text, mention)
    label = mention.get("label") if isinstance(mention, dict) else None
    fitting = [place for place in marks if place[:2] == (start, end) and label in (None, place[2])]
    if not fitting:
        raise misfit("relations between mentions that are entities too", f"{quote(text[start:end])}", mention)
    return fitting[0]


FORMAT = Format("gliner2", ".jsonl", write, read, "GLiNER2 training examples (JSON Lines)")
