"""What a fine-tuning run is asked to do, and what can be said about it before it begins. No Streamlit in here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from db.splits import split
from db.store import Store
from db.validation import Weight
from db.values import State
from pages.shared.export_check import Summary, summarize
from pages.shared.wording import counted
from relex_core.errors import InputError
from relex_core.training_config import DataFile, TrainConfig, read_train_config
from relex_core.types import Annotation
from relex_core.words import Words

LEAST = 4
"""Documents that a run needs: some to learn from and at least one held out."""

FEW = 20
"""With fewer documents the screen says how little to expect."""

RECIPES = {
    "small": "Small set: higher rates, ten rounds",
    "stage2": "As in the paper: stage 2, five gentle rounds",
}
"""Training presets of `relex_core` that the screen offers, and what it calls them. The first is what one gets: at the
paper's rates 16 documents left mini's scores as they were."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which annotations, from which checkpoint, how; `name` is what the result will be called.

    `states` and `annotators` filter as an export does; `dev` is the share of documents held out. `beside` begins at
    once, although another run is going.
    """

    project: str
    base: str
    recipe: str = "small"
    states: tuple[str, ...] = (State.SUBMITTED,)
    annotators: tuple[str, ...] = ()
    dev: float = 0.2
    seed: int = 0
    epochs: int = 0
    name: str = ""
    who: str = ""
    beside: bool = False
    asked_at: str = ""
    documents: int = 0
    held_out: int = 0
    entities: int = 0
    relations: int = 0
    sha256: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """Raises TypeError or KeyError."""
        lists = {key: tuple(data[key]) for key in ("states", "annotators")}
        return cls(**{**data, **lists})


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan would learn from: counts over all chosen documents, and how many of them are held out."""

    summary: Summary
    train: int
    held_out: int
    long: int
    warnings: tuple[str, ...] = field(default=())

    @property
    def possible(self) -> bool:
        enough = self.train + self.held_out >= LEAST and self.train > 0 and self.held_out > 0
        return enough and self.summary.entities.total() > 0


def outlook(store: Store, plan: Plan) -> Outlook:
    """Count what the plan's filter finds, and say what is wrong or weak about it. Raises NotFound."""
    with split(_annotations(store, plan), dev=plan.dev, test=0.0, seed=plan.seed) as chosen:
        sizes, duplicates = chosen.sizes, chosen.duplicates
    long = 0
    most = read_train_config(plan.recipe).max_words

    def watched(annotations: Iterable[Annotation]) -> Iterator[Annotation]:
        nonlocal long
        for annotation in annotations:
            long += len(Words.of(annotation.document.text)) > most
            yield annotation

    summary = summarize(watched(_annotations(store, plan)))
    found = Outlook(summary, sizes["train"], sizes["dev"], long)
    return replace(found, warnings=tuple(_warnings(found, duplicates, most)))


def _annotations(store: Store, plan: Plan) -> Iterable[Annotation]:
    states = tuple(State(name) for name in plan.states)
    return store.annotations(plan.project, states=states, annotators=plan.annotators or None) if states else ()


def _warnings(found: Outlook, duplicates: int, most: int) -> Iterator[str]:
    summary = found.summary
    if summary.documents < LEAST:
        have = counted(summary.documents, "document") if summary.documents else "none"
        yield (
            f"A run needs at least {LEAST} documents that fit this choice, found {have}. Submit more under Annotate, "
            "or choose other states."
        )
        return
    if not summary.entities:
        yield "No entity is marked in these documents: there is nothing to learn."
        return
    if summary.documents < FEW:
        yield (
            f"{counted(summary.documents, 'document')} are few: the labels may improve a little, and scores on "
            f"{counted(found.held_out, 'held-out document')} say little."
        )
    if not summary.relations:
        yield "No relation is marked: the run teaches that there are none."
    if found.long:
        yield (
            f"{counted(found.long, 'document')} of more than {most} words will be learnt in passages: no relation "
            "between two of them."
        )
    if duplicates:
        yield f"{counted(duplicates, 'repeated text')} left out, so that no text is on both sides of the split."
    for finding in summary.findings:
        # long and repeated texts have been spoken of, by this checkpoint's own limit
        if finding.weight is Weight.WARNING and not finding.what.startswith("texts "):
            places = "; ".join(f"{document} {where}".strip() for document, where in finding.places)
            yield f"{finding.count:,} × {finding.what}: {places}."


def check(store: Store, plan: Plan) -> Outlook:
    """The outlook of a plan that can be run. Raises InputError otherwise."""
    found = outlook(store, plan)
    if not found.possible:
        raise InputError(
            expected=f"at least {LEAST} annotated documents, some of them held out",
            found=f"{found.train} to learn from and {found.held_out} held out",
            change="Submit more documents, choose other states, or hold out a larger share.",
        )
    return found


def config(plan: Plan, base: str, train: Path, dev: Path, threads: int) -> TrainConfig:
    """The training configuration of a plan: looked at and saved once a round, so that a stop loses little."""
    preset = read_train_config(plan.recipe)
    epochs = plan.epochs or preset.epochs
    per_round = -(-plan.documents // (preset.sampling.texts * preset.accumulate))
    return replace(
        preset,
        name=plan.name,
        base=base,
        data=(DataFile(str(train)),),
        dev=(str(dev),),
        data_root=".",
        seed=plan.seed,
        epochs=epochs,
        threads=threads,
        log_every=max(1, per_round * epochs // 80),
        evaluate_every=per_round,
        save_every=per_round,
    )


def write_config(chosen: TrainConfig, path: Path) -> None:
    path.write_text(json.dumps(chosen.to_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")
