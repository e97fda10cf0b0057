from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.formats import FORMATS
from db.splits import parts, split, write
from relex_core.errors import InputError
from relex_core.types import Annotation, Document, Entity, Schema

SCHEMA = Schema.of(["common", "rare", "seldom"])


def annotated(n: int, *labels: str, text: str = "") -> Annotation:
    text = text or f"document number {n}"
    entities = tuple(Entity(str(k), k, k + 1, label) for k, label in enumerate(labels))
    return Annotation(Document(f"d{n:05}", text), SCHEMA, entities)


def corpus(count: int = 1000) -> list[Annotation]:
    return [
        annotated(
            n, *(["common"] if n % 2 else []), *(["rare"] if n % 50 == 0 else []), *(["seldom"] if n % 97 == 0 else [])
        )
        for n in range(count)
    ]


def test_every_label_is_spread_in_proportion() -> None:
    documents = corpus()
    chosen = split(documents, dev=0.1, test=0.2, seed=3)
    assert len(chosen.train) == pytest.approx(700, abs=2)
    assert len(chosen.dev) == pytest.approx(100, abs=2)
    for label, total in (("common", 500), ("rare", 20), ("seldom", 11)):
        counts = Counter(
            name
            for name in ("train", "dev", "test")
            for a in parts(documents, chosen.of(name))
            if any(e.label == label for e in a.entities)
        )
        assert counts["dev"] == pytest.approx(total * 0.1, abs=1)
        assert counts["test"] == pytest.approx(total * 0.2, abs=1)


@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_order_does_not_matter_and_the_seed_does(chance: random.Random, seed: int) -> None:
    documents = corpus(120)
    shuffled = list(documents)
    chance.shuffle(shuffled)
    assert split(documents, seed=seed) == split(shuffled, seed=seed)
    assert split(documents, seed=seed).dev != split(documents, seed=seed + 1).dev


@given(st.lists(st.sampled_from(["Ada left", "ada  LEFT\n", "Bob", "Ａda left", "C", "D", "E"]), max_size=12))
def test_no_text_is_in_two_sets_and_every_document_is_accounted_for(texts: list[str]) -> None:
    documents = [annotated(n, text=text) for n, text in enumerate(texts)]
    chosen = split(documents, dev=0.3, test=0.3)
    ids = [*chosen.train, *chosen.dev, *chosen.test, *(id for id, _ in chosen.duplicates)]
    assert sorted(ids) == [a.document.id for a in documents]
    kept = len(chosen.train) + len(chosen.dev) + len(chosen.test)
    assert kept == len({" ".join(t.replace("Ａ", "A").casefold().split()) for t in texts})


def test_shares_must_leave_something_to_train_on() -> None:
    for shares in ({"dev": 0.5, "test": 0.5}, {"dev": -0.1}, {"test": 1.0}):
        with pytest.raises(InputError, match=r"less than 1|from 0"):
            split([], **shares)


def test_files_of_a_split_hold_each_document_once(tmp_path: Path) -> None:
    documents = [*corpus(50), annotated(99, text="document number 7")]
    chosen = split(documents, dev=0.2, test=0.2)
    counts = write(FORMATS["doccano"], lambda: documents, chosen, tmp_path / "out")
    assert counts == {"train": 30, "dev": 10, "test": 10}
    assert chosen.duplicates == (("d00099", "d00007"),)
    texts = [line for path in (tmp_path / "out").iterdir() for line in path.read_text("utf-8").splitlines()]
    assert len(texts) == len(set(texts)) == 50
