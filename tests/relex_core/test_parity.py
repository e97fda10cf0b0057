"""The same checkpoint through `gliner` and through this package: same set, same order, scores within 1e-5."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relex_core.compat import GLiNER
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


def thresholds(form: str, ours: GLiNER, labels: Any = peer.LABELS, relations: Any = peer.RELATIONS) -> dict[str, float]:
    """Thresholds that let through some ten entities a text and at least 20 relations, not close to any score.

    They are looked for with this package's scores, as the reference takes seconds to decode so many candidates; that
    both agree on the scores is what the tests are about.
    """
    every = scores_of_spans(ours, labels)
    for count in (45, 90, 180, 360):
        given = {"threshold": between(every, count), "adjacency_threshold": 0.05 if "attention" in form else 0.3}
        _, found = ours.inference(list(peer.TEXTS), labels, relations, **given, relation_threshold=0.0)
        if sum(map(len, found)) > 60:
            break
    return {**given, "relation_threshold": between([r["score"] for one in found for r in one], 40)}


def scores_of_spans(ours: GLiNER, labels: Any) -> list[float]:
    """All candidates' scores, undecoded; `labels` are those of all texts, or one list for each."""
    from relex_core.types import Thresholds

    floor = Thresholds(0.0, 1.0)
    own = [labels] * len(peer.TEXTS) if isinstance(labels[0], str) else labels
    jobs = [(Document.from_text(t), Schema.of(k), floor) for t, k in zip(peer.TEXTS, own, strict=True) if t.strip()]
    return [e.score or 0.0 for found in ours.extractor.extract_batch(jobs) for e in found.entities]


def between(scores: list[float], count: int) -> float:
    """A threshold that about `count` scores are above, in the middle of the widest gap near there."""
    ordered = sorted(scores, reverse=True)
    assert len(ordered) > 25, "the fixture is too small to test anything"
    first = min(count, len(ordered) - 4)
    gaps = [(ordered[i] - ordered[i + 1], i) for i in range(max(21, first - 5), min(first + 5, len(ordered) - 1))]
    size, at = max(gaps)
    assert size > 1e-6
    return (ordered[at] + ordered[at + 1]) / 2


