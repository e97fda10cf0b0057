"""Text <-> words with exact offsets, as the released checkpoints were trained (paper section 3.2).

A word is a run of letters, digits and underscores, also joined by single hyphens, or one other character
that is not white space. Half-open code point offsets, so that no text is ever rebuilt by joining words.

What is read as one character stays in one word: an accent that follows its letter, as in texts from PDF files, vowel
signs of Arabic and Hindi, and an emoji of several code points. So does what is read as one address: of e-mail, a link,
an @handle. The reference ends a word before each of these characters, and at each sign of an address.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

import regex

_REFERENCE = re.compile(r"\w+(?:[-_]\w+)*|\S")

# without spaces between words, a mark is the only sign that a syllable may end here
_UNSPACED = r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
_RUN = rf"[\p{{L}}\p{{N}}_](?:[\p{{L}}\p{{N}}_[\p{{M}}--{_UNSPACED}]]|[\u200c\u200d](?=\p{{L}}))*\p{{M}}*"
_WITH_IT = r"[\p{M}\p{Emoji_Modifier}]*"
_SYMBOL = rf"[^\s\x1c-\x1f]{_WITH_IT}"  # four controls are white space to Python alone
_EMOJI = rf"{_SYMBOL}(?:\u200d\p{{Extended_Pictographic}}{_WITH_IT})*"

# a sign before a space or a closing bracket ends the sentence and no link; lengths are bounded, lest the many starts of
# what is no address make the search quadratic
_IN_LINK = (
    r"(?:[^\s<>()\[\]{}\"'“”„‘’«».,;:!?。，、；：！？]|\([^\s()<>]{0,99}\)|[.,;:!?']{1,9}(?=[\p{L}\p{N}_/\-#%&=~(]))"
)
_LINK = rf"(?:[a-zA-Z][a-zA-Z0-9+.\-]{{0,19}}://|(?i:www)\.(?=[\p{{L}}\p{{N}}])){_IN_LINK}+"
_NAME = rf"{_RUN}(?:-+{_RUN})*"
_MAIL = rf"[\p{{L}}\p{{N}}_][\p{{L}}\p{{N}}\p{{M}}_.+%\-]{{0,63}}@{_NAME}(?:\.{_NAME})+"
_HANDLE_OR_WORD = rf"(?:(?<![^\W_])@)?{_RUN}(?:[-_]{_RUN})*"
_WORD = regex.compile(rf"{_LINK}|{_MAIL}|{_HANDLE_OR_WORD}|\p{{Regional_Indicator}}{{2}}|{_EMOJI}", regex.VERSION1)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text: `starts[i]` and `ends[i]` are the offsets of word i."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Words:
        """Split `text`.

        >>> Words.of("Mother-in-law, 3%. See www.bo.org, ask ada@bo.org.").words
        ('Mother-in-law', ',', '3', '%', '.', 'See', 'www.bo.org', ',', 'ask', 'ada@bo.org', '.')
        """
        return cls._at(text, (match.span() for match in _WORD.finditer(text)))

    @classmethod
    def of_reference(cls, text: str) -> Words:
        """Split `text` as the reference does.

        >>> text = "Jose\u0301 left"
        >>> Words.of_reference(text).words == ("Jose", "\u0301", "left"), Words.of(text).words == ("Jose\u0301", "left")
        (True, True)
        """
        return cls._at(text, (match.span() for match in _REFERENCE.finditer(text)))

    @classmethod
    def _at(cls, text: str, spans: Iterable[tuple[int, int]]) -> Words:
        starts, ends = tuple(zip(*spans, strict=True)) or ((), ())
        return cls(text, starts, ends)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.text[s:e] for s, e in zip(self.starts, self.ends, strict=True))

    def offsets(self, first: int, last: int) -> tuple[int, int]:
        """Code point offsets [start, end) of the words `first` to `last`, both included."""
        return self.starts[first], self.ends[last]

    def covering(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last word (both included) that [start, end) touches, None if it holds only white space.

        >>> Words.of("Ada Lovelace wrote").covering(4, 9)
        (1, 1)
        """
        first = bisect_right(self.ends, start)
        last = bisect_left(self.starts, end) - 1
        return (first, last) if first <= last else None
