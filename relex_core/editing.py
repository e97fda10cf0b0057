"""What a person's corrections do to an annotation: pure functions from values to values.

An `Edit` is one correction; `apply` gives the next `Annotation` and leaves the old one as it was, so that
undo is the previous value. Edits are small, know nothing of a screen, and travel as JSON (`edit_to_json`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from relex_core.errors import EditError, quote
from relex_core.types import Annotation, Entity, Extraction, Relation, Undecided

RelationKey = tuple[str, str, str]
"""Head id, tail id, label."""


@dataclass(frozen=True, slots=True)
class AddEntity:
    """Mark [start, end) as `label`. The id is chosen by whoever makes the edit, so that the next edit can
    name the entity before anybody has answered."""

    id: str
    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class RemoveEntity:
    """Turn an entity down: one's own disappears, a suggestion is kept as rejected. Its relations go too."""

    id: str


@dataclass(frozen=True, slots=True)
class Relabel:
    """Give an entity another label (which also accepts it)."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class MoveBounds:
    """Give an entity other boundaries (which also accepts it)."""

    id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class AddRelation:
    """Relate two entities; ends that are still suggestions are accepted."""

    head: str
    tail: str
    label: str


@dataclass(frozen=True, slots=True)
class RemoveRelation:
    """Turn a relation down: one's own disappears, a suggestion is kept as rejected."""

    head: str
    tail: str
    label: str


@dataclass(frozen=True, slots=True)
class RelabelRelation:
    """Give a relation another label (which also accepts it)."""

    head: str
    tail: str
    label: str
    new_label: str


@dataclass(frozen=True, slots=True)
class Flip:
    """Exchange head and tail of a relation (which also accepts it)."""

    head: str
    tail: str
    label: str


