"""A GLiNER2 checkpoint through the `gliner2` package (pip install gliner2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from relex_core.datasets import UNKNOWN_TYPE
from relex_core.errors import ConfigError
from relex_core.types import Document, Entity, EntityLabel, Extraction, Relation, Schema, Thresholds


class Gliner2Package:
    """Entities and relations are two outputs there: an end of a relation that is no entity gets the unknown type,
    which the scores leave out of account. A relation's score is the lower of its two ends'."""

    def __init__(self, checkpoint: str) -> None:
        from gliner2 import AutoExtractor

        self.name = f"gliner2 package, {checkpoint}"
        self.model = AutoExtractor.from_pretrained(checkpoint)

    def predict(
        self,
        documents: Sequence[Document],
        schema: Schema,
        floor: Thresholds,
        given: Sequence[tuple[Entity, ...]] | None = None,
    ) -> Iterator[Extraction]:
        """Raises ConfigError for given entities, which the package cannot take."""
        if given is not None:
            raise ConfigError(
                expected="predicted entities",
                found="given ones, which gliner2 does not take",
                change="Leave out --gold-entities.",
            )
        asked = self.model.create_schema()
        asked = asked.entities([e.prompt for e in schema.visible_entities], threshold=floor.entity)
        if schema.visible_relations:
            asked = asked.relations([r.prompt for r in schema.visible_relations], threshold=floor.relation)
        wider = replace(schema, entity_labels=(*schema.entity_labels, EntityLabel(UNKNOWN_TYPE)))
        for document in documents:
            found = self.model.extract(
                document.text, asked, threshold=floor.entity, include_confidence=True, include_spans=True
            )
            yield self._extraction(document, wider, floor, found)

    def _extraction(self, document: Document, schema: Schema, floor: Thresholds, found: Any) -> Extraction:
        types = {e.prompt: e.name for e in schema.visible_entities}
        names = {r.prompt: r.name for r in schema.visible_relations}
        entities: dict[tuple[int, int], Entity] = {}
        for label, spans in found.get("entities", {}).items():
            for span in spans:
                made = Entity.suggested(span["start"], span["end"], types[label], float(span["confidence"]))
                if made.span not in entities or (entities[made.span].score or 0.0) < (made.score or 0.0):
                    entities[made.span] = made
        edges: dict[tuple[str, str, str], Relation] = {}
        for label, pairs in found.get("relation_extraction", {}).items():
            for pair in pairs:
                ends = []
                for end in (pair["head"], pair["tail"]):
                    span = (end["start"], end["end"])
                    entities.setdefault(span, Entity.suggested(*span, UNKNOWN_TYPE, float(end["confidence"])))
                    ends.append(entities[span].id)
                score = min(float(pair["head"]["confidence"]), float(pair["tail"]["confidence"]))
                edge = Relation(ends[0], ends[1], names[label], score)
                if ends[0] != ends[1]:
                    edges.setdefault(edge.key, edge)
        ordered = tuple(sorted(entities.values(), key=lambda e: e.span))
        return Extraction(document, schema, ordered, tuple(edges.values()), self.name, floor)
