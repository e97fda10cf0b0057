"""INCEpTION: a .zip with one UIMA CAS XMI file for each document and the type system, through dkpro-cassis.

Entities are DKPro's NamedEntity layer, which INCEpTION has built in; relations are a custom relation layer on it
(`webanno.custom.EntityRelation`, features Governor, Dependent, label). UIMA counts UTF-16 units, cassis converts.
XML forbids some control characters: U+FFFD takes their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from db.formats.files import archive_reader, is_archive, member_bytes, member_id, readable
from db.formats.property_graph import xml_text
from db.formats.record import Edge, Format, Item, Mark, Record, each, misfit, record_from_marks, required
from db.formats.zipping import add_member, member_names, zip_writer
from relex_core.errors import RelexError, quote
from relex_core.types import Annotation, Document, Schema
from relex_core.words import Words

NAME = "inception"
_DKPRO = "de.tudarmstadt.ukp.dkpro.core.api"
ENTITY = f"{_DKPRO}.ner.type.NamedEntity"
RELATION = "webanno.custom.EntityRelation"
TOKEN = f"{_DKPRO}.segmentation.type.Token"
SENTENCE = f"{_DKPRO}.segmentation.type.Sentence"
METADATA = f"{_DKPRO}.metadata.type.DocumentMetaData"


def _cassis() -> Any:
    try:
        import cassis
    except ImportError as error:
        raise required("cassis", "dkpro-cassis==0.12.0", NAME) from error
    return cassis


def _type_system(cassis: Any) -> Any:
    types = cassis.TypeSystem()
    entity = types.create_type(ENTITY, "uima.tcas.Annotation")
    types.create_feature(entity, "value", "uima.cas.String")
    types.create_feature(entity, "identifier", "uima.cas.String")
    relation = types.create_type(RELATION, "uima.tcas.Annotation")
    types.create_feature(relation, "Governor", ENTITY)
    types.create_feature(relation, "Dependent", ENTITY)
    types.create_feature(relation, "label", "uima.cas.String")
    types.create_type(TOKEN, "uima.tcas.Annotation")
    types.create_type(SENTENCE, "uima.tcas.Annotation")
    metadata = types.create_type(METADATA, "uima.tcas.DocumentAnnotation")
    for name in ("documentTitle", "documentId", "documentUri"):
        types.create_feature(metadata, name, "uima.cas.String")
    return types


def write(annotations: Iterable[Annotation], path: Path) -> int:
    """Raises FormatError without the package dkpro-cassis."""
    cassis = _cassis()
    types = _type_system(cassis)
    count = 0
    with zip_writer(path) as archive, member_names() as names:
        add_member(archive, "TypeSystem.xml", types.to_xml())
        for annotation in annotations:
            add_member(archive, f"{names.of(annotation.document.id)}.xmi", to_cas(annotation, cassis, types).to_xmi())
            count += 1
    return count


def to_cas(annotation: Annotation, cassis: Any, types: Any) -> Any:
    """One CAS, with words and lines as tokens and sentences, which INCEpTION asks for."""
    document = annotation.document
    cas = cassis.Cas(typesystem=types)
    cas.sofa_string = xml_text(document.text)
    cas.sofa_mime = "text/plain"
    metadata = types.get_type(METADATA)
    title = {"documentTitle": xml_text(document.id), "documentId": xml_text(document.id)}
    cas.add(metadata(begin=0, end=len(document.text), documentUri=xml_text(document.source), **title))
    words = Words.of(document.text)
    cas.add_all(types.get_type(TOKEN)(begin=s, end=e) for s, e in zip(words.starts, words.ends, strict=True))
    lines = re.finditer(r"[^\n]*[^\s][^\n]*", document.text)
    cas.add_all(types.get_type(SENTENCE)(begin=line.start(), end=line.end()) for line in lines)
    entity, relation = types.get_type(ENTITY), types.get_type(RELATION)
    spans = {e.id: entity(begin=e.start, end=e.end, value=e.label, identifier=e.id) for e in annotation.entities}
    cas.add_all(spans.values())
    for r in annotation.relations:
        head, tail = spans[r.head], spans[r.tail]
        cas.add(relation(begin=tail.begin, end=tail.end, Governor=head, Dependent=tail, label=r.label))
    return cas


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    """Layers of other tools' files: the NamedEntity layer, and every layer with Governor and Dependent on it."""
    cassis = _cassis()
    if not is_archive(path):
        yield misfit("a folder, or a .zip archive, with .xmi files and a TypeSystem.xml", quote(path.name))
        return
    with archive_reader(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".xmi")]
        systems = {name.rpartition("/")[0]: name for name in archive.namelist() if name.endswith("TypeSystem.xml")}
        loaded: dict[str, Any] = {}

        def make(name: str) -> Record:
            system = systems.get(name.rpartition("/")[0]) or systems.get("")
            try:
                if system is not None and system not in loaded:
                    loaded[system] = cassis.load_typesystem(BytesIO(member_bytes(archive, system)))
                types = loaded[system] if system else _type_system(cassis)
                cas = cassis.load_cas_from_xmi(BytesIO(member_bytes(archive, name)), typesystem=types)
                return from_cas(cas, name, schema)
            except RelexError:
                raise
            except Exception as error:  # whatever lxml and cassis say about a broken file
                raise misfit("a readable CAS", f"{quote(name)} ({type(error).__name__}: {error})") from error

        yield from each(enumerate(names, start=1), make)


def from_cas(cas: Any, name: str, schema: Schema | None) -> Record:
    """Raises FormatError, InputError or SchemaError."""
    text = cas.sofa_string or ""
    id, source = member_id(name.rpartition("/")[2].rpartition(".")[0]), readable(name)
    for metadata in cas.select(METADATA) if _has(cas, METADATA) else ():
        id = metadata.documentId or id
        source = metadata.documentUri if metadata.documentUri is not None else source
    document = Document(id, text, source)
    spans = list(cas.select(ENTITY)) if _has(cas, ENTITY) else []
    marks = [Mark(s.xmiID, s.begin, s.end, s.value or "entity", id=s.identifier or "") for s in spans]
    edges = [
        Edge(item.Governor.xmiID, item.Dependent.xmiID, _label(item))
        for item in cas.select_all_annotations()
        if getattr(item, "Governor", None) is not None and getattr(item.Governor.type, "name", "") == ENTITY
    ]
    return record_from_marks(document, marks, edges, schema)


def _has(cas: Any, type: str) -> bool:
    return bool(cas.typesystem.contains_type(type))


def _label(item: Any) -> str:
    for feature in ("label", "value", "DependencyType"):
        if getattr(item, feature, None):
            return str(getattr(item, feature))
    return "related to"


FORMAT = Format(NAME, ".zip", write, read, "INCEpTION: UIMA CAS XMI files (zip; needs the package dkpro-cassis)")
