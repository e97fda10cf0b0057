"""Products with weights on a CPU: by oneDNN where torch has it, in fp32 as everywhere.

torch gives fp32 products to MKL, which takes a slower path on processors that are not Intel's: on an AMD EPYC with
AVX-512, one thread, x [400, 384] times W [384, 1536] took 4.6 ms with MKL and 2.0 ms with oneDNN, which torch brings
along and uses for other types. The sums differ in their order alone (1e-6 relative).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEWEST_ROWS, FEWEST_COLUMNS = 24, 4
"""Below, setting up the product costs more than it saves."""


def _one_dnn() -> Callable[..., Tensor] | None:
    """What torch's own compiler calls for a linear layer on a CPU, None where this build has no oneDNN."""
    if not torch.backends.mkldnn.is_available():
        return None
    try:
        return cast("Callable[..., Tensor]", torch.ops.mkldnn._linear_pointwise)
    except AttributeError:
        return None


_ONE_DNN = _one_dnn()


class Linear(nn.Linear):
    """A linear layer whose product is `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]"""
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b, as `torch.nn.functional.linear`: x [..., in], weight [out, in], bias [out] -> [..., out].

    Without gradients, autocast or types other than fp32 on a CPU the product is oneDNN's, else torch's choice.
    """
    if _ONE_DNN is None or not _plain(x, weight):
        return F.linear(x, weight, bias)
    none: list[Any] = []
    # what lies in strides it multiplies a thousand times slower
    return _ONE_DNN(x.contiguous(), weight.contiguous(), bias, "none", none, "")


def each(x_BNI: Tensor, weight_BIO: Tensor) -> Tensor:
    """x W for each text by a matrix of its own: [B, N, I], [B, I, O] -> [B, N, O]."""
    if _ONE_DNN is None or not len(x_BNI) or not _plain(x_BNI[0], weight_BIO[0].mT):
        return x_BNI @ weight_BIO
    return torch.stack([linear(x_NI, weight_IO.mT) for x_NI, weight_IO in zip(x_BNI, weight_BIO, strict=True)])


def _plain(x: Tensor, weight: Tensor) -> bool:
    if x.dtype is not torch.float32 or weight.dtype is not torch.float32 or x.device.type != "cpu":
        return False
    if torch.is_autocast_enabled("cpu"):
        return False
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        return False
    return weight.shape[0] >= FEWEST_COLUMNS and x.numel() >= FEWEST_ROWS * weight.shape[1]
