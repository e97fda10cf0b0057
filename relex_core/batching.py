"""Label sets and texts, as pieces -> one padded batch of tensors (paper section 3.2).

B texts, T pieces, L words, K entity labels, M relation labels. Texts of a batch may have different label sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from relex_core.prompt import Pieces, Prompt, PromptBuilder


@dataclass(frozen=True, slots=True)
class Batch:
    """What the encoder reads. Padding is 0 in `ids` (or the tokenizer's pad), False in masks.

    `word_BT` is the 1-based number of the word that a piece belongs to, 0 for labels and padding.
    `entity_at_BK` and `relation_at_BM` are the positions in T that stand for a label.
    """

    ids_BT: Tensor
    mask_BT: Tensor
    word_BT: Tensor
    lengths_B: Tensor
    entity_at_BK: Tensor
    entity_mask_BK: Tensor
    relation_at_BM: Tensor
    relation_mask_BM: Tensor

    @property
    def words(self) -> int:
        """L: words of the longest text."""
        return int(self.lengths_B.max())

    def to(self, device: torch.device | str) -> Batch:
        return replace(self, **{f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)})


def collate(items: Sequence[tuple[Prompt, Pieces]], builder: PromptBuilder) -> Batch:
    """Join each prompt with its text and pad to the longest. The caller sees to it that they fit the encoder."""
    rows, words = [], []
    for prompt, pieces in items:
        rows.append([*prompt.ids, *pieces.ids, *builder.after])
        counts = (end - start for start, end in zip(pieces.starts, pieces.starts[1:], strict=False))
        numbers = [number for number, count in enumerate(counts, start=1) for _ in range(count)]
        words.append([0] * len(prompt.ids) + numbers)
    ids = _pad(rows, builder.pad)
    at = [_pad([prompt.entities for prompt, _ in items], 0), _pad([prompt.relations for prompt, _ in items], 0)]
    return Batch(
        ids_BT=ids,
        mask_BT=_mask([len(row) for row in rows], ids.shape[1]),
        word_BT=_pad(words, 0, ids.shape[1]),
        lengths_B=torch.tensor([len(pieces.starts) - 1 for _, pieces in items]),
        entity_at_BK=at[0],
        entity_mask_BK=_mask([len(prompt.entities) for prompt, _ in items], at[0].shape[1]),
        relation_at_BM=at[1],
        relation_mask_BM=_mask([len(prompt.relations) for prompt, _ in items], at[1].shape[1]),
    )


def _pad(rows: Sequence[Sequence[int]], value: int, width: int = 0) -> Tensor:
    width = max(width, max(map(len, rows), default=0))
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows], dtype=torch.long).reshape(
        len(rows), width
    )


def _mask(lengths: Iterable[int], width: int) -> Tensor:
    return torch.arange(width)[None, :] < torch.tensor(list(lengths))[:, None]
