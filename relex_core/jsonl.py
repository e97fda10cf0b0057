"""Values <-> JSON data, and the stage-2 training format; one record to a line.

Three records, each with a writer and a reader that give back equal values:

- an extraction, as the command line prints it: id, text, model_version, entities, relations;
- an annotation, as the store keeps it: the decisions of a person;
- a training example in GLiNER's format (paper section 3.9): `tokenized_text`, `ner` with inclusive word
  indices, `relations` as [head, tail, label] over `ner`. What that format cannot say (white space, ids,
  spans that end inside a word, which labels are symmetric) travels in an extra key `relex`, which trainers ignore.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from relex_core.encoding import text_of
from relex_core.errors import FormatError, InputError, quote
from relex_core.types import (
    Annotation,
    Document,
    Entity,
    EntityLabel,
    Extraction,
    Relation,
    RelationLabel,
    Schema,
    Thresholds,
    Undecided,
    readings,
)
from relex_core.words import Words

Json = dict[str, Any]


def dumps(record: Json) -> str:
    """One line of JSON Lines: no line break inside, non-ASCII text readable."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


@contextmanager
def reading(
    path: Path, expected: str, change: str = "Check the path and that the file is UTF-8 text."
) -> Iterator[TextIO]:
    """A text file, gzipped if its name says so, in UTF-8 or as its byte order mark says. Raises InputError, which says
    what was `expected`, for what cannot be read, also while it is read."""
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with cast("BinaryIO", opened(path, "rb")) as file, text_of(file) as text:
            yield text
    except (OSError, UnicodeError, EOFError) as error:
        raise InputError(expected=expected, found=f"{path} ({error})", change=change, value=str(path)) from error


def read_lines(lines: Iterable[str], file: str = "") -> Iterator[tuple[int, Json | FormatError]]:
    """(1-based line number, JSON object or what is wrong with the line), blank lines left out.

    Errors are given, not raised, so that a caller can show all bad lines and offer the good ones; they name the
    `file` if it is given.
    """
    where = f" of {file}" if file else ""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        keys = Keys()
        try:
            record = json.loads(line, object_pairs_hook=keys)
        except (ValueError, RecursionError) as error:
            yield number, _bad_line(number, where, f"{quote(line.strip(), 40)} ({error})")
            continue
        if keys.repeated is not None:
            yield number, keys.fault(number, f"line {number}{where}")
        elif isinstance(record, dict):
            yield number, record
        else:
            yield number, _bad_line(number, where, quote(line.strip(), 40))


@dataclass(slots=True)
class Keys:
    """The `object_pairs_hook` of one record: it keeps a key that an object has more than once, for nobody knows which
    is meant."""

    repeated: str | None = None

    def __call__(self, pairs: list[tuple[str, Any]]) -> Json:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            self.repeated = next(key for key in keys if keys.count(key) > 1)
        return found

    def fault(self, number: int, place: str) -> FormatError:
        """The error of record `number`, which stands at `place`."""
        return FormatError(
            expected=f"each key once in a JSON object in {place}",
            found=f"{quote(self.repeated)} more than once",
            change="Keep the one that is meant, or leave this record out.",
            lines=(number,),
        )


def _bad_line(number: int, where: str, found: str) -> FormatError:
    return FormatError(
        expected=f"a JSON object in line {number}{where}",
        found=found,
        change="Write one JSON object to a line, or leave this line out.",
        lines=(number,),
    )


def id_of(*values: object) -> str:
    """The first value that is an id, as text; "" if none is.

    >>> id_of(None, 0), id_of("", None)
    ('0', '')
    """
    return next((str(value) for value in values if value not in (None, "")), "")


def document_from_json(record: Json, source: str = "") -> Document:
    """A document from {"text"} or {"id", "text"}. Raises InputError."""
    text = record.get("text")
    if not isinstance(text, str):
        raise InputError(
            expected='a record with a "text"',
            found=f'{quote(text)} as "text"' if "text" in record else f"the keys {quote(sorted(record))}",
            change="Write the text there, as a string."
            if "text" in record
            else 'Rename the key that holds the text to "text".',
            value=record,
        )
    document = Document.from_text(text, id=id_of(record.get("id")), source=source or str(record.get("source", "")))
    extra = record.get("extra")
    return replace(document, extra=extra) if isinstance(extra, str) and extra else document


def schema_to_json(schema: Schema) -> Json:
    return {
        "entity_labels": [asdict(label) for label in schema.entity_labels],
        "relation_labels": [asdict(label) for label in schema.relation_labels],
    }


def schema_from_json(data: Json) -> Schema:
    """Raises SchemaError or FormatError."""
    try:
        return Schema(
            tuple(EntityLabel(**label) for label in data["entity_labels"]),
            tuple(RelationLabel(**_tuples(label)) for label in data["relation_labels"]),
        )
    except (KeyError, TypeError) as error:
        raise _misfit('a label set {"entity_labels": [...], "relation_labels": [...]}', data) from error


