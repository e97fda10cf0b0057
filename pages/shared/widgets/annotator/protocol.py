"""What crosses between Python and the browser: documents and decisions there, records of the log back.

Everything is JSON data with offsets in code points. What comes back is hostile until it is parsed: a record
that cannot be read becomes a `Refusal` and never stops the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeGuard, get_args

from pages.shared.corrections import MAX_NOTE, Batch, Command, CommandName, Refusal
from relex_core.editing import edit_from_json
from relex_core.errors import RelexError
from relex_core.types import Annotation, Entity, Relation, Schema, Thresholds

WINDOW = 200_000
"""Longest text, in code points, that is sent whole; of a longer one a window is."""

OVERLAP = 500
"""How far, in code points, a window reaches back to begin with a line."""

MOST_PARTS = 1000
"""Parts of one text that a browser may name as those that were open."""

MOST_HABITS = 1000
"""Rows of habits that are sent, as they are sent with each message."""


def batches(records: Any, acknowledged: Mapping[str, int]) -> tuple[Batch, ...]:
    """The batches in a log, without records that are acknowledged already.

    Consecutive records of one client and document make a batch; the order of the log is kept.
    """
    found: list[Batch] = []
    for record in records if isinstance(records, list | tuple) else ():
        if not isinstance(record, Mapping):
            continue
        client, document, seq = record.get("client"), record.get("document"), record.get("seq")
        if not isinstance(client, str) or not isinstance(document, str) or not _whole(seq):
            continue
        if not client or seq <= acknowledged.get(client, 0):
            continue
        if not found or (found[-1].client, found[-1].document_id) != (client, document):
            found.append(Batch(client, document))
        found[-1] = _with(found[-1], int(seq), record)
    return tuple(found)


def _with(batch: Batch, seq: int, record: Mapping[str, Any]) -> Batch:
    seen, kin = record.get("on"), record.get("kin")
    if _whole(seen):
        batch = replace(batch, revision=seen)
    if isinstance(kin, Mapping):
        carried = {str(client): upto for client, upto in kin.items() if _whole(upto)}
        batch = replace(batch, kin={**batch.kin, **carried})
    try:
        if "command" in record:
            return replace(batch, commands=(*batch.commands, _command(seq, record)))
        return replace(batch, ops=(*batch.ops, (seq, edit_from_json(record))))
    except (RelexError, TypeError, ValueError, OverflowError) as error:
        return replace(batch, unreadable=(*batch.unreadable, Refusal(batch.client, seq, str(error))))


def _command(seq: int, record: Mapping[str, Any]) -> Command:
    name = record["command"]
    if name not in get_args(CommandName):
        raise ValueError(f"Expected one of {', '.join(get_args(CommandName))}, found {name!r}. Reload the page.")
    thresholds = record.get("thresholds")
    return Command(
        seq,
        name,
        note=str(record.get("note") or "")[:MAX_NOTE],
        thresholds=thresholds_from_json(thresholds) if isinstance(thresholds, Mapping) else None,
        seconds=max(0.0, min(float(record.get("seconds") or 0.0), 86_400.0)),
        keystrokes=max(0, min(int(record.get("keystrokes") or 0), 10**6)),
        parts=None if record.get("parts") is None else tuple((int(a), int(b)) for a, b in record["parts"][:MOST_PARTS]),
    )


def _whole(value: Any) -> TypeGuard[int]:
    # a browser counts exactly up to there, and no database takes more than 2**63
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def thresholds_to_json(thresholds: Thresholds) -> dict[str, Any]:
    """{"entity", "relation", "entities": {label: t}, "relations": {label: t}}."""
    return {
        "entity": thresholds.entity,
        "relation": thresholds.relation,
        "entities": dict(thresholds.entities),
        "relations": dict(thresholds.relations),
    }


def thresholds_from_json(data: Mapping[str, Any]) -> Thresholds:
    """The inverse of `thresholds_to_json`. Raises ValueError, TypeError or InputError."""
    own = {kind: data.get(kind) or {} for kind in ("entities", "relations")}
    if not all(isinstance(value, Mapping) for value in own.values()):
        raise TypeError("thresholds of labels as an object")
    return Thresholds(
        float(data.get("entity", 0.3)),
        float(data.get("relation", 0.5)),
        *(tuple((str(label), float(t)) for label, t in value.items()) for value in own.values()),
    )


def schema_to_json(schema: Schema, hues: int) -> dict[str, Any]:
    """Labels with what is needed to draw them and to check the types of relations."""
    bounds = schema.bounds
    return {
        "entities": [
            {"name": e.name, "letter": e.letter or "?", "color": e.color % hues, "hidden": e.hidden}
            for e in schema.entity_labels
        ],
        "relations": [
            {
                "name": r.name,
                "color": r.color % hues,
                "bounds": [
                    {"heads": list(b.head_types), "tails": list(b.tail_types), "symmetric": b.symmetric}
                    for b in bounds[r.name]
                ],
                "symmetric": r.symmetric,
                "inverse": r.inverse,
                "hidden": r.hidden,
            }
            for r in schema.relation_labels
        ],
    }


def habits_to_json(schema: Schema, habits: Iterable[tuple[tuple[str, str, str], int]]) -> list[list[int]]:
    """Rows (head type, tail type, relation, times), labels by position; those that the schema lacks are left out."""
    entities = {label.name: i for i, label in enumerate(schema.entity_labels)}
    relations = {label.name: i for i, label in enumerate(schema.relation_labels)}
    known = [
        [entities[head], entities[tail], relations[label], times]
        for (head, tail, label), times in habits
        if head in entities and tail in entities and label in relations
    ]
    return known[:MOST_HABITS]


def documents_to_json(
    opened: Iterable[tuple[Annotation, int]],
    has: Any = (),
    at: Any = (),
    flags: Mapping[str, str] = MappingProxyType({}),
) -> list[dict[str, Any]]:
    """(annotation, revision) pairs for the browser, which says what it `has` and where `at` it is in long texts; with
    the reasons of `flags`, None where there is no flag."""
    held = frozenset(str(static) for static in has) if isinstance(has, list | tuple) else frozenset()
    return [
        {**document_to_json(a, number, window(a, at), held), "flag": flags.get(a.document.id)} for a, number in opened
    ]


def window(annotation: Annotation, at: Any) -> tuple[int, int]:
    """The part of the text that is shown: all of it, or from the line before the wanted place on.

    `at` maps document ids to wanted places, in code points; anything else wants none.
    """
    text = annotation.document.text
    if len(text) <= WINDOW:
        return 0, len(text)
    wanted = at.get(annotation.document.id) if isinstance(at, Mapping) else None
    start = min(max(wanted, 0), len(text) - 1) if isinstance(wanted, int) else 0
    start = text.rfind("\n", max(0, start - OVERLAP), start) + 1 or max(0, start - OVERLAP)
    return start, min(len(text), start + WINDOW)


def document_to_json(
    annotation: Annotation, revision: int, window: tuple[int, int], has: Collection[str] = ()
) -> dict[str, Any]:
    """Text and suggestions of a window of the document, and all decisions.

    Suggestions are rows (id, start, end, label, score) and (head, tail, label, score), with labels by position
    in the schema of the annotation. `passages` are those in which a longer text was read. `static` names text and
    suggestions; if the browser `has` them, they are left out.
    """
    document, extraction = annotation.document, annotation.based_on
    found = (extraction.entities, extraction.relations, extraction.windows) if extraction else ()
    static = f"{hash((document.id, document.text, annotation.schema, found, window)) & (2**64 - 1):x}"
    return {
        "id": document.id,
        "static": static,
        "from": window[0],
        "length": len(document.text),
        "revision": revision,
        **({} if static in has else _static(annotation, *window)),
        "decisions": {
            "entities": _entities(annotation.entities),
            "relations": _relations(annotation.relations),
            "rejected_entities": _entities(annotation.rejected_entities),
            "rejected_relations": _relations(annotation.rejected_relations),
        },
    }


def _static(annotation: Annotation, start: int, end: int) -> dict[str, Any]:
    entities = {label.name: i for i, label in enumerate(annotation.schema.entity_labels)}
    relations = {label.name: i for i, label in enumerate(annotation.schema.relation_labels)}
    extraction = annotation.based_on
    near = [e for e in extraction.entities if e.start < end and e.end > start] if extraction else []
    inside = {e.id for e in near}
    # what a person gave the model to score relations on is that person's, and stands among the decisions
    found = {e.id for e in extraction.suggested()} if extraction else set()
    return {
        "text": annotation.document.text[start:end],
        "entities": [
            [e.id, e.start, e.end, entities[e.label], e.score] for e in near if e.label in entities and e.id in found
        ],
        "relations": [
            [r.head, r.tail, relations[r.label], r.score]
            for r in (extraction.relations if extraction else ())
            if r.label in relations and r.head in inside and r.tail in inside
        ],
        "passages": extraction.windows if extraction else (),
    }


def _entities(entities: Iterable[Entity]) -> list[dict[str, Any]]:
    return [{"id": e.id, "start": e.start, "end": e.end, "label": e.label, "score": e.score} for e in entities]


def _relations(relations: Iterable[Relation]) -> list[dict[str, Any]]:
    return [{"head": r.head, "tail": r.tail, "label": r.label, "score": r.score} for r in relations]
