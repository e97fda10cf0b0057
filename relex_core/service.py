"""One thread that owns the model and serves all callers: a bounded queue, small batches, people before bulk.

Requests that arrive within a few milliseconds of each other are read in one batch. Neither a bulk job nor a
long text holds the model for longer than one batch: after each, waiting interactive requests come first.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

from relex_core.errors import ModelBusy
from relex_core.inference import Extractor, Job, Watch
from relex_core.types import FLOOR, Annotation, Document, Extraction, Schema, Thresholds

GATHER = 0.015
"""Seconds to wait for company after the first interactive request of a batch."""


@dataclass(slots=True)
class _Request:
    job: Job | None
    annotation: Annotation | None = None
    floor: Thresholds = FLOOR
    watch: Watch | None = None
    bulk: bool = False
    future: Future[Extraction] = field(default_factory=Future)


class ModelService:
    """Serves an extractor to any number of threads. Close it, or use it in a `with` block."""

    def __init__(self, extractor: Extractor, *, batch_size: int = 8, capacity: int = 256) -> None:
        self.extractor = extractor
        self.batch_size = batch_size
        self.capacity = capacity
        self._queues: tuple[deque[_Request], deque[_Request]] = deque(), deque()
        self._ready = threading.Condition()
        self._closed = False
        self._overtaking = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    @property
    def version(self) -> str:
        return self.extractor.version

    @property
    def calls(self) -> int:
        """How many batches the model has read."""
        return self.extractor.calls

    @property
    def waiting(self) -> int:
        """Requests that no batch has taken yet."""
        return len(self._queues[0]) + len(self._queues[1])

    def submit(
        self,
        document: Document,
        schema: Schema,
        *,
        floor: Thresholds = FLOOR,
        bulk: bool = False,
        watch: Watch | None = None,
    ) -> Future[Extraction]:
        """Ask for an extraction. Raises ModelBusy when the queue is full; `cancel()` works until a batch takes it.

        `watch` follows a long text and can end its reading: what it raises becomes the future's exception.
        """
        return self._put(_Request((document, schema, floor), watch=watch, bulk=bulk))

    def submit_rescore(self, annotation: Annotation, *, floor: Thresholds = FLOOR) -> Future[Extraction]:
        """Ask for relation scores on a person's entities. Raises ModelBusy."""
        return self._put(_Request(None, annotation, floor))

    def extract(self, document: Document, schema: Schema, floor: Thresholds = FLOOR) -> Extraction:
        """`submit`, and wait."""
        return self.submit(document, schema, floor=floor).result()

    def close(self) -> None:
        """Cancel what waits and stop after the batch that is being read."""
        with self._ready:
            self._closed = True
            for queue in self._queues:
                for request in queue:
                    request.future.cancel()
                queue.clear()
            self._ready.notify_all()
        self._thread.join()

    def __enter__(self) -> ModelService:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _put(self, request: _Request) -> Future[Extraction]:
        with self._ready:
            queue = self._queues[request.bulk]
            if self._closed or len(queue) >= self.capacity:
                raise ModelBusy(
                    expected=f"fewer than {self.capacity} waiting requests" if not self._closed else "a running model",
                    found=f"{len(queue)}" if not self._closed else "one that was closed",
                    change="Try again in a few seconds.",
                )
            queue.append(request)
            self._ready.notify_all()
        return request.future

    def _run(self) -> None:
        while True:
            batch = self._next()
            if batch is None:
                return
            self._serve(batch)

    def _serve(self, batch: list[_Request]) -> None:
        batch = [request for request in batch if request.future.set_running_or_notify_cancel()]
        jobs = [request for request in batch if request.job is not None]
        if jobs:
            self._answer(jobs)
        for request in batch:
            if request.annotation is not None:
                self._rescore(request)

    def _next(self) -> list[_Request] | None:
        """The next batch, interactive requests first; None when closed."""
        people, bulk = self._queues
        with self._ready:
            self._ready.wait_for(lambda: self._closed or people or bulk)
            if self._closed:
                return None
            if people:
                until = time.monotonic() + GATHER
                while len(people) < self.batch_size and not self._closed:
                    left = until - time.monotonic()
                    if left <= 0 or not self._ready.wait(left):
                        break
            queue = people or bulk
            return [queue.popleft() for _ in range(min(self.batch_size, len(queue)))]

    def _answer(self, requests: list[_Request]) -> None:
        """One batch; if it fails as a whole, each request alone, so that an error reaches only its owner."""
        try:
            jobs = [r.job for r in requests if r.job]
            results = self.extractor.extract_batch(jobs, self.batch_size, lambda *far: self._between(requests, *far))
        except Exception as error:
            if len(requests) > 1:
                for request in requests:
                    self._answer([request])
            else:
                requests[0].future.set_exception(error)
            return
        for request, result in zip(requests, results, strict=True):
            request.future.set_result(result)

    def _between(self, requests: list[_Request], done: int, total: int) -> None:
        """Between two batches of windows: tell how far it is, and let other people's requests go first."""
        for request in requests:
            if request.watch is not None:
                request.watch(done, total)
        # people who came together do not overtake each other at the start; a bulk job lets everybody pass
        first = not done and not all(request.bulk for request in requests)
        if first or self._overtaking:
            return
        self._overtaking = True
        try:
            while self._queues[0] and not self._closed:
                self._serve(self._next() or [])
        finally:
            self._overtaking = False

    def _rescore(self, request: _Request) -> None:
        assert request.annotation is not None
        try:
            found = self.extractor.rescore(
                request.annotation, request.floor, self.batch_size, lambda *far: self._between([request], *far)
            )
        except Exception as error:  # whatever it is, others are served by this thread
            request.future.set_exception(error)
        else:
            request.future.set_result(found)
