"""Writing and reading hold a bounded part of the documents, however many there are.

Measured in a process of its own, whose largest resident set is Python's memory and that of all libraries.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from db.formats import readers, writers
from relex_core.types import Annotation, Document, Entity, Relation
from tests.db.formats.conftest import SCHEMA

TEXT = "Ada Lovelace worked for Charles Babbage. " * 2
FEW, MANY = 1_000, 6_000
# milliseconds for each document, most of it in their libraries
SLOW = dict.fromkeys(("inception", "jsonld", "turtle"), (500, 2_000)) | {"spacy": (1_100, 3_100)}
BOUND = 500
"""Bytes for each document more: an annotation in memory takes some 600 of Python's, without its text's file."""
WRITTEN = [format.name for format in writers()]


def many(count: int) -> Iterator[Annotation]:
    for n in range(count):
        entities = (Entity("a", 0, 12, "person"), Entity("b", 24, 39, "person"))
        document = Document(f"d{n}", f"{TEXT}{n}")
        yield Annotation(document, SCHEMA, entities, (Relation("a", "b", "works for"),))


PEAK = """
import sys
from pathlib import Path
from tests.db.formats import test_streaming
kinds, name, path, *sizes = sys.argv[1:]
for kind in kinds.split():
    for size in map(int, sizes):
        test_streaming.forget_peak()
        getattr(test_streaming, kind)(name, size, Path(path) / str(size))
        print(test_streaming.peak(), flush=True)
"""
Work = Callable[[str, int, Path], None]


def forget_peak() -> None:
    """The largest resident set is what there is now, where the kernel lets a process say so."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """The largest resident set, in bytes."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024


def growths(kinds: Sequence[Work], name: str, path: Path, few: int, many: int) -> list[float]:
    """For each kind of work, one after the other in one process: bytes that the largest resident set gains for each
    document more, between so many and so many."""
    path.mkdir(exist_ok=True)
    names = " ".join(kind.__name__ for kind in kinds)
    command = [sys.executable, "-c", PEAK, names, name, str(path), str(few), str(many)]
    peaks = list(map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()))
    return [(after - before) / (many - few) for before, after in zip(peaks[::2], peaks[1::2], strict=True)]


def written(name: str, count: int, path: Path) -> None:
    from db.formats import FORMATS

    write = FORMATS[name].write
    assert write
    assert write(many(count), path) == count


# of these the whole is in memory: the names of an archive's members, and a graph whose edges may lead anywhere
WHOLE = {"brat", "inception", "graphml"}
READ = [format.name for format in readers() if format.write and format.name not in WHOLE]


def read_back(name: str, count: int, path: Path) -> None:
    from db.formats import FORMATS

    read = FORMATS[name].read
    assert read
    assert sum(isinstance(item, Annotation) for item in read(path, None)) == count


@pytest.mark.parametrize("name", WRITTEN)
def test_neither_export_nor_reading_takes_more_memory_for_more_documents(name: str, tmp_path: Path) -> None:
    kinds = [written, read_back] if name in READ else [written]
    grown = growths(kinds, name, tmp_path / "out", *SLOW.get(name, (FEW, MANY)))
    assert grown[0] < BOUND, f"{grown[0]:.0f} bytes a document written"
    # spaCy's files are read whole, 1,000 documents each, and leave holes; a document of the last file would take 3,400
    assert grown[-1] < (2_000 if name == "spacy" else BOUND), f"{grown[-1]:.0f} bytes a document read"


def validated(name: str, count: int, path: Path) -> None:
    from db.validation import validate

    assert validate(many(count), name).documents == count


def dealt(name: str, count: int, path: Path) -> None:
    from db.splits import split

    with split(many(count)) as chosen:
        assert chosen.sizes[name] == count // 10


@pytest.mark.parametrize(("kind", "name"), [(validated, "gliner"), (dealt, "dev")])
def test_what_looks_for_equal_texts_has_them_in_a_file(kind: Work, name: str, tmp_path: Path) -> None:
    # more than a spool's share of memory for the fewer of them; a set of digests would take some 120 bytes for each
    (grown,) = growths([kind], name, tmp_path, 20_000, 40_000)
    assert grown < 60, f"{grown:.0f} bytes a document"
