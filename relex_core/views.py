"""What one training step asks about one example, and what decides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from relex_core.labels import LabelKnowledge


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Probabilities and limits of what is done to an example; all zero shows it as it is."""

    drop_label: float = 0.1
    max_labels: int = 10
    coarse: float = 0.25
    rename_entity: float = 0.25
    other: float = 0.1
    rename_relation: float = 0.6
    inverse: float = 0.2
    wrong_spans: float = 0.3
    max_pairs: int = 400
    negatives: bool = True
    narrow: float = 0.6
    general: float = 0.4
    lower_text: float = 0.04
    capital_labels: float = 0.06


@dataclass(frozen=True, slots=True)
class SourceLabels:
    """What one source annotates. `relations` is empty if it does not annotate relations at all.

    `narrow` are the types that its texts themselves give to things (`syntax_types`), frequent ones repeated.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    closed: tuple[frozenset[str], ...] = ()
    """Types that are annotated together: a partial text with some of a group has all of that group (Few-NERD)."""
    narrow: tuple[str, ...] = ()

    def group(self, types: Sequence[str]) -> frozenset[str] | None:
        """The group that holds all of `types`, None without types or with types of several groups."""
        fits = [group for group in self.closed if types and group.issuperset(types)]
        return fits[0] if fits else None


@dataclass(frozen=True, slots=True)
class Pools:
    """Labels to draw negatives from: by source, and of all sources.

    `kinds` are those of narrow types. `akin_types` and `akin` are the other names that things of a narrow type, or
    pairs with a relation, had somewhere.
    """

    sources: Mapping[str, SourceLabels]
    entities: tuple[str, ...]
    relations: tuple[str, ...]
    kinds: Mapping[str, str] = field(default_factory=dict)
    akin_types: Mapping[str, frozenset[str]] = field(default_factory=dict)
    akin: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def kind(self, label: str, known: LabelKnowledge) -> str:
        """The kind of a label: as the tables have it, else as the data have it, else itself."""
        return known.kind_of.get(label) or self.kinds.get(label, label)


@dataclass(frozen=True, slots=True)
class View:
    """One example as the model sees it once.

    `spans` are the members of pairs (first word, last word); `pairs` index them. Cells are (span or pair, label)
    indices. `entities_known` False means that only cells of `marked` spans and of spans overlapping them count.
    `divisions` are the words before which layout divides the text.
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
    divisions: tuple[int, ...] = ()
