"""The values that travel through the product: frozen, validated when made, standard library only.

A `Document` and a `Schema` go into the model, an `Extraction` comes out. A person's decisions on it are
an `Annotation`. Suggestions are never changed: what a person accepted, moved, relabelled or rejected
stands beside them, so that provenance, acceptance rates and hard negatives can be read off at any time.

All offsets are Python code points, half open.
"""

from __future__ import annotations

import hashlib
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from relex_core.errors import InputError, SchemaError, quote

MAX_DOCUMENT = 20_000_000
"""Longest text that is taken as one document, in code points."""

MAX_LABEL = 200
"""Longest name of a label, in code points (also Argilla's limit)."""

RESERVED = ("<<ENT>>", "<<SEP>>", "<<REL>>")
"""Special tokens of the released checkpoints: inside a label they would add a phantom class."""

_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that no file in UTF-8 and no database can hold."""


@dataclass(frozen=True, slots=True)
class Document:
    """One text. `id` is unique within a project; `source` says where it came from (a file name, a URL).

    `extra` is a JSON object, as text, of what the imported record said beyond this type (its own tokens, whether
    it was annotated in part), so that an export in the same format gives it back; empty for most documents.
    """

    id: str
    text: str
    source: str = ""
    extra: str = ""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise InputError(
                expected="a text with at least one word",
                found="nothing but white space" if self.text else "an empty text",
                change="Paste or upload a text.",
                value=self.text,
            )
        if len(self.text) > MAX_DOCUMENT:
            raise InputError(
                expected=f"a document of at most {MAX_DOCUMENT:,} characters",
                found=f"{len(self.text):,}",
                change="Split it into several documents, one to a line of a .jsonl file.",
            )
        bad = _UNUSABLE.search(self.text)
        if bad:
            raise InputError(
                expected="readable Unicode text",
                found=f"the unusable character U+{ord(bad[0]):04X} at position {bad.start():,}",
                change="Save the file as UTF-8 text, without binary data, and load it again.",
                value=bad.start(),
            )
        for key, value in (("id", self.id), ("source", self.source)):
            if _UNUSABLE.search(value):
                raise InputError(
                    expected=f"readable characters in the {key} of a document",
                    found=quote(value),
                    change="Remove those that are no Unicode text.",
                    value=value,
                )

    @classmethod
    def from_text(cls, text: str, id: str = "", source: str = "") -> Document:
        """A document whose id, unless given, is a hash of its text.

        >>> Document.from_text("Ada wrote it.").id
        '6f13d641d43fea40'
        """
        return cls(id or sha256(text)[:16], text, source)

    @property
    def sha256(self) -> str:
        return sha256(self.text)


def sha256(text: str) -> str:
    """Hex digest of the UTF-8 bytes of `text` (lone surrogates, which `Document` refuses, pass)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class EntityLabel:
    """A type of entity, in plain words.

    The model reads `description` if there is one, else `name`. `color` is a position in the palette and
    `letter` a short code unique in the label set: both stay with the label for ever. A hidden label is one
    that was deleted in mid-project: not predicted, not offered, but what it marks is kept.
    """

    name: str
    description: str = ""
    color: int = 0
    letter: str = ""
    hidden: bool = False

    def __post_init__(self) -> None:
        _check_label("entity label", self.name, self.description)

    @property
    def prompt(self) -> str:
        return self.description or self.name


@dataclass(frozen=True, slots=True)
class RelationLabel:
    """A type of relation, directed from head to tail.

    `head_types` and `tail_types` are the names of the entity labels allowed at its ends; empty allows all.
    `symmetric` says that both directions mean the same, `inverse` names the label of the other direction.
    """

    name: str
    description: str = ""
    head_types: tuple[str, ...] = ()
    tail_types: tuple[str, ...] = ()
    symmetric: bool = False
    inverse: str = ""
    color: int = 0
    hidden: bool = False

    def __post_init__(self) -> None:
        _check_label("relation label", self.name, self.description)
        if self.symmetric and self.inverse and self.inverse != self.name:
            raise SchemaError(
                expected=f"relation {quote(self.name)} to be symmetric or to have an inverse",
                found=f"both (inverse {quote(self.inverse)})",
                change="Remove one of the two declarations.",
                value=self,
            )

    @property
    def prompt(self) -> str:
        return self.description or self.name

    def allows(self, head_type: str, tail_type: str) -> bool:
        """Whether an entity of `head_type` may stand at its head and one of `tail_type` at its tail, for all that this
        label says itself; `Schema.bounds` has what its inverse says too."""
        fits = (not self.head_types or head_type in self.head_types) and (
            not self.tail_types or tail_type in self.tail_types
        )
        if fits or not self.symmetric:
            return fits
        return (not self.head_types or tail_type in self.head_types) and (
            not self.tail_types or head_type in self.tail_types
        )


