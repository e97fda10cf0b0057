"""The whole path on the real app and the real model: from pasted text to exported training data."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from db.store import Store
from relex_core import jsonl
from relex_core.types import Schema
from tests.browser.conftest import Serve, Server, Watch

pytestmark = pytest.mark.browser

TEXT = "A party 🎉 was given: Grace Hopper worked for Harvard University in Cambridge. Later she moved to Philadelphia."
MARKS = ".relex .pane .s.m"
EDITOR = ".relex.editing"


@pytest.fixture(scope="module")
def server(serve: Serve) -> Server:
    return serve("app.py", env={"RELEX_LOG": "debug"})


def model_calls(server: Server) -> int:
    return len(re.findall(r"^model call", server.log.read_text(), re.M))


def settled_calls(server: Server) -> int:
    """The number of model calls once no more arrive: the other samples are read ahead in the background."""
    calls, since = model_calls(server), time.monotonic()
    while time.monotonic() - since < 2:
        time.sleep(0.1)
        if model_calls(server) != calls:
            calls, since = model_calls(server), time.monotonic()
    return calls


def paste(page: Page, text: str) -> None:
    page.get_by_role("button", name="Edit or paste").click()
    box = page.get_by_role("textbox", name="Text")
    box.fill(text)
    page.get_by_role("button", name="Extract").click()


def words(page: Page) -> list[str]:
    return [str(mark.evaluate("node => node.lastChild.textContent")) for mark in page.locator(MARKS).all()]


def saved(page: Page) -> None:
    expect(page.locator(f"{EDITOR} .status")).to_have_text("saved")


def correct(page: Page) -> None:
    page.get_by_role("button", name="Correct this").click()
    expect(page.locator(f"{EDITOR} .status")).to_be_visible()


def select(page: Page, needle: str) -> None:
    """Drag with the mouse over `needle` in the editor's text."""
    box = page.locator(".relex .pane .text").first.evaluate(
        """(text, needle) => {
          const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
          for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const at = node.data.indexOf(needle);
            if (at < 0) continue;
            const range = document.createRange();
            range.setStart(node, at);
            range.setEnd(node, at + needle.length);
            const r = range.getBoundingClientRect();
            return [r.left, r.right, (r.top + r.bottom) / 2];
          }
        }""",
        needle,
    )
    assert box, f"{needle!r} is not one run of plain text"
    left, right, middle = box
    page.mouse.move(left + 1, middle)
    page.mouse.down()
    page.mouse.move((left + right) / 2, middle, steps=4)
    page.mouse.move(right - 1, middle, steps=4)
    page.mouse.up()


def test_the_first_paint_shows_a_sample_already_extracted_and_drawn(server: Server, page: Page) -> None:
    page.goto(server.url)
    expect(page.locator(MARKS).first).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile(r"\d+ words · \d+ entities · \d+ relations"))).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()
    assert len(words(page)) > 5


def test_pasted_text_is_extracted_and_sliders_call_no_model(server: Server, page: Page) -> None:
    page.goto(server.url)
    expect(page.locator(MARKS).first).to_be_visible(timeout=60_000)
    paste(page, TEXT)
    expect(page.locator(MARKS).filter(has_text="Grace Hopper")).to_be_visible()
    before, shown = settled_calls(server), len(words(page))
    assert before > 0
    slider = page.get_by_role("slider", name="Entities from")
    slider.focus()
    page.keyboard.press("End")
    expect(page.locator(MARKS)).to_have_count(0)
    page.keyboard.press("Home")
    expect(page.locator(MARKS).filter(has_text="Grace Hopper")).to_be_visible()
    assert len(words(page)) >= shown
    assert settled_calls(server) == before


