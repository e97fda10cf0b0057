"""One thread that owns the model and serves all callers from a bounded queue, one batch of windows after the other.

Each batch is chosen anew: people before bulk; among people whoever has the least text left to be read, in bulk whoever
came first. A batch holds requests that end with it, or else a part of one long text. So neither a bulk job nor a long
text holds the model for longer than one batch while something shorter waits, short texts that arrive within a few
milliseconds of each other are read together, and long ones one after the other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from relex_core.decoding import Scores
from relex_core.errors import ModelBusy, ModelClosed, RelexError
from relex_core.inference import Extractor, Plan
from relex_core.scoring import Window
from relex_core.types import FLOOR, Annotation, Document, Extraction, Schema, Thresholds

_log = logging.getLogger(__name__)

GATHER = 0.015
"""Seconds that an interactive request waits for company."""

Watch = Callable[[int, int], None]
"""Told before each batch how many windows of a text were read and how many there are; what it raises ends the
reading."""


@dataclass(slots=True, eq=False)
class _Request:
    """A question and how far its answer is: `scores` are those of the first windows of its plan.

    `length` is that of the text in characters; the plan is made when its turn comes. `alone` says that a batch with it
    has failed: it is read by itself from then on, so that an error reaches only its owner.
    """

    length: int
    prepare: Callable[[], Plan]
    watch: Watch | None = None
    bulk: bool = False
    alone: bool = False
    plan: Plan | None = None
    scores: list[Scores] = field(default_factory=list)
    future: Future[Extraction] = field(default_factory=Future)
    arrived: float = field(default_factory=time.monotonic)

    @property
    def windows(self) -> Sequence[Window]:
        """All that there are."""
        assert self.plan is not None
        return self.plan.windows

    @property
    def unread(self) -> Sequence[Window]:
        return self.windows[len(self.scores) :]

    @property
    def left(self) -> float:
        """About how many characters are left to be read."""
        return self.length * len(self.unread) / len(self.windows) if self.scores else self.length


class ModelService:
    """Serves an extractor to any number of threads. Close it, or use it in a `with` block."""

    def __init__(self, extractor: Extractor, *, batch_size: int = 8, capacity: int = 256) -> None:
        self.extractor = extractor
        self.batch_size = batch_size
        self.capacity = capacity
        self._queues: tuple[list[_Request], list[_Request]] = [], []
        self._ready = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    @property
    def version(self) -> str:
        return self.extractor.version

    @property
    def calls(self) -> int:
        """How many batches the model has read."""
        return self.extractor.calls

    def submit(
        self,
        document: Document,
        schema: Schema,
        *,
        floor: Thresholds = FLOOR,
        bulk: bool = False,
        watch: Watch | None = None,
    ) -> Future[Extraction]:
        """Ask for an extraction. `cancel()` works until its turn comes. Raises ModelBusy when the queue is full, and
        ModelClosed, which is also the future's exception when the model is closed before the answer.

        `watch` follows a long text and can end its reading: what it raises becomes the future's exception.
        """
        job = (document, schema, floor)
        return self._put(_Request(len(document.text), lambda: self.extractor.plan([job])[0], watch, bulk))

    def submit_rescore(self, annotation: Annotation, *, floor: Thresholds = FLOOR) -> Future[Extraction]:
        """Ask for relation scores on a person's entities. Raises ModelBusy or ModelClosed."""
        length = len(annotation.document.text)
        return self._put(_Request(length, lambda: self.extractor.plan_rescore(annotation, floor)))

    def extract(self, document: Document, schema: Schema, floor: Thresholds = FLOOR) -> Extraction:
        """`submit`, and wait."""
        return self.submit(document, schema, floor=floor).result()

    def close(self) -> None:
        """Stop after the batch that is being read. What is not answered then ends with ModelClosed."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()
        self._thread.join()

    def __enter__(self) -> ModelService:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _put(self, request: _Request) -> Future[Extraction]:
        if not self._thread.is_alive():  # closed, or in a forked process, where nobody would ever answer
            raise self._refusal()
        with self._ready:
            if self._closed:
                raise self._refusal()
            queue = self._queues[request.bulk]
            if len(queue) >= self.capacity:
                raise ModelBusy(
                    expected=f"fewer than {self.capacity} waiting requests",
                    found=f"{len(queue)}",
                    change="Try again in a few seconds.",
                )
            queue.append(request)
            self._ready.notify_all()
        return request.future

    def _refusal(self) -> ModelClosed:
        return ModelClosed(
            expected="a model in the memory of this process",
            found=f"{self.version}, which was closed or is another process's",
            change="Try again: open it anew.",
        )

    def _run(self) -> None:
        while self._wait():
            batch = self._choose()
            # whoever ends here makes room, and somebody shorter may have come meanwhile: then another batch is chosen
            if all(self._goes_on(request) for request in batch):
                self._read(batch)
        for request in (*self._queues[0], *self._queues[1]):
            if request.future.running() or request.future.set_running_or_notify_cancel():
                request.future.set_exception(self._refusal())

    def _wait(self) -> bool:
        """Wait for something to read; False when closed."""
        people, bulk = self._queues
        with self._ready:
            self._ready.wait_for(lambda: self._closed or people or bulk)
            if people:
                left = people[0].arrived + GATHER - time.monotonic()
                self._ready.wait_for(lambda: self._closed or len(people) >= self.batch_size, left)
            return not self._closed

    def _choose(self) -> list[_Request]:
        """The next batch: requests that end with it, or else one that does not."""
        people, bulk = self._queues
        with self._ready:
            queue = sorted(people, key=lambda request: request.left) or list(bulk)
        batch: list[_Request] = []
        room = self.batch_size
        for request in queue:
            if request.plan is None and not self._begin(request):
                continue
            if batch and (len(request.unread) > room or request.alone):
                break
            batch.append(request)
            room -= len(request.unread)
            if room <= 0 or request.alone:
                break
        return batch

    def _begin(self, request: _Request) -> bool:
        """Plan a request whose turn comes; whether it is there to be read."""
        if not request.future.set_running_or_notify_cancel():
            self._leave(request)
            return False
        with self._owned(request):
            request.plan = request.prepare()
        return not request.future.done()

    def _goes_on(self, request: _Request) -> bool:
        """Tell whoever asked how far it is; whether they let it go on."""
        with self._owned(request):
            if request.watch is not None:
                request.watch(len(request.scores), len(request.windows))
        return not request.future.done()

    def _read(self, batch: list[_Request]) -> None:
        parts = [request.unread[: self.batch_size] for request in batch]
        try:
            found = iter(self.extractor.score([window for part in parts for window in part], self.batch_size))
        except Exception as error:
            for request in batch:
                request.alone = True
            if len(batch) == 1:
                self._fail(batch[0], error)
            return
        for request, part in zip(batch, parts, strict=True):
            request.scores += islice(found, len(part))
            if not request.unread:
                self._answer(request)

    def _answer(self, request: _Request) -> None:
        assert request.plan is not None
        with self._owned(request):
            answer = request.plan.finish(request.scores)
            self._leave(request)
            request.future.set_result(answer)

    @contextmanager
    def _owned(self, request: _Request) -> Iterator[None]:
        """What the block raises reaches its owner alone: others are served by this thread."""
        try:
            yield
        except Exception as error:
            self._fail(request, error)

    def _fail(self, request: _Request, error: Exception) -> None:
        self._leave(request)
        if not isinstance(error, RelexError | CancelledError):
            # whoever asked tells people that it failed; why, only this says
            _log.warning("a text of %d characters could not be read", request.length, exc_info=error)
        request.future.set_exception(error)

    def _leave(self, request: _Request) -> None:
        with self._ready:
            self._queues[request.bulk].remove(request)
