"""`GLiNER` with the calls and the outputs of the reference package, for code that was written for it.

    from relex_core.compat import GLiNER
    model = GLiNER.from_pretrained("mini")
    entities, relations = model.inference(texts, labels, relations, threshold=0.3, relation_threshold=0.5)

Where results differ on purpose is listed in `relex_core.differences`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from relex_core.arguments import (
    WITHOUT_EFFECT,
    EntityDict,
    Labels,
    Mark,
    check,
    dtype_name,
    floor,
    given,
    label_sets,
    listed_texts,
    per_text,
    readable,
)
from relex_core.checkpoint import choose, load, save
from relex_core.decoding import Scores, decode, merge
from relex_core.errors import InputError
from relex_core.inference import MAX_RELATIONS, Extractor, holding
from relex_core.packed import pack
from relex_core.scoring import Decode, Window
from relex_core.words import Words

RelationDict = dict[str, Any]
Held = tuple[Window, list[list[int]]]


@dataclass(frozen=True, slots=True)
class _Text:
    words: Words
    ranges: tuple[tuple[int, int], ...]
    windows: tuple[Window, ...]
    entities: tuple[str, ...]
    relations: tuple[str, ...]
    given: tuple[Mark, ...] | None = None
    held: tuple[Held, ...] = ()
    """With given entities: the windows that hold a pair of them, and which of them each span is."""


class GLiNER:
    """A checkpoint behind the reference's calls."""

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        self.config = extractor.loaded.config
        self.model = extractor.loaded.model

    @classmethod
    def from_pretrained(
        cls,
        model_id: str | Path,
        model_dir: str | Path | None = None,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        *,
        local_files_only: bool = False,
        token: str | bool | None = None,
        map_location: str | torch.device = "cpu",
        dtype: str | torch.dtype | None = None,
        max_length: int | None = None,
        max_width: int | None = None,
        **inner: Any,
    ) -> GLiNER:
        """Load an embedded name, a directory or a hub id. Raises CheckpointError, or ConfigError for an override.

        Further arguments of the reference that say how it is to work inside are taken and have no effect.
        """
        unknown = sorted(set(inner) - WITHOUT_EFFECT)
        if unknown:
            raise TypeError(f"from_pretrained() got an unexpected keyword argument {unknown[0]!r}")
        loaded = load(
            model_dir or model_id,
            device=str(map_location),
            dtype=dtype_name(dtype),
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            token=token,
        )
        config = loaded.config
        if max_length is not None:
            config = replace(config, max_len=max_length)
        if max_width is not None:
            config = replace(config, max_width=max_width)
        loaded.model.config = config
        pack(loaded.model)
        return cls(Extractor(replace(loaded, config=config)))

    def save_pretrained(self, save_directory: str | Path, *, safe_serialization: bool = True) -> None:
        """Write a directory that `gliner` loads; weights always as safetensors. Raises CheckpointError."""
        save(self.extractor.loaded, Path(save_directory))

    def inference(
        self,
        texts: str | Sequence[str],
        labels: Labels | Sequence[Labels],
        relations: Labels | Sequence[Labels] | None = (),
        flat_ner: bool | Sequence[bool] = True,
        threshold: float | Sequence[float] = 0.5,
        adjacency_threshold: float | Sequence[float] | None = None,
        relation_threshold: float | Sequence[float] | None = None,
        multi_label: bool | Sequence[bool] = False,
        batch_size: int = 8,
        packing_config: object = None,
        input_spans: Sequence[Sequence[Mapping[str, int]]] | None = None,
        return_relations: bool = True,
        return_class_probs: bool = False,
        *,
        return_vectors: bool = False,
        return_label_vectors: bool = False,
        spans: Sequence[Sequence[Mapping[str, Any]]] | None = None,
        most: int | None = MAX_RELATIONS,
    ) -> Any:
        """Entities, and relations unless `return_relations` is false: for each text a list of dictionaries.

        Thresholds, `flat_ner` and `multi_label` may be one value or one for each text. `input_spans` only filters
        what is found, as in the reference; with `spans`, dictionaries of start, end and label for each text,
        nothing is looked for: relations are scored on exactly these, which come back as entities whose score is
        None, and of more than `most` relations in a text the best are kept, which a warning says (None: all, however
        much memory they take). A text longer than the window is read in parts, and a warning says that pairs that no
        part holds whole are not scored. Raises InputError or SchemaError.
        """
        if return_vectors or return_label_vectors:
            raise InputError(
                expected="return_vectors and return_label_vectors to be left out",
                found="a request for vectors",
                change="Use the package gliner where vectors are needed.",
            )
        texts = listed_texts(texts)
        count = len(texts)
        check(batch_size, input_spans, spans, count, most)
        limits = per_text(threshold, count, "threshold")
        relation_limits = limits if relation_threshold is None else per_text(relation_threshold, count, "relations")
        taus = limits if adjacency_threshold is None else per_text(adjacency_threshold, count, "adjacency_threshold")
        flat, several = per_text(flat_ner, count, "flat_ner"), per_text(multi_label, count, "multi_label")
        entity_sets, relation_sets = label_sets(labels, count), label_sets(relations, count)
        # without labels there is nothing to find
        valid = [i for i, text in enumerate(texts) if readable(text) and (entity_sets[i] or spans is not None)]
        words = [Words.of_reference(texts[i]) for i in valid]
        pieces = self.extractor.loaded.builder.pieces([w.words for w in words])
        plans: list[_Text] = []
        for i, own, cut in zip(valid, words, pieces, strict=True):
            names, wanted = entity_sets[i], relation_sets[i]
            decoding = Decode(bool(flat[i]), bool(several[i]), None, return_class_probs, return_relations)
            floors = floor(limits[i], len(names)), floor(relation_limits[i], len(wanted))
            prompts = list(names.values()), list(wanted.values())
            ranges, windows = self.extractor.windows(cut, *prompts, floors, taus[i], decoding)
            if input_spans is not None:
                windows = _restrict(windows, ranges, own, input_spans[i])
            plan = _Text(own, ranges, windows, tuple(names), tuple(wanted))
            plans.append(plan if spans is None else _with_given(plan, given(own, spans[i]), most))
        _say_parts(plans)
        entities: list[list[EntityDict]] = [[] for _ in texts]
        found_relations: list[list[RelationDict]] = [[] for _ in texts]
        parts, shortened = [_parts(plan) for plan in plans], 0
        scores = iter(self.extractor.score([window for windows in parts for window in windows], batch_size))
        for i, plan, scored in zip(valid, plans, parts, strict=True):
            found = [next(scores) for _ in scored]
            if plan.given is not None:
                entities[i], found_relations[i], all_kept = _related(plan, found, most)
                shortened += not all_kept
                continue
            joined = merge(found, [first for first, _ in plan.ranges])
            if len(plan.ranges) > 1:
                joined = decode(joined, flat=bool(flat[i]), multi_label=bool(several[i]))
            entities[i] = _entities(plan, joined)
            found_relations[i] = _relations(entities[i], plan, joined)
        _say_cut(shortened, most)
        return (entities, found_relations) if return_relations else entities

    def predict_relations(
        self,
        text: str,
        labels: Labels,
        relations: Labels,
        flat_ner: bool = True,
        threshold: float = 0.5,
        adjacency_threshold: float | None = None,
        relation_threshold: float | None = None,
        multi_label: bool = False,
        **settings: Any,
    ) -> tuple[list[EntityDict], list[RelationDict]]:
        """`inference` of one text; `settings` are its other arguments."""
        thresholds = threshold, adjacency_threshold, relation_threshold
        entities, found = self.inference([text], labels, relations, flat_ner, *thresholds, multi_label, **settings)
        return entities[0], found[0]

    def predict_entities(
        self,
        text: str,
        labels: Labels,
        relations: Labels = (),
        flat_ner: bool = True,
        threshold: float = 0.5,
        adjacency_threshold: float | None = None,
        multi_label: bool = False,
        return_class_probs: bool = False,
        **settings: Any,
    ) -> list[EntityDict]:
        """The entities of one text; relation labels are only prompted. `settings` are `inference`'s other arguments."""
        found: list[EntityDict] = self.inference(
            [text],
            labels,
            relations,
            flat_ner,
            threshold,
            adjacency_threshold,
            multi_label=multi_label,
            return_relations=False,
            return_class_probs=return_class_probs,
            **settings,
        )[0]
        return found

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.device

    def eval(self) -> GLiNER:
        """As the model always is; for callers that say so."""
        return self

    def to(self, device: str | torch.device) -> GLiNER:
        """Move the model. Raises CheckpointError for a device that this machine does not have."""
        place, _ = choose(str(device), "fp32")
        self.model.to(place)
        return self


