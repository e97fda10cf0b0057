"""What is known about label names in training: kinds of entities, families of relations, other names.

Needed because data sets name the same thing differently: a label may be shown under another name, and a label
from elsewhere may be right although nobody annotated it ("works for" where "chairman of" stands), so that it
must not count as wrong. The tables are JSON files in `presets/`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True, slots=True)
class Family:
    """Relations that general names cover. `head` and `tail` are kinds of entities, empty for any."""

    name: str
    head: frozenset[str]
    tail: frozenset[str]
    words: re.Pattern[str]
    names: tuple[str, ...]
    inverse: tuple[str, ...]

    def fits(self, label: str, head: str, tail: str) -> bool:
        """Whether a relation of that label between entities of these kinds belongs to the family."""
        typed = (not self.head or head in self.head) and (not self.tail or tail in self.tail)
        return typed and (label in self.names or bool(self.words.search(label)))

    def mentions(self, label: str) -> bool:
        """Whether a label could name a relation of the family, in either direction, whatever its ends."""
        if not self.head and not self.tail:
            return label in self.names or label in self.inverse or bool(self.words.search(label))
        catch_all = self.words.pattern == "."
        return label in self.names or label in self.inverse or (not catch_all and bool(self.words.search(label)))


class LabelKnowledge:
    """The tables, looked up."""

    def __init__(self, paraphrases: Mapping[str, Mapping[str, list[str]]] | None = None) -> None:
        self.kind_of = {label: kind for kind, labels in _read("entity_kinds.json").items() for label in labels}
        self.other_names: dict[str, list[str]] = _read("entity_names.json")
        self.families = tuple(
            Family(
                name,
                frozenset(entry["head"]),
                frozenset(entry["tail"]),
                re.compile(entry["words"]),
                tuple(entry["names"]),
                tuple(entry["inverse"]),
            )
            for name, entry in _read("relation_families.json").items()
        )
        self.paraphrases = {
            label: (tuple(entry["same"]), tuple(entry["inverse"])) for label, entry in (paraphrases or {}).items()
        }
        self.families_of = lru_cache(maxsize=200_000)(self._families_of)
        self.mentioned = lru_cache(maxsize=200_000)(self._mentioned)

    def kind(self, label: str) -> str:
        """The kind of an entity label, itself if the tables do not know it."""
        return self.kind_of.get(label, label)

    def _families_of(self, label: str, head_type: str, tail_type: str) -> tuple[Family, ...]:
        head, tail = self.kind(head_type), self.kind(tail_type)
        return tuple(family for family in self.families if family.fits(label, head, tail))

    def _mentioned(self, label: str) -> frozenset[str]:
        """Names of the families that a label may belong to."""
        return frozenset(family.name for family in self.families if family.mentions(label))


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((PRESETS / name).read_text("utf-8"))
    return data
