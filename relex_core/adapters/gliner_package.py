"""A relex checkpoint through the `gliner` package, for scores and speed side by side with this one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from relex_core.locating import locate
from relex_core.types import Document, Entity, Extraction, Relation, Schema, Thresholds


class GlinerPackage:
    """Needs `pip install gliner`. Supplied entities only filter what it decodes itself (a limit of the package).

    Raises CheckpointError for a checkpoint that is nowhere.
    """

    def __init__(self, checkpoint: str, batch_size: int = 8) -> None:
        from gliner import GLiNER

        self.name = f"gliner package, {checkpoint}"
        self.model = GLiNER.from_pretrained(str(locate(checkpoint)))
        self.batch_size = batch_size

    def predict(
        self,
        documents: Sequence[Document],
        schema: Schema,
        floor: Thresholds,
        given: Sequence[tuple[Entity, ...]] | None = None,
    ) -> Iterator[Extraction]:
        spans = None
        if given is not None:
            spans = [[{"start": e.start, "end": e.end} for e in entities] for entities in given]
        entities, relations = self.model.inference(
            [document.text for document in documents],
            {label.prompt: label.prompt for label in schema.visible_entities},
            relations=[label.prompt for label in schema.visible_relations],
            threshold=floor.entity,
            relation_threshold=floor.relation,
            batch_size=self.batch_size,
            input_spans=spans,
            return_relations=True,
        )
        types = {label.prompt: label.name for label in schema.visible_entities}
        names = {label.prompt: label.name for label in schema.visible_relations}
        for document, found, linked in zip(documents, entities, relations, strict=True):
            ids = [Entity.suggested(e["start"], e["end"], types[e["label"]], e["score"]) for e in found]
            edges: dict[tuple[str, str, str], Relation] = {}
            for r in linked:
                head, tail = ids[r["head"]["entity_idx"]].id, ids[r["tail"]["entity_idx"]].id
                edge = Relation(head, tail, names[r["relation"]], r["score"])
                edges.setdefault(edge.key, edge)
            yield Extraction(document, schema, tuple(ids), tuple(edges.values()), self.name, floor)
