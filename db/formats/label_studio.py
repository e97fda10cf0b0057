"""Label Studio's JSON: tasks with annotations (marks of a person) and predictions (a model's, with scores).

Offsets are code points as Label Studio 1.5 and later write them; earlier versions counted UTF-16 units, so the
surface text that each mark carries decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from db.formats.files import json_rows, write_json_array
from db.formats.record import Attributed, Edge, Format, Item, Mark, Record, each, misfit, record_from_marks
from db.formats.utf16 import repaired
from relex_core.errors import quote
from relex_core.jsonl import Json
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Schema


def write(annotations: Iterable[Annotation], path: Path) -> int:
    return write_json_array(
        path, (json.dumps(to_json(annotation, n), ensure_ascii=False) for n, annotation in enumerate(annotations, 1))
    )


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    return each(json_rows(path), lambda row: from_json(row, schema, path.name))


def config(schema: Schema) -> str:
    """The labelling interface (XML) that a Label Studio project needs for these labels."""
    labels = "".join(f"\n    <Label value={quoteattr(label.name)}/>" for label in schema.entity_labels)
    relations = "".join(f"\n    <Relation value={quoteattr(label.name)}/>" for label in schema.relation_labels)
    return (
        f"<View>\n  <Relations>{relations}\n  </Relations>\n"
        f'  <Labels name="label" toName="text">{labels}\n  </Labels>\n'
        '  <Text name="text" value="$text" granularity="symbol"/>\n</View>\n'
    )


def to_json(annotation: Annotation, number: int) -> Json:
    """One task; the suggestions that the annotation is based on become its prediction."""
    document = annotation.document
    answer: Json = {"id": number, "result": _result(document, annotation.entities, annotation.relations)}
    if isinstance(annotation, Attributed):
        answer["completed_by"] = {"email": annotation.annotator}
        answer["created_at"] = annotation.saved_at
    task: Json = {
        "id": number,
        "data": {"text": document.text, "document": document.id, "source": document.source},
        "annotations": [answer],
        "predictions": [],
    }
    based_on = annotation.based_on
    if based_on is not None:
        scores = [e.score for e in based_on.entities if e.score is not None]
        prediction = {
            "model_version": based_on.model_version,
            "score": min(scores, default=0.0),
            "result": _result(document, based_on.entities, based_on.relations),
        }
        task["predictions"] = [prediction]
    return task


def _result(document: Document, entities: Iterable[Entity], relations: Iterable[Relation]) -> list[Json]:
    result: list[Json] = []
    for entity in entities:
        value = {"start": entity.start, "end": entity.end, "text": entity.text(document), "labels": [entity.label]}
        item: Json = {"id": entity.id, "from_name": "label", "to_name": "text", "type": "labels", "value": value}
        result.append(item if entity.score is None else {**item, "score": entity.score})
    for relation in relations:
        link: Json = {"type": "relation", "from_id": relation.head, "to_id": relation.tail}
        link |= {"direction": "right", "labels": [relation.label]}
        result.append(link if relation.score is None else {**link, "score": relation.score})
    return result


def from_json(task: Json, schema: Schema | None, source: str = "") -> Record:
    """The first annotation of a task that was not cancelled, based on its first prediction; else that prediction; else
    the bare text."""
    data = task["data"]
    text = data.get("text")
    if not isinstance(text, str):
        strings = [value for value in data.values() if isinstance(value, str)]
        if len(strings) != 1:
            raise misfit('a task with data {"text": ...}', f"the keys {quote(sorted(data))}", task)
        text = strings[0]
    id = str(data.get("document") or task.get("id") or "")
    document = Document.from_text(text, id, str(data.get("source") or source))
    suggested: Record | None = None
    for prediction in (task.get("predictions") or ())[:1]:
        model_version = str(prediction.get("model_version") or "imported")
        suggested = _record(document, prediction["result"], schema, model_version, scored=True)
    for answer in task.get("annotations") or task.get("completions") or ():
        if not answer.get("was_cancelled"):
            if not isinstance(suggested, Extraction):
                return _record(document, answer["result"], schema, "", scored=False)
            decided = _record(document, answer["result"], suggested.schema, "", scored=False)
            assert isinstance(decided, Annotation)
            return replace(decided, based_on=replace(suggested, schema=decided.schema))
    return suggested or document


def _record(document: Document, result: list[Json], schema: Schema | None, version: str, scored: bool) -> Record:
    marks, edges = [], []
    for item in result:
        score = float(item.get("score") or 0.0) if scored else None
        if item["type"] == "relation":
            head, tail = item["from_id"], item["to_id"]
            if item.get("direction") == "left":
                head, tail = tail, head
            for label in item.get("labels") or ("related to",):
                edges.append(Edge(head, tail, str(label), score))
                if item.get("direction") == "bi":
                    edges.append(Edge(tail, head, str(label), score))
        elif item["type"] in ("labels", "hypertextlabels"):
            marks.append(_mark(document, item, score))
    return record_from_marks(document, marks, edges, schema, version)


def _mark(document: Document, item: Json, score: float | None) -> Mark:
    value: dict[str, Any] = item["value"]
    labels = list(value.get("labels") or value.get("hypertextlabels") or ())
    if len(labels) != 1:
        raise misfit("marks with one label each", f"{len(labels)} at {value.get('start')}", item)
    start, end = repaired(document.text, int(value["start"]), int(value["end"]), value.get("text"))
    return Mark(item["id"], start, end, str(labels[0]), score, str(item["id"]))


FORMAT = Format(
    "label-studio", ".json", write, read, "Label Studio tasks with annotations and predictions (JSON)", suggestions=True
)