End = TypeVar("End")


def readings(head: End, tail: End, label: str, declared: Mapping[str, RelationLabel]) -> set[tuple[End, End, str]]:
    """All that says the same as a relation, itself among them: the other direction of a symmetric label, the inverse.

    `declared` are labels by name; those that declare nothing may be left out.

    >>> sorted(readings("Ada", "Acme", "employed by", {"employs": RelationLabel("employs", inverse="employed by")}))
    [('Acme', 'Ada', 'employs'), ('Ada', 'Acme', 'employed by')]
    """
    # an inverse declared on either of two labels holds for both, and through both for the inverse of the other
    said, rest = {(head, tail, label)}, [(head, tail, label)]
    while rest:
        head, tail, label = rest.pop()
        names = {other for other, one in declared.items() if one.inverse == label}
        own = declared.get(label)
        if own is not None:
            names |= {label} if own.symmetric else {own.inverse} if own.inverse else set()
        same = {(tail, head, name) for name in names}
        rest += same - said
        said |= same
    return said


@dataclass(frozen=True, slots=True)
class Schema:
    """A label set: what is looked for. Names are unique among entity labels and among relation labels."""

    entity_labels: tuple[EntityLabel, ...] = ()
    relation_labels: tuple[RelationLabel, ...] = ()
    # each annotation of an open label set, which has thousands, is checked against these
    entity_names: frozenset[str] = field(init=False, repr=False, compare=False)
    relation_names: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "entity_names", frozenset(label.name for label in self.entity_labels))
        object.__setattr__(self, "relation_names", frozenset(label.name for label in self.relation_labels))
        for kind, labels in (("entity", self.entity_labels), ("relation", self.relation_labels)):
            times = Counter(label.name for label in labels)
            twice = sorted(name for name, number in times.items() if number > 1)
            if twice:
                raise SchemaError(
                    expected=f"each {kind} label once",
                    found=f"{', '.join(quote(name) for name in twice[:5])} more than once",
                    change="Remove or rename the duplicates.",
                    value=tuple(twice),
                )
        letters = [label.letter for label in self.entity_labels if label.letter]
        if len(set(letters)) != len(letters):
            raise SchemaError(
                expected="letter codes that are unique in the label set",
                found=f"{letters}",
                change="Leave the letters empty to have them chosen.",
                value=tuple(letters),
            )
        for label in self.relation_labels:
            unknown = sorted({*label.head_types, *label.tail_types} - self.entity_names)
            if unknown:
                raise SchemaError(
                    expected=f"the ends of relation {quote(label.name)} to be entity labels of this set",
                    found=", ".join(quote(name) for name in unknown[:5]),
                    change="Add these entity labels or take them out of the relation's allowed types.",
                    value=tuple(unknown),
                )
            if label.inverse and label.inverse not in self.relation_names:
                raise SchemaError(
                    expected=f"the inverse of relation {quote(label.name)} to be a relation label of this set",
                    found=quote(label.inverse),
                    change="Add that relation label or remove the inverse.",
                    value=label.inverse,
                )

    @classmethod
    def of(cls, entities: Iterable[str | EntityLabel] = (), relations: Iterable[str | RelationLabel] = ()) -> Schema:
        """A schema from names or labels; colours and letter codes are chosen where they are missing.

        >>> schema = Schema.of(["person", "place", "organization"], ["born in"])
        >>> [label.letter for label in schema.entity_labels]
        ['P', 'L', 'O']
        """
        for kind, names in (("entity", entities), ("relation", relations)):
            if isinstance(names, str):
                raise SchemaError(
                    expected=f"a list of {kind} labels",
                    found=f"the text {quote(names)}, whose letters would be the labels",
                    change=f"Give [{names!r}].",
                    value=names,
                )
        given = [label if isinstance(label, EntityLabel) else EntityLabel(label.strip()) for label in entities]
        letters = _Letters({label.letter for label in given if label.letter})
        colors = _Colors()
        labels: list[EntityLabel] = []
        for label in given:
            if not label.letter:
                label = replace(label, letter=letters.take(label.name), color=colors.free())
            colors.used.add(label.color)
            labels.append(label)
        colors = _Colors()
        relation_labels: list[RelationLabel] = []
        for relation in relations:
            if isinstance(relation, str):
                relation = RelationLabel(relation.strip(), color=colors.free())
            colors.used.add(relation.color)
            relation_labels.append(relation)
        return cls(tuple(labels), tuple(relation_labels))

    @property
    def visible_entities(self) -> tuple[EntityLabel, ...]:
        return tuple(label for label in self.entity_labels if not label.hidden)

    @property
    def visible_relations(self) -> tuple[RelationLabel, ...]:
        return tuple(label for label in self.relation_labels if not label.hidden)

    @property
    def declared(self) -> dict[str, RelationLabel]:
        """The relation labels that are symmetric or name an inverse, as `readings` takes them."""
        return {label.name: label for label in self.relation_labels if label.symmetric or label.inverse}

    @property
    def bounds(self) -> dict[str, tuple[RelationLabel, ...]]:
        """What bounds the types at the ends of each relation label, by name: the label itself, and all that say the
        same, turned its way. Types are allowed if each of these allows them.

        >>> employs = RelationLabel("employs", head_types=("company",), inverse="employed by")
        >>> schema = Schema.of(["company", "person"], [employs, "employed by"])
        >>> [(label.name, label.head_types, label.tail_types) for label in schema.bounds["employed by"]]
        [('employed by', (), ()), ('employs', (), ('company',))]
        """
        labels, declared = {label.name: label for label in self.relation_labels}, self.declared
        found: dict[str, tuple[RelationLabel, ...]] = {name: (label,) for name, label in labels.items()}
        for name in {*declared, *(label.inverse for label in declared.values() if label.inverse)}:
            same = readings("head", "tail", name, declared)
            found[name] = tuple(
                _turned(labels[other], ("head", "tail", other) in same, ("tail", "head", other) in same)
                for other in sorted({other for *_, other in same})
            )
        return found

    def entity(self, name: str) -> EntityLabel:
        """The entity label of that name. Raises SchemaError if there is none."""
        return _find("entity", self.entity_labels, name)

    def relation(self, name: str) -> RelationLabel:
        """The relation label of that name. Raises SchemaError if there is none."""
        return _find("relation", self.relation_labels, name)


