"""Windows of text and label passes -> candidates and relation scores, one batch at a time.

B windows, L words, W widths, K entity labels, M relation labels, E spans, P pairs, D hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from relex_core.batching import collate
from relex_core.decoding import Candidates, Floats, Ints, Scores, cap, greedy, token_spans
from relex_core.errors import CheckpointError
from relex_core.model import Encoded, RelexModel
from relex_core.pairs import all_pairs
from relex_core.prompt import Pieces, Prompt, PromptBuilder
from relex_core.relations import PairScorer

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
class Decode:
    """How candidates are decoded: see `decoding.greedy`. `only` keeps candidates on these spans of words of the
    window; with `classes` all labels' probabilities are given for what is kept; without `relations` relation
    labels are only prompted, which entities depend on."""

    flat: bool = True
    multi_label: bool = False
    only: frozenset[tuple[int, int]] | None = None
    classes: bool = False
    relations: bool = True


@dataclass(frozen=True, slots=True)
class Window:
    """What is scored: some words of a text, with the labels in one or more passes.

    `floors` are the strict thresholds of entity labels [K] and relation labels [M] of the whole schema,
    `adjacency` that of pairs (tau_A, section 3.5). With `spans` [E, 2] no candidates are looked for: relations
    are scored on exactly these, and of each label pass the best `most` are given. With `decode` candidates are
    decoded here and relations scored on what is left. No candidate holds one of the words `divisions`, but as its
    first.
    """

    pieces: Pieces
    rounds: tuple[Round, ...]
    floors: tuple[Floats, Floats]
    adjacency: float = 0.5
    spans: Ints | None = None
    most: int | None = None
    decode: Decode | None = None
    divisions: Sequence[int] = ()

    @property
    def length(self) -> int:
        return len(self.pieces.ids) + max(len(r.prompt.ids) for r in self.rounds)


@dataclass(slots=True)
class _State:
    found: list[Candidates] = field(default_factory=list)
    passes: list[_Pass] = field(default_factory=list)


_Pass = tuple[Round, Encoded, tuple[Tensor, Tensor], int]


@dataclass(frozen=True, slots=True)
class _Part:
    """What relations are scored from: labels of a pass, vectors of the spans, and of those that adjacency sees."""

    round: Round
    labels_1MD: Tensor
    vectors_1ED: Tensor
    context_1ED: Tensor


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
            states[i].passes.append((windows[i].rounds[number], encoded, ends, row))
        # so that the last window's relations, scored when all are read, need not hold them
        del encoded, ends
    return [_relations(model, window, state) for window, state in zip(windows, states, strict=True)]


def _candidates(
    model: RelexModel, encoded: Encoded, ends: tuple[Tensor, Tensor], windows: Sequence[Window], number: int
) -> list[Candidates]:
    """Spans above the floor, for each window, with labels numbered as in the schema."""
    rounds = [window.rounds[number] for window in windows]
    probabilities = _probabilities(model.entity_logits(encoded, ends))
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
    return [
        Candidates(c.first, c.last, r.entities[c.label], c.score).undivided(window.divisions)
        for c, r, window in zip(local, rounds, windows, strict=True)
    ]


def _relations(model: RelexModel, window: Window, state: _State) -> Scores:
    """Section 3.5 and 3.6 for one window: spans, pairs of these, relations of the pairs."""
    candidates, context, spans = _spans(window, state)
    classes = _classes(model, window, spans, state) if window.decode is not None and window.decode.classes else None
    wanted = len(spans) > 1 and (window.decode is None or window.decode.relations)
    scored = [_part(model, context, spans, one) for one in state.passes if wanted and len(one[0].relations)]
    # what words contribute to spans is the largest of what was kept, and is not needed any more
    state.passes.clear()
    parts = [_pass_relations(model, window, context, spans, one) for one in scored]
    if not parts:
        parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))]
    head, tail, label, score = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((label, tail, head))
    return Scores(candidates, spans, head[order], tail[order], label[order], score[order], classes)


def _spans(window: Window, state: _State) -> tuple[Candidates, Ints, Ints]:
    """Candidates that are kept, the spans that adjacency sees, and those of them that relations are scored on."""
    if window.spans is not None:
        none = np.zeros(0, np.int64)
        return Candidates(none, none, none, np.zeros(0, np.float32)), window.spans, window.spans
    candidates = Candidates.join(state.found)
    if window.decode is None:
        candidates = cap(candidates, MAX_CANDIDATES)
        return candidates, candidates.spans()[0], candidates.spans()[0]
    context = candidates.spans()[0]
    if window.decode.only is not None:
        marks = zip(candidates.first.tolist(), candidates.last.tolist(), strict=True)
        candidates = candidates.take(np.flatnonzero([mark in window.decode.only for mark in marks]))
    kept = candidates.take(greedy(candidates, flat=window.decode.flat, multi_label=window.decode.multi_label))
    return kept, context, Candidates.join([kept]).spans()[0]


def _classes(model: RelexModel, window: Window, spans: Ints, state: _State) -> Floats:
    """Probabilities of all entity labels [E, K] on some spans."""
    table = np.zeros((len(spans), len(window.floors[0])), np.float32)
    spans_1E2 = torch.from_numpy(spans)[None].to(model.device)
    for round_, encoded, ends, row in state.passes:
        if not round_.repeats:
            vectors_1ED = model.spans.vectors((ends[0][row : row + 1], ends[1][row : row + 1]), spans_1E2)
            labels_KD = encoded.entity_labels_BKD[row, : len(round_.entities)]
            table[:, round_.entities] = torch.sigmoid(vectors_1ED[0] @ labels_KD.T).float().cpu().numpy()
    return table


def _part(model: RelexModel, context: Ints, spans: Ints, one: _Pass) -> _Part:
    round_, encoded, ends, row = one
    ends = ends[0][row : row + 1], ends[1][row : row + 1]
    labels_1MD = encoded.relation_labels_BMD[row : row + 1, : len(round_.relations)]
    vectors_1ED = model.spans.vectors(ends, torch.from_numpy(spans)[None].to(model.device))
    context_1ED = vectors_1ED
    if model.adjacency is not None and len(context) != len(spans):
        context_1ED = model.spans.vectors(ends, torch.from_numpy(context)[None].to(model.device))
    return _Part(round_, labels_1MD, vectors_1ED, context_1ED)


def _pass_relations(
    model: RelexModel, window: Window, context: Ints, spans: Ints, part: _Part
) -> tuple[Ints, Ints, Ints, Floats]:
    """Relations above the floor between spans, for the labels of one pass."""
    round_, labels_1MD, vectors_1ED = part.round, part.labels_1MD, part.vectors_1ED
    floor = torch.from_numpy(window.floors[1][round_.relations]).to(model.device)
    if model.adjacency is None and isinstance(model.relations, PairScorer):
        at, score = _above(_others(model.relations.grid(vectors_1ED[0], labels_1MD[0])), floor, window.most)
        return at[:, 0], at[:, 1], round_.relations[at[:, 2]], score
    pairs_P2 = _adjacent(model, window, context, spans, part)
    blocks = model.relations.blocks(vectors_1ED, pairs_P2[None], labels_1MD)
    at, score = _above((logits[0] for logits in blocks), floor, window.most)
    found = pairs_P2.cpu().numpy()[at[:, 0]] if len(at) else np.zeros((0, 2), np.int64)
    return found[:, 0], found[:, 1], round_.relations[at[:, -1]], score


def _probabilities(logits: Tensor) -> Tensor:
    """Raises CheckpointError for what is no number: it is above no threshold, and a text would seem to hold nothing."""
    probabilities = torch.sigmoid(logits.float())
    if bool(probabilities.isnan().any()):
        raise CheckpointError(
            expected="a checkpoint whose scores are numbers",
            found=f"others, computed in {str(logits.dtype).removeprefix('torch.')}",
            change="Use --dtype fp32 if it was another one; else copy or download the checkpoint again.",
        )
    return probabilities


def _others(grid: Iterable[Tensor]) -> Iterator[Tensor]:
    """Blocks of heads [heads, E, M] in which no span is related to itself."""
    first = 0
    for logits in grid:
        rows = torch.arange(len(logits), device=logits.device)
        logits[rows, first + rows] = -torch.inf
        first += len(logits)
        yield logits


def _above(blocks: Iterable[Tensor], floor_M: Tensor, most: int | None = None) -> tuple[Ints, Floats]:
    """Where probabilities are above the floor, rows counted through all blocks, and what they are there; of more than
    `most` the best.

    Results go into two arrays that double when full: many small ones, kept between blocks, would leave the heap in
    pieces that no further block fits into (measured: 1.4 GB for 500 entities).
    """
    flat, scores = np.empty(1024, np.int64), np.empty(1024, np.float32)
    count, offset = 0, 0
    shape: tuple[int, ...] = (0, 1, 1)
    for logits in blocks:
        probabilities = _probabilities(logits).flatten()
        at = (probabilities > floor_M.repeat(probabilities.numel() // max(1, len(floor_M)))).nonzero()[:, 0]
        while count + len(at) > len(flat):
            flat, scores = np.resize(flat, 2 * len(flat)), np.resize(scores, 2 * len(scores))
        flat[count : count + len(at)] = at.cpu().numpy()
        flat[count : count + len(at)] += offset
        scores[count : count + len(at)] = probabilities[at].cpu().numpy()
        count += len(at)
        if most is not None and count > 2 * most:
            count = _best(flat, scores, count, most)
        offset += probabilities.numel()
        shape = tuple(logits.shape)
    if most is not None and count > most:
        count = _best(flat, scores, count, most)
    places = np.unravel_index(flat[:count], (max(1, offset), *shape[1:]))
    return np.stack(places, axis=1).astype(np.int64, copy=False), scores[:count].copy()


def _best(flat: Ints, scores: Floats, count: int, most: int) -> int:
    """Bring the best `most` of the first `count` to the front, in their order; `most`."""
    kept = np.sort(np.argpartition(-scores[:count], most - 1)[:most])
    flat[:most], scores[:most] = flat[kept], scores[kept]
    return most


def _adjacent(model: RelexModel, window: Window, context: Ints, spans: Ints, part: _Part) -> Tensor:
    """Pairs of spans [P, 2] that are scored: all, or those above tau_A.

    Attention, GCN and GAT see all candidates at once, also those that decoding refuses, as in the reference.
    """
    vectors_1ED = part.context_1ED
    mask_1E = torch.ones(vectors_1ED.shape[:2], dtype=torch.bool, device=vectors_1ED.device)
    if model.adjacency is None:
        return all_pairs(mask_1E)[0][0]
    rows = torch.arange(len(spans))
    if len(context) != len(spans):
        places = {(int(a), int(b)): at for at, (a, b) in enumerate(context)}
        rows = torch.tensor([places[int(a), int(b)] for a, b in spans])
    logits_1EE: Tensor = model.adjacency(vectors_1ED, mask_1E)
    adjacency_EE = _probabilities(logits_1EE[0])
    near_EE = adjacency_EE[rows][:, rows] > window.adjacency
    return near_EE.fill_diagonal_(False).nonzero()
