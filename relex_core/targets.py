"""Views -> what the model reads and what it should answer, as padded tensors.

B texts, L words, W widths, K entity labels, M relation labels, E spans, P pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from relex_core.batching import Batch, collate
from relex_core.config import ModelConfig
from relex_core.errors import SchemaError
from relex_core.losses import Targets
from relex_core.prompt import PromptBuilder
from relex_core.views import View


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """One step's input and targets."""

    batch: Batch
    spans_BE2: Tensor
    mask_BE: Tensor
    pairs_BP2: Tensor
    targets: Targets
    texts: int

    def to(self, device: torch.device) -> TrainingBatch:
        moved = {f.name: getattr(self.targets, f.name).to(device) for f in fields(self.targets)}
        return replace(
            self,
            batch=self.batch.to(device),
            spans_BE2=self.spans_BE2.to(device),
            mask_BE=self.mask_BE.to(device),
            pairs_BP2=self.pairs_BP2.to(device),
            targets=Targets(**moved),
        )


def assemble(views: Sequence[View], builder: PromptBuilder, config: ModelConfig, limit: int | None) -> TrainingBatch:
    """Tokenise and pad. Words beyond the encoder's `limit` in pieces are cut, with what touches them.

    Raises SchemaError if the labels leave no room for a word.
    """
    pieces = builder.pieces([view.words for view in views])
    items, kept = [], []
    for view, plain in zip(views, pieces, strict=True):
        piece = builder.laid_out(plain, view.words, view.divisions)
        prompt = builder.prompt(view.entity_labels, view.relation_labels)
        room = (limit or 1 << 30) - len(prompt.ids) - len(builder.after)
        words = sum(end <= room for end in piece.starts[1:])
        if not words:
            raise SchemaError(
                expected=f"labels that leave room for a word in the encoder's window of {limit} pieces",
                found=f"{len(view.entity_labels) + len(view.relation_labels)} labels of {len(prompt.ids)} pieces",
                change="Shorten their names, or lower augmentation.max_labels.",
                value=view.entity_labels,
            )
        if words < len(view.words):
            piece = type(piece)(piece.ids[: piece.starts[words]], piece.starts[: words + 1])
        items.append((prompt, piece))
        kept.append(words)
    batch = collate(items, builder)
    spans_BE2, pairs_BP2 = _members(views, kept)
    targets = _targets(views, kept, config, spans_BE2.shape[1], pairs_BP2.shape[1])
    counts_B1 = torch.tensor([[len(view.spans)] for view in views])
    mask_BE = torch.arange(spans_BE2.shape[1]) < counts_B1
    return TrainingBatch(batch, spans_BE2, mask_BE, pairs_BP2, targets, len(views))


def _members(views: Sequence[View], kept: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Spans and pairs, padded with (0, 0); at least one of each so that no tensor is empty."""
    spans_BE2 = torch.zeros(len(views), max(1, *(len(v.spans) for v in views)), 2, dtype=torch.long)
    pairs_BP2 = torch.zeros(len(views), max(1, *(len(v.pairs) for v in views)), 2, dtype=torch.long)
    for b, (view, words) in enumerate(zip(views, kept, strict=True)):
        if view.spans:
            spans_BE2[b, : len(view.spans)] = torch.tensor(view.spans).clamp_(max=words - 1)
        if view.pairs:
            pairs_BP2[b, : len(view.pairs)] = torch.tensor(view.pairs)
    return spans_BE2, pairs_BP2


def _targets(views: Sequence[View], kept: Sequence[int], config: ModelConfig, spans: int, pairs: int) -> Targets:
    texts, length = len(views), max(kept)
    labels = max(len(view.entity_labels) for view in views)
    relations = max(len(view.relation_labels) for view in views)
    if config.span_mode == "token_level":
        entities, known = _token_targets(views, kept, labels)
    else:
        entities, known = _span_targets(views, kept, labels, config.max_width)
    assert entities.shape[:2] == (texts, length)
    relation = torch.zeros(texts, pairs, relations)
    relation_known = torch.zeros(texts, pairs, relations, dtype=torch.bool)
    adjacency = torch.zeros(texts, spans, spans)
    adjacency_known = torch.zeros(texts, spans, spans, dtype=torch.bool)
    for b, (view, words) in enumerate(zip(views, kept, strict=True)):
        inside = [all(view.spans[i][1] < words for i in pair) for pair in view.pairs]
        for p, ok in enumerate(inside):
            relation_known[b, p, : len(view.relation_labels)] = ok
        for p, m in view.unknown:
            relation_known[b, p, m] = False
        for p, m in view.positives:
            relation[b, p, m] = 1.0
        for p, (head, tail) in enumerate(view.pairs):
            # without any known label a pair says nothing about adjacency
            adjacency_known[b, head, tail] = bool(relation_known[b, p].any())
            adjacency[b, head, tail] = float(relation[b, p].any())
    return Targets(entities, known, relation, relation_known, adjacency, adjacency_known)


def _span_targets(views: Sequence[View], kept: Sequence[int], labels: int, widths: int) -> tuple[Tensor, Tensor]:
    """[B, L, W, K] targets and masks for all spans of up to `widths` words."""
    length = max(kept)
    target = torch.zeros(len(views), length, widths, labels)
    known = torch.zeros(len(views), length, widths, labels, dtype=torch.bool)
    first_L1 = torch.arange(length)[:, None]
    last_LW = first_L1 + torch.arange(widths)
    for b, (view, words) in enumerate(zip(views, kept, strict=True)):
        inside_LW = last_LW < words
        if not view.entities_known:
            # only what touches a marked span is known in a partially annotated text
            touched_LW = torch.zeros_like(inside_LW)
            for first, last in view.marked:
                touched_LW |= (first_L1 <= last) & (last_LW >= first)
            inside_LW = inside_LW & touched_LW
        known[b, :, :, : len(view.entity_labels)] = inside_LW[..., None]
        for cells, tensor, value in ((view.entities, target, 1.0), (view.entities_unknown, known, False)):
            for first, last, k in cells:
                if last - first < widths and last < words:
                    tensor[b, first, last - first, k] = value
    return target, known


def _token_targets(views: Sequence[View], kept: Sequence[int], labels: int) -> tuple[Tensor, Tensor]:
    """[B, L, K, 3]: start, end, inside."""
    target = torch.zeros(len(views), max(kept), labels, 3)
    known = torch.zeros(len(views), max(kept), labels, 3, dtype=torch.bool)
    for b, (view, words) in enumerate(zip(views, kept, strict=True)):
        if view.entities_known:
            known[b, :words, : len(view.entity_labels)] = True
        for first, last in view.marked:
            known[b, first : min(last + 1, words), : len(view.entity_labels)] = True
        for first, last, k in view.entities_unknown:
            known[b, first : min(last + 1, words), k] = False
        for first, last, k in view.entities:
            if last < words:
                target[b, first, k, 0] = target[b, last, k, 1] = 1.0
                target[b, first : last + 1, k, 2] = 1.0
            else:
                # its end was cut off, and what is left is no entity and not nothing
                known[b, first:words, k] = False
    return target, known
