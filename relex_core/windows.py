"""Texts and label sets that are longer than the encoder's window -> parts that fit; nothing is cut.

A long text is read in windows that overlap, so that every span and every pair that lies close together is
seen whole; they begin and end with sentences. A large label set is read in several passes over the same window.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from relex_core.errors import SchemaError
from relex_core.prompt import Pieces, PromptBuilder

OVERLAP = 4
"""Neighbouring windows share one word in so many."""

TEXT_SHARE = 0.4
"""Labels are split over passes if they would leave the text less than this share of the window."""


@dataclass(frozen=True, slots=True)
class LabelPass:
    """Positions of the labels that are prompted together; with `repeats` its entity labels were scored before."""

    entities: tuple[int, ...]
    relations: tuple[int, ...]
    repeats: bool = False


def plan_text(
    starts: Sequence[int], room: int | None, max_words: int, sentences: Sequence[int] = ()
) -> list[tuple[int, int]]:
    """Word ranges [first, last) of at most `room` pieces and `max_words` words, neighbours overlapping.

    `starts` are the pieces at which words begin, and their number. A single word of more pieces than fit stands
    alone; its window is shortened by `part`. With `sentences`, the indices of words that begin one, windows hold whole
    ones where one fits, and share at least one where two fit.
    """
    words = len(starts) - 1
    ranges: list[tuple[int, int]] = []
    first = 0
    while True:
        last = first + 1
        while last < words and last - first < max_words and (room is None or starts[last + 1] - starts[first] <= room):
            last += 1
        if last >= words:
            ranges.append((first, last))
            return ranges
        begun = sentences[bisect_right(sentences, first) : bisect_right(sentences, last)]
        last = begun[-1] if begun else last
        if ranges and last <= ranges[-1][1]:  # what follows does not fit beside what was to be shared
            first = begun[0] if begun else first + 1
            continue
        ranges.append((first, last))
        shared = max(first + 1, last - max(1, (last - first) // OVERLAP))
        if begun:  # from the beginning of a sentence on: of the last that shares so much, else of the first
            *within, last = begun
            shared = max((at for at in within if at <= shared), default=within[0] if within else last)
        first = shared


def part(pieces: Pieces, first: int, last: int, room: int | None) -> Pieces:
    """The pieces of some words. A word longer than the encoder's window keeps the pieces that fit."""
    begin = pieces.starts[first]
    end = pieces.starts[last]
    if room is not None:
        end = min(end, begin + room)
    starts = tuple(min(at, end) - begin for at in pieces.starts[first : last + 1])
    return Pieces(pieces.ids[begin:end], starts)


def plan_labels(
    builder: PromptBuilder, entities: Sequence[str], relations: Sequence[str], limit: int | None
) -> list[LabelPass]:
    """One pass if the labels leave room for text, else the fewest passes that do, labels spread evenly.

    Every pass has entity labels, as the model was trained with some; an entity label's score comes from the
    first pass that holds it. Raises SchemaError if a single label is too long.
    """
    whole = LabelPass(tuple(range(len(entities))), tuple(range(len(relations))))
    if limit is None:
        return [whole]
    most = int(limit * (1 - TEXT_SHARE))
    for label in (*entities, *relations):
        if len(builder.prompt([label], [label]).ids) + len(builder.after) > most:
            raise SchemaError(
                expected=f"labels that leave room for text in the encoder's window of {limit} pieces",
                found=f"one of {len(label)} characters",
                change="Shorten its name or its description.",
                value=label,
            )
    for count in range(1, max(1, len(entities) + len(relations)) + 1):
        passes = [_part(len(entities), len(relations), index, count) for index in range(count)]
        if all(_size(builder, entities, relations, p) <= most for p in passes):
            return passes
    raise AssertionError("a pass of one entity label and one relation label fits")


def _part(entities: int, relations: int, index: int, count: int) -> LabelPass:
    """Part `index` of `count` even parts; entity labels repeat so that no pass is without one."""
    repeats = entities < count and index >= entities
    first, last = entities * index // count, entities * (index + 1) // count
    own = tuple(range(first, last)) if entities >= count else (index % entities,) if entities else ()
    return LabelPass(own, tuple(range(relations * index // count, relations * (index + 1) // count)), repeats)


def _size(builder: PromptBuilder, entities: Sequence[str], relations: Sequence[str], labels: LabelPass) -> int:
    prompt = builder.prompt([entities[k] for k in labels.entities], [relations[m] for m in labels.relations])
    return len(prompt.ids) + len(builder.after)
