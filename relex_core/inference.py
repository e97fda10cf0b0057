"""Documents and label sets -> extractions: long texts, many labels, many documents."""

from __future__ import annotations

import logging
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from relex_core.checkpoint import LoadedModel, load
from relex_core.decoding import Candidates, Floats, Ints, Scores, greedy, merge
from relex_core.errors import InputError, SchemaError
from relex_core.layout import divisions, inside
from relex_core.packed import pack
from relex_core.prompt import Pieces
from relex_core.scoring import Decode, Round, Window, score
from relex_core.sentences import sentence_starts
from relex_core.types import FLOOR, Annotation, Document, Entity, Extraction, Relation, Schema, Thresholds
from relex_core.windows import part, plan_labels, plan_text
from relex_core.words import Words

_log = logging.getLogger(__name__)

if hasattr(os, "register_at_fork"):
    # a forked child has none of its parent's threads, and OpenMP would wait for them for ever
    os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))

MAX_RELATIONS = 20_000
"""Most relation scores kept for a document; those between entities that greedy decoding takes come first. Between
entities that a person gave, the best."""

Job = tuple[Document, Schema, Thresholds]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be read for an answer; `finish` makes the answer of the scores of all windows, in their order."""

    windows: tuple[Window, ...]
    finish: Callable[[Sequence[Scores]], Extraction]


@dataclass(frozen=True, slots=True)
class _Text:
    document: Document
    schema: Schema
    floor: Thresholds
    words: Words
    ranges: tuple[tuple[int, int], ...]
    windows: tuple[Window, ...]


class Extractor:
    """A loaded checkpoint that reads documents. Not for use from several threads: see `service`.

    `adjacency_threshold` is tau_A for checkpoints that select pairs (section 3.5); as in the reference it is the
    entity threshold unless given. Longer texts are read in passages of at most `passage_words` words; by default it is
    the checkpoint's, and 0 reads as much at once as the encoder allows. No entity goes on beyond a division of the
    text's layout (`layout`).
    """

    def __init__(
        self, loaded: LoadedModel, adjacency_threshold: float | None = None, passage_words: int | None = None
    ) -> None:
        self.loaded = loaded
        self.adjacency_threshold = adjacency_threshold
        if passage_words is not None and passage_words < 0:
            raise InputError(
                expected="passages of at least 1 word, or 0 for no limit", found=str(passage_words), change="Use 0."
            )
        self.passage_words = loaded.config.passage_words if passage_words is None else passage_words
        self.calls = 0

    @classmethod
    def load(
        cls,
        name_or_path: str | Path = "mini",
        *,
        device: str = "auto",
        dtype: str = "auto",
        revision: str | None = None,
        passage_words: int | None = None,
    ) -> Extractor:
        """Raises CheckpointError, ConfigError or InputError."""
        loaded = load(name_or_path, device=device, dtype=dtype, revision=revision)
        pack(loaded.model)
        return cls(loaded, passage_words=passage_words)

    @property
    def version(self) -> str:
        """What read and how: the checkpoint's name and the beginning of its weights' SHA-256, words of a passage where
        longer texts are read in some, and whether layout is read, such as "mini@0123456789ab+passages60+layout"."""
        passages = f"+passages{self.passage_words}" if self.passage_words else ""
        return self.loaded.version + passages + ("+layout" if self.loaded.builder.mark else "")

    def extract(self, document: Document, schema: Schema, floor: Thresholds = FLOOR) -> Extraction:
        """Every candidate above `floor`; `selection.select` chooses what is shown. Raises SchemaError."""
        return self.extract_batch([(document, schema, floor)])[0]

    def extract_many(
        self,
        documents: Iterable[Document],
        schema: Schema,
        floor: Thresholds = FLOOR,
        batch_size: int = 8,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Extraction]:
        """Extractions in the order of the documents, read in batches of windows of similar length.

        `progress` is called with the number of documents done.
        """
        _check_batch(batch_size)
        remaining, done = iter(documents), 0
        while group := list(islice(remaining, 8 * batch_size)):
            for extraction in self.extract_batch([(document, schema, floor) for document in group], batch_size):
                done += 1
                if progress is not None:
                    progress(done)
                yield extraction

    def extract_batch(self, jobs: Sequence[Job], batch_size: int = 8) -> list[Extraction]:
        """Extractions of documents that may have different label sets. Raises SchemaError."""
        plans = self.plan(jobs)
        scores = iter(self.score([window for plan in plans for window in plan.windows], batch_size))
        return [plan.finish([next(scores) for _ in plan.windows]) for plan in plans]

    def plan(self, jobs: Sequence[Job]) -> list[Plan]:
        """What `extract_batch` reads, for those who read it piece by piece. Raises SchemaError."""
        for _, schema, _ in jobs:
            if not schema.visible_entities:
                raise SchemaError(
                    expected="at least one entity label",
                    found="none",
                    change="Add a label for what should be found, such as 'person'.",
                    value=schema,
                )
        texts = [Words.of(document.text) for document, _, _ in jobs]
        pieces = self.loaded.builder.pieces([words.words for words in texts])
        known = [self._text(*job, words, p) for job, words, p in zip(jobs, texts, pieces, strict=True)]
        return [Plan(text.windows, partial(self._merge, text)) for text in known]

    def rescore(
        self, annotation: Annotation, floor: Thresholds = FLOOR, batch_size: int = 8, most: int | None = MAX_RELATIONS
    ) -> Extraction:
        """Relations scored on exactly the entities of an annotation, whatever the model thinks of these.

        Of more than `most` above the floor the best are given; None gives all, of which 500 entities in a passage and
        50 labels have up to 12 million.

        Spans are widened to whole words for the model; entities keep their ids. In a long text only pairs
        within a window are scored. Pairs that fit into the encoder's window, but into no passage, are not: of the
        relations that `mini` says of them in 25 documents of DocRED, at a threshold of 0.5, 64 are right and 610 wrong
        (within passages 199 and 710); in CoNLL04 joined four at a time none is right.
        """
        plan = self.plan_rescore(annotation, floor, most)
        return plan.finish(self.score(plan.windows, batch_size))

    def plan_rescore(self, annotation: Annotation, floor: Thresholds = FLOOR, most: int | None = MAX_RELATIONS) -> Plan:
        """What `rescore` reads, for those who read it piece by piece."""
        document, schema = annotation.document, annotation.schema
        words = Words.of(document.text)
        covered = [(entity.id, words.covering(*entity.span)) for entity in annotation.entities]
        known = [(id, span) for id, span in covered if span is not None]
        held: list[tuple[Window, list[list[int]]]] = []
        ranges: tuple[tuple[int, int], ...] = ()
        if len(known) > 1 and schema.visible_relations:
            text = self._text(document, schema, floor, words, self.loaded.builder.pieces([words.words])[0])
            held = holding([replace(w, most=most) for w in text.windows], text.ranges, [span for _, span in known])
            ranges = text.ranges
        names = [label.name for label in schema.visible_relations]
        shown = tuple(words.offsets(a, b - 1) for a, b in ranges) if len(ranges) > 1 else ()

        def finish(scores: Sequence[Scores]) -> Extraction:
            relations: dict[tuple[str, str, str], float] = {}
            for (_, groups), found in zip(held, scores, strict=True):
                _keep_best(relations, found, [[known[row][0] for row in rows] for rows in groups], names)
                _shorten(relations, most)
            kept = tuple(Relation(*key, score=value) for key, value in relations.items())
            return Extraction(document, schema, annotation.entities, kept, self.version, floor, shown)

        return Plan(tuple(window for window, _ in held), finish)

    def _text(self, document: Document, schema: Schema, floor: Thresholds, words: Words, pieces: Pieces) -> _Text:
        floors = (
            _floors([floor.of_entity(label.name) for label in schema.visible_entities]),
            _floors([floor.of_relation(label.name) for label in schema.visible_relations]),
        )
        entities = [label.prompt for label in schema.visible_entities]
        relations = [label.prompt for label in schema.visible_relations]
        tau = floor.entity if self.adjacency_threshold is None else self.adjacency_threshold
        divided = divisions(words)
        if divided:
            pieces = self.loaded.builder.laid_out(pieces, words.words, divided)
        sentences = sentence_starts(words, divided)
        ranges, windows = self.windows(
            pieces, entities, relations, floors, tau, most=self.passage_words, sentences=sentences, divided=divided
        )
        return _Text(document, schema, floor, words, ranges, windows)

    def windows(
        self,
        pieces: Pieces,
        entities: Sequence[str],
        relations: Sequence[str],
        floors: tuple[Floats, Floats],
        adjacency: float,
        decode: Decode | None = None,
        *,
        most: int = 0,
        sentences: Sequence[int] = (),
        divided: Sequence[int] = (),
    ) -> tuple[tuple[tuple[int, int], ...], tuple[Window, ...]]:
        """A text's word ranges and windows, for labels as they are prompted. Raises SchemaError.

        No window has more than `most` words, if that is given; for `sentences` see `plan_text`. `divided` are
        the divisions of the text's layout.
        """
        builder, limit = self.loaded.builder, self.loaded.limit
        rounds = tuple(
            Round(
                builder.prompt([entities[k] for k in p.entities], [relations[m] for m in p.relations]),
                np.array(p.entities, np.int64),
                np.array(p.relations, np.int64),
                p.repeats,
            )
            for p in plan_labels(builder, entities, relations, limit)
        )
        longest = max(len(r.prompt.ids) for r in rounds) + len(builder.after)
        room = None if limit is None else limit - longest
        max_words = min(self.loaded.config.max_len, most or self.loaded.config.max_len)
        ranges = tuple(plan_text(pieces.starts, room, max_words, sentences))
        return ranges, tuple(
            Window(part(pieces, a, b, room), rounds, floors, adjacency, decode=decode, divisions=inside(divided, a, b))
            for a, b in ranges
        )

    def score(self, windows: Sequence[Window], batch_size: int) -> list[Scores]:
        """Read windows in batches of similar length, so that little is padded; out of memory halves a batch."""
        _check_batch(batch_size)
        order = sorted(range(len(windows)), key=lambda i: windows[i].length)
        results: dict[int, Scores] = {}
        remaining = [order[at : at + batch_size] for at in range(0, len(order), batch_size)][::-1]
        while remaining:
            batch = remaining.pop()
            self.calls += 1
            _log.debug("model call %d: %d windows", self.calls, len(batch))
            try:
                found = score(self.loaded.model, self.loaded.builder, [windows[i] for i in batch])
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or len(batch) == 1:
                    raise
                half = len(batch) // 2
                remaining += [batch[half:], batch[:half]]
                continue
            results.update(zip(batch, found, strict=True))
        return [results[i] for i in range(len(windows))]

    def _merge(self, text: _Text, scores: Sequence[Scores]) -> Extraction:
        """Join the windows of a document by offsets; what two windows saw keeps its better score."""
        types = [label.name for label in text.schema.visible_entities]
        names = [label.name for label in text.schema.visible_relations]
        found = merge(scores, [first for first, _ in text.ranges])
        marks = _marks(text.words, found.candidates)
        entities = tuple(
            Entity.suggested(start, end, types[k], value)
            for (start, end, k), value in zip(marks, found.candidates.score.tolist(), strict=True)
        )
        owners: list[list[str]] = [[] for _ in found.spans]
        for row, entity in zip(found.candidates.spans()[1].tolist(), entities, strict=True):
            owners[row].append(entity.id)
        relations: dict[tuple[str, str, str], float] = {}
        _keep_best(relations, _best_edges(found, np.array([len(ids) for ids in owners], np.int64)), owners, names)
        place = {entity.id: at for at, entity in enumerate(entities)}
        order = {name: at for at, name in enumerate(names)}
        keys = sorted(relations, key=lambda key: (place[key[0]], place[key[1]], order[key[2]]))
        kept = tuple(Relation(*key, score=relations[key]) for key in keys)
        shown = tuple(text.words.offsets(a, b - 1) for a, b in text.ranges) if len(text.ranges) > 1 else ()
        return Extraction(text.document, text.schema, entities, kept, self.version, text.floor, shown)


def _check_batch(size: int) -> None:
    if size < 1:
        raise InputError(expected="a batch_size of at least 1", found=str(size), change="Use 8.")


def holding(
    windows: Sequence[Window], ranges: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]
) -> list[tuple[Window, list[list[int]]]]:
    """Windows in which relations are scored on exactly the spans of words they hold whole.

    For each different span of a window, which of `spans` it is: several entities may stand on it, and none of them is
    related to another. Windows that hold fewer than two, and so no pair, are left out.
    """
    rows: dict[tuple[int, int], list[int]] = {}
    for row, span in enumerate(spans):
        rows.setdefault(span, []).append(row)
    held, order = [], sorted(rows)
    for window, (first, last) in zip(windows, ranges, strict=True):
        begun = order[bisect_left(order, (first,)) : bisect_left(order, (last,))]
        own = [span for span in begun if span[1] < last]
        if len(own) > 1:
            local = np.array([(a - first, b - first) for a, b in own], np.int64)
            held.append((replace(window, spans=local, decode=None), [rows[span] for span in own]))
    return held


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any device; frees what CUDA keeps, so that less may fit."""
    known = isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in str(error).lower()
    # the CPU's allocator raises a plain RuntimeError
    known = known or "can't allocate memory" in str(error)
    if known and torch.cuda.is_available():
        torch.cuda.empty_cache()
    return known


