"""Each scorer beside its formula, written out for one triple."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from relex_core import relations, triples
from relex_core.relations import PairScorer
from relex_core.triples import TripleScorer

D = 8


def one(name: str, h: Tensor, r: Tensor, t: Tensor) -> tuple[float, Any]:
    torch.manual_seed(1)
    scorer = TripleScorer(name, D, 0.0).eval()
    with torch.no_grad():
        logits = scorer.score(torch.stack((h, t))[None], torch.tensor([[[0, 1]]]), r[None, None])
    return logits.item(), scorer.interaction


def complex_of(x: Tensor) -> Tensor:
    return torch.complex(*x.chunk(2))


FORMULAS: dict[str, Callable[[Tensor, Tensor, Tensor, Any], Tensor]] = {
    "DistMult": lambda h, r, t, _: (h * r * t).sum(),
    "ComplEx": lambda h, r, t, _: (complex_of(h) * complex_of(r) * complex_of(t).conj()).sum().real,
    "SimplE": lambda h, r, t, _: ((h[:4] * r[:4] * t[4:]).sum() + (t[:4] * r[4:] * h[4:]).sum()) / 2,
    "HolE": lambda h, r, t, _: sum(r[k] * sum(h[i] * t[(i + k) % D] for i in range(D)) for k in range(D)),
    "DistMA": lambda h, r, t, _: h @ r + h @ t + r @ t,
    "TransE": lambda h, r, t, _: -(h + r - t).abs().sum(),
    "UM": lambda h, r, t, _: -(h - t).norm(),
    "SE": lambda h, r, t, _: -(r * h - r * t).norm(),
    "RotatE": lambda h, r, t, _: (
        -(complex_of(h) * complex_of(r) / complex_of(r).abs() - complex_of(t)).abs().pow(2).sum().sqrt()
    ),
    "TransH": lambda h, r, t, m: (
        -(h - (h @ (w := m.r_to_w(r) / m.r_to_w(r).norm())) * w + m.r_to_rtr(r) - (t - (t @ w) * w)).norm()
    ),
    "TransF": lambda h, r, t, m: -(m.r_to_alpha(r) * h + m.r_to_rvec(r) - m.r_to_beta(r) * t).norm(),
    "PairRE": lambda h, r, t, m: -(m.r_to_alpha(r) * h - m.r_to_beta(r) * t).norm(),
    "ERMLP": lambda h, r, t, m: m.mlp(torch.cat((h, r, t)))[0],
    "ConvKB": lambda h, r, t, m: m.fc(m.conv(torch.stack((h, r, t))[None]).relu().flatten())[0],
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name: str) -> None:
    torch.manual_seed(0)
    h, r, t = torch.randn(3, D) / 3
    found, interaction = one(name, h, r, t)
    with torch.no_grad():
        assert found == pytest.approx(float(FORMULAS[name](h, r, t, interaction)), abs=1e-5)


@pytest.mark.parametrize("name", ["pair", "TransE", "ComplEx", "ERMLP", "ConvKB"])
def test_blocks_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    scorer = PairScorer(D, 0.0) if name == "pair" else TripleScorer(name, D, 0.0)
    entities, labels = torch.randn(1, 9, D), torch.randn(1, 4, D)
    pairs = torch.cartesian_prod(torch.arange(9), torch.arange(9))[None]
    with torch.no_grad():
        whole = scorer.score(entities, pairs, labels)
        monkeypatch.setattr(relations, "BLOCK", 64)
        monkeypatch.setattr(triples, "BLOCK", 64)
        assert torch.allclose(scorer.score(entities, pairs, labels), whole, atol=1e-6)
        if isinstance(scorer, PairScorer):
            grid = torch.cat(list(scorer.grid(entities[0], labels[0])))
            assert torch.allclose(grid.flatten(0, 1), whole[0], atol=1e-6)


def test_the_factorised_pair_scorer_is_the_perceptron_over_the_concatenation() -> None:
    torch.manual_seed(0)
    scorer = PairScorer(D, 0.0)
    h, t, label = torch.randn(3, D)
    plain = scorer(torch.cat((h, t))) @ label
    found = scorer.score(torch.stack((h, t))[None], torch.tensor([[[0, 1]]]), label[None, None])
    assert found.item() == pytest.approx(plain.item(), abs=1e-5)


def test_no_pairs() -> None:
    scorer = PairScorer(D, 0.0)
    assert scorer.score(torch.randn(2, 3, D), torch.zeros(2, 0, 2, dtype=torch.long), torch.randn(2, 4, D)).shape == (
        2,
        0,
        4,
    )


@pytest.mark.parametrize("pairs", [1, 2])
@pytest.mark.parametrize("name", list(triples.INTERACTIONS))
def test_a_batch_of_one_pair_is_trained_on_too(name: str, pairs: int) -> None:
    scorer = TripleScorer(name, D, 0.0).train()
    labels = torch.randn(1, 2, D)
    logits = scorer.score(torch.randn(1, 3, D), torch.tensor([[[0, 1], [2, 1]]])[:, :pairs], labels)
    assert logits.shape == (1, pairs, 2)
    assert torch.isfinite(logits).all()
