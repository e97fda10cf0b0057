"""Argilla records <-> our values: pure functions, the same checks in both directions.

One record is one document. The question `entities` holds spans (code points), the question `relations` a JSON
text, because Argilla has no question for relations:

    {"v": 1, "relations": [{"head": {"start": 0, "end": 3, "label": "person"}, "tail": {...}, "type": "works for"}]}

Arguments are named by offsets and label and must be among the entities. Optional keys carry what a person who
edits the JSON need not know: `score` of a suggested relation, `ids` of entities, `rejected` suggestions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from db.argilla_offsets import Repair, repair
from db.values import State
from relex_core import jsonl
from relex_core.errors import FormatError, RelexError, quote
from relex_core.selection import select
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Schema, Thresholds, sha256

Json = dict[str, Any]
ENTITIES, RELATIONS, TEXT = "entities", "relations", "text"
METADATA = ("document", "source", "labels", "model")
_SUGGESTION = ("question_id", "value", "score", "agent", "type")

STATUS = {State.NEW: "draft", State.IN_PROGRESS: "draft", State.FLAGGED: "draft"}
STATUS |= {State.SUBMITTED: "submitted", State.SKIPPED: "discarded"}
STATES = {"draft": State.IN_PROGRESS, "submitted": State.SUBMITTED, "discarded": State.SKIPPED}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Argument(_Strict):
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(gt=0)]
    label: str

    @property
    def key(self) -> tuple[int, int, str]:
        return self.start, self.end, self.label


class RelationItem(_Strict):
    head: Argument
    tail: Argument
    type: str
    score: Annotated[float, Field(ge=0, le=1)] | None = None


class EntityId(Argument):
    id: str


class RelationsAnswer(_Strict):
    """The JSON in the question `relations`, version 1."""

    v: Literal[1]
    relations: tuple[RelationItem, ...]
    ids: tuple[EntityId, ...] = ()
    rejected: dict[str, Any] | None = None

    @classmethod
    def parse(cls, text: str, record: str) -> RelationsAnswer:
        """Raises FormatError that names the record, the field and what is wrong in it."""
        try:
            return cls.model_validate_json(text, strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            found = f"{first['msg'].lower()}" + (f" at {quote(place)}" if place else "")
            raise _unusable(record, RELATIONS, found, text) from error


@dataclass(frozen=True, slots=True)
class Answer:
    """One user's response to one record, as values. `repair` says how offsets were understood."""

    document: str
    user: str
    state: State
    annotation: Annotation
    repair: Repair
    sha256: str


def schema_hash(schema: Schema) -> str:
    """Changes when labels are added, removed or renamed: a published Argilla dataset cannot follow that."""
    names = [sorted(label.name for label in schema.entity_labels), sorted(r.name for r in schema.relation_labels)]
    return sha256(json.dumps(names, ensure_ascii=False))[:12]


def external_id(document: Document) -> str:
    """Document id and text hash: another text is another record, so that marks never move to a text unseen."""
    return f"{document.id}:{document.sha256[:16]}"


def record(document: Document, extraction: Extraction | None, schema: Schema, questions: Mapping[str, str]) -> Json:
    """A record with the model's suggestions; `questions` are the ids of the questions by name."""
    item: Json = {
        "external_id": external_id(document),
        "fields": {TEXT: document.text},
        "metadata": {"document": document.id, "source": document.source, "labels": schema_hash(schema)},
        "suggestions": [],
    }
    if extraction is not None:
        item["metadata"]["model"] = extraction.model_version
        common = {"agent": _agent(extraction.model_version), "type": "model"}
        entities, relations = extraction.entities, extraction.relations
        scores = [_score(e.score) for e in entities]
        spans = {"question_id": questions[ENTITIES], "value": _spans(entities), "score": scores or None}
        edges: Json = {"question_id": questions[RELATIONS], "value": _relations(entities, relations)}
        edges["score"] = min((_score(r.score) for r in relations), default=None)
        item["suggestions"] = [{**spans, **common}, {**edges, **common}]
    return item


def shown(extraction: Extraction, thresholds: Thresholds, schema: Schema) -> Extraction:
    """What is suggested in Argilla: as on our own page, and labels of `schema` only."""
    chosen = select(extraction, thresholds)
    entities = tuple(e for e in chosen.entities if e.label in schema.entity_names)
    ids = {e.id for e in entities}
    relations = tuple(
        r for r in chosen.relations if r.label in schema.relation_names and r.head in ids and r.tail in ids
    )
    return Extraction(chosen.document, chosen.schema, entities, relations, chosen.model_version, chosen.floor)


def values(annotation: Annotation) -> Json:
    """The values of a response. Raises FormatError if they would not be readable again."""
    spans = _spans(annotation.entities)
    text = _relations(annotation.entities, annotation.relations, annotation)
    RelationsAnswer.parse(text, annotation.document.id)
    return {ENTITIES: {"value": spans}, RELATIONS: {"value": text}}


def answer_hash(status: str, answered: Mapping[str, Any] | None) -> str:
    """Tells whether a response changed; the order of keys and of spans does not count."""
    spans, text = _answered(answered)
    marks = sorted(([s.get("start"), s.get("end"), s.get("label")] for s in spans), key=str)
    return sha256(json.dumps([status, marks, text], ensure_ascii=False, default=str))


def record_hash(item: Json) -> str:
    """Over the metadata of a record that are ours, then over its suggestions if it has any; 32 digits each."""
    given = item.get("metadata") or {}
    parts: list[Json | list[Json]] = [{key: given[key] for key in METADATA if key in given}]
    if item.get("suggestions"):
        suggestions = [{key: s.get(key) for key in _SUGGESTION} for s in item["suggestions"]]
        parts.append(sorted(suggestions, key=lambda s: str(s["question_id"])))
    return "".join(sha256(json.dumps(part, ensure_ascii=False, sort_keys=True))[:32] for part in parts)


