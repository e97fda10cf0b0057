"""Products with weights on a CPU: by oneDNN where torch has it, in fp32 as everywhere.

torch gives fp32 products to MKL, which takes a slower path on processors that are not Intel's: on an AMD EPYC with
AVX-512, one thread, x [400, 384] times W [384, 1536] took 4.6 ms with MKL and 2.0 ms with oneDNN, which torch brings
along and uses for other types. The sums differ in their order alone (1e-6 relative).

oneDNN compiles a product for every shape and keeps it: half a megabyte and a millisecond for each number of rows. Texts
have any number of pieces (measured: 1.7 GB kept after 1,200 lengths of one layer's input), so products are made of few
shapes only: equal blocks of at most `ROWS` rows, padded to a multiple of `STEP`. What has few rows or few columns is
left to torch, which compiles nothing and takes as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEWEST_ROWS = 64
"""Below, torch's product takes as long, and what oneDNN compiles is not kept."""

ROWS, STEP = 512, 8
"""Most rows of a block, and what the rows of blocks are a multiple of."""

NARROW = 64
"""The same for columns, such as those of a few labels."""

COLUMN_STEP = 8
"""Labels are as many as users like: their columns are a multiple of this."""


def _one_dnn() -> Callable[..., Tensor] | None:
    """What torch's own compiler calls for a linear layer on a CPU.

    None where this build has no oneDNN, or not what lays out weights for it.
    """
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_reorder_linear_weight"):
        return None
    try:
        return cast("Callable[..., Tensor]", torch.ops.mkldnn._linear_pointwise)
    except AttributeError:
        return None


_ONE_DNN = _one_dnn()


class Linear(nn.Linear):
    """A linear layer whose product is `linear`. `rows` is how many rows of its input make a block."""

    rows = ROWS

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]"""
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b, as `torch.nn.functional.linear`: x [..., in], weight [out, in], bias [out] -> [..., out].

    Without gradients, autocast or types other than fp32 on a CPU the product is oneDNN's, else torch's choice.
    """
    if _ONE_DNN is None or not _plain(x, weight):
        return F.linear(x, weight, bias)
    columns = weight.shape[0]
    # a product without a bias would be one more to compile
    bias = weight.new_zeros(columns) if bias is None else bias
    if more := -columns % COLUMN_STEP:
        weight, bias = F.pad(weight, (0, 0, 0, more)), F.pad(bias, (0, more))
    # what lies in strides it multiplies a thousand times slower
    return packed_linear(x, weight.contiguous(), bias, ROWS)[..., :columns].contiguous()


def packed_weight(weight: Tensor) -> Tensor:
    """A weight [out, in] as oneDNN lays it out: of the same size, and `to_dense` turns it back."""
    return cast(Tensor, torch.ops.mkldnn._reorder_linear_weight(weight, ROWS))


def packed_linear(x: Tensor, weight: Tensor, bias: Tensor | None, most: int) -> Tensor:
    """`linear` by oneDNN, whether or not the weight is packed, in blocks of at most `most` rows."""
    product = cast("Callable[..., Tensor]", _ONE_DNN)
    none: list[Any] = []
    return few_shapes(x, weight.shape[0], lambda some: product(some, weight, bias, "none", none, ""), most)


def few_shapes(x: Tensor, columns: int, product: Callable[[Tensor], Tensor], most: int = ROWS) -> Tensor:
    """A product of rows [N, in] -> [N, columns], called with few different N: x [..., in] -> [..., columns]."""
    rows = x.reshape(-1, x.shape[-1]).contiguous()
    count, step = len(rows), _block(len(rows), most)
    if count <= step:
        return product(_padded(rows, step))[:count].view(*x.shape[:-1], columns)
    out = x.new_empty(*x.shape[:-1], columns)
    for some, into in zip(rows.split(step), out.view(-1, columns).split(step), strict=True):
        into.copy_(product(_padded(some, step))[: len(some)])
    return out


def in_blocks(layer: Callable[[Tensor], Tensor], x: Tensor, most: int = ROWS) -> Tensor:
    """A layer whose output has its input's shape [..., D], at most `most` rows at a time.

    What is wide between its two products then stays in the cache, and memory does not grow with it. With gradients all
    of it is kept anyway, and a GPU has no cache to stay in.
    """
    if torch.is_grad_enabled() or x.device.type != "cpu":
        return layer(x)
    return few_shapes(x, x.shape[-1], layer, most)


def _block(count: int, most: int) -> int:
    """Rows of each of the fewest equal blocks that `count` rows make: one shape for a text, not two."""
    blocks = max(1, -(-count // most))
    return -(-count // (blocks * STEP)) * STEP


def _padded(rows: Tensor, size: int) -> Tensor:
    return F.pad(rows, (0, 0, 0, size - len(rows))) if len(rows) < size else rows


def each(x_BNI: Tensor, weight_BIO: Tensor) -> Tensor:
    """x W for each text by a matrix of its own: [B, N, I], [B, I, O] -> [B, N, O]."""
    if _ONE_DNN is None or not len(x_BNI) or not _plain(x_BNI[0], weight_BIO[0].mT):
        return x_BNI @ weight_BIO
    return torch.stack([linear(x_NI, weight_IO.mT) for x_NI, weight_IO in zip(x_BNI, weight_BIO, strict=True)])


def _plain(x: Tensor, weight: Tensor) -> bool:
    if not can_pack(x) or weight.dtype is not torch.float32:
        return False
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        return False
    return weight.shape[0] >= NARROW and x.numel() >= FEWEST_ROWS * weight.shape[1]


def can_pack(x: Tensor) -> bool:
    """Whether oneDNN multiplies it: fp32 on a CPU."""
    right = x.dtype is torch.float32 and x.device.type == "cpu"
    return _ONE_DNN is not None and right and not torch.is_autocast_enabled("cpu")
