"""One test for each deliberate difference from the reference."""

from __future__ import annotations

import unicodedata
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from relex_core.checkpoint import load
from relex_core.compat import GLiNER
from relex_core.config import TRIPLE_SCORERS
from relex_core.differences import DIFFERENCES
from relex_core.errors import CheckpointError, InputError
from relex_core.examples import Example
from relex_core.loss_weights import LossWeights
from relex_core.losses import focal, objective
from relex_core.prompt import Pieces
from relex_core.targets import assemble
from relex_core.triples import TripleScorer
from relex_core.types import Document, Schema, Thresholds
from relex_core.windows import part
from tests.relex_core.test_training import AS_IT_IS, asked
from tests.relex_core.tiny import checkpoint

LABELS = ["person", "organization", "location"]


@pytest.fixture(scope="module")
def model() -> GLiNER:
    return GLiNER.from_pretrained("mini")


@pytest.fixture
def built(tmp_path: Path) -> Any:
    return lambda **changes: GLiNER.from_pretrained(checkpoint(tmp_path / "one", **changes))


def test_long_text_is_read(model: GLiNER) -> None:
    text = "Nobody spoke about it on that day. " * 100 + "Marie Curie was born in Warsaw."
    with pytest.warns(UserWarning, match="read in overlapping parts"):
        entities, relations = model.predict_relations(text, LABELS, ["born in"], threshold=0.3)
    assert "Marie Curie" in {e["text"] for e in entities}
    assert ("Marie Curie", "Warsaw") in {(r["head"]["text"], r["tail"]["text"]) for r in relations}
    assert all(entities[r["head"]["entity_idx"]]["text"] == r["head"]["text"] for r in relations)


def test_many_labels_are_read(model: GLiNER) -> None:
    labels = [*(f"kind {i}" for i in range(200)), *LABELS]
    entities, _ = model.predict_relations("Marie Curie was born in Warsaw.", labels, ["born in"], threshold=0.3)
    assert {("Marie Curie", "person"), ("Warsaw", "location")} == {(e["text"], e["label"]) for e in entities}


def test_word_without_pieces(model: GLiNER) -> None:
    entities = model.predict_entities("\u200b Marie Curie was born in Warsaw.", LABELS, threshold=0.3)
    assert [(e["text"], e["label"]) for e in entities] == [("Marie Curie", "person"), ("Warsaw", "location")]


def test_label_sets_do_not_leak(built: Any) -> None:
    gat = built(relations_layer="gat")
    texts, labels = ["Ada met Bo in Oslo.", "Cy lives in Rome."], [["a"], ["a", "b", "c"]]
    settings = {"threshold": 0.3, "relation_threshold": 0.0, "adjacency_threshold": 0.0}
    together = gat.inference(texts, labels, ["met"], **settings)
    alone = gat.inference(texts[:1], labels[:1], ["met"], **settings)
    assert [r["score"] for r in together[1][0]] == pytest.approx([r["score"] for r in alone[1][0]], abs=1e-5)
    assert len(alone[1][0]) > 3


def test_threshold_for_each_text(model: GLiNER) -> None:
    texts = ["Marie Curie was born in Warsaw."] * 2
    entities, relations = model.inference(
        texts, LABELS, ["born in"], threshold=[0.3, 1.0], relation_threshold=[0.5, 0.5]
    )
    assert (len(entities[0]), len(relations[0])) == (2, 1)
    assert (entities[1], relations[1]) == ([], [])


def test_token_level_spans_once(built: Any) -> None:
    token = built(span_mode="token_level")
    _, relations = token.predict_relations(
        "Ada met Bo.", ["a", "b"], ["met"], threshold=0.2, relation_threshold=0.0, multi_label=True, flat_ner=False
    )
    keys = [(r["head"]["start"], r["head"]["end"], r["tail"]["start"], r["tail"]["end"]) for r in relations]
    assert len(keys) == len(set(keys)) > 0
    assert all(key[:2] != key[2:] for key in keys)


@pytest.mark.parametrize("layer", ["attention", "gat"])
def test_no_candidate_no_failure(built: Any, layer: str) -> None:
    model = built(relations_layer=layer)
    assert model.inference(["Ada met Bo."], ["a"], ["met"], threshold=0.9999) == ([[]], [[]])


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    weights = load_file(path / "model.safetensors")
    weights.pop("prompt_rep_layer.0.weight")
    save_file(weights, path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"prompt_rep_layer\.0\.weight"):
        load(path)


