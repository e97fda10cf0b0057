"""Train, dev and test sets: whole documents, each text once, every label spread in proportion, by a seed.

Iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011): the rarest label is dealt out first, each document
to the set that still lacks most of it. Only ids and label numbers are held in memory.
"""

from __future__ import annotations

import random
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from db.formats import Format
from relex_core.errors import InputError
from relex_core.types import Annotation, sha256

NAMES = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Split:
    """Which document goes where: ids by the name of the set. `duplicates` are (id left out, id kept)."""

    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]
    duplicates: tuple[tuple[str, str], ...]
    seed: int

    def of(self, name: str) -> frozenset[str]:
        return frozenset({"train": self.train, "dev": self.dev, "test": self.test}[name])


def split(annotations: Iterable[Annotation], *, dev: float = 0.1, test: float = 0.1, seed: int = 0) -> Split:
    """The same documents, shares and seed give the same split, in whatever order they come. Raises InputError."""
    if not (0 <= dev < 1 and 0 <= test < 1 and dev + test < 1):
        raise InputError(
            expected="shares of dev and test from 0 up, less than 1 together",
            found=f"{dev} and {test}",
            change="Choose for example 0.1 and 0.1.",
        )
    labels, duplicates = _documents(annotations)
    shares = {"train": 1.0 - dev - test, "dev": dev, "test": test}
    chosen = _stratified(labels, {name: share for name, share in shares.items() if share > 0}, random.Random(seed))  # noqa: S311
    parts = {name: tuple(sorted(id for id, where in chosen.items() if where == name)) for name in NAMES}
    return Split(parts["train"], parts["dev"], parts["test"], duplicates, seed)


def same_text(text: str) -> str:
    """Equal for texts that differ in case, white space or Unicode form only.

    >>> same_text("Ada  wrote\\n") == same_text("ada wrote")
    True
    """
    return sha256(" ".join(unicodedata.normalize("NFKC", text).casefold().split()))


def _documents(annotations: Iterable[Annotation]) -> tuple[dict[str, tuple[str, ...]], tuple[tuple[str, str], ...]]:
    """id -> labels with repetitions left out, and the duplicates; of several the smallest id is kept."""
    labels: dict[str, tuple[str, ...]] = {}
    by_text: dict[str, list[str]] = {}
    for annotation in annotations:
        names = {f"e:{e.label}" for e in annotation.entities} | {f"r:{r.label}" for r in annotation.relations}
        labels[annotation.document.id] = tuple(sorted(names))
        by_text.setdefault(same_text(annotation.document.text), []).append(annotation.document.id)
    duplicates = []
    for ids in by_text.values():
        kept, *others = sorted(set(ids))
        duplicates += [(other, kept) for other in others]
    for id, _ in duplicates:
        del labels[id]
    return dict(sorted(labels.items())), tuple(sorted(duplicates))


def _stratified(
    labels: Mapping[str, tuple[str, ...]], shares: Mapping[str, float], chance: random.Random
) -> dict[str, str]:
    holders: dict[str, list[str]] = {}
    for id, names in labels.items():
        for name in names or ("",):
            holders.setdefault(name, []).append(id)
    room = {part: share * len(labels) for part, share in shares.items()}
    wanted = {(name, part): share * len(ids) for name, ids in holders.items() for part, share in shares.items()}
    left = Counter({name: len(ids) for name, ids in holders.items()})
    chosen: dict[str, str] = {}
    while left:
        rarest = min(left, key=lambda name: (left[name], name))
        ids = [id for id in holders[rarest] if id not in chosen]
        chance.shuffle(ids)
        for id in ids:
            needs = {part: (wanted[rarest, part], room[part]) for part in shares}
            best = max(needs.values())
            part = chance.choice([name for name, need in needs.items() if need == best])
            chosen[id] = part
            room[part] -= 1
            for name in labels[id] or ("",):
                wanted[name, part] -= 1
                left[name] -= 1
        left = +left
        left.pop(rarest, None)
    return chosen


def parts(annotations: Iterable[Annotation], ids: frozenset[str]) -> Iterator[Annotation]:
    """Those annotations whose documents belong to one set, each document once."""
    seen: set[str] = set()
    for annotation in annotations:
        id = annotation.document.id
        if id in ids and id not in seen:
            seen.add(id)
            yield annotation


def write(
    format: Format, annotations: Callable[[], Iterable[Annotation]], chosen: Split, folder: Path, stem: str = ""
) -> dict[str, int]:
    """One file for each set that has documents; their numbers by set. `annotations` is called once for each."""
    if format.write is None:
        raise InputError(expected="a format that can be written", found=format.name, change="Choose another format.")
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for name in NAMES:
        if ids := chosen.of(name):
            path = folder / f"{stem}{name}{format.suffix}"
            counts[name] = format.write(parts(annotations(), ids), path)
    return counts
