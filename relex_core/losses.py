"""The objective: focal loss on entities, pairs and relations, with masks for what nobody annotated (section 3.7).

    L = lambda_E L_entity + lambda_A L_adjacency + lambda_R L_relation                              (equation 9)
    L_focal = - alpha_t (1 - p_t)^gamma log p_t                                                     (equation 10)

Computed from logits, so that a confident mistake keeps its gradient (the reference clamps probabilities).
Each part is a sum over its known cells divided by the number of texts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from relex_core.loss_weights import LossWeights


@dataclass(frozen=True, slots=True)
class Targets:
    """What should be and where that is known; shapes as in `model.Output`. Masks are False on padding."""

    entities: Tensor
    entities_known: Tensor
    relations_BPM: Tensor
    relations_known_BPM: Tensor
    adjacency_BEE: Tensor
    adjacency_known_BEE: Tensor


@dataclass(frozen=True, slots=True)
class Losses:
    """The parts of equation 9, each already weighted, and their sum."""

    entity: Tensor
    adjacency: Tensor
    relation: Tensor

    @property
    def total(self) -> Tensor:
        return self.entity + self.adjacency + self.relation


def focal(logits: Tensor, targets: Tensor, alpha: float = 0.75, gamma: float = 0.0) -> Tensor:
    """Equation 10 for each cell; `targets` are 0 or 1.

    >>> focal(torch.tensor([0.0]), torch.tensor([1.0]), alpha=-1.0).round(decimals=4)
    tensor([0.6931])
    """
    loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    if gamma > 0:
        # 1 - p_t = sigmoid of the logit turned against the target
        loss = loss * torch.sigmoid(logits * (1 - 2 * targets)) ** gamma
    if alpha >= 0:
        loss = loss * (alpha * targets + (1 - alpha) * (1 - targets))
    return loss


def objective(
    entities: Tensor, adjacency_BEE: Tensor | None, relations_BPM: Tensor, targets: Targets, weights: LossWeights
) -> Losses:
    """Equation 9 from the logits of `model.Output`."""
    texts = entities.shape[0]

    def part(logits: Tensor, wanted: Tensor, known: Tensor, weight: float) -> Tensor:
        cells = focal(logits.float(), wanted, weights.alpha, weights.gamma)
        return weight * torch.where(known, cells, 0.0).sum() / texts

    zero = relations_BPM.new_zeros((), dtype=torch.float32)
    return Losses(
        entity=part(entities, targets.entities, targets.entities_known, weights.entity),
        adjacency=zero
        if adjacency_BEE is None
        else part(adjacency_BEE, targets.adjacency_BEE, targets.adjacency_known_BEE, weights.adjacency),
        relation=part(relations_BPM, targets.relations_BPM, targets.relations_known_BPM, weights.relation),
    )
