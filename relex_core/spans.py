"""Candidate spans and their vectors (paper section 3.4).

B texts, L words, W widths, K entity labels, E given spans, D hidden, H = 4 D.
A span is (first word, last word), both included; spans are numbered by first word, then by width.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relex_core.feedforward import FeedForward, PairFeedForward, Room, take
from relex_core.products import Linear, each, in_blocks, linear

BLOCK = 250_000
"""Numbers in one block of a text's spans: 1 MB stays in the cache, and memory does not grow with them."""

NEVER = -10_000.0
"""Logit of what cannot be: its probability is 0, and unlike -inf it survives a product with a target of 0."""


class MarkerSpans(nn.Module):
    """markerV0: a span's vector is FF(ReLU([start(first word) ; end(last word)]))."""

    def __init__(self, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.project_start = FeedForward(hidden_size, hidden_size, dropout)
        self.project_end = FeedForward(hidden_size, hidden_size, dropout)
        self.out_project = PairFeedForward(hidden_size, dropout)

    def ends(self, words_BLD: Tensor) -> tuple[Tensor, Tensor]:
        """What each word contributes to the hidden layer of the spans that begin and that end with it: [B, L, H]."""
        start_BLH = self.out_project.left(F.relu(in_blocks(self.project_start, words_BLD, self.project_start.rows)))
        end_BLH = self.out_project.right(F.relu(in_blocks(self.project_end, words_BLD, self.project_end.rows)))
        return start_BLH, end_BLH

    def vectors(self, ends: tuple[Tensor, Tensor], spans_BE2: Tensor) -> Tensor:
        """[B, E, D]"""
        start_BEH = take(ends[0], spans_BE2[..., 0])
        end_BEH = take(ends[1], spans_BE2[..., 1])
        return self.out_project.output(self.out_project.hidden(start_BEH, end_BEH))

    def logits(self, ends: tuple[Tensor, Tensor], labels_BKD: Tensor, widths: int, lengths_B: Tensor) -> Tensor:
        """Span vector . label vector for all spans of up to `widths` words: [B, L, W, K], NEVER past the text's end.

        No span vector is made: the label vectors are folded into the second layer.
        """
        start_BLH, end_BLH = ends
        weight_BHK, bias_B1K = self.out_project.fold(labels_BKD)
        length = start_BLH.shape[1]
        columns = []
        step = length if torch.is_grad_enabled() else max(1, BLOCK // start_BLH.shape[2])
        room = Room()
        for width in range(min(widths, length)):
            blocks = [
                each(self.out_project.hidden(some_BlH, other_BlH, room), weight_BHK)
                for some_BlH, other_BlH in zip(
                    start_BLH[:, : length - width].split(step, 1), end_BLH[:, width:].split(step, 1), strict=True
                )
            ]
            columns.append(F.pad(torch.cat(blocks, dim=1) + bias_B1K, (0, 0, 0, width)))
        logits_BLWK = F.pad(torch.stack(columns, dim=2), (0, 0, 0, max(0, widths - length)))
        last_LW = torch.arange(length, device=lengths_B.device)[:, None] + torch.arange(widths, device=lengths_B.device)
        return logits_BLWK.masked_fill((last_LW >= lengths_B[:, None, None])[..., None], NEVER)


class TokenScorer(nn.Module):
    """Token level: logits that a word starts, ends or is inside an entity of each label.

    MLP([word ; label ; word' * label']), where word, word' and label, label' are two projections of each.
    """

    def __init__(self, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.proj_token = Linear(hidden_size, 2 * hidden_size)
        self.proj_label = Linear(hidden_size, 2 * hidden_size)
        self.out_mlp = nn.Sequential(
            Linear(3 * hidden_size, 4 * hidden_size),
            nn.Dropout(dropout),
            nn.ReLU(),
            Linear(4 * hidden_size, 3),
        )

    def forward(self, words_BLD: Tensor, labels_BKD: Tensor) -> Tensor:
        """[B, L, K, 3]; one label at a time, so that memory does not grow with L * K * H."""
        first, second = cast(nn.Linear, self.out_mlp[0]), self.out_mlp[3]
        word_w, label_w, product_w = first.weight.chunk(3, dim=1)
        word_BLD, word2_BLD = self.proj_token(words_BLD).chunk(2, dim=-1)
        label_BKD, label2_BKD = self.proj_label(labels_BKD).chunk(2, dim=-1)
        base_BLH = linear(word_BLD, word_w, first.bias)
        label_BKH = linear(label_BKD, label_w)
        columns = []
        for k in range(labels_BKD.shape[1]):
            product_BLD = word2_BLD * label2_BKD[:, k, None]
            hidden_BLH = base_BLH + label_BKH[:, k, None] + linear(product_BLD, product_w)
            columns.append(second(F.relu(self.out_mlp[1](hidden_BLH))))
        if not columns:
            return words_BLD.new_zeros(*words_BLD.shape[:2], 0, 3)
        return torch.stack(columns, dim=2)