def allowed(bounds: Iterable[RelationLabel], head_type: str, tail_type: str) -> bool:
    """Whether all that bounds a relation label (`Schema.bounds`) allows these types at its ends."""
    return all(label.allows(head_type, tail_type) for label in bounds)


def _turned(label: RelationLabel, straight: bool, back: bool) -> RelationLabel:
    """The types that a label allows to one that it is read as, in the same direction, the other or both."""
    heads, tails = (label.head_types, label.tail_types) if straight else (label.tail_types, label.head_types)
    return RelationLabel(label.name, head_types=heads, tail_types=tails, symmetric=straight and back)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which score on a suggestion is shown. Strict: a score equal to its threshold is not shown.

    `entities` and `relations` hold (label name, threshold) pairs that override the common ones. They are no
    part of the schema: moving a slider changes nothing that the model has to know.
    """

    entity: float = 0.3
    relation: float = 0.5
    entities: tuple[tuple[str, float], ...] = ()
    relations: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        values = [self.entity, self.relation, *(t for _, t in self.entities), *(t for _, t in self.relations)]
        for value in values:
            if not 0.0 <= value <= 1.0:
                raise InputError(
                    expected="thresholds between 0 and 1",
                    found=str(value),
                    change="Choose a number such as 0.3.",
                    value=value,
                )

    def of_entity(self, label: str) -> float:
        return dict(self.entities).get(label, self.entity)

    def of_relation(self, label: str) -> float:
        return dict(self.relations).get(label, self.relation)


FLOOR = Thresholds(entity=0.1, relation=0.1)
"""The model scores once down to here; sliders filter what was scored and do not go below it."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A marked span of a text. `score` is the model's probability, None when a person said so."""

    id: str
    start: int
    end: int
    label: str
    score: float | None = None

    @classmethod
    def suggested(cls, start: int, end: int, label: str, score: float) -> Entity:
        """A suggestion; its id says where it stands, so that another extraction gives the same one."""
        return cls(f"{start}:{end}:{label}", start, end, label, score)

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end

    def text(self, document: Document) -> str:
        return document.text[self.start : self.end]

    def overlaps(self, other: Entity) -> bool:
        return self.start < other.end and other.start < self.end

    def crosses(self, other: Entity) -> bool:
        """Overlaps without one holding the other."""
        if not self.overlaps(other):
            return False
        inside = self.start >= other.start and self.end <= other.end
        around = self.start <= other.start and self.end >= other.end
        return not (inside or around)


