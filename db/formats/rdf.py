"""Linked data with provenance: JSON-LD and Turtle, the same statements in both.

A document is a `relex:Document` with its text; a mark is a `relex:Entity` with Web Annotation positions
(`oa:start`, `oa:end`, code points); a relation is a `relex:Relation` with head, tail and label, and beside it
the plain statement head - label - tail. PROV-O says which revision they belong to, who made it and when, and
from which suggestion of which model each was derived; rejected suggestions are kept with their scores. An entity whose
name people joined to another has a `relex:name`, the node that the project's graph shows for all of these.
Writing streams; what is read is kept in a temporary file until all of it is there (`db.formats.rdf_graph`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encode
from urllib.parse import unquote

from db.corpus import Key, normal
from db.formats.files import text_writer
from db.formats.record import (
    Attributed,
    Edge,
    Format,
    Item,
    Mark,
    Record,
    each,
    misfit,
    record_from_marks,
    required,
    united,
)
from relex_core.editing import diff
from relex_core.errors import FormatError, StoreError, quote
from relex_core.jsonl import Json
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Schema

PREFIXES = {
    "dcterms": "http://purl.org/dc/terms/",
    "oa": "http://www.w3.org/ns/oa#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "relex": "urn:relex:vocabulary:",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def nodes(annotations: Iterable[Annotation]) -> Iterator[Json]:
    """The statements as flat JSON-LD nodes: values are strings, {"@id"} or typed {"@value", "@type"}."""
    seen: set[str] = set()

    def once(node: Json) -> Iterator[Json]:
        if node["@id"] not in seen:
            seen.add(node["@id"])
            yield node

    for number, annotation in enumerate(annotations):
        for name in dict.fromkeys(e.label for e in (*annotation.entities, *annotation.rejected_entities)):
            yield from once({"@id": label_iri("entity", name), "@type": "rdfs:Class", "rdfs:label": name})
        for name in dict.fromkeys(r.label for r in (*annotation.relations, *annotation.rejected_relations)):
            yield from once({"@id": label_iri("relation", name), "@type": "rdf:Property", "rdfs:label": name})
        yield from _agents(annotation, once)
        if isinstance(annotation, Attributed):
            for entity in annotation.entities:
                if entity.id in annotation.names:
                    yield from once(_name(annotation.names[entity.id], entity.label))
        yield from _document(annotation, number)


def _agents(annotation: Annotation, once: Any) -> Iterator[Json]:
    if isinstance(annotation, Attributed) and annotation.annotator:
        iri = name_iri("annotator", annotation.annotator)
        yield from once({"@id": iri, "@type": "prov:Person", "rdfs:label": annotation.annotator})
    if annotation.based_on is not None:
        version = annotation.based_on.model_version
        yield from once({"@id": name_iri("model", version), "@type": "prov:SoftwareAgent", "rdfs:label": version})


def _name(name: str, label: str) -> Json:
    """The node of the project's graph that joined names belong to, as the files of that graph have it."""
    kind = {"@id": label_iri("entity", label)}
    return {"@id": node_iri((normal(name), label)), "@type": "relex:Name", "rdfs:label": name, "relex:label": kind}


def _document(annotation: Annotation, number: int) -> Iterator[Json]:
    document = annotation.document
    iri = name_iri("document", document.id)
    node: Json = {"@id": iri, "@type": "relex:Document", "dcterms:identifier": document.id, "rdf:value": document.text}
    node |= {"relex:sha256": document.sha256}
    node |= {"dcterms:source": document.source} if document.source else {}
    node |= {"relex:extra": document.extra} if document.extra else {}
    yield node
    # what two people said about one document stays apart
    base = f"{iri}:by:{_enc(annotation.annotator)}" if isinstance(annotation, Attributed) else iri
    revision: Json = {"@id": f"{base}:revision", "@type": ["relex:Revision", "prov:Entity"]}
    revision["prov:specializationOf"] = {"@id": iri}
    # statements of a graph have no order
    revision["relex:order"] = typed("integer", number)
    if isinstance(annotation, Attributed):
        revision["relex:number"] = typed("integer", annotation.revision)
        if annotation.annotator:
            revision["prov:wasAttributedTo"] = {"@id": name_iri("annotator", annotation.annotator)}
        if annotation.saved_at:
            revision["prov:generatedAtTime"] = typed("dateTime", annotation.saved_at)
    if annotation.based_on is not None:
        revision["prov:wasDerivedFrom"] = {"@id": f"{base}:extraction"}
        model = {"@id": name_iri("model", annotation.based_on.model_version)}
        yield {"@id": f"{base}:extraction", "@type": "prov:Entity", "prov:wasAttributedTo": model}
    yield revision
    yield from _decided_entities(annotation, base)
    yield from _decided_relations(annotation, base)


