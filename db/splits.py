"""Train, dev and test sets: whole documents, each text once, every label spread in proportion, by a seed.

Iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011): the rarest label is dealt out first, each document
to the set that still lacks most of it. Ids, hashes of texts and labels are in a temporary file meanwhile: memory has
four bytes for each document.
"""

from __future__ import annotations

import json
import random
import sqlite3
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from db.spool import spool
from relex_core.errors import InputError
from relex_core.types import Annotation, sha256

NAMES = ("train", "dev", "test")

_TABLES = (
    "found (id TEXT PRIMARY KEY, text TEXT, labels TEXT) WITHOUT ROWID",
    "kept (number INTEGER PRIMARY KEY, id TEXT UNIQUE, labels TEXT, part TEXT)",
    "holds (label TEXT, number INTEGER, PRIMARY KEY (label, number)) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Split:
    """Which document goes where, as long as the block of `split` lasts. `sizes` are documents by the name of the set,
    `duplicates` the number of those left out because another one has their text."""

    sizes: Mapping[str, int]
    duplicates: int
    seed: int
    _tables: sqlite3.Connection

    def set_of(self, id: str) -> str | None:
        """The set of a document; None if it was left out."""
        row = self._tables.execute("SELECT part FROM kept WHERE id = ?", (id,)).fetchone()
        return None if row is None else str(row[0])

    def left_out(self) -> Iterator[tuple[str, str]]:
        """(id left out, id kept) of equal texts, in order."""
        yield from self._tables.execute(
            "SELECT id, (SELECT min(id) FROM found AS first WHERE first.text = found.text) AS same FROM found "
            "WHERE id <> same ORDER BY id"
        )


@contextmanager
def split(annotations: Iterable[Annotation], *, dev: float = 0.1, test: float = 0.1, seed: int = 0) -> Iterator[Split]:
    """The same documents, shares and seed give the same split, in whatever order they come. Raises InputError, and
    StoreError if there is no room for temporary files."""
    if not (0 <= dev < 1 and 0 <= test < 1 and dev + test < 1):
        raise InputError(
            expected="shares of dev and test from 0 up, less than 1 together",
            found=f"{dev} and {test}",
            change="Choose for example 0.1 and 0.1.",
        )
    shares = {"train": 1.0 - dev - test, "dev": dev, "test": test}
    with spool(*_TABLES) as tables:
        found, kept = _collect(tables, annotations)
        _stratify(tables, {n: share for n, share in shares.items() if share > 0}, kept, random.Random(seed))  # noqa: S311
        counts = dict(tables.execute("SELECT part, count(*) FROM kept GROUP BY part").fetchall())
        yield Split({name: counts.get(name, 0) for name in NAMES}, found - kept, seed, tables)


def same_text(text: str) -> str:
    """Equal for texts that differ in case, white space or Unicode form only.

    >>> same_text("Ada  wrote\\n") == same_text("ada wrote")
    True
    """
    return sha256(" ".join(unicodedata.normalize("NFKC", text).casefold().split()))


def _collect(tables: sqlite3.Connection, annotations: Iterable[Annotation]) -> tuple[int, int]:
    """Fill the tables; of documents with the same text the smallest id is kept. Numbers of all and of those kept."""
    for annotation in annotations:
        names = {f"e:{e.label}" for e in annotation.entities} | {f"r:{r.label}" for r in annotation.relations}
        row = annotation.document.id, same_text(annotation.document.text), json.dumps(sorted(names) or [""])
        tables.execute("INSERT OR REPLACE INTO found VALUES (?, ?, ?)", row)
    tables.execute("CREATE INDEX by_text ON found (text, id)")
    tables.execute(
        "INSERT INTO kept (id, labels) SELECT id, labels FROM found "
        "WHERE id = (SELECT min(id) FROM found AS first WHERE first.text = found.text) ORDER BY id"
    )
    tables.execute("INSERT INTO holds SELECT value, number FROM kept, json_each(kept.labels)")
    found, kept = tables.execute("SELECT (SELECT count(*) FROM found), (SELECT count(*) FROM kept)").fetchone()
    return int(found), int(kept)


def _stratify(tables: sqlite3.Connection, shares: Mapping[str, float], total: int, chance: random.Random) -> None:
    left = Counter(dict(tables.execute("SELECT label, count(*) FROM holds GROUP BY label").fetchall()))
    room = {part: share * total for part, share in shares.items()}
    wanted = {(name, part): share * count for name, count in left.items() for part, share in shares.items()}
    while left:
        rarest = min(left, key=lambda name: (left[name], name))
        numbers = array("I", (row[0] for row in tables.execute(_UNDEALT, (rarest,))))
        chance.shuffle(numbers)
        for number in numbers:
            needs = {part: (wanted[rarest, part], room[part]) for part in shares}
            best = max(needs.values())
            part = chance.choice([name for name, need in needs.items() if need == best])
            tables.execute("UPDATE kept SET part = ? WHERE number = ?", (part, number))
            room[part] -= 1
            (labels,) = tables.execute("SELECT labels FROM kept WHERE number = ?", (number,)).fetchone()
            for name in json.loads(labels):
                wanted[name, part] -= 1
                left[name] -= 1
        left = +left
        left.pop(rarest, None)


_UNDEALT = "SELECT number FROM holds JOIN kept USING (number) WHERE label = ? AND part IS NULL ORDER BY number"
