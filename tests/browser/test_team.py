"""The queue's orders, and a project shared out between two people, each in a browser of their own."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from db import assignments, progress
from db.store import Store
from db.values import Order, State
from pages.shared import review
from pages.shared.sample_set import TEXTS
from relex_core.types import Document, Schema
from tests.browser.conftest import Serve, Server, Watch, until
from tests.browser.test_queue import choose, saved, text

pytestmark = pytest.mark.browser

EDITOR = ".relex.editing"
SCHEMA = Schema.of(["person", "organization", "location", "award", "date"], ["born in", "works for", "received award"])
OPEN = (State.NEW, State.IN_PROGRESS)


@pytest.fixture(scope="module")
def server(serve: Serve) -> Server:
    return serve("app.py")


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    with Store.open(f"sqlite:///{server.data / 'relex.sqlite'}") as opened:
        yield opened


def project_of(store: Store, name: str, documents: int) -> dict[str, str]:
    """A project with so many documents, unless it is there; their ids by text."""
    texts = {f"d{n:02}": f"{TEXTS[n % len(TEXTS)]} That was in the report of {1900 + n}." for n in range(documents)}
    if name not in {project.name for project in store.projects()}:
        store.create_project(name, SCHEMA)
        store.add_documents(name, [Document(id, text) for id, text in texts.items()])
    return {text: id for id, text in texts.items()}


def arrive(page: Page, server: Server, project: str) -> None:
    page.goto(f"{server.url}/annotate?project={project}")
    expect(page.locator(f"{EDITOR} .par").first).to_be_visible(timeout=60_000)


def read_through(store: Store, project: str) -> None:
    """Until the model has read all of the project."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        found = (store.extraction(project, row.id) for row in store.queue(project, limit=1, order=Order.UNCERTAINTY))
        version = next((extraction.model_version for extraction in found if extraction), "")
        if version and progress.count_unscored(store, project, version) == 0:
            return
        time.sleep(0.2)
    raise AssertionError("the model did not read the project")


def in_order(store: Store, project: str, order: Order) -> list[str]:
    return [row.id for row in store.queue(project, states=OPEN, order=order)]


def listed(page: Page) -> list[str]:
    """The ids of the documents that the queue says come next."""
    rows = page.locator("[class*=st-key-jump_]")
    expect(rows).to_have_count(8)
    names = " ".join(str(rows.nth(n).get_attribute("class")) for n in range(8))
    return re.findall(r"st-key-jump_(\w+)", names)


def menu_of_orders(page: Page, opened: bool) -> None:
    """Open or close it on a page that is at rest: one that is being drawn draws the menu anew."""
    expect(page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')).to_be_visible()
    button = page.locator(".st-key-queue_order button").first
    expect(button).to_have_attribute("aria-expanded", "false" if opened else "true")
    if opened:
        button.click()
    else:
        page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-expanded", "true" if opened else "false")


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (Order.DIVERSITY, "one of each kind first"),
        (Order.MIXED, "uncertain first, a tenth at random"),
        (Order.RANDOM, "random"),
    ],
)
def test_documents_come_in_the_order_that_was_chosen(
    server: Server, page: Page, store: Store, order: Order, words: str
) -> None:
    ids = project_of(store, "orders", 48)
    arrive(page, server, "orders")
    read_through(store, "orders")
    wanted = in_order(store, "orders", order)
    assert wanted != in_order(store, "orders", Order.FILE)
    assert wanted != in_order(store, "orders", Order.UNCERTAINTY)
    # another order first: choosing what is chosen already begins nothing anew
    for choice in ("file order", words):
        menu_of_orders(page, opened=True)
        page.get_by_role("radiogroup", name="Order").get_by_text(choice, exact=True).click()
        expect(page.locator(".st-key-order_words")).to_have_text(choice.partition(",")[0])
        if choice == words:
            # both orders may begin with the same document
            until(lambda: listed(page) == wanted[:8])
            assert listed(page) == wanted[:8]
        menu_of_orders(page, opened=False)
    shown = page.locator(f"{EDITOR} .text").first
    seen = []
    # without a rest between them: no step is taken back by a page that was being drawn
    for _ in range(9):
        seen.append(ids[text(page)])
        page.locator(f"{EDITOR} .pane").focus()
        page.keyboard.press("s")
        expect(shown).not_to_have_text(next(t for t, id in ids.items() if id == seen[-1]), timeout=30_000)
    saved(page)
    assert seen == wanted[:9]
    # a reload stays at its document and in its order
    expect(page).to_have_url(re.compile(f"document={wanted[9]}"))
    page.reload()
    expect(page.locator(f"{EDITOR} .par").first).to_be_visible(timeout=30_000)
    assert ids[text(page)] == wanted[9]
    expect(page.locator(".st-key-order_words")).to_have_text(words.partition(",")[0])
    page.locator(".st-key-queue_order button").first.click()
    assert listed(page) == wanted[9:17] == in_order(store, "orders", order)[:8]


