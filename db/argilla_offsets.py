"""Marks made in Argilla's own page count UTF-16 units; after an emoji they stand too far right.

The server stores what a page sends and says nothing about the unit (argilla-io/argilla issue 5729), so the text
under a mark decides: people mark whole words there, and a mark that begins or ends inside a word as code points
but not as UTF-16 units was counted in these.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass

from db.formats.utf16 import code_points
from relex_core.words import Words

Place = tuple[int, int, str]
"""start, end, label"""


@dataclass(frozen=True, slots=True)
class Repair:
    """Marks in code points, in the order given; how many were converted; marks that fit words in both units."""

    marks: tuple[Place, ...]
    converted: int = 0
    doubtful: tuple[Place, ...] = ()


def repair(text: str, marks: Iterable[Place], known: Set[Place]) -> Repair:
    """`known` marks are ours, sent in code points, and stay.

    A mark that fits words in both units is kept and named in `doubtful`, unless another mark of the same
    response fits in UTF-16 units alone: one response is made in one page.

    >>> repair("😀 Ada met Bob", [(3, 6, "person"), (11, 14, "person")], set()).marks
    ((2, 5, 'person'), (10, 13, 'person'))
    """
    given = tuple(marks)
    if text.isascii() or max(map(ord, text)) <= 0xFFFF:
        return Repair(given)
    words = Words.of(text)
    starts, ends = set(words.starts), set(words.ends)

    def fits(start: int, end: int) -> bool:
        return start in starts and end in ends and start < end

    other = [(code_points(text, start), code_points(text, end), label) for start, end, label in given]
    open_ = [n for n, mark in enumerate(given) if mark not in known and other[n] != mark]
    as_points = {n for n in open_ if fits(*given[n][:2])}
    as_units = {n for n in open_ if fits(*other[n][:2])}
    certain = bool(as_units - as_points)
    moved = as_units if certain else set()
    marks_ = tuple(other[n] if n in moved else mark for n, mark in enumerate(given))
    return Repair(marks_, len(moved), tuple(given[n] for n in sorted((as_units & as_points) - moved)))
