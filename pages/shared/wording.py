"""Numbers and names as sentences have them. No Streamlit in here."""

from __future__ import annotations

from unicodedata import bidirectional


def plain(sentence: str) -> str:
    """`sentence` so that Markdown shows it as it is, whatever a user's text brings along.

    >>> plain("<b> and *this*")
    '\\\\<b\\\\> and \\\\*this\\\\*'
    """
    return "".join("\\" + char if char in "\\`*_{}[]()<>#+-!|~$:^=" else char for char in sentence)


def apart(name: str) -> str:
    """`name` to stand beside something else: from right to left, it would take numbers that follow in among its words.

    >>> apart("Ada"), apart("عربي")[:1], apart("عربي")[-1:]
    ('Ada', '\\u2068', '\\u2069')
    """
    return f"\u2068{name}\u2069" if any(bidirectional(char) in _FROM_RIGHT for char in name) else name


_FROM_RIGHT = ("R", "AL", "RLE", "RLO", "RLI")
"""Classes of characters that turn the direction of what follows."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "entity", "entities"), counted(1200, "word")
    ('1 entity', '1,200 words')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def time_left(seconds: float | None, about: str = "") -> str:
    """What follows a count of what is done: how long the rest will take, nothing where that is not known.

    >>> time_left(12.3), time_left(300, "about "), time_left(None)
    (', 12 s left', ', about 5 min left', '')
    """
    if seconds is None:
        return ""
    return f", {about}{seconds:.0f} s left" if seconds < 90 else f", {about}{seconds / 60:.0f} min left"


def size(number: int) -> str:
    """Bytes in words.

    >>> size(999), size(8_081_408), size(76_000_000_000)
    ('999 B', '8.1 MB', '76.0 GB')
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number} B"
