"""Label sets and their versions: what a stored label is called today.

Stored decisions and scores are never rewritten. A version of a label set carries the renames from the
version before it, and reading translates; merging is renaming to a label that exists.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from relex_core.types import Entity, EntityLabel, Extraction, Relation, RelationLabel, Schema, Undecided

Kind = Literal["entity", "relation"]


@dataclass(frozen=True, slots=True)
class Renames:
    """Old name -> new name, as pairs."""

    entities: tuple[tuple[str, str], ...] = ()
    relations: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entities or self.relations)

    def then(self, later: Renames) -> Renames:
        """These renames, and `later` ones after them."""
        return Renames(_then(self.entities, later.entities), _then(self.relations, later.relations))

    def to_json(self) -> str:
        return json.dumps({"entities": dict(self.entities), "relations": dict(self.relations)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Renames:
        data = json.loads(text)
        return cls(tuple(data.get("entities", {}).items()), tuple(data.get("relations", {}).items()))


@dataclass(frozen=True, slots=True)
class Version:
    """One step of a label set. `reverts` is the version whose renames this one takes back."""

    number: int
    renames: Renames
    reverts: int | None = None


def renames_since(versions: Iterable[Version], number: int) -> Renames:
    """What happened to labels from version `number` to the newest.

    >>> to_human = Version(2, Renames((("person", "human"),)))
    >>> renames_since([Version(1, Renames()), to_human], 1).entities
    (('person', 'human'),)
    >>> renames_since([Version(1, Renames()), to_human, Version(3, Renames((("human", "person"),)), reverts=2)], 1)
    Renames(entities=(), relations=())
    """
    later = [version for version in versions if version.number > number]
    # what was done and taken back in between leaves no trace, also where a merge cannot be told apart afterwards
    reverted = {version.reverts for version in later if version.reverts}
    undone = {v.number for v in later if v.number in reverted}
    result = Renames()
    for version in sorted(later, key=lambda v: v.number):
        if version.number in undone or version.reverts in undone:
            continue
        result = result.then(version.renames)
    return result


def renamed(schema: Schema, kind: Kind, old: str, new: str) -> Schema:
    """`schema` with label `old` called `new`; if there is a label `new`, `old` is merged into it.

    Raises SchemaError if there is no label `old` or if `new` is no name.
    """
    if kind == "entity":
        merges = any(label.name == new for label in schema.entity_labels)
        label = schema.entity(old)
        entities = [
            replace(e, name=new) if e == label else e for e in schema.entity_labels if not (merges and e == label)
        ]
        relations = [
            replace(r, head_types=_renamed(r.head_types, old, new), tail_types=_renamed(r.tail_types, old, new))
            for r in schema.relation_labels
        ]
        return Schema(tuple(entities), tuple(relations))
    merges = any(label.name == new for label in schema.relation_labels)
    relation = schema.relation(old)
    kept = [
        replace(r, name=new) if r == relation else r for r in schema.relation_labels if not (merges and r == relation)
    ]
    return Schema(schema.entity_labels, tuple(replace(r, inverse=new) if r.inverse == old else r for r in kept))


def translate(
    entities: Iterable[Entity], relations: Iterable[Relation], renames: Renames
) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
    """Entities and relations under their new names; what a merge makes equal becomes one."""
    entity_names, relation_names = dict(renames.entities), dict(renames.relations)
    kept: dict[tuple[int, int, str], Entity] = {}
    ids: dict[str, str] = {}
    for entity in entities:
        named = replace(entity, label=entity_names.get(entity.label, entity.label))
        first = kept.get((named.start, named.end, named.label))
        if first is None or (first.score or 0.0) < (named.score or 0.0):
            kept[named.start, named.end, named.label] = replace(named, id=first.id) if first else named
        ids[entity.id] = first.id if first else entity.id
    edges: dict[tuple[str, str, str], Relation] = {}
    for relation in relations:
        label = relation_names.get(relation.label, relation.label)
        edge = Relation(ids.get(relation.head, relation.head), ids.get(relation.tail, relation.tail), label)
        before = edges.get(edge.key)
        if edge.head != edge.tail and (before is None or (before.score or 0.0) < (relation.score or 0.0)):
            edges[edge.key] = replace(edge, score=relation.score)
    return tuple(kept.values()), tuple(edges.values())


def renamed_keys(left: Undecided, renames: Renames) -> Undecided:
    """What was left undecided, its relations under their new names. Ids of entities stay."""
    names = dict(renames.relations)

    def keys(old: Iterable[tuple[str, str, str]]) -> tuple[tuple[str, str, str], ...]:
        return tuple(dict.fromkeys((head, tail, names.get(label, label)) for head, tail, label in old))

    return replace(left, seen_relations=keys(left.seen_relations), not_shown_relations=keys(left.not_shown_relations))


def present(extraction: Extraction, schema: Schema, renames: Renames) -> Extraction:
    """What a model once found, in the present label set: renamed, without labels that are gone."""
    if not renames and extraction.schema == schema:
        return extraction
    entities, relations = translate(extraction.entities, extraction.relations, renames)
    entities = tuple(entity for entity in entities if entity.label in schema.entity_names)
    ids = {entity.id for entity in entities}
    relations = tuple(r for r in relations if r.label in schema.relation_names and r.head in ids and r.tail in ids)
    return replace(extraction, schema=schema, entities=entities, relations=relations)


def keep_used(schema: Schema, before: Schema, used: Mapping[str, set[str]]) -> Schema:
    """`schema`, with the labels of `before` that it lacks but that are in use, as hidden labels.

    `used` holds the names in use under "entity" and "relation".
    """
    names, relation_names = schema.entity_names, schema.relation_names
    lost = [label for label in before.entity_labels if label.name not in names and label.name in used["entity"]]
    lost_relations = [
        label for label in before.relation_labels if label.name not in relation_names and label.name in used["relation"]
    ]
    if not lost and not lost_relations:
        return schema
    letters = {label.letter for label in schema.entity_labels}
    hidden: list[EntityLabel] = [
        replace(label, hidden=True, letter="" if label.letter in letters else label.letter) for label in lost
    ]
    types = names | {label.name for label in hidden}
    every = relation_names | {label.name for label in lost_relations}
    hidden_relations: list[RelationLabel] = [
        replace(
            label,
            hidden=True,
            head_types=tuple(t for t in label.head_types if t in types),
            tail_types=tuple(t for t in label.tail_types if t in types),
            inverse=label.inverse if label.inverse in every else "",
        )
        for label in lost_relations
    ]
    return Schema.of([*schema.entity_labels, *hidden], [*schema.relation_labels, *hidden_relations])


def _renamed(names: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(new if name == old else name for name in names))


def _then(first: tuple[tuple[str, str], ...], later: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    names = dict(later)
    moved = {old: names.get(new, new) for old, new in first}
    for old, new in later:
        moved.setdefault(old, new)
    return tuple((old, new) for old, new in moved.items() if old != new)
