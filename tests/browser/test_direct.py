"""Corrections posted past the page, on the real app: nothing is lost or doubled, and the page is left alone."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import time

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, Request, Route, expect

from db.store import Store
from relex_core.editing import Edit
from relex_core.types import Document, Entity, Extraction, Schema
from tests.browser.conftest import Server, Watch, mini_version

pytestmark = pytest.mark.browser

STATUS = ".relex.editing .status"
POSTED = re.compile(r"/relex/corrections$")
PRESS = """async (pane, [key, times, pause]) => {
  for (let i = 0; i < times; i++) {
    pane.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true }));
    await new Promise((done) => setTimeout(done, pause));
  }
}"""


def arrive(page: Page, app: Server, store: Store, project: str) -> None:
    """Open a project of one document with 30 suggested names."""
    schema = Schema.of(["person"], ["knows"])
    text = " ".join(f"Name{n:02} spoke." for n in range(30))
    marks = tuple(Entity.suggested(13 * n, 13 * n + 6, "person", 0.5 + n / 100) for n in range(30))
    document = Document(f"{project}-1", text)
    store.create_project(project, schema)
    store.add_documents(project, [document])
    store.save_extraction(project, Extraction(document, schema, marks, (), mini_version()))
    page.goto(f"{app.url}/annotate?project={project}")
    expect(page.locator(".relex.editing .s.m").first).to_be_visible(timeout=60_000)
    expect(page.locator(STATUS)).to_have_text("saved")
    page.wait_for_timeout(1000)


def edits(store: Store, project: str) -> list[Edit]:
    return [edit for revision in store.revisions(project, f"{project}-1") for edit in revision.edits]


def test_twenty_corrections_run_no_page(app: Server, page: Page, store: Store) -> None:
    sent: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append("frame")))
    posts: list[Request] = []
    page.on("request", lambda request: posts.append(request) if POSTED.search(request.url) else None)
    arrive(page, app, store, "twenty")
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
    app: Server, page: Page, store: Store, watch: Watch
) -> None:
    arrive(page, app, store, "late")
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


def test_reload_with_a_post_under_way_keeps_all(app: Server, page: Page, store: Store) -> None:
    arrive(page, app, store, "reload")
    page.locator(".relex.editing .pane").evaluate(PRESS, ["a", 3, 0])
    page.reload()
    expect(page.locator(".relex.editing .s.m").first).to_be_visible(timeout=60_000)
    expect(page.locator(STATUS)).to_have_text("saved")
    assert len(edits(store, "reload")) == 3
    assert page.locator(".relex.editing .row.accepted").count() == 3
    assert page.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('relex-studio.log.'))") == []


ROWS = ".rx-table tbody tr"


def explore(page: Page, store: Store) -> str:
    """Open the first sample in Explore's editor; its id."""
    page.get_by_role("button", name="Correct this").click()
    expect(page.locator(".relex.editing .s.m").first).to_be_visible()
    expect(page.locator(STATUS)).to_have_text("saved")
    expect(page.get_by_role("button", name="Done", exact=True)).to_be_visible()
    page.wait_for_timeout(1500)
    return str(page.locator(".relex.editing").evaluate("(root) => root.editor.doc.id"))


def focus_on(page: Page, name: str) -> None:
    page.locator(".relex.editing .pane .s.m").filter(has_text=name).first.click()


def saved_in_explore(store: Store, document: str) -> list[Edit]:
    return [edit for revision in store.revisions("explore", document) for edit in revision.edits]


