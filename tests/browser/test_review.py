"""The review between two annotators in the real browser: keys, the way out, and who saves meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from db.gold import ADJUDICATOR
from db.store import Store
from db.values import State
from relex_core.types import Annotation, Document, Entity, Schema
from tests.browser.conftest import Serve, Server

pytestmark = pytest.mark.browser

SCHEMA = Schema.of(["person", "place"], ["met in"])
DOCUMENT = Document("d0", "Ada met Charles in London near the Thames.")
ADA, CHARLES = Entity("a", 0, 3, "person"), Entity("c", 8, 15, "person")
LONDON, THAMES, AS_PERSON = Entity("l", 19, 25, "place"), Entity("t", 35, 41, "place"), Entity("t", 35, 41, "person")


@pytest.fixture(scope="module")
def server(serve: Serve) -> Server:
    return serve("app.py")


@pytest.fixture
def store(server: Server, request: pytest.FixtureRequest) -> Iterator[Store]:
    """The server's store, with a project named like the test in which ada and eva differ on three mentions."""
    with Store.open(f"sqlite:///{server.data / 'relex.sqlite'}") as store:
        store.create_project(request.node.name, SCHEMA)
        store.add_documents(request.node.name, [DOCUMENT])
        save(store, request.node.name, "ada", ADA, CHARLES, LONDON, THAMES)
        save(store, request.node.name, "eva", ADA, AS_PERSON)
        yield store


def save(store: Store, project: str, who: str, *entities: Entity) -> None:
    marks = Annotation(DOCUMENT, SCHEMA, entities)
    store.save(project, marks, annotator=who, state=State.SUBMITTED, independent=True)


def arrive(page: Page, server: Server, project: str) -> None:
    page.goto(f"{server.url}/review?project={project}")
    expect(page.locator(".duel .row").first).to_be_visible(timeout=60_000)


def decided(page: Page, words: str) -> None:
    expect(page.locator(".duel .head")).to_have_text(words)


def focused(page: Page) -> str:
    """Where the keyboard is: "inside" or "outside" of the two versions."""
    return str(
        page.evaluate(
            """() => {
              let node = document.activeElement;
              while (node.shadowRoot && node.shadowRoot.activeElement) node = node.shadowRoot.activeElement;
              const duel = node.getRootNode().querySelector('.duel');
              return node !== document.body && duel && duel.contains(node) ? 'inside' : 'outside';
            }"""
        )
    )


def test_what_eva_saves_meanwhile_is_shown_and_only_that_is_asked_again(
    server: Server, page: Page, store: Store, request: pytest.FixtureRequest
) -> None:
    project = request.node.name
    arrive(page, server, project)
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    decided(page, "3 of 3 decided")
    save(store, project, "eva", CHARLES, AS_PERSON)
    page.keyboard.press("Enter")
    expect(
        page.get_by_text(re.compile("While you decided, eva saved with Charles .person. and without Ada"))
    ).to_be_visible()
    assert store.latest(project, "d0", ADJUDICATOR) is None
    # Charles is agreed on now, Ada is not any more, London and the Thames are as they were
    decided(page, "2 of 3 decided")
    expect(page.locator(".duel .row.on .what")).to_have_text("Ada")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 shared document, 0 to adjudicate")).to_be_visible()
    expect(page.get_by_text("While you decided")).to_have_count(0)
    saved = store.latest(project, "d0", ADJUDICATOR)
    assert saved is not None
    assert [(e.span, e.label) for e in saved.annotation.entities] == [
        (e.span, e.label) for e in (ADA, CHARLES, LONDON, THAMES)
    ]


def test_undo_and_redo(server: Server, page: Page, store: Store, request: pytest.FixtureRequest) -> None:
    arrive(page, server, request.node.name)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("b")
    decided(page, "2 of 3 decided")
    page.keyboard.press("u")
    page.keyboard.press("Control+z")
    decided(page, "0 of 3 decided")
    page.keyboard.press("Control+y")
    page.keyboard.press("Shift+Z")
    decided(page, "2 of 3 decided")
    expect(page.locator(".duel .row").nth(1).locator(".option[aria-pressed=true]")).to_have_count(2)
    page.keyboard.press("u")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Z")
    expect(page.locator(".duel .message")).to_have_text("Nothing to redo.")


def test_escape_lets_tab_out(server: Server, page: Page, store: Store, request: pytest.FixtureRequest) -> None:
    arrive(page, server, request.node.name)
    page.locator(".duel .list").focus()
    on = page.locator(".duel .row.on .what")
    first = on.inner_text()
    page.keyboard.press("Tab")
    assert on.inner_text() != first
    assert focused(page) == "inside"
    page.keyboard.press("Escape")
    expect(page.locator(".duel .message")).to_have_text("Tab now leaves the review.")
    for key in ("Tab", "Shift+Tab"):
        page.locator(".duel .list").focus()
        presses = 0
        while focused(page) == "inside":
            page.keyboard.press(key)
            presses += 1
            assert presses < 40, f"{key} does not leave"
    # an answer takes the keys back
    page.locator(".duel .list").focus()
    page.keyboard.press("ArrowLeft")
    before = on.inner_text()
    page.keyboard.press("Tab")
    assert on.inner_text() != before


def test_all_keys_are_listed_and_can_be_changed(
    server: Server, page: Page, store: Store, request: pytest.FixtureRequest
) -> None:
    arrive(page, server, request.node.name)
    # somebody has changed this key in the editor
    page.evaluate("localStorage.setItem('relex-studio.keys', JSON.stringify({undo: 'y'}))")
    page.reload()
    expect(page.locator(".duel .row").first).to_be_visible(timeout=60_000)
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet.get_by_role("button", name="change the key for: undo")).to_contain_text("y")
    sheet.get_by_role("button", name="change the key for: take all versions").click()
    page.keyboard.press("n")
    expect(sheet.get_by_role("status")).to_have_text("n already means: take none.")
    sheet.get_by_role("button", name="change the key for: take all versions").click()
    page.keyboard.press("w")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.keyboard.press("b")
    decided(page, "0 of 3 decided")
    page.keyboard.press("w")
    decided(page, "1 of 3 decided")
    page.keyboard.press("y")
    decided(page, "0 of 3 decided")
    kept = page.evaluate("JSON.parse(localStorage.getItem('relex-studio.keys'))")
    assert kept == {"undo": "y", "pickAll": "w"}
