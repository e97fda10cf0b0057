"""The two-layer perceptron that GLiNER uses for every projection, and its factorised form for pairs.

D width of a vector, H = 4 D width of the hidden layer, K labels.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex_core.products import Linear, linear


class FeedForward(nn.Sequential):
    """Linear(in, 4 out), ReLU, dropout, Linear(4 out, out)."""

    def __init__(self, width_in: int, width_out: int, dropout: float, first: type[Linear] = Linear) -> None:
        super().__init__(
            first(width_in, 4 * width_out),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            Linear(4 * width_out, width_out),
        )

    @property
    def rows(self) -> int:
        """How many rows make a block."""
        return int(self[0].rows)  # type: ignore[arg-type]


class Room:
    """Memory for hidden layers of which each is used before the next one is made.

    Made one by one, the small results that are kept between them would take the place that the next one needs.
    """

    def __init__(self) -> None:
        self._memory: Tensor | None = None

    def of(self, like: Tensor, shape: torch.Size) -> Tensor | None:
        """Numbers that mean nothing yet; None while gradients are recorded, for these need all layers."""
        if torch.is_grad_enabled():
            return None
        if self._memory is None or self._memory.numel() < shape.numel():
            self._memory = like.new_empty(shape.numel())
        return self._memory[: shape.numel()].view(shape)


class PairLinear(Linear):
    """A linear layer over a concatenation [x ; y], W [x ; y] = W_left x + W_right y, whose halves are used apart."""

    def left(self, x: Tensor) -> Tensor:
        """[..., in / 2] -> [..., out]; the bias is counted here."""
        weight = self.weight[:, : self.in_features // 2]
        return linear(x.to(weight.dtype), weight, self.bias)

    def right(self, y: Tensor) -> Tensor:
        """[..., in / 2] -> [..., out]"""
        weight = self.weight[:, self.in_features // 2 :]
        return linear(y.to(weight.dtype), weight)


class PairFeedForward(FeedForward):
    """The same over a concatenation [x ; y], without ever concatenating.

    W [x ; y] = W_left x + W_right y, so the first layer runs once for each x and each y instead of once for
    each pair; and a dot product of the output with a label vector folds into the second layer,
    (V h + c) . label = h . (V^T label) + c . label, so the output itself is made only where it is needed.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(2 * width, width, dropout, PairLinear)

    @property
    def first(self) -> PairLinear:
        return self[0]  # type: ignore[return-value]

    @property
    def second(self) -> nn.Linear:
        return self[3]  # type: ignore[return-value]

    def left(self, x_D: Tensor) -> Tensor:
        """[..., D] -> [..., H]; the bias is counted here."""
        return self.first.left(x_D)

    def right(self, y_D: Tensor) -> Tensor:
        """[..., D] -> [..., H]"""
        return self.first.right(y_D)

    def hidden(self, left_H: Tensor, right_H: Tensor, room: Room | None = None) -> Tensor:
        """What the second layer sees; shapes broadcast. In a room it holds until the next one is put there."""
        # numpy's: torch's loads sympy to do it
        out = room.of(left_H, torch.Size(np.broadcast_shapes(left_H.shape, right_H.shape))) if room else None
        hidden: Tensor = self[2](F.relu(torch.add(left_H, right_H, out=out), inplace=not left_H.requires_grad))
        return hidden

    def output(self, hidden_H: Tensor) -> Tensor:
        """[..., H] -> [..., D]"""
        return linear(hidden_H, self.second.weight, self.second.bias)

    def fold(self, labels_BKD: Tensor) -> tuple[Tensor, Tensor]:
        """Label vectors -> weights [B, H, K] and biases [B, 1, K] that turn hidden vectors into logits."""
        return (labels_BKD @ self.second.weight).transpose(1, 2), (labels_BKD @ self.second.bias)[:, None]


def take(vectors_BEH: Tensor, at_BP: Tensor) -> Tensor:
    """Rows of each text's matrix: [B, P, H]"""
    return vectors_BEH.gather(1, at_BP[..., None].expand(-1, -1, vectors_BEH.shape[-1]))
