from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex_core.inference import Extractor
from relex_core.prompt import Pieces
from relex_core.windows import part, plan_labels, plan_text


def pieces_of(counts: list[int]) -> Pieces:
    starts = [0]
    for count in counts:
        starts.append(starts[-1] + count)
    return Pieces(tuple(range(starts[-1])), tuple(starts))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=120), st.integers(5, 40), st.integers(3, 50))
def test_windows_cover_every_word_and_fit(counts: list[int], room: int, most: int) -> None:
    pieces = pieces_of(counts)
    ranges = plan_text(pieces.starts, room, most)
    assert {i for a, b in ranges for i in range(a, b)} == set(range(len(counts)))
    for a, b in ranges:
        assert b - a <= most
        assert len(part(pieces, a, b, room).ids) <= room
        assert b - a == 1 or sum(counts[a:b]) <= room
    assert all(a < b for (a, _), (b, _) in pairwise(ranges))


def test_neighbours_share_a_quarter() -> None:
    ranges = plan_text(range(251), 100, 1000)
    assert ranges == [(0, 100), (75, 175), (150, 250)]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=40), st.integers(3, 60))
def test_windows_hold_whole_sentences_where_they_fit(lengths: list[int], most: int) -> None:
    begins = [0, *accumulate(lengths)]
    words, sentences = begins[-1], begins[:-1]
    ranges = plan_text(range(words + 1), None, most, sentences)
    assert {i for a, b in ranges for i in range(a, b)} == set(range(words))
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(ranges))
    assert all(0 < b - a <= most for a, b in ranges)
    for (a, b), (c, _) in pairwise(ranges):
        inside = [at for at in sentences if a < at < b]
        assert b in sentences or not inside, "a window ends with a sentence, if it holds a whole one"
        following = next((at for at in begins if at > b), words)
        if inside and b in sentences and following - inside[-1] <= most:
            assert c in inside, "and what follows begins with one that both hold"
    # a sentence that fits is seen whole
    assert all(any(a <= s and e <= b for a, b in ranges) for s, e in pairwise(begins) if e - s <= most - most // 4)


def test_without_long_texts_sentences_change_nothing() -> None:
    assert plan_text(range(51), None, 50, [0, 20, 40]) == [(0, 50)]
    assert plan_text(range(51), None, 40, [0, 20, 40]) == [(0, 40), (20, 50)]
    # a sentence that leaves no room for another shares nothing; one that is too long is cut like a long text
    assert plan_text(range(81), None, 40, [0, 35, 75]) == [(0, 35), (35, 75), (75, 80)]
    assert plan_text(range(101), None, 40, [0, 90]) == [(0, 40), (30, 70), (60, 100)]


def test_a_word_longer_than_the_window_keeps_what_fits() -> None:
    cut = part(pieces_of([3, 500, 2]), 1, 2, 100)
    assert len(cut.ids) == 100
    assert cut.starts == (0, 100)


def test_one_pass_when_labels_fit(mini: Extractor) -> None:
    passes = plan_labels(mini.loaded.builder, ["a", "b"], ["c"], 512)
    assert [(p.entities, p.relations, p.repeats) for p in passes] == [((0, 1), (0,), False)]


@pytest.mark.parametrize(("entities", "relations"), [(300, 0), (2, 300), (150, 150), (1, 90)])
def test_each_label_is_in_one_pass(mini: Extractor, entities: int, relations: int) -> None:
    names = [f"label number {i}" for i in range(max(entities, relations))]
    passes = plan_labels(mini.loaded.builder, names[:entities], names[:relations], 512)
    assert sorted(k for p in passes if not p.repeats for k in p.entities) == list(range(entities))
    assert sorted(m for p in passes for m in p.relations) == list(range(relations))
    assert all(p.entities for p in passes)


def test_no_labels_are_one_pass(mini: Extractor) -> None:
    assert [(p.entities, p.relations) for p in plan_labels(mini.loaded.builder, [], [], 512)] == [((), ())]