@dataclass(frozen=True, slots=True)
class Relation:
    """A directed, labelled pair of entities, which it names by id."""

    head: str
    tail: str
    label: str
    score: float | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies it within a document: head, tail, label."""
        return self.head, self.tail, self.label


RESCORED = "+rescored"
"""Ends the model version of an extraction whose relations were scored anew on entities that a person had chosen."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a model found in a document: every candidate above `floor`, overlapping ones included.

    `decoding.select` turns candidates into what is shown at given thresholds. `windows` are the parts, as
    offsets, in which a text longer than the encoder's window was read; pairs that no window holds whole were
    not scored. Entities are in text order; each relation names two entities of this extraction. One that is
    `rescored` also holds what a person had marked, without a score: it is that person's alone, and no suggestion.
    """

    document: Document
    schema: Schema
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    model_version: str
    floor: Thresholds = FLOOR
    windows: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        check_graph(self.document, self.schema, self.entities, self.relations)

    @property
    def rescored(self) -> bool:
        """Whether its relations were scored on entities that a person had chosen."""
        return self.model_version.endswith(RESCORED)

    def by_id(self) -> dict[str, Entity]:
        return {entity.id: entity for entity in self.entities}

    def suggested(self) -> tuple[Entity, ...]:
        """The entities that the model found: without those that a person gave it to score relations on."""
        return tuple(e for e in self.entities if e.score is not None) if self.rescored else self.entities


@dataclass(frozen=True, slots=True)
class Undecided:
    """The suggestions that a submitted document decides nothing about, as they stood when it was submitted.

    By what names them in the extraction: entities by id, relations by head id, tail id and label. Those `seen` were on
    the screen and left alone. Those `not_shown` were not there: below the thresholds, behind a mark that was, or in a
    part of a long text that nobody opened. Neither was turned down.
    """

    seen: tuple[str, ...] = ()
    seen_relations: tuple[tuple[str, str, str], ...] = ()
    not_shown: tuple[str, ...] = ()
    not_shown_relations: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a person decided about a document.

    `entities` and `relations` are those the person accepted, changed or added; their score is None. An entity
    that came from a suggestion keeps the suggestion's id, also when it was moved or relabelled. `rejected_*`
    are suggestions that were shown and turned down. Suggestions in neither were not decided: they are not
    negatives. `undecided` tells of a submitted document which of these were on the screen, None where nobody noted it.
    `based_on` is the extraction that the suggestions are of, None for work that began from nothing.
    """

    document: Document
    schema: Schema
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
    rejected_entities: tuple[Entity, ...] = ()
    rejected_relations: tuple[Relation, ...] = ()
    based_on: Extraction | None = None
    undecided: Undecided | None = None

    def __post_init__(self) -> None:
        check_graph(self.document, self.schema, self.entities, self.relations)
        if self.based_on is not None and self.based_on.document.text != self.document.text:
            raise InputError(
                expected="an extraction of the annotated text",
                found="an extraction of another text",
                change="Extract this document again.",
                value=self.based_on.document.id,
            )
        scored: list[Entity | Relation] = [e for e in self.entities if e.score is not None]
        scored += [r for r in self.relations if r.score is not None]
        if scored:
            raise InputError(
                expected="decisions of a person, which have no score",
                found=f"{quote(scored[0])}",
                change="Accept a suggestion with editing.apply(annotation, Accept(...)).",
                value=scored[0],
            )

    def by_id(self) -> dict[str, Entity]:
        return {entity.id: entity for entity in self.entities}


