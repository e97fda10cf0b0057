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

    def undivided(self, divisions: Sequence[int]) -> Candidates:
        """Those whose words after the first are none of `divisions`, which rise."""
        if not divisions:
            return self
        before = [np.searchsorted(divisions, column, side="right") for column in (self.first, self.last)]
        return self.take(np.flatnonzero(before[0] == before[1]))

    def spans(self) -> tuple[Ints, Ints]:
        """The different spans [E, 2], in order, and for each candidate its row there."""
        both = np.stack((self.first, self.last), axis=1)
        if not len(both):
            return both, np.zeros(0, np.int64)
        new = np.concatenate(([True], (both[1:] != both[:-1]).any(axis=1)))
        return both[new], np.cumsum(new) - 1


@dataclass(frozen=True, slots=True)
class Scores:
    """Candidates of a text, the different spans [E, 2] that relations were scored on, and the relations as columns.

    `head` and `tail` are rows of `spans`. `classes` [E, K], if it was asked for, has all labels' probabilities.
    """

    candidates: Candidates
    spans: Ints
    head: Ints
    tail: Ints
    label: Ints
    score: Floats
    classes: Floats | None = None


def merge(parts: Sequence[Scores], firsts: Sequence[int]) -> Scores:
    """Windows that begin at the words `firsts` -> the whole text; what several saw keeps its best score."""
    if len(parts) == 1 and firsts[0] == 0:
        return parts[0]
    marks: dict[tuple[int, int, int], float] = {}
    spans: dict[tuple[int, int], Floats | None] = {}
    edges: dict[tuple[tuple[int, int], tuple[int, int], int], float] = {}
    for part, first in zip(parts, firsts, strict=True):
        own = part.candidates
        for a, b, label, score in zip(own.first, own.last, own.label, own.score, strict=True):
            key = (int(a) + first, int(b) + first, int(label))
            marks[key] = max(float(score), marks.get(key, 0.0))
        places = [(int(a) + first, int(b) + first) for a, b in part.spans]
        for row, place in enumerate(places):
            spans.setdefault(place, None if part.classes is None else part.classes[row])
        for head, tail, label, score in zip(part.head, part.tail, part.label, part.score, strict=True):
            edge = (places[head], places[tail], int(label))
            edges[edge] = max(float(score), edges.get(edge, 0.0))
    order = sorted(spans)
    at = {place: row for row, place in enumerate(order)}
    table = sorted((at[head], at[tail], label, score) for (head, tail, label), score in edges.items())
    classes = [spans[place] for place in order]
    head, tail, label = (np.array([row[i] for row in table], np.int64) for i in range(3))
    return Scores(
        _columns(sorted((*mark, score) for mark, score in marks.items())),
        np.array(order, np.int64).reshape(-1, 2),
        head,
        tail,
        label,
        np.array([row[3] for row in table], np.float32),
        np.stack([c for c in classes if c is not None]) if parts[0].classes is not None and classes else None,
    )


def decode(scores: Scores, *, flat: bool = True, multi_label: bool = False) -> Scores:
    """Only the candidates that greedy decoding takes, and the relations between their spans."""
    candidates = scores.candidates.take(greedy(scores.candidates, flat=flat, multi_label=multi_label))
    kept = set(zip(candidates.first.tolist(), candidates.last.tolist(), strict=True))
    alive = np.array([(int(a), int(b)) in kept for a, b in scores.spans], bool)
    edges = np.flatnonzero(alive[scores.head] & alive[scores.tail]) if len(alive) else np.zeros(0, np.int64)
    head, tail, label, score = (getattr(scores, name)[edges] for name in ("head", "tail", "label", "score"))
    return Scores(candidates, scores.spans, head, tail, label, score, scores.classes)


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
    found = _columns(columns)
    return Candidates.of(found.first, found.last, found.label, found.score)


def _columns(rows: Sequence[tuple[int, int, int, float]]) -> Candidates:
    """Rows of first word, last word, label and score, in the order given."""
    table = list(zip(*rows, strict=True)) or [(), (), (), ()]
    first, last, label = (np.array(column, np.int64) for column in table[:3])
    return Candidates(first, last, label, np.array(table[3], np.float32))
