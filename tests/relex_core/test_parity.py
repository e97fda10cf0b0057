"""The same checkpoint through `gliner` and through this package: same set, same order, scores within 1e-5."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from relex_core.compat import GLiNER
from relex_core.inference import Extractor
from relex_core.selection import select
from relex_core.types import Document, Schema, Thresholds
from tests.relex_core import peer

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("gliner")
Pair = tuple[Any, GLiNER]


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pair]:
    """The reference and this package, each with the checkpoint of a form."""
    from gliner import GLiNER as Reference

    made: dict[str, Pair] = {}

    def get(form: str) -> Pair:
        if form not in made:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                path = peer.write(form, tmp_path_factory.mktemp(form))
                reference = Reference.from_pretrained(str(path), map_location="cpu")
                reference.eval()
            made.clear()  # one at a time: a few are large
            made[form] = reference, GLiNER.from_pretrained(path)
        return made[form]

    return get


def compare(theirs: Any, ours: Any, tolerance: float = 1e-5) -> int:
    """Assert that both outputs are the same; the number of relations."""
    for name, left, right in (("entity", theirs[0], ours[0]), ("relation", theirs[1], ours[1])):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert [_without(item) for item in one] == [_without(item) for item in other], name
            for a, b in zip(one, other, strict=True):
                assert abs(a["score"] - b["score"]) < tolerance, name
                assert set(a) == set(b)
    return sum(map(len, ours[1]))


def _without(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in ("score", "class_probs")}


def thresholds(form: str, reference: Any, ours: GLiNER) -> dict[str, float]:
    """Thresholds that let through some ten entities a text and at least 20 relations, not close to any score."""
    entity = between(scores_of_spans(ours), 45)
    given = {"threshold": entity, "adjacency_threshold": 0.05 if "attention" in form else 0.3}
    _, found = reference.inference(list(peer.TEXTS), peer.LABELS, peer.RELATIONS, **given, relation_threshold=0.0)
    relation = between([r["score"] for one in found for r in one], 40)
    return {**given, "relation_threshold": relation}


def scores_of_spans(ours: GLiNER) -> list[float]:
    """All candidates' scores, undecoded."""
    from relex_core.types import Thresholds

    every = Schema.of(peer.LABELS)
    floor = Thresholds(0.0, 1.0)
    documents = [Document.from_text(text) for text in peer.TEXTS if text.strip()]
    return [e.score or 0.0 for d in documents for e in ours.extractor.extract(d, every, floor).entities]


def between(scores: list[float], count: int) -> float:
    """A threshold that about `count` scores are above, in the middle of the widest gap near there."""
    ordered = sorted(scores, reverse=True)
    assert len(ordered) > 25, "the fixture is too small to test anything"
    first = min(count, len(ordered) - 4)
    gaps = [(ordered[i] - ordered[i + 1], i) for i in range(max(21, first - 5), min(first + 5, len(ordered) - 1))]
    size, at = max(gaps)
    assert size > 1e-6
    return (ordered[at] + ordered[at + 1]) / 2


@pytest.mark.parametrize("form", sorted(peer.FORMS))
def test_every_form(form: str, both: Callable[[str], Pair]) -> None:
    reference, ours = both(form)
    given = thresholds(form, reference, ours)
    arguments = (list(peer.TEXTS), peer.LABELS, peer.RELATIONS)
    for settings in ({}, {"flat_ner": False}, {"multi_label": True}, {"batch_size": 1}):
        relations = compare(
            reference.inference(*arguments, **given, **settings), ours.inference(*arguments, **given, **settings)
        )
        assert relations >= (20 if not settings else 1)
