"""Which examples come when: mixtures of sources, pseudo-documents, batches of similar length; all from a seed.

Chunk c of a run depends on the seed and c alone, so that a run which was killed goes on where it stood.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from relex_core.datasets import UNKNOWN_TYPE
from relex_core.examples import CONNECTORS, Example, join
from relex_core.labels import LabelKnowledge
from relex_core.views import Pools, SourceLabels

PROMPT_PIECES = 45
PIECES_PER_WORD = 1.3
"""Rough lengths for sorting; the true ones are only known once labels are drawn."""


@dataclass(frozen=True, slots=True)
class Source:
    """The examples of one file and how often they are drawn, relative to their number.

    `divided` counts its texts that are learnt in passages.
    """

    name: str
    examples: tuple[Example, ...]
    weight: float = 1.0
    divided: int = 0


@dataclass(frozen=True, slots=True)
class Sampling:
    """`mixture` draws by weight for ever; otherwise each chunk is one pass over everything (an epoch).

    `join` is the share of examples that become pseudo-documents of up to `join_words` words, `connect` the share
    of those in which a conjunction stands at the seams.
    """

    mixture: bool = True
    chunk: int = 4096
    pieces: int = 2048
    texts: int = 64
    join: float = 0.0
    connect: float = 0.0
    join_words: int = 110


class Sampler:
    """Chunks of batches of examples."""

    def __init__(self, sources: Sequence[Source], how: Sampling, seed: int) -> None:
        self.all_sources = tuple(sources)
        self.sources = [source for source in sources if source.examples and source.weight > 0]
        self.how = how
        self.seed = seed

    def batches(self, chunk: int) -> list[tuple[Example, ...]]:
        """All batches of one chunk, in the order of the run."""
        rng = random.Random(f"{self.seed}-{chunk}")  # noqa: S311
        drawn = self._draw(rng)
        # a little noise in the order, so that batches are not always the same company
        drawn.sort(key=lambda item: len(item.words) * rng.uniform(0.9, 1.1))
        batches: list[tuple[Example, ...]] = []
        current: list[Example] = []
        for item in drawn:
            length = len(item.words) * PIECES_PER_WORD + PROMPT_PIECES
            if current and (len(current) >= self.how.texts or length * (len(current) + 1) > self.how.pieces):
                batches.append(tuple(current))
                current = []
            current.append(item)
        if current:
            batches.append(tuple(current))
        rng.shuffle(batches)
        return batches

    def _draw(self, rng: random.Random) -> list[Example]:
        if not self.how.mixture:
            return [item for source in self.sources for item in source.examples]
        masses = [source.weight * len(source.examples) for source in self.sources]
        drawn = []
        for source in rng.choices(self.sources, masses, k=self.how.chunk):
            item = rng.choice(source.examples)
            if rng.random() < self.how.join and not item.checked:
                item = self._joined(item, source, rng)
            drawn.append(item)
        return drawn

    def _joined(self, item: Example, source: Source, rng: random.Random) -> Example:
        parts = [item]
        for _ in range(rng.randint(1, 2)):
            other = rng.choice(source.examples)
            fits = sum(len(part.words) for part in (*parts, other)) <= self.how.join_words
            if fits and other.partial == item.partial and not other.checked:
                parts.append(other)
        rng.shuffle(parts)
        connector = rng.choice(CONNECTORS) if rng.random() < self.how.connect else None
        return join(parts, connector) if len(parts) > 1 else item

    def chunks_per_epoch(self) -> int:
        """1 without a mixture, else as many as make one pass in expectation."""
        total = sum(len(source.examples) for source in self.sources)
        return max(1, math.ceil(total / self.how.chunk)) if self.how.mixture else 1


def make_pools(sources: Sequence[Source], closed: Mapping[str, bool], known: LabelKnowledge) -> Pools:
    """The labels of each source, and of all with frequent ones repeated (square root of their count)."""
    by_source: dict[str, SourceLabels] = {}
    types: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    kinds: dict[str, Counter[str]] = {}
    akin_types: dict[str, set[str]] = {}
    akin: dict[str, set[str]] = {}
    for source in sources:
        own_types = Counter(label for item in source.examples for *_, label in item.entities)
        own_relations = Counter(label for item in source.examples for *_, label in item.relations)
        own_types.pop(UNKNOWN_TYPE, None)
        narrow: Counter[str] = Counter()
        for item in source.examples:
            own_relations.update(dict.fromkeys((*item.checked, *(label for *_, label in item.wrong_relations)), 1))
            coarse = {(first, last): label for first, last, label in item.entities} if item.types else {}
            for first, last, names in item.types:
                narrow.update(names)
                for name in names:
                    kinds.setdefault(name, Counter())[known.kind(coarse[first, last])] += 1
                    akin_types.setdefault(name, set()).update(names)
            together: dict[tuple[int, int], list[str]] = {}
            for head, tail, label in item.relations:
                together.setdefault((head, tail), []).append(label)
            for labels in together.values():
                for label in labels if len(labels) > 1 else ():
                    akin.setdefault(label, set()).update(labels)
        by_source[source.name] = SourceLabels(
            tuple(sorted(own_types)),
            tuple(sorted(own_relations)),
            _together(source.examples) if closed.get(source.name) else (),
            _repeated(narrow),
        )
        types.update(own_types)
        relations.update(own_relations)
    for family in known.families:
        relations.update(dict.fromkeys((*family.names, *family.inverse), 100))
    common = {name: max(sorted(counts), key=counts.__getitem__) for name, counts in kinds.items()}
    return Pools(
        by_source, _repeated(types), _repeated(relations), common, _without_itself(akin_types), _without_itself(akin)
    )


def _without_itself(names: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(others - {name}) for name, others in names.items() if others - {name}}


def _together(examples: Sequence[Example]) -> tuple[frozenset[str], ...]:
    """Types linked by standing in the same text, as groups."""
    groups: list[set[str]] = []
    for item in examples:
        types = {label for *_, label in item.entities}
        touching = [group for group in groups if group & types]
        if types and not (len(touching) == 1 and touching[0] >= types):
            groups = [group for group in groups if not group & types] + [types.union(*touching)]
    return tuple(frozenset(group) for group in groups)


def _repeated(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(label for label, count in sorted(counts.items()) for _ in range(math.isqrt(count)))
