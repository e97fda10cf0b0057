"""The graph beside the text on Annotate: drawn while it is open, and then as the store has the document."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from db import naming
from db.store import Store
from relex_core.types import Document, Entity, Extraction, Relation, Schema
from tests.browser.conftest import Server, Watch, mini_version
from tests.browser.test_queue import EDITOR, saved

pytestmark = pytest.mark.browser

SCHEMA = Schema.of(["person", "place"], ["born in", "met"])
GRAPH = ".st-key-pane_beside .rx-graph"
SETTLED = f"{GRAPH}[data-settled=true]"
MARKS = f"{EDITOR} .pane .s.m"


@pytest.fixture
def project(request: pytest.FixtureRequest, app: Server, page: Page, store: Store) -> str:
    """Two documents with suggestions; the first one is open."""
    name = request.node.name
    store.create_project(name, SCHEMA)
    for n, (one, other) in enumerate((("Ada", "Eva"), ("Ida", "Lou"))):
        text = f"{one} of Paris met {other} in Rome. {one} and {other} left Paris."
        document = Document(f"{name}-{n}", text)
        marks = [
            Entity.suggested(at, at + len(words), label, 0.9)
            for words, label in ((one, "person"), ("Paris", "place"), (other, "person"), ("Rome", "place"))
            for at in [text.index(words)]
        ]
        again = text.index(one, 5)
        marks.append(Entity.suggested(again, again + len(one), "person", 0.8))
        relations = (
            Relation(marks[0].id, marks[1].id, "born in", 0.9), Relation(marks[0].id, marks[2].id, "met", 0.8),
        )  # fmt: skip
        store.add_documents(name, [document])
        found = Extraction(document, SCHEMA, tuple(sorted(marks, key=lambda e: e.start)), relations, mini_version())
        store.save_extraction(name, found)
    go(page, app, name)
    return name


def go(page: Page, app: Server, project: str) -> None:
    page.goto(f"{app.url}/annotate?project={project}&document={project}-0")
    expect(page.locator(MARKS).first).to_be_visible(timeout=60_000)
    saved(page)


def click(page: Page, place: str, key: str) -> None:
    """Click a node ("place") or the middle of an edge ("middle"), where the canvas says that it is."""
    expect(page.locator(SETTLED)).to_be_visible()
    page.wait_for_timeout(300)
    box = page.locator(GRAPH).bounding_box()
    at = page.locator(GRAPH).evaluate(f"(box, key) => box.{place}(key)", key)
    assert box
    page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])


def test_it_is_drawn_only_while_it_is_open_and_stays_as_it_was_left(page: Page, app: Server, project: str) -> None:
    button = page.locator(EDITOR).get_by_role("button", name="graph", exact=True)
    expect(button).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("window.vis === undefined"), "what draws it was not even sent"
    page.keyboard.press("G")
    expect(page.locator(SETTLED)).to_have_attribute("data-nodes", "4")
    expect(page.locator(GRAPH)).to_have_attribute("data-edges", "2")
    expect(button).to_have_attribute("aria-pressed", "true")
    # the list leaves it the room, and the bar is not covered
    box, rows, bar = (page.locator(s).bounding_box() for s in (GRAPH, f"{EDITOR} .list", f"{EDITOR} .bar"))
    assert box is not None
    assert rows is not None
    assert bar is not None
    assert rows["y"] + rows["height"] <= box["y"] + 1
    assert box["y"] + box["height"] <= bar["y"] + 1
    go(page, app, project)
    expect(page.locator(SETTLED)).to_be_visible()
    button.click()
    expect(page.locator(GRAPH)).to_have_count(0)
    go(page, app, project)
    expect(page.locator(GRAPH)).to_have_count(0)
    expect(button).to_have_attribute("aria-pressed", "false")


def test_nodes_edges_and_mentions_focus_each_other(page: Page, project: str) -> None:
    page.keyboard.press("G")
    click(page, "place", "ada\x1fperson")
    expect(page.locator(f"{MARKS}.focus")).to_have_text(["Ada", "Ada"])
    click(page, "middle", "ada\x1fperson\x1fparis\x1fplace\x1fborn in")
    expect(page.locator(f"{MARKS}.focus")).to_have_text(["Ada", "Paris"])
    expect(page.locator(f"{EDITOR} .row[aria-selected=true]")).to_contain_text("born in")
    page.locator(MARKS, has_text="Rome").click()
    expect(page.locator(f"{GRAPH}[data-chosen='rome\x1fplace']")).to_be_visible()
    # keys move the focus as well
    page.keyboard.press("ArrowLeft")
    expect(page.locator(f"{GRAPH}[data-chosen='eva\x1fperson']")).to_be_visible()


def test_it_follows_what_is_saved_without_a_run_of_the_page(page: Page, app: Server, project: str) -> None:
    whole, parts = [], []

    def sent(payload: str | bytes) -> None:
        if isinstance(payload, bytes):
            message = BackMsg.FromString(payload)
            if message.WhichOneof("type") == "rerun_script":
                (parts if message.rerun_script.fragment_id else whole).append(message)

    def watch(socket: WebSocket) -> None:
        socket.on("framesent", sent)

    page.on("websocket", watch)
    go(page, app, project)
    page.keyboard.press("G")
    expect(page.locator(SETTLED)).to_have_attribute("data-nodes", "4")
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    whole.clear()
    parts.clear()
    page.locator(MARKS, has_text="Rome").click()
    page.keyboard.press("x")
    expect(page.locator(GRAPH)).to_have_attribute("data-nodes", "3")
    page.keyboard.press("u")
    expect(page.locator(SETTLED)).to_have_attribute("data-nodes", "4")
    saved(page)
    assert whole == []
    assert 1 <= len(parts) <= 2
    # several keys at once are drawn once
    parts.clear()
    for key in "xuxuxu":
        page.keyboard.press(key)
    page.locator(MARKS, has_text="Eva").first.click()
    page.keyboard.press("x")
    expect(page.locator(GRAPH)).to_have_attribute("data-nodes", "3")
    assert len(parts) <= 2
    assert whole == []
    # what is hidden in the text is not in the graph
    page.locator(EDITOR).get_by_role("button", name="thresholds").click()
    page.get_by_label("threshold, place", exact=True).fill("0.95")
    expect(page.locator(GRAPH)).to_have_attribute("data-nodes", "1")
    page.keyboard.press("Escape")
    # and closed it asks for nothing
    page.keyboard.press("G")
    expect(page.locator(GRAPH)).to_have_count(0)
    saved(page)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    whole.clear()
    parts.clear()
    page.keyboard.press("u")
    saved(page)
    page.wait_for_timeout(1500)
    assert (whole, parts) == ([], [])


def test_it_can_be_seen_on_the_whole_screen_where_no_key_decides_anything(page: Page, project: str) -> None:
    page.keyboard.press("G")
    expect(page.locator(SETTLED)).to_be_visible()
    small = page.locator(GRAPH).bounding_box()
    page.locator(GRAPH).hover()
    page.get_by_role("button", name="Whole screen").click()
    back = page.get_by_role("button", name="Back to the page")
    expect(back).to_be_visible()
    page.wait_for_function("document.fullscreenElement.clientWidth === innerWidth")
    large = page.locator(GRAPH).bounding_box()
    assert small
    assert large
    assert large["width"] > 2 * small["width"]
    assert large["height"] > 2 * small["height"]
    undecided = page.locator(f"{EDITOR} .list").get_by_text("To decide (")
    before = undecided.inner_text()
    page.keyboard.press("a")
    page.keyboard.press("x")
    back.click()
    expect(page.get_by_role("button", name="Whole screen")).to_be_attached()
    assert page.evaluate("document.fullscreenElement") is None
    assert undecided.inner_text() == before
    # and back on the page they do what they did
    page.keyboard.press("a")
    expect(undecided).not_to_have_text(before)
    saved(page)


def test_the_next_document_brings_its_graph(page: Page, project: str, watch: Watch) -> None:
    page.keyboard.press("G")
    expect(page.locator(SETTLED)).to_have_attribute("data-nodes", "4")
    page.keyboard.press("Enter")
    expect(page.locator(f"{EDITOR} .text").first).to_contain_text("Ida")
    page.locator(MARKS, has_text="Ida").first.click()
    expect(page.locator(f"{GRAPH}[data-chosen='ida\x1fperson']")).to_be_visible()
    expect(page.locator(f"{GRAPH}.old")).to_have_count(0)
    saved(page)


def test_names_that_are_joined_in_the_project_are_one_node_here_too(
    page: Page, app: Server, project: str, store: Store
) -> None:
    page.keyboard.press("G")
    expect(page.locator(SETTLED)).to_have_attribute("data-nodes", "4")
    naming.join(store, project, "person", ["Eva"], "Ada", by="bo")
    # whatever comes from the server next brings it
    page.locator(MARKS, has_text="Rome").click()
    page.keyboard.press("a")
    expect(page.locator(SETTLED)).to_have_attribute("data-nodes", "3")
    page.locator(MARKS, has_text="Eva").first.click()
    expect(page.locator(f"{GRAPH}[data-chosen='ada\x1fperson']")).to_be_visible()
    naming.part(store, project, "person", ["Eva"])
    go(page, app, project)
    expect(page.locator(SETTLED)).to_have_attribute("data-nodes", "4")
    # Explore draws the same
    naming.join(store, project, "person", ["Eva"], "Ada", by="bo")
    page.goto(f"{app.url}/?project={project}&document={project}-0")
    expect(page.locator(".st-key-pane_graph .rx-graph[data-settled=true]")).to_have_attribute(
        "data-nodes", "3", timeout=60_000
    )
