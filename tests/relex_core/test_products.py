from __future__ import annotations

import time

import pytest
import torch
import torch.nn.functional as F

from relex_core import products
from relex_core.products import Linear, each, in_blocks, linear


@pytest.mark.parametrize("shape", [(0, 64), (1, 64), (24, 64), (3, 50, 64), (2, 0, 64), (5, 7, 9, 64)])
@pytest.mark.parametrize("out", [1, 4, 33, 256])
def test_a_product_is_that_of_torch(shape: tuple[int, ...], out: int) -> None:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(shape), torch.randn(out, 64), torch.randn(out)
    for b in (bias, None):
        torch.testing.assert_close(linear(x, weight, b), F.linear(x, weight, b), atol=1e-5, rtol=1e-5)


def test_parts_of_a_matrix_and_turned_ones_give_the_same_and_are_not_slow() -> None:
    torch.manual_seed(0)
    whole, turned, x = torch.randn(256, 128), torch.randn(64, 256), torch.randn(300, 64)

    def seconds(product: object) -> float:
        began = time.perf_counter()
        for _ in range(20):
            product(x, whole[:, 64:])  # type: ignore[operator]
        return time.perf_counter() - began

    torch.testing.assert_close(linear(x, whole[:, 64:]), F.linear(x, whole[:, 64:]), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(linear(x, turned.mT), F.linear(x, turned.mT), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(linear(x.mT.contiguous().mT, turned.mT), F.linear(x, turned.mT), atol=1e-4, rtol=1e-4)
    assert seconds(linear) < 30 * seconds(F.linear), "oneDNN takes a reference implementation for strides"


@pytest.mark.parametrize("rows", [0, 3, 40])
def test_each_text_has_its_own_matrix(rows: int) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(3, rows, 64), torch.randn(3, 64, 20)
    torch.testing.assert_close(each(x, weight), x @ weight, atol=1e-4, rtol=1e-4)
    assert each(x[:0], weight[:0]).shape == (0, rows, 20)


def test_gradients_other_types_and_autocast_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("no gradients come back from this product")

    monkeypatch.setattr(products, "_ONE_DNN", refuse)
    layer = Linear(64, 64)
    layer(torch.randn(40, 64)).sum().backward()
    assert layer.weight.grad is not None
    with torch.no_grad():
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert layer(torch.randn(40, 64)).dtype is torch.bfloat16
        assert layer.double()(torch.randn(40, 64, dtype=torch.float64)).dtype is torch.float64


def test_a_build_without_it_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x, layer = torch.randn(40, 64), Linear(64, 64)
    with torch.no_grad():
        before = layer(x)
        monkeypatch.setattr(products, "_ONE_DNN", None)
        torch.testing.assert_close(layer(x), before, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 300, 512, 513, 1100])
@pytest.mark.parametrize("columns", [6, 20, 64])
def test_a_product_in_blocks_is_that_of_torch(rows: int, columns: int) -> None:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(rows, 64), torch.randn(columns, 64), torch.randn(columns)
    found = linear(x, weight, bias)
    torch.testing.assert_close(found, F.linear(x, weight, bias), atol=1e-4, rtol=1e-4)
    assert found.is_contiguous()


def test_a_layer_in_blocks_gives_the_same_and_sees_few_rows_at_a_time() -> None:
    seen: list[int] = []

    def layer(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.numel() // 8)
        return x * 2

    x = torch.randn(2, 400, 8)
    with torch.no_grad():
        torch.testing.assert_close(in_blocks(layer, x), x * 2)
    assert seen == [400, 400], "equal blocks: one shape for a text"
    seen.clear()
    with torch.no_grad():
        torch.testing.assert_close(in_blocks(layer, x[:, :277], 128), x[:, :277] * 2)
    assert seen == [112] * 5, "padded to what others of similar length have, too"
    seen.clear()
    in_blocks(layer, x)
    assert seen == [800], "with gradients in one piece"
