"""Forms of the model compared: adjacency decoders and triple scorers against all pairs and a pair MLP (section 5.4).

Each form starts from the same weights but for what is compared: the relation scorer and the adjacency decoder are
drawn at random from the same seed in every form, also in the one that the checkpoint has, which would otherwise be
ahead by all of its training. Each sees the same data in the same order for the same time or number of steps, and is
scored once on a development file at thresholds chosen there. Average precision stands beside F1, as it asks of a form
only that right relations come before wrong ones: the score of a distance, such as TransE's, is low everywhere.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from relex_core.adapters.own import Own
from relex_core.checkpoint import load, write
from relex_core.datasets import read_gold
from relex_core.errors import ConfigError
from relex_core.evaluation import SCORING_FLOOR, predict_file, report
from relex_core.inference import Extractor
from relex_core.model import RelexModel
from relex_core.training import Trainer
from relex_core.training_config import TrainConfig
from relex_core.tuning import average_precision, best_thresholds, relation_claims

FORMS: dict[str, dict[str, str | None]] = {
    "all pairs, pair MLP": {"relations_layer": "none", "triples_layer": None},
    **{
        f"{name} adjacency": {"relations_layer": name, "triples_layer": None}
        for name in ("dot", "bilinear", "mlp", "attention", "gcn", "gat")
    },
    **{
        f"{name} scorer": {"relations_layer": "none", "triples_layer": name}
        for name in ("DistMult", "TransE", "ComplEx")
    },
}

COMPARED = ("relations.", "adjacency.")
"""The parts of the model that forms differ in, and that each form therefore starts without."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    `pairs` is how many pairs the relation head scored on the development file; `average_precision` is of relations
    between entities above the chosen threshold; `milliseconds` of all processor cores to read a document, which other
    work on the machine hardly changes.
    """

    form: str
    parameters: int
    steps: int
    examples: int
    minutes: float
    entity_f1: float
    relation_f1: float
    relation_precision: float
    relation_recall: float
    average_precision: float
    pairs: int
    milliseconds: float


def ablate(config: TrainConfig, directory: Path, forms: Sequence[str], say: Callable[[str], None] = print) -> list[Row]:
    """Train and score each form; finished ones are read back, so that a killed comparison goes on."""
    unknown = [name for name in forms if name not in FORMS]
    if unknown or not config.dev:
        raise ConfigError(
            expected=f"forms among {', '.join(FORMS)}, and a development file",
            found=", ".join(unknown) or "no development file",
            change="Correct --forms or add --dev.",
            value=tuple(unknown),
        )
    read_gold(config.path(config.dev[0]))  # before hours of training, not after
    directory.mkdir(parents=True, exist_ok=True)
    plan = f"{config.fingerprint()} {config.steps} {config.epochs} {config.minutes} {config.dev[0]}"
    rows = []
    for name in forms:
        place = directory / name.replace(" ", "-").replace(",", "")
        done = place / "row.json"
        if not done.is_file():
            place.mkdir(exist_ok=True)
            row = _one(name, config, place, say)
            done.write_text(json.dumps({**asdict(row), "plan": plan}), "utf-8")
        kept = json.loads(done.read_text("utf-8"))
        if kept.pop("plan", plan) != plan:
            raise ConfigError(
                expected="forms that were trained by the same plan",
                found=f"{name!r} by another in {place}",
                change="Choose another --out, or remove that directory.",
                value=str(place),
            )
        rows.append(Row(**kept))
        say(line(rows[-1]))
    return rows


def line(row: Row) -> str:
    """A row of the table in Markdown."""
    return (
        f"| {row.form} | {row.entity_f1:.3f} | {row.relation_precision:.3f} / {row.relation_recall:.3f} / "
        f"{row.relation_f1:.3f} | {row.average_precision:.3f} | {row.pairs:,} | {row.milliseconds:.0f} | "
        f"{row.steps:,} | {row.minutes:.1f} |"
    )


def _one(name: str, config: TrainConfig, place: Path, say: Callable[[str], None]) -> Row:
    base = derive(config.base, place / "base", FORMS[name], config.seed)
    plan = replace(config, base=str(base), evaluate_every=0, patience=0, dev=())
    progress = Trainer(plan, place, say).run()
    loaded = load(place / "last", device=config.device, dtype="fp32")
    counted = _count_pairs(loaded.model)
    began = time.process_time()
    run = predict_file(Own(Extractor(loaded)), config.path(config.dev[0]), floor=replace(SCORING_FLOOR, relation=0.0))
    seconds = time.process_time() - began
    pairs = counted()
    scored = report(run, best_thresholds(run, slack=0.0))
    claimed = relation_claims(run, replace(scored.thresholds, relation=0.0))
    return Row(
        name,
        sum(parameter.numel() for parameter in loaded.model.parameters()),
        progress.step,
        progress.examples,
        progress.seconds / 60,
        scored.entities.f1,
        scored.relations.f1,
        scored.relations.precision,
        scored.relations.recall,
        average_precision(*claimed),
        pairs,
        1000 * seconds / len(run.gold),
    )


def derive(base: str, path: Path, changes: dict[str, str | None], seed: int) -> Path:
    """A checkpoint of another form: encoder, spans and labels of `base`, relation scorer and adjacency at random."""
    loaded = load(base, device="cpu", dtype="fp32")
    torch.manual_seed(seed)
    fresh = RelexModel(loaded.config).state_dict()
    start = {key: fresh[key] if key.startswith(COMPARED) else value for key, value in loaded.model.state_dict().items()}
    model = RelexModel(replace(loaded.config, **changes))  # type: ignore[arg-type]
    model.load_state_dict(start, strict=False)
    write(model, loaded.builder, loaded.path, path)
    return path


def _count_pairs(model: RelexModel) -> Callable[[], int]:
    """Count the pairs that the relation head is asked about from now on."""
    total = 0
    relations: Any = model.relations
    blocks = relations.blocks

    def counting_blocks(entities_BED: Tensor, pairs_BP2: Tensor, labels_BMD: Tensor) -> Any:
        nonlocal total
        total += pairs_BP2.shape[0] * pairs_BP2.shape[1]
        return blocks(entities_BED, pairs_BP2, labels_BMD)

    object.__setattr__(relations, "blocks", counting_blocks)
    if hasattr(relations, "grid"):
        grid = relations.grid

        def counting_grid(entities_ED: Tensor, labels_MD: Tensor) -> Any:
            nonlocal total
            total += entities_ED.shape[0] * (entities_ED.shape[0] - 1)
            return grid(entities_ED, labels_MD)

        object.__setattr__(relations, "grid", counting_grid)
    return lambda: total


def table(rows: Sequence[Row]) -> str:
    """The whole table in Markdown."""
    head = "| form | entity F1 | relation P / R / F1 | AP | pairs scored | ms/document | steps | minutes |"
    return "\n".join((head, "|---" * 8 + "|", *map(line, rows)))
