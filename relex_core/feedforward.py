"""The two-layer perceptron that GLiNER uses for every projection, and its factorised form for pairs.

D width of a vector, H = 4 D width of the hidden layer, K labels.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from relex_core.products import Linear, linear


class FeedForward(nn.Sequential):
    """Linear(in, 4 out), ReLU, dropout, Linear(4 out, out)."""

    def __init__(self, width_in: int, width_out: int, dropout: float) -> None:
        super().__init__(
            Linear(width_in, 4 * width_out),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            Linear(4 * width_out, width_out),
        )


class PairFeedForward(FeedForward):
    """The same over a concatenation [x ; y], without ever concatenating.

    W [x ; y] = W_left x + W_right y, so the first layer runs once for each x and each y instead of once for
    each pair; and a dot product of the output with a label vector folds into the second layer,
    (V h + c) . label = h . (V^T label) + c . label, so the output itself is made only where it is needed.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(2 * width, width, dropout)
        self.width = width

    @property
    def first(self) -> nn.Linear:
        return self[0]  # type: ignore[return-value]

    @property
    def second(self) -> nn.Linear:
        return self[3]  # type: ignore[return-value]

    def left(self, x_D: Tensor) -> Tensor:
        """[..., D] -> [..., H]; the bias is counted here."""
        weight = self.first.weight[:, : self.width]
        return linear(x_D.to(weight.dtype), weight, self.first.bias)

    def right(self, y_D: Tensor) -> Tensor:
        """[..., D] -> [..., H]"""
        weight = self.first.weight[:, self.width :]
        return linear(y_D.to(weight.dtype), weight)

    def hidden(self, left_H: Tensor, right_H: Tensor) -> Tensor:
        """What the second layer sees; shapes broadcast."""
        hidden: Tensor = self[2](F.relu(left_H + right_H, inplace=not left_H.requires_grad))
        return hidden

    def output(self, hidden_H: Tensor) -> Tensor:
        """[..., H] -> [..., D]"""
        return linear(hidden_H, self.second.weight, self.second.bias)

    def fold(self, labels_BKD: Tensor) -> tuple[Tensor, Tensor]:
        """Label vectors -> weights [B, H, K] and biases [B, 1, K] that turn hidden vectors into logits."""
        return (labels_BKD @ self.second.weight).transpose(1, 2), (labels_BKD @ self.second.bias)[:, None]
