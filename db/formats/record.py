"""What every format reads and writes, and how a reader makes values from a file's marks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from relex_core import jsonl
from relex_core.errors import FormatError, RelexError, quote
from relex_core.jsonl import Json, graph_from_json, graph_to_json
from relex_core.types import Annotation, Document, Entity, EntityLabel, Extraction, Relation, RelationLabel, Schema

Record = Document | Extraction | Annotation
"""A bare text, a model's suggestions (marks with scores) or a person's decisions (marks without)."""

Item = Record | RelexError
"""Readers give errors instead of raising them, one for each record that cannot be used, and go on; UnreadRest where
they cannot."""

Writer = Callable[[Iterable[Annotation], Path], int]
"""Writes all annotations to a path, gives their number. An error may leave a part: exports write aside first."""

Reader = Callable[[Path, Schema | None], Iterator[Item]]
"""Labels that the given schema lacks are added to it; without one, each record's schema holds its own labels."""


@dataclass(frozen=True, slots=True)
class Format:
    """One exchange format. `write` or `read` is None where the format cannot say what is needed for it.

    `suggestions` says that the writer wants each annotation with the extraction that it is based on, `names` that it
    says under which name the project's graph shows an entity: formats for graphs do; those from which a model learns
    or another tool takes marks do not. `settings` is what the tool that reads the file must be told of the labels
    first; the manifest gives it."""

    name: str
    suffix: str
    write: Writer | None
    read: Reader | None
    description: str
    suggestions: bool = False
    names: bool = False
    settings: Callable[[Schema], str] | None = None


@dataclass(frozen=True, slots=True)
class Attributed(Annotation):
    """An annotation with its origin, which formats with provenance write: who, when (ISO 8601), which revision.

    `names` are those under which the project's graph shows entities whose own was joined to another, by their ids.
    """

    annotator: str = ""
    saved_at: str = ""
    revision: int = 0
    names: Mapping[str, str] = field(default_factory=dict, compare=False)


def name_of(annotation: Annotation, entity: Entity) -> str:
    """The name under which the project's graph shows an entity: its own, unless people joined that to another."""
    joined = annotation.names.get(entity.id) if isinstance(annotation, Attributed) else None
    return joined or " ".join(entity.text(annotation.document).split())


