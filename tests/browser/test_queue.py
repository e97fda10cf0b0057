"""The queue and the review on the real app and the real model: keys, prefetch, other people, labels, bulk."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from db.store import Store
from db.values import State
from pages.shared.presets import PRESETS
from relex_core.types import Document
from tests.browser.conftest import Serve, Server, Watch, until

pytestmark = pytest.mark.browser

EDITOR = ".relex.editing"
MARKS = f"{EDITOR} .pane .s.m"


@pytest.fixture(scope="module")
def server(serve: Serve, chromium: Browser) -> Server:
    server = serve("app.py")
    # a server's very first visit looks for pages in the folder of that name, before it runs the app
    page = chromium.new_page()
    page.goto(server.url)
    expect(page.locator(MARKS.replace(".editing", "")).first).to_be_visible(timeout=90_000)
    page.close()
    return server


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{server.data / 'relex.sqlite'}")
    yield opened
    opened.close()


def arrive(page: Page, server: Server, address: str = "") -> None:
    page.goto(f"{server.url}/annotate{address}")
    sample = page.get_by_role("button", name="Try it with a sample set")
    expect(sample.or_(page.locator(f"{EDITOR} .status"))).to_be_visible(timeout=60_000)
    if sample.is_visible():
        sample.click()
    expect(page.locator(f"{EDITOR} .par").first).to_be_visible(timeout=60_000)


def text(page: Page) -> str:
    return str(page.locator(f"{EDITOR} .text").first.evaluate("node => node.textContent"))


def saved(page: Page) -> None:
    expect(page.locator(f"{EDITOR} .status")).to_have_text("saved")


def read_through(store: Store) -> None:
    """Until the model has read the whole sample."""
    from db import progress

    deadline = time.monotonic() + 300
    version = ""
    while time.monotonic() < deadline:
        version = version or next(
            (
                found.model_version
                for row in store.queue("sample", limit=1, order="uncertainty")
                if (found := store.extraction("sample", row.id)) is not None
            ),
            "",
        )
        if version and progress.count_unscored(store, "sample", version) == 0:
            return
        time.sleep(0.2)
    raise AssertionError("the model did not read the sample")


def test_one_key_submits_and_the_next_document_is_there_at_once(server: Server, page: Page, store: Store) -> None:
    arrive(page, server)
    read_through(store)
    seen = [text(page)]
    for n in range(4):
        # both next documents are in the browser before the key is pressed
        page.wait_for_timeout(900)
        took = page.locator(f"{EDITOR} .pane").evaluate(
            """async (pane) => {
              const before = pane.querySelector('.text').textContent;
              const began = performance.now();
              pane.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, composed: true }));
              while (pane.querySelector('.text').textContent === before) {
                if (performance.now() - began > 10000) return -1;
                await new Promise(requestAnimationFrame);
              }
              return performance.now() - began;
            }"""
        )
        assert 0 <= took < 400, took
        seen.append(text(page))
        saved(page)
        expect(page.get_by_text(f"{n + 1} / 12", exact=True)).to_be_visible()
    assert len(set(seen)) == 5
    assert store.counts("sample")[State.SUBMITTED] == 4
    expect(page.get_by_text(re.compile(r"^\d+ s a document$"))).to_be_visible()
    # a reload shows the same document, not the next one
    page.reload()
    expect(page.locator(f"{EDITOR} .par").first).to_be_visible(timeout=30_000)
    assert text(page) == seen[-1]


def test_one_goes_back_and_on_by_keys_without_deciding(server: Server, page: Page, store: Store) -> None:
    store.create_project("walk", PRESETS["people"])
    store.add_documents("walk", [Document(f"w{n}", f"Ada {n} lives in London.") for n in range(4)])
    arrive(page, server, "?project=walk")
    first = text(page)
    page.keyboard.press("p")
    expect(page.locator(f"{EDITOR} .message")).to_have_text("No document was open before this one.")
    page.keyboard.press("Enter")
    shown = page.locator(f"{EDITOR} .text").first
    expect(shown).not_to_have_text(first)
    second = text(page)
    page.keyboard.press("p")
    expect(shown).to_have_text(first)
    expect(page).to_have_url(re.compile("document=w"))
    page.keyboard.press("n")
    expect(shown).to_have_text(second)
    page.keyboard.press("n")
    expect(shown).not_to_have_text(second)
    saved(page)
    # two at once: nothing that is pressed before a document is there counts for the one that is left
    page.keyboard.press("p")
    page.keyboard.press("Enter")
    expect(shown).to_have_text(second)
    saved(page)
    counts = store.counts("walk")
    assert (counts[State.SUBMITTED], counts[State.NEW]) == (1, 3)


def test_skip_flag_and_back(server: Server, page: Page, store: Store) -> None:
    arrive(page, server)
    first = text(page)
    page.locator(f"{EDITOR} .pane").click(position={"x": 8, "y": 300})
    page.keyboard.press("Shift+Digit1")
    page.get_by_label("Why is this document flagged?", exact=True).last.fill("two people of one name")
    page.keyboard.press("Enter")
    saved(page)
    (flagged,) = store.queue("sample", states=[State.FLAGGED])
    latest = store.latest("sample", flagged.id)
    assert latest is not None
    assert latest.note == "two people of one name"
    reason = page.locator(f"{EDITOR} .flagged")
    expect(reason).to_contain_text("two people of one name")
    # on from there: the flag stays, with its reason
    page.keyboard.press("s")
    saved(page)
    shown = page.locator(f"{EDITOR} .text").first
    expect(shown).not_to_have_text(first, timeout=30_000)
    kept = store.latest("sample", flagged.id)
    assert kept is not None
    assert (kept.state, kept.note) == (State.FLAGGED, "two people of one name")
    expect(reason).to_be_hidden()
    second = text(page)
    page.keyboard.press("s")
    saved(page)
    # it may still be with the model
    expect(shown).not_to_have_text(second, timeout=30_000)
    assert text(page) != first
    assert store.counts("sample")[State.SKIPPED] == 1
    page.locator(".st-key-queue_back button").first.click()
    expect(page.locator(f"{EDITOR} .text").first).to_have_text(second)
    page.locator(".st-key-queue_back button").first.click()
    expect(page.locator(f"{EDITOR} .text").first).to_have_text(first)
    # who comes to look at it reads why, in the table and at the text, until it is submitted
    page.goto(f"{server.url}/documents?project=sample")
    row = page.locator(".rx-documents tbody tr", has_text="flagged")
    expect(row).to_contain_text("two people of one name")
    row.click()
    expect(reason).to_contain_text("two people of one name")
    page.keyboard.press("Shift+Enter")
    expect(reason).to_be_hidden()
    saved(page)
    assert store.counts("sample")[State.FLAGGED] == 0


def test_search_opens_what_it_finds(server: Server, page: Page, store: Store) -> None:
    arrive(page, server)
    # which documents are still open depends on the order that the model's scores give
    wanted = store.queue("sample", states=[State.NEW], limit=12)[-1]
    page.locator(".st-key-queue_order button").first.click()
    box = page.get_by_label("Search", exact=True)
    name = " ".join(wanted.excerpt.split()[:2])
    box.fill(f'"{name}"')
    box.press("Enter")
    expect(page.locator(f"{EDITOR} .text").first).to_contain_text(name)
    expect(page.locator(".st-key-order_words")).to_contain_text("filtered")


def rename(page: Page, label: str, name: str) -> None:
    """Ask for another name of a label in the queue's label set."""
    page.locator(".st-key-queue_labels button").first.click()
    page.locator(".rx-labels").get_by_text(label, exact=True).click()
    field = page.locator(".rx-labels .rx-edit").get_by_label("Name", exact=True)
    field.fill(name)
    field.press("Enter")


