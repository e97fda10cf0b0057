"""Choosing thresholds on annotated documents that are used for nothing else.

One pair, or a threshold for each label: scores of different labels do not mean the same ("other" at 0.6 is wrong more
often than "person" at 0.4), and one pair has to lie between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relex_core import metrics
from relex_core.errors import ConfigError
from relex_core.evaluation import SCORING_FLOOR, Predictor, Run, predict_file, report, shown
from relex_core.metrics import Counts
from relex_core.selection import sureness
from relex_core.types import Thresholds

GRID = tuple(round(0.1 + 0.025 * step, 3) for step in range(33))

SLACK = 0.01
"""What some hundred sentences cannot tell apart: half of the 95% interval of either F1 is more than twice as wide."""

FEWEST = 20
"""A label with fewer annotated examples keeps the common threshold: there is too little to choose on."""

PASSES = 3

Part = tuple[str, str]
"""Which threshold: "entity" or "relation", and the label's name."""

Limits = Mapping[Part, float]


def parse_thresholds(
    text: str, predictor: Predictor, gold_entities: bool = False, join: int = 1, others: int | None = None
) -> Thresholds:
    """What `--thresholds` says: `0.5,0.4` (entity, relation), `dev:FILE` or `labels:FILE` (chosen on that file, `join`
    of its texts at a time, with `others` beside their own labels: one pair, or also by label).
    Raises ConfigError or InputError."""
    file = development_file(text)
    if file is not None:
        run = predict_file(predictor, file, gold_entities, join=join, others=others)
        common = best_thresholds(run)
        return common if text.startswith("dev:") else by_label(run, common)
    try:
        entity, relation = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            expected="thresholds such as 0.5,0.4 or dev:FILE or labels:FILE",
            found=repr(text),
            change="Give two numbers between 0 and 1, or a development file.",
            value=text,
        ) from error
    return Thresholds(entity, relation)


def development_file(text: str) -> Path | None:
    """The file that `--thresholds` names, if it names one.

    >>> development_file("0.5,0.4"), development_file("labels:dev.jsonl").name
    (None, 'dev.jsonl')
    """
    way, _, file = text.partition(":")
    return Path(file) if way in ("dev", "labels") and file else None


def best_thresholds(run: Run, slack: float = SLACK) -> Thresholds:
    """A pair on the grid with a high entity F1 + relation F1; to be run on a development file only.

    Of all pairs at most `slack` below the best one the nearest to the usual thresholds: the curve is flat over half of
    the grid, and where its top lies there is chance, which in other texts costs more than it gave. What the file says
    nothing about, such as relations where none is annotated, stays as it is. Without `slack` the best pair itself.
    """
    usual = Thresholds()
    reached: dict[Thresholds, float] = {}
    for entity in GRID if not run.gold_entities else (usual.entity,):
        at_floor = report(run, Thresholds(entity, SCORING_FLOOR.relation))
        curve = _relation_curve(run, at_floor.thresholds)
        for relation in GRID:
            value = curve[relation] + (0.0 if run.gold_entities else at_floor.entities.f1)
            reached[Thresholds(entity, relation)] = value
    enough = max(reached.values()) - slack
    return min(
        (pair for pair, value in reached.items() if value >= enough),
        key=lambda pair: round(abs(pair.entity - usual.entity) + abs(pair.relation - usual.relation), 3),
    )


def _from(value: float, grid: Sequence[float] = GRID) -> list[float]:
    """The grid, the nearest to `value` first: of equal thresholds that one is taken which says least."""
    return sorted(grid, key=lambda threshold: abs(threshold - value))


def _relation_curve(run: Run, entities: Thresholds) -> dict[float, float]:
    """Relation F1 at each threshold of the grid for one choice of entities."""
    claimed, truth = relation_claims(run, entities)
    curve = {}
    for threshold in GRID:
        over = [correct for score, correct in claimed if score > threshold]
        curve[threshold] = Counts(sum(over), len(over) - sum(over), truth - sum(over)).f1
    return curve


def relation_claims(run: Run, shown_at: Thresholds) -> tuple[list[tuple[float, bool]], int]:
    """Each relation claimed at these thresholds, as its score and whether it is right; how many there are to find."""
    claimed: list[tuple[float, bool]] = []
    truth = 0
    for place, gold in enumerate(run.gold):
        right = metrics.facts(gold, run.schema)
        truth += len(right)
        # several relations can claim the same, at document level: the best one decides from where on it is claimed
        best: dict[metrics.Key, float] = {}
        for key, relation in metrics.claims(gold, shown(run, place, shown_at)):
            best[key] = max(best.get(key, 0.0), sureness(relation))
        claimed += [(score, key in right) for key, score in best.items()]
    return claimed, truth


