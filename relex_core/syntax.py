"""Relations read off a dependency parse: the words on the path between two entities name the relation.

Open labels ("founded by", "chief executive of", "based in"), precise enough to teach what a relation label is
and wide enough to teach that any label may come. Works on spaCy's English parses (ClearNLP labels); this file
itself imports nothing, it only walks tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from relex_core.syntax_words import (
    DATED,
    EMPTY_NOUNS,
    EMPTY_VERBS,
    FAITHS,
    LIGHT_VERBS,
    MODIFIERS,
    MONTHS,
    NATION,
    NO_RELATION,
    PARTIES,
    PLACES,
    RESIDENTS,
    ROLES,
    SYMMETRIC,
)

Token = Any
"""A spaCy token; spaCy is an optional dependency without type information we could rely on."""


@dataclass
class Reading:
    """The entities of one sentence and the relations found between them, as (head, tail, label) positions."""

    tokens: Sequence[Token]
    spans: Sequence[tuple[int, int, str]]  # first token, last token + 1, type
    at: dict[int, int] = field(default_factory=dict)  # syntactic root of an entity -> its position
    found: set[tuple[int, int, str]] = field(default_factory=set)

    def add(self, heads: Sequence[int], tails: Sequence[int], label: str) -> None:
        """Relate each head to each tail, but for times, which are the tail of a few verbs only."""
        label = " ".join(label.split())
        dated = label.endswith((" on date", " in year"))
        heads = [head for head in heads if self.type(head) not in ("date", "money")]
        tails = [tail for tail in tails if (self.type(tail) == "date") == dated and self.type(tail) != "money"]
        plain = label.replace(" ", "").replace("-", "")
        if not (2 < len(label) <= 40 and plain.isalpha() and plain.isascii()):
            return
        for head in heads:
            for tail in tails:
                if head != tail:
                    self.found.add((head, tail, label))
                    if label in SYMMETRIC:
                        self.found.add((tail, head, label))

    def type(self, entity: int) -> str:
        return self.spans[entity][2]

    def entities(self, token: Token) -> list[int]:
        """The entity a token is the root of, or is explained by, and those coordinated with it."""
        found = [self.at[token.i]] if token.i in self.at else []
        if not found:  # "the chairman, Arthur Levinson, lives in ..."
            found = [self.at[child.i] for child in token.children if child.dep_ == "appos" and child.i in self.at][:1]
        return found + [self.at[c.i] for c in token.conjuncts if c.i > token.i and c.i in self.at]


def read(tokens: Sequence[Token], spans: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """All relations of one parsed sentence or document, sorted."""
    reading = Reading(tokens, spans)
    offset = tokens[0].i if len(tokens) else 0
    reading.at.update(roots(tokens, spans))
    for token in tokens:
        if token.pos_ in ("VERB", "AUX"):
            _verb(reading, token)
        elif token.pos_ in ("NOUN", "PROPN"):
            _noun_with_owner(reading, token)
        if token.i in reading.at:
            _apposition(reading, token)
            _modifiers(reading, token)
            _prepositions_of_entity(reading, token)
    _place_after_comma(reading, offset)
    _generic_labels(reading)
    return sorted(reading.found)


def roots(tokens: Sequence[Token], spans: Sequence[tuple[int, int, str]]) -> dict[int, int]:
    """The syntactic root of each entity -> its position."""
    offset = tokens[0].i if len(tokens) else 0
    found = {}
    for position, (first, end, _) in enumerate(spans):
        inside = range(first, end)
        root = next(
            (i for i in inside if tokens[i - offset].head.i not in inside or tokens[i - offset].head.i == i), first
        )
        found[root] = position
    return found


# verbs


def _verb(reading: Reading, verb: Token) -> None:
    """X founded Y / Y was founded by X / X works for Y / X is the president of Y / X took control of Y."""
    if any(child.dep_ == "neg" for child in verb.children):
        return
    passive = _is_passive(verb)
    subjects = _subjects(reading, verb)
    if verb.lemma_ in ("be", "become", "remain"):
        _copula(reading, verb, subjects)
        return
    if verb.pos_ == "AUX" or verb.lemma_.lower() in EMPTY_VERBS:
        return
    objects = [child for child in verb.children if child.dep_ in ("dobj", "dative") and not passive]
    name = _verb_name(verb, passive)
    for noun in objects:
        if verb.lemma_ in LIGHT_VERBS:
            _light_verb(reading, name, subjects, noun)
        else:
            reading.add(subjects, reading.entities(noun), name)
            if verb.tag_ in ("VBD", "VBN") and verb.text.lower().endswith("ed") and name not in SYMMETRIC:
                reading.add(reading.entities(noun), subjects, f"{name} by")
            _light_verb(reading, name, subjects, noun)
    for preposition, noun in _prepositions(verb):
        _verb_preposition(reading, verb, passive, subjects, objects, preposition, noun)


def _verb_preposition(
    reading: Reading,
    verb: Token,
    passive: bool,
    subjects: list[int],
    objects: list[Token],
    preposition: str,
    noun: Token,
) -> None:
    name, tails = _verb_name(verb, passive), reading.entities(noun)
    dated = bool(tails) and reading.type(tails[0]) == "date"
    if preposition == "as" and _names_relation(noun):
        _noun_of(reading, subjects, noun)
    elif preposition == "by":
        if passive and not dated:
            reading.add(subjects, tails, f"{name} by")
            reading.add(tails, subjects, name)
    elif preposition in NO_RELATION:
        return
    elif dated:
        if (not objects or passive) and name.split()[0] in DATED and any(map(_tells_a_time, noun.subtree)):
            reading.add(subjects, tails, f"{name} in year" if preposition == "in" else f"{name} on date")
    elif not objects or passive:
        reading.add(subjects, tails, f"{name} {preposition}")
    elif preposition in ("to", "from", "into"):
        for thing in objects:
            reading.add(reading.entities(thing), tails, f"{verb.text.lower()} {preposition}")


def _tells_a_time(token: Token) -> bool:
    """A year, or a month: "last year" and "28-year-old" tell none by themselves."""
    text = str(token.text)
    return (len(text) == 4 and text.isdigit()) or text in MONTHS


def _is_passive(verb: Token) -> bool:
    if any(child.dep_ in ("nsubjpass", "auxpass") for child in verb.children):
        return True
    return bool(verb.tag_ == "VBN" and verb.dep_ in ("acl", "amod", "advcl"))


def _subjects(reading: Reading, verb: Token) -> list[int]:
    """Subjects of a verb, also through relative clauses, participles, coordination and control."""
    own = [child for child in verb.children if child.dep_ in ("nsubj", "nsubjpass")]
    if verb.dep_ == "acl" and not own:
        return reading.entities(verb.head)
    if verb.dep_ == "relcl" and (not own or all(child.tag_ in ("WP", "WDT") for child in own)):
        return reading.entities(verb.head)
    found = [entity for child in own for entity in reading.entities(child)]
    if (
        not own
        and verb.dep_ in ("conj", "xcomp", "advcl")
        and verb.head.pos_ in ("VERB", "AUX")
        and verb.head is not verb
    ):
        return _subjects(reading, verb.head)
    return found


def _copula(reading: Reading, verb: Token, subjects: list[int]) -> None:
    for child in verb.children:
        if child.dep_ in ("attr", "oprd"):
            for noun in (child, *child.conjuncts):
                _noun_of(reading, subjects, noun)
    for preposition, noun in _prepositions(verb):
        tails = reading.entities(noun)
        if tails and reading.type(tails[0]) != "date" and preposition in ("in", "at", "near", "from"):
            reading.add(subjects, tails, "is from" if preposition == "from" else f"located {preposition}")


def _light_verb(reading: Reading, name: str, subjects: list[int], noun: Token) -> None:
    """X has headquarters in Y, X took control of Y, X won the championship of Y."""
    if not _names_relation(noun):
        return
    for preposition, target in _prepositions(noun):
        if preposition in ("in", "of", "with", "over", "to", "at", "for", "from", "on", "against"):
            reading.add(subjects, reading.entities(target), f"{name} {_noun_name(noun)} {preposition}")
    for child in noun.children:
        if child.dep_ == "poss":
            reading.add(subjects, reading.entities(child), f"{name} {_noun_name(noun)} of")


# nouns


def _noun_of(reading: Reading, subjects: list[int], noun: Token) -> None:
    """X: the N of Y, Y's N, the Y N, an N who leads Y."""
    if not subjects or not _names_relation(noun):
        return
    name = _noun_name(noun)
    for preposition, target in _prepositions(noun):
        tails = reading.entities(target)
        if tails and reading.type(tails[0]) != "date":
            reading.add(subjects, tails, f"{name} {preposition}")
    for child in noun.children:
        if child.dep_ in ("poss", "compound", "nmod", "amod") and child.i in reading.at:
            people = [entity for entity in subjects if reading.type(entity) == "person"]
            if reading.type(reading.at[child.i]) == NATION:
                reading.add(people, [reading.at[child.i]], _group_label(child))
            else:
                reading.add(subjects, reading.entities(child), f"{name} of")
        if child.dep_ in ("relcl", "acl"):
            _clause_about(reading, subjects, child)