def _entities(plan: _Text, found: Scores) -> list[EntityDict]:
    text, kept = plan.words.text, found.candidates
    columns = zip(kept.first.tolist(), kept.last.tolist(), kept.label.tolist(), kept.score.tolist(), strict=True)
    rows = {(int(a), int(b)): row for row, (a, b) in enumerate(found.spans)}
    entities = []
    for first, last, label, score in columns:
        start, end = plan.words.offsets(first, last)
        entity = {"start": start, "end": end, "text": text[start:end], "label": plan.entities[label], "score": score}
        if found.classes is not None:
            values = found.classes[rows[first, last]]
            best = np.argsort(-values, kind="stable")[:5]
            entity["class_probs"] = {plan.entities[k]: float(values[k]) for k in best}
        entities.append(entity)
    return entities


def _relations(entities: Sequence[EntityDict], plan: _Text, found: Scores) -> list[RelationDict]:
    ends: dict[tuple[int, int], RelationDict] = {}
    for index, entity in enumerate(entities):
        ends.setdefault((entity["start"], entity["end"]), _end(entity, index))
    offsets = [plan.words.offsets(int(a), int(b)) for a, b in found.spans]
    columns = zip(found.head.tolist(), found.tail.tolist(), found.label.tolist(), found.score.tolist(), strict=True)
    return [
        {
            "head": dict(ends[offsets[head]]),
            "tail": dict(ends[offsets[tail]]),
            "relation": plan.relations[label],
            "score": score,
        }
        for head, tail, label, score in columns
    ]