def thresholds_to_json(thresholds: Thresholds) -> Json:
    """{"entity": 0.3, "relation": 0.5, "entities": [[label, threshold]], "relations": the same}"""
    return {
        "entity": thresholds.entity,
        "relation": thresholds.relation,
        "entities": [list(pair) for pair in thresholds.entities],
        "relations": [list(pair) for pair in thresholds.relations],
    }


def thresholds_from_json(data: Json) -> Thresholds:
    """Raises InputError."""
    try:
        pairs = {k: tuple((str(n), float(t)) for n, t in data.get(k, ())) for k in ("entities", "relations")}
        return Thresholds(float(data["entity"]), float(data["relation"]), **pairs)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise _misfit('thresholds {"entity": 0.3, "relation": 0.5}', data) from error


def graph_to_json(entities: Iterable[Entity], relations: Iterable[Relation]) -> Json:
    """{"entities": [{id, start, end, label, score}], "relations": [{head, tail, label, score}]}"""
    # spelled out: asdict copies deeply, which for a long text costs more than the rest of a save
    return {
        "entities": [
            {"id": e.id, "start": e.start, "end": e.end, "label": e.label, "score": e.score} for e in entities
        ],
        "relations": [{"head": r.head, "tail": r.tail, "label": r.label, "score": r.score} for r in relations],
    }