@pytest.mark.parametrize("name", TRIPLE_SCORERS)
@pytest.mark.parametrize("size", [7, 12])
def test_triples_at_every_size(name: str, size: int) -> None:
    torch.manual_seed(0)
    scorer = TripleScorer(name, size, 0.0).eval()
    entities, labels = torch.randn(2, 5, size) / 4, torch.randn(2, 3, size) / 4  # distances below 10
    pairs = torch.tensor([[0, 1], [1, 0], [4, 2]]).expand(2, -1, -1)
    together = scorer.score(entities, pairs, labels)
    assert together.shape == (2, 3, 3)
    one = scorer.score(entities[1:], pairs[1:, 2:], labels[1:, 1:2])
    assert torch.allclose(together[1, 2, 1], one[0, 0, 0], atol=1e-5)
    if name != "UM":
        assert not torch.allclose(together[..., 0], together[..., 1])


def test_tucker_is_tucker() -> None:
    torch.manual_seed(0)
    scorer = TripleScorer("TuckER", 6, 0.0).eval()
    h, r, t = torch.randn(3, 6)
    found = scorer.score(torch.stack((h, t))[None], torch.tensor([[[0, 1]]]), r[None, None])
    core = scorer.interaction.get_parameter("W")
    scale = 1 / (1 + 1e-5) ** 0.5  # both batch norms with their initial statistics
    assert found.item() == pytest.approx(torch.einsum("kij,k,i,j->", core, r, h * scale, t * scale).item(), rel=1e-4)


def test_relation_descriptions(model: GLiNER) -> None:
    text = "Marie Curie was born in Warsaw."
    plain = model.predict_relations(text, LABELS, ["born in"], threshold=0.3)[1]
    described = model.predict_relations(text, LABELS, {"P19": "born in"}, threshold=0.3)[1]
    assert [r["relation"] for r in described] == ["P19"]
    assert described[0]["score"] == plain[0]["score"]


def test_words_longer_than_the_window() -> None:
    assert part(Pieces(tuple(range(600)), (0, 600)), 0, 1, 400).starts == (0, 400)


def test_vectors_are_not_returned(model: GLiNER) -> None:
    for name in ("return_vectors", "return_label_vectors"):
        with pytest.raises(InputError, match="return_vectors"):
            model.inference(["Ada."], LABELS, [], **{name: True})
        assert model.inference(["Rain."], LABELS, [], **{name: False}) == ([[]], [[]])


@pytest.mark.parametrize("token", ["<<ENT>>", "<<REL>>", "<<SEP>>"])
def test_special_tokens_in_labels(model: GLiNER, token: str) -> None:
    text = "Ada Lovelace worked for Charles Babbage in London. Marie Curie was born in Warsaw."
    labels, relations = [f"a {token} b", "person", "location"], [f"c {token} d", "born in"]
    entities, found = model.predict_relations(text, labels, relations, threshold=0.3)
    assert {("Marie Curie", "person"), ("Ada Lovelace", "person")} <= {(e["text"], e["label"]) for e in entities}
    assert {r["relation"] for r in found if r["tail"]["text"] == "Warsaw"} == {"born in"}


CURIE = "Marie Curie was born in Warsaw."


