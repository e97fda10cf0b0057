"""This package's own extractor as a predictor of the evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from relex_core.inference import Extractor
from relex_core.types import Annotation, Document, Entity, Extraction, Schema, Thresholds


class Own:
    """Reads documents in batches, or one by one where entities are given."""

    def __init__(self, extractor: Extractor, batch_size: int = 8) -> None:
        self.extractor = extractor
        self.name = f"relex_core, {extractor.version}"
        self.batch_size = batch_size

    def predict(
        self,
        documents: Sequence[Document],
        schema: Schema,
        floor: Thresholds,
        given: Sequence[tuple[Entity, ...]] | None = None,
    ) -> Iterator[Extraction]:
        if given is None:
            yield from self.extractor.extract_many(documents, schema, floor, self.batch_size)
            return
        for document, entities in zip(documents, given, strict=True):
            yield self.extractor.rescore(Annotation(document, schema, entities), floor, most=None)
