"""All exchange formats by name: what the command line, the export page and the import page offer."""

from __future__ import annotations

from collections.abc import Iterable

from db.formats import (
    arrow_dataset,
    brat,
    conllu,
    corpora,
    csv_files,
    doccano,
    extracted,
    gliner,
    gliner2,
    glirel,
    inception,
    label_studio,
    property_graph,
    rdf,
    relex_jsonl,
    spacy_docbin,
    texts,
)
from db.formats.record import Format
from relex_core.errors import InputError, quote

FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        gliner.FORMAT,
        relex_jsonl.FORMAT,
        extracted.FORMAT,
        gliner2.FORMAT,
        glirel.FORMAT,
        conllu.FORMAT,
        arrow_dataset.FORMAT,
        inception.FORMAT,
        spacy_docbin.FORMAT,
        brat.FORMAT,
        doccano.FORMAT,
        label_studio.FORMAT,
        csv_files.TRIPLES,
        csv_files.TEXTS,
        rdf.JSONLD,
        rdf.TURTLE,
        property_graph.CYPHER,
        property_graph.GRAPHML,
        texts.TEXT,
        texts.MARKDOWN,
        texts.PDF,
        texts.DOCX,
        corpora.DOCRED,
        corpora.CONLL04,
        corpora.CROSSRE,
    )
}


def named(name: str) -> Format:
    """Raises InputError if there is no format of that name."""
    if name not in FORMATS:
        raise _unknown(name, FORMATS)
    return FORMATS[name]


def writers() -> tuple[Format, ...]:
    """The formats that can be exported."""
    return tuple(format for format in FORMATS.values() if format.write)


def readers() -> tuple[Format, ...]:
    """The formats that can be imported."""
    return tuple(format for format in FORMATS.values() if format.read)


def _unknown(name: str, known: Iterable[str]) -> InputError:
    return InputError(
        expected=f"one of the formats {', '.join(known)}",
        found=quote(name),
        change="Choose one of these names.",
        value=name,
    )
