"""GLiNER-Relex, in the paper's order: encode, entities, pairs, relations (sections 3.2 to 3.6).

B  texts of a batch            E  entities of a text         D  width of vectors
T  pieces, labels included     P  pairs of entities          H  hidden width of a feed-forward layer, 4 D
L  words                       K  entity labels
W  widths of spans             M  relation labels
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from relex_core.batching import Batch
from relex_core.config import ModelConfig
from relex_core.encoder import BiLstm, build_encoder, pool_words
from relex_core.feedforward import FeedForward
from relex_core.pairs import DECODERS
from relex_core.relations import PairScorer
from relex_core.spans import MarkerSpans, TokenScorer
from relex_core.triples import TripleScorer


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the encoder made of a batch: vectors of words and labels."""

    words_BLD: Tensor
    lengths_B: Tensor
    entity_labels_BKD: Tensor
    relation_labels_BMD: Tensor


@dataclass(frozen=True, slots=True)
class Output:
    """Logits. `entities` is [B, L, W, K], NEVER past the end of a text, or [B, L, K, 3] (start, end, inside) at
    token level; `adjacency` is None if all pairs are looked at."""

    entities: Tensor
    adjacency_BEE: Tensor | None
    relations_BPM: Tensor


class RelexModel(nn.Module):
    """Entities and relations in one pass."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size, dropout = config.hidden_size, config.dropout
        self.config = config
        self.encoder = build_encoder(config.encoder_config)
        self.projection = nn.Linear(self.encoder.width, size) if self.encoder.width != size else None
        self.lstm = BiLstm(size, config.num_rnn_layers) if config.num_rnn_layers > 0 else None
        self.entity_prompt = FeedForward(size, size, dropout)
        self.token_scorer = TokenScorer(size, dropout) if config.span_mode == "token_level" else None
        self.spans = MarkerSpans(size, dropout)
        self.adjacency = None if config.relations_layer == "none" else DECODERS[config.relations_layer](size)
        self.relations = (
            TripleScorer(config.triples_layer, size, dropout) if config.triples_layer else PairScorer(size, dropout)
        )

    def forward(self, batch: Batch, spans_BE2: Tensor, mask_BE: Tensor, pairs_BP2: Tensor) -> Output:
        """Score all entities, and relations on the given spans and pairs (gold ones in training).

        `spans_BE2` are first and last words, both included, real where `mask_BE`; `pairs_BP2` are indices into
        them. Padding may hold any valid index: the caller masks the logits.
        """
        # 3.2, 3.3  input and encoder
        encoded = self.encode(batch)
        ends = self.spans.ends(encoded.words_BLD)
        # 3.4  entities
        entities = self.entity_logits(encoded, ends)
        vectors_BED = self.spans.vectors(ends, spans_BE2)
        # 3.5  pairs
        adjacency_BEE = None if self.adjacency is None else self.adjacency(vectors_BED, mask_BE)
        # 3.6  relations
        relations_BPM = self.relations.score(vectors_BED, pairs_BP2, encoded.relation_labels_BMD)
        return Output(entities, adjacency_BEE, relations_BPM)

    def encode(self, batch: Batch) -> Encoded:
        """Vectors of words, entity labels (projected) and relation labels (as they are)."""
        pieces_BTD = self.encoder(batch.ids_BT, batch.mask_BT)
        if self.projection is not None:
            pieces_BTD = self.projection(pieces_BTD)
        words_BLD = pool_words(pieces_BTD, batch.word_BT, batch.words, self.config.subtoken_pooling)
        if self.lstm is not None:
            words_BLD = self.lstm(words_BLD, batch.lengths_B)
        return Encoded(
            words_BLD,
            batch.lengths_B,
            self.entity_prompt(_rows(pieces_BTD, batch.entity_at_BK)),
            _rows(pieces_BTD, batch.relation_at_BM),
        )

    def entity_logits(self, encoded: Encoded, ends: tuple[Tensor, Tensor]) -> Tensor:
        """[B, L, W, K] for markerV0, [B, L, K, 3] at token level."""
        if self.token_scorer is not None:
            logits: Tensor = self.token_scorer(encoded.words_BLD, encoded.entity_labels_BKD)
            return logits
        return self.spans.logits(ends, encoded.entity_labels_BKD, self.config.max_width, encoded.lengths_B)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device


def _rows(vectors_BTD: Tensor, at_BK: Tensor) -> Tensor:
    return vectors_BTD.gather(1, at_BK[..., None].expand(-1, -1, vectors_BTD.shape[-1]))