def check_graph(
    document: Document, schema: Schema, entities: tuple[Entity, ...], relations: tuple[Relation, ...]
) -> None:
    """Refuse spans outside the text, labels outside the schema, ids used twice and dangling relations."""
    length = len(document.text)
    types, names = schema.entity_names, schema.relation_names
    ids: set[str] = set()
    marked: set[tuple[int, int, str]] = set()
    for entity in entities:
        if not 0 <= entity.start < entity.end <= length:
            raise InputError(
                expected=f"a span inside the text, which has {length:,} characters",
                found=f"[{entity.start}, {entity.end})",
                change="Give start and end as code points, start before end, end exclusive.",
                value=entity,
            )
        if entity.label not in types:
            raise SchemaError(
                expected=f"an entity label of this set ({_some(types)})",
                found=quote(entity.label),
                change="Add the label to the set or choose one of these.",
                value=entity,
            )
        mark = (entity.start, entity.end, entity.label)
        if entity.id in ids or mark in marked:
            raise InputError(
                expected="each entity once",
                found=f"{quote(entity.text(document), 30)} at [{entity.start}, {entity.end}), {entity.label}, twice",
                change="Remove the duplicate.",
                value=entity,
            )
        ids.add(entity.id)
        marked.add(mark)
    keys: set[tuple[str, str, str]] = set()
    for relation in relations:
        if relation.label not in names:
            raise SchemaError(
                expected=f"a relation label of this set ({_some(names)})",
                found=quote(relation.label),
                change="Add the label to the set or choose one of these.",
                value=relation,
            )
        missing = [end for end in (relation.head, relation.tail) if end not in ids]
        if missing or relation.head == relation.tail or relation.key in keys:
            raise InputError(
                expected="a relation between two different entities of the document, once",
                found=f"{quote(relation.key)}" + (f" with unknown entity {quote(missing[0])}" if missing else ""),
                change="Add the entity first, or remove the relation.",
                value=relation,
            )
        keys.add(relation.key)


def _check_label(kind: str, name: str, description: str) -> None:
    if not name or name != name.strip() or len(name) > MAX_LABEL:
        raise SchemaError(
            expected=f"{kind}s of 1 to {MAX_LABEL} characters without space at the ends",
            found=quote(name),
            change="Write the label as a short noun or verb phrase, such as 'works for'.",
            value=name,
        )
    for part in (name, description):
        control = next((c for c in part if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")), None)
        token = next((token for token in RESERVED if token in part), None)
        if control or token:
            raise SchemaError(
                expected=f"{kind}s without control characters and without {', '.join(RESERVED)}",
                found=quote(token or control),
                change="Remove it: the model reads these as its own punctuation.",
                value=part,
            )


class _Letters:
    """Letter codes for a label set under construction."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._next: dict[str, int] = {}

    def take(self, name: str) -> str:
        """The first letter of `name` that is free, else the first letter of the alphabet, else a number."""
        letters = [c.upper() for c in name if c.isalnum() and len(c.upper()) == 1]
        for letter in letters + list(string.ascii_uppercase):
            if letter not in self._taken:
                self._taken.add(letter)
                return letter
        # codes are never given back: counting goes on where it was
        stem = letters[0] if letters else "X"
        number = self._next.get(stem, 2)
        while f"{stem}{number}" in self._taken:
            number += 1
        self._next[stem] = number + 1
        self._taken.add(f"{stem}{number}")
        return f"{stem}{number}"


class _Colors:
    """Colours for a label set under construction; `used` only grows."""

    def __init__(self) -> None:
        self.used: set[int] = set()
        self._next = 0

    def free(self) -> int:
        """The first colour that is not used."""
        while self._next in self.used:
            self._next += 1
        return self._next


_Label = TypeVar("_Label", EntityLabel, RelationLabel)


def _find(kind: str, labels: tuple[_Label, ...], name: str) -> _Label:
    for label in labels:
        if label.name == name:
            return label
    raise SchemaError(
        expected=f"one of the {kind} labels {_some(label.name for label in labels)}",
        found=quote(name),
        change=f"Add {quote(name)} to the label set first.",
        value=name,
    )


def _some(names: Iterable[str], limit: int = 8) -> str:
    shown = sorted(names)
    return ", ".join(shown[:limit]) + (f" and {len(shown) - limit} more" if len(shown) > limit else "")
