"""Counting what is right: strict matches, per label, with bootstrap intervals. No model, no torch.

An entity is right if its span and label are; a relation if both spans, its label and its direction are. Relations that
say the same by what the label set declares (a symmetric label, an inverse) are one, in the form that is annotated. The
stricter second count asks for both entity types as well. Micro-averages throughout (paper section 4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from relex_core.datasets import UNKNOWN_TYPE, Gold
from relex_core.types import Entity, Extraction, Relation, Schema, readings

Key = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives, false negatives."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def support(self) -> int:
        return self.tp + self.fn

    @property
    def precision(self) -> float:
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else 0.0

    @property
    def recall(self) -> float:
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else 0.0

    @property
    def f1(self) -> float:
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else 0.0


@dataclass(frozen=True, slots=True)
class DocumentScore:
    """One document's counts by label: entities, relations, relations with the types of both ends.

    `missed` and `false` relations are (head span, tail span, label); a cluster stands as its first mention.
    `missed_entities` and `false_entities` are (start, end, label).
    """

    entities: Mapping[str, Counts]
    relations: Mapping[str, Counts]
    typed: Mapping[str, Counts]
    confusions: tuple[tuple[str, str], ...] = ()
    missed: tuple[Key, ...] = ()
    false: tuple[Key, ...] = ()
    missed_entities: tuple[Key, ...] = ()
    false_entities: tuple[Key, ...] = ()


NOTHING = "(none)"
"""In a confusion: the pair carries no label on this side."""


def score(gold: Gold, found: Extraction) -> DocumentScore:
    """Compare one prediction with the truth, at document level where the truth has clusters."""
    truth, claimed = facts(gold, found.schema), claims(gold, found)
    said = {key for key, _ in claimed}
    typed_truth, typed = _typed(gold, found, claimed)
    entity_truth = {(*e.span, e.label) for e in gold.entities if e.label != UNKNOWN_TYPE}
    entity_claims = {(*e.span, e.label) for e in found.entities if e.label != UNKNOWN_TYPE}
    if gold.partial:
        # what nobody annotated is neither right nor wrong: entities by recall, but for those that were rejected
        entity_claims &= entity_truth | {(*e.span, e.label) for e in gold.rejected_entities}
    return DocumentScore(
        _count(entity_truth, entity_claims),
        _count(truth, said),
        _count(typed_truth, typed),
        _confusions(truth, said),
        _ordered(_first_mentions(truth - said, gold)),
        _ordered(_first_mentions(said - truth, gold)),
        _ordered(entity_truth - entity_claims),
        _ordered(entity_claims - entity_truth),
    )


def facts(gold: Gold, schema: Schema) -> set[Key]:
    """The relations that are true: (head, tail, label). An end is a span or, at document level, a cluster's number.

    Of those that say the same by the declarations of `schema` the first.
    """
    keys = _annotated(gold)
    forms = _forms(keys, schema)
    return {forms[key] for key in keys}


def _annotated(gold: Gold) -> list[Key]:
    """The relations of a record in its own order, those that say the same too."""
    if gold.clusters:
        return list(gold.facts)
    spans = {entity.id: entity.span for entity in gold.entities}
    return [(spans[r.head], spans[r.tail], r.label) for r in gold.relations]


def _forms(keys: Iterable[Key], schema: Schema) -> dict[Key, Key]:
    """For each of `keys` the first of them that says the same."""
    declared = schema.declared
    forms: dict[Key, Key] = {}
    for key in keys:
        if key not in forms:
            head, tail, label = key
            forms.update(dict.fromkeys(readings(head, tail, str(label), declared), key))
    return forms


def _in_form(relation: Relation, key: Key, form: Key) -> Relation:
    """A relation whose key is `key`, put as `form` puts it."""
    head, tail = (relation.head, relation.tail) if key[:2] == form[:2] else (relation.tail, relation.head)
    return Relation(head, tail, str(form[2]), relation.score)


def claims(gold: Gold, found: Extraction) -> list[tuple[Key, Relation]]:
    """What each relation of a prediction claims, in the form of `facts`.

    What says the same as a fact, or as another claim, has the form of that one, its relation too. At document level a
    mention stands for its cluster, a wrong span for itself. Where annotation is partial, relations of which it says
    nothing are left out: they are neither right nor wrong.
    """
    clusters = {gold.entities[at].span: number for number, members in enumerate(gold.clusters) for at in members}
    spans = {entity.id: entity.span for entity in found.entities}
    ends: dict[str, Hashable] = {id: clusters.get(span, span) for id, span in spans.items()}
    keys: list[Key] = [(ends[r.head], ends[r.tail], r.label) for r in found.relations]
    forms = _forms((*_annotated(gold), *keys), found.schema)
    claimed = [(forms[key], _in_form(r, key, forms[key])) for key, r in zip(keys, found.relations, strict=True)]
    if not gold.partial or gold.clusters:
        return claimed
    said = _said(gold, found.schema)
    return [(key, relation) for key, relation in claimed if said(key)]


def _said(gold: Gold, schema: Schema) -> Callable[[Key], bool]:
    """Whether a partial truth says anything of a claim: of an annotated pair in both directions, of what was rejected,
    and of labels that were looked for between the entities."""
    marks = {entity.span for entity in gold.entities}
    pairs = {frozenset(key[:2]) for key in _annotated(gold)}
    rejected = {e.id: e.span for e in (*gold.entities, *gold.rejected_entities)}
    turned_down = [(rejected[r.head], rejected[r.tail], r.label) for r in gold.rejected_relations]
    wrong = _forms(turned_down, schema).keys()
    if not pairs and not wrong and not gold.checked:
        pairs = {frozenset((a.span, b.span)) for a, b in combinations(gold.entities, 2)}

    def said(key: Key) -> bool:
        looked_for = key[2] in gold.checked and key[0] in marks and key[1] in marks
        return frozenset(key[:2]) in pairs or key in wrong or looked_for

    return said


def _typed(gold: Gold, found: Extraction, claimed: list[tuple[Key, Relation]]) -> tuple[set[Key], set[Key]]:
    """The truth and the claims with the types of both ends in them."""
    predicted = found.by_id()
    if not gold.clusters:
        true = {entity.id: entity for entity in gold.entities}
        keys = _annotated(gold)
        forms = _forms(keys, found.schema)
        told = [_in_form(r, key, forms[key]) for key, r in zip(keys, gold.relations, strict=True)]
        return (
            {_typed_key(true[r.head], true[r.tail], r.label) for r in told},
            {_typed_key(predicted[r.head], predicted[r.tail], r.label) for _, r in claimed},
        )
    kinds = [{gold.entities[member].label for member in members} for members in gold.clusters]
    typed: set[Key] = set()
    for key, relation in claimed:
        ends = predicted[relation.head], predicted[relation.tail]
        fits = all(isinstance(at, int) and end.label in kinds[at] for at, end in zip(key[:2], ends, strict=True))
        typed.add(key if fits else (ends[0].span, ends[1].span, relation.label))
    return facts(gold, found.schema), typed


def _typed_key(head: Entity, tail: Entity, label: str) -> Key:
    return (head.span, tail.span, label, head.label, tail.label)


def _first_mentions(keys: Set[Key], gold: Gold) -> set[Key]:
    def place(end: Hashable) -> Hashable:
        return gold.entities[gold.clusters[end][0]].span if isinstance(end, int) else end

    return {(place(head), place(tail), label) for head, tail, label in keys}


def _ordered(keys: Set[Key]) -> tuple[Key, ...]:
    return tuple(sorted(keys, key=repr))


def _count(truth: Set[Key], claims: Set[Key]) -> dict[str, Counts]:
    counts: dict[str, Counts] = {}
    for keys, one in (
        (truth & claims, Counts(tp=1)),
        (claims - truth, Counts(fp=1)),
        (truth - claims, Counts(fn=1)),
    ):
        for key in keys:
            name = str(key[2])
            counts[name] = counts.get(name, Counts()) + one
    return counts


def _confusions(truth: Set[Key], claims: Set[Key]) -> tuple[tuple[str, str], ...]:
    """(true label, claimed label) of each pair where they differ; one side may be `NOTHING`."""
    wanted: dict[Key, list[str]] = {}
    claimed: dict[Key, list[str]] = {}
    for keys, by_pair in ((truth - claims, wanted), (claims - truth, claimed)):
        for key in keys:
            by_pair.setdefault(key[:2], []).append(str(key[2]))
    return tuple(
        (true, claim)
        for pair in wanted.keys() | claimed.keys()
        for true in wanted.get(pair, [NOTHING])
        for claim in claimed.get(pair, [NOTHING])
    )


def total(parts: Iterable[Mapping[str, Counts]]) -> dict[str, Counts]:
    """Sum by label."""
    counts: dict[str, Counts] = {}
    for part in parts:
        for label, one in part.items():
            counts[label] = counts.get(label, Counts()) + one
    return counts


def micro(counts: Mapping[str, Counts]) -> Counts:
    """Sum over labels."""
    return sum(counts.values(), Counts())


def interval(parts: Sequence[Mapping[str, Counts]], samples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95% percentile bootstrap interval of micro-F1 over documents."""
    if not parts:
        return 0.0, 0.0
    sums = [micro(part) for part in parts]
    # documents with the same counts are the same to a sum: of any number there are few different ones
    table, times = np.unique([[one.tp, one.fp, one.fn] for one in sums], axis=0, return_counts=True)  # [different, 3]
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(sums), times / len(sums), size=samples)  # [samples, different]
    tp, fp, fn = (weights @ table).T
    f1 = 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    low, high = np.percentile(f1, [2.5, 97.5])
    return float(low), float(high)
