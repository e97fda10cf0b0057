"""Hugging Face `datasets` on disk, in a .zip: unpack it and call `datasets.load_from_disk(folder)`.

The folder holds an Arrow stream and two small JSON files, written with pyarrow alone and a batch at a time.
Columns: id, source, text, extra, rejected (JSON, "{}" for none), entities (id, start, end, label) and relations (head,
tail, label), where head and tail count the entities of their row.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from db.formats.files import Archive, archive_reader, is_archive, member_text, readable
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
from db.formats.zipping import add_member, member, zip_writer
from relex_core.errors import FormatError, UnreadRest, quote
from relex_core.jsonl import Json, dumps, id_of
from relex_core.types import Annotation, Document, Schema

NAME = "datasets"
BATCH = 500
_DATA = "data-00000-of-00001.arrow"


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError as error:
        raise required("pyarrow", "pyarrow==26.0.1", NAME) from error
    return pyarrow


def _schema(pa: Any) -> Any:
    text, number = pa.string(), pa.int64()
    entity = pa.struct([("id", text), ("start", number), ("end", number), ("label", text)])
    relation = pa.struct([("head", number), ("tail", number), ("label", text)])
    columns = [("id", text), ("source", text), ("text", text), ("extra", text), ("rejected", text)]
    return pa.schema([*columns, ("entities", pa.list_(entity)), ("relations", pa.list_(relation))])


def write(annotations: Iterable[Annotation], path: Path) -> int:
    pa = _pyarrow()
    schema = _schema(pa)
    remaining = iter(annotations)
    count = 0
    digest = hashlib.sha256()
    with zip_writer(path) as archive:
        with (
            archive.open(member(_DATA), "w", force_zip64=True) as file,
            pa.ipc.new_stream(pa.PythonFile(file, mode="w"), schema) as stream,
        ):
            while part := [_row(annotation) for annotation in islice(remaining, BATCH)]:
                stream.write_batch(pa.RecordBatch.from_pylist(part, schema=schema))
                digest.update(dumps({"rows": part}).encode())
                count += len(part)
        state: Json = {
            "_data_files": [{"filename": _DATA}],
            # datasets caches by it: other rows must have another one
            "_fingerprint": digest.hexdigest()[:16],
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": None,
        }
        add_member(archive, "state.json", json.dumps(state, indent=2))
        add_member(archive, "dataset_info.json", json.dumps({"description": "", "citation": ""}, indent=2))
    return count


def _row(annotation: Annotation) -> Json:
    document = annotation.document
    index = {entity.id: number for number, entity in enumerate(annotation.entities)}
    return {
        "id": document.id,
        "source": document.source,
        "text": document.text,
        "extra": document.extra,
        "rejected": dumps(rejected_to_json(annotation).get("rejected") or {}),
        "entities": [{"id": e.id, "start": e.start, "end": e.end, "label": e.label} for e in annotation.entities],
        "relations": [{"head": index[r.head], "tail": index[r.tail], "label": r.label} for r in annotation.relations],
    }


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    """Columns of other names are ignored; a `score` of entities and relations makes suggestions of them."""
    pa = _pyarrow()
    if not is_archive(path):
        yield misfit("a folder that datasets saved, or a .zip archive of it", quote(path.name))
        return
    with archive_reader(path) as archive:
        yield from each(_rows(archive, pa), lambda row: _record(row, schema, readable(path.name)))


def _rows(archive: Archive, pa: Any) -> Iterator[tuple[int, Any]]:
    number = 0
    for state in sorted(name for name in archive.namelist() if name.endswith("state.json")):
        folder = state.removesuffix("state.json")
        try:
            files = [str(item["filename"]) for item in json.loads(member_text(archive, state))["_data_files"]]
            for name in files:
                with archive.open(folder + name) as file, pa.ipc.open_stream(pa.PythonFile(file, mode="r")) as stream:
                    for batch in stream:
                        for row in batch.to_pylist():
                            number += 1
                            yield number, row
        except (KeyError, TypeError, ValueError, OSError, zipfile.BadZipFile, FormatError) as error:
            found = f"{quote(state)} ({type(error).__name__}: {error})"
            yield number + 1, UnreadRest(misfit("a folder that datasets saved", found))


def _record(row: Json, schema: Schema | None, source: str) -> Record:
    document = Document.from_text(str(row["text"]), id_of(row.get("id")), str(row.get("source") or ""))
    if row.get("extra"):
        document = Document(document.id, document.text, document.source, str(row["extra"]))
    marks = [
        Mark(n, int(e["start"]), int(e["end"]), str(e["label"]), e.get("score"), id_of(e.get("id")))
        for n, e in enumerate(row.get("entities") or ())
    ]
    edges = [Edge(r["head"], r["tail"], str(r["label"]), r.get("score")) for r in row.get("relations") or ()]
    if row.get("entities") is None:
        return document if document.source else Document.from_text(document.text, document.id, source)
    rejected = json.loads(str(row.get("rejected") or "{}"))
    return with_rejected(record_from_marks(document, marks, edges, schema), rejected)


FORMAT = Format(NAME, ".zip", write, read, "Hugging Face datasets on disk (zip of an Arrow folder)")
