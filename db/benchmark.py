"""How long the store takes as a project grows: `python -m db benchmark`.

Fills databases of rising size with made-up documents, ten revisions each, and times what a page does. Each figure
is the median of many calls at random places, on a store that was just opened, with the disk's cache as it is. Beside
it stands the work that SQLite did, counted in steps of its virtual machine: the same on every machine and in every
run, and the same whether a page of the file is in memory or not. Where times grow and steps do not, it is the caches.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import log
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db import documents, extractions, progress, projects, tables
from db.store import Store
from db.values import Order, State
from relex_core import jsonl
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Schema, sha256

SIZES = (1_000, 10_000, 100_000)
REVISIONS = 10
CALLS = 40
SEGMENTS = 250
"""Steps that the parts of the search index may add: some twenty each, of which there are a few to a power of ten."""
LIMIT_MS = 50.0
"""What each operation may take at the median."""

SCHEMA = Schema.of(["person", "place", "organization", "work"], ["born in", "works for", "wrote"])
PROJECT = "benchmark"


@dataclass(frozen=True, slots=True)
class Figure:
    """Medians of one operation by number of documents: milliseconds, and steps of SQLite's virtual machine."""

    operation: str
    medians: Mapping[int, float]
    steps: Mapping[int, int]

    @property
    def growth(self) -> float:
        """Time at the largest size over time at the smallest."""
        return self.medians[max(self.medians)] / self.medians[min(self.medians)]

    @property
    def growth_of_steps(self) -> float:
        """Steps at the largest size over steps at the smallest."""
        return self.steps[max(self.steps)] / self.steps[min(self.steps)]

    @property
    def logarithmic(self) -> bool:
        """Whether the steps grow no faster than the logarithm of the number of documents.

        SEGMENTS apart: SQLite keeps its search index in parts whose number grows in jumps.
        """
        smallest = min(self.steps)
        return all(
            number - SEGMENTS <= self.steps[smallest] * log(size) / log(smallest) for size, number in self.steps.items()
        )


def run(url_of: Callable[[int], str], sizes: tuple[int, ...] = SIZES, revisions: int = REVISIONS) -> list[Figure]:
    """Fill one database of each size and measure. `url_of` gives the address of an empty database."""
    medians: dict[str, dict[int, float]] = {}
    steps: dict[str, dict[int, int]] = {}
    for size in sizes:
        with Store.open(url_of(size)) as store:
            fill(store, size, revisions)
        with Store.open(url_of(size)) as store:
            for operation, call in operations(store, size):
                medians.setdefault(operation, {})[size] = _median(call)
                steps.setdefault(operation, {})[size] = _steps(call)
    return [Figure(operation, by_size, steps[operation]) for operation, by_size in medians.items()]