def test_an_order_that_is_none_is_the_usual_one(server: Server, page: Page, store: Store) -> None:
    project_of(store, "orders", 48)
    for wrong in ("updated", "<b>", "diversity'--"):
        page.goto(f"{server.url}/annotate?project=orders&order={wrong}")
        expect(page.locator(f"{EDITOR} .par").first).to_be_visible(timeout=60_000)
        expect(page.locator(".st-key-order_words")).to_have_text("uncertain first")


def walk(page: Page, ids: dict[str, str], reject_in: str = "") -> list[str]:
    """Submit what the queue brings, as the model has it, until nothing is left; the ids. In `reject_in` the first
    entity is turned down."""
    end = page.locator(".st-key-pane_end")
    shown = page.locator(f"{EDITOR} .text").first
    seen: list[str] = []
    while not end.is_visible():
        before = text(page)
        seen.append(ids[before])
        page.locator(f"{EDITOR} .pane").focus()
        if seen[-1] == reject_in:
            page.locator(f"{EDITOR} .pane .s.m").first.click()
            page.keyboard.press("x")
            expect(page.locator(f"{EDITOR} .row.rejected")).not_to_have_count(0)
            saved(page)
        page.keyboard.press("Enter")
        expect(end.or_(shown.filter(has_not_text=before)).first).to_be_visible(timeout=30_000)
    return seen


def test_two_people_share_a_project_and_agreement_appears(
    server: Server, page: Page, chromium: Browser, store: Store
) -> None:
    ids = project_of(store, "team", 10)
    arrive(page, server, "team")
    choose(page, "ada")
    read_through(store, "team")
    page.locator(".st-key-queue_share button").first.click()
    people = page.get_by_label("People", exact=True)
    people.fill("ada, bob")
    people.press("Enter")
    overlap = page.get_by_role("slider", name="Documents that two people get")
    for _ in range(6):
        overlap.press("ArrowRight")
    expect(overlap).to_have_value("50")
    page.locator(".st-key-share_go button").first.click()
    expect(page.get_by_text(re.compile(r"Shared out: ada \d+, bob \d+ documents"))).to_be_visible()
    page.keyboard.press("Escape")
    mine, theirs = (assignments.of(store, "team", who) for who in ("ada", "bob"))
    both = sorted(mine & theirs)
    assert mine | theirs == set(ids.values())
    assert 0 < len(both) < 10
    assert mine != theirs

    page.goto(f"{server.url}/review?project=team")
    expect(page.get_by_text("0 shared documents, 0 to adjudicate")).to_be_visible(timeout=60_000)
    arrive(page, server, "team")
    assert set(walk(page, ids)) == mine
    watch = Watch()
    with chromium.new_context(viewport={"width": 1440, "height": 900}) as context:
        second = watch.attach(context.new_page())
        second.goto(f"{server.url}/annotate?project=team")
        # nobody has said yet who sits here
        expect(second.get_by_text("me has no part of this project")).to_be_visible(timeout=60_000)
        choose(second, "bob")
        expect(second.locator(f"{EDITOR} .par").first).to_be_visible(timeout=60_000)
        seen = walk(second, ids, reject_in=both[0])
    assert len(seen) == len(set(seen))
    assert set(seen) == theirs
    assert (watch.foreign, watch.errors) == ([], [])
    for who, part in (("ada", mine), ("bob", theirs)):
        done = {id for id, state in progress.states_of(store, "team", who).items() if state is State.SUBMITTED}
        assert done == part

    # what both did is compared, and differs where bob turned something down
    page.goto(f"{server.url}/review?project=team")
    expect(page.get_by_text(f"{len(both)} shared documents, {len(both)} to adjudicate")).to_be_visible(timeout=60_000)
    shared = review.shared(review.work(store, "team"))
    assert sorted(document.id for document in shared) == both
    disputed = review.disputed(store, "team", shared)
    assert [id for id in both if disputed[id]] == [both[0]]
    page.locator(".st-key-case_place button").first.click()
    page.locator(f".st-key-case_{both[0]} button").first.click()
    expect(page.locator(".duel .row .what").first).to_have_text(disputed[both[0]][0].text)
    expect(page.locator(".duel .pane h3")).to_have_text(["←ada", "→bob"])
    page.get_by_text("Agreement", exact=True).click()
    expect(page.get_by_text(f"Everybody, {len(both)} documents: Krippendorff's alpha of labels")).to_be_visible()
    everybody, *_ = (f for f in review.measure(store, "team", shared).figures if not f.label)
    assert (everybody.left, everybody.right) == ("ada", "bob")
    assert everybody.strict.value is not None
    assert 0 < everybody.strict.value < 1
    # the table is painted; beside it a browser keeps the same for those who do not see it
    figures = page.get_by_test_id("stDataFrame").last
    expect(figures.locator("[role=gridcell]", has_text="ada, bob").first).to_be_attached()
    expect(figures.locator("[role=gridcell]", has_text=f"{everybody.strict.value:.2f}").first).to_be_attached()
