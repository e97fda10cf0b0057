"""Writing and reading hold a bounded part of the documents, however many there are.

Measured in a process of its own, whose largest resident set is Python's memory and that of all libraries.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.formats import readers, writers
from relex_core.types import Annotation, Document, Entity, Relation
from tests.db.formats.conftest import SCHEMA

TEXT = "Ada Lovelace worked for Charles Babbage. " * 2
FEW, MANY = 2_000, 20_000
# a millisecond for each document, most of it in their libraries
SLOW = {"spacy": 5_000, "inception": 5_000}
READ_SLOWLY = dict.fromkeys(("spacy", "jsonld", "turtle"), (1_000, 3_000))
BOUND = 1_000_000
"""Bytes: 55 for each document more, 330 where there are fewer; zipfile alone keeps some 700."""
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
kind, name, path, *sizes = sys.argv[1:]
for size in map(int, sizes):
    getattr(test_streaming, kind)(name, size, Path(path))
    status = Path("/proc/self/status").read_text()
    print(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), flush=True)
"""


def growth(kind: Callable[[str, int, Path], None], name: str, few: int, many: int, path: Path) -> int:
    """Bytes that the largest resident set gains between so many documents and so many."""
    command = [sys.executable, "-c", PEAK, kind.__name__, name, str(path), str(few), str(many)]
    before, after = map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    return (after - before) * 1024


def written(name: str, count: int, path: Path) -> None:
    from db.formats import FORMATS

    write = FORMATS[name].write
    assert write
    assert write(many(count), path) == count


@pytest.mark.parametrize("name", WRITTEN)
def test_an_export_takes_no_more_memory_for_ten_times_the_documents(name: str, tmp_path: Path) -> None:
    grown = growth(written, name, FEW, SLOW.get(name, MANY), tmp_path / "out")
    assert grown < BOUND, f"{grown:,} bytes more"


# of these the whole is in memory: the names of an archive's members, and a graph whose edges may lead anywhere
WHOLE = {"brat", "inception", "graphml"}
READ = [format.name for format in readers() if format.write and format.name not in WHOLE]


def read_back(name: str, count: int, path: Path) -> None:
    from db.formats import FORMATS

    written(name, count, path)
    read = FORMATS[name].read
    assert read
    assert sum(isinstance(item, Annotation) for item in read(path, None)) == count


@pytest.mark.parametrize("name", READ)
def test_reading_takes_no_more_memory_for_more_documents(name: str, tmp_path: Path) -> None:
    grown = growth(read_back, name, *READ_SLOWLY.get(name, (FEW, MANY)), tmp_path / "in")
    assert grown < 2 * BOUND, f"{grown:,} bytes more"


def validated(name: str, count: int, path: Path) -> None:
    from db.validation import validate

    assert validate(many(count), name).documents == count


def dealt(name: str, count: int, path: Path) -> None:
    from db.splits import split

    with split(many(count)) as chosen:
        assert chosen.sizes[name] == count // 10


@pytest.mark.parametrize(("kind", "name"), [(validated, "gliner"), (dealt, "dev")])
def test_what_looks_for_equal_texts_has_them_in_a_file(
    kind: Callable[[str, int, Path], None], name: str, tmp_path: Path
) -> None:
    # more than a spool's share of memory for the fewer of them
    grown = growth(kind, name, MANY, 3 * MANY, tmp_path)
    assert grown < 2 * BOUND, f"{grown:,} bytes more"