def test_rename_is_asked_with_counts_and_taken_back(server: Server, page: Page, store: Store) -> None:
    arrive(page, server)
    rename(page, "award", "prize")
    expect(page.get_by_text(re.compile(r"Rename award to prize\?"))).to_be_visible()
    assert store.project("sample").schema.entity("award").name == "award"
    page.locator(".st-key-label_go button").first.click()
    expect(page.get_by_text("award is now called prize.")).to_be_visible()
    expect(page.locator(".rx-labels").get_by_text("prize", exact=True)).to_be_visible()
    page.locator(".st-key-label_undo button").first.click()
    expect(page.locator(".rx-labels").get_by_text("award", exact=True)).to_be_visible()
    assert "prize" not in {label.name for label in store.project("sample").schema.visible_entities}


def test_bulk_acceptance_is_counted_done_and_undone(server: Server, page: Page, store: Store) -> None:
    arrive(page, server)
    read_through(store)
    before = store.counts("sample")
    page.locator(".st-key-queue_bulk button").first.click()
    page.get_by_text("and submit these documents").click()
    page.locator(".st-key-bulk_preview button").first.click()
    counted = page.get_by_text(re.compile(r"Would accept \d+ suggestions in \d+ documents"))
    expect(counted).to_be_visible()
    assert store.counts("sample") == before
    page.locator(".st-key-bulk_accept button").first.click()
    expect(page.get_by_text(re.compile(r"^Accepted \d+ suggestions"))).to_be_visible(timeout=30_000)
    assert store.counts("sample")[State.SUBMITTED] > before[State.SUBMITTED]
    page.locator(".st-key-bulk_undo button").first.click()
    expect(page.get_by_text(re.compile(r"Taken back in \d+ document"))).to_be_visible(timeout=30_000)
    assert store.counts("sample") == before


