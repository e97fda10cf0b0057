"""Words and labels -> vectors (paper section 3.3): encoder, projection, pooling of pieces, BiLSTM.

B texts, T pieces, L words, D width of the encoder, then of the model; N heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from relex_core.errors import CheckpointError, quote


class BertEncoder(nn.Module):
    """BERT (Devlin et al. 2019) with fused attention; parameters are named as in transformers' BertModel."""

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
        layers = [_BertLayer(config, width, eps, dropout) for _ in range(int(config.get("num_hidden_layers", 12)))]
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


class _BertLayer(nn.Module):
    def __init__(self, config: Mapping[str, Any], width: int, eps: float, dropout: float) -> None:
        super().__init__()
        inner = int(config.get("intermediate_size", 3072))
        self.heads = int(config.get("num_attention_heads", 12))
        self.attention_dropout = float(config.get("attention_probs_dropout_prob", 0.1))
        own = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        out = nn.ModuleDict({"dense": nn.Linear(width, width), "LayerNorm": nn.LayerNorm(width, eps=eps)})
        self.attention = nn.ModuleDict({"self": own, "output": out})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = nn.ModuleDict({"dense": nn.Linear(inner, width), "LayerNorm": nn.LayerNorm(width, eps=eps)})
        self.dropout = nn.Dropout(dropout)
        self.activation = activation(str(config.get("hidden_act", "gelu")))

    def forward(self, x_BTD: Tensor, mask_B11T: Tensor | None) -> Tensor:
        own, out = self.attention["self"], self.attention["output"]
        q, k, v = (_heads(own[name](x_BTD), self.heads) for name in ("query", "key", "value"))
        p = self.attention_dropout if self.training else 0.0
        mixed_BNTd = F.scaled_dot_product_attention(q, k, v, attn_mask=mask_B11T, dropout_p=p)
        mixed_BTD = mixed_BNTd.transpose(1, 2).flatten(2)
        x_BTD = out["LayerNorm"](x_BTD + self.dropout(out["dense"](mixed_BTD)))
        inner = self.activation(self.intermediate["dense"](x_BTD))
        return self.output["LayerNorm"](x_BTD + self.dropout(self.output["dense"](inner)))  # type: ignore[no-any-return]


class TransformersEncoder(nn.Module):
    """Any other bidirectional encoder that transformers builds from its configuration, such as ModernBERT."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        from transformers import AutoModel
        from transformers.models.auto import CONFIG_MAPPING

        kind = str(config.get("model_type"))
        if kind not in CONFIG_MAPPING:
            raise CheckpointError(
                expected="an encoder that transformers knows",
                found=quote(kind),
                change="Install a newer transformers, or choose another checkpoint.",
                value=kind,
            )
        settings = {key: value for key, value in config.items() if key != "model_type"}
        model = AutoModel.from_config(CONFIG_MAPPING[kind](**settings))
        for name, child in model.named_children():
            self.add_module(name, child)
        object.__setattr__(self, "model", model)  # not a submodule: parameters are named as in the model itself
        self.width = int(model.config.hidden_size)

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """[B, T, D]"""
        self.model.train(self.training)
        hidden: Tensor = self.model(input_ids=ids_BT, attention_mask=mask_BT.long()).last_hidden_state
        return hidden


def build_encoder(config: Mapping[str, Any]) -> BertEncoder | TransformersEncoder:
    """The encoder that an `encoder_config` describes, with random weights."""
    kind = config.get("model_type", "deberta-v2")
    if kind == "bert" and config.get("position_embedding_type", "absolute") == "absolute":
        return BertEncoder(config)
    return TransformersEncoder({"model_type": kind, **config})


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


def _heads(x_BTD: Tensor, heads: int) -> Tensor:
    """[B, T, N * d] -> [B, N, T, d]"""
    return x_BTD.unflatten(-1, (heads, -1)).transpose(1, 2)


def pool_words(pieces_BTD: Tensor, word_BT: Tensor, words: int, pooling: str) -> Tensor:
    """Vectors of pieces -> vectors of words, [B, L, D]; a word without pieces gets zeros.

    `word_BT` is the 1-based number of a piece's word, 0 for what is no word of the text.
    """
    pad = F.pad(word_BT, (1, 1))
    kept = {
        "first": (word_BT > 0) & (word_BT != pad[:, :-2]),
        "last": (word_BT > 0) & (word_BT != pad[:, 2:]),
    }.get(pooling, word_BT > 0)
    texts, places = kept.nonzero(as_tuple=True)
    at = texts * words + word_BT[texts, places] - 1
    chosen = pieces_BTD[texts, places]
    out = pieces_BTD.new_zeros(word_BT.shape[0] * words, pieces_BTD.shape[-1])
    if pooling in ("first", "last"):
        out = out.index_copy(0, at, chosen)
    else:
        reduce = {"mean": "mean", "max": "amax"}[pooling]
        out = out.scatter_reduce(0, at[:, None].expand_as(chosen), chosen, reduce, include_self=False)
    return out.view(word_BT.shape[0], words, -1)


class BiLstm(nn.Module):
    """LSTM over the words in both directions, by true lengths."""

    def __init__(self, hidden_size: int, layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(hidden_size, hidden_size // 2, layers, batch_first=True, bidirectional=True)

    def forward(self, words_BLD: Tensor, lengths_B: Tensor) -> Tensor:
        """[B, L, D]"""
        packed = pack_padded_sequence(words_BLD, lengths_B.cpu(), batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=words_BLD.shape[1])
        return out
