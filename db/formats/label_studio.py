"""Label Studio's JSON: tasks with annotations (marks of a person) and predictions (a model's, with scores).

Offsets are code points as Label Studio 1.5 and later write them; earlier versions counted UTF-16 units, so the
surface text that each mark carries decides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from db.formats.files import json_rows, readable, write_json_array
from db.formats.record import (
    Attributed,
    Edge,
    Format,
    Item,
    Mark,
    Record,
    each_of_several,
    extraction_from_marks,
    misfit,
    record_from_marks,
    rejected_to_json,
    with_extra,
    with_rejected,
)
from db.formats.utf16 import repaired
from relex_core.errors import quote
from relex_core.jsonl import Json, id_of
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Schema

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def write(annotations: Iterable[Annotation], path: Path) -> int:
    return write_json_array(
        path, (json.dumps(to_json(annotation, n), ensure_ascii=False) for n, annotation in enumerate(annotations, 1))
    )


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    return each_of_several(json_rows(path), lambda row: from_json(row, schema, readable(path.name)))


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
    # Label Studio overlooks keys that it does not know
    own = rejected_to_json(annotation)
    if isinstance(annotation, Attributed):
        # it refuses an address that none of its users has
        if _EMAIL.fullmatch(annotation.annotator):
            answer["completed_by"] = {"email": annotation.annotator}
        elif annotation.annotator:
            own["annotator"] = annotation.annotator
        answer["created_at"] = annotation.saved_at
    if own:
        answer["meta"] = own
    task: Json = {
        "id": number,
        "data": {"text": document.text, "document": document.id, "source": document.source},
        **({"meta": {"extra": document.extra}} if document.extra else {}),
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


def from_json(task: Json, schema: Schema | None, source: str = "") -> tuple[Record, ...]:
    """Each annotation of a task that was not cancelled, as the decisions of the person who completed it, and each
    prediction on which none of them is based; the bare text of a task that has neither.

    An annotation that does not name its prediction is based on the first."""
    data = task["data"]
    text = data.get("text")
    if not isinstance(text, str):
        strings = [value for value in data.values() if isinstance(value, str)]
        if len(strings) != 1:
            raise misfit('a task with data {"text": ...}', f"the keys {quote(sorted(data))}", task)
        text = strings[0]
    id = id_of(data.get("document"), task.get("id"))
    document = Document.from_text(text, id, str(data.get("source") or source))
    document = with_extra(document, (task.get("meta") or {}).get("extra"))
    predictions = [prediction for prediction in task.get("predictions") or () if isinstance(prediction, dict)]
    suggested = [_predicted(document, prediction, schema) for prediction in predictions]
    answers = [a for a in task.get("annotations") or task.get("completions") or () if not a.get("was_cancelled")]
    decided: list[Record] = []
    used: set[int] = set()
    for number, answer in enumerate(answers, start=1):
        at = _parent(answer, predictions)
        used.add(at)
        base = suggested[at] if at < len(suggested) else None
        decided.append(_decided(document, answer, schema, base, number))
    rest = [record for at, record in enumerate(suggested) if at not in used]
    return (*rest, *decided) or (document,)


def _parent(answer: Json, predictions: list[Json]) -> int:
    """Which prediction an annotation began from: the one that it names, else the first."""
    named = answer.get("parent_prediction")
    ids = [prediction.get("id") for prediction in predictions]
    return ids.index(named) if named is not None and named in ids else 0


def _predicted(document: Document, prediction: Json, schema: Schema | None) -> Extraction:
    version = str(prediction.get("model_version") or "imported")
    score = prediction.get("score")
    marks, edges = _marked(document, prediction["result"], 0.0 if score is None else float(score))
    return extraction_from_marks(document, marks, edges, schema, version)


def _decided(
    document: Document, answer: Json, schema: Schema | None, base: Extraction | None, number: int
) -> Attributed:
    marked = record_from_marks(document, *_marked(document, answer["result"], None), base.schema if base else schema)
    marked = with_rejected(marked, (answer.get("meta") or {}).get("rejected"))
    assert isinstance(marked, Annotation)
    return Attributed(
        document,
        marked.schema,
        marked.entities,
        marked.relations,
        marked.rejected_entities,
        marked.rejected_relations,
        base and replace(base, schema=marked.schema),
        annotator=_person(answer, number),
        saved_at=str(answer.get("created_at") or ""),
    )


def _person(answer: Json, number: int) -> str:
    """The annotator's address, name or number; "" for the first of a task if the file does not tell."""
    who = answer.get("completed_by")
    named = (answer.get("meta") or {}).get("annotator")
    if named:
        return str(named)
    if isinstance(who, dict):
        who = who.get("email") or who.get("username") or who.get("id")
    if who is None or who == "":
        return "" if number == 1 else f"annotator {number}"
    return f"Label Studio user {who}" if str(who).isdecimal() else str(who)


def _marked(document: Document, result: list[Json], otherwise: float | None) -> tuple[list[Mark], list[Edge]]:
    """`otherwise` is the score of what has none of its own; None for the work of a person."""
    marks: list[Mark] = []
    edges: list[Edge] = []
    for item in result:
        own = item.get("score")
        score = None if otherwise is None else otherwise if own is None else float(own)
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
    return marks, edges


def _mark(document: Document, item: Json, score: float | None) -> Mark:
    value: dict[str, Any] = item["value"]
    labels = list(value.get("labels") or value.get("hypertextlabels") or ())
    if len(labels) != 1:
        raise misfit("marks with one label each", f"{len(labels)} at {value.get('start')}", item)
    start, end = repaired(document.text, int(value["start"]), int(value["end"]), value.get("text"))
    return Mark(item["id"], start, end, str(labels[0]), score, str(item["id"]))


FORMAT = Format(
    "label-studio",
    ".json",
    write,
    read,
    "Label Studio tasks with annotations and predictions (JSON)",
    suggestions=True,
    settings=config,
)
