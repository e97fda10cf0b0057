"""How a pair of entities is scored against relation labels (paper section 3.6).

B texts, E entities, P pairs, M relation labels, D hidden, H = 4 D. Each scorer has the same signature:
entity vectors [B, E, D], pairs [B, P, 2] of indices into them, label vectors [B, M, D] -> logits [B, P, M].
"""

from __future__ import annotations

import torch
from torch import Tensor

from relex_core.feedforward import PairFeedForward

BLOCK = 8_000_000
"""Numbers that one block of pairs may hold at a time (32 MB in fp32): memory stays linear in pairs."""


class PairScorer(PairFeedForward):
    """FF([head ; tail]) . label: the released checkpoints' form."""

    def score(self, entities_BED: Tensor, pairs_BP2: Tensor, labels_BMD: Tensor) -> Tensor:
        """[B, P, M]"""
        head_BEH, tail_BEH = self.left(entities_BED), self.right(entities_BED)
        weight_BHM, bias_B1M = self.fold(labels_BMD)
        step = max(1, BLOCK // max(1, head_BEH.shape[0] * head_BEH.shape[2]))
        logits = []
        for some_BP2 in pairs_BP2.split(step, dim=1):
            head_BPH = take(head_BEH, some_BP2[..., 0])
            tail_BPH = take(tail_BEH, some_BP2[..., 1])
            logits.append(self.hidden(head_BPH, tail_BPH) @ weight_BHM + bias_B1M)
        return torch.cat(logits, dim=1)


def take(vectors_BEH: Tensor, at_BP: Tensor) -> Tensor:
    """Rows of each text's matrix: [B, P, H]"""
    return vectors_BEH.gather(1, at_BP[..., None].expand(-1, -1, vectors_BEH.shape[-1]))
