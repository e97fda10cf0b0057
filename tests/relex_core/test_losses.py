from __future__ import annotations

import math

import pytest
import torch

from relex_core.errors import ConfigError
from relex_core.loss_weights import LossWeights
from relex_core.losses import Targets, focal, objective


def by_hand(logit: float, target: float, alpha: float, gamma: float) -> float:
    p = 1 / (1 + math.exp(-logit))
    p_t = p if target else 1 - p
    alpha_t = 1.0 if alpha < 0 else alpha if target else 1 - alpha
    return -alpha_t * (1 - p_t) ** gamma * math.log(p_t)


@pytest.mark.parametrize("alpha", [-1.0, 0.25, 0.75])
@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_focal_loss_is_equation_10(alpha: float, gamma: float) -> None:
    cells = [(-3.0, 0.0), (-3.0, 1.0), (0.4, 1.0), (2.0, 0.0)]
    logits, targets = (torch.tensor(column) for column in zip(*cells, strict=True))
    expected = [by_hand(logit, target, alpha, gamma) for logit, target in cells]
    assert focal(logits, targets, alpha, gamma).tolist() == pytest.approx(expected, rel=1e-5)


def test_a_confident_mistake_keeps_its_gradient() -> None:
    logit = torch.tensor([-80.0], requires_grad=True)
    focal(logit, torch.tensor([1.0]), -1.0, 0.0).sum().backward()
    assert logit.grad is not None
    assert logit.grad.item() == pytest.approx(-1.0)


def targets(known: bool) -> Targets:
    return Targets(
        entities=torch.ones(2, 3, 2, 1),
        entities_known=torch.ones(2, 3, 2, 1, dtype=torch.bool),
        relations_BPM=torch.zeros(2, 4, 2),
        relations_known_BPM=torch.full((2, 4, 2), known),
        adjacency_BEE=torch.zeros(2, 2, 2),
        adjacency_known_BEE=torch.eye(2, dtype=torch.bool).expand(2, 2, 2),
    )


def test_objective_sums_the_known_cells_of_each_part() -> None:
    logits = torch.zeros(2, 3, 2, 1), torch.zeros(2, 2, 2), torch.zeros(2, 4, 2)
    weights = LossWeights(entity=1.0, adjacency=0.5, relation=2.0, alpha=-1.0)
    losses = objective(*logits, targets(True), weights)
    log2 = math.log(2)  # of every cell, as p = 1/2
    assert losses.entity.item() == pytest.approx(12 * log2 / 2)
    assert losses.adjacency.item() == pytest.approx(0.5 * 4 * log2 / 2)
    assert losses.relation.item() == pytest.approx(2 * 16 * log2 / 2)
    assert losses.total.item() == pytest.approx((6 + 1 + 16) * log2)


def test_what_is_not_known_has_neither_loss_nor_gradient() -> None:
    relations = torch.full((2, 4, 2), 50.0, requires_grad=True)
    losses = objective(torch.zeros(2, 3, 2, 1), None, relations, targets(False), LossWeights())
    losses.total.backward()
    assert losses.relation.item() == 0
    assert losses.adjacency.item() == 0
    assert relations.grad is not None
    assert not relations.grad.any()


@pytest.mark.parametrize(
    "wrong", [{"alpha": 1.5}, {"alpha": math.nan}, {"gamma": -1.0}, {"relation": -1.0}, {"entity": math.inf}]
)
def test_weights_that_would_reward_mistakes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        LossWeights(**wrong)
