"""Corrections posted past the page, on the real app: nothing is lost or doubled, and the page is left alone."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, Request, Route, expect

from db.store import Store
from relex_core.checkpoint import load
from relex_core.editing import Edit
from relex_core.types import Document, Entity, Extraction, Schema
from tests.browser.conftest import Serve, Server, Watch

pytestmark = pytest.mark.browser

STATUS = ".relex.editing .status"
POSTED = re.compile(r"/relex/corrections$")
PRESS = """async (pane, [key, times, pause]) => {
  for (let i = 0; i < times; i++) {
    pane.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true }));
    await new Promise((done) => setTimeout(done, pause));
  }
}"""


@pytest.fixture(scope="module")
def server(serve: Serve) -> Server:
    return serve("app.py")


@pytest.fixture
def store(server: Server, page: Page) -> Iterator[Store]:
    page.goto(server.url)
    expect(page.locator(".relex .pane .s.m").first).to_be_visible(timeout=120_000)
    with Store.open(f"sqlite:///{server.data / 'relex.sqlite'}") as opened:
        yield opened


def arrive(page: Page, server: Server, store: Store, project: str) -> None:
    """Open a project of one document with 30 suggested names."""
    schema = Schema.of(["person"], ["knows"])
    text = " ".join(f"Name{n:02} spoke." for n in range(30))
    marks = tuple(Entity.suggested(13 * n, 13 * n + 6, "person", 0.5 + n / 100) for n in range(30))
    document = Document(f"{project}-1", text)
    store.create_project(project, schema)
    store.add_documents(project, [document])
    store.save_extraction(project, Extraction(document, schema, marks, (), load("mini").version))
    page.goto(f"{server.url}/annotate?project={project}")
    expect(page.locator(".relex.editing .s.m").first).to_be_visible(timeout=60_000)
    expect(page.locator(STATUS)).to_have_text("saved")
    page.wait_for_timeout(1000)


def edits(store: Store, project: str) -> list[Edit]:
    return [edit for revision in store.revisions(project, f"{project}-1") for edit in revision.edits]


def test_twenty_corrections_run_no_page(server: Server, page: Page, store: Store) -> None:
    sent: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append("frame")))
    posts: list[Request] = []
    page.on("request", lambda request: posts.append(request) if POSTED.search(request.url) else None)
    arrive(page, server, store, "twenty")
    before = len(sent)
    page.locator(".relex.editing .pane").evaluate(PRESS, ["a", 20, 10])
    expect(page.locator(STATUS)).to_have_text("saved")
    found = edits(store, "twenty")
    assert len(found) == len(set(map(str, found))) == 20
    assert posts
    assert len(sent) == before
    # the page and the posts agree on what comes next
    page.keyboard.press("Shift+Enter")
    expect(page.locator(STATUS)).to_have_text("saved")
    page.locator(".relex.editing .pane").evaluate(PRESS, ["u", 1, 10])
    expect(page.locator(STATUS)).to_have_text("saved")
    latest = store.latest("twenty", "twenty-1")
    assert latest is not None
    assert len(latest.annotation.entities) == 20


def test_posts_that_fail_or_come_late_lose_and_double_nothing(
    server: Server, page: Page, store: Store, watch: Watch
) -> None:
    arrive(page, server, store, "late")
    seen = 0

    def unsteady(route: Route) -> None:
        nonlocal seen
        seen += 1
        if seen % 3 == 1:
            route.abort()
        elif seen % 3 == 2:
            with contextlib.suppress(PlaywrightError):
                route.fetch()  # it is committed, and the answer is lost
            route.abort()
        else:
            time.sleep(1.8)  # later than the browser asks again
            route.continue_()

    page.route(POSTED, unsteady)
    for _ in range(5):
        page.locator(".relex.editing .pane").evaluate(PRESS, ["a", 2, 60])
        expect(page.locator(STATUS)).to_have_text("saved")
    found = edits(store, "late")
    assert seen >= 3
    assert len(found) == len(set(map(str, found))) == 10
    assert page.locator(".relex.editing .row.accepted").count() == 10
    # what the browser itself says about the requests that were broken off
    watch.errors[:] = [error for error in watch.errors if "ERR_FAILED" not in error]


def test_reload_with_a_post_under_way_keeps_all(server: Server, page: Page, store: Store) -> None:
    arrive(page, server, store, "reload")
    page.locator(".relex.editing .pane").evaluate(PRESS, ["a", 3, 0])
    page.reload()
    expect(page.locator(".relex.editing .s.m").first).to_be_visible(timeout=60_000)
    expect(page.locator(STATUS)).to_have_text("saved")
    assert len(edits(store, "reload")) == 3
    assert page.locator(".relex.editing .row.accepted").count() == 3
    assert page.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('relex-studio.log.'))") == []
