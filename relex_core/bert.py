"""BERT (Devlin et al. 2019) with fused attention; parameters are named as in transformers' BertModel.

B texts, T pieces, D width, N heads, d = D / N.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex_core.config import whole
from relex_core.errors import CheckpointError, ConfigError, quote
from relex_core.products import Linear, in_blocks


class BertEncoder(nn.Module):
    """The encoder alone: no pooler, one token type, absolute positions."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.width = size_of(config, "hidden_size", 768)
        self.embeddings = _Embeddings(config, self.width)
        self.encoder = Layers([_Layer(config, self.width) for _ in range(size_of(config, "num_hidden_layers", 12))])

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """[B, T, D]"""
        x_BTD: Tensor = self.embeddings(ids_BT)
        # without padding no mask: the fused kernels are faster then
        mask_B11T = None if bool(mask_BT.all()) else mask_BT[:, None, None, :]
        # of the last layer's rows half are read (one for a word and a label); making these alone saved 4% of the time
        # and compiled four more products for each new number of them, half a megabyte each (`products`): not done
        for layer in self.encoder.layer:
            x_BTD = layer(x_BTD, mask_B11T)
        return x_BTD


class _Embeddings(nn.Module):
    def __init__(self, config: Mapping[str, Any], width: int) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(size_of(config, "vocab_size", 30522), width)
        self.position_embeddings = nn.Embedding(size_of(config, "max_position_embeddings", 512), width)
        self.token_type_embeddings = nn.Embedding(size_of(config, "type_vocab_size", 2), width)
        self.LayerNorm = nn.LayerNorm(width, eps=float(config.get("layer_norm_eps", 1e-12)))
        self.dropout = nn.Dropout(float(config.get("hidden_dropout_prob", 0.1)))

    def forward(self, ids_BT: Tensor) -> Tensor:
        at_T = torch.arange(ids_BT.shape[1], device=ids_BT.device)
        x_BTD = self.word_embeddings(ids_BT)
        x_BTD += self.token_type_embeddings.weight[0]
        x_BTD += self.position_embeddings(at_T)
        out_BTD: Tensor = self.dropout(self.LayerNorm(x_BTD))
        return out_BTD


class Layers(nn.Module):
    """Layers under the name that checkpoints give them."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layer = nn.ModuleList(layers)


class _Layer(nn.Module):
    def __init__(self, config: Mapping[str, Any], width: int) -> None:
        super().__init__()
        inner = size_of(config, "intermediate_size", 3072)
        eps, dropout = float(config.get("layer_norm_eps", 1e-12)), float(config.get("hidden_dropout_prob", 0.1))
        self.attention = Attention(_SelfAttention(config, width), Residual(width, width, eps, dropout))
        self.intermediate = Intermediate(width, inner, str(config.get("hidden_act", "gelu")))
        self.output = Residual(inner, width, eps, dropout)

    def forward(self, x_BTD: Tensor, mask_B11T: Tensor | None) -> Tensor:
        x_BTD = self.attention(x_BTD, mask_B11T)
        return in_blocks(lambda some: self.output(self.intermediate(some), some), x_BTD, self.intermediate.dense.rows)


class _SelfAttention(nn.Module):
    def __init__(self, config: Mapping[str, Any], width: int) -> None:
        super().__init__()
        self.heads = heads_of(config, width, 12)
        self.p = float(config.get("attention_probs_dropout_prob", 0.1))
        self.query, self.key, self.value = (Linear(width, width) for _ in range(3))

    def forward(self, x_BTD: Tensor, mask_B11T: Tensor | None) -> Tensor:
        q, k, v = (split_heads(own(x_BTD), self.heads) for own in (self.query, self.key, self.value))
        p = self.p if self.training else 0.0
        if self.training and not x_BTD.is_cuda:
            return plain_attention(q, k, v, mask_B11T, p).transpose(1, 2).flatten(2)
        mixed_BNTd = F.scaled_dot_product_attention(q, k, v, attn_mask=mask_B11T, dropout_p=p)
        return mixed_BNTd.transpose(1, 2).flatten(2)


def plain_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
    """The same as fused attention, as two products: its backward pass is a third faster on CPU in bf16."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, -1e4)
    with torch.autocast(q.device.type, enabled=False):  # autocast would widen the softmax to fp32
        weights = torch.softmax(scores, -1)
    return F.dropout(weights, dropout, dropout > 0) @ v


class Attention(nn.Module):
    """Self-attention and what follows it, under the names that checkpoints give them."""

    def __init__(self, own: nn.Module, output: nn.Module) -> None:
        super().__init__()
        self.self = own
        self.output = output

    def forward(self, x_BTD: Tensor, *rest: Tensor | None) -> Tensor:
        """[B, T, D]; `rest` goes to the self-attention."""
        out: Tensor = self.output(self.self(x_BTD, *rest), x_BTD)
        return out


class Intermediate(nn.Module):
    """The first half of a layer's feed-forward network."""

    def __init__(self, width: int, inner: int, name: str) -> None:
        super().__init__()
        self.dense = Linear(width, inner)
        self.activation = activation(name)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """[B, T, inner]"""
        wide_BTI: Tensor = self.dense(x_BTD)
        if type(self.activation) is nn.GELU and not torch.is_grad_enabled():
            # in place, which nn.GELU does not offer: two of these are most of what a layer holds
            return torch.ops.aten.gelu_(wide_BTI, approximate=self.activation.approximate)  # type: ignore[no-any-return]
        out: Tensor = self.activation(wide_BTI)
        return out


class Residual(nn.Module):
    """LayerNorm(x + dropout(W y))"""

    def __init__(self, inner: int, width: int, eps: float, dropout: float) -> None:
        super().__init__()
        self.dense = Linear(inner, width)
        self.LayerNorm = nn.LayerNorm(width, eps=eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, y_BTI: Tensor, x_BTD: Tensor) -> Tensor:
        """[B, T, D]"""
        out: Tensor = self.LayerNorm(x_BTD + self.dropout(self.dense(y_BTI)))
        return out


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


def size_of(config: Mapping[str, Any], key: str, default: int, least: int = 1) -> int:
    """A size in an encoder's configuration. Raises ConfigError for what is none."""
    value = config.get(key, default)
    if not whole(value) or value < least:
        raise _wrong(f"{key} of the encoder to be a whole number of at least {least}", value)
    return value


def heads_of(config: Mapping[str, Any], width: int, default: int) -> int:
    """Attention heads, which have equal parts of the width. Raises ConfigError."""
    heads = size_of(config, "num_attention_heads", default)
    if width % heads:
        raise _wrong(f"num_attention_heads of the encoder to divide its width of {width}", heads)
    return heads


def _wrong(expected: str, found: object) -> ConfigError:
    change = "Correct encoder_config in gliner_config.json, or choose another checkpoint."
    return ConfigError(expected=expected, found=quote(found), change=change, value=found)


def split_heads(x_BTD: Tensor, count: int) -> Tensor:
    """[B, T, N * d] -> [B, N, T, d]"""
    return x_BTD.view(*x_BTD.shape[:-1], count, -1).transpose(1, 2)
