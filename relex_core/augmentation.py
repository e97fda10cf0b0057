"""What the model is asked about one example in one step: labels, renamed or coarser, with negatives (section 3.7).

- A tenth of the labels that are right is not shown; others are, from the same source and from all sources.
- Entity types become coarser or get other names; rare ones become "other".
- Relation labels get other names of the same meaning, some the inverse with head and tail exchanged.
- The reverse of a pair is a negative unless it is annotated; spans that are not quite entities stand in pairs.
- What is not known is masked: in partially annotated data, and where a label from elsewhere may be right.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from relex_core.datasets import UNKNOWN_TYPE
from relex_core.examples import Example
from relex_core.labels import Family, LabelKnowledge

COMMON_KINDS = frozenset(
    (
        *("person", "organization", "location", "facility", "time", "work", "event", "product", "group", "number"),
        "miscellaneous",
    )
)
"""Kinds that nearly any text mentions: a source that does not annotate them is no evidence of their absence."""

OTHER_NAMES = ("other", "miscellaneous", "other entity", "misc")


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Probabilities and limits of what is done to an example; all zero shows it as it is."""

    drop_label: float = 0.1
    max_labels: int = 10
    coarse: float = 0.25
    rename_entity: float = 0.25
    other: float = 0.15
    rename_relation: float = 0.6
    inverse: float = 0.2
    wrong_spans: float = 0.3
    max_pairs: int = 48
    negatives: bool = True


@dataclass(frozen=True, slots=True)
class SourceLabels:
    """What one source annotates. `relations` is empty if it does not annotate relations at all."""

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    closed: tuple[frozenset[str], ...] = ()
    """Types that are annotated together: a partial text with some of a group has all of that group (Few-NERD)."""

    def group(self, types: Sequence[str]) -> frozenset[str] | None:
        """The group that holds all of `types`, None without types or with types of several groups."""
        fits = [group for group in self.closed if types and group.issuperset(types)]
        return fits[0] if fits else None


@dataclass(frozen=True, slots=True)
class Pools:
    """Labels to draw negatives from: by source, and of all sources."""

    sources: Mapping[str, SourceLabels]
    entities: tuple[str, ...]
    relations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """One example as the model sees it once.

    `spans` are the members of pairs (first word, last word); `pairs` index them. Cells are (span or pair, label)
    indices. `entities_known` False means that only cells of `marked` spans and of spans overlapping them count.
    """

    words: tuple[str, ...]
    entity_labels: tuple[str, ...]
    relation_labels: tuple[str, ...]
    entities: tuple[tuple[int, int, int], ...]
    entities_unknown: tuple[tuple[int, int, int], ...]
    entities_known: bool
    marked: tuple[tuple[int, int], ...]
    spans: tuple[tuple[int, int], ...]
    pairs: tuple[tuple[int, int], ...]
    positives: frozenset[tuple[int, int]]
    unknown: frozenset[tuple[int, int]]


@dataclass(slots=True)
class _Relations:
    """Relation labels under construction: name -> related pairs of entities."""

    positives: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    families: dict[tuple[int, int], set[str]] = field(default_factory=dict)


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
        spans = _wrong_spans(item, spans, how, rng)
        relations = _renamed(item, known, how, rng)
        names = _relation_labels(item, relations, source, pools, known, how, rng)
        pairs = _pairs(item, spans, relations, how, rng)
        positives, masked = _relation_cells(item, spans, names, pairs, relations, source, known)
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


# relations


def _renamed(item: Example, known: LabelKnowledge, how: Augmentation, rng: random.Random) -> _Relations:
    """Each relation label under the name it is shown by; the inverse name exchanges head and tail."""
    out = _Relations()
    by_label: dict[str, list[tuple[int, int]]] = {}
    families = {}
    for head, tail, label in item.relations:
        by_label.setdefault(label, []).append((head, tail))
        fits = known.families_of(label, item.entities[head][2], item.entities[tail][2])
        families[head, tail, label] = fits
        for pair in ((head, tail), (tail, head)):
            out.families.setdefault(pair, set()).update((label, *(family.name for family in fits)))
    for label in sorted(by_label):
        pairs, name, turned = by_label[label], label, False
        if rng.random() < how.rename_relation:
            fits = families[(*pairs[0], label)]
            same, inverse = known.paraphrases.get(label, ((), ()))
            options: list[tuple[Family | None, tuple[str, ...], tuple[str, ...]]] = []
            if same:
                options.append((None, same, inverse))
            options += [(family, family.names, family.inverse) for family in fits]
            if options:
                family, same, inverse = rng.choice(options)
                turned = bool(inverse) and rng.random() < how.inverse
                name = rng.choice(inverse if turned else same)
                if family is not None:  # the general name covers every relation of the family
                    pairs = [(h, t) for h, t, other in item.relations if family in families[h, t, other]]
        related = {(t, h) if turned else (h, t) for h, t in pairs}
        out.positives.setdefault(name, set()).update(related)
        if label in item.checked:
            out.closed.add(name)
    return out


