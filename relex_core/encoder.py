"""Words and labels -> vectors (paper section 3.3): encoder, projection, pooling of pieces, BiLSTM.

B texts, T pieces, L words, D width of the encoder, then of the model; N heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from relex_core.bert import BertEncoder
from relex_core.deberta import DebertaEncoder
from relex_core.errors import CheckpointError, quote


class TransformersEncoder(nn.Module):
    """Any other bidirectional encoder that transformers builds from its configuration, such as ModernBERT."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        from transformers import AutoModel, MT5EncoderModel, T5EncoderModel
        from transformers.models.auto import CONFIG_MAPPING

        kind = str(config.get("model_type"))
        if kind not in CONFIG_MAPPING:
            raise CheckpointError(
                expected="an encoder that transformers knows",
                found=quote(kind),
                change="Install a newer transformers, or choose another checkpoint.",
                value=kind,
            )
        settings = CONFIG_MAPPING[kind](**{key: value for key, value in config.items() if key != "model_type"})
        halves = {"t5": T5EncoderModel, "mt5": MT5EncoderModel}
        if kind not in halves and getattr(settings, "is_encoder_decoder", False):
            raise CheckpointError(
                expected="an encoder that reads a text in both directions",
                found=f"{quote(kind)}, which also has a decoder",
                change="Choose another checkpoint.",
                value=kind,
            )
        model = halves[kind](settings) if kind in halves else AutoModel.from_config(settings)
        for name, child in model.named_children():
            self.add_module(name, child)
        # in a tuple, so that it is no submodule: parameters are named as in the model itself
        self.whole = (model,)
        self.width = int(model.config.hidden_size)

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """[B, T, D]"""
        model = self.whole[0]
        model.train(self.training)
        hidden: Tensor = model(input_ids=ids_BT, attention_mask=mask_BT.long()).last_hidden_state
        return hidden


def build_encoder(config: Mapping[str, Any]) -> BertEncoder | DebertaEncoder | TransformersEncoder:
    """The encoder that an `encoder_config` describes, with random weights; BERT and DeBERTa have fast forms here."""
    kind = config.get("model_type", "deberta-v2")
    if kind == "bert" and config.get("position_embedding_type", "absolute") == "absolute":
        return BertEncoder(config)
    if kind == "deberta-v2" and DebertaEncoder.supports(config):
        return DebertaEncoder(config)
    return TransformersEncoder({"model_type": kind, **config})


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
