"""BERT (Devlin et al. 2019) with fused attention; parameters are named as in transformers' BertModel.

B texts, T pieces, D width, N heads, d = D / N.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex_core.errors import CheckpointError, quote


class BertEncoder(nn.Module):
    """The encoder alone: no pooler, one token type, absolute positions."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width = int(config.get("hidden_size", 768))
        eps = float(config.get("layer_norm_eps", 1e-12))
        dropout = float(config.get("hidden_dropout_prob", 0.1))
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(int(config.get("vocab_size", 30522)), width),
                "position_embeddings": nn.Embedding(int(config.get("max_position_embeddings", 512)), width),
                "token_type_embeddings": nn.Embedding(int(config.get("type_vocab_size", 2)), width),
                "LayerNorm": nn.LayerNorm(width, eps=eps),
            }
        )
        self.dropout = nn.Dropout(dropout)
        layers = [_Layer(config, width, eps, dropout) for _ in range(int(config.get("num_hidden_layers", 12)))]
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})
        self.width = width

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """[B, T, D]"""
        at_T = torch.arange(ids_BT.shape[1], device=ids_BT.device)
        x_BTD = self.embeddings["word_embeddings"](ids_BT) + self.embeddings["token_type_embeddings"].weight[0]
        x_BTD = x_BTD + self.embeddings["position_embeddings"](at_T)
        x_BTD = self.dropout(self.embeddings["LayerNorm"](x_BTD))
        # without padding no mask: the fused kernels are faster then
        mask_B11T = None if bool(mask_BT.all()) else mask_BT[:, None, None, :]
        for layer in self.encoder["layer"]:
            x_BTD = layer(x_BTD, mask_B11T)
        return x_BTD


class _Layer(nn.Module):
    def __init__(self, config: Mapping[str, Any], width: int, eps: float, dropout: float) -> None:
        super().__init__()
        inner = int(config.get("intermediate_size", 3072))
        self.heads = int(config.get("num_attention_heads", 12))
        self.attention_dropout = float(config.get("attention_probs_dropout_prob", 0.1))
        self.fused = True
        own = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        out = nn.ModuleDict({"dense": nn.Linear(width, width), "LayerNorm": nn.LayerNorm(width, eps=eps)})
        self.attention = nn.ModuleDict({"self": own, "output": out})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = nn.ModuleDict({"dense": nn.Linear(inner, width), "LayerNorm": nn.LayerNorm(width, eps=eps)})
        self.dropout = nn.Dropout(dropout)
        self.activation = activation(str(config.get("hidden_act", "gelu")))

    def forward(self, x_BTD: Tensor, mask_B11T: Tensor | None) -> Tensor:
        own, out = self.attention["self"], self.attention["output"]
        q, k, v = (heads(own[name](x_BTD), self.heads) for name in ("query", "key", "value"))
        p = self.attention_dropout if self.training else 0.0
        if self.fused:
            mixed_BNTd = F.scaled_dot_product_attention(q, k, v, attn_mask=mask_B11T, dropout_p=p)
        else:
            mixed_BNTd = plain_attention(q, k, v, mask_B11T, p)
        mixed_BTD = mixed_BNTd.transpose(1, 2).flatten(2)
        x_BTD = out["LayerNorm"](x_BTD + self.dropout(out["dense"](mixed_BTD)))
        inner = self.activation(self.intermediate["dense"](x_BTD))
        return self.output["LayerNorm"](x_BTD + self.dropout(self.output["dense"](inner)))  # type: ignore[no-any-return]


def plain_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
    """The same as fused attention, as two products: its backward pass is a third faster on CPU in bf16."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, -1e4)
    with torch.autocast(q.device.type, enabled=False):  # autocast would widen the softmax to fp32
        weights = torch.softmax(scores, -1)
    return F.dropout(weights, dropout, dropout > 0) @ v


def activation(name: str) -> nn.Module:
    """Raises CheckpointError for one that no supported encoder uses."""
    known = {"gelu": nn.GELU(), "relu": nn.ReLU(), "silu": nn.SiLU(), "gelu_new": nn.GELU(approximate="tanh")}
    if name not in known:
        raise CheckpointError(
            expected=f"an activation among {', '.join(known)}",
            found=quote(name),
            change="Choose another checkpoint.",
            value=name,
        )
    return known[name]


def heads(x_BTD: Tensor, count: int) -> Tensor:
    """[B, T, N * d] -> [B, N, T, d]"""
    return x_BTD.unflatten(-1, (count, -1)).transpose(1, 2)