def test_two_annotators_and_the_review_between_them(server: Server, chromium: Browser, store: Store) -> None:
    from relex_core.editing import Accept, RemoveEntity, apply, begin
    from relex_core.selection import undecided
    from relex_core.types import Thresholds

    read_through(store)
    extraction = store.extraction("sample", "sample-01")
    assert extraction is not None
    entities, relations = undecided(begin(extraction), Thresholds(), twins=False)
    full = apply(begin(extraction), Accept(tuple(e.id for e in entities), tuple(r.key for r in relations)))
    fewer = apply(full, RemoveEntity(entities[0].id))
    for who, annotation in (("ada", full), ("eva", fewer)):
        store.save("sample", annotation, annotator=who, state=State.SUBMITTED, independent=True)
    watch = Watch()
    page = watch.attach(chromium.new_page())
    page.goto(f"{server.url}/review?project=sample")
    rows = page.locator(".duel .row")
    expect(rows.first).to_be_visible(timeout=30_000)
    expect(page.locator(".duel .pane h3")).to_have_text(["←ada", "→eva"])
    page.keyboard.press("Enter")
    expect(page.locator(".duel .message")).to_have_text(re.compile("not decided yet"))
    page.keyboard.press("ArrowRight")
    expect(page.locator(".duel .head")).to_contain_text(re.compile(r"(\d+) of \1 decided"))
    page.keyboard.press("u")
    for _ in range(rows.count()):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 shared document, 0 to adjudicate")).to_be_visible()
    result = store.latest("sample", "sample-01", "adjudication")
    assert result is not None
    assert {e.span for e in result.annotation.entities} == {e.span for e in full.entities}
    page.close()
    assert (watch.foreign, watch.errors) == ([], [])


def test_documents_are_shared_out_and_each_has_an_own_queue(server: Server, page: Page, store: Store) -> None:
    from db import assignments, gold

    arrive(page, server)
    page.locator(".st-key-queue_share button").first.click()
    people = page.get_by_label("People", exact=True)
    people.fill("me, zoe")
    people.press("Enter")
    page.locator(".st-key-share_go button").first.click()
    expect(page.get_by_text(re.compile(r"Shared out: me \d+, zoe \d+ documents"))).to_be_visible()
    mine, theirs = (assignments.of(store, "sample", who) for who in ("me", "zoe"))
    assert mine | theirs == {row.id for row in store.queue("sample")}
    # what is accepted in bulk is in one's own part
    read_through(store)
    page.keyboard.press("Escape")
    page.locator(".st-key-queue_bulk button").first.click()
    page.locator(".st-key-bulk_preview button").first.click()
    counted = page.get_by_text(re.compile(r"Would accept \d+ suggestions in \d+ documents"))
    expect(counted).to_be_visible()
    documents = int(re.findall(r"\d+", counted.inner_text())[1])
    page.locator(".st-key-bulk_accept button").first.click()
    expect(page.get_by_text(re.compile(r"^Accepted \d+ suggestions"))).to_be_visible(timeout=30_000)
    # by one's own last decisions: of a gold document, the adjudicated version stays the latest
    own = {row.id: store.latest("sample", row.id, "me") for row in store.queue("sample")}
    accepted = {id for id, latest in own.items() if latest and latest.client.startswith("bulk-")}
    assert len(accepted) == documents > 0
    assert accepted <= mine
    # nobody has touched the share of gold items, which a team has from the beginning
    assert gold.share(store, "sample") == gold.SHARE
    for id in gold.items(store, "sample"):
        latest = store.latest("sample", id)
        assert latest is not None
        assert latest.annotator == gold.ADJUDICATOR
    page.locator(".st-key-bulk_undo button").first.click()
    expect(page.get_by_text(f"Taken back in {documents} document")).to_be_visible(timeout=30_000)
    page.keyboard.press("Escape")
    page.locator(".st-key-queue_share button").first.click()
    slider = page.get_by_role("slider", name="Gold items in each queue")
    expect(slider).to_have_value("10")
    slider.press("ArrowRight")
    assert until(lambda: gold.share(store, "sample") == 0.15), "moved by a person, it counts"
    page.locator(".st-key-share_stop button").first.click()
    expect(page.get_by_text("Everybody goes through all documents.")).to_be_visible()
    assert assignments.team(store, "sample") == ()


def test_escape_from_a_menu_gives_the_keyboard_back_to_the_text(server: Server, page: Page) -> None:
    arrive(page, server)
    before = text(page)
    for name, by_key in (("queue_guide", False), ("queue_labels", True)):
        button = page.locator(f".st-key-{name} button").first
        if by_key:
            button.press("Enter")
        else:
            button.click()
        sheet = page.get_by_test_id("stPopoverBody")
        expect(sheet).to_be_visible()
        page.keyboard.press("Escape")
        expect(sheet).to_have_count(0)
        expect(page.locator(f"{EDITOR} .pane")).to_be_focused()
    page.keyboard.press("Enter")
    assert until(lambda: text(page) != before), "the key went to the editor"
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)