def table(figures: list[Figure], revisions: int = REVISIONS) -> str:
    """The curve as text, a row to an operation."""
    sizes = sorted(figures[0].medians)
    logarithmic = log(sizes[-1]) / log(sizes[0])
    head = f"{'median ms and steps, ' + str(revisions) + ' revisions each':38}"
    lines = [head + "".join(f"{size:>18,}" for size in sizes) + f"{'growth':>14}"]
    for figure in figures:
        cells = "".join(f"{figure.medians[size]:10.2f}{figure.steps[size]:8,}" for size in sizes)
        growth = f"{figure.growth:7.1f}x{figure.growth_of_steps:5.1f}x"
        over = "  over 50 ms" if max(figure.medians.values()) > LIMIT_MS else ""
        over += "" if figure.logarithmic else "  steps not logarithmic"
        lines.append(f"{figure.operation:38}{cells}{growth}{over}")
    lines.append(f"logarithmic growth from {sizes[0]:,} to {sizes[-1]:,} documents would be {logarithmic:.1f}x")
    return "\n".join(lines)


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """Gives how many steps SQLite's virtual machine has made so far, in all connections of this process."""
    number = 0

    def step() -> int:
        nonlocal number
        number += 1
        return 0

    def out(connection: Any, *rest: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.set_progress_handler(step, 1)

    def back(connection: Any, *rest: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.set_progress_handler(None, 0)

    sa.event.listen(sa.Pool, "checkout", out)
    sa.event.listen(sa.Pool, "checkin", back)
    try:
        yield lambda: number
    finally:
        sa.event.remove(sa.Pool, "checkout", out)
        sa.event.remove(sa.Pool, "checkin", back)


def operations(store: Store, size: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """What a page does, each at a random place."""
    chance = random.Random(1)  # noqa: S311
    annotation = _annotation(store.document(PROJECT, "d0"))

    def somewhere() -> str:
        return f"d{chance.randrange(size)}"

    def rare() -> str:
        return f"number{chance.randrange(size)}"

    def save() -> object:
        document = store.document(PROJECT, somewhere())
        return store.save(
            PROJECT,
            Annotation(document, SCHEMA, annotation.entities, annotation.relations),
            annotator="ann",
            state=chance.choice([State.SUBMITTED, State.IN_PROGRESS, State.FLAGGED]),
            client="benchmark",
            seq=chance.randrange(10**9),
        )

    def opened() -> object:
        id = somewhere()
        return store.document(PROJECT, id), store.latest(PROJECT, id)

    def from_the_middle(order: Order) -> object:
        states = [State.NEW, State.IN_PROGRESS, State.FLAGGED]
        return store.queue(PROJECT, order=order, states=states, after=somewhere())

    yield "open a document", opened
    for order in Order:
        yield f"queue page, {order}", partial(store.queue, PROJECT, order=order)
        yield f"queue page, middle, {order}", partial(from_the_middle, order)
    yield "search, one document", lambda: store.queue(PROJECT, search=f"{rare()} ")
    yield "search, a tenth", lambda: store.queue(PROJECT, search=f"topic{chance.randrange(10)} text")
    yield "search, all documents", lambda: store.queue(PROJECT, search="text")
    yield "search, a tenth, by uncertainty", lambda: store.queue(PROJECT, search="topic3", order="uncertainty")
    yield "search by label", lambda: store.queue(PROJECT, search='label:"works for"')
    yield "search, nothing", lambda: store.queue(PROJECT, search="nowhere")
    yield "search, all documents, by uncertainty", lambda: store.queue(PROJECT, search="text", order="uncertainty")
    yield "search, a word begun", lambda: store.queue(PROJECT, search="topic3 " + "word"[: chance.randrange(1, 5)])
    yield "search, a number begun", lambda: store.queue(PROJECT, search=f"number{chance.randrange(1, 10)}")
    yield "search, a word begun, by uncertainty", lambda: store.queue(PROJECT, search="wo", order="uncertainty")
    yield "search by label, a word begun", lambda: store.queue(PROJECT, search='label:"works for" w')
    yield "progress", lambda: store.counts(PROJECT)
    yield "progress, not yet read by a model", lambda: progress.count_unscored(store, PROJECT, "benchmark")
    yield "progress, pace of an annotator", lambda: progress.pace(store, PROJECT, "ann")
    yield "save", save


def fill(store: Store, size: int, revisions: int) -> None:
    """Documents with an extraction and revisions each. Rows as the store makes them, but inserted in bulk and
    without their chain of hashes, as the store's own way would take an hour for a million revisions."""
    store.create_project(PROJECT, SCHEMA)
    chance = random.Random(size)  # noqa: S311
    for start in range(0, size, 5_000):
        batch = [_document(n, chance) for n in range(start, min(start + 5_000, size))]
        store.add_documents(PROJECT, batch)
        with store.database.write() as connection:
            pk, _ = projects.find(connection, PROJECT)
            labels = projects.load_labels(connection, pk)
            keys = {key: row.pk for key, row in documents.find_texts(connection, pk, batch).items()}
            found = [(keys[d.id, d.sha256], d) for d in batch]
            _extractions(connection, labels, found, chance, store.now())
            _revisions(connection, labels, found, revisions, chance, store.now())
    with store.database.write() as connection:
        for state in State:
            number = sa.select(sa.func.count()).where(tables.documents.c.state == str(state)).scalar_subquery()
            counted = tables.counters.update().where(tables.counters.c.state == str(state))
            connection.execute(counted.values(documents=number))


Keyed = list[tuple[int, Document]]


def _extractions(
    connection: Connection, labels: projects.LabelSet, found: Keyed, chance: random.Random, now: datetime
) -> None:
    rows, places, marks = [], [], []
    for key, document in found:
        extraction = _extraction(document, chance)
        graph = jsonl.dumps(jsonl.graph_to_json(extraction.entities, extraction.relations))
        rows.append(
            {
                "document_pk": key,
                "model_version": extraction.model_version,
                "schema_sha256": projects.schema_hash(SCHEMA),
                "label_version": labels.version,
                "floor": jsonl.dumps(jsonl.thresholds_to_json(extraction.floor)),
                "windows": "[]",
                "graph": graph,
                "sha256": sha256(graph),
                "saved_at": now,
            }
        )
        score, turn = extractions.uncertainty(extraction), chance.randrange(1 + len(found) // 20) + chance.random()
        places.append({"key": key, "score": score, "place": turn})
        marks += [
            {
                "document_pk": key,
                "kind": "suggested entity",
                "label": e.label,
                "project_pk": labels.project,
                "mentions": 1,
            }
            for e in extraction.entities
        ]
    connection.execute(tables.extractions.insert(), rows)
    connection.execute(tables.document_labels.insert(), marks)
    place = tables.documents.update().where(tables.documents.c.pk == sa.bindparam("key"))
    score_: sa.BindParameter[float] = sa.bindparam("score")
    connection.execute(place.values(uncertainty=score_, mixed=score_, turn=sa.bindparam("place")), places)


def _revisions(
    connection: Connection,
    labels: projects.LabelSet,
    found: Keyed,
    revisions: int,
    chance: random.Random,
    now: datetime,
) -> None:
    people = [projects.annotator(connection, name, now) for name in ("ann", "bob")]
    last = {key: str(chance.choice(list(State))) for key, _ in found}
    rows: list[dict[str, Any]] = [
        {
            "document_pk": key,
            "number": number,
            "annotator_pk": people[number % 2],
            "saved_at": now,
            "state": last[key],
            "label_version": labels.version,
            "decisions": jsonl.dumps(jsonl.decisions_to_json(_annotation(document))),
            "client": f"{document.id}:{number}",
            "seq": 1,
            "sha256": sha256(f"{key}:{number}"),
        }
        for key, document in found
        for number in range(1, revisions + 1)
    ]
    insert = tables.revisions.insert().returning(tables.revisions.c.pk, sort_by_parameter_order=True)
    keys = connection.execute(insert, rows).scalars().all()
    newest = {(row["document_pk"], row["annotator_pk"]): key for row, key in zip(rows, keys, strict=True)}
    heads = [
        {"document_pk": document, "annotator_pk": person, "revision_pk": key, "state": last[document]}
        for (document, person), key in newest.items()
    ]
    connection.execute(tables.heads.insert(), heads)
    marks = [
        {"document_pk": key, "kind": kind, "label": label, "project_pk": labels.project, "mentions": number}
        for key, document in found
        for kind, label, number in _labels(document)
    ]
    connection.execute(tables.document_labels.insert(), marks)
    moved = tables.documents.update().where(tables.documents.c.pk == sa.bindparam("key"))
    moved = moved.values(state=sa.bindparam("last"), revisions=revisions, annotator_pk=people[revisions % 2])
    connection.execute(moved, [{"key": key, "last": state} for key, state in last.items()])


def _labels(document: Document) -> list[tuple[str, str, int]]:
    annotation = _annotation(document)
    entities = Counter(("entity", e.label) for e in annotation.entities)
    entities.update(("relation", r.label) for r in annotation.relations)
    return [(*kind, number) for kind, number in entities.items()]


def _document(number: int, chance: random.Random) -> Document:
    words = " ".join(f"word{chance.randrange(5_000)}" for _ in range(60))
    text = f"Ada Lovelace wrote text number{number} on topic{number % 10} in London. {words}"
    return Document(f"d{number}", text, f"file{number % 7}.txt")


def _annotation(document: Document) -> Annotation:
    entities = (Entity("a", 0, 3, "person"), Entity("b", 4, 12, "person"), Entity("c", 13, 18, "work"))
    label = "works for" if document.id.endswith("7") else "wrote"
    return Annotation(document, SCHEMA, entities, (Relation("a", "c", label),))


def _extraction(document: Document, chance: random.Random) -> Extraction:
    labels = chance.sample(["person", "place", "organization", "work"], 3)
    spans = zip(((0, 12), (4, 12), (13, 18)), labels, strict=True)
    entities = tuple(Entity.suggested(*span, label, 0.1 + 0.9 * chance.random()) for span, label in spans)
    relation = Relation(entities[0].id, entities[2].id, "wrote", 0.1 + 0.9 * chance.random())
    return Extraction(document, SCHEMA, entities, (relation,), "benchmark")


def _median(call: Callable[[], object]) -> float:
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1_000


def _steps(call: Callable[[], object]) -> int:
    """Median of a few calls; only which document it is makes a difference."""
    found = []
    with counted() as so_far:
        for _ in range(max(1, CALLS // 4)):
            before = so_far()
            call()
            found.append(so_far() - before)
    return int(statistics.median(found))
