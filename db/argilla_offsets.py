"""Marks made in Argilla's own page count UTF-16 units; after an emoji they stand too far right.

The server stores what a page sends and says nothing about the unit (argilla-io/argilla issue 5729), so the text
under the marks decides: people mark whole words there, and a mark that begins or ends inside a word as code points
but not as UTF-16 units was counted in these. One response is made in one page: such a mark speaks for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass

from db.formats.utf16 import code_points, pair_ends
from relex_core.words import Words

Place = tuple[int, int, str]
"""start, end, label"""


@dataclass(frozen=True, slots=True)
class Repair:
    """Marks in code points, in the order given; how many were converted; marks whose unit nothing shows."""

    marks: tuple[Place, ...]
    converted: int = 0
    doubtful: tuple[Place, ...] = ()


def repair(text: str, marks: Iterable[Place], known: Set[Place]) -> Repair:
    """`known` marks are ours, sent in code points, and stay.

    A mark shows its unit if it fits words in one unit alone, or would begin or end within a character in UTF-16.
    If all marks that show a unit show the same, the whole response has it, parts of words included. Marks for which
    nothing decides stay as they are and are named in `doubtful`.

    >>> repair("😀 Ada met Paris", [(3, 6, "person"), (11, 14, "place")], set()).marks
    ((2, 5, 'person'), (10, 13, 'place'))
    >>> repair("😀 Paris", [(3, 6, "place")], set()).doubtful
    ((3, 6, 'place'),)
    """
    given = tuple(marks)
    if not pair_ends(text):
        return Repair(given)
    words, within = Words.of(text), {end - 1 for end in pair_ends(text)}
    starts, ends = set(words.starts), set(words.ends)

    def fits(start: int, end: int) -> bool:
        return start in starts and end in ends and start < end

    other = [(code_points(text, start), code_points(text, end), label) for start, end, label in given]
    open_ = {n for n, mark in enumerate(given) if mark not in known and other[n] != mark}
    impossible = {n for n in open_ if given[n][0] in within or given[n][1] in within}
    as_points = {n for n in open_ if fits(*given[n][:2])}
    as_units = {n for n in open_ if fits(*other[n][:2])} - impossible
    in_points, in_units = as_points - as_units | impossible, as_units - as_points
    moved, decided = in_units, in_points | in_units
    if not in_points or not in_units:
        moved, decided = (open_ if in_units else set()), (open_ if decided else set())
    marks_ = tuple(other[n] if n in moved else mark for n, mark in enumerate(given))
    return Repair(marks_, len(moved), tuple(given[n] for n in sorted(open_ - decided)))
