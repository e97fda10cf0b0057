"""The relation side of a view: names, negatives, pairs, and what is right, wrong or unknown of each."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from relex_core.examples import Example
from relex_core.labels import Family, LabelKnowledge
from relex_core.views import Augmentation, Pools, SourceLabels


@dataclass(slots=True)
class Relations:
    """Relation labels under construction: name -> related pairs of entities."""

    positives: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    families: dict[tuple[int, int], set[str]] = field(default_factory=dict)
    labels: dict[tuple[int, int], set[str]] = field(default_factory=dict)


def renamed(item: Example, known: LabelKnowledge, how: Augmentation, rng: random.Random) -> Relations:
    """Each relation label under the name it is shown by; the inverse name exchanges head and tail."""
    out = Relations()
    by_label: dict[str, list[tuple[int, int]]] = {}
    families = {}
    for head, tail, label in item.relations:
        by_label.setdefault(label, []).append((head, tail))
        fits = known.families_of(label, item.entities[head][2], item.entities[tail][2])
        families[head, tail, label] = fits
        out.labels.setdefault((head, tail), set()).add(label)
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


def shown_labels(
    item: Example,
    relations: Relations,
    source: SourceLabels,
    pools: Pools,
    known: LabelKnowledge,
    how: Augmentation,
    rng: random.Random,
) -> tuple[str, ...]:
    """The names to show: most of what is right, and negatives from this source, from all, and type-consistent ones."""
    right = [name for name in relations.positives if rng.random() >= how.drop_label]
    wrong = [label for *_, label in item.wrong_relations]
    if how.negatives:
        # a text with many names leaves room for those that do not hold
        right = rng.sample(right, min(len(right), 2 * how.max_labels // 3))
        wrong = rng.sample(wrong, min(len(wrong), how.max_labels // 4))
    names = dict.fromkeys((*right, *wrong))
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


def wrong_spans(
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


def choose_pairs(
    item: Example, spans: tuple[tuple[int, int], ...], how: Augmentation, rng: random.Random
) -> tuple[tuple[int, int], ...]:
    """Related pairs, their reverses, and up to `max_pairs` others, as indices of spans.

    The others have room of their own: in a text full of relations they would else never be seen, and a model that never
    saw them relates everything with everything there.
    """
    at = {span: i for i, span in enumerate(spans)}
    to_span = [at[first, last] for first, last, _ in item.entities]
    first: dict[tuple[int, int], None] = {}
    for head, tail, _ in (*item.relations, *item.wrong_relations):
        if to_span[head] != to_span[tail]:
            first[to_span[head], to_span[tail]] = None
            first[to_span[tail], to_span[head]] = None
    rest = [(a, b) for a in range(len(spans)) for b in range(len(spans)) if a != b and (a, b) not in first]
    rng.shuffle(rest)
    return (*first, *rest[: how.max_pairs])


def cells(
    item: Example,
    spans: tuple[tuple[int, int], ...],
    names: tuple[str, ...],
    pairs: tuple[tuple[int, int], ...],
    relations: Relations,
    source: SourceLabels,
    pools: Pools,
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
    labels = {(to_span[h], to_span[t]): names for (h, t), names in relations.labels.items()}
    rejected = {(to_span[h], to_span[t], label) for h, t, label in item.wrong_relations}
    # "no relation" corpora mark one pair and say that none of their labels holds
    marked_pair = item.partial and not item.checked and not item.relations and len(at) == 2
    checked = relations.closed | set(item.checked)
    positives, unknown = set(), set()
    for m, name in enumerate(names):
        may_mean = known.mentioned(name) | {name}
        edges = related.get(name, set())
        akin = pools.akin.get(name, frozenset())
        for p, pair in enumerate(pairs):
            if pair in edges:
                positives.add((p, m))
            elif (*pair, name) in rejected or (pair[1], pair[0]) in edges:
                continue  # turned down by a person, or the wrong direction
            elif not akin.isdisjoint(labels.get(pair, ())):
                # elsewhere both names were given to one pair: here one of them may have been left out
                unknown.add((p, m))
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
