from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relex_core.words import Words


@given(st.text())
def test_words_are_what_stands_at_their_offsets(text: str) -> None:
    words = Words.of(text)
    assert "".join(words.words) == "".join(text.split())
    assert all(s < e for s, e in zip(words.starts, words.ends, strict=True))
    assert all(e <= s for e, s in zip(words.ends, words.starts[1:], strict=False))


@given(st.text(min_size=1), st.data())
def test_covering_finds_exactly_the_touched_words(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    words = Words.of(text)
    touched = [i for i in range(len(words)) if words.starts[i] < end and start < words.ends[i]]
    assert words.covering(start, end) == ((touched[0], touched[-1]) if touched else None)


def test_offsets_count_code_points() -> None:
    words = Words.of("🎉 الجزائر co-op")
    assert words.words == ("🎉", "الجزائر", "co-op")
    assert words.offsets(1, 2) == (2, 15)