def _group_label(token: Token) -> str:
    name = str(token.text).lower()
    return "political party" if name in PARTIES else "religion" if name in FAITHS else "nationality"


def _clause_about(reading: Reading, subjects: list[int], verb: Token) -> None:
    """X is a company that makes Y / a village situated in Y: the clause is about X."""
    passive = _is_passive(verb)
    own = [child for child in verb.children if child.dep_ in ("nsubj", "nsubjpass") and child.tag_ not in ("WP", "WDT")]
    if own or verb.lemma_ in EMPTY_VERBS or any(child.dep_ == "neg" for child in verb.children):
        return
    objects = [child for child in verb.children if child.dep_ == "dobj"]
    for noun in objects:
        reading.add(subjects, reading.entities(noun), _verb_name(verb, passive))
    for preposition, noun in _prepositions(verb):
        _verb_preposition(reading, verb, passive, subjects, objects, preposition, noun)


def _noun_with_owner(reading: Reading, noun: Token) -> None:
    """Apple's chief executive, Tim Cook / the capital of France, Paris / Apple chairman Tim Cook."""
    if noun.i in reading.at or not _names_relation(noun):
        return
    named = [entity for child in noun.children if child.dep_ == "appos" for entity in reading.entities(child)]
    if noun.dep_ in ("compound", "nmod") and noun.head.i in reading.at and noun.i < noun.head.i:
        named += reading.entities(noun.head)
    if noun.dep_ == "appos" and noun.head.i in reading.at:
        return  # read from the entity's side
    _noun_of(reading, named, noun)