@dataclass(frozen=True, slots=True)
class Accept:
    """Accept suggestions: one, or all that are shown. Ends of accepted relations are accepted too."""

    entities: tuple[str, ...] = ()
    relations: tuple[RelationKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take back what was decided: suggestions are open again, a person's own entities and relations disappear.

    What is not there, or not decided, stays as it is: somebody else may have taken it away.
    """

    entities: tuple[str, ...] = ()
    relations: tuple[RelationKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Restore:
    """Put all decisions back to an earlier or later state, whatever was decided since."""

    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    rejected_entities: tuple[Entity, ...] = ()
    rejected_relations: tuple[Relation, ...] = ()


Edit = (
    AddEntity
    | RemoveEntity
    | Relabel
    | MoveBounds
    | AddRelation
    | RemoveRelation
    | RelabelRelation
    | Flip
    | Accept
    | Withdraw
    | Restore
)


def begin(extraction: Extraction) -> Annotation:
    """The annotation before the first decision: nothing accepted, nothing rejected."""
    return Annotation(extraction.document, extraction.schema, based_on=extraction)


def rebase(annotation: Annotation, extraction: Extraction) -> Annotation:
    """The same decisions before other suggestions, for example after a new label was scored."""
    return replace(annotation, schema=extraction.schema, based_on=extraction, undecided=None)


def apply(annotation: Annotation, edit: Edit) -> Annotation:
    """The annotation after `edit`, which nobody has submitted. Raises EditError, SchemaError or InputError and changes
    nothing then."""
    if annotation.undecided is not None:
        annotation = replace(annotation, undecided=None)
    match edit:
        case AddEntity(id, start, end, label):
            # one's own mark may be added again after relations were scored on it
            suggested = annotation.based_on.suggested() if annotation.based_on else ()
            if id in annotation.by_id() or any(entity.id == id for entity in suggested):
                raise _refused("an entity id that is not in use", quote(id), "Choose another id.", edit)
            twin = _marked(annotation, start, end, label)
            if twin:
                raise _refused(
                    "a span that does not carry this label yet", f"{quote(twin.id)}", "Nothing to add.", edit
                )
            return replace(annotation, entities=_in_order([*annotation.entities, Entity(id, start, end, label)]))
        case RemoveEntity(id):
            return _remove_entity(annotation, id)
        case Relabel(id, label):
            return _change_entity(annotation, id, label=label)
        case MoveBounds(id, start, end):
            return _change_entity(annotation, id, start=start, end=end)
        case AddRelation(head, tail, label):
            return _accept(annotation, (), [(head, tail, label)])
        case RemoveRelation(head, tail, label):
            return _remove_relation(annotation, (head, tail, label))
        case RelabelRelation(head, tail, label, new_label):
            if label != new_label:
                annotation = _remove_relation(annotation, (head, tail, label))
            return _accept(annotation, (), [(head, tail, new_label)])
        case Flip(head, tail, label):
            return _accept(_remove_relation(annotation, (head, tail, label)), (), [(tail, head, label)])
        case Accept(entities, relations):
            return _accept(annotation, entities, relations)
        case Withdraw(entities, relations):
            return _withdraw(annotation, frozenset(entities), frozenset(relations))
        case Restore(entities, relations, rejected_entities, rejected_relations):
            own = _given(annotation)
            return replace(
                annotation,
                entities=_in_order(entities),
                relations=tuple(relations),
                rejected_entities=tuple(e for e in rejected_entities if e.id not in own),
                rejected_relations=tuple(rejected_relations),
            )


@dataclass(frozen=True, slots=True)
class Changes:
    """What a person did with a model's suggestions, each suggestion counted once.

    `accepted` are those kept as they were, `relabelled` and `moved` hold (suggestion, decision) pairs, `added`
    are the person's own, `rejected` those turned down. What a submitted document left alone is `seen` or `not_shown`;
    where nobody noted which (an open document, a file), it is in neither.
    """

    accepted: tuple[Entity, ...]
    relabelled: tuple[tuple[Entity, Entity], ...]
    moved: tuple[tuple[Entity, Entity], ...]
    added: tuple[Entity, ...]
    rejected: tuple[Entity, ...]
    accepted_relations: tuple[Relation, ...]
    added_relations: tuple[Relation, ...]
    rejected_relations: tuple[Relation, ...]
    seen: tuple[Entity, ...] = ()
    seen_relations: tuple[Relation, ...] = ()
    not_shown: tuple[Entity, ...] = ()
    not_shown_relations: tuple[Relation, ...] = ()


def diff(annotation: Annotation) -> Changes:
    """How the decisions differ from the suggestions they are based on."""
    suggested = {e.id: e for e in annotation.based_on.suggested()} if annotation.based_on else {}
    relations = {r.key: r for r in annotation.based_on.relations} if annotation.based_on else {}
    left = annotation.undecided or Undecided()
    accepted, relabelled, moved, added = [], [], [], []
    for entity in annotation.entities:
        before = suggested.get(entity.id)
        if before is None:
            added.append(entity)
        elif before.label != entity.label:
            relabelled.append((before, entity))
        elif before.span != entity.span:
            moved.append((before, entity))
        else:
            accepted.append(entity)
    return Changes(
        tuple(accepted),
        tuple(relabelled),
        tuple(moved),
        tuple(added),
        annotation.rejected_entities,
        tuple(r for r in annotation.relations if r.key in relations),
        tuple(r for r in annotation.relations if r.key not in relations),
        annotation.rejected_relations,
        tuple(suggested[id] for id in left.seen if id in suggested),
        tuple(relations[key] for key in left.seen_relations if key in relations),
        tuple(suggested[id] for id in left.not_shown if id in suggested),
        tuple(relations[key] for key in left.not_shown_relations if key in relations),
    )


_KINDS: Mapping[str, type] = {
    "add_entity": AddEntity,
    "remove_entity": RemoveEntity,
    "relabel": Relabel,
    "move": MoveBounds,
    "add_relation": AddRelation,
    "remove_relation": RemoveRelation,
    "relabel_relation": RelabelRelation,
    "flip": Flip,
    "accept": Accept,
    "withdraw": Withdraw,
    "restore": Restore,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_TEXT = {"id", "label", "head", "tail", "new_label"}


def edit_to_json(edit: Edit) -> dict[str, Any]:
    """`edit` as JSON data: {"op": name, field: value ...}."""
    data: dict[str, Any] = {"op": _NAMES[type(edit)]}
    for field in fields(edit):
        value = getattr(edit, field.name)
        if isinstance(value, tuple):
            value = [_item_to_json(item) for item in value]
        data[field.name] = value
    return data


def edit_from_json(data: Mapping[str, Any]) -> Edit:
    """The edit that `data` describes; other keys (sequence numbers, clients) are ignored. Raises EditError."""
    kind = _KINDS.get(str(data.get("op")))
    if kind is None:
        raise _refused(f"one of {', '.join(_KINDS)}", quote(data.get("op")), "Reload the page.", data)
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.name not in data and kind in (Accept, Withdraw, Restore):
            values[field.name] = ()
            continue
        value = data.get(field.name)
        if field.name in _TEXT:
            fits = isinstance(value, str)
        elif field.name in ("start", "end"):
            fits = isinstance(value, int) and not isinstance(value, bool)
        else:
            fits = isinstance(value, list | tuple)
        if not fits:
            raise _refused(f"{field.name} of a {data['op']}", quote(value), "Reload the page.", data)
        if kind in (Accept, Withdraw):
            value = tuple(_key(v) if field.name == "relations" else str(v) for v in value or ())
        elif kind is Restore:
            make = _relation_from_json if "relations" in field.name else _entity_from_json
            value = tuple(make(item) for item in value or ())
        values[field.name] = value
    edit: Edit = kind(**values)
    return edit


def _change_entity(annotation: Annotation, id: str, **changes: Any) -> Annotation:
    annotation = _accept(annotation, (id,), ())
    changed = replace(annotation.by_id()[id], **changes)
    twin = _marked(annotation, changed.start, changed.end, changed.label)
    if twin and twin.id != id:
        raise _refused(
            "a span that does not carry this label yet", quote(twin.id), "Remove one of the two first.", changed
        )
    return replace(annotation, entities=_in_order(changed if e.id == id else e for e in annotation.entities))


def _accept(annotation: Annotation, ids: Iterable[str], relations: Iterable[RelationKey]) -> Annotation:
    """In one go, since one key accepts hundreds: the entities, the relations, and the ends of these."""
    relations = tuple(dict.fromkeys(relations))
    entities = annotation.by_id()
    marked = {(e.start, e.end, e.label): e.id for e in annotation.entities}
    suggested = annotation.based_on.by_id() if annotation.based_on else {}
    for id in (*ids, *(end for head, tail, _ in relations for end in (head, tail))):
        if id in entities:
            continue
        if id not in suggested:
            raise _refused("an entity of this document", quote(id), "Reload the document.", id)
        entity = suggested[id]
        twin = marked.setdefault((entity.start, entity.end, entity.label), id)
        if twin != id:
            raise _refused("a span that does not carry this label yet", quote(twin), "Nothing to accept.", id)
        entities[id] = replace(entity, score=None)
    known = {r.key for r in annotation.relations}
    drawn = {key for key in relations if key not in known}
    if len(entities) == len(annotation.entities) and not drawn:
        return annotation
    return replace(
        annotation,
        entities=_in_order(entities.values()),
        relations=(*annotation.relations, *(Relation(*key) for key in relations if key in drawn)),
        rejected_entities=tuple(e for e in annotation.rejected_entities if e.id not in entities),
        rejected_relations=tuple(r for r in annotation.rejected_relations if r.key not in drawn),
    )


def _remove_entity(annotation: Annotation, id: str) -> Annotation:
    suggested = annotation.based_on.by_id() if annotation.based_on else {}
    if id not in annotation.by_id() and id not in suggested:
        raise _refused("an entity of this document", quote(id), "Reload the document.", id)
    rejected = [e for e in annotation.rejected_entities if e.id != id]
    if id in suggested and id not in _given(annotation):
        rejected.append(suggested[id])
    return replace(
        annotation,
        entities=tuple(e for e in annotation.entities if e.id != id),
        relations=tuple(r for r in annotation.relations if id not in (r.head, r.tail)),
        rejected_entities=tuple(rejected),
    )


def _withdraw(annotation: Annotation, ids: frozenset[str], relations: frozenset[RelationKey]) -> Annotation:
    return replace(
        annotation,
        entities=tuple(e for e in annotation.entities if e.id not in ids),
        relations=tuple(
            r for r in annotation.relations if r.key not in relations and r.head not in ids and r.tail not in ids
        ),
        rejected_entities=tuple(e for e in annotation.rejected_entities if e.id not in ids),
        rejected_relations=tuple(r for r in annotation.rejected_relations if r.key not in relations),
    )


def _remove_relation(annotation: Annotation, key: RelationKey) -> Annotation:
    suggested = {r.key: r for r in annotation.based_on.relations} if annotation.based_on else {}
    if key not in suggested and all(r.key != key for r in annotation.relations):
        raise _refused("a relation of this document", quote(key), "Reload the document.", key)
    rejected = [r for r in annotation.rejected_relations if r.key != key]
    if key in suggested:
        rejected.append(suggested[key])
    return replace(
        annotation,
        relations=tuple(r for r in annotation.relations if r.key != key),
        rejected_relations=tuple(rejected),
    )


def _given(annotation: Annotation) -> set[str]:
    """Ids of a person's own marks among what relations were scored on: they are no suggestions."""
    if annotation.based_on is None or not annotation.based_on.rescored:
        return set()
    return set(annotation.based_on.by_id()) - {e.id for e in annotation.based_on.suggested()}


def _marked(annotation: Annotation, start: int, end: int, label: str) -> Entity | None:
    return next((e for e in annotation.entities if (e.start, e.end, e.label) == (start, end, label)), None)


def _in_order(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    return tuple(sorted(entities, key=lambda e: (e.start, -e.end, e.label)))


def _key(value: Any) -> RelationKey:
    if not isinstance(value, list | tuple) or len(value) != 3 or not all(isinstance(v, str) for v in value):
        raise _refused("[head id, tail id, label]", quote(value), "Reload the page.", value)
    return value[0], value[1], value[2]


def _item_to_json(item: Any) -> Any:
    if isinstance(item, Entity | Relation):
        return {field.name: getattr(item, field.name) for field in fields(item)}
    return list(item) if isinstance(item, tuple) else item


def _entity_from_json(data: Any) -> Entity:
    try:
        return Entity(str(data["id"]), int(data["start"]), int(data["end"]), str(data["label"]), _score(data))
    except (TypeError, KeyError, ValueError) as error:
        raise _refused("an entity {id, start, end, label, score}", quote(data), "Reload the page.", data) from error


def _relation_from_json(data: Any) -> Relation:
    try:
        return Relation(str(data["head"]), str(data["tail"]), str(data["label"]), _score(data))
    except (TypeError, KeyError, ValueError) as error:
        raise _refused("a relation {head, tail, label, score}", quote(data), "Reload the page.", data) from error


def _score(data: Any) -> float | None:
    score = data.get("score")
    return None if score is None else float(score)


def _refused(expected: str, found: str, change: str, value: object) -> EditError:
    return EditError(expected=expected, found=found, change=change, value=value)