def tidy(relations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what the reference's token-level form adds for a span of two labels: repeats, relations with itself."""
    first: dict[tuple[int, int, str], dict[str, Any]] = {}
    for relation in relations:
        head, tail = relation["head"]["entity_idx"], relation["tail"]["entity_idx"]
        if head != tail:
            first.setdefault((head, tail, relation["relation"]), relation)
    return sorted(
        first.values(),
        key=lambda r: (
            r["head"]["start"],
            r["head"]["end"],
            r["tail"]["start"],
            r["tail"]["end"],
            peer.RELATIONS.index(r["relation"]),
        ),
    )


@pytest.mark.parametrize("form", sorted(peer.FORMS))
def test_every_form(form: str, both: Callable[[str], Pair]) -> None:
    reference, ours = both(form)
    given = thresholds(form, ours)
    arguments = (list(peer.TEXTS), peer.LABELS, peer.RELATIONS)
    # the reference fails on a batch without any candidate if it has to attend over candidates
    last = {} if "attention" in form or "gat" in form else {"batch_size": 1}
    # seconds for each batch with this form's many candidates, padded to those of the text with most
    few = last if "token" in form else {}
    every: list[dict[str, Any]] = [{}, {"flat_ner": False, **few}, {"multi_label": True, **few}, last]
    # how entities are decoded has nothing to do with the scorer, and some of these are slow
    for settings in every[:1] if form.startswith(("triples", "mixed")) else every:
        theirs = reference.inference(*arguments, **given, **settings)
        if "token" in form:
            theirs = theirs[0], [tidy(one) for one in theirs[1]]
        relations = compare(theirs, ours.inference(*arguments, **given, **settings))
        assert relations >= 20


RAGGED_LABELS = [["person"], ["organization", "person", "city"], *[["person", "animal"]] * 4]
RAGGED_RELATIONS = [["works for"], ["founded by", "located in"], *[["works for", "knows"]] * 4]


@pytest.mark.parametrize("form", ["bert", "deberta-lstm-projection", "triples-ComplEx"])
def test_different_label_sets_in_one_batch(form: str, both: Callable[[str], Pair]) -> None:
    reference, ours = both(form)
    given = thresholds(form, ours, RAGGED_LABELS, RAGGED_RELATIONS)
    arguments = (list(peer.TEXTS), RAGGED_LABELS, RAGGED_RELATIONS)
    assert compare(reference.inference(*arguments, **given), ours.inference(*arguments, **given)) > 20


def test_descriptions_class_probabilities_and_given_spans(both: Callable[[str], Pair]) -> None:
    reference, ours = both("bert")
    given = thresholds("bert", ours)
    described = {"person": "a human being", "organization": "a firm, an agency or a club"}
    for settings in ({"return_class_probs": True}, {"return_relations": False}):
        theirs = reference.inference(list(peer.TEXTS), described, peer.RELATIONS, **given, **settings)
        own = ours.inference(list(peer.TEXTS), described, peer.RELATIONS, **given, **settings)
        if not settings.get("return_relations", True):
            theirs, own = (theirs, [[]]), (own, [[]])
        compare(theirs, own)
        for one, other in zip(theirs[0], own[0], strict=True):
            for a, b in zip(one, other, strict=True):
                assert list(a.get("class_probs", ())) == list(b.get("class_probs", ()))
    spans = [[{"start": e["start"], "end": e["end"]} for e in one[::2]] for one in own[0]]
    arguments = (list(peer.TEXTS), described, peer.RELATIONS)
    assert compare(
        reference.inference(*arguments, **given, input_spans=spans),
        ours.inference(*arguments, **given, input_spans=spans),
    )


def test_single_text_helpers(both: Callable[[str], Pair]) -> None:
    reference, ours = both("bert")
    given = thresholds("bert", ours)
    arguments = (peer.TEXTS[0], peer.LABELS, peer.RELATIONS)
    one, other = reference.predict_relations(*arguments, **given), ours.predict_relations(*arguments, **given)
    assert compare(([one[0]], [one[1]]), ([other[0]], [other[1]]))
    given.pop("relation_threshold")
    assert [e["text"] for e in reference.predict_entities(*arguments, **given)] == [
        e["text"] for e in ours.predict_entities(*arguments, **given)
    ]


def test_arguments_by_position_and_of_other_kinds(both: Callable[[str], Pair]) -> None:
    reference, ours = both("bert")
    given = thresholds("bert", ours)
    limits = given["threshold"], given["adjacency_threshold"], given["relation_threshold"]
    arguments = (peer.TEXTS[0], peer.LABELS, peer.RELATIONS)
    one = reference.predict_relations(*arguments, False, *limits, True)
    other = ours.predict_relations(*arguments, False, *limits, True)
    assert compare(([one[0]], [one[1]]), ([other[0]], [other[1]]))
    left = reference.predict_entities(*arguments, False, limits[0], limits[1], True, True)
    right = ours.predict_entities(*arguments, False, limits[0], limits[1], True, True)
    compare(([left], []), ([right], []))
    assert left
    for labels, relations in (
        ((label for label in peer.LABELS), tuple(peer.RELATIONS)),
        (dict.fromkeys(peer.LABELS).keys(), None),
        ([], peer.RELATIONS),
        ([[], *[peer.LABELS] * 5], peer.RELATIONS),
    ):
        kept = list(labels) if not isinstance(labels, list) else labels
        theirs = reference.inference(list(peer.TEXTS), kept, relations, False, *(np.float32(x) for x in limits))
        compare(theirs, ours.inference(list(peer.TEXTS), iter(kept), relations, False, *map(np.float32, limits)))
    both_ways = [True, False, True, False, True, False]
    theirs = reference.inference(list(peer.TEXTS), peer.LABELS, peer.RELATIONS, **given, flat_ner=False)
    own = ours.inference(list(peer.TEXTS), peer.LABELS, peer.RELATIONS, **given, flat_ner=both_ways)
    flat = ours.inference(list(peer.TEXTS), peer.LABELS, peer.RELATIONS, **given)
    assert [own[0][i] == flat[0][i] for i in (0, 2, 4)] == [True] * 3
    assert [list(map(_without, own[0][i])) == list(map(_without, theirs[0][i])) for i in (1, 3, 5)] == [True] * 3
    assert own[0] != flat[0]


def test_overrides_when_loading(both: Callable[[str], Pair]) -> None:
    from gliner import GLiNER as Reference

    _, ours = both("bert")
    path = str(ours.extractor.loaded.path)
    left = Reference.from_pretrained(path, max_width=2, max_length=10, dtype="float32")
    left.eval()
    right = GLiNER.from_pretrained(path, max_width=2, max_length=10, dtype="float32", strict=True)
    text = " ".join(peer.TEXTS[2].split()[:7])  # of fewer words than both read at once
    settings = {"threshold": 0.0, "relation_threshold": 1.0, "flat_ner": False}
    compare(left.inference([text], peer.LABELS, **settings), right.inference([text], peer.LABELS, **settings))
    assert right.extractor.loaded.config.max_len == 10
    assert str(right.device) == str(left.device)


@pytest.mark.parametrize("form", ["bert-lstm-projection", "bert-token", "deberta", "adjacency-gat", "triples-ConvKB"])
def test_saved_checkpoint_is_read_by_the_reference(form: str, both: Callable[[str], Pair], tmp_path: Path) -> None:
    from gliner import GLiNER as Reference

    reference, ours = both(form)
    given = thresholds(form, ours)
    ours.save_pretrained(tmp_path)
    again = Reference.from_pretrained(str(tmp_path))
    again.eval()
    arguments = (list(peer.TEXTS), peer.LABELS, peer.RELATIONS)
    compare(reference.inference(*arguments, **given), again.inference(*arguments, **given))


def test_selecting_from_an_extraction_at_its_floor_gives_the_reference(both: Callable[[str], Pair]) -> None:
    reference, ours = both("bert")
    given = thresholds("bert", ours)
    limits = Thresholds(given["threshold"], given["relation_threshold"])
    texts = [text for text in peer.TEXTS if text.strip()]
    theirs = reference.inference(texts, peer.LABELS, peer.RELATIONS, **given)
    schema = Schema.of(peer.LABELS, peer.RELATIONS)
    for text, entities, relations in zip(texts, *theirs, strict=True):
        shown = select(ours.extractor.extract(Document.from_text(text), schema, limits), limits)
        assert [(e.start, e.end, e.label) for e in shown.entities] == [
            (e["start"], e["end"], e["label"]) for e in entities
        ]
        ids = {(e.start, e.end): e.id for e in shown.entities}
        assert [r.key for r in shown.relations] == [
            (ids[r["head"]["start"], r["head"]["end"]], ids[r["tail"]["start"], r["tail"]["end"]], r["relation"])
            for r in relations
        ]
        assert [r.score for r in shown.relations] == pytest.approx([r["score"] for r in relations], abs=1e-5)


def prose() -> list[str]:
    """Fifty documents written for people that are part of this repository: the sample project, then paragraphs."""
    from pages.shared.sample_set import TEXTS

    root = Path(__file__).parents[2]
    files = ("relex_core/checkpoints/mini/README.md", "README.md", "LICENSE")
    paragraphs = [one for name in files for one in (root / name).read_text("utf-8").split("\n\n")]
    found = [*TEXTS, *(one for one in paragraphs if 100 < len(one) < 900)][:50]
    assert len(found) == 50
    return sorted(found, key=len)  # the reference pads each batch to its longest text


def news(count: int) -> list[str]:
    """News texts from the data folder beside the project."""
    import json

    file = Path(__file__).parents[3] / "shared" / "data" / "dev" / "conll04_dev.jsonl"
    if not file.is_file():
        pytest.skip("the data folder is not there")
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line, _ in zip(lines, range(count), strict=False)]


