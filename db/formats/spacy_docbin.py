"""spaCy's DocBin: a .zip of .spacy files with 1,000 documents each, as `spacy train` takes from a folder.

`doc.spans["entities"]` holds all marks, nested ones included, `doc.ents` the longest that do not overlap, and
`doc._.rel` the relations as in spaCy's relation component: {(head token, tail token): {label: 1.0}}, by the
first tokens of both ends. What that leaves open (two marks that begin together) travels in `doc.user_data`.
What a pipeline predicted is read with its scores: `attrs["scores"]` of a span group, values between 0 and 1 in `rel`.

A .spacy file is one compressed block with one array for the tokens of all its documents, which can be read as a whole
only: memory is that of the largest file, however many there are. A large corpus is best kept as a folder of several,
which spaCy's own reader takes too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from db.formats.files import archive_reader, is_archive, member_bytes
from db.formats.record import (
    Edge,
    Format,
    Item,
    Mark,
    Record,
    each,
    misfit,
    record_from_marks,
    rejected_to_json,
    required,
    with_rejected,
)
from db.formats.zipping import add_member, zip_writer
from relex_core.errors import UnreadRest, quote
from relex_core.types import Annotation, Document, Schema
from relex_core.words import Words

DOCUMENTS_PER_FILE = 1_000
SPANS = "entities"
_KEY = "relex"


def _spacy() -> Any:
    try:
        import spacy
        import spacy.tokens
    except ImportError as error:
        raise required("spacy", "spacy==3.8.18", "spacy") from error
    if not spacy.tokens.Doc.has_extension("rel"):
        spacy.tokens.Doc.set_extension("rel", default=None)
        _keep_codecs()
    return spacy


def _keep_codecs() -> None:
    """Have spaCy look for other packages' codecs once: by itself it goes through all that is installed for each
    message, three for a document, and that is half of the time."""
    from srsly.msgpack import msgpack_decoders, msgpack_encoders

    for codecs in (msgpack_encoders, msgpack_decoders):
        for name, codec in codecs.get_entry_points().items():
            codecs.register(name, func=codec)
        codecs.entry_points = False


def write(annotations: Iterable[Annotation], path: Path) -> int:
    """Raises FormatError without the package spacy."""
    spacy = _spacy()
    remaining = iter(annotations)
    count = number = 0
    with zip_writer(path) as archive:
        # texts and marks are packed one by one: documents as spaCy has them take some hundred times their size
        for first in remaining:
            packed, vocab = spacy.tokens.DocBin(store_user_data=True), spacy.vocab.Vocab()
            for annotation in chain((first,), islice(remaining, DOCUMENTS_PER_FILE - 1)):
                packed.add(to_doc(annotation, vocab))
            add_member(archive, f"part-{number:05}.spacy", packed.to_bytes())
            count += len(packed)
            number += 1
    return count


def to_doc(annotation: Annotation, vocab: Any) -> Any:
    """One `spacy.tokens.Doc` whose text is the document's, character for character."""
    spacy = _spacy()
    document = annotation.document
    words, spaces = _pieces(document.text, [entity.span for entity in annotation.entities])
    doc = spacy.tokens.Doc(vocab, words=words, spaces=spaces)
    assert doc.text == document.text
    spans = {
        e.id: doc.char_span(e.start, e.end, label=e.label, span_id=e.id, alignment_mode="strict")
        for e in annotation.entities
    }
    doc.spans[SPANS] = list(spans.values())
    doc.set_ents(spacy.util.filter_spans(spans.values()))
    related: dict[tuple[int, int], dict[str, float]] = {}
    for relation in annotation.relations:
        pair = (spans[relation.head].start, spans[relation.tail].start)
        related.setdefault(pair, {})[relation.label] = 1.0
    doc._.rel = related
    relations = [[r.head, r.tail, r.label] for r in annotation.relations]
    record = {"id": document.id, "source": document.source, "extra": document.extra, "relations": relations}
    record |= rejected_to_json(annotation)
    doc.user_data[_KEY] = json.dumps(record, ensure_ascii=False)
    return doc


