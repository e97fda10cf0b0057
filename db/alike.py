"""Names in a project's graph that may be of one thing, for people to join: spelt differently, shortened, abbreviated.

Only names under one label are compared, and those with digits only if nothing but their writing differs: "Flight 12" is
not "Flight 21".
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein

from db.corpus import Corpus, Key, Node

MOST = 3_000
"""Names of a label, those with most mentions, in which misspelt ones are sought: each is held against each."""

ALMOST = 88.0
"""From this share of equal letters on, in percent, a name may be a misspelt other one."""


def _each(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LEGAL = _each("ab ag as bv co company corp corporation gmbh inc kg limited llc llp ltd nv oy plc sa sarl spa")
_BEFORE = _each("the dr lady lord miss mr mrs ms prof professor sir")
_SMALL = _each("a an and da de der des di du for für in la of on the to und van von y")


WRITTEN = "written differently"
"""The surest reason: nothing but case, accents, punctuation, title or legal form differs."""


@dataclass(frozen=True, slots=True)
class Likely:
    """`name` may be the same as `into`, which is written out or mentioned more often; `why` in words."""

    name: Node
    into: Node
    why: str


@dataclass(frozen=True, slots=True)
class _Name:
    """`first` is where each document names it first."""

    node: Node
    tokens: tuple[str, ...]
    first: Mapping[str, int] = field(compare=False)


def alike(corpus: Corpus) -> list[Likely]:
    """Each name is proposed once, for the surest reason; pairs that people keep apart are not. The surest come first,
    and of these the names with most mentions."""
    groups: dict[str, list[_Name]] = defaultdict(list)
    for node in corpus.nodes:
        tokens = _tokens(node.text)
        if any(map(str.isalpha, "".join(tokens))) and not node.text.islower():
            first: dict[str, int] = {}
            for mention in node.mentions:
                first[mention.document] = min(mention.start, first.get(mention.document, mention.start))
            groups[node.label].append(_Name(node, tokens, first))
    found: dict[Key, Likely] = {}
    for why, rule in _RULES:
        for group in groups.values():
            for name, others in rule(group):
                into = _only(name, others, found)
                apart = into is None or frozenset((name.node.key, into.key)) in corpus.apart
                if into is not None and name.node.key not in found and not apart:
                    found[name.node.key] = Likely(name.node, into, why)
    return list(found.values())


def _only(name: _Name, others: Sequence[_Name], found: Mapping[Key, Likely]) -> Node | None:
    """What a name may be the same as, if that is one: of all `others`, else of those that a document names beside it.
    Others that are proposed as one name count as one."""
    beside = [other for other in others if not other.first.keys().isdisjoint(name.first)]
    for candidates in (others, beside):
        ends = {_end(other.node, found).key for other in candidates}
        if len(ends) == 1:
            node = max((other.node for other in candidates), key=lambda node: (node.key in ends, len(node.mentions)))
            return None if name.node.key in ends else node
    return None


def _end(node: Node, found: Mapping[Key, Likely]) -> Node:
    while node.key in found:
        node = found[node.key].into
    return node


def _tokens(text: str) -> tuple[str, ...]:
    """A name without accents, case and punctuation, article, title and legal form.

    >>> _tokens("The Müller-Lüdenscheidt Co., Ltd."), _tokens("Dr. R. Okafor"), _tokens("U.S."), _tokens("The Co.")
    (('muller', 'ludenscheidt'), ('r', 'okafor'), ('us',), ('the', 'co'))
    """
    letters = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    words = [letters.replace(".", "")] if re.fullmatch(r"(?:\w\.)+\w?", letters) else re.findall(r"\w+", letters)
    first, last = 0, len(words)
    while first < last and words[first] in _BEFORE:
        first += 1
    while last > first and words[last - 1] in _LEGAL:
        last -= 1
    return tuple(words[first:last] or words)


_Pairs = Iterator[tuple[_Name, Sequence[_Name]]]
"""A name with all that it may be the same as."""


def _same(group: Sequence[_Name]) -> _Pairs:
    alike: dict[tuple[str, ...], list[_Name]] = defaultdict(list)
    for name in group:
        alike[name.tokens].append(name)
    for names in alike.values():
        # of equals the one that is written out, with its accents
        into = max(
            names, key=lambda name: (len(name.node.mentions), len(unicodedata.normalize("NFKD", name.node.text)))
        )
        yield from ((name, [into]) for name in names if name is not into)


def _initials(group: Sequence[_Name]) -> _Pairs:
    """ "WHO" for "World Health Organization"."""
    written: dict[str, list[_Name]] = defaultdict(list)
    for name in _worded(group):
        if len(name.tokens) > 1:
            for words in {name.tokens, tuple(token for token in name.tokens if token not in _SMALL)}:
                written["".join(token[0] for token in words)].append(name)
    for name in group:
        letters = name.node.text.replace(".", "")
        if 2 <= len(letters) <= 7 and letters.isalpha() and letters.isupper():
            yield name, written[letters.casefold()]


def _shorter(group: Sequence[_Name]) -> _Pairs:
    """ "A. Lovelace" for "Ada King Lovelace": the first and the last word whole or by its first letter, so that "Roman
    Empire" is not "Holy Roman Empire"."""
    longer: dict[tuple[str, str], list[_Name]] = defaultdict(list)
    names = [name for name in _worded(group) if len(name.tokens) > 1]
    for name in names:
        longer[name.tokens[0][0], name.tokens[-1]].append(name)
    for name in names:
        others = longer[name.tokens[0][0], name.tokens[-1]]
        yield name, [other for other in others if other.tokens != name.tokens and _shortens(name.tokens, other.tokens)]