def _decided_entities(annotation: Annotation, base: str) -> Iterator[Json]:
    decided = _how(annotation)
    suggested = annotation.based_on.by_id() if annotation.based_on else {}
    for number, entity in enumerate(annotation.entities):
        node = _entity(base, entity, "entity", annotation.document)
        node |= {"relex:order": typed("integer", number), "relex:decision": decided[entity.id]}
        if entity.id in suggested:
            node["prov:wasDerivedFrom"] = {"@id": f"{base}:suggestion:{_enc(entity.id)}"}
            yield _entity(base, suggested[entity.id], "suggestion", annotation.document)
        if isinstance(annotation, Attributed) and entity.id in annotation.names:
            node["relex:name"] = {"@id": node_iri((normal(annotation.names[entity.id]), entity.label))}
        yield node
    for entity in annotation.rejected_entities:
        yield _entity(base, entity, "rejected", annotation.document) | {"relex:decision": "rejected"}


def _decided_relations(annotation: Annotation, base: str) -> Iterator[Json]:
    known = {r.key: r for r in annotation.based_on.relations} if annotation.based_on else {}
    for number, relation in enumerate(annotation.relations):
        node = _relation(base, relation, "relation")
        node |= {"relex:order": typed("integer", number)}
        if relation.key in known:
            suggestion = _relation(base, known[relation.key], "suggested-relation")
            node["prov:wasDerivedFrom"] = {"@id": suggestion["@id"]}
            yield suggestion
        yield node | {"relex:decision": "accepted" if relation.key in known else "added"}
        head = f"{base}:entity:{_enc(relation.head)}"
        yield {"@id": head, label_iri("relation", relation.label): {"@id": f"{base}:entity:{_enc(relation.tail)}"}}
    for relation in annotation.rejected_relations:
        yield _relation(base, relation, "rejected-relation") | {"relex:decision": "rejected"}


def _how(annotation: Annotation) -> dict[str, str]:
    changes = diff(annotation)
    how = {entity.id: "added" for entity in changes.added}
    how |= {entity.id: "accepted" for entity in changes.accepted}
    how |= {entity.id: "relabelled" for _, entity in changes.relabelled}
    return how | {entity.id: "moved" for _, entity in changes.moved}


def _entity(base: str, entity: Entity, kind: str, document: Document) -> Json:
    node: Json = {
        "@id": f"{base}:{kind}:{_enc(entity.id)}",
        "@type": "relex:Entity" if kind == "entity" else "relex:Suggestion",
        "relex:revision": {"@id": f"{base}:revision"},
        "dcterms:identifier": entity.id,
        "relex:label": {"@id": label_iri("entity", entity.label)},
        "oa:start": typed("integer", entity.start),
        "oa:end": typed("integer", entity.end),
        "oa:exact": entity.text(document),
    }
    return node if entity.score is None else node | {"relex:score": typed("double", repr(entity.score))}


def _relation(base: str, relation: Relation, kind: str) -> Json:
    name = f"{_enc(relation.head)}:{_enc(relation.tail)}:{_enc(relation.label)}"
    node: Json = {
        "@id": f"{base}:{kind}:{name}",
        "@type": "relex:Relation" if kind == "relation" else "relex:SuggestedRelation",
        "relex:revision": {"@id": f"{base}:revision"},
        "relex:head": {"@id": f"{base}:entity:{_enc(relation.head)}"},
        "relex:tail": {"@id": f"{base}:entity:{_enc(relation.tail)}"},
        "relex:label": {"@id": label_iri("relation", relation.label)},
    }
    return node if relation.score is None else node | {"relex:score": typed("double", repr(relation.score))}