MINI_LABELS = ["person", "organization", "location", "event", "date"]
MINI_RELATIONS = ["works for", "located in", "lives in", "based in", "killed", "born in"]


@pytest.fixture(scope="module")
def mini_both() -> Pair:
    from gliner import GLiNER as Reference

    from relex_core.locating import EMBEDDED

    reference = Reference.from_pretrained(str(EMBEDDED / "mini"))
    reference.eval()
    return reference, GLiNER.from_pretrained("mini")


def test_mini_reads_fifty_documents_of_this_repository_as_the_reference_does(mini_both: Pair) -> None:
    same_for_fifty(mini_both, prose(), least=20)


@pytest.mark.shared
def test_mini_reads_fifty_news_texts_as_the_reference_does(mini_both: Pair) -> None:
    same_for_fifty(mini_both, news(50), least=50)


def same_for_fifty(pair: Pair, texts: list[str], least: int) -> None:
    reference, ours = pair
    low = {"flat_ner": False, "threshold": 0.1, "relation_threshold": 0.05}
    # so many pairs of candidates take the reference seconds a text: of these fewer
    for some, settings in ((texts, {"threshold": 0.3, "relation_threshold": 0.5}), (texts[::4], low)):
        theirs = reference.inference(some, MINI_LABELS, MINI_RELATIONS, **settings)
        found = compare(theirs, ours.inference(some, MINI_LABELS, MINI_RELATIONS, **settings))
        assert found >= least
