"""The counts of the Export screen: made in the background, document by document, and kept until they change."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from db import naming, progress, samples
from db.samples import Sample
from db.store import Store
from db.values import State
from pages.shared import bundles, export_check, state
from pages.shared.bundles import Shares
from pages.shared.export_check import Summary
from pages.shared.jobs import Job
from relex_core.errors import RelexError
from relex_core.types import Annotation

SOON = 0.6
"""Seconds that a run waits for the counts before it shows how far they are."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be exported; with `split` as three sets."""

    project: str
    format: str
    states: tuple[State, ...]
    annotators: tuple[str, ...]
    split: Shares | None = None


@dataclass(slots=True)
class Counting:
    """What an export would hold. `job` fills in the rest as it goes: `summary` grows with each document, `sizes` of
    the sets come last. `unshown` is why there is no `sample`."""

    of: object
    choice: Choice
    job: Job
    summary: Summary = field(default_factory=Summary)
    sizes: dict[str, int] = field(default_factory=dict)
    sample: Sample | None = None
    unshown: str = ""
    complete: bool = False


def of_choice(store: Store, choice: Choice, stamp: object) -> Counting:
    """The counts of this choice: those there are, or others that begin now and are waited for a moment.

    `stamp` is another one whenever the project is. Those of the choice before are given up.
    """
    counting: Counting | None = state.remembered("export_counting")
    if counting is None or counting.of != (stamp, choice):
        if counting is not None:
            counting.job.stop()
        counting = _begin(store, choice, (stamp, choice))
        state.remember("export_counting", counting)
    if counting.job.running:
        counting.job.wait(SOON)
    if counting.complete:
        state.remember("export_counted", counting)
    return counting


def forget() -> None:
    """The next run begins to count anew."""
    state.remember("export_counting", None)


def latest(counting: Counting) -> Counting:
    """What to show while `counting` goes on: the last counts of the same choice, else what has been counted so far."""
    before: Counting | None = state.remembered("export_counted")
    return before if before is not None and not counting.complete and before.choice == counting.choice else counting


def _begin(store: Store, choice: Choice, of: object) -> Counting:
    held = store.counts(choice.project)
    job = Job("counting", sum(held[name] for name in choice.states))
    counting = Counting(of, choice, job)

    def pieces(job: Job) -> Generator[int]:
        _count(store, counting)
        yield 0

    job.start(pieces)
    return counting


def _count(store: Store, counting: Counting) -> None:
    choice, job = counting.choice, counting.job
    people = choice.annotators or None

    # three sets take a second pass
    passes = 1 if choice.split is None else 2
    job.characters = passes * progress.characters(store, choice.project, states=choice.states)

    def annotations() -> Iterator[Annotation]:
        job.done = 0
        for annotation in job.counted(store.annotations(choice.project, states=choice.states, annotators=people)):
            yield annotation
            job.read += len(annotation.document.text)

    try:
        first = store.latest_revisions(choice.project, states=choice.states, annotators=people, suggestions=True)
        counting.sample = samples.sample(
            first, choice.format, bundles.file_stem(choice.project), names=naming.of(store, choice.project)
        )
    except RelexError as error:
        counting.unshown = str(error)
    export_check.summarize(annotations(), choice.format, into=counting.summary)
    if choice.split is not None and counting.summary.documents:
        counting.sizes = bundles.set_sizes(annotations(), choice.split)
    counting.complete = True