def test_supplied_entities(model: GLiNER) -> None:
    person = {"start": 0, "end": 11, "label": "scientist"}
    spans = [{"start": 24, "end": 30, "label": "town"}, person, person, {**person, "label": "author"}]
    # neither threshold nor labels matter to what is given; overlapping, part of a word, twice the same span
    (entities,), (found,) = model.inference(
        CURIE, LABELS, ["born in"], threshold=1.0, relation_threshold=0.5, spans=[[*spans, {"start": 7, "end": 10}]]
    )
    assert [(e["text"], e["label"], e["score"]) for e in entities] == [
        ("Marie Curie", "author", None),
        ("Marie Curie", "scientist", None),
        ("uri", "", None),
        ("Warsaw", "town", None),
    ]
    related = [(r["head"]["entity_idx"], r["relation"], r["tail"]["entity_idx"]) for r in found]
    assert {(0, "born in", 3), (1, "born in", 3)} <= set(related)
    assert related == sorted(set(related))
    every = model.inference(CURIE, LABELS, ["born in"], relation_threshold=0.0, spans=[spans])[1][0]
    # two labels of one span are not related to each other
    assert {(r["head"]["text"], r["tail"]["text"]) for r in every} == {
        ("Marie Curie", "Warsaw"),
        ("Warsaw", "Marie Curie"),
    }
    ranked = sorted((r["score"] for r in every), reverse=True)
    with pytest.warns(UserWarning, match="1 texts have more than 2 relations .* the best 2 of each are kept"):
        best = model.inference(CURIE, LABELS, ["born in"], relation_threshold=0.0, spans=[spans], most=2)[1][0]
    assert sorted((r["score"] for r in best), reverse=True) == ranked[:2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for enough in (len(every), None):
            more = {"relation_threshold": 0.0, "spans": [spans], "most": enough}
            assert every == model.inference(CURIE, LABELS, ["born in"], **more)[1][0]
    for few in (0, 2.5, True):
        with pytest.raises(InputError, match="at least 1 relation, or None"):
            model.inference(CURIE, LABELS, ["born in"], spans=[spans], most=few)
    for wrong in ({"start": 24, "end": 99}, {"start": -3, "end": 5}, {"start": 5, "end": 6}, {"start": 3}, {}):
        with pytest.raises(InputError, match="hold a word of a text of 31 characters"):
            model.inference(CURIE, LABELS, ["born in"], spans=[[wrong]])
    for arguments in ({"spans": []}, {"spans": [{}]}, {"spans": [[]], "input_spans": [[]]}, {"input_spans": []}):
        with pytest.raises(InputError):
            model.inference(CURIE, LABELS, ["born in"], **arguments)
    assert model.inference(["", CURIE], [], ["born in"], spans=[[], []]) == ([[], []], [[], []])


def test_parts_are_said(model: GLiNER) -> None:
    long = CURIE + " Nobody spoke about it on that day." * 100
    with pytest.warns(UserWarning, match="1 of 2 texts are longer.*no part holds together are not scored"):
        model.inference([CURIE, long], LABELS, ["born in"], threshold=0.3)
    given = [{"start": 0, "end": 11}, {"start": 24, "end": 30}, {"start": len(long) - 4, "end": len(long) - 1}]
    with pytest.warns(UserWarning, match="not scored"):
        found = model.inference(long, LABELS, ["born in"], relation_threshold=0.0, spans=[given])[1][0]
    assert {(r["head"]["text"], r["tail"]["text"]) for r in found} == {
        ("Marie Curie", "Warsaw"),
        ("Warsaw", "Marie Curie"),
    }


def test_characters_stay_whole(model: GLiNER) -> None:
    text = unicodedata.normalize("NFD", "Lena worked for Café René.")
    (company,) = model.predict_entities(text, ["company"], threshold=0.3)
    assert text[company["start"] : company["end"]] == text[16:-2], "as the reference, which leaves the accent out"
    found = model.extractor.extract(Document.from_text(text), Schema.of(["company"]), Thresholds(0.3, 1.0))
    assert [e.text(found.document) for e in found.entities] == [text[16:-1]]


def test_addresses_stay_whole(model: GLiNER) -> None:
    text = "Ask bo.lindqvist@acme.co.uk or @lena."
    parts = {e["text"] for e in model.predict_entities(text, ["person"], threshold=0.01, flat_ner=False)}
    assert parts & {"bo", "lindqvist", "bo.lindqvist", "lena"}, "as the reference, which divides addresses"
    found = model.extractor.extract(Document.from_text(text), Schema.of(["person"]), Thresholds(0.01, 1.0))
    ends = {word: text.index(word) + len(word) for word in ("bo.lindqvist@acme.co.uk", "@lena")}
    inside = {at for word, end in ends.items() for at in range(text.index(word) + 1, end)}
    assert {e.text(found.document) for e in found.entities} & set(ends)
    assert not any({e.start, e.end} & inside for e in found.entities)


def test_layout_divides(model: GLiNER) -> None:
    text = "Ada Lovelace\tAnalytical Engines"
    labels = ["person", "organization"]
    kept = model.predict_entities(text, labels, threshold=0.1, flat_ner=False)
    spans = {(e["start"], e["end"]) for e in kept}
    assert any(start < 12 < end for start, end in spans), "as the reference, which reads one line of words"
    found = model.extractor.extract(Document.from_text(text), Schema.of(labels), Thresholds(0.1, 1.0)).entities
    assert {(0, 12), (13, 31)} <= {e.span for e in found}
    assert not any(e.start < 12 < e.end for e in found)


def test_unused_weights_are_refused(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    weights = load_file(path / "model.safetensors")
    layer = "token_rep_layer.bert_layer.model.encoder.layer.{}.output.dense.bias"
    weights["token_rep_layer.bert_layer.model.pooler.dense.bias"] = torch.zeros(32)
    save_file(weights, path / "model.safetensors")
    load(path)
    weights[layer.format(2)] = weights[layer.format(1)].clone()
    save_file(weights, path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"unused .*layer\.2\."):
        load(path)


def one_text(entities: list[tuple[int, int, str]], relations: list[tuple[int, int, str]]) -> Example:
    """An example of seven words that are one letter each."""
    return Example(tuple("abcdefg"), tuple(entities), tuple(relations), "x")


def test_pairs_keep_their_labels_in_training(tmp_path: Path) -> None:
    """The first span has two labels; the entity of the second is not asked for, as its label is left out."""
    entities = [(0, 1, "person"), (0, 1, "author"), (2, 2, "city"), (4, 4, "firm"), (6, 6, "person")]
    item = one_text(entities, [(4, 3, "works at"), (1, 3, "owns")])
    seen = replace(asked(item), entity_labels=("person",), entities=())
    related = {(seen.spans[seen.pairs[p][0]], seen.spans[seen.pairs[p][1]], m) for p, m in seen.positives}
    at = {label: m for m, label in enumerate(seen.relation_labels)}
    assert related == {((6, 6), (4, 4), at["works at"]), ((0, 1), (4, 4), at["owns"])}
    loaded = load(checkpoint(tmp_path / "tiny"), device="cpu")
    batch = assemble([seen], loaded.builder, loaded.config, None)
    cells = [tuple(batch.pairs_BP2[0, p].tolist()) for _, p, _ in batch.targets.relations_BPM.nonzero().tolist()]
    assert {tuple(tuple(batch.spans_BE2[0, e].tolist()) for e in pair) for pair in cells} == {
        ((6, 6), (4, 4)),
        ((0, 1), (4, 4)),
    }


def test_adjacency_learns_relations_only(tmp_path: Path) -> None:
    item = one_text([(0, 0, "a"), (2, 2, "b"), (4, 4, "c")], [(2, 0, "r")])
    seen = asked(item)
    loaded = load(checkpoint(tmp_path / "tiny"), device="cpu")
    targets = assemble([seen], loaded.builder, loaded.config, None).targets
    at = {span: i for i, span in enumerate(seen.spans)}
    assert targets.adjacency_BEE[0].nonzero().tolist() == [[at[4, 4], at[0, 0]]]
    assert int(targets.adjacency_known_BEE[0].sum()) == 6, "the other five pairs are known not to be"


def test_texts_without_relations_teach() -> None:
    none = one_text([(0, 0, "a"), (2, 2, "b")], [])
    some = one_text([(0, 0, "a"), (2, 2, "b")], [(0, 1, "r")])
    seen = asked(none, replace(AS_IT_IS, negatives=True), 0, some)
    assert seen.relation_labels
    assert not seen.positives
    assert len({(p, m) for p in range(len(seen.pairs)) for m in range(len(seen.relation_labels))} - seen.unknown) >= 2


def test_loss_is_computed_from_logits() -> None:
    logit = torch.tensor([-40.0], requires_grad=True)
    loss = focal(logit, torch.ones(1), -1.0, 2.0).sum()
    loss.backward()
    assert loss.item() == pytest.approx(40.0)
    assert logit.grad is not None
    assert logit.grad.item() == pytest.approx(-1.0)


def test_token_level_loss_is_masked(tmp_path: Path) -> None:
    short = one_text([(0, 0, "a"), (2, 2, "b")], [])
    loaded = load(checkpoint(tmp_path / "tiny", span_mode="token_level"), device="cpu")
    whole, part_of = asked(short), asked(replace(short, partial=True))
    longer = replace(whole, words=(*whole.words, "h", "i"))
    targets = assemble([longer, part_of], loaded.builder, loaded.config, None).targets
    assert targets.entities_known[0].all()
    known = targets.entities_known[1].any(dim=-1).any(dim=-1).tolist()
    assert known == [True, False, True, *[False] * 6]
    logits = torch.full_like(targets.entities, 3.0, requires_grad=True)
    relations = torch.zeros_like(targets.relations_BPM)
    objective(logits, None, relations, targets, LossWeights()).total.backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad != 0, targets.entities_known)


def test_every_difference_has_a_test() -> None:
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert set(DIFFERENCES) == tests - {"every_difference_has_a_test"}