def average_precision(claimed: Sequence[tuple[float, bool]], truth: int) -> float:
    """Area under precision over recall in the order of the scores: the sum of each gain in recall, times the precision
    there. Equal scores count as one step; what is never claimed counts as never found.

    >>> average_precision([(0.9, True), (0.8, False), (0.7, True)], truth=2)
    0.8333333333333333
    >>> average_precision([(0.5, True), (0.5, False)], truth=2)
    0.25
    """
    total, right, seen = 0.0, 0, 0
    for _, step in groupby(sorted(claimed, reverse=True), key=itemgetter(0)):
        found = [correct for _, correct in step]
        right += sum(found)
        seen += len(found)
        total += sum(found) * right / seen
    return total / truth if truth else 0.0


def by_label(run: Run, common: Thresholds) -> Thresholds:
    """Thresholds by label with the highest entity F1 + relation F1 found from `common`; for development files only.

    Coordinate ascent: one label at a time, all others as they are. Each step asks what is shown then, so that a span
    which one label gives up goes to the next best.

    Labels that gain nothing or have fewer than `FEWEST` examples keep the common threshold. In a run with given
    entities, or where annotation is partial, entities keep it as well: there they have no precision to gain.
    """
    limits: dict[Part, float] = {}
    tally = _Tally(run, common)
    for _ in range(PASSES):
        moved = False
        for part in _parts(run):
            now = limits.get(part, _common(part, common))
            for value in _from(now, GRID[::2]):
                moved |= tally.try_(part, limits, value)
        if not moved:
            break
    return _thresholds(limits, common)


class _Tally:
    """What is right, false and missed in each document at the limits taken so far."""

    def __init__(self, run: Run, common: Thresholds) -> None:
        self.run, self.common = run, common
        self.where = _where(run)
        self.counts = self._count(range(len(run.gold)), {})
        self.best = _value(self.counts.sum(0))

    def try_(self, part: Part, limits: dict[Part, float], value: float) -> bool:
        """Take `value` for `part` into `limits` if micro-F1 rises; whether it did."""
        places = self.where.get(part, [])
        wanted = {**limits, part: value}
        counts = self._count(places, wanted)
        reached = _value(self.counts.sum(0) - self.counts[places].sum(0) + counts.sum(0))
        if reached <= self.best:
            return False
        self.counts[places] = counts
        self.best = reached
        limits.update(wanted)
        return True

    def _count(self, places: Iterable[int], limits: Limits) -> NDArray[np.int64]:
        """(places, 6): true and false positives and false negatives of entities, then of relations."""
        at = _thresholds(limits, self.common)
        rows = []
        for place in places:
            score = metrics.score(self.run.gold[place], shown(self.run, place, at))
            found = metrics.micro(score.entities), metrics.micro(score.relations)
            rows.append([number for counts in found for number in (counts.tp, counts.fp, counts.fn)])
        return np.array(rows, dtype=np.int64).reshape(-1, 6)


def _value(total: NDArray[np.int64]) -> float:
    """Entity F1 + relation F1."""
    return sum(metrics.Counts(*(int(number) for number in total[at : at + 3])).f1 for at in (0, 3))


def _parts(run: Run) -> list[Part]:
    """The labels whose threshold may move, the most frequent first."""
    support: Counter[Part] = Counter()
    for gold in run.gold:
        if not (run.gold_entities or gold.partial):
            support.update(("entity", entity.label) for entity in gold.entities)
        labels = [label for _, _, label in gold.facts] if gold.clusters else [r.label for r in gold.relations]
        support.update(("relation", label) for label in labels)
    known = {("entity", label.name) for label in run.schema.entity_labels}
    known |= {("relation", label.name) for label in run.schema.relation_labels}
    return [part for part, number in support.most_common() if number >= FEWEST and part in known]


def _where(run: Run) -> dict[Part, list[int]]:
    """In which documents the model found something with each label."""
    where: dict[Part, list[int]] = {}
    for place, found in enumerate(run.found):
        entities = (("entity", entity.label) for entity in found.entities)
        for part in dict.fromkeys(chain(entities, (("relation", relation.label) for relation in found.relations))):
            where.setdefault(part, []).append(place)
    return where


def _common(part: Part, common: Thresholds) -> float:
    return common.entity if part[0] == "entity" else common.relation


def _thresholds(limits: Limits, common: Thresholds) -> Thresholds:
    own = {kind: tuple((name, limit) for (k, name), limit in limits.items() if k == kind) for kind in _KINDS}
    return Thresholds(common.entity, common.relation, own["entity"], own["relation"])


_KINDS = ("entity", "relation")
