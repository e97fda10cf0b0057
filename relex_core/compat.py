"""`GLiNER` with the calls and the outputs of the reference package, for code that was written for it.

    from relex_core.compat import GLiNER
    model = GLiNER.from_pretrained("mini")
    entities, relations = model.inference(texts, labels, relations, threshold=0.3, relation_threshold=0.5)

Where results differ on purpose is listed in `relex_core.differences`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from relex_core.checkpoint import load, save
from relex_core.decoding import Scores, decode, merge
from relex_core.errors import InputError, quote
from relex_core.inference import Extractor
from relex_core.scoring import Decode, Window
from relex_core.words import Words

Labels = str | Sequence[str] | Mapping[str, str]
EntityDict = dict[str, Any]
RelationDict = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Text:
    words: Words
    ranges: tuple[tuple[int, int], ...]
    windows: tuple[Window, ...]
    entities: tuple[str, ...]
    relations: tuple[str, ...]


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
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        map_location: str = "cpu",
        dtype: str | None = None,
        **ignored: Any,
    ) -> GLiNER:
        """Load an embedded name, a directory or a hub id. Raises CheckpointError.

        Further arguments of the reference that say how it is to work inside are taken and have no effect.
        """
        loaded = load(
            model_id,
            device=map_location,
            dtype=dtype or "fp32",
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            token=token,
        )
        return cls(Extractor(loaded))

    def save_pretrained(self, save_directory: str | Path, **ignored: Any) -> None:
        """Write a directory that `gliner` loads; weights always as safetensors."""
        save(self.extractor.loaded, Path(save_directory))

    def inference(
        self,
        texts: str | Sequence[str],
        labels: Labels | Sequence[Labels],
        relations: Labels | Sequence[Sequence[str]] = (),
        flat_ner: bool = True,
        threshold: float | Sequence[float] = 0.5,
        adjacency_threshold: float | None = None,
        relation_threshold: float | Sequence[float] | None = None,
        multi_label: bool = False,
        batch_size: int = 8,
        packing_config: object = None,
        input_spans: Sequence[Sequence[Mapping[str, int]]] | None = None,
        return_relations: bool = True,
        return_class_probs: bool = False,
    ) -> Any:
        """Entities, and relations unless `return_relations` is false: for each text a list of dictionaries.

        Thresholds may be one number or one for each text. Raises InputError or SchemaError.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        count = len(texts)
        limits = _per_text(threshold, count, "threshold")
        relation_limits = limits if relation_threshold is None else _per_text(relation_threshold, count, "relations")
        entity_sets, relation_sets = _label_sets(labels, count), _label_sets(relations, count)
        valid = [i for i, text in enumerate(texts) if isinstance(text, str) and text.strip()]
        words = [Words.of(texts[i]) for i in valid]
        pieces = self.extractor.loaded.builder.pieces([w.words for w in words])
        plans: list[_Text] = []
        for i, own, cut in zip(valid, words, pieces, strict=True):
            names, wanted = entity_sets[i], relation_sets[i]
            decoding = Decode(flat_ner, multi_label, None, return_class_probs, return_relations)
            floors = _floor(limits[i], len(names)), _floor(relation_limits[i], len(wanted))
            tau = limits[i] if adjacency_threshold is None else adjacency_threshold
            prompts = list(names.values()), list(wanted.values())
            ranges, windows = self.extractor.windows(cut, *prompts, floors, tau, decoding)
            if input_spans is not None:
                windows = _restrict(windows, ranges, own, input_spans[i])
            plans.append(_Text(own, ranges, windows, tuple(names), tuple(wanted)))
        scores = iter(self.extractor.score([w for plan in plans for w in plan.windows], batch_size))
        entities: list[list[EntityDict]] = [[] for _ in texts]
        found_relations: list[list[RelationDict]] = [[] for _ in texts]
        for i, plan in zip(valid, plans, strict=True):
            found = merge([next(scores) for _ in plan.windows], [first for first, _ in plan.ranges])
            if len(plan.ranges) > 1:
                found = decode(found, flat=flat_ner, multi_label=multi_label)
            entities[i] = _entities(plan, found)
            found_relations[i] = _relations(entities[i], plan, found)
        return (entities, found_relations) if return_relations else entities

    def predict_relations(
        self, text: str, labels: Labels, relations: Labels, **settings: Any
    ) -> tuple[list[EntityDict], list[RelationDict]]:
        """`inference` of one text."""
        entities, found = self.inference([text], labels, relations, **settings)
        return entities[0], found[0]

    def predict_entities(self, text: str, labels: Labels, relations: Labels = (), **settings: Any) -> list[EntityDict]:
        """The entities of one text; relation labels are only prompted."""
        found: list[EntityDict] = self.inference([text], labels, relations, return_relations=False, **settings)[0]
        return found

    def eval(self) -> GLiNER:
        """As the model always is; for callers that say so."""
        return self

    def to(self, device: str) -> GLiNER:
        """Move the model."""
        self.model.to(device)
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
        named = {key: entity[key] for key in ("start", "end", "text")}
        ends.setdefault((entity["start"], entity["end"]), {**named, "type": entity["label"], "entity_idx": index})
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


def _label_sets(labels: Any, count: int) -> list[dict[str, str]]:
    """For each text the labels' names and what is prompted for them, duplicates left out."""
    if not isinstance(labels, str | Mapping) and labels and not isinstance(labels[0], str):
        if len(labels) != count:
            raise InputError(
                expected=f"one label set for each of {count} texts",
                found=str(len(labels)),
                change="Give one list for all texts, or as many lists as texts.",
                value=labels,
            )
        return [_label_set(one) for one in labels]
    return [_label_set(labels)] * count


def _label_set(labels: Any) -> dict[str, str]:
    if isinstance(labels, Mapping):
        return {str(name): str(description) for name, description in labels.items()}
    names = [labels] if isinstance(labels, str) else labels or ()
    return {str(name): str(name) for name in names}


def _per_text(value: Any, count: int, name: str) -> list[float]:
    values = [float(value)] * count if isinstance(value, int | float) else [float(one) for one in value]
    if len(values) != count:
        raise InputError(
            expected=f"one {name} for each of {count} texts", found=quote(value), change="Give one number for all."
        )
    return values


def _floor(value: float, count: int) -> Any:
    return np.full(count, value, np.float32)


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
        (starts[span["start"]], ends[span["end"]]) for span in spans if span["start"] in starts and span["end"] in ends
    ]
    return tuple(
        replace(
            window,
            decode=replace(window.decode, only=frozenset((s - a, e - a) for s, e in exact if a <= s and e < b)),
        )
        for window, (a, b) in zip(windows, ranges, strict=True)
        if window.decode is not None
    )
