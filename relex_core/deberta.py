"""DeBERTa v2 and v3 (He et al. 2021, 2023) with fused attention; parameters are named as in transformers.

Disentangled attention adds to q_i . k_j two terms that depend on the distance i - j: q_i . P(i - j), content to
position, and k_j . R(i - j), position to content. P and R come from the relative embeddings alone, so they are
projected once for a checkpoint, not in each forward. Both terms are made for all 2 T - 1 distances by one matrix
product and read off along diagonals as a view, without gathering; their sum enters the fused attention as its mask.

B texts, T pieces, D width, N heads, d = D / N, S buckets of distances on each side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex_core.bert import Attention, Intermediate, Residual, split_heads

BLOCK = 8_000_000
"""Numbers in one block of attention scores (32 MB in fp32): long texts take a few heads at a time."""


class DebertaEncoder(nn.Module):
    """The encoder alone. `supports` says for which configurations."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.width = int(config.get("hidden_size", 1536))
        furthest = int(config.get("max_relative_positions", -1))
        self.furthest = furthest if furthest > 0 else int(config.get("max_position_embeddings", 512))
        self.buckets = int(config.get("position_buckets", -1))
        self.side = self.buckets if self.buckets > 0 else self.furthest
        self.embeddings = _Embeddings(config, self.width)
        self.encoder = _Stack(config, self.width, self.side)

    @staticmethod
    def supports(config: Mapping[str, Any]) -> bool:
        """Relative attention with shared projections in both directions: all DeBERTa-v3 checkpoints."""
        kinds = config.get("pos_att_type") or ()
        kinds = set(kinds.split("|") if isinstance(kinds, str) else kinds)
        return (
            bool(config.get("relative_attention"))
            and bool(config.get("share_att_key"))
            and kinds == {"c2p", "p2c"}
            and not config.get("position_biased_input", True)
            and not config.get("conv_kernel_size")
            and config.get("embedding_size") in (None, config.get("hidden_size", 1536))
        )

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """[B, T, D]"""
        x_BTD: Tensor = self.embeddings(ids_BT, mask_BT)
        relative_SD = self.encoder.relative()
        bucket_R = self.bucket(ids_BT.shape[1]).to(ids_BT.device)
        pad_B11T = None if bool(mask_BT.all()) else ~mask_BT[:, None, None]
        for layer in self.encoder.layer:
            x_BTD = layer(x_BTD, pad_B11T, relative_SD, bucket_R)
        return x_BTD

    def bucket(self, length: int) -> Tensor:
        """Rows of the relative embeddings for the distances i - j from T - 1 down to 1 - T: [2 T - 1].

        Exact up to half the buckets, logarithmic beyond (section 3.1 of the DeBERTa v2 code's log buckets).
        """
        distance = torch.arange(length - 1, -length, -1)
        if self.buckets > 0:
            half = self.buckets // 2
            # float32 as in the reference, so that no distance falls into a neighbouring bucket
            size = torch.where(distance.abs() < half, half - 1, distance.abs()).float()
            scale = torch.log(torch.tensor((self.furthest - 1) / half))
            far = torch.ceil(torch.log(size / half) / scale * (half - 1)) + half
            distance = torch.where(size <= half, distance, (far * distance.sign()).long())
        return (distance + self.side).clamp(0, 2 * self.side - 1)


class _Embeddings(nn.Module):
    def __init__(self, config: Mapping[str, Any], width: int) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(int(config.get("vocab_size", 128100)), width)
        types = int(config.get("type_vocab_size", 0))
        if types > 0:
            self.token_type_embeddings = nn.Embedding(types, width)
        self.LayerNorm = nn.LayerNorm(width, eps=float(config.get("layer_norm_eps", 1e-7)))
        self.dropout = nn.Dropout(float(config.get("hidden_dropout_prob", 0.1)))

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        x_BTD = self.word_embeddings(ids_BT)
        if hasattr(self, "token_type_embeddings"):
            x_BTD = x_BTD + self.token_type_embeddings.weight[0]
        out_BTD: Tensor = self.dropout(self.LayerNorm(x_BTD) * mask_BT[..., None])
        return out_BTD


class _Stack(nn.Module):
    def __init__(self, config: Mapping[str, Any], width: int, side: int) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer(config, width) for _ in range(int(config.get("num_hidden_layers", 24))))
        self.rel_embeddings = nn.Embedding(2 * side, width)
        if "layer_norm" in str(config.get("norm_rel_ebd", "none")).lower():
            self.LayerNorm = nn.LayerNorm(width, eps=float(config.get("layer_norm_eps", 1e-7)))

    def relative(self) -> Tensor:
        """[2 S, D]"""
        weight: Tensor = self.rel_embeddings.weight
        return self.LayerNorm(weight) if hasattr(self, "LayerNorm") else weight


