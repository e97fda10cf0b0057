from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.splits import NAMES, Split, split
from relex_core.errors import InputError
from relex_core.types import Annotation, Document, Entity, Schema

SCHEMA = Schema.of(["common", "rare", "seldom"])
DEV = ["d00002", "d00011", "d00014", "d00022", "d00032", "d00047", "d00064", "d00073", "d00079", "d00095"]
TEST = ["d00016", "d00027", "d00041", "d00065", "d00069", "d00072", "d00084", "d00086", "d00091", "d00098"]


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
    with split(documents, dev=0.1, test=0.2, seed=3) as chosen:
        assert chosen.sizes["train"] == pytest.approx(700, abs=2)
        assert chosen.sizes["dev"] == pytest.approx(100, abs=2)
        for label, total in (("common", 500), ("rare", 20), ("seldom", 11)):
            holders = [a.document.id for a in documents if any(e.label == label for e in a.entities)]
            counts = Counter(chosen.set_of(id) for id in holders)
            assert counts["dev"] == pytest.approx(total * 0.1, abs=1)
            assert counts["test"] == pytest.approx(total * 0.2, abs=1)


@given(st.randoms(use_true_random=False), st.integers(0, 5))
@settings(deadline=None)
def test_order_does_not_matter_and_the_seed_does(chance: random.Random, seed: int) -> None:
    documents = corpus(120)
    shuffled = list(documents)
    chance.shuffle(shuffled)
    assert sets(documents, seed) == sets(shuffled, seed)
    assert sets(documents, seed)["dev"] != sets(documents, seed + 1)["dev"]


def sets(documents: list[Annotation], seed: int) -> dict[str, list[str]]:
    with split(documents, seed=seed) as chosen:
        return members(chosen, documents)


def members(chosen: Split, documents: list[Annotation]) -> dict[str, list[str]]:
    """The ids of each set, in order."""
    ids = sorted(a.document.id for a in documents)
    return {name: [id for id in ids if chosen.set_of(id) == name] for name in NAMES}


def test_a_seed_gives_the_sets_that_it_has_always_given() -> None:
    """Whoever trained on a split finds it again."""
    found = sets([*corpus(100), annotated(200, "rare", text="document number 7")], 5)
    assert (found["dev"], found["test"]) == (DEV, TEST)


@given(st.lists(st.sampled_from(["Ada left", "ada  LEFT\n", "Bob", "Ａda left", "C", "D", "E"]), max_size=12))
def test_no_text_is_in_two_sets_and_every_document_is_accounted_for(texts: list[str]) -> None:
    documents = [annotated(n, text=text) for n, text in enumerate(texts)]
    with split(documents, dev=0.3, test=0.3) as chosen:
        found = members(chosen, documents)
        ids = [id for name in NAMES for id in found[name]]
        left_out = [id for id, _ in chosen.left_out()]
        assert [chosen.set_of(id) for id in left_out] == [None] * chosen.duplicates
        assert {name: len(found[name]) for name in NAMES} == chosen.sizes
    assert sorted([*ids, *left_out]) == [a.document.id for a in documents]
    assert len(ids) == len({" ".join(t.replace("Ａ", "A").casefold().split()) for t in texts})


def test_shares_must_leave_something_to_train_on() -> None:
    for shares in ({"dev": 0.5, "test": 0.5}, {"dev": -0.1}, {"test": 1.0}):
        with pytest.raises(InputError, match=r"less than 1|from 0"), split([], **shares):
            pass


def test_of_equal_texts_the_first_id_is_kept() -> None:
    with split([annotated(99, text="document number 7"), *corpus(50)], dev=0.2, test=0.2) as chosen:
        assert chosen.sizes == {"train": 30, "dev": 10, "test": 10}
        assert list(chosen.left_out()) == [("d00099", "d00007")]
