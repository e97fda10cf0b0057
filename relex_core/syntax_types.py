"""Types of entities read off a dependency parse: what a text itself calls the things that it names.

"Marie Curie, a physicist", "the novel Emma", "rivers such as the Oder", "Radiohead is a rock band", "Stanford
University": open types, thousands of them, where a named-entity recogniser knows a dozen. Like `syntax.py` this
only walks tokens of spaCy's English parses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from relex_core.syntax import Token, roots
from relex_core.syntax_words import BARE_NOUNS, NAMING_NOUNS, TYPE_ADJECTIVES

_LONGEST = 32
_UNTYPED = frozenset(("date", "money", "language"))


def read_types(tokens: Sequence[Token], spans: Sequence[tuple[int, int, str]]) -> dict[int, tuple[str, ...]]:
    """Types of the entities of one sentence by position, the more special ones first; `spans` as in `syntax.read`."""
    offset = tokens[0].i if len(tokens) else 0
    at = roots(tokens, spans)
    found: dict[int, dict[str, None]] = {}
    for root, position in at.items():
        if spans[position][2] in _UNTYPED:
            continue
        for noun in _nouns(tokens[root - offset], at):
            for name in _names(noun):
                found.setdefault(position, {})[name] = None
        named = _own_name(tokens[spans[position][0] - offset : spans[position][1] - offset])
        if named:
            found.setdefault(position, {})[named] = None
    return {position: tuple(names) for position, names in found.items()}


def _nouns(entity: Token, at: dict[int, int]) -> Iterator[Token]:
    """The common nouns that say what an entity is."""
    # X, a physicist and chemist
    for child in entity.children:
        if child.dep_ == "appos" and child.i not in at:
            yield from _coordinated(child, at)
        # physicist X, the novel X
        elif child.dep_ in ("compound", "nmod") and child.i < entity.i and child.i not in at:
            yield child
    head = entity.head
    # the physicist, X
    if entity.dep_ == "appos" and head.i not in at:
        yield head
    # X is a physicist
    if entity.dep_ in ("nsubj", "nsubjpass") and head.lemma_ == "be" and not _negated(head):
        for child in head.children:
            if child.dep_ == "attr" and child.i not in at:
                yield from _coordinated(child, at)
    # physicists such as X and Y
    first = entity.conjuncts[0] if entity.dep_ == "conj" and entity.conjuncts else entity
    preposition = first.head
    if first.dep_ == "pobj" and preposition.dep_ == "prep" and preposition.head.tag_ == "NNS":
        such = any(child.lower_ == "such" for child in preposition.children)
        if (preposition.lower_ == "as" and such) or preposition.lower_ in ("including", "like"):
            yield preposition.head


def _coordinated(noun: Token, at: dict[int, int]) -> Iterator[Token]:
    """A noun and those coordinated with it."""
    yield noun
    yield from (other for other in noun.conjuncts if other.i > noun.i and other.i not in at)


def _names(noun: Token) -> Iterator[str]:
    """A noun as a type: with the noun or adjective that narrows it down, and alone."""
    if noun.pos_ != "NOUN" or noun.tag_ not in ("NN", "NNS") or not _plain(noun.lemma_):
        return
    name = noun.lemma_.lower()
    if name in BARE_NOUNS or any(_negated(token) for token in (noun, noun.head)):
        return
    before = [
        child.lemma_.lower()
        for child in noun.children
        if child.i == noun.i - 1 and not child.ent_type_ and _plain(child.lemma_)
        if (child.dep_ == "compound" and child.pos_ == "NOUN") or child.lower_ in TYPE_ADJECTIVES
    ]
    if before and len(before[0]) + len(name) < _LONGEST:
        yield f"{before[0]} {name}"
    yield name


def _own_name(tokens: Sequence[Token]) -> str:
    """The type that a name carries in itself: Stanford University, Battle of Hastings, Nobel Prize."""
    if len(tokens) < 2:
        return ""
    before_of = next((i for i, token in enumerate(tokens) if token.lower_ in ("of", "for")), len(tokens))
    return NAMING_NOUNS.get(str(tokens[before_of - 1].lower_), "") if before_of else ""


def _plain(word: str) -> bool:
    return word.isascii() and word.isalpha() and len(word) > 2


def _negated(token: Token) -> bool:
    return any(child.dep_ == "neg" or child.lower_ in ("no", "not") for child in token.children)
