"""How far annotators agree: span F1, relation F1, and chance-corrected agreement on labels.

F1 says whether people mark the same things; it needs no count of the spans that nobody marked, and tends to
kappa where these are many (Hripcsak and Rothschild 2005, JAMIA 12:296). Cohen's kappa and Krippendorff's alpha
say whether people give the same label to what both marked: they are taken on matched mentions (`alignment`).
Alpha comes from NLTK's `AnnotationTask`, whose kappa looks through all ratings for each item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from nltk.metrics.agreement import AnnotationTask

from pages.shared.alignment import Marks, Unit, canonical, edges, overlapping, units
from relex_core.types import Annotation, Entity

Rating = tuple[str, str, str]
"""Annotator, item, label: what NLTK calls coder, item, label."""


@dataclass(frozen=True, slots=True)
class F1:
    """Matches between two people, of all that either marked. The order of the two does not matter."""

    matched: int = 0
    left: int = 0
    right: int = 0

    def __add__(self, other: F1) -> F1:
        return F1(self.matched + other.matched, self.left + other.left, self.right + other.right)

    @property
    def value(self) -> float | None:
        """2 * matched / (left + right), None where neither marked anything."""
        marked = self.left + self.right
        return 2 * self.matched / marked if marked else None


@dataclass(frozen=True, slots=True)
class Figures:
    """Agreement of two people on one label, or on all (`label` is ""). `kappa` and `alpha` are None where fewer than
    two matched mentions, or only one label, leave nothing to measure."""

    left: str
    right: str
    label: str
    strict: F1
    relaxed: F1
    relations: F1
    kappa: float | None
    alpha: float | None
    relation_kappa: float | None
    relation_alpha: float | None
    matched: int


@dataclass(frozen=True, slots=True)
class Alpha:
    """Krippendorff's alpha over everybody on one label, or on all (`label` is ""). `kind` is "entity" or "relation",
    `matched` counts the mentions or related pairs that at least two people gave the label, or any label. `value` is
    None where fewer than two of these, or only one label, leave nothing to measure."""

    kind: str
    label: str
    value: float | None
    matched: int


@dataclass(slots=True)
class _Counts:
    strict: Counter[str] = field(default_factory=Counter)
    relaxed: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    sizes: dict[str, Counter[str]] = field(default_factory=lambda: {"left": Counter(), "right": Counter()})
    related: dict[str, Counter[str]] = field(default_factory=lambda: {"left": Counter(), "right": Counter()})
    ratings: list[Rating] = field(default_factory=list)
    relation_ratings: list[Rating] = field(default_factory=list)


def by_pair(documents: Iterable[Marks]) -> tuple[Figures, ...]:
    """The figures of each pair of people over the documents that both annotated: all labels first, then each."""
    pairs: dict[tuple[str, str], _Counts] = {}
    for number, marks in enumerate(documents):
        for left, right in combinations(sorted(marks), 2):
            counts = pairs.setdefault((left, right), _Counts())
            _count(counts, number, left, right, {left: marks[left], right: marks[right]})
    return tuple(
        figures for (left, right), counts in sorted(pairs.items()) for figures in _figures(left, right, counts)
    )


def over_everybody(documents: Iterable[Marks]) -> tuple[Alpha, ...]:
    """Alpha on the labels of mentions, then of related pairs: over all labels, then each against all others."""
    entities: list[Rating] = []
    relations: list[Rating] = []
    for number, marks in enumerate(documents):
        mentions = units(marks)
        entities += _ratings(number, mentions)
        relations += _relation_ratings(number, marks, mentions)
    return (*_alphas("entity", entities, 0), *_alphas("relation", relations, _DIRECTION))


def match(left: Sequence[Entity], right: Sequence[Entity], strict: bool) -> dict[str, str]:
    """One-to-one matches of entities with the same label, as ids: equal spans, or with `strict` off also overlapping
    ones, those with the most shared characters first."""
    near = overlapping(right)
    pairs = [
        (a.span == b.span, min(a.end, b.end) - max(a.start, b.start), -i, -j, a.id, b.id)
        for i, a in enumerate(left)
        for j, b in near(a)
        if a.label == b.label and (a.span == b.span or not strict)
    ]
    matched: dict[str, str] = {}
    taken: set[str] = set()
    for *_, one, other in sorted(pairs, reverse=True):
        if one not in matched and other not in taken:
            matched[one] = other
            taken.add(other)
    return matched


def _count(counts: _Counts, number: int, left: str, right: str, marks: Marks) -> None:
    one, other = marks[left], marks[right]
    for strict, found in ((True, counts.strict), (False, counts.relaxed)):
        matched = match(one.entities, other.entities, strict)
        found.update(entity.label for entity in one.entities if entity.id in matched)
    for side, annotation in (("left", one), ("right", other)):
        counts.sizes[side].update(entity.label for entity in annotation.entities)
        counts.related[side].update(label for _, _, label in _triples(annotation))
    counts.relations.update(label for _, _, label in _triples(one) & _triples(other))
    mentions = units(marks)
    counts.ratings += _ratings(number, mentions)
    counts.relation_ratings += _relation_ratings(number, marks, mentions)


_DIRECTION = len("> ")
"""Characters in front of the label in a rating of a relation: which way it goes is part of what people say."""


def _ratings(number: int, mentions: Iterable[Unit]) -> list[Rating]:
    """The labels of mentions that at least two people marked."""
    return [
        (name, f"{number}:{at}", entity.label)
        for at, unit in enumerate(mentions)
        if len(unit.marks) > 1
        for name, entity in unit.marks
    ]


def _relation_ratings(number: int, marks: Marks, mentions: tuple[Unit, ...]) -> list[Rating]:
    """The directed labels of pairs of mentions that at least two people related."""
    ratings: list[Rating] = []
    for (a, b), said in edges(marks, mentions).items():
        # one label each: a pair that carries several relations is no single decision
        single = [(name, *edge) for name, labels in said.items() if len(labels) == 1 for edge in labels]
        if len(single) > 1:
            ratings += [
                (name, f"{number}:{a}:{b}", f"{'>' if forward else '<'} {label}") for name, forward, label in single
            ]
    return ratings


def _against_others(ratings: Iterable[Rating], label: str, prefix: int) -> list[Rating]:
    return [(who, item, "yes" if said[prefix:] == label else "no") for who, item, said in ratings]


def _given(binary: Iterable[Rating]) -> int:
    """How many items at least two people gave the label."""
    people = Counter(item for _, item, said in binary if said == "yes")
    return sum(number > 1 for number in people.values())


def _alphas(kind: str, ratings: list[Rating], prefix: int) -> Iterator[Alpha]:
    yield Alpha(kind, "", _alpha(ratings), len({item for _, item, _ in ratings}))
    for label in sorted({said[prefix:] for _, _, said in ratings}):
        binary = _against_others(ratings, label, prefix)
        yield Alpha(kind, label, _alpha(binary), _given(binary))


def _triples(annotation: Annotation) -> set[tuple[tuple[int, int], tuple[int, int], str]]:
    """Relations as (head span, tail span, label): the strict match of relation extraction, types of the ends aside."""
    spans = {entity.id: entity.span for entity in annotation.entities}
    triples = set()
    for relation in annotation.relations:
        head, tail = spans[relation.head], spans[relation.tail]
        low, high = min(head, tail), max(head, tail)
        forward, label = canonical(annotation.schema, head <= tail, relation.label)
        triples.add((low, high, label) if forward else (high, low, label))
    return triples


def _figures(left: str, right: str, counts: _Counts) -> Iterator[Figures]:
    labels = sorted({*counts.sizes["left"], *counts.sizes["right"]})
    relations = sorted({*counts.related["left"], *counts.related["right"]})
    yield Figures(
        left,
        right,
        "",
        _f1(counts.strict, counts.sizes, labels),
        _f1(counts.relaxed, counts.sizes, labels),
        _f1(counts.relations, counts.related, relations),
        _kappa(counts.ratings),
        _alpha(counts.ratings),
        _kappa(counts.relation_ratings),
        _alpha(counts.relation_ratings),
        len(counts.ratings) // 2,
    )
    for label in labels:
        binary = _against_others(counts.ratings, label, 0)
        yield Figures(
            left,
            right,
            label,
            _f1(counts.strict, counts.sizes, [label]),
            _f1(counts.relaxed, counts.sizes, [label]),
            F1(),
            _kappa(binary),
            _alpha(binary),
            None,
            None,
            _given(binary),
        )
    for label in relations:
        binary = _against_others(counts.relation_ratings, label, _DIRECTION)
        found = _f1(counts.relations, counts.related, [label])
        yield Figures(left, right, label, F1(), F1(), found, None, None, _kappa(binary), _alpha(binary), found.matched)


def _f1(matched: Counter[str], sizes: dict[str, Counter[str]], labels: Sequence[str]) -> F1:
    return F1(*(sum(counter[label] for label in labels) for counter in (matched, sizes["left"], sizes["right"])))


def _kappa(ratings: list[Rating]) -> float | None:
    """Cohen's kappa of two people who both rated each item."""
    if not _measurable(ratings):
        return None
    items: dict[str, dict[str, str]] = {}
    for who, item, label in ratings:
        items.setdefault(item, {})[who] = label
    left, right = sorted({who for who, _, _ in ratings})
    said = Counter((labels[left], labels[right]) for labels in items.values())
    ones, others = (Counter(labels[who] for labels in items.values()) for who in (left, right))
    observed = sum(number for (one, other), number in said.items() if one == other) / len(items)
    chance = sum(ones[label] * others[label] for label in ones) / len(items) ** 2
    return (observed - chance) / (1 - chance)


def _alpha(ratings: list[Rating]) -> float | None:
    return float(AnnotationTask(ratings).alpha()) if _measurable(ratings) else None


def _measurable(ratings: list[Rating]) -> bool:
    """Two items and two labels at least: with one label everywhere, agreement by chance is certain."""
    return len({item for _, item, _ in ratings}) > 1 and len({label for _, _, label in ratings}) > 1
