from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from relex_core.words import Words

split = pytest.mark.parametrize("split", [Words.of, Words.of_reference])
DEVANAGARI = st.characters(min_codepoint=0x900, max_codepoint=0x97F)
SIGNS = st.sampled_from("ae\u0301\u0308\u064e\u200c\u200d👩🔬\ufe0f🏽🇩🇪\u0e34กข-_ 1")
ADDRESSES = st.sampled_from(
    ["@", ".", "://", "www.", "a", "Bo", "_", "-", "(", ")", "?", "'", " ", "\u0301", "例", "é"]
)
texts = st.one_of(st.text(), st.text(DEVANAGARI), st.text(SIGNS), st.lists(ADDRESSES).map("".join))


@split
@given(texts)
def test_words_are_what_stands_at_their_offsets(split: Callable[[str], Words], text: str) -> None:
    words = split(text)
    assert "".join(words.words) == "".join(text.split())
    assert all(s < e for s, e in zip(words.starts, words.ends, strict=True))
    assert all(e <= s for e, s in zip(words.ends, words.starts[1:], strict=False))


@given(texts)
def test_words_are_joined_from_those_of_the_reference(text: str) -> None:
    words, reference = Words.of(text), Words.of_reference(text)
    assert set(words.starts) <= set(reference.starts)
    assert set(words.ends) <= set(reference.ends)
    # letters that Python's own tables do not have yet
    new = any(unicodedata.category(character) == "Cn" for character in text)
    if not new and not regex.search(r"[\p{M}\p{Emoji_Modifier}\p{Regional_Indicator}\u200c\u200d@]|://|www\.", text):
        assert words == reference


@pytest.mark.parametrize(
    "words",
    [
        ("Jose\u0301", "left", "Cafe\u0301-Bar"),
        ("दिल्ली", "में", "नरेंद्र", "मोदी"),
        ("شَرِكَةُ", "النِّيلِ"),
        ("می\u200cخواهم", "رفت"),
        ("👩\u200d🔬", "👨\u200d👩\u200d👧", "☝🏽", "❤\ufe0f", "1\ufe0f\u20e3"),
    ],
)
def test_characters_of_several_code_points_stay_whole(words: tuple[str, ...]) -> None:
    assert Words.of(" ".join(words)).words == words
    assert len(Words.of_reference(" ".join(words))) > len(words)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (
            "From: <maria.k-1+x@nordlicht-energie.de>, bo@bo.org;ada@x-y.org.",
            "maria.k-1+x@nordlicht-energie.de bo@bo.org ada@x-y.org",
        ),
        (
            "(see https://a.org/wiki/Mercury_(planet)). 'ftp://q.w/e?r=t,1#u'!",
            "https://a.org/wiki/Mercury_(planet) ftp://q.w/e?r=t,1#u",
        ),
        (
            '[it](http://a.b/c_d-e.html), WWW.bo.org/x; redis://cache-01:6379")',
            "http://a.b/c_d-e.html WWW.bo.org/x redis://cache-01:6379",
        ),
        ("José@x.org 用户@例子.公司 https://例子.公司/路径。", "José@x.org 用户@例子.公司 https://例子.公司/路径"),
        ("@lena: ask foo.@bar-x, mailto:a@b.c_d", "@lena @bar-x a@b.c_d"),
        ("5@6 bo@ x@y www. http:// @ 3:1//2 end.Next @.", ""),
    ],
)
def test_addresses_are_words(text: str, addresses: str) -> None:
    found = [word for word in Words.of(text).words if word not in Words.of_reference(text).words]
    assert found == addresses.split()


@pytest.mark.parametrize("part", ["a.", "a+", "a@b-", "@", "www.", "http://(", "http://a.", "http://a(b", "a@b.c"])
def test_what_is_no_address_takes_no_longer(part: str) -> None:
    text = part * (100_000 // len(part))
    start = time.perf_counter()
    Words.of(text)
    assert time.perf_counter() - start < 20  # quadratic, these took minutes


def test_flags_and_syllables_without_spaces_are_words_of_their_own() -> None:
    assert Words.of("🇩🇪🇫🇷").words == ("🇩🇪", "🇫🇷")
    assert Words.of("กินข้าว").words == ("กิ", "นข้", "าว")


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
