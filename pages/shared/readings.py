"""What the model has read: each text with each label set once, shared by everybody who asks.

Thresholds, colours and constraints are no part of the question, so moving a slider never reaches the model. A text at
which the model failed is not tried again until somebody asks for that.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace

from relex_core.errors import ModelBusy, ModelClosed, ReadingError, SchemaError
from relex_core.service import ModelService
from relex_core.types import Document, Extraction, Schema

CAPACITY = 256
"""How many readings are kept; the one that was asked for longest ago goes first."""

Labels = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]
"""Names and prompts of the entity and relation labels that the model is asked for."""

Question = tuple[str, str, Labels]


@dataclass(slots=True)
class Reading:
    """A question to the model and, once `future` is done, its answer. `seconds` counts from the question on.

    `askers` are those who want it: see `Readings.let_go`.
    """

    future: Future[Extraction] = field(default_factory=Future)
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    done: int = 0
    total: int = 0
    askers: set[str] = field(default_factory=set)
    _stopped: bool = False

    @property
    def waited(self) -> float:
        """Seconds since the question, or until the answer."""
        return self.seconds or time.monotonic() - self.started

    @property
    def failed(self) -> bool:
        """Whether no answer will come of it: it was given up, or the model could not read it."""
        done = self.future.done()
        return self._stopped or (done and (self.future.cancelled() or self.future.exception() is not None))

    @property
    def final(self) -> bool:
        """Whether it failed so that asking the same again would end the same way."""
        if not self.future.done() or self.future.cancelled():
            return False
        error = self.future.exception()
        return error is not None and not isinstance(error, _PASSING)

    def answer(self, document: Document, schema: Schema, timeout: float | None = None) -> Extraction:
        """The extraction, in the asker's document and label set.

        Raises ReadingError where the model failed at this text, TimeoutError, and what concerns no single text: among
        them SchemaError for labels that no text can be read with, ModelClosed, CancelledError.
        """
        try:
            return replace(self.future.result(timeout), document=document, schema=schema)
        except (SchemaError, *_PASSING, TimeoutError):
            raise
        except Exception as error:
            raise ReadingError.at(document.id, error, _WAYS_ON) from error

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


_PASSING = (CancelledError, ModelBusy, ModelClosed)
"""What ends a reading and says nothing about its text: it may be asked for again."""

_WAYS_ON = "Try again, perhaps with other labels or another checkpoint, or mark it by hand in Annotate."


class Readings:
    """Asks a `ModelService` and remembers. Safe to use from several threads."""

    def __init__(self, service: ModelService) -> None:
        self.service = service
        self._known: OrderedDict[Question, Reading] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, document: Document, schema: Schema, asker: str = "") -> Reading:
        """The reading of `document` with `schema`, asked for now unless it is known, be it to fail. Raises as `submit`
        does."""
        question = _question(document, schema, self.service.version)
        with self._lock:
            reading = self._known.get(question)
            if reading is None or (reading.failed and not reading.final):
                reading = Reading()
                reading.future = self.service.submit(document, schema, watch=reading.watch)
                reading.future.add_done_callback(reading._finished)
                self._known[question] = reading
            reading.askers.add(asker)
            self._known.move_to_end(question)
            while len(self._known) > CAPACITY:
                self._known.popitem(last=False)
        return reading

    def let_go(self, asker: str, schema: Schema) -> None:
        """`asker` works with the labels of `schema` now: give up what it alone waits for with others."""
        labels = labels_of(schema)
        with self._lock:
            for (_, _, asked), reading in self._known.items():
                if asked != labels and asker in reading.askers and not reading.future.done():
                    reading.askers.discard(asker)
                    if not reading.askers:
                        reading.stop()

    def known(self, document: Document, schema: Schema) -> Reading | None:
        """The finished reading of `document` with `schema`, None if there is none."""
        reading = self._last(document, schema)
        return reading if reading is not None and reading.future.done() and not reading.failed else None

    def fault(self, document: Document, schema: Schema) -> ReadingError | None:
        """Why the model cannot read `document` with `schema`, None if that is not so, or not known."""
        reading = self._last(document, schema)
        if reading is not None and reading.final:
            try:
                reading.answer(document, schema)
            except ReadingError as error:
                return error
            except SchemaError:
                pass
        return None

    def try_again(self, document: Document, schema: Schema) -> None:
        """Forget that the model failed at `document`: whoever asks next asks it anew."""
        reading = self._last(document, schema)
        if reading is not None and reading.final:
            with self._lock:
                self._known.pop(_question(document, schema, self.service.version), None)

    def _last(self, document: Document, schema: Schema) -> Reading | None:
        with self._lock:
            return self._known.get(_question(document, schema, self.service.version))


def labels_of(schema: Schema) -> Labels:
    """What of a label set the model is asked with."""
    entities = tuple((label.name, label.prompt) for label in schema.visible_entities)
    relations = tuple((label.name, label.prompt) for label in schema.visible_relations)
    return entities, relations


def _question(document: Document, schema: Schema, version: str) -> Question:
    return document.sha256, version, labels_of(schema)