def graph_from_json(data: Json) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
    """The inverse of `graph_to_json`. Raises FormatError."""
    try:
        entities = tuple(
            Entity(str(e["id"]), _whole(e["start"]), _whole(e["end"]), str(e["label"]), _score(e))
            for e in data["entities"]
        )
        relations = tuple(
            Relation(str(r["head"]), str(r["tail"]), str(r["label"]), _score(r)) for r in data["relations"]
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _misfit('{"entities": [{id, start, end, label}], "relations": [{head, tail, label}]}', data) from error
    return entities, relations


def extraction_to_json(extraction: Extraction) -> Json:
    """The record that `python -m relex_core extract` prints; with "windows" where a text was read in several."""
    document = extraction.document
    about = {"id": document.id, "text": document.text, "model_version": extraction.model_version}
    read = {"windows": [list(window) for window in extraction.windows]} if extraction.windows else {}
    return {**about, **graph_to_json(extraction.entities, extraction.relations), **read}


def decisions_to_json(annotation: Annotation) -> Json:
    """The decisions alone: what a stored revision holds beside its document, schema and extraction.

    Of a submitted one also what was left undecided, as `undecided_to_json` gives it.
    """
    decisions = {
        **graph_to_json(annotation.entities, annotation.relations),
        "rejected": graph_to_json(annotation.rejected_entities, annotation.rejected_relations),
    }
    left = annotation.undecided
    return decisions if left is None else {**decisions, "undecided": undecided_to_json(left)}


def undecided_to_json(left: Undecided) -> Json:
    """{"seen": {"entities": [id], "relations": [[head id, tail id, label]]}, "not_shown": the same of the others}"""
    return {
        "seen": {"entities": list(left.seen), "relations": [list(key) for key in left.seen_relations]},
        "not_shown": {"entities": list(left.not_shown), "relations": [list(key) for key in left.not_shown_relations]},
    }


def undecided_from_json(data: Any) -> Undecided | None:
    """The inverse of `undecided_to_json`, None for None. Raises FormatError."""
    if data is None:
        return None
    try:
        parts: list[Any] = []
        for name in ("seen", "not_shown"):
            keys = [(str(head), str(tail), str(label)) for head, tail, label in data[name]["relations"]]
            parts += [tuple(str(id) for id in data[name]["entities"]), tuple(keys)]
        return Undecided(*parts)
    except (KeyError, TypeError, ValueError) as error:
        expected = '{"seen": {"entities": [id], "relations": [[head, tail, label]]}, "not_shown": ...}'
        raise _misfit(expected, data) from error


def decisions_from_json(
    data: Json, document: Document, schema: Schema, based_on: Extraction | None = None
) -> Annotation:
    """The inverse of `decisions_to_json`. Raises FormatError, InputError or SchemaError."""
    entities, relations = graph_from_json(data)
    rejected_entities, rejected_relations = graph_from_json(data.get("rejected") or {"entities": [], "relations": []})
    left = undecided_from_json(data.get("undecided"))
    return Annotation(document, schema, entities, relations, rejected_entities, rejected_relations, based_on, left)


def training_record(annotation: Annotation) -> Json:
    """An annotation as one stage-2 training example in GLiNER's format.

    Spans that begin or end inside a word are widened to whole words in `ner`; `relex` keeps them exact. Labels of
    rejected suggestions become `ner_negatives` and `rel_negatives`: label lists that replace the sampled negatives
    of the reference implementation, which is why they are left out when nothing was rejected.
    """
    document = annotation.document
    words = Words.of(document.text)
    ner: list[list[object]] = []
    index: dict[str, int] = {}
    for entity in sorted(annotation.entities, key=lambda e: (e.start, e.end, e.label)):
        covered = words.covering(entity.start, entity.end)
        if covered is None:
            continue
        index[entity.id] = len(ner)
        ner.append([*covered, entity.label])
    relations = [
        [index[r.head], index[r.tail], r.label] for r in annotation.relations if r.head in index and r.tail in index
    ]
    record: Json = {"tokenized_text": list(words.words), "ner": ner, "relations": relations}
    for key, rejected, positive in (
        ("ner_negatives", annotation.rejected_entities, ner),
        ("rel_negatives", annotation.rejected_relations, relations),
    ):
        found = {item[2] for item in positive}
        labels = [label for label in dict.fromkeys(item.label for item in rejected) if label not in found]
        if labels:
            record[key] = labels
    kept = {"id": document.id, "source": document.source, "text": document.text}
    if document.extra:
        kept["extra"] = document.extra
    return {**record, "relex": {**kept, **decisions_to_json(annotation), **_declared_to_json(annotation)}}


def _declared_to_json(annotation: Annotation) -> Json:
    """{"declared": {"symmetric": [label], "inverse": {label: label}}} of the labels that the relations have or could
    have had; nothing where nothing is declared."""
    declared = annotation.schema.declared
    relations = (*annotation.relations, *annotation.rejected_relations) if declared else ()
    named = {name for relation in relations for *_, name in readings(*relation.key, declared)}
    own = [label for label in declared.values() if label.name in named]
    symmetric = [label.name for label in own if label.symmetric]
    inverse = {label.name: label.inverse for label in own if not label.symmetric}
    return {"declared": {"symmetric": symmetric, "inverse": inverse}} if own else {}


def declared_from_training(record: Json) -> tuple[RelationLabel, ...]:
    """The relation labels that a training example says to be symmetric or to have an inverse. Raises FormatError."""
    data = (record.get("relex") or {}).get("declared") or {}
    try:
        symmetric = [RelationLabel(str(name), symmetric=True) for name in data.get("symmetric", ())]
        inverse = [RelationLabel(str(name), inverse=str(other)) for name, other in data.get("inverse", {}).items()]
    except (TypeError, AttributeError) as error:
        raise _misfit('{"symmetric": [label], "inverse": {label: label}}', data) from error
    return (*symmetric, *inverse)


def annotation_from_training(record: Json, schema: Schema) -> Annotation:
    """The annotation of a training example, exact if it carries `relex`, else with words joined by a space.

    Raises FormatError, InputError or SchemaError.
    """
    extra = record.get("relex")
    if isinstance(extra, dict):
        document = document_from_json(extra)
        return decisions_from_json(extra, document, schema)
    try:
        if isinstance(record["tokenized_text"], str):
            raise TypeError("a text is no list of words")
        tokens = [str(token) for token in record["tokenized_text"]]
        ner = [(_whole(s), _whole(e), str(label)) for s, e, label in record["ner"]]
        relations = [(_whole(h), _whole(t), str(label)) for h, t, label in record.get("relations") or ()]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        expected = '{"tokenized_text": [words], "ner": [[first, last, label]], "relations": [[head, tail, label]]}'
        raise _misfit(expected, record) from error
    starts, at = [], 0
    for token in tokens:
        starts.append(at)
        at += len(token) + 1
    for first, last, _ in ner:
        if not 0 <= first <= last < len(tokens):
            raise _misfit(f"word indices between 0 and {len(tokens) - 1}", [first, last])
    for head, tail, _ in relations:
        if not (0 <= head < len(ner) and 0 <= tail < len(ner)):
            raise _misfit(f"entity indices between 0 and {len(ner) - 1}", [head, tail])
    document = Document.from_text(" ".join(tokens), id=id_of(record.get("id")))
    spans = [(starts[first], starts[last] + len(tokens[last]), label) for first, last, label in ner]
    ids = [f"{start}:{end}:{label}" for start, end, label in spans]
    # the same span and label twice is one entity; relations through either of them meet there
    entities = {id: Entity(id, *span) for id, span in zip(ids, spans, strict=True)}
    edges = dict.fromkeys((ids[h], ids[t], label) for h, t, label in relations)
    return Annotation(document, schema, tuple(entities.values()), tuple(Relation(*edge) for edge in edges))


def training_labels(records: Iterable[Json]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Entity and relation labels in the order in which training examples first use them."""
    entities: dict[str, None] = {}
    relations: dict[str, None] = {}
    for record in records:
        entities.update(dict.fromkeys(str(item[2]) for item in record.get("ner") or ()))
        relations.update(dict.fromkeys(str(item[2]) for item in record.get("relations") or ()))
    return tuple(entities), tuple(relations)


def _tuples(label: Json) -> Json:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in label.items()}


def _whole(value: Any) -> int:
    """A place in a text or a list; 3.0 and "3" are one. Raises ValueError for 3.5: no mark is moved in silence."""
    if type(value) is int:
        return value
    found = int(value)
    if found != float(value):
        raise ValueError(f"{value} is no whole number")
    return found


def _score(data: Json) -> float | None:
    score = data.get("score")
    return None if score is None else float(score)


def _misfit(expected: str, found: object) -> FormatError:
    return FormatError(
        expected=expected,
        found=quote(found),
        change="Compare the file with the format's description in the README.",
        value=found,
    )
