"""Half the bits where it costs least: bf16 matrix products on a CPU, everything between them in fp32.

Rounding in an early layer is amplified by all that follow, and in attention more than behind it: with the whole
encoder of an earlier mini in bf16 probabilities moved by up to 0.03. On 20 texts of six news sentences each, 4,159
scores, they move by 0.009 at most with the feed-forward networks of the last third and the span projections, and by
0.004 without the projections, which is what is done here. The residual stream, LayerNorm and everything behind the
encoder stay in fp32.

int8 is not offered: quantised as it is read, by channels of the weights, one product of the last layer alone moves
scores by 0.04 (20 texts, 1,441 scores above 0.1), and with all of the encoder a text took a quarter less time on AVX2.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex_core.bert import BertEncoder
from relex_core.deberta import DebertaEncoder
from relex_core.model import RelexModel
from relex_core.products import Linear, few_shapes


def has_bf16(device: torch.device) -> bool:
    """Whether the device computes in bf16 by instructions of its own.

    Where it does not, bf16 is emulated: a product of 512 x 384 and 384 x 1,536 on an AVX2 processor took fifty times
    as long as in fp32, so that mixed precision would turn an hour of training into days.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return True
    found = torch.cpu.get_capabilities()
    return any(found.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16", "sve_bf16"))


class ReducedLinear(Linear):
    """A linear layer with bf16 weights, input and output."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] of any type -> [..., out] in bf16"""
        x = x.to(torch.bfloat16)
        return few_shapes(x, self.out_features, lambda some: F.linear(some, self.weight, self.bias))


def reduce(model: RelexModel) -> RelexModel:
    """Convert, in place, the feed-forward networks of the encoder's last third."""
    parts: list[nn.Module] = []
    if isinstance(model.encoder, BertEncoder | DebertaEncoder):
        layers: list[Any] = list(model.encoder.encoder.layer)
        parts = [
            part for layer in layers[len(layers) - len(layers) // 3 :] for part in (layer.intermediate, layer.output)
        ]
    for part in parts:
        for module in part.modules():
            if type(module) is Linear:
                module.to(torch.bfloat16)
                module.__class__ = ReducedLinear
    return model