def _pieces(text: str, marks: list[tuple[int, int]]) -> tuple[list[str], list[bool]]:
    """Words and white space as tokens, cut at each mark; a space that no mark cuts off belongs to its word."""
    starts, ends = {start for start, _ in marks}, {end for _, end in marks}
    words = Words.of(text)
    places = sorted({0, len(text), *words.starts, *words.ends, *starts, *ends})
    pieces: list[str] = []
    spaces: list[bool] = []
    at = 0
    for place in places[1:]:
        follows = pieces and not spaces[-1] and not pieces[-1].isspace()
        if follows and text[at] == " " and at not in starts and at + 1 not in ends:
            spaces[-1] = True
            at += 1
        if at < place:
            pieces.append(text[at:place])
            spaces.append(False)
        at = place
    return pieces, spaces


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    """Raises FormatError without the package spacy. One .spacy file, or a folder or .zip of them."""
    spacy = _spacy()
    return each(_docs(path, spacy), lambda doc: from_doc(doc, schema))


def _docs(path: Path, spacy: Any) -> Iterator[tuple[int, Any]]:
    """The documents of one file after the other, each made when it is asked for."""
    number = 0
    for content in _contents(path):
        try:
            for doc in spacy.tokens.DocBin().from_bytes(content).get_docs(spacy.vocab.Vocab()):
                number += 1
                yield number, doc
        except Exception as error:  # whatever zlib, msgpack or numpy say about bytes that are no DocBin
            found = f"{quote(path.name)} ({type(error).__name__}: {error})"
            yield number + 1, UnreadRest(misfit("a spaCy DocBin", found))


def _contents(path: Path) -> Iterator[bytes]:
    if not is_archive(path):
        yield path.read_bytes()
        return
    with archive_reader(path) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".spacy"):
                yield member_bytes(archive, name)


def from_doc(doc: Any, schema: Schema | None) -> Record:
    """Raises FormatError, InputError or SchemaError."""
    extra = json.loads(doc.user_data.get(_KEY) or "{}")
    document = Document(
        extra.get("id") or Document.from_text(doc.text).id, doc.text, extra.get("source", ""), extra.get("extra", "")
    )
    # a span categorizer that found nothing leaves an empty group beside the entities of a recognizer
    group = next((doc.spans[name] for name in (SPANS, "sc") if name in doc.spans and len(doc.spans[name])), None)
    spans = list(doc.ents if group is None else group)
    scores = [] if group is None else [float(score) for score in group.attrs.get("scores", ())]
    if len(scores) != len(spans):
        scores = []
    ours = _KEY in doc.user_data
    # in other tools' files the id names an entity in the world, which may be mentioned twice
    marks = [
        Mark(
            s.id_ if ours else n,
            s.start_char,
            s.end_char,
            s.label_,
            scores[n] if scores else None,
            s.id_ if ours else "",
        )
        for n, s in enumerate(spans)
    ]
    if ours:
        edges = [Edge(*triple) for triple in extra["relations"]]
        return with_rejected(record_from_marks(document, marks, edges, schema), extra.get("rejected"))
    first = {span.start: mark.key for span, mark in reversed(list(zip(spans, marks, strict=True)))}
    values = {(*pair, label): float(v) for pair, labels in (doc._.rel or {}).items() for label, v in labels.items()}
    # gold data says 0 or 1
    predicted = bool(scores) or any(value not in (0.0, 1.0) for value in values.values())
    edges = [
        Edge(first[head], first[tail], label, value if predicted else None)
        for (head, tail, label), value in values.items()
        if predicted or value == 1.0
    ]
    return record_from_marks(document, marks, edges, schema)


FORMAT = Format("spacy", ".zip", write, read, "spaCy DocBin files for training (zip; needs the package spacy)")
