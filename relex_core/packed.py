"""Weights laid out as oneDNN multiplies them, for a model that only reads: the same numbers in another order.

oneDNN copies a weight into its own layout at every product, into memory of its own. Laid out once, when a model is
loaded, the weight takes no more room than before and products take a tenth less time; as no block of rows pays for a
copy any more, blocks are smaller and so is what lies between two products. Results are those of oneDNN with plain
weights to the last bit; of few rows, which `products` leaves to torch, sums are taken in another order.

A model that is trained or moved to another device or number type goes back to plain weights, and so does what is saved.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex_core.bert import BertEncoder
from relex_core.deberta import DebertaEncoder
from relex_core.feedforward import FeedForward, PairFeedForward, PairLinear
from relex_core.model import RelexModel
from relex_core.products import ROWS, Linear, can_pack, packed_linear, packed_weight

FEWER, LARGE = 256, 2**20
"""Rows of a block, for weights of at most so many numbers: a larger one leaves the cache between two blocks."""


class PackedLinear(Linear):
    """A linear layer whose weight is packed; with gradients or autocast a plain copy of it is multiplied."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]"""
        return _product(x, self.weight, self.bias, self.rows)

    def whole(self) -> Tensor:
        """The plain weight [out, in]."""
        return self.weight.to_dense()

    def unpack(self) -> None:
        """Become a plain layer again, in place."""
        self.weight = nn.Parameter(self.whole(), requires_grad=self.weight.requires_grad)
        self.rows = ROWS
        self.__class__ = Linear  # type: ignore[assignment]

    def train(self, mode: bool = True) -> PackedLinear:
        """A layer in training has plain weights."""
        if mode:
            self.unpack()
        return nn.Module.train(self, mode)

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        self.unpack()
        return self._apply(fn, recurse)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "weight"] = self.whole()

    def _load_from_state_dict(self, *arguments: Any) -> None:
        self.unpack()
        self._load_from_state_dict(*arguments)


class PackedPairLinear(PackedLinear, PairLinear):
    """A packed layer over a concatenation: `weight` is its left half, `other` its right one."""

    other: nn.Parameter

    def left(self, x: Tensor) -> Tensor:
        """[..., in / 2] -> [..., out]; the bias is counted here."""
        return _product(x, self.weight, self.bias, self.rows)

    def right(self, y: Tensor) -> Tensor:
        """[..., in / 2] -> [..., out]"""
        return _product(y, self.other, torch.zeros_like(self.bias), self.rows)

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]"""
        left, right = x.chunk(2, dim=-1)
        return self.left(left) + self.right(right)

    def whole(self) -> Tensor:
        """The plain weight [out, in]."""
        return torch.cat((self.weight.to_dense(), self.other.to_dense()), dim=1)

    def unpack(self) -> None:
        """Become a plain layer again, in place."""
        super().unpack()
        del self.other
        self.__class__ = PairLinear  # type: ignore[assignment]

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        del destination[prefix + "other"]


def pack(model: RelexModel) -> RelexModel:
    """Lay out, in place, the weights of linear layers, if the model is in fp32 on a CPU."""
    parts: list[nn.Module] = [one for one in model.modules() if type(one) is FeedForward]
    parts += [one.first for one in model.modules() if isinstance(one, PairFeedForward)]
    if isinstance(model.encoder, BertEncoder | DebertaEncoder):
        parts.append(model.encoder.encoder)
    for module in (module for part in parts for module in part.modules()):
        if isinstance(module, Linear) and can_pack(module.weight):
            _pack(module)
    for parameter in model.parameters():
        # the rest of a file that was mapped into memory, which would stay there beside what was packed
        if not parameter.is_mkldnn and parameter.untyped_storage().nbytes() > parameter.nbytes:
            parameter.data = parameter.data.clone()
    return model


def _pack(layer: Linear) -> None:
    if type(layer) is Linear:
        layer.weight = nn.Parameter(packed_weight(layer.weight), requires_grad=False)
        layer.__class__ = PackedLinear
    elif type(layer) is PairLinear:
        left, right = (packed_weight(half.contiguous()) for half in layer.weight.chunk(2, dim=1))
        layer.weight, layer.other = (nn.Parameter(half, requires_grad=False) for half in (left, right))
        layer.__class__ = PackedPairLinear
    layer.rows = FEWER if layer.weight.numel() <= LARGE else ROWS


def _product(x: Tensor, weight: Tensor, bias: Tensor, rows: int) -> Tensor:
    if can_pack(x) and not torch.is_grad_enabled():
        return packed_linear(x, weight, bias, rows)
    return F.linear(x, weight.to_dense(), bias)