def _shortens(short: Sequence[str], long: Sequence[str]) -> bool:
    """Whether each word of `short` stands in `long`, in this order, whole or by its first letter."""
    rest = iter(long)
    return (
        len(short) <= len(long)
        and short[0] in (long[0], long[0][0])
        and all(any(word == other or (len(word) == 1 and other[0] == word) for other in rest) for word in short)
    )


def _part(group: Sequence[_Name]) -> _Pairs:
    """ "Lovelace" for "Ada Lovelace", if each document with the short name gives a long one before it."""
    longer: dict[str, list[_Name]] = defaultdict(list)
    for name in _worded(group):
        if len(name.tokens) > 1:
            for token in {name.tokens[0], name.tokens[-1]}:
                longer[token].append(name)
    for name in _worded(group):
        if len(name.tokens) == 1 and len(name.tokens[0]) > 2:
            before = {
                at: [o for o in longer[name.tokens[0]] if o.first.get(at, start) < start]
                for at, start in name.first.items()
            }
            if all(before.values()):
                yield name, [other for others in before.values() for other in others]


def _misspelt(group: Sequence[_Name]) -> _Pairs:
    names = [name for name in _worded(group[:MOST]) if sum(map(len, name.tokens)) > 5]
    words = [" ".join(name.tokens) for name in names]
    for at in range(0, len(words), 500):
        near = process.cdist(words[at : at + 500], words, scorer=fuzz.ratio, score_cutoff=ALMOST)
        for row, column in zip(*near.nonzero(), strict=True):
            one, other = names[at + row], names[column]
            if column < at + row and len(one.tokens) == len(other.tokens) and all(map(_slip, one.tokens, other.tokens)):
                yield one, [other]


def _slip(one: str, other: str) -> bool:
    """Whether one word may be the other, misspelt: with the same ends, as "Germany" is not "German"."""
    ends = (one[0], one[-2:]) == (other[0], other[-2:])
    return one == other or (ends and len(one) > 3 and Levenshtein.distance(one, other) <= 1 + (len(one) > 8))


def _worded(group: Iterable[_Name]) -> list[_Name]:
    return [name for name in group if not any(map(str.isdigit, "".join(name.tokens)))]


_RULES: tuple[tuple[str, Callable[[Sequence[_Name]], _Pairs]], ...] = (
    (WRITTEN, _same),
    ("its initials", _initials),
    ("a shorter form", _shorter),
    ("a part of it, said after it", _part),
    ("almost the same letters", _misspelt),
)
