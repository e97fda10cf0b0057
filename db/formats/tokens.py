"""Marks on words: what formats of tokens need from a text whose marks are code points, and back."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from db.formats.record import misfit
from relex_core.errors import quote
from relex_core.words import Words


@dataclass(frozen=True, slots=True)
class Tokens:
    """Consecutive tokens of a text: `spans` are their [start, end); only white space lies between them."""

    text: str
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def cut(cls, text: str, marks: Iterable[tuple[int, int]], spans: Sequence[tuple[int, int]] = ()) -> Tokens:
        """The words of a text (or the given spans), cut also where a mark begins or ends inside one.

        >>> Tokens.cut("pre-war", [(0, 3)]).strings
        ('pre', '-war')
        """
        words = Words.of(text)
        given = list(spans) or list(zip(words.starts, words.ends, strict=True))
        starts = [start for start, _ in given]
        cuts: dict[int, set[int]] = {}
        for place in {place for mark in marks for place in mark}:
            index = bisect_right(starts, place) - 1
            if index >= 0 and given[index][0] < place < given[index][1]:
                cuts.setdefault(index, set()).add(place)
        pieces: list[tuple[int, int]] = []
        for index, (start, end) in enumerate(given):
            places = [start, *sorted(cuts.get(index, ())), end]
            pieces.extend(pairwise(places))
        return cls(text, tuple(pieces))

    @classmethod
    def align(cls, text: str, strings: Sequence[str]) -> Tokens:
        """Where `strings` stand in `text`, one after the other. Raises FormatError if they are not its tokens."""
        spans = []
        at = 0
        for number, string in enumerate(strings):
            start = text.find(string, at)
            if not string or start < 0 or text[at:start].strip():
                raise misfit("tokens that follow one another in the text", f"token {number}, {quote(string)}")
            at = start + len(string)
            spans.append((start, at))
        if text[at:].strip():
            raise misfit("tokens that reach the end of the text", f"the rest {quote(text[at:], 30)}")
        return cls(text, tuple(spans))

    @classmethod
    def joined(cls, strings: Sequence[str]) -> Tokens:
        """The tokens of a text that is made by joining `strings` with single spaces."""
        spans, at = [], 0
        for string in strings:
            spans.append((at, at + len(string)))
            at += len(string) + 1
        return cls(" ".join(strings), tuple(spans))

    def __len__(self) -> int:
        return len(self.spans)

    @property
    def strings(self) -> tuple[str, ...]:
        return tuple(self.text[start:end] for start, end in self.spans)

    def covering(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last token (both included) that [start, end) touches; None if it holds only white space."""
        first = bisect_right(self.spans, start, key=lambda span: span[1])
        last = bisect_left(self.spans, end, key=lambda span: span[0]) - 1
        return (first, last) if first <= last else None

    def offsets(self, first: object, last: object) -> tuple[int, int]:
        """[start, end) of the tokens `first` to `last`, both included. Raises FormatError."""
        if isinstance(first, bool) or isinstance(last, bool) or not isinstance(first, int) or not isinstance(last, int):
            raise misfit("token indices that are whole numbers", f"{quote(first)} and {quote(last)}")
        if not 0 <= first <= last < len(self.spans):
            raise misfit(f"token indices between 0 and {len(self.spans) - 1}", f"{first} to {last}")
        return self.spans[first][0], self.spans[last][1]
