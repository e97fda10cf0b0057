"""Annotated corpora and exported annotations -> gold records with exact offsets.

Two line formats are read, plain or gzipped, and told apart line by line; and `.marked` files (`marked`):

- corpus: `{"id", "source", "text", "tokens", "entities": [{start, end, label}], "relations": [{head, tail,
  label}], "partial"}` with inclusive token indices. Document-level truth may stand in `clusters` (entity
  indices by cluster) and `cluster_relations`; `annotated_relations` names the labels that were looked for. An
  entity's `types` are narrower names for what it is (`syntax_types`).
- stage 2: GLiNER's `{"tokenized_text", "ner", "relations"}`, exact if the key `relex` is there (`jsonl`).

The entity label `entity` means that the type is not known: it is not prompted, unless relations are scored between
given entities of which no other type is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from relex_core.errors import FormatError, InputError, quote
from relex_core.jsonl import (
    Json,
    annotation_from_training,
    declared_from_training,
    id_of,
    read_lines,
    reading,
    training_labels,
)
from relex_core.marked import Marked, read_marked
from relex_core.types import Document, Entity, EntityLabel, Relation, RelationLabel, Schema

UNKNOWN_TYPE = "entity"


@dataclass(frozen=True, slots=True)
class Gold:
    """What is true of one document. Entity ids are the positions in `entities`, as text.

    `partial`: absent entities and relations are not known to be wrong, but for `checked` relation labels
    and for what was rejected. `clusters` and `facts` hold document-level truth: mentions (positions in
    `entities`) of the same thing, and (head cluster, tail cluster, label). `types` are narrower types of each
    entity, if any are known. `declared` are relation labels that are symmetric or name an inverse: what they relate
    may be annotated in one direction only.
    """

    document: Document
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    partial: bool = False
    checked: tuple[str, ...] = ()
    rejected_entities: tuple[Entity, ...] = ()
    rejected_relations: tuple[Relation, ...] = ()
    clusters: tuple[tuple[int, ...], ...] = ()
    facts: tuple[tuple[int, int, str], ...] = ()
    types: tuple[tuple[str, ...], ...] = ()
    declared: tuple[RelationLabel, ...] = ()


def read_gold(path: str | Path) -> tuple[Gold, ...]:
    """All records of a file. Raises InputError if it cannot be opened, FormatError naming it and the bad line."""
    return tuple(iterate_gold(path))


def iterate_gold(path: str | Path) -> Iterator[Gold]:
    """The records of a file one by one. Raises like `read_gold`."""
    path = Path(path)
    with reading(path, "a readable .jsonl, .jsonl.gz or .marked file") as lines:
        if path.suffix == ".marked":
            for text in read_marked(lines.read(), path.name):
                if isinstance(text, FormatError):
                    raise text
                yield _from_marked(text, path.stem)
            return
        for number, record in read_lines(lines, path.name):
            if isinstance(record, FormatError):
                raise record
            yield _gold(record, path, number)


def joined(records: Sequence[Gold], count: int) -> tuple[Gold, ...]:
    """Each `count` records as one text of so many paragraphs, in which nothing is related across paragraphs: what a
    predictor makes of long texts. A rest of fewer records is one text too. Raises InputError for partial records and
    document-level truth, which say nothing about pairs.
    """
    for record in records:
        if record.partial or record.clusters:
            raise InputError(
                expected="completely annotated records, to be joined",
                found=f"a partial one, {quote(record.document.id)}" if record.partial else "document-level truth",
                change="Join records of another file.",
            )
    return tuple(_joined(records[at : at + count]) for at in range(0, len(records), count))


def _joined(records: Sequence[Gold]) -> Gold:
    starts = [0, *accumulate(len(record.document.text) + 2 for record in records)]
    before = [0, *accumulate(len(record.entities) for record in records)]

    def moved(e: Entity, text: int, first: int) -> Entity:
        return replace(e, id=str(int(e.id) + first), start=e.start + text, end=e.end + text)

    def edges(of: Gold, first: int) -> Iterator[Relation]:
        for r in of.relations:
            yield replace(r, head=str(int(r.head) + first), tail=str(int(r.tail) + first))

    document = records[0].document
    declared = {label.name: label for record in reversed(records) for label in record.declared}
    return Gold(
        replace(document, text="\n\n".join(record.document.text for record in records)),
        tuple(moved(e, s, n) for of, s, n in zip(records, starts, before, strict=False) for e in of.entities),
        tuple(r for of, n in zip(records, before, strict=False) for r in edges(of, n)),
        declared=tuple(declared.values()),
    )


def labels_of(records: Iterable[Gold]) -> Schema:
    """The labels that the records use, in alphabetical order, without the unknown type.

    Relation labels are symmetric, or name an inverse that is used too, as the first record says that declares them.
    """
    entities: set[str] = set()
    relations: set[str] = set()
    declared: dict[str, RelationLabel] = {}
    for record in records:
        entities.update(entity.label for entity in record.entities)
        relations.update(relation.label for relation in record.relations)
        relations.update(label for _, _, label in record.facts)
        for label in record.declared:
            declared.setdefault(label.name, label)
    kept = {name: label for name, label in declared.items() if label.symmetric or label.inverse in relations}
    return Schema.of(sorted(entities - {UNKNOWN_TYPE}), [kept.get(name, name) for name in sorted(relations)])


def _gold(record: Json, path: Path, number: int) -> Gold:
    name = f"{path.stem}-{number}"
    try:
        if "tokenized_text" in record:
            return _from_training(record, name)
        return _from_corpus(record, name)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise FormatError(
            expected="a corpus record (text, tokens, entities, relations) or a stage-2 training record",
            found=f"{quote(record)} in line {number} of {path.name} ({error})",
            change="Compare the line with the formats at the top of relex_core/datasets.py.",
            lines=(number,),
        ) from error


def _from_training(record: Json, name: str) -> Gold:
    extra = record.get("relex") or {}
    rejected = extra.get("rejected") or {}
    entities, relations = training_labels([record])
    entities += tuple(str(e["label"]) for e in (*extra.get("entities", ()), *rejected.get("entities", ())))
    relations += tuple(str(r["label"]) for r in (*extra.get("relations", ()), *rejected.get("relations", ())))
    schema = Schema(
        tuple(EntityLabel(label) for label in dict.fromkeys(entities)),
        tuple(RelationLabel(label) for label in dict.fromkeys(relations)),
    )
    annotation = annotation_from_training(record, schema)
    # ids become positions; a rejected relation may lean on a rejected entity
    both = (*annotation.entities, *annotation.rejected_entities)
    position = {entity.id: str(i) for i, entity in enumerate(both)}
    renamed = [Entity(position[e.id], e.start, e.end, e.label) for e in both]
    return Gold(
        Document(annotation.document.id or name, annotation.document.text, annotation.document.source),
        tuple(renamed[: len(annotation.entities)]),
        tuple(Relation(position[r.head], position[r.tail], r.label) for r in annotation.relations),
        partial=_partial(record),
        rejected_entities=tuple(renamed[len(annotation.entities) :]),
        rejected_relations=tuple(
            Relation(position[r.head], position[r.tail], r.label)
            for r in annotation.rejected_relations
            if r.head in position and r.tail in position
        ),
        declared=declared_from_training(record),
    )


def _from_corpus(record: Json, name: str) -> Gold:
    text, tokens = record["text"], _listed(record, "tokens")
    starts = locate(text, tokens)
    for entity in record["entities"]:
        if not 0 <= entity["start"] <= entity["end"] < len(tokens):
            raise ValueError(f"an entity from token {entity['start']} to {entity['end']} of {len(tokens)}")
    entities = tuple(
        Entity(str(i), starts[e["start"]], starts[e["end"]] + len(tokens[e["end"]]), str(e["label"]))
        for i, e in enumerate(record["entities"])
    )
    for relation in record["relations"]:
        head, tail = relation["head"], relation["tail"]
        if not (0 <= head < len(entities) and 0 <= tail < len(entities)) or head == tail:
            raise ValueError(f"a relation between entities {head} and {tail} of {len(entities)}")
    clusters = tuple(tuple(cluster) for cluster in record.get("clusters") or ())
    facts = tuple((f["head"], f["tail"], str(f["label"])) for f in record.get("cluster_relations") or ())
    for cluster in clusters:
        if not cluster or not all(0 <= place < len(entities) for place in cluster):
            raise ValueError(f"a cluster of the entities {list(cluster)} of {len(entities)}")
    for head, tail, _ in facts:
        if not (0 <= head < len(clusters) and 0 <= tail < len(clusters)):
            raise ValueError(f"a relation between clusters {head} and {tail} of {len(clusters)}")
    relations = tuple(Relation(str(r["head"]), str(r["tail"]), str(r["label"])) for r in record["relations"])
    checked = tuple(_listed(record, "annotated_relations"))
    types = tuple(tuple(_listed(e, "types")) for e in record["entities"])
    for label in {*(e.label for e in entities), *(n for names in types for n in names)}:
        _entity_label(label)
    for label in {*(r.label for r in relations), *(label for *_, label in facts), *checked}:
        _relation_label(label)
    return Gold(
        Document(id_of(record.get("id"), name), text, str(record.get("source", ""))),
        entities,
        relations,
        partial=_partial(record),
        checked=checked,
        clusters=clusters,
        facts=facts,
        types=types,
    )


# files of a million records have some thousand labels; what raises is not kept
_entity_label = lru_cache(maxsize=None)(EntityLabel)
_relation_label = lru_cache(maxsize=None)(RelationLabel)


def _listed(record: Json, key: str) -> list[str]:
    """A list of texts, empty if there is none; a text is no list of its letters. Raises ValueError."""
    found = record.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError(f"{quote(found)} as {key}, not a list of texts")
    return found


def _partial(record: Json) -> bool:
    found = record.get("partial") or False
    if not isinstance(found, bool):
        raise ValueError(f"{quote(found)} as partial, neither true nor false")
    return found


def _from_marked(text: Marked, name: str) -> Gold:
    def relations(edges: Iterable[tuple[int, int, str]]) -> tuple[Relation, ...]:
        return tuple(Relation(str(head), str(tail), label) for head, tail, label in edges)

    return Gold(
        Document(f"{name}-{text.line}", text.text, name),
        tuple(Entity(str(i), start, end, types[-1]) for i, (start, end, types) in enumerate(text.spans)),
        relations(text.relations),
        rejected_relations=relations(text.wrong),
        types=tuple(types[:-1] for *_, types in text.spans),
    )


def locate(text: str, tokens: list[str]) -> list[int]:
    """Code point offset of each token, which must occur in this order. Raises ValueError.

    >>> locate("Ada (1815).", ["Ada", "(", "1815", ")", "."])
    [0, 4, 5, 9, 10]
    """
    starts, at = [], 0
    for token in tokens:
        at = text.index(token, at)
        starts.append(at)
        at += len(token)
    return starts
