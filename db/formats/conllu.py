"""CoNLL-U with BIO marks: ten columns, entities and relations in MISC, one block for each document.

`Entity` holds one B-, I- or O tag for each layer, joined by `;`: nested and crossing marks take further layers.
`Relation` on the first token of the head gives layer, label and target as `layer>token:layer>label`. White space
is kept by SpaceAfter=No, SpacesAfter and SpacesBefore as in Universal Dependencies. Words that would
break a line are written as \\uXXXX and marked with Form=Escaped. Comments hold what words cannot: id, source,
suggestions that a person turned down. A line `3-4` of other tools is what the text has for the words 3 and 4 (French
"du" for "de le"): a mark on one of them covers it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encode
from urllib.parse import unquote

from db.formats.files import block_rows, numbered_lines, readable, text_writer
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
    with_extra,
    with_rejected,
)
from db.formats.tokens import Tokens
from relex_core.errors import FormatError, quote
from relex_core.jsonl import dumps
from relex_core.types import Annotation, Document, Entity, Schema
from relex_core.words import Words


def write(annotations: Iterable[Annotation], path: Path) -> int:
    number = 0
    with text_writer(path) as file:
        for number, annotation in enumerate(annotations, start=1):  # noqa: B007
            file.write("\n".join(_block(annotation)) + "\n\n")
    return number


def _block(annotation: Annotation) -> Iterator[str]:
    document = annotation.document
    text = document.text
    tokens = _cut(text, annotation.entities)
    layers = _layers(annotation.entities)
    spans = {e.id: _covered(tokens, e) for e in annotation.entities}
    tags = [["O"] * (max(layers.values(), default=0) + 1) for _ in tokens.spans]
    for entity in annotation.entities:
        first, last = spans[entity.id]
        for index in range(first, last + 1):
            tags[index][layers[entity.id]] = ("B-" if index == first else "I-") + _enc(entity.label)
    relations: dict[int, list[str]] = {}
    for r in annotation.relations:
        target = f"{spans[r.tail][0] + 1}:{layers[r.tail] + 1}"
        relations.setdefault(spans[r.head][0], []).append(f"{layers[r.head] + 1}>{target}>{_enc(r.label)}")
    yield f"# newdoc id = {_enc(document.id)}"
    yield f"# sent_id = {_enc(document.id)}"
    if document.source:
        yield f"# source = {_enc(document.source)}"
    if document.extra:
        yield f"# extra = {_enc(document.extra)}"
    in_order = sorted(annotation.entities, key=lambda e: (spans[e.id][0], layers[e.id]))
    if rejected := rejected_to_json(annotation, {entity.id: number for number, entity in enumerate(in_order)}):
        yield f"# rejected = {_enc(dumps(rejected['rejected']))}"
    yield f"# text = {' '.join(text.split())}"
    for index, (start, end) in enumerate(tokens.spans):
        after = text[end : tokens.spans[index + 1][0]] if index + 1 < len(tokens) else text[end:]
        misc = [f"SpacesBefore={_spaces(text[:start])}"] if index == 0 and start else []
        usual = after == " " and index + 1 < len(tokens)
        misc += ["SpaceAfter=No"] if not after else [] if usual else [f"SpacesAfter={_spaces(after)}"]
        misc.append("Entity=" + ";".join(tags[index]))
        misc += ["Relation=" + ",".join(relations[index])] if index in relations else []
        form = text[start:end]
        if form == "_" or form.isspace() or not form.isprintable():
            form, misc = _spaces(form), [*misc, "Form=Escaped"]
        yield "\t".join([str(index + 1), form, "_", "_", "_", "_", "_", "_", "_", "|".join(misc)])


def _cut(text: str, entities: tuple[Entity, ...]) -> Tokens:
    """Words cut at marks; white space is a token only where a mark begins or ends with it."""
    words = Words.of(text)
    starts, ends = {e.start for e in entities}, {e.end for e in entities}
    pieces = pairwise(sorted({*words.starts, *words.ends, *starts, *ends}))
    spans = [(s, e) for s, e in pieces if not text[s:e].isspace() or s in starts or e in ends]
    return Tokens(text, tuple(spans))


def _covered(tokens: Tokens, entity: Entity) -> tuple[int, int]:
    covered = tokens.covering(entity.start, entity.end)
    assert covered is not None
    return covered


def _layers(entities: tuple[Entity, ...]) -> dict[str, int]:
    """Longest marks first, each in the first layer where it is free."""
    taken: list[list[Entity]] = []
    layers: dict[str, int] = {}
    for entity in sorted(entities, key=lambda e: (e.start - e.end, e.start)):
        free = next((n for n, layer in enumerate(taken) if not any(entity.overlaps(o) for o in layer)), len(taken))
        if free == len(taken):
            taken.append([])
        taken[free].append(entity)
        layers[entity.id] = free
    return layers


def _enc(text: str) -> str:
    """Percent-encoded where a character would be read as structure."""
    space = "%20" if text != text.strip() else " "
    return "".join(
        space if c == " " else c if c.isprintable() and c not in "|;,=%>" else percent_encode(c, safe="") for c in text
    )


_NAMED = {" ": "\\s", "\t": "\\t", "\n": "\\n", "\r": "\\r", "|": "\\p", "\\": "\\\\"}
_NAMES = {code: character for character, code in _NAMED.items()}


def _spaces(text: str) -> str:
    return "".join(_NAMED.get(c) or (c if c.isprintable() and c != "_" else f"\\u{ord(c):04X};") for c in text)


def _unspaced(code: str) -> str:
    return re.sub(r"\\u([0-9A-F]{4,6});|\\.", lambda m: chr(int(m[1], 16)) if m[1] else _NAMES.get(m[0], m[0]), code)


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    return each(_blocks(path), lambda block: _record(block, schema, readable(path.name)))


def _blocks(path: Path) -> Iterator[tuple[int, Any]]:
    block: list[str | FormatError] = []
    begun = 0
    for number, line in numbered_lines(path):
        if isinstance(line, FormatError) or line.strip("\r"):
            begun = begun if block else number
            block.append(line)
        elif block:
            yield from block_rows(begun, block)
            block = []
    if block:
        yield from block_rows(begun, block)


def _record(block: list[str], schema: Schema | None, source: str) -> Record:
    said: dict[str, str] = {}
    rows: list[list[str]] = []
    for line in block:
        if line.startswith("# "):
            key, _, value = line[2:].partition(" = ")
            said[key.strip()] = value
        elif line.startswith("#"):
            continue
        else:
            cells = line.split("\t")
            if len(cells) != 10:
                raise misfit("ten columns with tabs between them", f"{len(cells)} in {quote(line)}", line)
            # empty nodes (8.1) have no place in the text
            if re.fullmatch(r"\d+(-\d+)?", cells[0]):
                rows.append(cells)
    text, implied = "", ""
    spans: list[tuple[int, int]] = []
    miscs: list[dict[str, str]] = []
    # the last word that a line like "3-4" stands for, and where that stands
    until, whole = 0, (0, 0)
    for cells in rows:
        misc = dict(part.partition("=")[::2] for part in cells[9].split("|"))
        first, _, last = cells[0].partition("-")
        if last or int(first) > until:
            text += implied if text else _unspaced(misc.get("SpacesBefore", ""))
            form = _unspaced(cells[1]) if misc.get("Form") == "Escaped" else cells[1]
            whole = (len(text), len(text) + len(form))
            until = int(last) if last else 0
            text += form + _unspaced(misc.get("SpacesAfter", ""))
            implied = "" if "SpacesAfter" in misc or misc.get("SpaceAfter") == "No" else " "
        if not last:
            spans.append(whole)
            miscs.append(misc)
    document = Document.from_text(
        text, unquote(said.get("newdoc id") or said.get("sent_id", "")), unquote(said.get("source", source))
    )
    document = with_extra(document, unquote(said.get("extra", "")))
    marks = _marks(spans, [misc.get("Entity", "O") for misc in miscs])
    edges = []
    for index, misc in enumerate(miscs):
        for item in filter(None, misc.get("Relation", "").split(",")):
            layer, target, label = item.split(">", 2)
            token, tail = target.split(":")
            edges.append(Edge((index, int(layer) - 1), (int(token) - 1, int(tail) - 1), unquote(label)))
    record = record_from_marks(document, marks, edges, schema)
    numbered = [replace(mark, key=number) for number, mark in enumerate(marks)]
    return with_rejected(record, json.loads(unquote(said.get("rejected", "")) or "{}"), numbered)


def _marks(spans: list[tuple[int, int]], tags: list[str]) -> list[Mark]:
    """Marks by (first token, layer)."""
    marks: dict[tuple[int, int], Mark] = {}
    current: dict[int, tuple[int, int]] = {}
    for index, ((start, end), tag) in enumerate(zip(spans, tags, strict=True)):
        for layer, piece in enumerate(tag.split(";")):
            kind, _, label = piece.partition("-")
            goes_on = current.get(layer)
            if kind == "I" and goes_on is not None and marks[goes_on].label == unquote(label):
                marks[goes_on] = Mark(goes_on, marks[goes_on].start, end, marks[goes_on].label)
            elif kind in ("B", "I"):
                current[layer] = (index, layer)
                marks[index, layer] = Mark((index, layer), start, end, unquote(label))
            else:
                current.pop(layer, None)
    return list(marks.values())


FORMAT = Format("conllu", ".conllu", write, read, "CoNLL-U with BIO marks and relations in the MISC column")
