"""Which suggestions are shown at given thresholds: filtering of stored scores, no model.

The same greedy choice as in the paper's section 3.4: candidates by falling score, each taken unless it
overlaps one already taken. As the order does not depend on the threshold, filtering what was scored at a
floor gives exactly what a new run at the higher threshold would give, unless the checkpoint selects pairs first
(section 3.5): its adjacency was decided among all candidates at the floor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from relex_core.types import (
    Annotation,
    Entity,
    Extraction,
    Relation,
    RelationLabel,
    Thresholds,
    Undecided,
    allowed,
    readings,
)


def select(extraction: Extraction, thresholds: Thresholds, nested: bool = False, twins: bool = True) -> Extraction:
    """`extraction` with only what is shown at `thresholds`.

    Flat (the default) shows no two overlapping entities; nested allows one to hold another but not to cross
    it. Relations are shown if both of their ends are, if their label and its inverse allow the ends' types, and of
    those that say the same (`statement`) only the better-scored one. Without `twins` no relation joins two mentions of
    one name, such as Marie Curie and Marie Curie: a model that cannot tell them apart suggests these often, and nearly
    always wrongly.
    """
    entities = greedy(_above(extraction.entities, thresholds), nested)
    return replace(extraction, entities=entities, relations=_relations(extraction, entities, thresholds, twins))


def undecided(
    annotation: Annotation, thresholds: Thresholds, nested: bool = False, twins: bool = True
) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
    """The suggestions that are shown and that nobody has decided on yet.

    A person's entities come first: a suggestion that overlaps one of them (in the flat mode) or repeats it is
    not shown. Where one was rejected none with another label takes its place: it would have to be rejected as
    well, and another label is one key without that. Relations are shown between what is shown and what was
    accepted; `twins` is as in `select`.
    """
    extraction = annotation.based_on
    if extraction is None:
        return (), ()
    known = {e.id for e in annotation.entities} | {e.id for e in annotation.rejected_entities}
    gone = {e.span for e in annotation.rejected_entities}
    open_ = (e for e in _above(extraction.suggested(), thresholds) if e.id not in known and e.span not in gone)
    entities = greedy(open_, nested, taken=annotation.entities)
    declared = extraction.schema.declared
    decided = {statement(r, declared) for r in (*annotation.relations, *annotation.rejected_relations)}
    shown = _relations(extraction, (*entities, *annotation.entities), thresholds, twins)
    return entities, tuple(r for r in shown if statement(r, declared) not in decided)


def left_alone(
    annotation: Annotation, thresholds: Thresholds, parts: Iterable[tuple[int, int]] | None = None
) -> Undecided | None:
    """What the decisions leave open of the suggestions, told apart by what was on the screen at these thresholds.

    With `parts`, as offsets, no more of the text was open than these. None if there were no suggestions.
    """
    extraction = annotation.based_on
    if extraction is None:
        return None
    entities, relations = undecided(annotation, thresholds, twins=False)
    if parts is not None:
        spans = tuple(parts)
        known = {e.id: e for e in (*extraction.entities, *annotation.entities)}
        open_ = {id for id, e in known.items() if any(e.start < end and start < e.end for start, end in spans)}
        entities = tuple(e for e in entities if e.id in open_)
        relations = tuple(r for r in relations if r.head in open_ and r.tail in open_)
    seen, seen_relations = {e.id for e in entities}, {r.key for r in relations}
    settled = seen | {e.id for e in (*annotation.entities, *annotation.rejected_entities)}
    decided = seen_relations | {r.key for r in (*annotation.relations, *annotation.rejected_relations)}
    return Undecided(
        tuple(e.id for e in extraction.suggested() if e.id in seen),
        tuple(r.key for r in extraction.relations if r.key in seen_relations),
        tuple(e.id for e in extraction.suggested() if e.id not in settled),
        tuple(r.key for r in extraction.relations if r.key not in decided),
    )


def statement(relation: Relation, declared: Mapping[str, RelationLabel]) -> tuple[str, str, str]:
    """What a relation says, whichever way round: head, tail and label, the same for both directions of a symmetric
    label and for a label and its inverse; `declared` is as in `readings`."""
    return min(readings(*relation.key, declared), key=lambda key: (key[2], key[0], key[1]))


def sureness(item: Entity | Relation) -> float:
    """The score; what a person or another program gave without one is sure."""
    return 1.0 if item.score is None else item.score


def greedy(candidates: Iterable[Entity], nested: bool = False, taken: Iterable[Entity] = ()) -> tuple[Entity, ...]:
    """The best candidates that go together, and with `taken`; in text order (without `taken`)."""
    chosen: list[Entity] = []
    # by place, so that in a long text only neighbours are compared
    blocked: dict[int, list[Entity]] = {}

    def places(entity: Entity) -> range:
        return range(entity.start >> _PLACE, ((entity.end - 1) >> _PLACE) + 1)

    def block(entity: Entity) -> None:
        for place in places(entity):
            blocked.setdefault(place, []).append(entity)

    for entity in taken:
        block(entity)
    for candidate in sorted(candidates, key=sureness, reverse=True):
        near = (other for place in places(candidate) for other in blocked.get(place, ()))
        if nested:
            clash = any(candidate.crosses(other) or candidate.span == other.span for other in near)
        else:
            clash = any(candidate.overlaps(other) for other in near)
        if not clash:
            chosen.append(candidate)
            block(candidate)
    return tuple(sorted(chosen, key=lambda e: e.start))


_PLACE = 7
"""Entities are compared with those of the same 2 ** 7 code points."""


def _above(entities: Iterable[Entity], thresholds: Thresholds) -> list[Entity]:
    limits = dict(thresholds.entities)
    return [e for e in entities if e.score is None or e.score > limits.get(e.label, thresholds.entity)]


def _relations(
    extraction: Extraction, shown: tuple[Entity, ...], thresholds: Thresholds, twins: bool
) -> tuple[Relation, ...]:
    types = {entity.id: entity.label for entity in shown}
    names = {} if twins else {entity.id: _name(entity, extraction) for entity in shown}
    bounds = extraction.schema.bounds
    limits = dict(thresholds.relations)
    kept = []
    for relation in extraction.relations:
        if relation.head not in types or relation.tail not in types:
            continue
        if not twins and names[relation.head] == names[relation.tail]:
            continue
        limit = limits.get(relation.label, thresholds.relation)
        if relation.score is not None and not relation.score > limit:
            continue
        if allowed(bounds[relation.label], types[relation.head], types[relation.tail]):
            kept.append(relation)
    declared = extraction.schema.declared
    best: dict[tuple[str, str, str], Relation] = {}
    for relation in kept:
        said = statement(relation, declared)
        if said not in best or sureness(relation) > sureness(best[said]):
            best[said] = relation
    winners = {relation.key for relation in best.values()}
    return tuple(relation for relation in kept if relation.key in winners)


def _name(entity: Entity, extraction: Extraction) -> str:
    return " ".join(entity.text(extraction.document).split()).lower()