def test_correct_save_reload_export(server: Server, page: Page, tmp_path: Path) -> None:
    page.goto(server.url)
    expect(page.locator(MARKS).first).to_be_visible(timeout=60_000)
    paste(page, TEXT)
    expect(page.locator(MARKS).filter(has_text="Grace Hopper")).to_be_visible()
    correct(page)

    # accept head and tail of the relation that is drawn below, by mouse and key
    for name in ("Grace Hopper", "Harvard University"):
        page.locator(MARKS).filter(has_text=name).first.click()
        page.keyboard.press("a")
    # a span with the mouse, labelled by its digit
    select(page, "Later")
    page.keyboard.press("5")
    saved(page)
    # undo and do again
    page.keyboard.press("u")
    saved(page)
    page.keyboard.press("Shift+Z")
    saved(page)
    # a relation: head, the relation key, the tail with the mouse; one label fits these types, so no menu
    page.locator(MARKS).filter(has_text="Grace Hopper").first.click()
    page.keyboard.press("q")
    page.locator(MARKS).filter(has_text="Harvard University").first.click()
    saved(page)
    url = page.url

    store = Store.open(f"sqlite:///{server.data / 'relex.sqlite'}")
    (row,) = store.queue("explore", states=None)
    latest = store.latest("explore", row.id)
    assert latest is not None
    document, annotation = latest.annotation.document, latest.annotation
    assert document.text == TEXT
    marked = {e.text(document): e for e in annotation.entities}
    assert set(marked) == {"Grace Hopper", "Harvard University", "Later"}
    assert marked["Grace Hopper"].span == (21, 33)
    assert [r.key for r in annotation.relations] == [
        (marked["Grace Hopper"].id, marked["Harvard University"].id, "works for")
    ]
    assert latest.model_version is not None
    assert latest.model_version.startswith("mini@")
    assert len(store.revisions("explore", row.id)) >= 5

    page.reload()
    expect(page.locator(MARKS + ".accepted").filter(has_text="Later")).to_be_visible(timeout=30_000)
    assert page.url == url

    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("training data", re.I)).click()
    path = tmp_path / "train"
    download.value.save_as(path)
    records = read_export(path)
    assert len(records) == 1
    schema = Schema.of([e.label for e in annotation.entities], {r.label for r in annotation.relations})
    again = jsonl.annotation_from_training(records[0], schema)
    assert again.entities == annotation.entities
    assert again.relations == annotation.relations
    store.close()


def read_export(path: Path) -> list[dict[str, object]]:
    import zipfile

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            (name,) = [n for n in archive.namelist() if n.endswith(".jsonl")]
            assert any("manifest" in n for n in archive.namelist())
            text = archive.read(name).decode()
    else:
        text = path.read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_a_revision_survives_kill_9_right_after_its_acknowledgement(
    serve: Serve, chromium: Browser, tmp_path: Path
) -> None:
    first = serve("app.py", data=tmp_path / "data")
    page = Watch().attach(chromium.new_page())
    page.set_default_timeout(15_000)
    page.goto(first.url)
    expect(page.locator(MARKS).first).to_be_visible(timeout=60_000)
    correct(page)
    page.locator(MARKS).filter(has_text="Marie Curie").first.click()
    page.keyboard.press("a")
    saved(page)
    url = page.url
    first.kill()
    page.close()

    second = serve("app.py", data=tmp_path / "data")
    page = Watch().attach(chromium.new_page())
    page.goto(url.replace(first.url, second.url))
    expect(page.locator(MARKS + ".accepted").filter(has_text="Marie Curie").first).to_be_visible(timeout=60_000)
    page.close()


def test_a_second_browser_finds_what_the_first_has_saved(server: Server, chromium: Browser, page: Page) -> None:
    page.goto(server.url)
    expect(page.locator(MARKS).first).to_be_visible(timeout=60_000)
    paste(page, "Alan Turing lived in Manchester.")
    expect(page.locator(MARKS).filter(has_text="Alan Turing")).to_be_visible()
    correct(page)
    page.locator(MARKS).filter(has_text="Alan Turing").first.click()
    page.keyboard.press("a")
    saved(page)
    other = chromium.new_context()
    there = other.new_page()
    there.goto(page.url)
    expect(there.locator(MARKS + ".accepted").filter(has_text="Alan Turing")).to_be_visible(timeout=30_000)
    other.close()
