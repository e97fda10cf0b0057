"""Offsets of tools that count UTF-16 units, as browsers do, told from code points by the marked text."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

from db.formats.record import misfit
from relex_core.errors import quote


def code_points(text: str, units: int) -> int:
    """How many code points the first `units` UTF-16 units of `text` are.

    >>> code_points("a😀b", 3)
    2
    """
    return min(max(units - bisect_right(pair_ends(text), units), 0), len(text))


# a text's marks are converted one after the other: a search through the text for each would be quadratic
@lru_cache(maxsize=1)
def pair_ends(text: str) -> tuple[int, ...]:
    """Where the characters that are two UTF-16 units end, in these units.

    >>> pair_ends("a😀b😀")
    (3, 6)
    """
    wide = (index for index, character in enumerate(text) if ord(character) > 0xFFFF)
    return tuple(index + before + 2 for before, index in enumerate(wide))


def repaired(text: str, start: int, end: int, surface: str | None) -> tuple[int, int]:
    """[start, end) in code points, whichever of both they were counted in. Raises FormatError if neither fits.

    `surface` is the marked text as the tool saw it, None if it did not say; then code points are believed.
    """
    if surface is None or _same(text[start:end], surface):
        return start, end
    first, last = code_points(text, start), code_points(text, end)
    if _same(text[first:last], surface):
        return first, last
    found = f"{quote(text[start:end], 40)} at [{start}, {end}), not {quote(surface, 40)}"
    raise misfit("a mark whose offsets fit the text that it names", found, (start, end))


def _same(marked: str, surface: str) -> bool:
    return marked == surface or marked.split() == surface.replace("\\n", "\n").split()
