"""Gold records -> training examples over words, and examples joined into pseudo-documents (section 3.9).

An example is small and exact: words as inference splits them, spans as inclusive word indices.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TypeVar

from relex_core.datasets import Gold
from relex_core.layout import divisions, inside
from relex_core.sentences import sentence_starts
from relex_core.types import Relation, readings
from relex_core.windows import plan_text
from relex_core.words import Words

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Example:
    """One text to learn from.

    `entities` are (first word, last word, type), each span and type once; `relations` are (head, tail, label)
    over them. `part` numbers the original text of each entity in a pseudo-document: pairs across a seam are
    true negatives. With `partial`, what is absent is not known, but for `checked` relation labels. `types` are
    narrower types by (first word, last word), `divisions` the words before which layout divides the text. A relation
    that can be said in several ways, by a symmetric label or an inverse one, is there in each of them.
    """

    words: tuple[str, ...]
    entities: tuple[tuple[int, int, str], ...]
    relations: tuple[tuple[int, int, str], ...]
    source: str = ""
    partial: bool = False
    checked: tuple[str, ...] = ()
    part: tuple[int, ...] = ()
    wrong_entities: tuple[tuple[int, int, str], ...] = ()
    wrong_relations: tuple[tuple[int, int, str], ...] = ()
    types: tuple[tuple[int, int, tuple[str, ...]], ...] = ()
    divisions: tuple[int, ...] = ()

    @property
    def parts(self) -> tuple[int, ...]:
        return self.part or (0,) * len(self.entities)


def examples(gold: Gold, source: str = "", max_words: int = 256) -> list[Example]:
    """A gold record as examples of at most `max_words` words: passages of whole sentences, overlapping, as a long text
    is read. What lies in no passage whole, such as a relation between two that are far apart, is not learnt.
    """
    whole = example(gold, source)
    if len(whole.words) <= max_words:
        return [whole]
    words = Words.of(gold.document.text)
    ranges = plan_text(range(len(words) + 1), None, max_words, sentence_starts(words, whole.divisions))
    return [passage(whole, first, last) for first, last in ranges]


def passage(item: Example, first: int, last: int) -> Example:
    """The words [first, last) of an example that is no pseudo-document, with what lies in them whole."""
    here = [at for at, (a, b, _) in enumerate(item.entities) if first <= a and b < last]
    number = {at: n for n, at in enumerate(here)}

    def edges(given: Sequence[tuple[int, int, str]]) -> tuple[tuple[int, int, str], ...]:
        return tuple((number[h], number[t], label) for h, t, label in given if h in number and t in number)

    def marks(given: Iterable[tuple[int, int, T]]) -> tuple[tuple[int, int, T], ...]:
        return tuple((a - first, b - first, of) for a, b, of in given if first <= a and b < last)

    return replace(
        item,
        words=item.words[first:last],
        entities=marks(item.entities),
        relations=edges(item.relations),
        wrong_entities=marks(item.wrong_entities),
        wrong_relations=edges(item.wrong_relations),
        types=marks(item.types),
        divisions=inside(item.divisions, first, last),
    )


def example(gold: Gold, source: str = "") -> Example:
    """A gold record as one example, however long it is."""
    words = Words.of(gold.document.text)
    entities: dict[tuple[int, int, str], int] = {}
    number: dict[str, int] = {}

    def place(marks: Iterable[tuple[str, int, int, str]]) -> None:
        for name, start, end, label in marks:
            covered = words.covering(start, end)
            if covered is not None:
                # two marks that become equal on whole words are one entity; relations of both meet there
                number[name] = entities.setdefault((*covered, sys.intern(label)), len(entities))

    place((e.id, e.start, e.end, e.label) for e in gold.entities)
    own = len(entities)
    place((e.id, e.start, e.end, e.label) for e in gold.rejected_entities)
    declared = {label.name: label for label in gold.declared}

    def each_way(given: Iterable[Relation]) -> Iterator[tuple[int, int, str]]:
        for r in given:
            # one direction is annotated, and both are right
            for head, tail, label in sorted(readings(*r.key, declared)):
                yield number[head], number[tail], sys.intern(label)

    marked = (r for r in gold.relations if r.head in number and r.tail in number)
    relations = dict.fromkeys(each_way(r for r in marked if number[r.head] != number[r.tail]))
    wrong = dict.fromkeys(
        each_way(r for r in gold.rejected_relations if number.get(r.head, own) < own and number.get(r.tail, own) < own)
    )
    marks = tuple(entities)
    types = {
        marks[number[e.id]][:2]: names
        for e, names in zip(gold.entities, gold.types, strict=False)
        if names and e.id in number
    }
    return Example(
        tuple(map(sys.intern, words.words)),
        marks[:own],
        tuple(relations),
        source,
        gold.partial,
        tuple(map(sys.intern, gold.checked)),
        (),
        marks[own:],
        tuple(edge for edge in wrong if edge not in relations),
        tuple((*span, tuple(map(sys.intern, names))) for span, names in types.items()),
        divisions(words),
    )


def _open_ended(item: Example, connector: str) -> Example:
    inside = any(last == len(item.words) - 1 for _, last, _ in item.entities)
    if item.words[-1] != "." or inside:
        return item
    return replace(item, words=(*item.words[:-1], connector))


_DATED = re.compile(
    r"^(born|died|founded|established|formed|created|built|opened|released|published|launched|acquired|completed|"
    r"discovered|elected|married|killed|assassinated|signed|inaugurated|premiered|incorporated|dissolved)\b"
)
_TIMES = frozenset(("date", "year", "time", "money"))


def clean_silver(item: Example) -> Example:
    """Drop what syntax alone gets wrong: dates as places ("located in" 1998), people as buildings."""
    kinds = [label for _, _, label in item.entities]

    def sound(head: int, tail: int, label: str) -> bool:
        if kinds[head] in _TIMES:
            return False
        if kinds[tail] in _TIMES:
            return bool(_DATED.match(label))
        return not (label.startswith("located") and kinds[head] in ("person", "date", "money"))

    kept = tuple(edge for edge in item.relations if sound(*edge))
    return item if len(kept) == len(item.relations) else _with_relations(item, kept)


def _with_relations(item: Example, relations: tuple[tuple[int, int, str], ...]) -> Example:
    return replace(item, relations=relations)


CONNECTORS = ("while", "and", "but", ";", ",", "as", "whereas")


def join(items: Sequence[Example], connector: str | None = None) -> Example:
    """A pseudo-document: texts of one source one after the other, in which no pair across a seam is related.

    With `connector`, full stops at the seams become that word: one long sentence, in which things are named
    together that have nothing to do with each other.
    """
    if connector is not None:
        items = [_open_ended(item, connector) for item in items[:-1]] + [items[-1]]
    words = [0, *accumulate(len(item.words) for item in items)]
    before = [0, *accumulate(len(item.entities) for item in items)]
    return Example(
        tuple(word for item in items for word in item.words),
        tuple((f + w, last + w, t) for item, w in zip(items, words, strict=False) for f, last, t in item.entities),
        tuple((h + b, t + b, r) for item, b in zip(items, before, strict=False) for h, t, r in item.relations),
        items[0].source,
        any(item.partial for item in items),
        # what was looked for in one text only is not known for the whole
        tuple(label for label in items[0].checked if all(label in item.checked for item in items)),
        tuple(number for number, item in enumerate(items) for _ in item.entities),
        tuple(
            (f + w, last + w, t) for item, w in zip(items, words, strict=False) for f, last, t in item.wrong_entities
        ),
        tuple((h + b, t + b, r) for item, b in zip(items, before, strict=False) for h, t, r in item.wrong_relations),
        tuple((f + w, last + w, t) for item, w in zip(items, words, strict=False) for f, last, t in item.types),
        tuple(at + w for item, w in zip(items, words, strict=False) for at in item.divisions),
    )