def _floors(values: Sequence[float]) -> Floats:
    return np.array(values, np.float32)


def _marks(words: Words, candidates: Candidates) -> list[tuple[int, int, int]]:
    """(start, end, label) with offsets in code points."""
    columns = zip(candidates.first.tolist(), candidates.last.tolist(), candidates.label.tolist(), strict=True)
    return [(words.starts[a], words.ends[b], k) for a, b, k in columns]


def _best_edges(found: Scores, owners: Ints) -> Scores:
    """At most MAX_RELATIONS relations: those between spans that decoding takes, then the best of the rest.

    A span with `owners` labels counts as so many, as each of its entities has the span's relations.
    """
    copies = owners[found.head] * owners[found.tail]
    if copies.sum() <= MAX_RELATIONS:
        return found
    rows = found.candidates.spans()[1]
    shown = np.zeros(len(found.spans), bool)
    for flat in (True, False):
        shown[rows[greedy(found.candidates, flat=flat)]] = True
    first = shown[found.head] & shown[found.tail]
    order = np.lexsort((-found.score, ~first))
    keep = np.sort(order[(np.cumsum(copies[order]) <= MAX_RELATIONS) | first[order]])
    return replace(
        found, head=found.head[keep], tail=found.tail[keep], label=found.label[keep], score=found.score[keep]
    )


def _shorten(relations: dict[tuple[str, str, str], float], most: int | None) -> None:
    """Take out all but the best `most`."""
    if most is not None and len(relations) > most:
        for key in sorted(relations, key=relations.__getitem__, reverse=True)[most:]:
            del relations[key]


def _keep_best(
    relations: dict[tuple[str, str, str], float], found: Scores, owners: Sequence[Sequence[str]], names: Sequence[str]
) -> None:
    """Add a window's relations, between all entities that stand on the scored spans."""
    columns = (found.head.tolist(), found.tail.tolist(), found.label.tolist(), found.score.tolist())
    for head, tail, label, value in zip(*columns, strict=True):
        for a in owners[head]:
            for b in owners[tail]:
                key = (a, b, names[label])
                if a != b and value > relations.get(key, 0.0):
                    relations[key] = value
