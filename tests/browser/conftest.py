"""The real app in the real browser: a server process on a free port, and headless Chromium."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)
from playwright.sync_api import Error as PlaywrightError

from db.store import Store
from relex_core.inference import Extractor
from tests.browser.annotator_driver import Driver, opened
from tests.browser.prepared import Fork
from tests.components import program

ROOT = Path(__file__).parents[2]
VIEWPORT: ViewportSize = {"width": 1440, "height": 900}
# two cores shared with a model: a wait that is too short tests the machine, not the app
expect.set_options(timeout=20_000)


FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Server:
    """A running Streamlit process. `data` is its data folder, which outlives it."""

    url: str
    data: Path
    process: subprocess.Popen[bytes] | Fork
    log: Path

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


Serve = Callable[..., Server]


def start_server(script: Path, data: Path, env: dict[str, str] | None = None, port: int | None = None) -> Server:
    """Serve a Streamlit script as anybody does who has just installed it, and wait until it answers."""
    return wait_for(begin(script, data, env, port, whole=True))


def begin(
    script: Path, data: Path, env: dict[str, str] | None = None, port: int | None = None, whole: bool = False
) -> Server:
    """Start to serve a Streamlit script: as a `whole` process of its own, or as a fork of one that is prepared."""
    port = port or free_port()
    data.mkdir(parents=True, exist_ok=True)
    log = data / "server.log"
    arguments = ["run", str(script)]
    options = {"server.port": str(port), "server.headless": "true", "server.fileWatcherType": "none"}
    arguments += [f"--{name}={value}" for name, value in options.items()]
    environment = {**os.environ, "RELEX_DATA": str(data), "PYTHONPATH": str(ROOT), **(env or {})}
    process: subprocess.Popen[bytes] | Fork
    if whole:
        command = [sys.executable, "-m", "streamlit", *arguments]
        with log.open("ab") as out:
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=out, stderr=out, env=environment, start_new_session=True
            )
    else:
        process = Fork(arguments, log, environment)
    return Server(f"http://127.0.0.1:{port}", data, process, log)


def wait_for(server: Server) -> Server:
    """The server, once it answers."""
    deadline = time.monotonic() + 60
    while True:
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(server.url + "/_stcore/health", timeout=5),
        ):
            return server
        if server.process.poll() is not None or time.monotonic() > deadline:
            server.stop()
            raise AssertionError(f"the app did not start:\n{server.log.read_text()[-4000:]}")
        time.sleep(0.05)


def until(holds: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether something comes to hold that no element of the page tells, such as what the store has."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@cache
def mini_version() -> str:
    """What the embedded checkpoint is called in what it has read."""
    return Extractor.load("mini").version


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = program(
        "chromium-headless-shell",
        "chromium",
        "chromium-browser",
        "google-chrome",
        how="install the Debian package chromium (apt-get install chromium)",
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Spare:
    """The app on an empty data folder, always one ahead: it starts and loads its model while other tests run."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self.folders = folders
        self.next: Server | None = None

    def take(self) -> Server:
        server = self.next or self._begin()
        self.next = self._begin()
        return wait_for(server)

    def _begin(self) -> Server:
        return begin(ROOT / "app.py", self.folders.mktemp("data"))


