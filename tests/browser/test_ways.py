"""Ways through a project on the real app: search and order of the queue, labels that are merged or many, reading that
is stopped, and a text as long as a book chapter."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from db import progress
from db.store import Store
from db.values import State
from relex_core.editing import Accept, apply, begin
from relex_core.types import Annotation, Document, Entity, Extraction, Schema
from tests.browser.conftest import Server, mini_version
from tests.browser.test_queue import EDITOR, rename, saved
from tests.browser.test_walk import select

pytestmark = pytest.mark.browser

SCHEMA = Schema.of(["person", "human", "place"], ["knows"])


def fill(store: Store, project: str, *texts: tuple[str, str, float]) -> list[Annotation]:
    """A project of texts that begin with a name, each with the label and score that the model gives to it."""
    version = mini_version()
    store.create_project(project, SCHEMA)
    made = []
    for n, (text, label, score) in enumerate(texts):
        document = Document(f"{project}-{n}", text)
        mark = Entity.suggested(0, len(text.split()[0]), label, score)
        made.append(Extraction(document, SCHEMA, (mark,), (), version))
    store.add_documents(project, [found.document for found in made])
    for found in made:
        store.save_extraction(project, found)
    return [begin(found) for found in made]


def decide(store: Store, annotation: Annotation, project: str, state: State) -> None:
    """Somebody accepts all that is suggested."""
    assert annotation.based_on is not None
    edit = Accept(tuple(e.id for e in annotation.based_on.entities), ())
    store.save(project, apply(annotation, edit), annotator="ada", edits=(edit,), expected=0, state=state)


def annotate(page: Page, app: Server, project: str) -> None:
    page.goto(f"{app.url}/annotate?project={project}")
    expect(page.locator(f"{EDITOR} .par").first).to_be_attached(timeout=60_000)
    saved(page)


def settings(page: Page) -> None:
    """Open what stands behind the queue's order."""
    page.locator(".st-key-queue_order button").first.click()
    expect(page.get_by_label("Search", exact=True)).to_be_visible()


def test_the_queue_is_searched_by_label_and_by_state(app: Server, page: Page, store: Store) -> None:
    made = fill(
        store,
        "found",
        ("Ada spoke first.", "person", 0.9),
        ("Oslo lies north.", "place", 0.8),
        ("Rome lies south.", "place", 0.7),
    )
    decide(store, made[2], "found", State.FLAGGED)
    annotate(page, app, "found")
    settings(page)
    # Ada and Oslo are open, Rome is flagged
    jumps = page.locator("[class*='st-key-jump_']")
    box = page.get_by_label("Search", exact=True)
    box.fill("label:place")
    box.press("Enter")
    expect(page.locator(f"{EDITOR} .text").first).to_contain_text("Oslo")
    expect(page.locator(".st-key-order_words")).to_contain_text("filtered")
    # it stays open while several things are chosen
    expect(jumps.filter(has_text="Ada")).to_have_count(0)
    box.fill("")
    box.press("Enter")
    expect(page.locator(".st-key-order_words")).not_to_contain_text("filtered")
    states = page.locator(".st-key-queue_states")
    for name in ("flagged", "new", "in progress"):  # flagged is added, the open ones are taken away
        states.get_by_role("button", name=name, exact=True).or_(states.get_by_text(name, exact=True)).last.click()
        page.wait_for_timeout(700)  # a click that comes before the run of the one before would take that back
    expect(page.locator(f"{EDITOR} .text").first).to_contain_text("Rome")
    expect(jumps.filter(has_text="Oslo")).to_have_count(0)


def test_the_queue_goes_by_uncertainty_or_by_file(app: Server, page: Page, store: Store) -> None:
    scores = {"Ann": 0.95, "Bob": 0.52, "Cid": 0.99, "Dan": 0.7}
    fill(store, "order", *((f"{name} spoke.", "person", score) for name, score in scores.items()))
    annotate(page, app, "order")
    for words, wanted in (
        ("file order", list(scores)),
        ("uncertain first", sorted(scores, key=lambda name: abs(scores[name] - 0.5))),
    ):
        settings(page)
        page.locator(".st-key-queue_order_choice").get_by_text(words, exact=True).click()
        expect(page.locator(".st-key-order_words")).to_contain_text(words)
        expect(page.locator(f"{EDITOR} .text").first).to_contain_text(wanted[0])
        jumps = page.locator("[class*='st-key-jump_']")
        expect(jumps.filter(has_text=wanted[-1])).to_have_count(1)
        listed = [line.split()[0] for line in jumps.all_inner_texts()]
        assert [name for name in listed if name != wanted[0]] == wanted[1:]
        page.reload()
        expect(page.locator(f"{EDITOR} .par").first).to_be_attached(timeout=60_000)