def node_iri(key: Key) -> str:
    """The address of a node of a project's graph: of all mentions of a name."""
    return name_iri("name", "\n".join(key))


def typed(type: str, value: object) -> Json:
    """A literal of that XML Schema type."""
    return {"@value": str(value), "@type": f"xsd:{type}"}


def _enc(part: str) -> str:
    return percent_encode(part, safe="")


def name_iri(kind: str, name: str) -> str:
    """The address of the thing of that kind and name, whatever characters the name holds."""
    return f"urn:relex:{kind}:{_enc(name)}"


def label_iri(kind: str, name: str) -> str:
    """The address of a label of entities or relations."""
    return name_iri(f"{kind}-label", name)


def write_jsonld(annotations: Iterable[Annotation], path: Path) -> int:
    counted = _Counted(annotations)
    nodes_as_jsonld(nodes(counted), path)
    return counted.count


def write_turtle(annotations: Iterable[Annotation], path: Path) -> int:
    counted = _Counted(annotations)
    nodes_as_turtle(nodes(counted), path)
    return counted.count


def nodes_as_jsonld(statements: Iterable[Json], path: Path) -> None:
    """Write nodes such as `nodes` gives."""
    with text_writer(path) as file:
        file.write('{"@context":' + json.dumps(PREFIXES) + ',\n"@graph":[')
        separator = "\n"
        for node in statements:
            file.write(separator + json.dumps(node, ensure_ascii=False))
            separator = ",\n"
        file.write("\n]}\n")


def nodes_as_turtle(statements: Iterable[Json], path: Path) -> None:
    """Write nodes such as `nodes` gives."""
    with text_writer(path) as file:
        for prefix, iri in PREFIXES.items():
            file.write(f"@prefix {prefix}: <{iri}> .\n")
        for node in statements:
            said = [f"{_verb(key)} {_object(value, key)}" for key, value in node.items() if key != "@id"]
            file.write(f"\n<{node['@id']}>\n    " + " ;\n    ".join(said) + " .\n")


class _Counted:
    """Annotations as they come, counted."""

    def __init__(self, annotations: Iterable[Annotation]) -> None:
        self._annotations = annotations
        self.count = 0

    def __iter__(self) -> Iterator[Annotation]:
        for annotation in self._annotations:
            self.count += 1
            yield annotation


def _verb(key: str) -> str:
    if key == "@type":
        return "a"
    return f"<{key}>" if key.startswith("urn:") else key


def _object(value: Any, key: str) -> str:
    if key == "@type":
        return value if isinstance(value, str) else ", ".join(value)
    if isinstance(value, list):
        return ", ".join(_object(part, key) for part in value)
    if isinstance(value, str):
        return _literal(value)
    return f"<{value['@id']}>" if "@id" in value else f"{_literal(value['@value'])}^^{value['@type']}"


_ESCAPES = {ord(c): f"\\u{ord(c):04X}" for c in map(chr, [*range(32), 127, 0x85, 0x2028, 0x2029, 0xFEFF])}
_ESCAPES |= {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}


def _literal(text: str) -> str:
    return '"' + text.translate(_ESCAPES) + '"'


def _reader(syntax: str) -> Any:
    def read(path: Path, schema: Schema | None) -> Iterator[Item]:
        """Raises FormatError without the packages rdflib and ijson."""
        try:
            import rdflib

            from db.formats.rdf_graph import graph_of, in_order
        except ImportError as error:
            raise required(str(error.name), "rdflib==7.6.0' 'ijson==3.6.0", syntax) from error
        relex = rdflib.Namespace(PREFIXES["relex"])
        with ExitStack() as stack:
            try:
                graph, tables = stack.enter_context(graph_of(path, syntax))
            except StoreError:
                raise
            except FormatError as error:
                yield error
                return
            except Exception as error:  # rdflib and ijson raise what their parsers raise
                yield misfit(f"a readable {syntax} file", f"{quote(path.name)} ({type(error).__name__}: {error})")
                return
            found = graph.subjects(rdflib.RDF.type, relex.Revision)
            revisions = in_order(graph, tables, found, relex.order)
            yield from each(enumerate(revisions, start=1), lambda node: _record(graph, node, schema))

    return read


