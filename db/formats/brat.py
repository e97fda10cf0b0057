"""brat standoff: a .zip with a .txt and an .ann file for each document, annotation.conf and visual.conf.

brat's type names are ASCII letters, digits, `_` and `-`; the names as they are stand in visual.conf, brat's own
place for them. Text marks and binary relations are read; events, attributes, notes and normalisations are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from db.formats.files import archive_reader, is_archive, member_id, member_text, readable
from db.formats.record import Edge, Format, Item, Mark, Record, each, misfit, record_from_marks
from db.formats.utf16 import repaired
from db.formats.zipping import add_member, member_names, zip_writer
from relex_core.errors import quote
from relex_core.types import Annotation, Document, Schema


class TypeNames:
    """Labels <-> names that brat allows, one to one; entities and relations share them, as in visual.conf."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()

    def of(self, kind: str, label: str) -> str:
        if (kind, label) not in self._names:
            stem = re.sub(r"[^A-Za-z0-9-]+", "_", label).strip("_-") or "label"
            name, n = stem, 2
            while name.lower() in self._taken:
                name, n = f"{stem}_{n}", n + 1
            self._taken.add(name.lower())
            self._names[kind, label] = name
        return self._names[kind, label]

    def of_kind(self, kind: str) -> list[str]:
        return [name for (known, _), name in self._names.items() if known == kind]

    def labels(self) -> list[tuple[str, str]]:
        """(name, label)"""
        return [(name, label) for (_, label), name in self._names.items()]


def write(annotations: Iterable[Annotation], path: Path) -> int:
    types = TypeNames()
    count = 0
    with zip_writer(path) as archive, member_names() as names:
        for annotation in annotations:
            name = names.of(annotation.document.id)
            add_member(archive, f"{name}.txt", annotation.document.text)
            add_member(archive, f"{name}.ann", standoff(annotation, types))
            count += 1
        add_member(archive, "annotation.conf", _annotation_conf(types))
        add_member(archive, "visual.conf", _visual_conf(types))
    return count


def standoff(annotation: Annotation, types: TypeNames) -> str:
    """The .ann file of one annotation."""
    document = annotation.document
    lines = []
    ids = {entity.id: f"T{number}" for number, entity in enumerate(annotation.entities, start=1)}
    for entity in annotation.entities:
        # brat keeps one line for a mark: it is broken into fragments where the text breaks the line
        breaks = [(m.start(), m.end()) for m in re.finditer(r"(?<=[^\n])\n+(?=[^\n])", entity.text(document))]
        edges = [0, *(place for both in breaks for place in both), entity.end - entity.start]
        pieces = [(entity.start + a, entity.start + b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        places = ";".join(f"{start} {end}" for start, end in pieces)
        surface = " ".join(document.text[start:end] for start, end in pieces)
        surface = " ".join(surface.splitlines()).replace("\n", " ").replace("\r", " ")
        lines.append(f"{ids[entity.id]}\t{types.of('entity', entity.label)} {places}\t{surface}\n")
    for number, relation in enumerate(annotation.relations, start=1):
        ends = f"Arg1:{ids[relation.head]} Arg2:{ids[relation.tail]}"
        lines.append(f"R{number}\t{types.of('relation', relation.label)} {ends}\n")
    return "".join(lines)


def _annotation_conf(types: TypeNames) -> str:
    lines = ["[entities]", *types.of_kind("entity"), "", "[relations]"]
    lines += [f"{name}\tArg1:<ENTITY>, Arg2:<ENTITY>" for name in types.of_kind("relation")]
    lines += ["<OVERLAP>\tArg1:<ENTITY>, Arg2:<ENTITY>, <OVL-TYPE>:<ANY>", "", "[events]", "", "[attributes]", ""]
    return "\n".join(lines)


def _visual_conf(types: TypeNames) -> str:
    lines = ["[labels]", *(f"{name} | {label}" for name, label in types.labels())]
    return "\n".join(
        [*lines, "", "[drawing]", "SPAN_DEFAULT fgColor:black, bgColor:lightgreen, borderColor:darken", ""]
    )


def read(path: Path, schema: Schema | None) -> Iterator[Item]:
    if not is_archive(path):
        yield misfit("a folder, or a .zip archive, with .txt and .ann files", quote(path.name))
        return
    with archive_reader(path) as archive:
        names = set(archive.namelist())
        labels = {
            folder: _labels(member_text(archive, folder + "visual.conf"))
            for folder in {name.removesuffix("visual.conf") for name in names if name.endswith("visual.conf")}
        }
        texts = [name for name in archive.namelist() if name.endswith(".txt")]

        def make(name: str) -> Record:
            folder, _, stem = name.removesuffix(".txt").rpartition("/")
            folder += "/" if folder else ""
            known = labels.get(folder) or labels.get("") or {}
            document = Document(member_id(stem), member_text(archive, name), readable(folder))
            ann = folder + stem + ".ann"
            return parse(member_text(archive, ann), document, known, schema) if ann in names else document

        yield from each(enumerate(texts, start=1), make)


def parse(ann: str, document: Document, labels: dict[str, str], schema: Schema | None) -> Record:
    """The record of one .ann file. Raises FormatError, InputError or SchemaError."""
    marks, edges = [], []
    for line in ann.split("\n"):
        key, _, rest = line.partition("\t")
        if key.startswith("T"):
            head, _, surface = rest.partition("\t")
            name, _, places = head.partition(" ")
            numbers = [int(number) for number in re.findall(r"\d+", places)]
            gaps = zip(numbers[1:-1:2], numbers[2::2], strict=True)
            if not numbers or any(document.text[a:b].strip() for a, b in gaps):
                raise misfit("marks without gaps", f"{quote(line)} in {document.id}", line)
            start, end = repaired(document.text, numbers[0], numbers[-1], surface)
            marks.append(Mark(key, start, end, labels.get(name, name)))
        elif key.startswith("R"):
            name, *ends = rest.split()
            arguments = [end.partition(":")[2] for end in ends]
            edges.append(Edge(arguments[0], arguments[1], labels.get(name, name)))
    return record_from_marks(document, marks, edges, schema)


def _labels(conf: str) -> dict[str, str]:
    """type name -> label, from the [labels] section of a visual.conf."""
    labels: dict[str, str] = {}
    section = ""
    for line in conf.split("\n"):
        if line.startswith("["):
            section = line.strip()
        elif section == "[labels]" and " | " in line:
            name, label = line.split(" | ", 1)
            labels[name.strip()] = label
    return labels


FORMAT = Format("brat", ".zip", write, read, "brat standoff: .txt and .ann files (zip)")