@pytest.fixture(scope="session")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spare]:
    spare = Spare(tmp_path_factory)
    yield spare
    if spare.next:
        spare.next.stop()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory, spare: Spare) -> Iterator[Serve]:
    """serve(script="app.py", env=None, data=None, port=None, whole=False) -> Server; stopped after the module."""
    servers: list[Server] = []

    def start(
        script: str | Path = "app.py",
        env: dict[str, str] | None = None,
        data: Path | None = None,
        port: int | None = None,
        whole: bool = False,
    ) -> Server:
        if script == "app.py" and not (env or data or port or whole):
            server = spare.take()
        else:
            server = wait_for(begin(ROOT / script, data or tmp_path_factory.mktemp("data"), env, port, whole))
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The editor alone (annotator_app.py): one server for all of its tests, each in a project of its own."""
    server = wait_for(begin(ROOT / "tests/browser/annotator_app.py", tmp_path_factory.mktemp("harness")))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def app(serve: Serve) -> Server:
    """The app itself on an empty data folder, one for a module."""
    return serve("app.py")


@pytest.fixture(scope="module")
def store(app: Server, chromium: Browser) -> Iterator[Store]:
    """The store of `app`, once a page of it has come up."""
    page = chromium.new_page()
    page.goto(app.url, timeout=60_000)
    expect(page.locator(".relex .pane .s.m").first).to_be_visible(timeout=120_000)
    page.close()
    with Store.open(f"sqlite:///{app.data / 'relex.sqlite'}") as opened:
        yield opened


class Watch:
    """What a page must not do: ask another host for anything, or write errors to its console."""

    def __init__(self) -> None:
        self.foreign: list[str] = []
        self.errors: list[str] = []

    def attach(self, page: Page) -> Page:
        for event, hear in self._events:
            page.on(event, hear)
        return page

    def detach(self, page: Page) -> None:
        for event, hear in self._events:
            page.remove_listener(event, hear)

    @property
    def _events(self) -> tuple[tuple[Any, Callable[[Any], None]], ...]:
        return ("request", self._request), ("console", self._console), ("pageerror", self._failed)

    def _failed(self, error: PlaywrightError) -> None:
        self.errors.append(str(error))

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.foreign.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        # a server that was stopped on purpose leaves failed requests behind
        expected = "ERR_CONNECTION" in message.text or "WebSocket" in message.text
        # on a page's own address Streamlit looks for its server below that address first
        expected = expected or ("404" in message.text and "/_stcore/" in str(message.location.get("url")))
        if message.type == "error" and not expected:
            self.errors.append(message.text)


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    assert watch.foreign == []
    assert watch.errors == []


class Tab:
    """A tab that stays: to load an app where one was before takes a third of the work of the first time."""

    def __init__(self, chromium: Browser) -> None:
        self.chromium = chromium
        self.page: Page | None = None

    def take(self) -> Page:
        if self.page is None:
            self.page = new_context(self.chromium).new_page()
        return self.page

    def put_back(self) -> None:
        """Leave the app, forget all that it kept in the browser, and take back what a test changed here."""
        page = self.page
        assert page is not None
        try:
            for other in page.context.pages:
                if other != page:
                    other.close()
            page.unroute_all(behavior="ignoreErrors")
            parts = urlsplit(page.url)
            if parts.scheme == "http":
                # of the same origin, and no app: what the app writes as it is left is there by now
                page.goto(f"{parts.scheme}://{parts.netloc}/_stcore/health")
                page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
            page.context.clear_cookies()
            page.emulate_media(color_scheme="light")
            page.set_viewport_size(VIEWPORT)
        except PlaywrightError:  # the test closed the page or stopped the server
            page.context.close()
            self.page = None


@pytest.fixture(scope="session")
def tab(chromium: Browser) -> Iterator[Tab]:
    tab = Tab(chromium)
    yield tab
    if tab.page:
        tab.page.context.close()


def new_context(chromium: Browser) -> BrowserContext:
    context = chromium.new_context(viewport=VIEWPORT, accept_downloads=True)
    context.set_default_timeout(20_000)
    context.set_default_navigation_timeout(60_000)  # the first visit may wait for the model to load
    return context


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """Another browser than that of `page`."""
    context = new_context(chromium)
    yield context
    context.close()


@pytest.fixture
def page(tab: Tab, watch: Watch) -> Iterator[Page]:
    page = tab.take()
    yield watch.attach(page)
    watch.detach(page)
    tab.put_back()


@pytest.fixture
def editor(harness: Server, page: Page) -> Iterator[Driver]:
    """The editor alone."""
    with opened(harness.data) as store:
        yield Driver(page, harness.url, store)
