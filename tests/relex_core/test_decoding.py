from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex_core.decoding import Candidates, Scores, cap, greedy, merge, token_spans


def table(*rows: tuple[int, int, int, float]) -> Candidates:
    first, last, label, score = zip(*rows, strict=True)
    return Candidates.of(
        np.array(first, np.int64), np.array(last, np.int64), np.array(label, np.int64), np.array(score, np.float32)
    )


def kept(candidates: Candidates, **settings: bool) -> list[tuple[int, int, int]]:
    own = candidates.take(greedy(candidates, **settings))
    return list(zip(own.first.tolist(), own.last.tolist(), own.label.tolist(), strict=True))


HAND_MADE = table((0, 3, 0, 0.9), (1, 2, 1, 0.8), (3, 5, 0, 0.7), (1, 2, 0, 0.6), (6, 6, 1, 0.5), (6, 6, 0, 0.5))


def test_flat_takes_no_overlap() -> None:
    assert kept(HAND_MADE) == [(0, 3, 0), (6, 6, 0)]


def test_nested_takes_what_lies_inside_but_not_what_crosses() -> None:
    assert kept(HAND_MADE, flat=False) == [(0, 3, 0), (1, 2, 1), (6, 6, 0)]


def test_multi_label_takes_a_span_twice() -> None:
    assert kept(HAND_MADE, multi_label=True) == [(0, 3, 0), (6, 6, 0), (6, 6, 1)]


def test_token_level_spans_need_every_word_inside() -> None:
    p = np.zeros((5, 1, 3), np.float32)
    p[0, 0], p[1, 0], p[2, 0], p[4, 0] = (0.9, 0.1, 0.8), (0.6, 0.7, 0.6), (0.1, 0.9, 0.4), (0.9, 0.9, 0.9)
    found = token_spans(p, np.array([0.5], np.float32))
    assert list(zip(found.first.tolist(), found.last.tolist(), strict=True)) == [(0, 1), (1, 1), (4, 4)]
    assert found.score.tolist() == pytest.approx([0.6, 0.6, 0.9])


candidates = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 3), st.integers(0, 2), st.floats(0.01, 1)), min_size=1, max_size=40
).map(lambda rows: table(*{(a, a + w, k): (a, a + w, k, s) for a, w, k, s in rows}.values()))


@given(candidates, st.integers(0, 20), st.floats(0, 1))
def test_the_cap_changes_nothing_that_decoding_takes(own: Candidates, most: int, threshold: float) -> None:
    capped = cap(own, most)
    for flat in (True, False):
        above = own.take(np.flatnonzero(own.score > threshold)), capped.take(np.flatnonzero(capped.score > threshold))
        assert kept(above[0], flat=flat) == kept(above[1], flat=flat)


@given(candidates)
def test_decoded_spans_go_together(own: Candidates) -> None:
    spans = kept(own)
    assert all(a[1] < b[0] for a, b in pairwise(spans))


def test_merging_windows_keeps_the_better_score() -> None:
    ints = np.array([0], np.int64)
    one = Scores(
        table((1, 1, 0, 0.4), (3, 3, 0, 0.9)),
        np.array([[1, 1], [3, 3]]),
        ints,
        ints + 1,
        ints,
        np.array([0.3], np.float32),
    )
    two = Scores(
        table((0, 0, 0, 0.6), (2, 2, 0, 0.8)),
        np.array([[0, 0], [2, 2]]),
        ints,
        ints + 1,
        ints,
        np.array([0.7], np.float32),
    )
    found = merge([one, two], [0, 1])
    assert found.candidates.score.tolist() == pytest.approx([0.6, 0.9])
    assert found.spans.tolist() == [[1, 1], [3, 3]]
    assert found.score.tolist() == pytest.approx([0.7])
