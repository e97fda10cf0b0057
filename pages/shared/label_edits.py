"""What can be done to a label set on the screen: pure functions from a schema to the next one.

Every edit arrives as JSON from the chips. A refused edit raises SchemaError and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from relex_core.errors import SchemaError, quote
from relex_core.types import RelationLabel, Schema, Thresholds

MAX_LABELS = 500
"""Most labels of one kind: more do not fit in any encoder's window together with a sentence."""


def apply(schema: Schema, edit: Mapping[str, Any]) -> Schema:
    """The schema after `edit`: {"op": "add" | "change" | "remove", "kind": "entity" | "relation", ...}.

    add takes "names", one or many divided by commas, semicolons or line breaks; change takes "name" and "to", an
    object with the new name, description, head_types, tail_types, symmetric and inverse; remove takes "name".
    """
    kind, op = str(edit.get("kind")), str(edit.get("op"))
    if kind not in ("entity", "relation") or op not in ("add", "change", "remove"):
        raise SchemaError(expected="an edit of a label set", found=quote(dict(edit)), change="Reload the page.")
    if op == "add":
        return add(schema, kind, split_names(str(edit.get("names", ""))))
    if op == "remove":
        return remove(schema, kind, str(edit.get("name")))
    to = edit.get("to")
    return change(schema, kind, str(edit.get("name")), to if isinstance(to, Mapping) else {})


def split_names(typed: str) -> tuple[str, ...]:
    """Label names from what was typed or pasted, in order.

    >>> split_names("person, place;  date\\n")
    ('person', 'place', 'date')
    """
    return tuple(name.strip() for name in re.split(r"[,;\n\t]", typed) if name.strip())


def add(schema: Schema, kind: str, names: tuple[str, ...]) -> Schema:
    """`schema` with these labels at the end; a hidden label of that name comes back. Raises SchemaError."""
    labels = schema.entity_labels if kind == "entity" else schema.relation_labels
    if not names:
        raise SchemaError(
            expected=f"the name of a new {kind} label", found="nothing", change="Type a short noun or verb phrase."
        )
    if len(labels) + len(names) > MAX_LABELS:
        raise SchemaError(
            expected=f"at most {MAX_LABELS} {kind} labels",
            found=str(len(labels) + len(names)),
            change="Use two label sets, one after the other.",
        )
    shown = {label.name.casefold(): label.name for label in labels if not label.hidden}
    twice = [name for name in names if name.casefold() in shown]
    twice += [name for at, name in enumerate(names) if name.casefold() in {n.casefold() for n in names[:at]}]
    if twice:
        raise SchemaError(
            expected=f"each {kind} label once",
            found=f"{', '.join(quote(name) for name in dict.fromkeys(twice))} more than once",
            change="Leave out the duplicates.",
            value=tuple(twice),
        )
    hidden = {label.name for label in labels if label.hidden}
    fresh = [name for name in names if name not in hidden]
    if kind == "entity":
        entities = [replace(e, hidden=e.hidden and e.name not in names) for e in schema.entity_labels]
        return Schema.of([*entities, *fresh], schema.relation_labels)
    relations = [replace(r, hidden=r.hidden and r.name not in names) for r in schema.relation_labels]
    return Schema.of(schema.entity_labels, [*relations, *fresh])


def remove(schema: Schema, kind: str, name: str) -> Schema:
    """`schema` without this label; relations no longer name it as a type of their ends."""
    if kind == "relation":
        schema.relation(name)
        kept = [replace(r, inverse="" if r.inverse == name else r.inverse) for r in schema.relation_labels]
        return replace(schema, relation_labels=tuple(r for r in kept if r.name != name))
    schema.entity(name)
    return Schema(
        tuple(e for e in schema.entity_labels if e.name != name),
        tuple(_with_types(r, lambda types: tuple(t for t in types if t != name)) for r in schema.relation_labels),
    )


def hide(schema: Schema, kind: str, name: str) -> Schema:
    """`schema` where this label is not suggested any more; the relations that name it, and its place, stay."""
    if kind == "relation":
        schema.relation(name)
        relations = tuple(replace(r, hidden=r.hidden or r.name == name) for r in schema.relation_labels)
        return replace(schema, relation_labels=relations)
    schema.entity(name)
    entities = tuple(replace(e, hidden=e.hidden or e.name == name) for e in schema.entity_labels)
    return replace(schema, entity_labels=entities)


def change(schema: Schema, kind: str, name: str, to: Mapping[str, Any]) -> Schema:
    """`schema` with another name, description or constraints for this label, which keeps its colour and letter."""
    new, relations = str(to.get("name", name)).strip(), schema.relation_labels
    description = str(to.get("description", "")).strip()
    if kind == "entity":
        entity = replace(schema.entity(name), name=new, description=description)
        return Schema(
            tuple(entity if e.name == name else e for e in schema.entity_labels),
            tuple(_with_types(r, lambda types: tuple(new if t == name else t for t in types)) for r in relations),
        )
    symmetric = bool(to.get("symmetric", False))
    inverse = "" if symmetric else str(to.get("inverse", schema.relation(name).inverse)).strip()
    relation = replace(
        schema.relation(name),
        name=new,
        description=description,
        head_types=tuple(str(t) for t in to.get("head_types", ())),
        tail_types=tuple(str(t) for t in to.get("tail_types", ())),
        symmetric=symmetric,
        inverse=new if inverse == name else inverse,
    )
    return replace(
        schema,
        relation_labels=tuple(
            relation if r.name == name else _paired(r, name, relation) for r in schema.relation_labels
        ),
    )


def limit(thresholds: Thresholds, kind: str, name: str, value: float | None) -> Thresholds:
    """`thresholds` with one of its own for this label, or with None without it. Raises InputError.

    >>> limit(Thresholds(), "entity", "person", 0.4).of_entity("person")
    0.4
    """
    before = thresholds.entities if kind == "entity" else thresholds.relations
    after = (*(pair for pair in before if pair[0] != name), *(() if value is None else ((name, value),)))
    return replace(thresholds, entities=after) if kind == "entity" else replace(thresholds, relations=after)


def _paired(other: RelationLabel, name: str, changed: RelationLabel) -> RelationLabel:
    """Another relation after one called `name` was changed: a label and its inverse name each other."""
    if other.name == changed.inverse:
        return replace(other, inverse=changed.name, symmetric=False)
    return replace(other, inverse="") if other.inverse == name else other


def _with_types(relation: RelationLabel, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> RelationLabel:
    return replace(relation, head_types=change(relation.head_types), tail_types=change(relation.tail_types))