def _record(graph: Any, revision: Any, schema: Schema | None) -> Record:
    import rdflib

    relex, oa, dcterms = (rdflib.Namespace(PREFIXES[prefix]) for prefix in ("relex", "oa", "dcterms"))

    def text(subject: Any, verb: Any) -> str:
        value = graph.value(subject, verb)
        return "" if value is None else str(value)

    def number(subject: Any, verb: Any) -> int:
        return int(text(subject, verb) or 0)

    def label(subject: Any) -> str:
        return text(graph.value(subject, relex.label), rdflib.RDFS.label)

    node = graph.value(revision, rdflib.Namespace(PREFIXES["prov"]).specializationOf)
    document = Document(
        text(node, dcterms.identifier),
        text(node, rdflib.RDF.value),
        text(node, dcterms.source),
        text(node, relex.extra),
    )
    parts = sorted(graph.subjects(relex.revision, revision), key=lambda part: number(part, relex.order))

    def of(kind: Any) -> list[Any]:
        return [part for part in parts if (part, rdflib.RDF.type, kind) in graph]

    marks = [
        Mark(part, number(part, oa.start), number(part, oa.end), label(part), id=text(part, dcterms.identifier))
        for part in of(relex.Entity)
    ]
    edges = [
        Edge(graph.value(part, relex.head), graph.value(part, relex.tail), label(part)) for part in of(relex.Relation)
    ]
    decided = record_from_marks(document, marks, edges, schema)
    assert isinstance(decided, Annotation)

    def score(part: Any) -> float | None:
        return float(text(part, relex.score)) if text(part, relex.score) else None

    def end(part: Any, verb: Any) -> str:
        # ends that were turned down have no node of their own under this address
        node = graph.value(part, verb)
        return text(node, dcterms.identifier) or unquote(str(node).rpartition(":")[2])

    entities = {
        part: Entity(
            text(part, dcterms.identifier), number(part, oa.start), number(part, oa.end), label(part), score(part)
        )
        for part in of(relex.Suggestion)
    }
    relations = {
        part: Relation(end(part, relex.head), end(part, relex.tail), label(part), score(part))
        for part in of(relex.SuggestedRelation)
    }
    rejected = {part for part in (*entities, *relations) if text(part, relex.decision) == "rejected"}
    prov = rdflib.Namespace(PREFIXES["prov"])
    model = graph.value(graph.value(revision, prov.wasDerivedFrom), prov.wasAttributedTo)
    return _with_suggestions(
        decided, entities, relations, rejected, "" if model is None else text(model, rdflib.RDFS.label)
    )


def _with_suggestions(
    decided: Annotation, entities: dict[Any, Entity], relations: dict[Any, Relation], rejected: set[Any], model: str
) -> Annotation:
    """`decided` with what was turned down, and based on the suggestions that the file holds if it names their model."""
    schema = united(decided.schema, (e.label for e in entities.values()), (r.label for r in relations.values()))
    based_on = None
    if model:
        # suggestions that nobody decided about are not in the file, and what leads to them cannot be kept
        ids = {entity.id for entity in entities.values()}
        whole = tuple(r for r in relations.values() if r.head in ids and r.tail in ids)
        based_on = Extraction(decided.document, schema, tuple(entities.values()), whole, model)
    return replace(
        decided,
        schema=schema,
        rejected_entities=tuple(e for part, e in entities.items() if part in rejected),
        rejected_relations=tuple(r for part, r in relations.items() if part in rejected),
        based_on=based_on,
    )


JSONLD = Format("jsonld", ".jsonld", write_jsonld, _reader("json-ld"), "JSON-LD with provenance (PROV-O)", True, True)
TURTLE = Format("turtle", ".ttl", write_turtle, _reader("turtle"), "Turtle (RDF) with provenance (PROV-O)", True, True)