def test_explore_runs_once_when_corrections_rest_and_all_of_it_follows(app: Server, page: Page, store: Store) -> None:
    sent: list[float] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append(time.monotonic())))
    page.goto(app.url)
    document = explore(page, store)
    rows = page.locator(ROWS)
    for name in ("Warsaw", "University of Paris"):
        there, drawn = rows.count(), page.locator(".rx-graph").get_attribute("data-nodes")
        before, edits_before = len(sent), len(saved_in_explore(store, document))
        focus_on(page, name)
        # in, out and in again, faster than a run of the page: all of it is saved before the page runs
        page.locator(".relex.editing .pane").evaluate(PRESS, ["x", 1, 0])
        for key in "uZ":
            page.locator(".relex.editing .pane").evaluate(PRESS, [key, 1, 0])
        expect(page.locator(STATUS)).to_have_text("saved")
        assert len(saved_in_explore(store, document)) > edits_before
        expect(page.locator(".rx-graph")).not_to_have_attribute("data-nodes", drawn or "")
        page.wait_for_timeout(1500)
        assert rows.locator("td.c2").filter(has_text=name).count() == 0
        assert rows.count() < there
        assert len(sent) - before == 1
    # a correction that comes while the page runs stays on the screen
    accepted = page.locator(".relex.editing .row.accepted")
    page.locator(".relex.editing .pane").evaluate(PRESS, ["a", 6, 300])
    expect(accepted.nth(5)).to_be_attached()
    expect(page.locator(STATUS)).to_have_text("saved")
    taken = accepted.count()  # a relation brings its ends
    page.wait_for_timeout(2500)
    expect(accepted).to_have_count(taken)
    # what is taken away holds what was posted, however short ago
    tails = [words.strip() for words in rows.locator("td.c2").all_inner_texts()]
    marks = page.locator(".relex.editing .pane .s.m").all_inner_texts()
    once = next(words for words in tails if sum(words in mark for mark in marks) == 1)
    focus_on(page, once)
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("button", name="Triples")).to_be_visible()
    page.locator(".relex.editing .pane").evaluate(PRESS, ["x", 1, 0])
    expect(page.locator(STATUS)).to_have_text("saved")
    with page.expect_download() as download:
        page.get_by_role("button", name="Triples").click()
    tails = [row["tail"] for row in csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig")))]
    assert tails
    assert once not in tails


def test_posts_of_explore_that_fail_lose_and_double_nothing(
    app: Server, page: Page, store: Store, watch: Watch
) -> None:
    page.goto(app.url)
    page.get_by_role("button", name="Edit or paste").click()
    page.get_by_role("textbox", name="Text").fill("Alan Turing, Ada Lovelace and Grace Hopper met in London and Paris.")
    page.get_by_role("button", name="Extract").click()
    expect(page.locator(".relex .pane .s.m").filter(has_text="Lovelace")).to_be_visible()
    document = explore(page, store)
    seen = 0

    def unsteady(route: Route) -> None:
        nonlocal seen
        seen += 1
        if seen % 2:
            with contextlib.suppress(PlaywrightError):
                route.fetch()  # it is committed, and the answer is lost
        route.abort()

    page.route(POSTED, unsteady)
    for key in "auaxu":
        page.locator(".relex.editing .pane").evaluate(PRESS, [key, 1, 0])
        expect(page.locator(STATUS)).to_have_text("saved")
    assert seen >= 3
    assert len(saved_in_explore(store, document)) == 5
    revisions = store.revisions("explore", document)
    assert all(len(revision.edits) == 1 for revision in revisions)
    watch.errors[:] = [error for error in watch.errors if "ERR_FAILED" not in error]


def three(store: Store, project: str) -> None:
    """A project of three documents that the model has read."""
    schema = Schema.of(["person"], ["knows"])
    store.create_project(project, schema)
    for n in range(3):
        document = Document(f"{project}-{n}", f"Name{n} spoke.")
        store.add_documents(project, [document])
        marks = (Entity.suggested(0, 5, "person", 0.9),)
        store.save_extraction(project, Extraction(document, schema, marks, (), mini_version()))


OPENED = """(pane) => pane.closest('.relex').editor.doc.id"""


def test_a_step_runs_the_page_only_after_the_next_document_is_open(app: Server, page: Page, store: Store) -> None:
    sent: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append("frame")))
    three(store, "steps")
    page.goto(f"{app.url}/annotate?project=steps")
    pane = page.locator(".relex.editing .pane")
    expect(page.locator(STATUS)).to_have_text("saved", timeout=60_000)
    page.wait_for_timeout(1000)
    first, before = pane.evaluate(OPENED), len(sent)
    # nothing was sent ahead, and the browser has dropped what it held
    runs = pane.evaluate(
        """async (pane) => {
          const { editor } = pane.closest('.relex');
          window.old = editor.data;
          editor.upcoming = [];
          relexStudio.documents.clear();
          const { send } = editor.log;
          let runs = 0;
          editor.log.send = (records) => { runs++; send(records); };
          const { id } = editor.doc;
          pane.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, composed: true }));
          while (editor.doc.id === id) await new Promise((done) => setTimeout(done, 1));
          return runs;
        }"""
    )
    assert runs == 0
    second = pane.evaluate(OPENED)
    assert second != first
    # the rest of the page follows by itself, with one run
    expect(page.get_by_text("1 / 3", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(f"document={second}"))
    page.wait_for_timeout(1000)
    assert len(sent) - before == 1
    assert pane.evaluate(OPENED) == second
    # a message that was written before the step does not bring the first one back
    pane.evaluate("(pane) => pane.closest('.relex').editor.update({ ...window.old, acknowledged: {} })")
    assert pane.evaluate(OPENED) == second
    # two steps at once: the answer to the first does not undo the second
    pane.evaluate(PRESS, ["Enter", 2, 0])
    expect(page.get_by_text("Every document is done")).to_be_visible()
    assert all(store.latest("steps", f"steps-{n}") is not None for n in range(3))
    assert all(len(store.revisions("steps", f"steps-{n}")) == 1 for n in range(3))
    page.get_by_role("button", name="Export").click()
    expect(page).to_have_url(re.compile("export.*project=steps"))
    expect(page.locator(".rx-title")).to_have_text("3 documents")


def test_an_answer_that_comes_after_the_page_changes_nothing(app: Server, page: Page, store: Store) -> None:
    three(store, "tardy")
    page.goto(f"{app.url}/annotate?project=tardy")
    pane = page.locator(".relex.editing .pane")
    expect(page.locator(STATUS)).to_have_text("saved", timeout=60_000)
    page.wait_for_timeout(1000)
    first = pane.evaluate(OPENED)

    def tardy(route: Route) -> None:
        answer = route.fetch()  # the step is done
        page.wait_for_timeout(2500)
        route.fulfill(response=answer)

    page.route(POSTED, tardy)
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 / 3", exact=True)).to_be_visible()
    second = pane.evaluate(OPENED)
    assert second != first
    page.keyboard.press("x")
    page.wait_for_timeout(4000)
    expect(page.locator(STATUS)).to_have_text("saved", timeout=15_000)
    assert pane.evaluate(OPENED) == second
    assert page.locator(".relex.editing .row.rejected").count() == 1
    assert len(store.revisions("tardy", second)) == 1
    assert len(store.revisions("tardy", first)) == 1
    page.unroute_all(behavior="ignoreErrors")
