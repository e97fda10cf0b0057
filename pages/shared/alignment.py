"""Which marks of several people mean the same place, and which of their relations the same pair of places.

A `Unit` is one mention: at most one entity of each person, brought together by overlap whatever their labels
are, so that a disagreement about a boundary does not hide an agreement about a label, and the reverse.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from relex_core.types import Annotation, Entity, Relation, Schema

Marks = Mapping[str, Annotation]
"""The annotations of one document, by annotator."""

Pair = tuple[int, int]
"""Two units, by their position in the text order of units; the lower one first."""

Edge = tuple[bool, str]
"""A relation within a pair: whether it goes from the lower unit to the higher one, and its label."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One mention as (annotator, entity) pairs. Annotators who did not mark it are missing."""

    marks: tuple[tuple[str, Entity], ...]

    @property
    def start(self) -> int:
        return min(entity.start for _, entity in self.marks)

    @property
    def end(self) -> int:
        return max(entity.end for _, entity in self.marks)

    def of(self, annotator: str) -> Entity | None:
        return dict(self.marks).get(annotator)


def units(marks: Marks) -> tuple[Unit, ...]:
    """The mentions of a document in text order.

    Each annotator's entities are matched one to one with the mentions known so far: the pair with the largest
    overlap (Jaccard index of their characters) first, of equal ones the pair with equal labels.
    """
    found: list[Unit] = []
    for annotator, annotation in marks.items():
        near = overlapping(annotation.entities)
        pairs = [
            (_overlap(entity, mark), entity.label == mark.label, -at, -number, entity)
            for at, unit in enumerate(found)
            for _, mark in unit.marks
            for number, entity in near(mark)
        ]
        matched: dict[int, Entity] = {}
        taken: set[str] = set()
        for _, _, at, _, entity in sorted(pairs, key=lambda pair: pair[:4], reverse=True):
            if -at not in matched and entity.id not in taken:
                matched[-at] = entity
                taken.add(entity.id)
        found = [
            replace(unit, marks=(*unit.marks, (annotator, matched[at]))) if at in matched else unit
            for at, unit in enumerate(found)
        ]
        found += [Unit(((annotator, entity),)) for entity in annotation.entities if entity.id not in taken]
    return tuple(sorted(found, key=lambda unit: (unit.start, unit.end)))


def overlapping(entities: Sequence[Entity]) -> Callable[[Entity], list[tuple[int, Entity]]]:
    """Which of these, with their places, overlap a given one. A long text has thousands: not all are looked at."""
    order = sorted(range(len(entities)), key=lambda at: entities[at].start)
    starts = [entities[at].start for at in order]
    widest = max((entity.end - entity.start for entity in entities), default=0)

    def near(mark: Entity) -> list[tuple[int, Entity]]:
        places = order[bisect_left(starts, mark.start - widest) : bisect_left(starts, mark.end)]
        return [(at, entities[at]) for at in places if entities[at].overlaps(mark)]

    return near


def edges(marks: Marks, mentions: tuple[Unit, ...]) -> dict[Pair, dict[str, dict[Edge, Relation]]]:
    """For each related pair of mentions, what each annotator who related them said, pairs in text order.

    Edges are comparable between annotators (`canonical`); each comes with the relation as its annotator wrote it.
    """
    place = {(name, entity.id): at for at, unit in enumerate(mentions) for name, entity in unit.marks}
    found: dict[Pair, dict[str, dict[Edge, Relation]]] = {}
    for name, annotation in marks.items():
        for relation in annotation.relations:
            head, tail = place[name, relation.head], place[name, relation.tail]
            edge = canonical(annotation.schema, head < tail, relation.label)
            said = found.setdefault((min(head, tail), max(head, tail)), {})
            said.setdefault(name, {})[edge] = relation
    return dict(sorted(found.items()))


def canonical(schema: Schema, forward: bool, label: str) -> Edge:
    """One form for relations that mean the same: a symmetric one goes forward, of two inverse labels the one that
    comes first in the alphabet is used."""
    declared = schema.relation(label)
    if declared.symmetric:
        return True, label
    if declared.inverse and declared.inverse < label:
        return not forward, declared.inverse
    return forward, label


def _overlap(one: Entity, other: Entity) -> float:
    shared = min(one.end, other.end) - max(one.start, other.start)
    return shared / (max(one.end, other.end) - min(one.start, other.start))
