"""Which ordered pairs of entities are looked at (paper section 3.5).

B texts, E entities, P pairs, D hidden. All pairs in one step, or an adjacency A[i, j] first: the pair (i, j) is
scored if sigmoid(logit) > tau_A. The paper's formulas for dot, bilinear, GCN and GAT give the same value in both
directions; mlp and attention are directed.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex_core.config import HEADS


def all_pairs(mask_BE: Tensor) -> tuple[Tensor, Tensor]:
    """Every ordered pair of different entities, heads first: indices [B, P, 2] and mask [B, P]."""
    entities = mask_BE.shape[1]
    head, tail = torch.meshgrid(*[torch.arange(entities, device=mask_BE.device)] * 2, indexing="ij")
    differ = head != tail
    pairs_P2 = torch.stack((head[differ], tail[differ]), dim=-1)
    pairs_BP2 = pairs_P2.expand(mask_BE.shape[0], -1, -1)
    return pairs_BP2, mask_BE[:, pairs_P2[:, 0]] & mask_BE[:, pairs_P2[:, 1]]


class DotAdjacency(nn.Module):
    """sigma(x_i . x_j)"""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()

    def forward(self, x_BED: Tensor, mask_BE: Tensor) -> Tensor:
        """Logits [B, E, E]"""
        return x_BED @ x_BED.mT


class BilinearAdjacency(nn.Module):
    """sigma(P x_i . P x_j)"""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.proj = nn.Linear(hidden_size, hidden_size)

    def forward(self, x_BED: Tensor, mask_BE: Tensor) -> Tensor:
        """Logits [B, E, E]"""
        z_BED = self.proj(x_BED)
        logits: Tensor = z_BED @ z_BED.mT
        return logits


class MlpAdjacency(nn.Module):
    """sigma(w . ReLU(W [x_i ; x_j])), with the first layer run once for each entity, not for each pair."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2 * hidden_size, hidden_size), nn.ReLU(), nn.Linear(hidden_size, 1))
        self.width = hidden_size

    def forward(self, x_BED: Tensor, mask_BE: Tensor) -> Tensor:
        """Logits [B, E, E]"""
        first = cast(nn.Linear, self.mlp[0])
        head_BED = F.linear(x_BED, first.weight[:, : self.width], first.bias)
        tail_BED = F.linear(x_BED, first.weight[:, self.width :])
        rows = [self.mlp[2](F.relu(head_BED[:, i, None] + tail_BED))[..., 0] for i in range(x_BED.shape[1])]
        return torch.stack(rows, dim=1) if rows else x_BED.new_zeros(x_BED.shape[0], 0, 0)


def _padding(mask_BE: Tensor) -> Tensor:
    """What is not attended to [B, E]. A text without entities attends to its padding: attention over nothing would
    give no numbers, and one such text in a batch would spoil the whole step."""
    return ~mask_BE & mask_BE.any(dim=-1, keepdim=True)


class AttentionAdjacency(nn.Module):
    """The weights of self-attention over the entities, averaged over heads: rows sum to 1.

    Given as logits of these weights, so that all decoders have the same signature.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(hidden_size, HEADS, batch_first=True)

    def forward(self, x_BED: Tensor, mask_BE: Tensor) -> Tensor:
        """Logits [B, E, E]"""
        _, weights_BEE = self.attn(x_BED, x_BED, x_BED, key_padding_mask=_padding(mask_BE), need_weights=True)
        # in bf16 1 - 1e-6 is 1, the logit of which is infinite: so it is for an entity that stands alone
        return torch.logit(weights_BEE.float(), eps=1e-6)


class GcnAdjacency(nn.Module):
    """A graph convolution over the dot-product adjacency: H = ReLU(W D^-1/2 (A + I) D^-1/2 X), sigma(P h_i . P h_j)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.gcn = nn.ModuleDict({"linear": nn.Linear(hidden_size, hidden_size)})
        self.proj = nn.Linear(hidden_size, hidden_size)

    def forward(self, x_BED: Tensor, mask_BE: Tensor) -> Tensor:
        """Logits [B, E, E]"""
        both_BEE = (mask_BE[:, :, None] & mask_BE[:, None]).to(x_BED.dtype)
        a_BEE = torch.sigmoid(x_BED @ x_BED.mT) * both_BEE + torch.diag_embed(mask_BE.to(x_BED.dtype))
        scale_BE = a_BEE.sum(dim=-1).clamp(min=1e-6).rsqrt()
        mixed_BED = (scale_BE[:, :, None] * a_BEE * scale_BE[:, None]) @ x_BED
        z_BED = self.proj(F.relu(self.gcn["linear"](mixed_BED)))
        logits: Tensor = z_BED @ z_BED.mT
        return logits


class GatAdjacency(nn.Module):
    """Attention over the entities, then sigma(W h_i . W h_j)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(hidden_size, HEADS, batch_first=True)
        self.linear = nn.Linear(hidden_size, hidden_size)

    def forward(self, x_BED: Tensor, mask_BE: Tensor) -> Tensor:
        """Logits [B, E, E]"""
        h_BED, _ = self.attn(x_BED, x_BED, x_BED, key_padding_mask=_padding(mask_BE), need_weights=False)
        z_BED = self.linear(h_BED)
        logits: Tensor = z_BED @ z_BED.mT
        return logits


DECODERS: dict[str, type[nn.Module]] = {
    "dot": DotAdjacency,
    "bilinear": BilinearAdjacency,
    "mlp": MlpAdjacency,
    "attention": AttentionAdjacency,
    "attn": AttentionAdjacency,
    "gcn": GcnAdjacency,
    "gat": GatAdjacency,
}
"""By the name in `relations_layer`; "none" has no decoder."""
