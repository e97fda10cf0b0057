"""How a pair of entities is scored against relation labels (paper section 3.6): the pair MLP.

B texts, E entities, P pairs, M relation labels, D hidden, H = 4 D. Every scorer has the same signature:
entity vectors [B, E, D], pairs [B, P, 2] of indices into them, label vectors [B, M, D] -> logits [B, P, M].
The triple scorers, with this signature, are in `triples`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from relex_core.feedforward import PairFeedForward, Room, take
from relex_core.products import each, linear

BLOCK = 250_000
"""Numbers that one block of pairs holds at a time: memory stays linear in pairs, and 1 MB stays in the cache."""


class PairScorer(PairFeedForward):
    """FF([head ; tail]) . label: the released checkpoints' form."""

    def score(self, entities_BED: Tensor, pairs_BP2: Tensor, labels_BMD: Tensor) -> Tensor:
        """[B, P, M]"""
        return join(labels_BMD, self.blocks(entities_BED, pairs_BP2, labels_BMD))

    def blocks(self, entities_BED: Tensor, pairs_BP2: Tensor, labels_BMD: Tensor) -> Iterator[Tensor]:
        """The same, some pairs at a time."""
        head_BEH, tail_BEH = self.left(entities_BED), self.right(entities_BED)
        weight_BHM, bias_B1M = self.fold(labels_BMD)
        for some_BP2 in pairs_BP2.split(block(head_BEH), dim=1):
            head_BPH = take(head_BEH, some_BP2[..., 0])
            tail_BPH = take(tail_BEH, some_BP2[..., 1])
            yield each(self.hidden(head_BPH, tail_BPH), weight_BHM) + bias_B1M

    def grid(self, entities_ED: Tensor, labels_MD: Tensor) -> Iterator[Tensor]:
        """All pairs of one text with themselves too, some heads at a time: [heads, E, M]. Nothing is gathered."""
        head_EH, tail_EH = self.left(entities_ED), self.right(entities_ED)
        weight_1HM, bias_11M = self.fold(labels_MD[None])
        step = max(1, block(head_EH[None]) // max(1, len(tail_EH)))
        room = Room()
        for some_EH in head_EH.split(step):
            yield linear(self.hidden(some_EH[:, None], tail_EH, room), weight_1HM[0].mT, bias_11M[0, 0])


def block(vectors_BEH: Tensor) -> int:
    """How many pairs make a block."""
    return max(1, BLOCK // max(1, vectors_BEH.shape[0] * vectors_BEH.shape[2]))


def join(labels_BMD: Tensor, blocks: Iterable[Tensor]) -> Tensor:
    """Blocks of logits -> [B, P, M], also if there are none."""
    return torch.cat([labels_BMD.new_zeros(labels_BMD.shape[0], 0, labels_BMD.shape[1]), *blocks], dim=1)
