"""Tokenised records with inclusive token indices, JSON Lines: id, source, text, tokens, entities, relations, partial.

`partial` says that only some marks were looked for, so that what is absent is no negative. Tokens, `partial` and
keys of other tools survive an import in `Document.extra`. A mark that does not begin and end with a token's
characters (white space at its edge) is widened or trimmed, and given exactly in the extra key `offsets`. Suggestions
that a person turned down stand in the extra key `rejected`, with offsets in code points and their scores; those that
a submitted document leaves undecided in the extra key `undecided`, by what names them, told apart by whether they were
on the screen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from db.formats.files import json_rows, write_lines
from db.formats.record import (
    Edge,
    Format,
    Item,
    Mark,
    Record,
    each,
    is_rejected,
    is_undecided,
    misfit,
    record_from_marks,
    rejected_to_json,
    undecided_to_json,
    with_rejected,
    with_undecided,
)
from db.formats.tokens import Tokens
from relex_core.errors import quote
from relex_core.jsonl import Json, dumps, id_of
from relex_core.types import Annotation, Document, Schema
from relex_core.words import Words

NAME = "relex-jsonl"
_KEYS = {"id", "source", "text", "tokens", "entities", "relations", "partial", "offsets", "rejected", "undecided"}


def write(annotations: Iterable[Annotation], path: Path) -> int:
    return write_lines(path, (dumps(to_json(annotation)) for annotation in annotations))


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    return each(json_rows(path), lambda row: from_json(row, schema))


def to_json(annotation: Annotation) -> Json:
    """One record. Raises nothing: marks of white space alone stand at the nearest token, `offsets` is exact."""
    document = annotation.document
    kept = kept_of(document)
    tokens = Tokens.cut(document.text, (e.span for e in annotation.entities), _own_tokens(document.text, kept))
    spans = [tokens.covering(e.start, e.end) or _nearest(tokens, e.start) for e in annotation.entities]
    index = {entity.id: number for number, entity in enumerate(annotation.entities)}
    record: Json = {
        "id": kept.get("id", document.id),
        "source": document.source,
        "text": document.text,
        "tokens": list(tokens.strings),
        "entities": [
            {"start": first, "end": last, "label": entity.label}
            for (first, last), entity in zip(spans, annotation.entities, strict=True)
        ],
        "relations": [{"head": index[r.head], "tail": index[r.tail], "label": r.label} for r in annotation.relations],
        "partial": kept.get("partial", False),
    }
    record |= rejected_to_json(annotation, index) | undecided_to_json(annotation, index)
    exact = [list(entity.span) for entity in annotation.entities]
    if exact != [list(tokens.offsets(first, last)) for first, last in spans]:
        record["offsets"] = exact
    rest = kept.get("rest")
    return {**record, **{k: v for k, v in rest.items() if k not in record}} if isinstance(rest, dict) else record


def from_json(row: Json, schema: Schema | None) -> Record:
    """Raises FormatError, InputError or SchemaError."""
    strings = [str(token) for token in row["tokens"]]
    tokens = Tokens.joined(strings) if row.get("text") is None else Tokens.align(str(row["text"]), strings)
    extra = dumps({"format": NAME, **_to_keep(row, tokens)})
    document = Document(
        id_of(row.get("id"), Document.from_text(tokens.text).id), tokens.text, str(row.get("source", "")), extra
    )
    spans = [tokens.offsets(e["start"], e["end"]) for e in row["entities"]]
    if row.get("offsets") is not None:
        exact = [(int(start), int(end)) for start, end in row["offsets"]]
        if len(exact) != len(spans):
            raise misfit("offsets for each entity", f"{len(exact)} for {len(spans)}")
        spans = exact
    marks = [
        Mark(number, *span, str(e["label"]), _score(e), id_of(e.get("id")))
        for number, (span, e) in enumerate(zip(spans, row["entities"], strict=True))
    ]
    edges = [Edge(r["head"], r["tail"], str(r["label"]), _score(r)) for r in row.get("relations") or ()]
    record = record_from_marks(document, marks, edges, schema, str(row.get("model_version") or "imported"))
    return with_undecided(with_rejected(record, row.get("rejected"), marks), row.get("undecided"), marks)


def _to_keep(row: Json, tokens: Tokens) -> Json:
    """What `Document.extra` holds: how the text was cut, `partial`, and the keys of other tools."""
    strings = list(tokens.strings)
    cut: object = strings
    if strings == list(Words.of(tokens.text).words):
        cut = "words"
    elif strings == tokens.text.split(" "):
        cut = "spaces"
    rest = {key: value for key, value in row.items() if key not in _KEYS}
    if "rejected" in row and not is_rejected(row["rejected"]):
        rest["rejected"] = row["rejected"]
    if "undecided" in row and not is_undecided(row["undecided"]):
        rest["undecided"] = row["undecided"]
    kept: Json = {"tokens": cut, "partial": bool(row.get("partial", False))}
    return {**kept, "rest": rest} if rest else kept


def kept_of(document: Document) -> Json:
    """What an import of this format left in `Document.extra`; {} if it holds nothing or something else."""
    try:
        kept = json.loads(document.extra) if document.extra else {}
    except ValueError:
        kept = {}
    return kept if isinstance(kept, dict) and kept.get("format") == NAME else {}


def _own_tokens(text: str, kept: Json) -> tuple[tuple[int, int], ...]:
    cut: Any = kept.get("tokens", "words")
    if cut == "words":
        return ()
    strings = text.split(" ") if cut == "spaces" else [str(token) for token in cut]
    return Tokens.align(text, strings).spans


def _nearest(tokens: Tokens, place: int) -> tuple[int, int]:
    following = [number for number, (start, _) in enumerate(tokens.spans) if start >= place]
    number = following[0] if following else len(tokens) - 1
    return number, number


def _score(item: Json) -> float | None:
    score = item.get("score")
    if score is None:
        return None
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise misfit("a score between 0 and 1", quote(score))
    return float(score)


FORMAT = Format(NAME, ".jsonl", write, read, "Tokenised records with entities and relations (JSON Lines)")