def test_two_labels_are_merged_after_a_look_and_once_taken_back(app: Server, page: Page, store: Store) -> None:
    made = fill(store, "merged", ("Ada spoke.", "human", 0.9), ("Bob spoke.", "person", 0.8), ("Oslo.", "place", 0.9))
    decide(store, made[0], "merged", State.SUBMITTED)
    annotate(page, app, "merged")
    rename(page, "human", "person")
    expect(page.get_by_text(re.compile(r"Merge human into person\? It changes 1 mark in 1 document"))).to_be_visible()
    assert labels(store) == {"human"}
    page.locator(".st-key-label_go button").first.click()
    expect(page.get_by_text("human was merged into person.")).to_be_visible()
    assert labels(store) == {"person"}
    assert "human" not in {label.name for label in store.project("merged").schema.visible_entities}
    page.locator(".st-key-label_undo button").first.click()
    expect(page.locator(".rx-labels").get_by_text("human", exact=True)).to_be_visible()
    assert labels(store) == {"human"}
    # once: what was taken back is not offered again
    expect(page.locator(".st-key-label_undo button")).to_have_count(0)


def labels(store: Store) -> set[str]:
    latest = store.latest("merged", "merged-0")
    assert latest is not None
    return {entity.label for entity in latest.annotation.entities}


def test_reading_is_stopped_keeps_what_was_read_and_goes_on(app: Server, page: Page, store: Store) -> None:
    total = 24
    store.create_project("read", SCHEMA)
    filler = "They said that they had met before and that they would meet again. " * 12
    store.add_documents(
        "read", [Document(f"read-{n}", f"Ada number {n} lives in Oslo. {filler}") for n in range(total)]
    )
    version = mini_version()
    page.goto(f"{app.url}/documents?project=read")
    page.get_by_role("button", name="Read them now").click(timeout=60_000)
    page.get_by_role("button", name="Stop", exact=True).click()
    on = page.get_by_role("button", name="Go on reading")
    expect(on).to_be_visible(timeout=60_000)
    missing = progress.count_unscored(store, "read", version)
    assert 0 < missing <= total
    page.wait_for_timeout(3000)
    assert progress.count_unscored(store, "read", version) == missing
    on.click()
    expect(page.get_by_text("All documents are read by mini")).to_be_visible(timeout=180_000)
    assert progress.count_unscored(store, "read", version) == 0


def test_a_correction_at_the_end_of_100_000_characters(app: Server, page: Page, store: Store) -> None:
    line = "🎉 They said that they had met before and would meet again.\n"
    text = line * (100_000 // len(line)) + "Then Zyx left for Kirkwall."
    assert len(text) > 99_900
    document = Document("long-1", text)
    start = text.index("Zyx")
    mark = Entity.suggested(start, start + 3, "person", 0.6)
    store.create_project("long", SCHEMA)
    store.add_documents("long", [document])
    store.save_extraction("long", Extraction(document, SCHEMA, (mark,), (), mini_version()))
    annotate(page, app, "long")
    page.locator(f"{EDITOR} .row").filter(has_text="Zyx").first.click()
    expect(page.locator(f"{EDITOR} .s.m").filter(has_text="Zyx")).to_be_in_viewport()
    page.keyboard.press("a")
    saved(page)
    select(page, "Kirkwall")
    page.keyboard.press("3")
    saved(page)
    latest = store.latest("long", "long-1")
    assert latest is not None
    assert latest.annotation.document.text == text
    found = {(e.label, *e.span) for e in latest.annotation.entities}
    place = text.index("Kirkwall")
    assert found == {("person", start, start + 3), ("place", place, place + len("Kirkwall"))}


def test_labels_past_ten_have_a_key_and_the_next_document_knows_what_was_chosen(
    app: Server, page: Page, store: Store
) -> None:
    schema = Schema.of([f"kind {n}" for n in range(1, 13)], ["knows", "follows"])
    store.create_project("twelve", schema)
    for n, names in enumerate(("Ada met Bob.", "Eva met Dan.", "Ida met Lou.", "Ana met Tom.")):
        document = Document(f"twelve-{n}", names)
        marks = (Entity.suggested(0, 3, "kind 1", 0.9), Entity.suggested(8, 11, "kind 2", 0.8))
        store.add_documents("twelve", [document])
        store.save_extraction("twelve", Extraction(document, schema, marks, (), mini_version()))
    annotate(page, app, "twelve")
    text = page.locator(f"{EDITOR} .text").first
    first = str(text.evaluate("node => node.textContent"))
    page.locator(f"{EDITOR} .pane .s.m").first.click()
    page.keyboard.press("Alt+2")
    saved(page)
    relate(page)
    page.locator(f"{EDITOR} .option", has_text="follows").click()
    saved(page)
    page.keyboard.press("Enter")
    expect(text).not_to_have_text(first)
    saved(page)
    document = next(f"twelve-{n}" for n in range(4) if store.document("twelve", f"twelve-{n}").text == first)
    revision = store.latest("twelve", document)
    assert revision is not None
    assert [e.label for e in revision.annotation.entities] == ["kind 12", "kind 2"]
    # the next ones were sent to the browser before this was decided; what is usual comes after
    expect(page.locator(".st-key-tools_queue")).to_contain_text("1 / 4")
    relate(page)
    expect(page.locator(f"{EDITOR} .row.relation")).to_contain_text("follows")
    expect(page.locator(f"{EDITOR} .message")).to_contain_text("Usual from kind 1 or to kind 2 here")


def relate(page: Page) -> None:
    """Drag with Ctrl from the first mark to the last."""
    marks = page.locator(f"{EDITOR} .pane .s.m")
    page.keyboard.down("Control")
    marks.first.hover()
    page.mouse.down()
    marks.last.hover()
    page.mouse.up()
    page.keyboard.up("Control")