def _apposition(reading: Reading, token: Token) -> None:
    """Tim Cook, chief executive of Apple and a native of Alabama."""
    for child in token.children:
        if child.dep_ == "appos" and child.i not in reading.at and _names_relation(child):
            for noun in (child, *child.conjuncts):
                if noun.i > token.i:
                    _noun_of(reading, [reading.at[token.i]], noun)


def _modifiers(reading: Reading, token: Token) -> None:
    """American actor X / Apple chairman X / London-based Y / Moscow's Y / the French company Y."""
    me = reading.at[token.i]
    for child in token.children:
        if child.i >= token.i:
            continue
        if child.i in reading.at:
            _modifying_entity(reading, me, child)
        elif child.text.lower() in ("based", "born", "owned", "led", "backed") and child.dep_ in ("amod", "acl"):
            by = "in" if child.text.lower() in ("based", "born") else "by"
            for inner in child.children:
                reading.add([me], reading.entities(inner), f"{child.text.lower()} {by}")
        elif child.dep_ in ("compound", "nmod") and _names_relation(child) and reading.type(me) == "person":
            for other in (*child.children, *token.children):
                if other.i not in reading.at or reading.type(reading.at[other.i]) == NATION:
                    continue
                if other.i < child.i and other.dep_ in ("compound", "nmod", "poss", "amod"):
                    reading.add([me], [reading.at[other.i]], f"{_noun_name(child)} of")


def _modifying_entity(reading: Reading, me: int, child: Token) -> None:
    other, mine = reading.at[child.i], reading.type(me)
    if reading.type(other) == NATION and mine in ("person", "organization", "creative work", "product"):
        reading.add([me], [other], _group_label(child) if mine == "person" else "country of origin")
    elif reading.type(other) == "location" and mine == "organization" and child.dep_ in ("poss", "compound", "nmod"):
        reading.add([me], [other], "based in")
    elif reading.type(other) == "location" and mine == "facility" and child.dep_ in ("poss", "compound", "nmod"):
        reading.add([me], [other], "located in")
    elif reading.type(other) in ("organization", "person") and mine in ("product", "creative work"):
        reading.add([me], [other], "made by" if mine == "product" else "work by")


