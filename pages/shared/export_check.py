"""What an export would hold, counted, and what about it deserves a second look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pages.shared.messages import counted
from relex_core.types import Annotation
from relex_core.words import Words

PREVIEW = 10
"""Records that are shown before anybody downloads."""


@dataclass(slots=True)
class Summary:
    """Counts over annotations; `warnings` are sentences for people."""

    documents: int = 0
    empty: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    accepted: int = 0
    widened: int = 0
    misfits: int = 0
    first: list[Annotation] = field(default_factory=list)

    @property
    def warnings(self) -> tuple[str, ...]:
        found = []
        if self.empty:
            found.append(
                f"{counted(self.empty, 'document')} hold no entity: they teach the model that there is nothing to find."
            )
        if self.widened:
            found.append(
                f"{counted(self.widened, 'entity', 'entities')} begin or end inside a word. Word-based formats widen "
                "them; the exact offsets travel along."
            )
        if self.misfits:
            found.append(
                f"{counted(self.misfits, 'relation')} join types that the label set does not allow. Correct them, or "
                "allow the types."
            )
        rare = [label for label, count in (*self.entities.items(), *self.relations.items()) if count < 5]
        if rare and self.documents:
            found.append(f"Fewer than 5 examples: {', '.join(sorted(rare)[:8])}{' and more' if len(rare) > 8 else ''}.")
        return tuple(found)


def summarize(annotations: Iterable[Annotation]) -> Summary:
    """Go through the annotations once."""
    summary = Summary()
    for annotation in annotations:
        summary.documents += 1
        summary.empty += not annotation.entities
        summary.entities.update(e.label for e in annotation.entities)
        summary.relations.update(r.label for r in annotation.relations)
        summary.rejected += len(annotation.rejected_entities) + len(annotation.rejected_relations)
        summary.accepted += len(annotation.entities) + len(annotation.relations)
        summary.widened += _widened(annotation)
        summary.misfits += _misfits(annotation)
        if len(summary.first) < PREVIEW:
            summary.first.append(annotation)
    return summary


def _widened(annotation: Annotation) -> int:
    if not annotation.entities:
        return 0
    words = Words.of(annotation.document.text)
    starts, ends = set(words.starts), set(words.ends)
    return sum(entity.start not in starts or entity.end not in ends for entity in annotation.entities)


def _misfits(annotation: Annotation) -> int:
    types = {entity.id: entity.label for entity in annotation.entities}
    return sum(
        not annotation.schema.relation(r.label).allows(types[r.head], types[r.tail]) for r in annotation.relations
    )
