"""Packed weights: the same numbers in another order, wherever a model is read, trained, moved or saved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from relex_core.checkpoint import load, write
from relex_core.feedforward import PairLinear
from relex_core.model import RelexModel
from relex_core.packed import PackedLinear, PackedPairLinear, pack
from relex_core.products import Linear, linear

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN")


@pytest.fixture
def packed() -> RelexModel:
    return pack(load("mini", device="cpu").model)


def layers(model: torch.nn.Module) -> list[torch.nn.Module]:
    return [module for module in model.modules() if isinstance(module, PackedLinear)]


@pytest.mark.parametrize("rows", [1, 64, 256, 300, 700])
def test_products_are_those_of_plain_weights(packed: RelexModel, rows: int) -> None:
    plain = load("mini", device="cpu").model
    x = torch.randn(rows, 384)
    inner, pair = packed.encoder.encoder.layer[0].intermediate.dense, packed.spans.out_project
    expected = plain.encoder.encoder.layer[0].intermediate.dense
    assert isinstance(inner, PackedLinear)
    assert isinstance(pair.first, PackedPairLinear)
    weight, bias = plain.spans.out_project.first.weight, plain.spans.out_project.first.bias
    whole = torch.cat((x, -x), dim=1)
    with torch.inference_mode():
        torch.testing.assert_close(inner(x), F.linear(x, expected.weight, expected.bias), atol=1e-5, rtol=1e-5)
        if rows >= 64:
            assert torch.equal(inner(x), linear(x, expected.weight, expected.bias))
        both = pair.left(x) + pair.right(-x)
        torch.testing.assert_close(both, F.linear(whole, weight, bias), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(pair.first(whole), both)


def test_parameters_and_what_is_saved_are_those_of_plain_weights(packed: RelexModel, tmp_path: Path) -> None:
    mini = load("mini", device="cpu")
    state = mini.model.state_dict()
    own = packed.state_dict()
    assert own.keys() == state.keys()
    assert all(torch.equal(own[key], state[key]) for key in state)
    count = sum(one.numel() for one in mini.model.parameters())
    assert sum(one.numel() for one in packed.parameters()) == count
    write(packed, mini.builder, mini.path, tmp_path)
    again = load(tmp_path, device="cpu").model.state_dict()
    assert all(torch.equal(again[key], state[key]) for key in state)


def test_training_moving_and_new_weights_make_them_plain(packed: RelexModel) -> None:
    state = packed.state_dict()
    assert layers(packed)
    packed.eval()
    assert layers(packed), "reading goes on"
    packed.train()
    assert not layers(packed)
    assert type(packed.spans.out_project.first) is PairLinear
    assert all(torch.equal(value, state[key]) for key, value in packed.state_dict().items())
    pack(packed.eval())
    assert packed.to(torch.bfloat16).state_dict()["spans.out_project.0.weight"].dtype is torch.bfloat16
    assert not layers(packed)
    pack(packed.to(torch.float32))
    packed.load_state_dict({key: torch.ones_like(value) for key, value in state.items()})
    assert not layers(packed)
    assert all(bool((value == 1).all()) for value in packed.state_dict().values())


def test_gradients_pass_and_autocast_is_kept(packed: RelexModel) -> None:
    layer = packed.encoder.encoder.layer[0].intermediate.dense
    x = torch.randn(40, 384, requires_grad=True)
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, layer.weight.to_dense().sum(0).expand(40, -1), atol=1e-4, rtol=1e-4)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(x).dtype is torch.bfloat16


def test_bf16_layers_stay_as_they_are() -> None:
    model = pack(load("mini", device="cpu", dtype="bf16").model)
    last = model.encoder.encoder.layer[-1]
    assert last.intermediate.dense.weight.dtype is torch.bfloat16
    assert isinstance(last.attention.output.dense, PackedLinear)


def test_weights_of_a_mapped_file_do_not_stay_beside_packed_ones(tmp_path: Path) -> None:
    mini = load("mini", device="cpu")
    write(mini.model, mini.builder, mini.path, tmp_path)
    model = pack(load(tmp_path, device="cpu").model)
    assert layers(model)
    for parameter in model.parameters():
        assert parameter.is_mkldnn or parameter.untyped_storage().nbytes() == parameter.nbytes


COMPILED = """
import sys, torch
torch.set_num_threads(1)
from relex_core.benchmark import SENTENCES, WORKLOADS, Workload, _inference, documents
from relex_core.compat import GLiNER
model = GLiNER.from_pretrained("mini")
model.inference([" ".join(SENTENCES)], ["person"], ["works for"])
print("FROM HERE", flush=True)
workload = next(one for one in WORKLOADS["mini"] if one.name == "d")
_inference(model, documents(workload), workload, {"threshold": 0.3, "relation_threshold": 0.5})
"""


def test_an_answer_about_a_longer_text_compiles_few_products() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMPILED],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ONEDNN_VERBOSE": "2"},
    )
    after = done.stdout.split("FROM HERE")[1]
    made = [line for line in after.splitlines() if "create:cache_miss" in line and "inner_product" in line]
    assert "exec" in after
    # 14 before: half a megabyte and a third of a millisecond for each
    assert len(made) <= 6, made


def test_only_plain_layers_of_this_package_are_packed(packed: RelexModel) -> None:
    assert type(packed.relations.second) is Linear, "its weight is folded into labels as it is"
