"""What the model is asked about one example in one step: labels, renamed or coarser, with negatives (section 3.7).

- A tenth of the labels that are right is not shown; others are, from the same source and from all sources.
- Entity types become coarser or get other names; rare ones become "other".
- Relation labels get other names of the same meaning, some the inverse with head and tail exchanged.
- The reverse of a pair is a negative unless it is annotated; spans that are not quite entities stand in pairs.
- What is not known is masked: in partially annotated data, and where a label from elsewhere may be right.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from relex_core import relation_views
from relex_core.datasets import UNKNOWN_TYPE
from relex_core.examples import Example
from relex_core.labels import LabelKnowledge
from relex_core.views import Augmentation, Pools, SourceLabels, View

COMMON_KINDS = frozenset(
    (
        *("person", "organization", "location", "facility", "time", "work", "event", "product", "group", "number"),
        "miscellaneous",
    )
)
"""Kinds that nearly any text mentions: a source that does not annotate them is no evidence of their absence."""

OTHER_NAMES = ("other", "miscellaneous", "other entity", "misc")


def view(item: Example, pools: Pools, known: LabelKnowledge, how: Augmentation, rng: random.Random) -> View:
    """Ask about `item` once. Everything random comes from `rng`."""
    source = pools.sources[item.source]
    labels, cells, unknown = _entity_side(item, source, pools, known, how, rng)
    spans = tuple(dict.fromkeys((first, last) for first, last, _ in item.entities))
    marked = spans + tuple((first, last) for first, last, _ in item.wrong_entities)
    names: tuple[str, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    positives: frozenset[tuple[int, int]] = frozenset()
    masked: frozenset[tuple[int, int]] = frozenset()
    if source.relations and len(spans) > 1:
        spans = relation_views.wrong_spans(item, spans, how, rng)
        relations = relation_views.renamed(item, known, how, rng)
        names = relation_views.shown_labels(item, relations, source, pools, known, how, rng)
        pairs = relation_views.choose_pairs(item, spans, relations, how, rng)
        positives, masked = relation_views.cells(item, spans, names, pairs, relations, source, known)
    known_here = not item.partial or source.group([label for *_, label in item.entities]) is not None
    return View(item.words, labels, names, cells, unknown, known_here, marked, spans, pairs, positives, masked)


# entities


def _entity_side(
    item: Example, source: SourceLabels, pools: Pools, known: LabelKnowledge, how: Augmentation, rng: random.Random
) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...], tuple[tuple[int, int, int], ...]]:
    """Labels shown, cells that are right, cells that are not known."""
    types = sorted({label for *_, label in item.entities if label != UNKNOWN_TYPE})
    shown = _entity_names(types, item.partial, known, how, rng)
    names = dict.fromkeys(shown.values())
    names = {name: None for name in names if rng.random() >= how.drop_label}
    origin = {name: {t for t, n in shown.items() if n == name} for name in shown.values()}
    wanted = rng.randint(3, how.max_labels) if how.negatives else len(names)
    for label in _entity_negatives(item, types, source, pools, known, how, rng):
        if len(names) >= wanted:
            break
        if label not in origin:
            names[label] = None
            origin[label] = {label}
    labels = list(names)[: how.max_labels]
    rng.shuffle(labels)
    index = {name: i for i, name in enumerate(labels)}
    cells, unknown = set(), set()
    for first, last, label in item.entities:
        right = shown.get(label)
        for name, i in index.items():
            if name == right:
                cells.add((first, last, i))
            elif label == UNKNOWN_TYPE or any(_compatible(label, o, source, known) for o in origin[name]):
                unknown.add((first, last, i))
    for first, last, label in item.wrong_entities:
        if label not in index:
            unknown |= {(first, last, i) for i in index.values()} if item.partial else set()
    return tuple(labels), tuple(sorted(cells)), tuple(sorted(unknown - cells))


def _entity_names(
    types: Sequence[str], partial: bool, known: LabelKnowledge, how: Augmentation, rng: random.Random
) -> dict[str, str]:
    """Type -> name to show."""
    coarse = rng.random() < how.coarse
    shown = {label: known.kind(label) if coarse else label for label in types}
    if not partial and rng.random() < how.other:
        kept = {kind for kind in ("person", "organization", "location") if rng.random() < 0.85}
        other = rng.choice(OTHER_NAMES)
        shown = {label: name if known.kind(label) in kept else other for label, name in shown.items()}
    other_names = {
        name: rng.choice(known.other_names[name])
        for name in sorted(set(shown.values()))
        if name in known.other_names and rng.random() < how.rename_entity
    }
    return {label: other_names.get(name, name) for label, name in shown.items()}


def _entity_negatives(
    item: Example,
    types: Sequence[str],
    source: SourceLabels,
    pools: Pools,
    known: LabelKnowledge,
    how: Augmentation,
    rng: random.Random,
) -> list[str]:
    """Labels of types that the text does not hold, in random order, half from the same source."""
    if not how.negatives:
        return []
    present = set(types)
    if source.closed:
        together = sorted((source.group(types) or frozenset()) - present)
        return rng.sample(together, len(together))
    own = [label for label in source.entities if label not in present and label != UNKNOWN_TYPE]
    own_kinds = {known.kind(label) for label in source.entities}
    far = [
        label
        for label in rng.sample(pools.entities, min(12, len(pools.entities)))
        if label not in present and (known.kind(label) in own_kinds or known.kind(label) not in COMMON_KINDS)
    ]
    mixed = rng.sample(own, min(6, len(own))) + far[:6]
    if not item.partial and rng.random() < how.other:
        mixed.append(rng.choice(OTHER_NAMES) if "miscellaneous" not in own_kinds else "number")
    rng.shuffle(mixed)
    return mixed


def _compatible(label: str, shown: str, source: SourceLabels, known: LabelKnowledge) -> bool:
    """Whether an entity of type `label` could also be called `shown`."""
    if label == shown:
        return True  # dropped or renamed elsewhere in the same view
    kind = known.kind(label)
    if kind != known.kind(shown):
        return shown in OTHER_NAMES
    # one annotator chose between the two, unless one is the other's kind
    return kind in (label, shown) or shown not in source.entities
