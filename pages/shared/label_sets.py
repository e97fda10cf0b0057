"""Changing a project's labels while people work with them: what can be done at once, and what is shown first.

Adding, describing and constraining a label happens at once. Renaming a label that is in use, or merging it into
another one, is shown with its counts before it is done, and can be taken back once (`db.label_changes`). Deleting one
that is in use hides it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from db import label_changes
from db.labels import Kind
from db.store import Store
from db.values import LabelChange
from pages.shared import label_edits
from pages.shared.wording import counted
from relex_core.errors import SchemaError, quote
from relex_core.types import Schema


def edit(store: Store, project: str, edit: Mapping[str, Any], by: str = "") -> LabelChange | None:
    """Carry out an edit of the chips, or give the change that a person has to confirm first. Raises SchemaError."""
    schema = store.project(project).schema
    to = edit.get("to")
    new = str(to.get("name", "")).strip() if isinstance(to, Mapping) else ""
    kind: Kind = "relation" if edit.get("kind") == "relation" else "entity"
    if edit.get("op") == "change" and new and new != edit.get("name"):
        # what else was changed about the label is no matter of counts
        rest = {**edit, "to": {**to, "name": edit.get("name")}}  # type: ignore[dict-item]
        store.save_schema(project, label_edits.apply(schema, rest), by=by)
        return label_changes.preview(store, project, kind, str(edit.get("name")), new)
    if edit.get("op") == "remove" and label_changes.in_use(store, project, kind, str(edit.get("name"))):
        after = label_edits.hide(schema, kind, str(edit.get("name")))
    else:
        after = label_edits.apply(schema, edit)
        _check_ends(schema, after)
    store.save_schema(project, after, by=by)
    return None


def rename(store: Store, project: str, change: LabelChange, by: str) -> str:
    """Do a confirmed change; what was done, in words."""
    label_changes.rename(store, project, change.kind, change.old, change.new, by)
    return f"{change.old} {'was merged into' if change.merges else 'is now called'} {change.new}."


def question(change: LabelChange) -> str:
    """What a change would do, in words."""
    verb = f"Merge {change.old} into {change.new}" if change.merges else f"Rename {change.old} to {change.new}"
    if not change.documents and not change.suggested:
        return f"{verb}? Nothing is marked with it yet."
    marks = counted(change.mentions, "mark") + " in " + counted(change.documents, "document")
    return f"{verb}? It changes {marks}, and suggestions in {counted(change.suggested, 'document')}."


def _check_ends(before: Schema, after: Schema) -> None:
    """Raises SchemaError where a relation has lost the only type that it allowed at an end with the label itself: it
    would go from, or to, anything."""
    gone = before.entity_names - after.entity_names
    for relation in after.visible_relations:
        was = next((r for r in before.relation_labels if r.name == relation.name), relation)
        for end, types, left in (
            ("head", was.head_types, relation.head_types),
            ("tail", was.tail_types, relation.tail_types),
        ):
            if types and not left and gone.issuperset(types):
                raise SchemaError(
                    expected=f"an entity label that relation {quote(relation.name)} can do without",
                    found=f"{quote(types[0])}, the only type at its {end}",
                    change=f"Choose other types for {quote(relation.name)}, or any, or delete it first.",
                    value=types[0],
                )


def hidden(schema: Schema) -> tuple[tuple[str, str], ...]:
    """Kind and name of labels that were deleted while marks carried them."""
    entities = tuple(("entity", label.name) for label in schema.entity_labels if label.hidden)
    return entities + tuple(("relation", label.name) for label in schema.relation_labels if label.hidden)
