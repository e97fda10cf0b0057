"""One test for each deliberate difference from the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from relex_core.checkpoint import load
from relex_core.compat import GLiNER
from relex_core.config import TRIPLE_SCORERS
from relex_core.differences import DIFFERENCES
from relex_core.errors import CheckpointError
from relex_core.prompt import Pieces
from relex_core.triples import TripleScorer
from relex_core.windows import part
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
    with pytest.raises(TypeError, match="return_vectors"):
        model.inference(["Ada."], LABELS, [], return_vectors=True)


def test_every_difference_has_a_test() -> None:
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert set(DIFFERENCES) == tests - {"every_difference_has_a_test"}
