"""Triple scorers (paper section 3.6): phi(head, relation, tail) from knowledge-graph embedding, any hidden size.

B texts, E entities, P pairs, M relation labels, D hidden. Names of weights are the reference's. A distance is
given as its negative, at least -10 as there: its sigmoid is at most one half, so thresholds lie below that.
Scorers that are linear in the relation vector give one vector for each pair, whose products with the labels are a
single matrix product; the others run over blocks of pairs, so that memory stays linear in both cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex_core.feedforward import take
from relex_core.relations import BLOCK, join

MAX_DISTANCE = 10.0
"""A distance counts as this at most (reference: clamp_norm)."""


class TripleScorer(nn.Module):
    """One of the interactions below, over all given pairs and labels."""

    def __init__(self, name: str, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.interaction: Interaction = INTERACTIONS[name](hidden_size, dropout)

    def score(self, entities_BED: Tensor, pairs_BP2: Tensor, labels_BMD: Tensor) -> Tensor:
        """[B, P, M]"""
        return join(labels_BMD, self.blocks(entities_BED, pairs_BP2, labels_BMD))

    def blocks(self, entities_BED: Tensor, pairs_BP2: Tensor, labels_BMD: Tensor) -> Iterator[Tensor]:
        """The same, some pairs at a time."""
        texts, labels, width = labels_BMD.shape
        one = width * self.interaction.cost * (1 if isinstance(self.interaction, LinearInteraction) else max(1, labels))
        for some_BP2 in pairs_BP2.split(max(1, BLOCK // max(1, texts * one)), dim=1):
            head_BPD, tail_BPD = take(entities_BED, some_BP2[..., 0]), take(entities_BED, some_BP2[..., 1])
            yield self.interaction(head_BPD, labels_BMD, tail_BPD)


class Interaction(nn.Module):
    """phi(h, r, t) for pairs [B, P, D] and labels [B, M, D] -> [B, P, M]. `cost` is memory in units of D."""

    cost = 1

    def __init__(self, hidden_size: int, dropout: float) -> None:
        super().__init__()

    def forward(self, h_BPD: Tensor, r_BMD: Tensor, t_BPD: Tensor) -> Tensor:
        raise NotImplementedError


class LinearInteraction(Interaction):
    """phi(h, r, t) = pair(h, t) . r + rest(h, t)"""

    def forward(self, h_BPD: Tensor, r_BMD: Tensor, t_BPD: Tensor) -> Tensor:
        """[B, P, M]"""
        return self.pair(h_BPD, t_BPD) @ r_BMD.mT

    def pair(self, h: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        raise NotImplementedError


class DistMult(LinearInteraction):
    """sum h r t (Yang et al. 2015)"""

    def pair(self, h: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        return h * t


class ComplEx(LinearInteraction):
    """Re <h, r, conj(t)> (Trouillon et al. 2016)"""

    def pair(self, h: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        (h_re, h_im), (t_re, t_im) = _parts(h, 2), _parts(t, 2)
        return _whole(h, h_re * t_re + h_im * t_im, h_re * t_im - h_im * t_re)


class SimplE(LinearInteraction):
    """(<h1, r1, t2> + <t1, r2, h2>) / 2 (Kazemi and Poole 2018)"""

    def pair(self, h: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        (h_1, h_2), (t_1, t_2) = _parts(h, 2), _parts(t, 2)
        return _whole(h, h_1 * t_2 / 2, t_1 * h_2 / 2)


class QuatE(LinearInteraction):
    """(h x r) . t with the Hamilton product (Zhang et al. 2019), ordered by the parts of r"""

    def pair(self, h: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        (h0, h1, h2, h3), (t0, t1, t2, t3) = _parts(h, 4), _parts(t, 4)
        return _whole(
            h,
            h0 * t0 + h1 * t1 + h2 * t2 + h3 * t3,
            -h1 * t0 + h0 * t1 + h3 * t2 - h2 * t3,
            -h2 * t0 - h3 * t1 + h0 * t2 + h1 * t3,
            -h3 * t0 + h2 * t1 - h1 * t2 + h0 * t3,
        )


class HolE(LinearInteraction):
    """r . (h circularly correlated with t) (Nickel et al. 2016)"""

    def pair(self, h: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        product = torch.fft.rfft(h.float()).conj() * torch.fft.rfft(t.float())
        correlation: Tensor = torch.fft.irfft(product, n=h.shape[-1])
        return correlation.to(h.dtype)


class DistMA(LinearInteraction):
    """h.r + h.t + r.t (Shi et al. 2019)"""

    def forward(self, h_BPD: Tensor, r_BMD: Tensor, t_BPD: Tensor) -> Tensor:
        """[B, P, M]"""
        return super().forward(h_BPD, r_BMD, t_BPD) + (h_BPD * t_BPD).sum(dim=-1, keepdim=True)

    def pair(self, h: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        return h + t


class TuckER(LinearInteraction):
    """W x1 r x2 h x3 t with a core W of D^3 numbers (Balazevic et al. 2019)"""

    def __init__(self, hidden_size: int, dropout: float) -> None:
        super().__init__(hidden_size, dropout)
        self.W = nn.Parameter(torch.empty(hidden_size, hidden_size, hidden_size))
        # the scale of a core whose products neither grow nor shrink
        nn.init.normal_(self.W, std=1.0 / hidden_size)
        self.bn0, self.bn1 = nn.BatchNorm1d(hidden_size), nn.BatchNorm1d(hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.cost = 4

    def pair(self, h: Tensor, t: Tensor) -> Tensor:
        """[B, P, D]; row k is h^T W_k t"""
        h = self.dropout(_normalised(self.bn0, h.flatten(0, 1))).view(h.shape)
        t = self.dropout(_normalised(self.bn1, t.flatten(0, 1))).view(t.shape)
        columns = [(h @ core_DD * t).sum(dim=-1) for core_DD in self.W]
        return torch.stack(columns, dim=-1)


def _normalised(norm: nn.BatchNorm1d, rows_RD: Tensor) -> Tensor:
    """Batch normalisation; a single row has no statistics and takes the running ones, in training too."""
    if len(rows_RD) > 1:
        return cast(Tensor, norm(rows_RD))
    return F.batch_norm(rows_RD, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)


class Distance(Interaction):
    """- min(|| x(h, r, t) ||_p, 10)"""

    p = 2

    def forward(self, h_BPD: Tensor, r_BMD: Tensor, t_BPD: Tensor) -> Tensor:
        """[B, P, M]"""
        difference = self.difference(h_BPD[:, :, None], r_BMD[:, None], t_BPD[:, :, None])
        distance: Tensor = torch.linalg.vector_norm(difference, ord=self.p, dim=-1)
        return -distance.clamp(max=MAX_DISTANCE)

    def difference(self, h: Tensor, r: Tensor, t: Tensor) -> Tensor:
        """[..., D], by broadcasting"""
        raise NotImplementedError


class UM(Distance):
    """h - t; the label plays no part (Bordes et al. 2012)"""

    def difference(self, h: Tensor, r: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        return (h - t).expand(-1, -1, r.shape[2], -1)


class SE(Distance):
    """diag(r) h - diag(r) t (after Bordes et al. 2011)"""

    def difference(self, h: Tensor, r: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        return r * (h - t)


class TransE(Distance):
    """h + r - t, in the 1-norm (Bordes et al. 2013)"""

    p = 1

    def difference(self, h: Tensor, r: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        return (h - t) + r


class TransH(Distance):
    """The translation on the label's hyperplane: x - (x . w) w (Wang et al. 2014)"""

    def __init__(self, hidden_size: int, dropout: float) -> None:
        super().__init__(hidden_size, dropout)
        self.r_to_rtr, self.r_to_w = (nn.Linear(hidden_size, hidden_size) for _ in range(2))

    def difference(self, h: Tensor, r: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        w = F.normalize(self.r_to_w(r), dim=-1)
        x = h - t
        # the projection is linear, so it is applied once to h - t
        difference: Tensor = x - (x * w).sum(dim=-1, keepdim=True) * w + self.r_to_rtr(r)
        return difference


class TransF(Distance):
    """a(r) h + v(r) - b(r) t, which begins as TransE (after Feng et al. 2016)"""

    def __init__(self, hidden_size: int, dropout: float) -> None:
        super().__init__(hidden_size, dropout)
        self.r_to_rvec, self.r_to_alpha, self.r_to_beta = (nn.Linear(hidden_size, hidden_size) for _ in range(3))
        nn.init.eye_(self.r_to_rvec.weight)
        nn.init.zeros_(self.r_to_rvec.bias)
        for layer in (self.r_to_alpha, self.r_to_beta):
            nn.init.zeros_(layer.weight)
            nn.init.ones_(layer.bias)

    def difference(self, h: Tensor, r: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        difference: Tensor = self.r_to_alpha(r) * h + self.r_to_rvec(r) - self.r_to_beta(r) * t
        return difference


class PairRE(Distance):
    """a(r) h - b(r) t (Chao et al. 2021)"""

    def __init__(self, hidden_size: int, dropout: float) -> None:
        super().__init__(hidden_size, dropout)
        self.r_to_alpha, self.r_to_beta = (nn.Linear(hidden_size, hidden_size) for _ in range(2))

    def difference(self, h: Tensor, r: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        difference: Tensor = self.r_to_alpha(r) * h - self.r_to_beta(r) * t
        return difference


class TripleRE(Distance):
    """gamma(r) times the distance of a(r) h + d(r) - b(r) t (after Yu et al. 2022)"""

    def __init__(self, hidden_size: int, dropout: float) -> None:
        super().__init__(hidden_size, dropout)
        self.r_to_alpha, self.r_to_beta, self.r_to_delta = (nn.Linear(hidden_size, hidden_size) for _ in range(3))
        self.r_to_gamma = nn.Linear(hidden_size, 1)

    def forward(self, h_BPD: Tensor, r_BMD: Tensor, t_BPD: Tensor) -> Tensor:
        """[B, P, M]"""
        logits: Tensor = self.r_to_gamma(r_BMD).mT * super().forward(h_BPD, r_BMD, t_BPD)
        return logits

    def difference(self, h: Tensor, r: Tensor, t: Tensor) -> Tensor:
        """[..., D]"""
        difference: Tensor = self.r_to_alpha(r) * h + self.r_to_delta(r) - self.r_to_beta(r) * t
        return difference


class RotatE(Distance):
    """h rotated by r, minus t, in complex numbers; r is scaled to modulus 1 (Sun et al. 2019). Not in the reference."""

    def difference(self, h: Tensor, r: Tensor, t: Tensor) -> Tensor:
        """[..., D or D + 1]"""
        (h_re, h_im), (t_re, t_im), (r_re, r_im) = _parts(h, 2), _parts(t, 2), _parts(r, 2)
        modulus = torch.sqrt(r_re**2 + r_im**2).clamp(min=1e-6)
        c, s = r_re / modulus, r_im / modulus
        return torch.cat((h_re * c - h_im * s - t_re, h_re * s + h_im * c - t_im), dim=-1)


class ERMLP(Interaction):
    """w . ReLU(W [h ; r ; t]) (Dong et al. 2014), with W run once for each of the three"""

    hidden = 2048

    def __init__(self, hidden_size: int, dropout: float) -> None:
        super().__init__(hidden_size, dropout)
        self.mlp = nn.Sequential(nn.Linear(3 * hidden_size, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 1))
        self.cost = max(1, self.hidden // hidden_size)

    def forward(self, h_BPD: Tensor, r_BMD: Tensor, t_BPD: Tensor) -> Tensor:
        """[B, P, M]"""
        first = cast(nn.Linear, self.mlp[0])
        of_h, of_r, of_t = first.weight.chunk(3, dim=1)
        pair_BPH = F.linear(h_BPD, of_h, first.bias) + F.linear(t_BPD, of_t)
        logits: Tensor = self.mlp[2](F.relu(pair_BPH[:, :, None] + F.linear(r_BMD, of_r)[:, None]))[..., 0]
        return logits


class ConvKB(Interaction):
    """w . ReLU(32 filters of size 3 x 1 over [h ; r ; t]) (Nguyen et al. 2018)"""

    filters = 32
    cost = filters

    def __init__(self, hidden_size: int, dropout: float) -> None:
        super().__init__(hidden_size, dropout)
        self.conv = nn.Conv1d(3, self.filters, 1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(self.filters * hidden_size, 1)

    def forward(self, h_BPD: Tensor, r_BMD: Tensor, t_BPD: Tensor) -> Tensor:
        """[B, P, M]"""
        of_h, of_r, of_t = self.conv.weight[..., 0].T[..., None]
        pair = of_h * h_BPD[:, :, None, None] + of_t * t_BPD[:, :, None, None]
        assert self.conv.bias is not None
        maps = F.relu(pair + (of_r * r_BMD[:, :, None] + self.conv.bias[:, None])[:, None])
        logits: Tensor = self.fc(self.dropout(maps.flatten(-2)))[..., 0]
        return logits


INTERACTIONS: dict[str, type[Interaction]] = {
    kind.__name__: kind
    for kind in (
        *(TransE, TransH, TransF, PairRE, TripleRE, RotatE, UM, SE),
        *(DistMult, SimplE, ComplEx, QuatE, HolE, DistMA, TuckER, ERMLP, ConvKB),
    )
}
"""By the name in `triples_layer`."""


def _parts(x: Tensor, count: int) -> tuple[Tensor, ...]:
    """Equal parts of the last dimension, padded with zeros where it does not divide."""
    return F.pad(x, (0, -x.shape[-1] % count)).chunk(count, dim=-1)


def _whole(like: Tensor, *parts: Tensor) -> Tensor:
    """Parts joined, without the padding."""
    return torch.cat(parts, dim=-1)[..., : like.shape[-1]]
