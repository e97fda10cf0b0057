"""Keeping linked projects and Argilla in step: rounds in the background, and what came of them. No Streamlit here.

Address and key are read from the server's environment each time and nowhere else: a page chooses a workspace, never
where the key is sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import tenacity

from db.argilla_client import ArgillaClient, ArgillaSettings, ServerDown, key_from, url_from
from db.argilla_links import linked, links
from db.argilla_sync import Synced, sync, waiting
from db.outbox import Waiting
from db.store import Store
from pages.shared.jobs import Job, Jobs, told
from relex_core.errors import RelexError, StoreError

SYNC = "argilla"

EVERY = 300.0
"""Seconds between two rounds of every linked project."""

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 1800.0
"""Seconds before a server that gave no answer is tried again; each pause is twice the one before."""

ASK_AGAIN = 20.0
"""Seconds for which an answer about the server itself holds."""


@dataclass(frozen=True, slots=True)
class Server:
    """What the server said of itself and of the key, or why it said nothing."""

    address: str
    user: str = ""
    role: str = ""
    workspaces: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a project: what it did, or why it ended; `down` if the server gave no answer."""

    at: datetime
    synced: Synced
    error: str = ""
    down: bool = False


class Synchroniser:
    """The rounds of one server, at most one at a time for a project. Safe to share between threads."""

    def __init__(self, store: Store, jobs: Jobs, environment: Callable[[], Mapping[str, str]]) -> None:
        self._store = store
        self._jobs = jobs
        self._environment = environment
        self._rounds: dict[str, Round] = {}
        self._asked: tuple[float, Server] | None = None

    @property
    def address(self) -> str:
        """Where the server is, "" if nobody has said so."""
        return url_from(self._environment())

    def server(self, fresh: bool = False) -> Server:
        """Ask the server who we are and which workspaces there are; an answer holds for a moment."""
        if self._asked is None or fresh or time.monotonic() - self._asked[0] > ASK_AGAIN:
            self._asked = time.monotonic(), self._ask()
        return self._asked[1]

    def start(self, project: str, retry: bool = False) -> Job:
        """A round of a linked project in the background; with `retry` also of what has to wait longer."""

        def pieces(job: Job) -> Generator[int]:
            try:
                self._rounds[project] = Round(self._store.now(), self._round(project, retry))
            except Exception as error:
                down = isinstance(error, ServerDown)
                self._rounds[project] = Round(self._store.now(), Synced(), told(error), down)
                raise
            yield job.total

        return self._jobs.start(project, SYNC, 1, pieces)

    def last(self, project: str) -> Round | None:
        """The last round since this server started."""
        return self._rounds.get(project)

    def waiting(self, project: str, workspace: str) -> Waiting:
        """What Argilla still has to get; asks the database only. Raises ConfigError, NotFound."""
        return waiting(self._store, project, ArgillaSettings(self.address, workspace))

    def watch(self, stop: threading.Event) -> None:
        """Rounds of all linked projects until `stop` is set. While the server is away the pauses grow."""
        while not stop.wait(EVERY):
            self.round_of_all(stop)

    def round_of_all(self, stop: threading.Event) -> None:
        """One round of each linked project, each patiently repeated while the server gives no answer."""
        try:
            projects = [link.project for link in links(self._store)] if self.address else []
        except StoreError:
            return  # the database is away or busy: the next round will see
        patiently = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda ended: ended is not None and ended.down),
            wait=tenacity.wait_exponential_jitter(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE),
            stop=tenacity.stop_when_event_set(stop),
            sleep=tenacity.sleep_using_event(stop),
            retry_error_callback=lambda state: None,
        )
        for project in projects:
            patiently(self._once, project)

    def _once(self, project: str) -> Round | None:
        try:
            if linked(self._store, project) is None:
                return None
            self.start(project).wait()
        except RelexError:
            return None
        return self.last(project)

    def _round(self, project: str, retry: bool) -> Synced:
        link = linked(self._store, project)
        if link is None:
            return Synced()
        settings = ArgillaSettings(self.address, link.workspace)
        with closing(ArgillaClient(settings, key_from(self._environment()))) as client:
            return sync(self._store, project, client, retry=retry)

    def _ask(self) -> Server:
        address = self.address
        try:
            settings = ArgillaSettings(address, "any")
            with closing(ArgillaClient(settings, key_from(self._environment()), attempts=1, timeout=5.0)) as client:
                me = client.call("GET", "/me")
                workspaces = sorted(item["name"] for item in client.call("GET", "/me/workspaces")["items"])
        except RelexError as error:
            return Server(address, error=str(error))
        return Server(address, str(me["username"]), str(me["role"]), tuple(map(str, workspaces)))
