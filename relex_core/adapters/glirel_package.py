"""A GLiREL checkpoint (a local directory) through the `glirel` package: relations between given entities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from relex_core.errors import ConfigError
from relex_core.types import Document, Entity, Extraction, Relation, Schema, Thresholds
from relex_core.words import Words


class GlirelPackage:
    """Spans are widened to whole words; two entities on the same words are one there."""

    def __init__(self, checkpoint: str) -> None:
        from glirel import GLiREL

        self.name = f"glirel package, {checkpoint}"
        # its from_pretrained fails with huggingface_hub 1.x, which no longer passes what this asks for
        self.model = GLiREL._from_pretrained(
            model_id=checkpoint,
            revision=None,
            cache_dir=None,
            force_download=False,
            proxies=None,
            resume_download=False,
            local_files_only=False,
            token=None,
        ).eval()

    def predict(
        self,
        documents: Sequence[Document],
        schema: Schema,
        floor: Thresholds,
        given: Sequence[tuple[Entity, ...]] | None = None,
    ) -> Iterator[Extraction]:
        """Raises ConfigError without given entities: GLiREL finds none itself."""
        if given is None:
            raise ConfigError(
                expected="given entities",
                found="none",
                change="Add --gold-entities.",
            )
        labels = [relation.prompt for relation in schema.visible_relations]
        names = {relation.prompt: relation.name for relation in schema.visible_relations}
        for document, entities in zip(documents, given, strict=True):
            words = Words.of(document.text)
            at = {span: e for e in entities if (span := words.covering(e.start, e.end)) is not None}
            edges: dict[tuple[str, str, str], Relation] = {}
            if len(at) > 1 and labels:
                found = self.model.predict_relations(
                    list(words.words),
                    labels,
                    threshold=floor.relation,
                    ner=[[first, last, e.label, e.text(document)] for (first, last), e in at.items()],
                )
                for relation in found:
                    # its ends are exclusive
                    ends = [(relation[k][0], relation[k][1] - 1) for k in ("head_pos", "tail_pos")]
                    edge = Relation(at[ends[0]].id, at[ends[1]].id, names[relation["label"]], float(relation["score"]))
                    edges.setdefault(edge.key, edge)
            yield Extraction(document, schema, tuple(entities), tuple(edges.values()), self.name, floor)
