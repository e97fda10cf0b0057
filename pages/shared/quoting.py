"""Sentences around marks, cut into pieces that a page can show without markup."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from pages.shared.triples import MAX_EVIDENCE

Part = tuple[str, int | None]
"""A piece of text, and the palette position of its mark or None."""


def quoted(text: str, bounds: tuple[int, ...], marks: Sequence[tuple[int, int, int]]) -> tuple[Part, ...]:
    """The sentences from the first to the last of `marks` (start, end, palette position), of which none crosses
    another; long ones shortened around the marks. `bounds` are `triples.sentence_starts` of the text.

    >>> quoted("One. Ada met Bo. Two.", (0, 5, 17), [(5, 8, 0), (13, 15, 1)])
    (('Ada', 0), (' met ', None), ('Bo', 1), ('.', None))
    """
    marks = sorted(marks)
    first, last = marks[0][0], max(end for _, end, _ in marks)
    start = bounds[bisect_right(bounds, first) - 1]
    at = bisect_right(bounds, last - 1)
    end = bounds[at] if at < len(bounds) else len(text)
    half = MAX_EVIDENCE // 2
    parts: list[Part] = [("…", None)] if start < first - half else []
    here = max(start, first - half)
    for left, right, hue in marks:
        if left < here:
            continue  # inside the mark before
        parts += [(_joined(text[here:left], half), None), (text[left:right], hue)]
        here = right
    tail = text[here : min(end, last + half)].rstrip()
    parts.append((tail, None))
    parts += [("…", None)] if last + half < end else []
    return tuple((" ".join(piece.split("\n")), hue) for piece, hue in parts if piece)


def _joined(text: str, most: int) -> str:
    """What lies between two marks, shortened in the middle."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"
