"""The review between two annotators in the real browser: keys, the way out, and who saves meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from db.store import Store
from db.values import ADJUDICATOR, State
from pages.shared import palette
from relex_core.editing import Accept, RemoveEntity, apply, begin
from relex_core.types import Annotation, Document, Entity, Extraction, Schema
from tests.browser.conftest import Serve, Server

pytestmark = pytest.mark.browser

FILTERS = ("annotator", "label", "reason", "band")

# the colour of a text and of what is behind it, as a browser paints them
PAINTED = """(node) => {
  const brush = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const painted = (color) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = color;
    brush.fillRect(0, 0, 1, 1);
    return [...brush.getImageData(0, 0, 1, 1).data];
  };
  const hex = (pixel) => '#' + pixel.slice(0, 3).map((part) => part.toString(16).padStart(2, '0')).join('');
  let behind = node;
  while (painted(getComputedStyle(behind).backgroundColor)[3] < 255) behind = behind.parentElement;
  return [hex(painted(getComputedStyle(node).color)), hex(painted(getComputedStyle(behind).backgroundColor))];
}"""

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


def test_picks_outlive_a_reload_and_other_views(
    server: Server, page: Page, store: Store, request: pytest.FixtureRequest
) -> None:
    project = request.node.name
    other = Document("d1", "Ada met Charles.")
    store.add_documents(project, [other])
    for who, marks in (("ada", (ADA, CHARLES)), ("eva", (ADA,))):
        annotation = Annotation(other, SCHEMA, marks)
        store.save(project, annotation, annotator=who, state=State.SUBMITTED, independent=True)
    # another project with the same document and the same two people
    twin = f"{project}-twin"
    store.create_project(twin, SCHEMA)
    store.add_documents(twin, [DOCUMENT])
    save(store, twin, "ada", ADA, CHARLES, LONDON, THAMES)
    save(store, twin, "eva", ADA, AS_PERSON)
    arrive(page, server, project)
    place = page.locator(".st-key-case_place")

    def choose(id: str) -> None:
        button = page.locator(f".st-key-case_{id} button")
        if not button.is_visible():
            place.get_by_role("button").click()
        button.click()

    page.keyboard.press("ArrowLeft")
    page.keyboard.press("b")
    page.keyboard.press("n")
    page.keyboard.press("u")
    decided(page, "2 of 3 decided")
    page.reload()
    decided(page, "2 of 3 decided")
    expect(page.locator(".duel .row").nth(1).locator(".option[aria-pressed=true]")).to_have_count(2)
    expect(page.locator(".duel .row.on .what")).to_have_text(page.locator(".duel .row .what").nth(2).inner_text())
    page.get_by_text("Agreement", exact=True).click()
    expect(page.locator(".duel")).to_have_count(0)
    page.get_by_text("Disagreements", exact=True).click()
    decided(page, "2 of 3 decided")
    page.get_by_role("link", name="Export").click()
    expect(page.locator(".duel")).to_have_count(0)
    page.get_by_role("link", name="Review").click()
    decided(page, "2 of 3 decided")
    # another document, and back
    choose("d1")
    decided(page, "0 of 1 decided")
    choose("d0")
    decided(page, "2 of 3 decided")
    # the picks of one project are none of another's
    arrive(page, server, twin)
    decided(page, "0 of 3 decided")
    # what somebody says otherwise since then is asked again
    arrive(page, server, project)
    decided(page, "2 of 3 decided")
    save(store, project, "eva", ADA, CHARLES, AS_PERSON)
    page.reload()
    decided(page, "1 of 2 decided")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 shared documents, 1 to adjudicate")).to_be_visible()
    # what was saved is over: who opens the document again begins anew
    page.reload()
    expect(place).to_contain_text("d1", timeout=60_000)
    choose("d0")
    decided(page, "0 of 2 decided")


def test_a_key_of_the_editor_that_means_nothing_here_saves_nothing(
    server: Server, page: Page, store: Store, request: pytest.FixtureRequest
) -> None:
    arrive(page, server, request.node.name)
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    decided(page, "3 of 3 decided")
    page.keyboard.press("Alt+Shift+1")
    expect(page.locator(".duel .message")).not_to_have_text("Sent.")
    page.wait_for_timeout(1000)
    assert store.latest(request.node.name, "d0", ADJUDICATOR) is None
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 shared document, 0 to adjudicate")).to_be_visible()


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


def test_disagreements_are_found_by_the_models_score(
    server: Server, page: Page, store: Store, request: pytest.FixtureRequest
) -> None:
    """d0 is annotated without a model; of d1 to d3 the annotators differ on what it was more and less sure of."""
    project, scores = request.node.name, {"d1": 0.95, "d2": 0.62, "d3": 0.31}
    for id, score in scores.items():
        document = Document(id, f"Ada met Charles in London, said {id}.")
        store.add_documents(project, [document])
        sure, unsure = Entity.suggested(0, 3, "person", 0.99), Entity.suggested(19, 25, "place", score)
        found = Extraction(document, SCHEMA, (sure, unsure), (), "mini@test")
        store.save_extraction(project, found)
        both = apply(begin(found), Accept((sure.id, unsure.id)))
        for who, marks in (("ada", both), ("eva", apply(both, RemoveEntity(unsure.id)))):
            store.save(project, marks, annotator=who, state=State.SUBMITTED, independent=True)
    arrive(page, server, project)
    place = page.locator(".st-key-case_place")
    expect(place).to_contain_text("1 of 4")
    expect(page.locator(".duel .score")).to_have_count(0)

    def choose(band: str) -> None:
        page.locator(".st-key-review_band").get_by_role("combobox").click()
        page.get_by_role("option", name=band, exact=True).click()

    for band, id, shown in (
        ("score from 0.9", "d1", "model 0.95"),
        ("score 0.5 to 0.7", "d2", "model 0.62"),
        ("score below 0.5", "d3", "model 0.31"),
    ):
        choose(band)
        expect(place).to_contain_text(f"1 of 1 · {id}")
        expect(page.locator(".duel .row .score")).to_have_text(shown)
    choose("score 0.7 to 0.9")
    expect(page.get_by_text("No shared document is like that.")).to_be_visible()
    choose("not suggested")
    expect(place).to_contain_text("1 of 1 · d0")
    # it stays over another view, and opens again
    page.get_by_text("Agreement", exact=True).click()
    expect(page.locator(".duel")).to_have_count(0)
    page.get_by_text("Disagreements", exact=True).click()
    expect(place).to_contain_text("1 of 1 · d0")
    choose("any score")
    expect(place).to_contain_text("of 4")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_filters_and_the_score_are_legible(
    server: Server,
    chromium: Browser,
    store: Store,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    theme: Literal["light", "dark"],
) -> None:
    project = request.node.name
    document = Document("d1", "Ada met Charles in London.")
    store.add_documents(project, [document])
    place = Entity.suggested(19, 25, "place", 0.62)
    found = Extraction(document, SCHEMA, (place,), (), "mini@test")
    store.save_extraction(project, found)
    for who, marks in (("ada", apply(begin(found), Accept((place.id,)))), ("eva", begin(found))):
        store.save(project, marks, annotator=who, state=State.SUBMITTED, independent=True)
    with chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme=theme) as context:
        page = context.new_page()
        arrive(page, server, project)
        page.locator(".st-key-review_band").get_by_role("combobox").click()
        page.get_by_role("option", name="score 0.5 to 0.7").click()
        score = page.locator(".duel .score")
        expect(score).to_have_text("model 0.62")
        page.screenshot(path=tmp_path / f"review_{theme}.png")
        # one row of filters, at 1,440 pixels
        rows = {box["y"] for name in FILTERS if (box := page.locator(f".st-key-review_{name}").bounding_box())}
        assert len(rows) == 1
        # nothing is struck out before somebody has decided
        assert "line-through" not in page.locator(".duel .what").evaluate("e => getComputedStyle(e).textDecoration")
        ink, ground = score.evaluate(PAINTED)
        assert palette.contrast(ink, ground) >= 4.5


def test_on_a_narrow_screen_figures_stand_below_each_other_and_as_wide_as_the_page(
    server: Server, page: Page, store: Store, request: pytest.FixtureRequest
) -> None:
    page.set_viewport_size({"width": 800, "height": 800})
    arrive(page, server, request.node.name)
    for view, panes in (("Agreement", ("alphas", "pairs")), ("Statistics", ("pane_pace", "pane_acceptance"))):
        page.get_by_text(view, exact=True).click()
        expect(page.locator(f".st-key-{panes[1]}")).to_be_visible()
        upper, lower = (page.locator(f".st-key-{pane}").bounding_box() for pane in panes)
        assert upper is not None
        assert lower is not None
        assert upper["y"] + upper["height"] <= lower["y"]
        assert min(upper["width"], lower["width"]) > 760


def test_a_project_may_be_called_like_a_filter(server: Server, page: Page, store: Store) -> None:
    store.create_project("label", SCHEMA)
    store.add_documents("label", [DOCUMENT])
    for who, marks in (("ada", (ADA, LONDON)), ("eva", (ADA,))):
        save(store, "label", who, *marks)
    arrive(page, server, "label")
    page.locator(".st-key-review_label").get_by_role("combobox").click()
    page.get_by_role("option", name="place", exact=True).click()
    expect(page.locator(".st-key-case_place")).to_contain_text("1 of 1")
    page.get_by_role("link", name="Annotate").click()
    expect(page.locator(".st-key-order_words")).to_have_text("uncertain first", timeout=60_000)
    page.get_by_role("link", name="Review").click()
    expect(page.locator(".st-key-review_label").get_by_role("combobox")).to_have_value("place")


def test_where_all_agree_one_click_saves_and_a_case_is_not_hidden_by_its_list(
    server: Server, page: Page, store: Store, request: pytest.FixtureRequest
) -> None:
    name = request.node.name
    store.add_documents(name, [Document("d1", "Ada met Charles.")])
    for person in ("ada", "eva"):
        agreed = Annotation(store.document(name, "d1"), SCHEMA, (ADA, CHARLES))
        store.save(name, agreed, annotator=person, state=State.SUBMITTED, independent=True)
    page.goto(f"{server.url}/review?project={name}")
    expect(page.get_by_text("2 shared documents, 2 to adjudicate")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Save where all agree").click()
    expect(page.get_by_text("1 document saved without a disagreement.")).to_be_visible()
    expect(page.get_by_text("2 shared documents, 1 to adjudicate")).to_be_visible()
    assert store.latest(name, "d1", ADJUDICATOR) is not None
    assert store.latest(name, "d0", ADJUDICATOR) is None
    page.locator(".st-key-case_place button").first.click()
    page.get_by_role("button", name="d1 · adjudicated").click()
    expect(page.locator(".st-key-case_place button").first).to_contain_text("2 of 2 · d1")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)


def test_a_moment_off_the_page_costs_nothing_of_a_review(serve: Serve, page: Page) -> None:
    """Streamlit takes it off the page where two runs follow each other closely."""
    page.goto(serve("tests/browser/adjudicator_app.py").url)
    duel = page.locator(".duel")
    expect(duel.locator(".row").first).to_be_visible(timeout=60_000)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    decided(page, "2 of 3 decided")
    expect(duel).to_have_count(0)
    expect(duel).to_have_count(1)
    page.keyboard.press("u")
    decided(page, "1 of 3 decided")
    # keys that come while it is away count, the save among them
    page.keyboard.press("ArrowLeft")
    decided(page, "2 of 3 decided")
    expect(duel).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_text("saved [['ada'], ['ada'], ['ada']]")).to_be_visible()


def test_keys_of_the_next_screen_are_none_of_a_review(
    server: Server, page: Page, request: pytest.FixtureRequest, store: Store
) -> None:
    name = request.node.name
    arrive(page, server, name)
    page.keyboard.press("ArrowLeft")
    before = page.locator(".duel .head").text_content()
    page.get_by_role("link", name="Documents").click()
    expect(page.locator(".duel")).to_have_count(0)
    # as after a click into the page, with the keyboard at nothing
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("u")
    page.keyboard.press("ArrowRight")
    page.get_by_role("link", name="Review").click()
    expect(page.locator(".duel .head")).to_have_text(str(before), timeout=60_000)
    picked = page.locator(".duel .option[aria-pressed=true]")
    expect(picked).to_have_count(1)
    expect(picked.locator("b")).to_have_text("ada")