def named(page: Page) -> Locator:
    """The button with the name that decisions are saved under."""
    return page.locator(".st-key-annotator_menu").get_by_test_id("stPopoverButton").locator("visible=true").first


def choose(page: Page, name: str) -> None:
    named(page).click()
    field = page.get_by_role("textbox", name="Your name")
    field.fill(name)
    field.press("Enter")
    expect(named(page)).to_contain_text(name)
    page.keyboard.press("Escape")
    # a reload before this would come before the browser has heard of it
    page.wait_for_function("name => sessionStorage.getItem('relex-studio.name') === name", arg=name)


def test_a_reload_keeps_the_name_and_sends_what_was_corrected_under_it(
    server: Server, page: Page, store: Store
) -> None:
    arrive(page, server)
    choose(page, "Ada Ω; b=c")
    arrive(page, server, "?project=sample&document=sample-03")
    expect(named(page)).to_contain_text("Ada Ω; b=c")
    numbers = {r.number for r in store.revisions("sample", "sample-03")}
    # the page is left before the correction can be sent
    page.locator(f"{EDITOR} .pane").evaluate(
        """(pane) => {
          pane.dispatchEvent(new KeyboardEvent('keydown', { key: 'a', bubbles: true, composed: true }));
          location.reload();
        }"""
    )
    page.wait_for_function("performance.getEntriesByType('navigation')[0].type === 'reload'")
    expect(page.locator(f"{EDITOR} .par").first).to_be_visible(timeout=30_000)
    expect(named(page)).to_contain_text("Ada Ω; b=c")
    saved(page)
    new = [r for r in store.revisions("sample", "sample-03") if r.number not in numbers]
    assert {r.annotator for r in new} == {"Ada Ω; b=c"}
    assert sum(len(r.edits) for r in new) == 1
    page.wait_for_function("!Object.keys(localStorage).some((name) => name.startsWith('relex-studio.log.'))")


def test_each_tab_keeps_its_name_and_a_new_one_begins_with_the_last_chosen(
    server: Server, context: BrowserContext, watch: Watch, store: Store
) -> None:
    page = watch.attach(context.new_page())
    arrive(page, server)
    choose(page, "ada")
    second = page.context.new_page()
    arrive(second, server)
    expect(named(second)).to_contain_text("ada")
    choose(second, "bob")
    third = page.context.new_page()
    arrive(third, server)
    expect(named(third)).to_contain_text("bob")
    # from the first moment: nothing is drawn under the other name
    page.add_init_script(
        """window.drawn = new Set();
        new MutationObserver(() => {
          for (const node of document.querySelectorAll('.st-key-annotator_menu p')) window.drawn.add(node.textContent);
        }).observe(document, { childList: true, subtree: true, characterData: true });"""
    )
    page.reload()
    expect(page.locator(f"{EDITOR} .par").first).to_be_visible(timeout=30_000)
    expect(named(page)).to_contain_text("ada")
    assert page.evaluate("[...window.drawn]") == ["ada"]
    # a tab that was just left changes nothing for a new one
    page.goto("about:blank")
    fourth = page.context.new_page()
    arrive(fourth, server)
    expect(named(fourth)).to_contain_text("bob")
    fourth.reload()
    expect(named(fourth)).to_contain_text("bob")
    fourth.close()
    arrive(page, server)
    expect(named(page)).to_contain_text("ada")
    page.reload()
    expect(page.locator(f"{EDITOR} .par").first).to_be_visible(timeout=30_000)
    # and it is the name that is saved under
    page.wait_for_timeout(500)
    before = text(page)
    page.locator(f"{EDITOR} .pane").focus()
    page.keyboard.press("s")
    expect(page.locator(f"{EDITOR} .text").first).not_to_have_text(before)
    saved(page)

    (document,) = (row.id for row in store.queue("sample") if store.document("sample", row.id).text == before)

    def skipped(name: str) -> bool:
        # one's own: of a gold document the adjudicated version stays the latest
        latest = store.latest("sample", document, name)
        return latest is not None and latest.state is State.SKIPPED

    # the next document is there before the step is kept
    assert until(lambda: skipped("ada"))
    assert not skipped("bob")
    # the field says it as well
    named(page).click()
    field = page.get_by_role("textbox", name="Your name")
    expect(field).to_have_value("ada")
    # adjudicated versions are nobody's
    field.fill("Adjudication")
    field.press("Enter")
    expect(page.get_by_text("“Adjudication” cannot be an annotator's name")).to_be_visible()
    expect(named(page)).to_contain_text("ada")
    second.close()
    third.close()