def unchanged(item: Json, hash: str) -> bool:
    """Whether a record that was read is as it was sent, when its `record_hash` was `hash`, "" if nobody knows.

    If it was sent without suggestions, somebody else's are no change: sending it again would not take them away."""
    return record_hash(item).startswith(hash)


def answer(
    response: Json,
    user: str,
    document: Document,
    schema: Schema,
    server_text: str,
    based_on: Extraction | None = None,
    ours: Iterable[Entity] = (),
) -> Answer:
    """The values of a response. Raises FormatError that names record and field.

    `based_on` gives marks their ids back; it and `ours` are marks that we sent, in code points for certain.
    """
    name = external_id(document)
    if server_text != document.text:
        raise _unusable(name, TEXT, "a text that was changed in Argilla after it was sent", server_text)
    spans, text = _answered(response.get("values"))
    given = RelationsAnswer.parse(text, name) if text.strip() else RelationsAnswer(v=1, relations=())
    known = {(e.start, e.end, e.label) for e in (*ours, *(based_on.entities if based_on else ()))}
    known |= {item.key for item in given.ids}
    repaired = repair(document.text, [(int(s["start"]), int(s["end"]), str(s["label"])) for s in spans], known)
    ids = _ids(based_on) | {item.key: item.id for item in given.ids}
    entities: dict[tuple[int, int, str], Entity] = {}
    for start, end, label in repaired.marks:
        entity = Entity("", start, end, label)
        id = ids.get((start, end, label), _default_id(entity))
        entities.setdefault((start, end, label), Entity(id, start, end, label))
    # an argument names a mark as the response has it: where one was converted, another may stand in its old place
    ends = {key: key for key in entities}
    ends |= zip([(s["start"], s["end"], s["label"]) for s in spans], repaired.marks, strict=True)
    relations = [
        Relation(_end(item.head, ends, entities, name), _end(item.tail, ends, entities, name), item.type)
        for item in given.relations
    ]
    try:
        rejected = jsonl.graph_from_json(given.rejected) if given.rejected else ((), ())
        annotation = Annotation(document, schema, tuple(entities.values()), tuple(relations), *rejected, based_on)
    except RelexError as error:
        raise _unusable(name, f"{ENTITIES}, {RELATIONS}", f"{error.found} where {error.expected} belongs") from error
    status = str(response.get("status"))
    return Answer(document.id, user, STATES[status], annotation, repaired, answer_hash(status, response.get("values")))


def _answered(values: Mapping[str, Any] | None) -> tuple[list[Json], str]:
    """Spans and JSON text of a response; either may be missing, in discarded ones both."""
    answers = values or {}
    return (answers.get(ENTITIES) or {}).get("value") or [], (answers.get(RELATIONS) or {}).get("value") or ""


def _end(
    argument: Argument,
    ends: Mapping[tuple[int, int, str], tuple[int, int, str]],
    entities: Mapping[tuple[int, int, str], Entity],
    record: str,
) -> str:
    if argument.key not in ends:
        found = f"a relation with the argument [{argument.start}, {argument.end}) {quote(argument.label)}"
        raise _unusable(record, RELATIONS, f"{found}, which is no mark of the question {ENTITIES}")
    return entities[ends[argument.key]].id


def _ids(based_on: Extraction | None) -> dict[tuple[int, int, str], str]:
    return {(e.start, e.end, e.label): e.id for e in based_on.entities} if based_on else {}


def _default_id(entity: Entity) -> str:
    return f"{entity.start}:{entity.end}:{entity.label}"


def _spans(entities: Iterable[Entity]) -> list[Json]:
    return [{"start": e.start, "end": e.end, "label": e.label} for e in entities]


def _relations(entities: tuple[Entity, ...], relations: Iterable[Relation], decided: Annotation | None = None) -> str:
    places = {e.id: {"start": e.start, "end": e.end, "label": e.label} for e in entities}
    items = []
    for relation in relations:
        item: Json = {"head": places[relation.head], "tail": places[relation.tail], "type": relation.label}
        items.append(item if relation.score is None else {**item, "score": _score(relation.score)})
    data: Json = {"v": 1, "relations": items}
    if decided is not None:
        based_on = decided.based_on.by_id() if decided.based_on else {}
        own = [e for e in entities if e.id != f"{e.start}:{e.end}:{e.label}" or e.id in based_on]
        own = [
            e for e in own if e.id not in based_on or based_on[e.id].span != e.span or based_on[e.id].label != e.label
        ]
        if own:
            data["ids"] = [{**places[e.id], "id": e.id} for e in own]
        if decided.rejected_entities or decided.rejected_relations:
            data["rejected"] = jsonl.graph_to_json(decided.rejected_entities, decided.rejected_relations)
    return json.dumps(data, ensure_ascii=False)


def _agent(model_version: str) -> str:
    """In the characters that the server allows for agents; the metadata hold the exact version."""
    return re.sub(r"[^A-Za-z0-9_:./ -]", "_", model_version)[:200].strip("_ ") or "model"


def _score(score: float | None) -> float:
    return 1.0 if score is None else min(1.0, max(0.0, score))


def _unusable(record: str, field: str, found: str, value: object = None) -> FormatError:
    return FormatError(
        expected=f"a usable field {field} in the Argilla record {quote(record)}",
        found=found,
        change="Correct it in Argilla and pull again; nothing of this response was stored.",
        value=value,
    )
