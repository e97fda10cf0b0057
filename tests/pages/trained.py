"""A small project with submitted annotations, for tests that train on it."""

from __future__ import annotations

import time
from collections.abc import Callable

from db.store import Store
from db.values import State
from pages.shared import training_runs
from pages.shared.training_runs import Run
from relex_core.types import Annotation, Document, Entity, Relation, Schema

SCHEMA = Schema.of(["person", "place"], ["lives in"])
PEOPLE = ("Ada", "Bob", "Cem", "Dora", "Eva", "Finn", "Gil", "Hana", "Ivo", "Jan", "Kim", "Leo")
PLACES = ("Rome", "Oslo", "Lima", "Bern")


def project(store: Store, name: str = "letters", documents: int = 8, annotator: str = "ada") -> str:
    """A project whose documents say who lives where, submitted by `annotator`."""
    store.create_project(name, SCHEMA)
    for number in range(documents):
        who, where = PEOPLE[number], PLACES[number % len(PLACES)]
        document = Document(f"d{number}", f"{who} lives in {where} now.", "test")
        store.add_documents(name, [document])
        start = len(f"{who} lives in ")
        marks = (Entity("e0", 0, len(who), "person"), Entity("e1", start, start + len(where), "place"))
        annotation = Annotation(document, SCHEMA, marks, (Relation("e0", "e1", "lives in"),))
        store.save(name, annotation, annotator=annotator, state=State.SUBMITTED)
    return name


def until(run: Run, reached: Callable[[Run], bool], seconds: float = 280) -> Run:
    """The run as soon as `reached` holds of it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        run = training_runs.read(run.folder)
        if reached(run):
            return run
        time.sleep(0.05)
    log = run.folder / "log.txt"
    raise AssertionError(f"{run.stage}, step {run.step}, {run.message}\n{log.read_text() if log.is_file() else ''}")
