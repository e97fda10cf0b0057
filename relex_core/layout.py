"""Where a text's layout ends what is said: blank lines, cells of tables, lines of lists, headings.

Words are read without the white space between them, so that a table's cells, or a heading and what follows, would be
read as one sentence.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise

from relex_core.words import Words

NARROW = 40
"""A block of shorter lines is taken for a list if it can be one, a block with longer ones for text that was wrapped."""

_Line = tuple[int, str]


def divisions(words: Words) -> tuple[int, ...]:
    """Indices of the words before which layout divides a text, rising, without the first word's.

    Blank lines, page breaks, tabs and the ends of lines that hold tabs divide. Of other lines one ends where it does
    because it says no more if the next begins with a capital or a digit and its first word would have had room before.

    >>> divisions(Words.of("Staff\\n\\nName\\tCity\\nAda Lovelace\\tLondon\\n\\nSigned for the\\nboard by Bo"))
    (1, 2, 3, 5, 6)
    """
    lines = words.text.splitlines(keepends=True)
    placed = zip(accumulate(map(len, lines), initial=0), lines, strict=False)
    blocks = (list(block) for blank, block in groupby(placed, lambda line: line[1].isspace()) if not blank)
    found = {bisect_left(words.starts, at) for block in blocks for at in _offsets(block)}
    return tuple(sorted(found - {0, len(words)}))


def inside(divided: Sequence[int], first: int, last: int) -> tuple[int, ...]:
    """Those of a text's divisions that divide its words [first, last), as indices of these.

    >>> inside((1, 3, 5, 8), 3, 8)
    (2,)
    """
    return tuple(at - first for at in divided[bisect_right(divided, first) : bisect_left(divided, last)])


def _offsets(lines: list[_Line]) -> Iterator[int]:
    """For lines without a blank one between them, the offsets whose next word stands divided from the one before."""
    yield lines[0][0]
    for at, line in lines:
        yield from (at + tab.start() for tab in re.finditer("\t", line))
    width = max(len(line.strip()) for _, line in lines)
    listed = width < NARROW and all(_begins(line) for _, line in lines)
    for (_, before), (at, line) in pairwise(lines):
        if listed or before.endswith("\f") or "\t" in before.strip() + line.strip() or _ended(before, line, width):
            yield at


def _ended(before: str, line: str, width: int) -> bool:
    """Whether a line of a block that is `width` wide ended where it does because it says no more."""
    if width < NARROW:
        return False
    used, first = len(before.strip()), line.split(maxsplit=1)[0]
    if _begins(line):
        return used + 1 + len(first) <= width
    # in a script without capitals, one that is not even half full
    return not first[0].islower() and 2 * used < width


def _begins(line: str) -> bool:
    """Whether a line begins with neither a small letter nor one of a script without capitals."""
    first = line.lstrip()[0]
    return first.isupper() or not first.isalpha()
