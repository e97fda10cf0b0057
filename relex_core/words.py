"""Text <-> words with exact offsets, as the released checkpoints were trained (paper section 3.2).

A word is a run of letters, digits and underscores, also joined by single hyphens, or one other character
that is not white space. Half-open code point offsets, so that no text is ever rebuilt by joining words.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

_WORD = re.compile(r"\w+(?:[-_]\w+)*|\S")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text: `starts[i]` and `ends[i]` are the offsets of word i."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Words:
        """Split `text`.

        >>> Words.of("Mother-in-law, 3%").words
        ('Mother-in-law', ',', '3', '%')
        """
        spans = [match.span() for match in _WORD.finditer(text)]
        return cls(text, tuple(s for s, _ in spans), tuple(e for _, e in spans))

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