class _Layer(nn.Module):
    def __init__(self, config: Mapping[str, Any], width: int) -> None:
        super().__init__()
        inner = int(config.get("intermediate_size", 6144))
        eps, dropout = float(config.get("layer_norm_eps", 1e-7)), float(config.get("hidden_dropout_prob", 0.1))
        self.attention = Attention(_DisentangledAttention(config, width), Residual(width, width, eps, dropout))
        self.intermediate = Intermediate(width, inner, str(config.get("hidden_act", "gelu")))
        self.output = Residual(inner, width, eps, dropout)

    def forward(self, x_BTD: Tensor, pad_B11T: Tensor | None, relative_SD: Tensor, bucket_R: Tensor) -> Tensor:
        x_BTD = self.attention(x_BTD, pad_B11T, relative_SD, bucket_R)
        out_BTD: Tensor = self.output(self.intermediate(x_BTD), x_BTD)
        return out_BTD


class _DisentangledAttention(nn.Module):
    def __init__(self, config: Mapping[str, Any], width: int) -> None:
        super().__init__()
        self.heads = int(config.get("num_attention_heads", 24))
        self.p = float(config.get("attention_probs_dropout_prob", 0.1))
        self.query_proj, self.key_proj, self.value_proj = (nn.Linear(width, width) for _ in range(3))
        self.pos_dropout = nn.Dropout(float(config.get("hidden_dropout_prob", 0.1)))
        self._positions: tuple[Tensor, Tensor] | None = None

    def forward(self, x_BTD: Tensor, pad_B11T: Tensor | None, relative_SD: Tensor, bucket_R: Tensor) -> Tensor:
        """Attention, a few heads at a time."""
        q, k, v = (split_heads(own(x_BTD), self.heads) for own in (self.query_proj, self.key_proj, self.value_proj))
        key_NSd, query_NSd = self._project(relative_SD)
        scale = 1.0 / math.sqrt(3 * q.shape[-1])
        p = self.p if self.training else 0.0
        texts, length = x_BTD.shape[:2]
        step = max(1, BLOCK // (texts * length * length))
        mixed = []
        for at in range(0, self.heads, step):
            some = slice(at, at + step)
            bias = diagonals((q[:, some] * scale) @ key_NSd[some, bucket_R].mT)
            bias = bias + diagonals((k[:, some] * scale) @ query_NSd[some, bucket_R.flip(0)].mT).mT
            if pad_B11T is not None:
                bias = bias.masked_fill(pad_B11T, torch.finfo(bias.dtype).min)
            mixed.append(
                F.scaled_dot_product_attention(q[:, some], k[:, some], v[:, some], bias, dropout_p=p, scale=scale)
            )
        return torch.cat(mixed, dim=1).transpose(1, 2).flatten(2)

    def _project(self, relative_SD: Tensor) -> tuple[Tensor, Tensor]:
        """Relative embeddings as keys and as queries [N, 2 S, d], kept while weights cannot change."""
        if self._positions is not None:
            return self._positions
        relative_SD = self.pos_dropout(relative_SD)
        key, query = (split_heads(own(relative_SD)[None], self.heads)[0] for own in (self.key_proj, self.query_proj))
        if not self.training and not torch.is_grad_enabled():
            self._positions = key, query
        return key, query

    def train(self, mode: bool = True) -> _DisentangledAttention:
        """Forget what was kept: weights may change now."""
        self._positions = None
        return super().train(mode)

    def _apply(self, fn: Any, recurse: bool = True) -> _DisentangledAttention:
        self._positions = None
        super()._apply(fn, recurse)
        return self


def diagonals(scores_BNTR: Tensor) -> Tensor:
    """Scores of row i for column distances, R = 2 T - 1, the distance j - i at position j - i + T - 1 -> [B, N, T, T].

    A view: element (i, j) lies at i R + (j - i + T - 1) = i (R - 1) + j + T - 1.
    """
    scores_BNTR = scores_BNTR.contiguous()
    texts, many, length, distances = scores_BNTR.shape
    a, b, _, _ = scores_BNTR.stride()
    return scores_BNTR.as_strided(
        (texts, many, length, length), (a, b, distances - 1, 1), scores_BNTR.storage_offset() + length - 1
    )
