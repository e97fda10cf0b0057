"""DeBERTa v2 and v3 (He et al. 2021, 2023) with fused attention; parameters are named as in transformers.

Disentangled attention adds to q_i . k_j two terms that depend on the distance i - j: q_i . P(i - j), content to
position, and k_j . R(i - j), position to content. P and R come from the relative embeddings alone, so they are
projected once for a checkpoint, not in each forward. Both terms are made by matrix products of a block of rows with all
distances that occur in it, and read off along diagonals as views, without gathering; their sum is the mask of the
fused attention. Rows and heads are taken few at a time, so that what is between two products stays in the cache.

B texts, T pieces, D width, N heads, d = D / N, S buckets of distances on each side, h heads and n rows of a block.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex_core.bert import Attention, Intermediate, Residual, heads_of, size_of
from relex_core.products import Linear, in_blocks

BLOCK = 2_000_000
"""Numbers in one block of attention scores (8 MB in fp32): long texts take a few heads at a time."""

ROWS = 128
"""Rows of one block: with their distances, T + 127, they make 0.6 MB of scores at 1,000 pieces."""


class DebertaEncoder(nn.Module):
    """The encoder alone. `supports` says for which configurations."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.width = size_of(config, "hidden_size", 1536)
        furthest = size_of(config, "max_relative_positions", -1, least=-1)
        self.furthest = furthest if furthest > 0 else size_of(config, "max_position_embeddings", 512)
        self.buckets = size_of(config, "position_buckets", -1, least=-1)
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
        self.word_embeddings = nn.Embedding(size_of(config, "vocab_size", 128100), width)
        types = size_of(config, "type_vocab_size", 0, least=0)
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
        self.layer = nn.ModuleList(_Layer(config, width) for _ in range(size_of(config, "num_hidden_layers", 24)))
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
        inner = size_of(config, "intermediate_size", 6144)
        eps, dropout = float(config.get("layer_norm_eps", 1e-7)), float(config.get("hidden_dropout_prob", 0.1))
        self.attention = Attention(_DisentangledAttention(config, width), Residual(width, width, eps, dropout))
        self.intermediate = Intermediate(width, inner, str(config.get("hidden_act", "gelu")))
        self.output = Residual(inner, width, eps, dropout)

    def forward(self, x_BTD: Tensor, pad_B11T: Tensor | None, relative_SD: Tensor, bucket_R: Tensor) -> Tensor:
        x_BTD = self.attention(x_BTD, pad_B11T, relative_SD, bucket_R)
        return in_blocks(lambda some: self.output(self.intermediate(some), some), x_BTD, self.intermediate.dense.rows)


