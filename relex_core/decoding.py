"""Scores -> candidates -> what is kept; numpy only, so that it can be tested on a hand-made table.

A candidate is a span of words with a label and a probability; spans are (first word, last word), both included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Parallel columns, in order of first word, last word, label."""

    first: Ints
    last: Ints
    label: Ints
    score: Floats

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def of(cls, first: Ints, last: Ints, label: Ints, score: Floats) -> Candidates:
        """Put columns in order."""
        order = np.lexsort((label, last, first))
        return cls(first[order], last[order], label[order], score[order])

    @classmethod
    def join(cls, parts: Sequence[Candidates]) -> Candidates:
        """All of several, in order."""
        return cls.of(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls.__slots__))

    def take(self, rows: Ints) -> Candidates:
        return Candidates(self.first[rows], self.last[rows], self.label[rows], self.score[rows])

    def spans(self) -> tuple[Ints, Ints]:
        """The different spans [E, 2], in order, and for each candidate its row there."""
        both = np.stack((self.first, self.last), axis=1)
        if not len(both):
            return both, np.zeros(0, np.int64)
        new = np.concatenate(([True], (both[1:] != both[:-1]).any(axis=1)))
        return both[new], np.cumsum(new) - 1


def greedy(candidates: Candidates, *, flat: bool = True, multi_label: bool = False) -> Ints:
    """Rows of the best candidates that go together, in order of first word (section 3.4).

    By falling score each is taken unless it overlaps one already taken; nested (`flat=False`) only crossing
    is refused. The same span may carry several labels with `multi_label` only. Ties and the final order are
    as in the reference: stable over (first word, width, label).
    """
    order = np.argsort(-candidates.score, kind="stable")
    first, last = candidates.first, candidates.last
    kept: list[int] = []
    starts = np.empty(len(order), np.int64)
    ends = np.empty(len(order), np.int64)
    for row in order:
        s, e = first[row], last[row]
        a, b = starts[: len(kept)], ends[: len(kept)]
        touch = (a <= e) & (s <= b)
        same = (a == s) & (b == e)
        if not flat:
            inside = ((a <= s) & (e <= b)) | ((s <= a) & (b <= e))
            touch &= ~inside | same
        if multi_label:
            touch &= ~same
        if not touch.any():
            starts[len(kept)], ends[len(kept)] = s, e
            kept.append(int(row))
    chosen = np.array(kept, np.int64)
    return chosen[np.argsort(first[chosen], kind="stable")]


def cap(candidates: Candidates, most: int) -> Candidates:
    """At most about `most` candidates: all that greedy decoding takes, flat or nested, then the best of the rest.

    Leaving out only what greedy decoding refuses does not change what it takes at this or a higher threshold.
    """
    if len(candidates) <= most:
        return candidates
    keep = np.zeros(len(candidates), bool)
    keep[greedy(candidates)] = True
    keep[greedy(candidates, flat=False)] = True
    by_score = np.argsort(-candidates.score, kind="stable")
    rest = by_score[~keep[by_score]][: max(0, most - int(keep.sum()))]
    keep[rest] = True
    return candidates.take(np.flatnonzero(keep))


def token_spans(probabilities: Floats, floor: Floats) -> Candidates:
    """Token level: candidates from start, end and inside probabilities [L, K, 3] of one text.

    A span begins at a start and stops at an end of the same label, with all words inside; its score is the
    least of all these. `floor` [K] is strict.
    """
    above = probabilities > floor[None, :, None]
    columns: list[tuple[int, int, int, float]] = []
    for label in np.flatnonzero(above[..., 0].any(axis=0) & above[..., 1].any(axis=0)):
        start, end, inside = above[:, label, 0], above[:, label, 1], above[:, label, 2]
        for first in np.flatnonzero(start & inside):
            run = inside[first:]
            stop = first + (len(run) if run.all() else int(np.argmin(run)))
            lowest = np.minimum.accumulate(probabilities[first:stop, label, 2])
            for last in first + np.flatnonzero(end[first:stop]):
                score = min(probabilities[first, label, 0], probabilities[last, label, 1], lowest[last - first])
                columns.append((int(first), int(last), int(label), float(score)))
    table = list(zip(*columns, strict=True)) or [(), (), (), ()]
    ints = [np.array(column, np.int64) for column in table[:3]]
    return Candidates.of(ints[0], ints[1], ints[2], np.array(table[3], np.float32))
