"""What the model has read: each text with each label set once, shared by everybody who asks.

Thresholds, colours and constraints are no part of the question, so moving a slider never reaches the model.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace

from relex_core.service import ModelService
from relex_core.types import Document, Extraction, Schema

CAPACITY = 256
"""How many readings are kept; the one that was asked for longest ago goes first."""

Question = tuple[str, str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class Reading:
    """A question to the model and, once `future` is done, its answer. `seconds` counts from the question on."""

    future: Future[Extraction] = field(default_factory=Future)
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    done: int = 0
    total: int = 0
    _stopped: bool = False

    @property
    def waited(self) -> float:
        """Seconds since the question, or until the answer."""
        return self.seconds or time.monotonic() - self.started

    def answer(self, document: Document, schema: Schema, timeout: float | None = None) -> Extraction:
        """The extraction, in the asker's document and label set. Raises what the model raised, or TimeoutError."""
        return replace(self.future.result(timeout), document=document, schema=schema)

    def stop(self) -> None:
        """Give up: at once if no batch holds it yet, else before the next window is read."""
        self._stopped = True
        self.future.cancel()

    def watch(self, done: int, total: int) -> None:
        """Told by the model's thread before each batch of windows."""
        self.done, self.total = done, total
        if self._stopped:
            raise CancelledError

    def _finished(self, _: Future[Extraction]) -> None:
        self.seconds = time.monotonic() - self.started


class Readings:
    """Asks a `ModelService` and remembers. Safe to use from several threads."""

    def __init__(self, service: ModelService) -> None:
        self.service = service
        self._known: OrderedDict[Question, Reading] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, document: Document, schema: Schema) -> Reading:
        """The reading of `document` with `schema`, asked for now unless it is known. Raises as `submit` does."""
        question = _question(document, schema, self.service.version)
        with self._lock:
            reading = self._known.get(question)
            failed = (
                reading is not None
                and reading.future.done()
                and (reading.future.cancelled() or reading.future.exception() is not None)
            )
            if reading is None or failed:
                reading = Reading()
                reading.future = self.service.submit(document, schema, watch=reading.watch)
                reading.future.add_done_callback(reading._finished)
                self._known[question] = reading
            self._known.move_to_end(question)
            while len(self._known) > CAPACITY:
                self._known.popitem(last=False)
        return reading

    def known(self, document: Document, schema: Schema) -> Reading | None:
        """The finished reading of `document` with `schema`, None if there is none."""
        with self._lock:
            reading = self._known.get(_question(document, schema, self.service.version))
        finished = reading is not None and reading.future.done() and not reading.future.cancelled()
        return reading if finished and reading and reading.future.exception() is None else None


def _question(document: Document, schema: Schema, version: str) -> Question:
    entities = tuple((label.name, label.prompt) for label in schema.visible_entities)
    relations = tuple((label.name, label.prompt) for label in schema.visible_relations)
    return document.sha256, version, entities, relations
