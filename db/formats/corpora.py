"""Files of the usual research corpora as they are distributed: DocRED, CoNLL04, CrossRE. For reading only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from db.formats.files import block_rows, json_rows, numbered_lines
from db.formats.record import Edge, Format, Item, Mark, Record, each, misfit, record_from_marks
from db.formats.tokens import Tokens
from relex_core.errors import FormatError, quote
from relex_core.jsonl import Json, id_of
from relex_core.types import Document, Schema


def read_docred(path: Path, schema: Schema | None) -> Iterator[Item]:
    """DocRED and Re-DocRED (a JSON array). Every mention is an entity; a fact between two clusters is a relation of
    the pair of mentions that stand closest. Facts and clusters stay in `Document.extra`."""
    return each(json_rows(path), lambda row: _docred(row, schema))


def _docred(row: Json, schema: Schema | None) -> Record:
    sentences = [[str(token) for token in sentence] for sentence in row["sents"]]
    starts = [sum(map(len, sentences[:n])) for n in range(len(sentences))]
    tokens = Tokens.joined([token for sentence in sentences for token in sentence])
    marks: list[Mark] = []
    clusters: list[list[int]] = []
    for vertex in row["vertexSet"]:
        cluster: list[int] = []
        for mention in vertex:
            base = starts[mention["sent_id"]]
            first, last = (int(position) for position in mention["pos"])
            cluster.append(len(marks))
            marks.append(Mark(len(marks), *tokens.offsets(base + first, base + last - 1), str(mention["type"])))
        clusters.append(cluster)
    edges = []
    facts = row.get("labels") or []
    for fact in facts:
        pairs = [(h, t) for h in clusters[fact["h"]] for t in clusters[fact["t"]] if not _same(marks[h], marks[t])]
        if pairs:
            head, tail = min(pairs, key=lambda pair: (abs(marks[pair[0]].start - marks[pair[1]].start), pair))
            edges.append(Edge(head, tail, str(fact["r"])))
    kept = {"format": "docred", "clusters": clusters, "facts": [[f["h"], f["t"], str(f["r"])] for f in facts]}
    title = str(row.get("title") or "")
    document = Document(title or Document.from_text(tokens.text).id, tokens.text, title, json.dumps(kept))
    return record_from_marks(document, marks, edges, schema)


def _same(one: Mark, other: Mark) -> bool:
    return (one.start, one.end, one.label) == (other.start, other.end, other.label)


def read_conll04(path: Path, schema: Schema | None) -> Iterator[Item]:
    """CoNLL04 as JSON (tokens, entities with exclusive ends) or as columns (`#doc`, then index, word, BIO tag,
    relation names, heads by the index of their last word)."""
    first = next((line for _, line in numbered_lines(path) if isinstance(line, str) and line.strip()), "")
    if first.startswith("#doc"):
        return each(_column_blocks(path), lambda block: _columns(block, schema))
    return each(json_rows(path), lambda row: _spans(row, schema))


def _spans(row: Json, schema: Schema | None) -> Record:
    tokens = Tokens.joined([str(token) for token in row["tokens"]])
    document = Document.from_text(tokens.text, id_of(row.get("orig_id"), row.get("id")))
    marks = [
        Mark(n, *tokens.offsets(int(e["start"]), int(e["end"]) - 1), str(e["type"]))
        for n, e in enumerate(row["entities"])
    ]
    edges = [Edge(int(r["head"]), int(r["tail"]), str(r["type"])) for r in row.get("relations") or ()]
    return record_from_marks(document, marks, edges, schema)


def _column_blocks(path: Path) -> Iterator[tuple[int, Any]]:
    block: list[str | FormatError] = []
    begun = 0
    for number, line in numbered_lines(path):
        if isinstance(line, str) and line.startswith("#doc"):
            if len(block) > 1:
                yield from block_rows(begun, block)
            block, begun = [line], number
        elif isinstance(line, FormatError) or line.strip():
            block.append(line)
    if len(block) > 1:
        yield from block_rows(begun, block)


def _columns(block: list[str], schema: Schema | None) -> Record:
    rows = [line.split("\t") for line in block[1:]]
    for cells in rows:
        if len(cells) != 5:
            raise misfit("five columns with tabs between them", f"{len(cells)} in {quote(cells)}", cells)
    tokens = Tokens.joined([cells[1] for cells in rows])
    # an entity is named by its last word
    last: dict[int, Mark] = {}
    begun = 0
    for index, (_, _, tag, *_) in enumerate(rows):
        kind, _, label = tag.partition("-")
        goes_on = index + 1 < len(rows) and rows[index + 1][2] == f"I-{label}"
        begun = index if kind == "B" else begun
        if kind in ("B", "I") and not goes_on:
            last[index] = Mark(index, *tokens.offsets(begun, index), label)
    edges = []
    for index, cells in enumerate(rows):
        names = re.findall(r"'([^']*)'", cells[3])
        heads = [int(number) for number in re.findall(r"\d+", cells[4])]
        edges += [Edge(index, head, name) for name, head in zip(names, heads, strict=True) if name != "N"]
    document = Document.from_text(tokens.text, block[0].removeprefix("#doc").strip())
    return record_from_marks(document, last.values(), edges, schema)


def read_crossre(path: Path, schema: Schema | None) -> Iterator[Item]:
    """CrossRE (JSON Lines): words, entities and relations by inclusive word indices."""
    return each(json_rows(path), lambda row: _crossre(row, schema))


def _crossre(row: Json, schema: Schema | None) -> Record:
    tokens = Tokens.joined([str(word) for word in row["sentence"]])
    document = Document.from_text(tokens.text, id_of(row.get("doc_key")))
    marks: dict[tuple[int, int], Mark] = {}
    for first, last, label in row["ner"]:
        marks.setdefault((first, last), Mark((first, last), *tokens.offsets(first, last), str(label)))
    edges = [Edge((hs, he), (ts, te), str(label)) for hs, he, ts, te, label, *_ in row.get("relations") or ()]
    return record_from_marks(document, marks.values(), edges, schema)


DOCRED = Format("docred", ".json", None, read_docred, "DocRED and Re-DocRED (JSON)")
CONLL04 = Format("conll04", ".json", None, read_conll04, "CoNLL04 (JSON of spans, or columns)")
CROSSRE = Format("crossre", ".json", None, read_crossre, "CrossRE (JSON Lines)")
