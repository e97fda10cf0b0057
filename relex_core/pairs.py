"""Which ordered pairs of entities are looked at (paper section 3.5).

B texts, E entities, P pairs, D hidden.
"""

from __future__ import annotations

import torch
from torch import Tensor


def all_pairs(mask_BE: Tensor) -> tuple[Tensor, Tensor]:
    """Every ordered pair of different entities, heads first: indices [B, P, 2] and mask [B, P]."""
    entities = mask_BE.shape[1]
    head, tail = torch.meshgrid(*[torch.arange(entities, device=mask_BE.device)] * 2, indexing="ij")
    differ = head != tail
    pairs_P2 = torch.stack((head[differ], tail[differ]), dim=-1)
    pairs_BP2 = pairs_P2.expand(mask_BE.shape[0], -1, -1)
    return pairs_BP2, mask_BE[:, pairs_P2[:, 0]] & mask_BE[:, pairs_P2[:, 1]]