def _relation_labels(
    item: Example,
    relations: _Relations,
    source: SourceLabels,
    pools: Pools,
    known: LabelKnowledge,
    how: Augmentation,
    rng: random.Random,
) -> tuple[str, ...]:
    """The names to show: most of what is right, and negatives from this source, from all, and type-consistent ones."""
    names = dict.fromkeys(name for name in relations.positives if rng.random() >= how.drop_label)
    names.update(dict.fromkeys(label for *_, label in item.wrong_relations))
    if how.negatives:
        wanted = max(len(names) + 1, rng.randint(2, how.max_labels))
        if item.partial and item.checked:
            far = [label for label in item.checked if label not in relations.positives]
        else:
            far = rng.sample(source.relations, min(5, len(source.relations)))
            far += rng.sample(pools.relations, min(4, len(pools.relations)))
            far += _type_consistent(item, known, rng)
        rng.shuffle(far)
        for label in far:
            if len(names) >= wanted:
                break
            names.setdefault(label)
    labels = list(names)[: how.max_labels]
    rng.shuffle(labels)
    return tuple(labels)


def _type_consistent(item: Example, known: LabelKnowledge, rng: random.Random) -> list[str]:
    """Names of relations that could hold between the text's entities as far as their types go."""
    kinds = sorted({known.kind(label) for *_, label in item.entities})
    fitting = [
        family
        for family in known.families
        if family.head
        and any(k in family.head for k in kinds)
        and (not family.tail or any(k in family.tail for k in kinds))
    ]
    chosen = rng.sample(fitting, min(4, len(fitting)))
    return [rng.choice(family.names if rng.random() < 0.8 else family.inverse) for family in chosen]


def _wrong_spans(
    item: Example, spans: tuple[tuple[int, int], ...], how: Augmentation, rng: random.Random
) -> tuple[tuple[int, int], ...]:
    """`spans` and, sometimes, some that miss an entity by a word: in use, pairs hold such spans too."""
    if item.partial or rng.random() >= how.wrong_spans:
        return spans
    wrong = []
    for first, last in rng.sample(spans, min(2, len(spans))):
        shifted = (max(0, first + rng.choice((-1, 0, 1))), min(len(item.words) - 1, last + rng.choice((-1, 0, 1))))
        if shifted[0] <= shifted[1] and shifted not in spans and shifted not in wrong:
            wrong.append(shifted)
    return spans + tuple(wrong)


def _pairs(
    item: Example, spans: tuple[tuple[int, int], ...], relations: _Relations, how: Augmentation, rng: random.Random
) -> tuple[tuple[int, int], ...]:
    """Related pairs, their reverses, then others up to the limit, as indices of spans."""
    at = {span: i for i, span in enumerate(spans)}
    to_span = [at[first, last] for first, last, _ in item.entities]
    first: dict[tuple[int, int], None] = {}
    for head, tail, _ in (*item.relations, *item.wrong_relations):
        if to_span[head] != to_span[tail]:
            first[to_span[head], to_span[tail]] = None
            first[to_span[tail], to_span[head]] = None
    rest = [(a, b) for a in range(len(spans)) for b in range(len(spans)) if a != b and (a, b) not in first]
    rng.shuffle(rest)
    return (*first, *rest[: max(0, how.max_pairs - len(first))])


def _relation_cells(
    item: Example,
    spans: tuple[tuple[int, int], ...],
    names: tuple[str, ...],
    pairs: tuple[tuple[int, int], ...],
    relations: _Relations,
    source: SourceLabels,
    known: LabelKnowledge,
) -> tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]:
    """(pair, label) cells that are right, and those that nobody knows."""
    at = {span: i for i, span in enumerate(spans)}
    to_span = [at[first, last] for first, last, _ in item.entities]
    part = dict(zip(to_span, item.parts, strict=True))
    related: dict[str, set[tuple[int, int]]] = {
        name: {(to_span[h], to_span[t]) for h, t in edges} for name, edges in relations.positives.items()
    }
    near: dict[tuple[int, int], set[str]] = {}
    for (head, tail), words in relations.families.items():
        near.setdefault((to_span[head], to_span[tail]), set()).update(words)
    rejected = {(to_span[h], to_span[t], label) for h, t, label in item.wrong_relations}
    # "no relation" corpora mark one pair and say that none of their labels holds
    marked_pair = item.partial and not item.checked and not item.relations and len(at) == 2
    checked = relations.closed | set(item.checked)
    positives, unknown = set(), set()
    for m, name in enumerate(names):
        may_mean = known.mentioned(name) | {name}
        edges = related.get(name, set())
        for p, pair in enumerate(pairs):
            if pair in edges:
                positives.add((p, m))
            elif (*pair, name) in rejected or (pair[1], pair[0]) in edges:
                continue  # turned down by a person, or the wrong direction
            elif pair in near:
                # another label holds between these two: the name may be entailed, unless it stands for others here
                if may_mean & near[pair] and not (name in related and name not in near[pair] and not item.partial):
                    unknown.add((p, m))
            elif item.partial and not _sure(pair, name, part, checked, marked_pair, source):
                unknown.add((p, m))
    return frozenset(positives), frozenset(unknown)


def _sure(
    pair: tuple[int, int],
    name: str,
    part: Mapping[int, int],
    checked: set[str],
    marked_pair: bool,
    source: SourceLabels,
) -> bool:
    """Whether a partially annotated text says that `name` does not hold for an unrelated pair."""
    across = part.get(pair[0], 0) != part.get(pair[1], 0)
    return across or name in checked or (marked_pair and name in source.relations)