@dataclass(frozen=True, slots=True)
class Mark:
    """A span of a file under construction; `key` is whatever the file's relations name it by."""

    key: Hashable
    start: int
    end: int
    label: str
    score: float | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A relation of a file: `head` and `tail` are keys of marks."""

    head: Hashable
    tail: Hashable
    label: str
    score: float | None = None


def united(schema: Schema | None, entities: Iterable[str], relations: Iterable[str]) -> Schema:
    """`schema` and after its labels those of `entities` and `relations` that it lacks.

    >>> [label.name for label in united(Schema.of(["person"]), ["place", "person"], []).entity_labels]
    ['person', 'place']
    """
    schema = schema or Schema()
    new_types = [name for name in dict.fromkeys(entities) if name not in schema.entity_names]
    new_names = [name for name in dict.fromkeys(relations) if name not in schema.relation_names]
    if not new_types and not new_names:
        return schema
    return Schema.of(
        [*schema.entity_labels, *(EntityLabel(name) for name in new_types)],
        [*schema.relation_labels, *(_relation_label(name) for name in new_names)],
    )


def _relation_label(name: str) -> str:
    RelationLabel(name)  # Schema.of would strip the name, and the relations would no longer fit it
    return name


def record_from_marks(
    document: Document,
    marks: Iterable[Mark],
    edges: Iterable[Edge],
    schema: Schema | None,
    model_version: str = "imported",
) -> Extraction | Annotation:
    """An annotation, or an extraction if any mark or edge has a score.

    Raises FormatError, InputError or SchemaError.
    """
    marked, related, schema = _graph(marks, edges, schema)
    if any(e.score is not None for e in marked) or any(r.score is not None for r in related):
        return Extraction(document, schema, marked, related, model_version)
    return Annotation(document, schema, marked, related)


def extraction_from_marks(
    document: Document,
    marks: Iterable[Mark],
    edges: Iterable[Edge],
    schema: Schema | None,
    model_version: str,
    windows: tuple[tuple[int, int], ...] = (),
) -> Extraction:
    """An extraction, also of marks without any: a model that found nothing is no person who says so.

    Raises FormatError, InputError or SchemaError.
    """
    entities, relations, schema = _graph(marks, edges, schema)
    return Extraction(document, schema, entities, relations, model_version, windows=windows)


def _graph(
    marks: Iterable[Mark], edges: Iterable[Edge], schema: Schema | None
) -> tuple[tuple[Entity, ...], tuple[Relation, ...], Schema]:
    """The same span and label twice is one entity, and relations through either of them meet there. Raises FormatError
    or SchemaError."""
    ids: dict[Hashable, str] = {}
    entities: dict[tuple[int, int, str], Entity] = {}
    used: set[str] = set()
    for mark in marks:
        _check_score(mark.score)
        if mark.key in ids:
            raise misfit("each entity id once in a record", f"{quote(mark.key)} twice")
        place = (mark.start, mark.end, mark.label)
        if place not in entities:
            id = mark.id or f"{mark.start}:{mark.end}:{mark.label}"
            id = next(name for name in (id, *(f"{id}~{n}" for n in range(len(used) + 1))) if name not in used)
            used.add(id)
            entities[place] = Entity(id, *place, mark.score)
        ids[mark.key] = entities[place].id
    relations: dict[tuple[str, str, str], Relation] = {}
    for edge in edges:
        _check_score(edge.score)
        for end in (edge.head, edge.tail):
            if end not in ids:
                raise misfit("relations between entities of their own record", f"the unknown entity {quote(end)}")
        relation = Relation(ids[edge.head], ids[edge.tail], edge.label, edge.score)
        relations.setdefault(relation.key, relation)
    marked, related = tuple(entities.values()), tuple(relations.values())
    return marked, related, united(schema, (e.label for e in marked), (r.label for r in related))


def rejected_to_json(annotation: Annotation, names: Mapping[str, int] | None = None) -> Json:
    """{"rejected": {"entities", "relations"}} for formats with room for keys of our own; {} if nothing was rejected.

    `names` are the numbers by which the file names the entities that were kept, if it does not hold their ids.
    """
    if not annotation.rejected_entities and not annotation.rejected_relations:
        return {}
    graph = graph_to_json(annotation.rejected_entities, annotation.rejected_relations)
    for relation in graph["relations"]:
        for end in ("head", "tail"):
            relation[end] = (names or {}).get(relation[end], relation[end])
    return {"rejected": graph}


def is_rejected(value: object) -> bool:
    """Whether a key `rejected` holds what `rejected_to_json` wrote: other tools may mean something else by it."""
    return isinstance(value, dict) and set(value) == {"entities", "relations"}


def with_rejected(
    record: Extraction | Annotation, rejected: Any, marks: Iterable[Mark] = ()
) -> Extraction | Annotation:
    """The annotation with what `rejected_to_json` wrote; `marks` as the file names them. Raises FormatError,
    InputError or SchemaError."""
    if not is_rejected(rejected) or not isinstance(record, Annotation):
        return record
    places = {(e.start, e.end, e.label): e.id for e in record.entities}
    ids = {mark.key: places[mark.start, mark.end, mark.label] for mark in marks}
    relations = [
        {**r, **{end: ids[r[end]] if isinstance(r[end], int) else r[end] for end in ("head", "tail")}}
        for r in rejected["relations"]
    ]
    entities, edges = graph_from_json({"entities": rejected["entities"], "relations": relations})
    for score in (*(e.score for e in entities), *(r.score for r in edges)):
        _check_score(score)
    for entity in entities:
        if not 0 <= entity.start < entity.end <= len(record.document.text):
            raise misfit("rejected marks inside the text", f"[{entity.start}, {entity.end})", rejected)
    schema = united(record.schema, (e.label for e in entities), (r.label for r in edges))
    return replace(record, schema=schema, rejected_entities=entities, rejected_relations=edges)


def undecided_to_json(annotation: Annotation, names: Mapping[str, int]) -> Json:
    """{"undecided": ...} as `jsonl.undecided_to_json` gives it, {} where nobody noted that; `names` as for what was
    rejected."""
    if annotation.undecided is None:
        return {}
    found = jsonl.undecided_to_json(annotation.undecided)
    for part in found.values():
        part["relations"] = [
            [names.get(head, head), names.get(tail, tail), label] for head, tail, label in part["relations"]
        ]
    return {"undecided": found}


def with_undecided(
    record: Extraction | Annotation, undecided: Any, marks: Iterable[Mark] = ()
) -> Extraction | Annotation:
    """The annotation with what `undecided_to_json` wrote; `marks` as the file names them. Raises FormatError."""
    if not is_undecided(undecided) or not isinstance(record, Annotation):
        return record
    places = {(e.start, e.end, e.label): e.id for e in record.entities}
    ids = {mark.key: places[mark.start, mark.end, mark.label] for mark in marks}
    named = {
        name: {
            **part,
            "relations": [[ids.get(head, head), ids.get(tail, tail), label] for head, tail, label in part["relations"]],
        }
        for name, part in undecided.items()
    }
    return replace(record, undecided=jsonl.undecided_from_json(named))


def is_undecided(value: object) -> bool:
    """Whether a key `undecided` holds what `undecided_to_json` wrote: other tools may mean something else by it."""
    return (
        isinstance(value, dict)
        and set(value) == {"seen", "not_shown"}
        and all(isinstance(part, dict) and set(part) == {"entities", "relations"} for part in value.values())
    )


def _check_score(score: float | None) -> None:
    if score is not None and not 0.0 <= score <= 1.0:  # also refuses NaN
        raise misfit("scores between 0 and 1", str(score), score)


def each(rows: Iterable[tuple[int, Any]], make: Callable[[Any], Record]) -> Iterator[Item]:
    """`make` of each (line number, parsed row); what cannot be used becomes an error that names its line."""
    return each_of_several(rows, lambda row: (make(row),))


def each_of_several(rows: Iterable[tuple[int, Any]], make: Callable[[Any], Sequence[Record]]) -> Iterator[Item]:
    """Like `each` for rows that hold several records: what several people said of one text.

    Records of one row share the very same document value: an import takes a document of equal id and text that
    comes again for another one.
    """
    for number, row in rows:
        if isinstance(row, RelexError):
            yield row
            continue
        try:
            yield from make(row)
        except RelexError as error:
            yield at_line(error, number)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
            found = f"{quote(row)} ({type(error).__name__}: {error})"
            yield at_line(misfit("a record as this format writes it", found, row), number)


def at_line(error: RelexError, number: int) -> FormatError:
    """`error` as an error of line (or record) `number` of a file."""
    return FormatError(
        expected=f"{error.expected} in record {number:,}",
        found=error.found,
        change=error.change,
        value=error.value,
        lines=(number,),
    )


def misfit(expected: str, found: str, value: object = None) -> FormatError:
    change = "Correct the file or choose the format that it is in."
    return FormatError(expected=expected, found=found, change=change, value=value)


def with_extra(document: Document, extra: object) -> Document:
    """The document with what our own files say in a key that other tools may fill with anything."""
    return replace(document, extra=extra) if isinstance(extra, str) and extra else document


def required(module: str, requirement: str, name: str) -> FormatError:
    """The error for an optional package that is not installed."""
    return FormatError(
        expected=f"the Python package {module}, which the format {name} needs",
        found="an installation without it",
        change=f"Install it with: pip install '{requirement}'",
        value=module,
    )
