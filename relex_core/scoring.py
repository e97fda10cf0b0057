"""Windows of text and label passes -> candidates and relation scores, one batch at a time.

B windows, L words, W widths, K entity labels, M relation labels, E spans, P pairs, D hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from relex_core.batching import collate
from relex_core.decoding import Candidates, Floats, Ints, cap, token_spans
from relex_core.model import Encoded, RelexModel
from relex_core.prompt import Pieces, Prompt, PromptBuilder

MAX_CANDIDATES = 300
"""Most candidates kept for a window beyond those that greedy decoding takes."""


@dataclass(frozen=True, slots=True)
class Round:
    """One label pass over one window: its prompt, and which labels of the schema it holds."""

    prompt: Prompt
    entities: Ints
    relations: Ints
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """What is scored: some words of a text, with the labels in one or more passes.

    `floors` are the strict thresholds of entity labels [K] and relation labels [M] of the whole schema.
    With `spans` [E, 2] no candidates are looked for: relations are scored on exactly these.
    """

    pieces: Pieces
    rounds: tuple[Round, ...]
    floors: tuple[Floats, Floats]
    spans: Ints | None = None

    @property
    def length(self) -> int:
        return len(self.pieces.ids) + max(len(r.prompt.ids) for r in self.rounds)


@dataclass(frozen=True, slots=True)
class Scores:
    """Candidates of a window, their different spans, and relations as columns over these spans."""

    candidates: Candidates
    spans: Ints
    head: Ints
    tail: Ints
    label: Ints
    score: Floats


@dataclass(slots=True)
class _State:
    found: list[Candidates] = field(default_factory=list)
    passes: list[tuple[Round, Encoded, tuple[Tensor, Tensor], int]] = field(default_factory=list)


@torch.inference_mode()
def score(model: RelexModel, builder: PromptBuilder, windows: Sequence[Window]) -> list[Scores]:
    """Score a batch of windows; those with several label passes are read once for each."""
    states = [_State() for _ in windows]
    for number in range(max(len(window.rounds) for window in windows)):
        rows = [i for i, window in enumerate(windows) if number < len(window.rounds)]
        batch = collate([(windows[i].rounds[number].prompt, windows[i].pieces) for i in rows], builder)
        encoded = model.encode(batch.to(model.device))
        ends = model.spans.ends(encoded.words_BLD)
        if any(windows[i].spans is None and not windows[i].rounds[number].repeats for i in rows):
            for i, found in zip(
                rows, _candidates(model, encoded, ends, [windows[i] for i in rows], number), strict=True
            ):
                states[i].found.append(found)
        for row, i in enumerate(rows):
            if len(windows[i].rounds[number].relations):
                states[i].passes.append((windows[i].rounds[number], encoded, ends, row))
    return [_relations(model, window, state) for window, state in zip(windows, states, strict=True)]


def _candidates(
    model: RelexModel, encoded: Encoded, ends: tuple[Tensor, Tensor], windows: Sequence[Window], number: int
) -> list[Candidates]:
    """Spans above the floor, for each window, with labels numbered as in the schema."""
    rounds = [window.rounds[number] for window in windows]
    probabilities = torch.sigmoid(model.entity_logits(encoded, ends).float())
    most = encoded.entity_labels_BKD.shape[1]
    floor = np.full((len(windows), most), 2.0, np.float32)
    for row, (window, round_) in enumerate(zip(windows, rounds, strict=True)):
        if window.spans is None and not round_.repeats:
            floor[row, : len(round_.entities)] = window.floors[0][round_.entities]
    if model.token_scorer is not None:
        table = probabilities.cpu().numpy()
        lengths = [len(window.pieces.starts) - 1 for window in windows]
        local = [token_spans(table[row, :length], floor[row]) for row, length in enumerate(lengths)]
    else:
        above = probabilities > torch.from_numpy(floor).to(probabilities.device)[:, None, None, :]
        at = above.nonzero().cpu().numpy()
        score = probabilities[above].cpu().numpy()
        cuts = np.searchsorted(at[:, 0], np.arange(len(windows) + 1))
        local = [Candidates(at[a:b, 1], at[a:b, 1] + at[a:b, 2], at[a:b, 3], score[a:b]) for a, b in pairwise(cuts)]
    return [Candidates(c.first, c.last, r.entities[c.label], c.score) for c, r in zip(local, rounds, strict=True)]


def _relations(model: RelexModel, window: Window, state: _State) -> Scores:
    if window.spans is None:
        candidates = cap(Candidates.join(state.found), MAX_CANDIDATES)
        spans, _ = candidates.spans()
    else:
        none = np.zeros(0, np.int64)
        candidates, spans = Candidates(none, none, none, np.zeros(0, np.float32)), window.spans
    parts = [_pass_relations(model, window, spans, *one) for one in state.passes] if len(spans) > 1 else []
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    if not columns:
        none = np.zeros(0, np.int64)
        return Scores(candidates, spans, none, none, none, np.zeros(0, np.float32))
    head, tail, label, score = columns
    order = np.lexsort((label, tail, head))
    return Scores(candidates, spans, head[order], tail[order], label[order], score[order])


def _pass_relations(
    model: RelexModel,
    window: Window,
    spans: Ints,
    round_: Round,
    encoded: Encoded,
    ends: tuple[Tensor, Tensor],
    row: int,
) -> tuple[Ints, Ints, Ints, Floats]:
    """Relations above the floor on all ordered pairs of spans, for the labels of one pass."""
    own = slice(row, row + 1)
    spans_1E2 = torch.from_numpy(spans)[None].to(model.device)
    vectors_1ED = model.spans.vectors((ends[0][own], ends[1][own]), spans_1E2)
    labels_1MD = encoded.relation_labels_BMD[own, : len(round_.relations)]
    floor = torch.from_numpy(window.floors[1][round_.relations]).to(model.device)
    pairs_P2, logits_PM = model.relate(vectors_1ED, labels_1MD)
    probabilities = torch.sigmoid(logits_PM.float())
    above = probabilities > floor
    at = above.nonzero().cpu().numpy()
    pairs = pairs_P2.cpu().numpy()[at[:, 0]]
    return pairs[:, 0], pairs[:, 1], round_.relations[at[:, 1]], probabilities[above].cpu().numpy()
