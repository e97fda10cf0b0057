"""How much each part of the objective counts. Needs no torch: it is a part of a run's configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass

from relex_core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LossWeights:
    """lambda_E, lambda_A, lambda_R of equation 9; alpha and gamma of equation 10 (alpha < 0: no balancing)."""

    entity: float = 1.0
    adjacency: float = 1.0
    relation: float = 1.0
    alpha: float = 0.75
    gamma: float = 0.0

    def __post_init__(self) -> None:
        for name in ("entity", "adjacency", "relation", "gamma"):
            if not 0 <= getattr(self, name) < math.inf:
                raise _wrong(name, "a number of at least 0", getattr(self, name))
        if not self.alpha <= 1:
            raise _wrong("alpha", "at most 1, or it would reward mistakes on negatives", self.alpha)


def _wrong(name: str, expected: str, found: float) -> ConfigError:
    return ConfigError(
        expected=f"loss.{name} to be {expected}",
        found=str(found),
        change="Correct the training configuration.",
        value=found,
    )