class _DisentangledAttention(nn.Module):
    def __init__(self, config: Mapping[str, Any], width: int) -> None:
        super().__init__()
        self.heads = heads_of(config, width, 24)
        self.p = float(config.get("attention_probs_dropout_prob", 0.1))
        self.query_proj, self.key_proj, self.value_proj = (Linear(width, width) for _ in range(3))
        self.pos_dropout = nn.Dropout(float(config.get("hidden_dropout_prob", 0.1)))
        self._positions: tuple[Tensor, Tensor] | None = None

    def forward(self, x_BTD: Tensor, pad_B11T: Tensor | None, relative_SD: Tensor, bucket_R: Tensor) -> Tensor:
        """Attention, a few heads at a time."""
        q, k, v = (_heads_first(own(x_BTD), self.heads) for own in (self.query_proj, self.key_proj, self.value_proj))
        key_NSd, query_NSd = self._project(relative_SD)
        scale = 1.0 / math.sqrt(3 * q.shape[-1])
        p = self.p if self.training else 0.0
        texts, length = x_BTD.shape[:2]
        # a GPU has no cache to stay in, and every block costs it a launch
        rows, most = (ROWS, BLOCK) if x_BTD.device.type == "cpu" else (length, 8 * BLOCK)
        step = max(1, most // (texts * length * length))
        # a text too long for one head's scores is taken some rows at a time
        tall = length if x_BTD.device.type != "cpu" else max(rows, most // (step * texts * length) // rows * rows)
        flipped_R = bucket_R.flip(0)
        mixed_BTNd = q.new_empty(texts, length, self.heads, q.shape[-1])
        for at in range(0, self.heads, step):
            some = slice(at, at + step)
            key_hdR, query_hdR = key_NSd[some, bucket_R].mT, query_NSd[some, flipped_R].mT
            for part in _slices(0, length, tall):
                bias_hBtT = q.new_empty(q[some].shape[0], texts, part.stop - part.start, length)
                for block in _slices(0, length, rows):
                    bias_hBtT[..., block] = by_distance(k[some], query_hdR, block, part).mT
                for block in _slices(part.start, part.stop, rows):
                    own = slice(block.start - part.start, block.stop - part.start)
                    bias_hBtT[:, :, own] += by_distance(q[some], key_hdR, block, slice(0, length))
                if pad_B11T is not None:
                    bias_hBtT.masked_fill_(pad_B11T[None, :, 0], torch.finfo(bias_hBtT.dtype).min)
                mixed_hBtd = F.scaled_dot_product_attention(
                    q[some][:, :, part], k[some], v[some], bias_hBtT, dropout_p=p, scale=scale
                )
                mixed_BTNd[:, part, some] = mixed_hBtd.permute(1, 2, 0, 3)
                # before the next one is made, so that there is one at a time
                del bias_hBtT, mixed_hBtd
        return mixed_BTNd.flatten(2)

    def _project(self, relative_SD: Tensor) -> tuple[Tensor, Tensor]:
        """Relative embeddings as keys and as queries [N, 2 S, d], scaled, kept while weights cannot change."""
        if self._positions is not None:
            return self._positions
        relative_SD = self.pos_dropout(relative_SD)
        key, query = (
            _heads_first(own(relative_SD)[None], self.heads)[:, 0] for own in (self.key_proj, self.query_proj)
        )
        scale = 1.0 / math.sqrt(3 * key.shape[-1])
        key, query = key * scale, query * scale
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


def by_distance(rows_hBTd: Tensor, positions_hdR: Tensor, block: slice, columns: slice) -> Tensor:
    """Products of some rows i with the position of their distance to some columns j: [h, B, n, columns].

    Column j - i + T - 1 of `positions_hdR`, R = 2 T - 1, is that distance's.
    """
    length = rows_hBTd.shape[2]
    some_hBnd = rows_hBTd[:, :, block]
    # only the distances that occur between these rows and these columns
    near_hdW = positions_hdR[:, :, length - block.stop + columns.start : length - 1 - block.start + columns.stop]
    scores = (some_hBnd.flatten(1, 2) @ near_hdW).view(*some_hBnd.shape[:3], near_hdW.shape[-1])
    return diagonals(scores)


def _slices(first: int, last: int, step: int) -> Iterator[slice]:
    return (slice(at, min(at + step, last)) for at in range(first, last, step))


def diagonals(scores_hBnW: Tensor) -> Tensor:
    """Scores of n rows for W = T + n - 1 distances, rising from column to column, -> [h, B, n, T]; T columns.

    A view: element (i, j) is that of distance j - i, which row i has in column j - i + n - 1, and so lies at
    i W + j - i + n - 1 = i (W - 1) + j + n - 1.
    """
    scores_hBnW = scores_hBnW.contiguous()
    *outer, rows, distances = scores_hBnW.shape
    strides = (*scores_hBnW.stride()[:-2], distances - 1, 1)
    start = scores_hBnW.storage_offset() + rows - 1
    return scores_hBnW.as_strided((*outer, rows, distances - rows + 1), strides, start)


def _heads_first(x_BTD: Tensor, count: int) -> Tensor:
    """[B, T, N * d] -> [N, B, T, d]"""
    return x_BTD.view(*x_BTD.shape[:-1], count, -1).permute(2, 0, 1, 3)
