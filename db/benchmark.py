"""How long the store takes as a project grows: `python -m db benchmark`.

Fills databases of rising size with made-up documents, ten revisions each, and times what a page does. Each figure
is the median of many calls at random places, on a store that was just opened, with the disk's cache as it is.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import log

from db import documents, extractions, projects, saving
from db.store import Store
from db.values import Order, State
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Schema

SIZES = (1_000, 10_000, 100_000)
REVISIONS = 10
CALLS = 40
LIMIT_MS = 50.0
"""What each operation may take at the median."""

SCHEMA = Schema.of(["person", "place", "organization", "work"], ["born in", "works for", "wrote"])
PROJECT = "benchmark"


@dataclass(frozen=True, slots=True)
class Figure:
    """Median of one operation, in milliseconds, by number of documents."""

    operation: str
    medians: Mapping[int, float]

    @property
    def growth(self) -> float:
        """Time at the largest size over time at the smallest."""
        return self.medians[max(self.medians)] / self.medians[min(self.medians)]


def run(url_of: Callable[[int], str], sizes: tuple[int, ...] = SIZES, revisions: int = REVISIONS) -> list[Figure]:
    """Fill one database of each size and measure. `url_of` gives the address of an empty database."""
    medians: dict[str, dict[int, float]] = {}
    for size in sizes:
        with Store.open(url_of(size)) as store:
            fill(store, size, revisions)
        with Store.open(url_of(size)) as store:
            for operation, call in operations(store, size):
                medians.setdefault(operation, {})[size] = _median(call)
    return [Figure(operation, by_size) for operation, by_size in medians.items()]


def table(figures: list[Figure], revisions: int = REVISIONS) -> str:
    """The curve as text, a row to an operation."""
    sizes = sorted(figures[0].medians)
    logarithmic = log(sizes[-1]) / log(sizes[0])
    head = f"{'median ms, ' + str(revisions) + ' revisions each':34}" + "".join(f"{size:>10,}" for size in sizes)
    lines = [head + f"{'growth':>9}"]
    for figure in figures:
        cells = "".join(f"{figure.medians[size]:10.2f}" for size in sizes)
        over = "  over 50 ms" if max(figure.medians.values()) > LIMIT_MS else ""
        lines.append(f"{figure.operation:34}{cells}{figure.growth:8.1f}x{over}")
    lines.append(f"logarithmic growth from {sizes[0]:,} to {sizes[-1]:,} documents would be {logarithmic:.1f}x")
    return "\n".join(lines)


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
    yield "search, one document", lambda: store.queue(PROJECT, search=rare())
    yield "search, a tenth", lambda: store.queue(PROJECT, search=f"topic{chance.randrange(10)} text")
    yield "search, all documents", lambda: store.queue(PROJECT, search="text")
    yield "search, a tenth, by uncertainty", lambda: store.queue(PROJECT, search="topic3", order="uncertainty")
    yield "search by label", lambda: store.queue(PROJECT, search='label:"works for"')
    yield "search, nothing", lambda: store.queue(PROJECT, search="nowhere")
    yield "progress", lambda: store.counts(PROJECT)
    yield "save", save


def fill(store: Store, size: int, revisions: int) -> None:
    """Documents with an extraction and revisions each, through the store's own paths in large transactions."""
    store.create_project(PROJECT, SCHEMA)
    chance = random.Random(size)  # noqa: S311
    for start in range(0, size, 1_000):
        batch = [_document(n, chance) for n in range(start, min(start + 1_000, size))]
        store.add_documents(PROJECT, batch)
        with store.database.write() as connection:
            pk, _ = projects.find(connection, PROJECT)
            labels = projects.load_labels(connection, pk)
            rows = documents.find_texts(connection, pk, batch)
            for document in batch:
                row = rows[document.id, document.sha256]
                extraction = _extraction(document, chance)
                extractions.save(connection, labels, row, extraction, store.now())
                extractions.place(connection, pk, row, extraction)
            for number in range(revisions):
                items = [(_annotation(document), _work(number, document, chance)) for document in batch]
                saving.save_many(connection, labels, items, store.now())


def _work(number: int, document: Document, chance: random.Random) -> saving.Work:
    state = chance.choice(list(State))
    return saving.Work("ann" if number % 3 else "bob", state, client=f"{document.id}:{number}", seq=1)


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