def _end(entity: EntityDict, index: int) -> RelationDict:
    """An entity as a relation names it."""
    named = {key: entity[key] for key in ("start", "end", "text")}
    return {**named, "type": entity["label"], "entity_idx": index}


def _parts(plan: _Text) -> list[Window]:
    """What is scored of a text: with given entities only windows that hold a pair of them."""
    if plan.given is None:
        return list(plan.windows)
    return [window for window, _ in plan.held]


def _with_given(plan: _Text, marks: tuple[Mark, ...], most: int | None) -> _Text:
    """`plan` for a text whose entities are given."""
    # one more than wanted tells that there are more
    windows = [replace(window, most=None if most is None else most + 1) for window in plan.windows]
    held = holding(windows, plan.ranges, [span for _, span in marks]) if plan.relations else []
    return replace(plan, given=marks, held=tuple(held))


def _related(
    plan: _Text, parts: Sequence[Scores], most: int | None
) -> tuple[list[EntityDict], list[RelationDict], bool]:
    """Given entities, the best `most` relations between them, and whether these are all; what several windows saw keeps
    its best score."""
    assert plan.given is not None
    entities = [dict(entity) for entity, _ in plan.given]
    best: dict[_Named, float] = {}
    every = True
    for (_, groups), found in zip(plan.held, parts, strict=True):
        named = _named(groups, found)
        for key, score in islice(named, most):
            best[key] = max(score, best.get(key, 0.0))
        every = every and next(named, None) is None
        if most is not None and len(best) > most:
            best, every = dict(sorted(best.items(), key=lambda item: -item[1])[:most]), False
    ends = [_end(entity, index) for index, entity in enumerate(entities)]
    relations = [
        {"head": dict(ends[head]), "tail": dict(ends[tail]), "relation": plan.relations[label], "score": score}
        for (head, tail, label), score in sorted(best.items())
    ]
    return entities, relations, every


_Named = tuple[int, int, int]
"""Head and tail among the given entities, and the label."""


def _named(groups: Sequence[Sequence[int]], found: Scores) -> Iterator[tuple[_Named, float]]:
    """A window's relations, the best first, between all entities that stand on the scored spans."""
    order = np.argsort(-found.score, kind="stable")
    columns = (column[order].tolist() for column in (found.head, found.tail, found.label, found.score))
    for head, tail, label, score in zip(*columns, strict=True):
        for a in groups[head]:
            for b in groups[tail]:
                yield (a, b, label), score


def _say_cut(texts: int, most: int | None) -> None:
    """Warn, once, if not all relations were kept."""
    if texts:
        warnings.warn(
            f"{texts} texts have more than {most:,} relations between the given entities: the best {most:,} of each "
            "are kept. Raise relation_threshold, or give most=None for all.",
            UserWarning,
            stacklevel=3,
        )


def _say_parts(plans: Sequence[_Text]) -> None:
    """Warn, once, if a text is read in parts."""
    long = [plan for plan in plans if len(plan.ranges) > 1]
    if long:
        warnings.warn(
            f"{len(long)} of {len(plans)} texts are longer than the model's window and are read in overlapping parts "
            f"(the first in {len(long[0].ranges)}): relations between entities that no part holds together are not "
            "scored.",
            UserWarning,
            stacklevel=3,
        )


def _restrict(
    windows: tuple[Window, ...],
    ranges: tuple[tuple[int, int], ...],
    words: Words,
    spans: Sequence[Mapping[str, int]],
) -> tuple[Window, ...]:
    """Windows that keep only candidates on spans whose offsets fall on words; others are left out."""
    starts = {at: i for i, at in enumerate(words.starts)}
    ends = {at: i for i, at in enumerate(words.ends)}
    exact = [
        (starts[span["start"]], ends[span["end"]])
        for span in spans
        if span.get("start") in starts and span.get("end") in ends
    ]
    return tuple(
        replace(
            window,
            decode=replace(window.decode, only=frozenset((s - a, e - a) for s, e in exact if a <= s and e < b)),
        )
        for window, (a, b) in zip(windows, ranges, strict=True)
        if window.decode is not None
    )
