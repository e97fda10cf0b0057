"""What an export would hold, counted, and what a person should know about it before they take it away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from db.validation import Finding, validate
from relex_core.types import Annotation


@dataclass(slots=True)
class Summary:
    """Counts over annotations, and the findings of the format's validation, which come last."""

    documents: int = 0
    empty: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    findings: tuple[Finding, ...] = ()

    def add(self, annotation: Annotation) -> None:
        self.documents += 1
        self.empty += not annotation.entities
        self.entities.update(e.label for e in annotation.entities)
        self.relations.update(r.label for r in annotation.relations)
        self.rejected += len(annotation.rejected_entities) + len(annotation.rejected_relations)

    def copy(self) -> Summary:
        """As it is now, while another thread goes on adding."""
        return replace(self, entities=self.entities.copy(), relations=self.relations.copy())


def summarize(annotations: Iterable[Annotation], format: str = "gliner", into: Summary | None = None) -> Summary:
    """Go through the annotations once; what is counted meanwhile stands in `into`."""
    summary = Summary() if into is None else into

    def passing() -> Iterator[Annotation]:
        for annotation in annotations:
            summary.add(annotation)
            yield annotation

    summary.findings = validate(passing(), format).findings
    return summary
