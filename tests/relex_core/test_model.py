from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from relex_core import deberta
from relex_core.batching import collate
from relex_core.config import ModelConfig
from relex_core.deberta import diagonals
from relex_core.encoder import pool_words
from relex_core.locating import EMBEDDED
from relex_core.model import RelexModel
from relex_core.pairs import DECODERS, all_pairs
from relex_core.prompt import load_tokenizer
from tests.relex_core.peer import DEBERTA, PLAIN

TEXTS = (["Ada", "met", "Bo", "in", "Oslo"], ["Rain"])


def build(**changes: Any) -> tuple[RelexModel, Any]:
    config = ModelConfig.from_json({**json.loads(json.dumps(PLAIN)), **changes})
    torch.manual_seed(0)
    return RelexModel(config), load_tokenizer(EMBEDDED / "mini", config)


def forward(model: RelexModel, builder: Any) -> Any:
    prompts = builder.prompt(["person", "city"], ["met"]), builder.prompt(["person"], ["met", "born in"])
    batch = collate(list(zip(prompts, builder.pieces(TEXTS), strict=True)), builder)
    spans = torch.tensor([[[0, 0], [2, 2], [4, 4]], [[0, 0], [0, 0], [0, 0]]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    pairs, _ = all_pairs(mask)
    return batch, model(batch, spans, mask, pairs)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"relations_layer": "gcn", "num_rnn_layers": 1},
        {"encoder_config": DEBERTA, "hidden_size": 24},
        {"triples_layer": "HolE"},
    ],
)
def test_shapes_and_gradients(changes: dict[str, Any]) -> None:
    model, builder = build(**changes)
    batch, out = forward(model, builder)
    assert batch.words == 5
    assert out.entities.shape == (2, 5, 4, 2)
    assert out.relations_BPM.shape == (2, 6, 2)
    assert (out.adjacency_BEE is None) == ("relations_layer" not in changes)
    # a span that ends behind its text can never be an entity
    assert (torch.sigmoid(out.entities[1, 0, 1:]) == 0).all()
    assert (torch.sigmoid(out.entities[0, 4, 1:]) == 0).all()
    parts = [out.entities[out.entities > -1000].sum(), out.relations_BPM.sum()]
    if out.adjacency_BEE is not None:
        parts.append(out.adjacency_BEE.sum())
    sum(parts).backward()
    without = {name for name, p in model.named_parameters() if p.grad is None}
    assert not without


def test_token_level_shapes() -> None:
    model, builder = build(span_mode="token_level")
    _, out = forward(model, builder)
    assert out.entities.shape == (2, 5, 2, 3)


def test_the_prompt_is_the_papers() -> None:
    _, builder = build()
    prompt = builder.prompt(["person", "city"], ["met"])
    tokens = [builder.tokenizer.id_to_token(i) for i in prompt.ids]
    assert tokens == ["[CLS]", "<<ENT>>", "person", "<<ENT>>", "city", "<<SEP>>", "<<REL>>", "met", "<<SEP>>"]
    assert (prompt.entities, prompt.relations) == ((1, 3), (6,))


def test_special_tokens_in_a_text_are_no_labels() -> None:
    from relex_core.words import Words

    _, builder = build()
    pieces = builder.pieces([Words.of("<<ENT>> Ada").words])[0]
    assert builder.ent not in pieces.ids


def test_pooling_by_hand() -> None:
    pieces = torch.tensor([[[9.0], [1.0], [3.0], [5.0], [7.0]]])
    words = torch.tensor([[0, 1, 1, 3, 0]])
    expected = {"first": [1, 0, 5], "last": [3, 0, 5], "mean": [2, 0, 5], "max": [3, 0, 5]}
    for name, values in expected.items():
        assert pool_words(pieces, words, 3, name).flatten().tolist() == values


def test_diagonals_by_hand() -> None:
    scores = torch.arange(15.0).view(1, 1, 3, 5)
    found = diagonals(scores)[0, 0]
    assert all(found[i, j] == scores[0, 0, i, j - i + 2] for i in range(3) for j in range(3))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize(("rows", "most"), [(50, 3 * 130 * 130), (128, 3 * 130 * 130), (16, 40 * 130)])
def test_attention_in_blocks_is_that_of_transformers(rows: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several blocks of rows, three of four heads at a time or part of one, padding, distances beyond the furthest
    bucket."""
    from transformers import DebertaV2Config, DebertaV2Model

    monkeypatch.setattr(deberta, "ROWS", rows)
    monkeypatch.setattr(deberta, "BLOCK", 2 * most)
    torch.manual_seed(0)
    settings = {key: value for key, value in DEBERTA.items() if key != "model_type"}
    reference, own = DebertaV2Model(DebertaV2Config(**settings)).eval(), deberta.DebertaEncoder(DEBERTA).eval()
    # drawn too small to attend to anything
    large = {k: v * (10 if "encoder.layer" in k and v.dim() > 1 else 1) for k, v in reference.state_dict().items()}
    reference.load_state_dict(large)
    own.load_state_dict({key: large[key] for key in own.state_dict()})
    ids, mask = torch.randint(1, 30000, (2, 130)), torch.ones(2, 130, dtype=torch.bool)
    mask[1, 90:] = False
    with torch.inference_mode():
        theirs = reference(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        found = own(ids, mask)
        alone = own(ids[1:, :90], mask[1:, :90])
    assert torch.allclose(found[mask], theirs[mask], atol=1e-5)
    assert torch.allclose(found[1, :90], alone[0], atol=1e-5)


@pytest.mark.parametrize("name", sorted(set(DECODERS) - {"attn"}))
def test_padding_does_not_change_adjacency(name: str) -> None:
    torch.manual_seed(0)
    decoder = DECODERS[name](16).eval()
    x = torch.randn(1, 5, 16)
    mask = torch.tensor([[True, True, True, False, False]])
    padded, alone = decoder(x, mask)[:, :3, :3], decoder(x[:, :3], mask[:, :3])
    assert torch.allclose(padded, alone, atol=1e-5)
    directed = not torch.allclose(alone, alone.mT, atol=1e-4)
    assert directed == (name in ("mlp", "attention"))


def test_cached_positions_are_forgotten_when_weights_may_change() -> None:
    model, builder = build(encoder_config=DEBERTA)
    model.eval()
    with torch.no_grad():
        before = forward(model, builder)[1].relations_BPM
        model.train().eval()
        for parameter in model.encoder.parameters():
            parameter.mul_(1.5)
        after = forward(model, builder)[1].relations_BPM
        model.train().eval()
        again = forward(model, builder)[1].relations_BPM
    assert not torch.allclose(before, after)
    assert torch.equal(after, again)


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_a_text_without_entities_spoils_no_batch(name: str) -> None:
    torch.manual_seed(0)
    decoder = DECODERS[name](16)
    entities = torch.randn(2, 3, 16, requires_grad=True)
    mask = torch.tensor([[True, True, True], [False, False, False]])
    logits = decoder(entities, mask)
    assert torch.isfinite(logits).all()
    logits[0].sum().backward()
    assert torch.isfinite(entities.grad).all()
    alone = decoder(entities[:1], mask[:1])
    assert torch.allclose(logits[:1], alone, atol=1e-6)


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_an_entity_that_stands_alone_has_a_finite_logit_in_bf16(name: str) -> None:
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        logits = DECODERS[name](16)(torch.randn(1, 2, 16), torch.tensor([[True, False]]))
    assert torch.isfinite(logits).all()
