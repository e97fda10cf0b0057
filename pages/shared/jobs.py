"""Work that goes on while people do something else: in a thread of its own, with progress, and stopped at will.

A job is a generator that yields after each piece that it has finished; what it finished is in the store, so a
job that was stopped, or whose server was, goes on where it ended when it is started again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeVar

from relex_core.errors import RelexError

T = TypeVar("T")

_log = logging.getLogger(__name__)

FAULT = "This ended before it was through: the program itself failed. Try again; the server's log says what happened."
"""What people are told of an error that is none of theirs."""


def told(error: Exception) -> str:
    """What people are told of an error that ended a job; nothing of its text if it is a fault of the program."""
    return str(error) if isinstance(error, RelexError) else FAULT


class Stopped(Exception):
    """Somebody asked a job to end in the middle of a piece."""


@dataclass(slots=True)
class Job:
    """One piece of background work. `error` is why it ended early, "" if it did not; `result` what it came to, for work
    that comes to something beside what it stores.

    Where pieces differ in length, `characters` is what all of them hold and `read` what those that are done do.
    """

    what: str
    total: int
    done: int = 0
    error: str = ""
    result: object = None
    characters: int = 0
    read: int = 0
    started: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        return self._thread is not None and not self.ended

    @property
    def stopped(self) -> bool:
        """Whether somebody ended it before it was through."""
        return self._stop.is_set()

    @property
    def waited(self) -> float:
        """Seconds since it began, or that it took."""
        return (self.ended or time.monotonic()) - self.started

    @property
    def share(self) -> float:
        """How much of the work is done, from 0 to 1: of the characters where they are known, else of the pieces."""
        done, total = (self.read, self.characters) if self.characters else (self.done, self.total)
        return min(1.0, done / max(1, total))

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the pace so far, None before the first piece."""
        share = self.share
        return (time.monotonic() - self.started) * (1 - share) / share if share else None

    def start(self, pieces: Pieces) -> Job:
        self._thread = threading.Thread(target=self._run, args=(pieces,), name=self.what, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End after the piece that is being done."""
        self._stop.set()

    def go_on(self) -> None:
        """For pieces that take long: raises Stopped, which ends the job, if somebody asked for that."""
        if self.stopped:
            raise Stopped

    def counted(self, items: Iterable[T]) -> Iterator[T]:
        """The items, each counted as done as it comes. Raises Stopped."""
        for item in items:
            self.go_on()
            self.done += 1
            yield item

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it ended within `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.running

    def _run(self, pieces: Pieces) -> None:
        try:
            with closing(pieces(self)) as steps:
                for finished in steps:
                    self.done += finished
                    if self._stop.is_set():
                        break
        except Stopped:
            pass
        except Exception as error:
            self.error = told(error)
            if not isinstance(error, RelexError):
                _log.exception("the background work %r ended early", self.what)
        finally:
            self.ended = time.monotonic()


Pieces = Callable[[Job], Generator[int]]
"""Does the work and yields how many pieces each step finished; may correct the job's total as it learns more."""


class Jobs:
    """The jobs of one server, at most one running for each project and purpose."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, str], Job] = {}
        self._lock = threading.Lock()

    def get(self, project: str, what: str) -> Job | None:
        """The job that runs, or the last one that ran."""
        return self._jobs.get((project, what))

    def start(self, project: str, what: str, total: int, pieces: Pieces) -> Job:
        """Start it, unless one for the same purpose is running: then that one."""
        with self._lock:
            job = self._jobs.get((project, what))
            if job is None or not job.running:
                job = Job(what, total)
                self._jobs[project, what] = job
                job.start(pieces)
            return job

    def forget(self, project: str, what: str) -> None:
        """Drop a job that has ended."""
        with self._lock:
            job = self._jobs.get((project, what))
            if job is not None and not job.running:
                del self._jobs[project, what]
