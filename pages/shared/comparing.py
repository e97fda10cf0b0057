"""A checkpoint before and after fine-tuning, on the documents that were held out. No Streamlit in here.

`python -m pages.shared.comparing FOLDER before|after` scores one side of a run and keeps what it finds in the form
of `python -m relex_core evaluate --json`: at the thresholds that the screens begin with, and at the pair that suits
that checkpoint best on these documents.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from db import audit
from db.store import Store
from db.values import CheckpointRecord
from pages.shared import checkpoints, evaluating
from pages.shared.evaluating import Scored
from pages.shared.training_plan import Plan
from pages.shared.training_runs import read_json, threads, write_json
from relex_core.errors import FormatError, RelexError
from relex_core.types import Thresholds

SIDES = ("before", "after")
VIEWS = ("At the usual thresholds", "Each at its best")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is known of both sides; `usual` at common thresholds, `best` each at its own. None: not yet measured."""

    usual: tuple[Scored | None, Scored | None]
    best: tuple[Scored | None, Scored | None]

    @property
    def complete(self) -> bool:
        return None not in self.usual

    @property
    def gains(self) -> tuple[float, float]:
        """By how much entity and relation F1 rose at the usual thresholds."""
        before, after = self.usual
        assert before is not None
        assert after is not None
        entities, relations = (
            after.figures[key]["f1"] - before.figures[key]["f1"] for key in ("entities", "relations")
        )
        return entities, relations


def read(home: Path) -> Comparison:
    """What a run has measured so far."""
    sides = []
    for side in SIDES:
        path = home / f"{side}.json"
        try:
            usual, best = evaluating.opened(path.read_bytes(), path.name) if path.is_file() else (None, None)
        except (FormatError, ValueError):
            usual = best = None
        sides.append((usual, best))
    (usual_a, best_a), (usual_b, best_b) = sides
    return Comparison((usual_a, usual_b), (best_a, best_b))


def measure(home: Path, side: str) -> None:
    """Score one side of the run in `home` on its held-out documents, and record the checkpoint that came of it."""
    import torch

    from relex_core.evaluate_command import load_predictor, result
    from relex_core.evaluation import predict_file, report
    from relex_core.tuning import best_thresholds

    torch.set_num_threads(threads())
    plan = Plan.from_json(read_json(home / "plan.json"))
    name = str(read_json(home / "train.json")["base"]) if side == "before" else str(checkpoints.folder() / plan.name)
    predictor = load_predictor("relex_core", name)
    # the file's name is what tables call the data
    data = home / f"{plan.name}_held_out.jsonl"
    data.write_bytes((home / "data.dev.jsonl").read_bytes())
    run = predict_file(predictor, data)
    reports = [report(run, Thresholds()), report(run, best_thresholds(run))]
    write_json(home / f"{side}.json", result(predictor.name, evaluating.as_given(Thresholds()), reports))
    # also where Evaluate looks, down to each error
    evaluating.save(predictor.name, Thresholds(), reports[:1])
    if side == "after":
        with Store.open() as store:
            record(store, home, plan, predictor.name.removeprefix("relex_core, "))


def record(store: Store, home: Path, plan: Plan, version: str) -> None:
    """Remember the checkpoint in the store: where it is, what it came from, how it scored, who made it."""
    found = read(home)
    scores = {
        side: {
            "entity_f1": scored.figures["entities"]["f1"],
            "relation_f1": scored.figures["relations"]["f1"],
            "thresholds": [scored.thresholds.entity, scored.thresholds.relation],
        }
        for side, scored in zip(SIDES, found.usual, strict=True)
        if scored is not None
    }
    scores |= {"held_out": {"documents": plan.held_out, "seed": plan.seed}}
    path = str(checkpoints.folder() / plan.name)
    made = CheckpointRecord(version, path, plan.base, plan.sha256, scores, datetime.now(UTC))
    audit.record_checkpoint(store, made, plan.who)


if __name__ == "__main__":
    try:
        measure(Path(sys.argv[1]), sys.argv[2])
    except RelexError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