def _prepositions_of_entity(reading: Reading, token: Token) -> None:
    """Y in Place, Person of Org, Person from Place."""
    me, mine = reading.at[token.i], reading.type(reading.at[token.i])
    for preposition, noun in _prepositions(token):
        for other in reading.entities(noun):
            kind = reading.type(other)
            if kind in PLACES and preposition in ("in", "near", "at", "on"):
                if mine == "organization" and preposition in ("in", "at"):
                    reading.add([me], [other], "based in")
                elif mine in (*PLACES, "event"):
                    reading.add([me], [other], f"located {preposition}")
            elif mine == "person" and kind == "organization" and preposition in ("of", "from", "with", "at"):
                reading.add([me], [other], "affiliated with")
            elif mine == "person" and kind == "location" and preposition in ("of", "from"):
                reading.add([me], [other], "is from")
            elif mine in ("creative work", "product") and kind in ("person", "organization") and preposition == "by":
                reading.add([me], [other], "made by" if mine == "product" else "work by")


def _place_after_comma(reading: Reading, offset: int) -> None:
    """Dallas, Texas; but not the places of an enumeration (France, Ireland, Spain and Portugal)."""
    chain: list[int] = []
    for position, (first, end, kind) in enumerate(reading.spans):
        linked = (
            bool(chain) and first == reading.spans[chain[-1]][1] + 1 and reading.tokens[first - 1 - offset].text == ","
        )
        chain = ([*chain, position] if linked else [position]) if kind in PLACES else []
        after = [token.text for token in reading.tokens[end - offset : end - offset + 2]]
        following = reading.spans[position + 1] if position + 1 < len(reading.spans) else None
        goes_on = after[:1] == [","] and following is not None and following[0] == end + 1 and following[2] in PLACES
        enumerated = after[:1] in (["and"], ["or"]) or after in ([",", "and"], [",", "or"])
        if 2 <= len(chain) <= 3 and not goes_on and not enumerated:
            for inner, outer in pairwise(chain):
                if reading.type(outer) == "location":
                    reading.add([inner], [outer], "located in")


def _generic_labels(reading: Reading) -> None:
    """What a specific label says in general: a chairman of an organization works for it."""
    for head, tail, label in tuple(reading.found):
        words = label.split()
        if len(words) < 2 or reading.type(head) != "person":
            continue
        noun, kind = words[-2], reading.type(tail)
        if kind == "organization" and noun in ROLES and words[-1] in ("of", "at", "for", "with", "in"):
            reading.add([head], [tail], "works for")
        if kind == "location" and noun in RESIDENTS and words[-1] in ("of", "from", "in"):
            reading.add([head], [tail], "lives in")


# names


def _prepositions(node: Token) -> Iterator[tuple[str, Token]]:
    """(preposition, object) pairs below a node, also "out of" and coordinated prepositions."""
    for child in node.children:
        if child.dep_ in ("prep", "agent"):
            for inner in child.children:
                if inner.dep_ == "pobj":
                    yield child.text.lower(), inner
                elif inner.dep_ == "prep":
                    yield from (
                        (f"{child.text.lower()} {inner.text.lower()}", o) for o in inner.children if o.dep_ == "pobj"
                    )


def _names_relation(noun: Token) -> bool:
    """Whether a noun can name what somebody or something is to another."""
    if noun.pos_ == "PROPN":  # a title ("President"), not a name that the entity recogniser missed
        return noun.text.lower() in ROLES or noun.text.lower() in RESIDENTS
    fits = noun.pos_ == "NOUN" and noun.ent_type_ in ("", "NORP") and noun.text.isalpha() and len(noun.text) > 2
    return bool(fits and noun.lemma_.lower() not in EMPTY_NOUNS)


def _noun_name(noun: Token) -> str:
    before = [
        child.text.lower()
        for child in noun.children
        if child.dep_ in ("compound", "amod") and child.i < noun.i and child.text.isalpha() and not child.ent_type_
        if child.pos_ != "PROPN" or child.text.lower() in MODIFIERS
    ]
    return " ".join((*before[-1:], str(noun.text).lower()))


def _verb_name(verb: Token, passive: bool) -> str:
    particle = "".join(f" {child.text.lower()}" for child in verb.children if child.dep_ == "prt")
    if passive or verb.tag_ in ("VBN", "VBD"):
        return str(verb.text).lower() + particle
    return _third_person(verb.lemma_.lower()) + particle


def _third_person(verb: str) -> str:
    if verb == "have":
        return "has"
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        return verb + "es"
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + "s"
