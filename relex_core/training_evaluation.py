"""How good a model in training is on the development files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relex_core.checkpoint import LoadedModel
from relex_core.evaluation import predict_file, report
from relex_core.tuning import best_thresholds


def score(loaded: LoadedModel, files: Sequence[tuple[str, Path]]) -> tuple[dict[str, dict[str, Any]], float]:
    """F1 of entities and relations on each (name, file) at its best thresholds, and what a run is chosen by: their sum,
    as the mean over the files. The model trains on afterwards."""
    from relex_core.adapters.own import Own
    from relex_core.inference import Extractor

    loaded.model.eval()
    runs = {name: predict_file(Own(Extractor(loaded)), path) for name, path in files}
    loaded.model.train()
    scores: dict[str, dict[str, Any]] = {}
    for name, run in runs.items():
        found = report(run, best_thresholds(run, slack=0.0))
        scores[name] = {
            "entity_f1": round(found.entities.f1, 4),
            "relation_f1": round(found.relations.f1, 4),
            "thresholds": [found.thresholds.entity, found.thresholds.relation],
        }
    return scores, sum(s["entity_f1"] + s["relation_f1"] for s in scores.values()) / len(scores)
