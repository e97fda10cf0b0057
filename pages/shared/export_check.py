"""What an export would hold, counted, and what a person should know about it before they take it away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from db.validation import Finding, validate
from relex_core.types import Annotation

PREVIEW = 10
"""Records that are shown before anybody downloads."""

STEP = 500
"""Documents between two words about how far the counting is."""


@dataclass(slots=True)
class Summary:
    """Counts over annotations, the first of them, and the findings of the format's validation."""

    documents: int = 0
    empty: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    first: list[Annotation] = field(default_factory=list)
    findings: tuple[Finding, ...] = ()

    def add(self, annotation: Annotation) -> None:
        self.documents += 1
        self.empty += not annotation.entities
        self.entities.update(e.label for e in annotation.entities)
        self.relations.update(r.label for r in annotation.relations)
        self.rejected += len(annotation.rejected_entities) + len(annotation.rejected_relations)
        if len(self.first) < PREVIEW:
            self.first.append(annotation)


def summarize(
    annotations: Iterable[Annotation], format: str = "gliner", seen: Callable[[int], None] = lambda documents: None
) -> Summary:
    """Go through the annotations once; `seen` hears now and then how many there were."""
    summary = Summary()

    def passing() -> Iterator[Annotation]:
        for annotation in annotations:
            summary.add(annotation)
            if summary.documents % STEP == 0:
                seen(summary.documents)
            yield annotation

    summary.findings = validate(passing(), format).findings
    return summary
