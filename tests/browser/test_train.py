"""Train with a mouse: import, fine-tune, another browser watches, compare, take into use, see it in Explore."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Serve, Watch
from tests.browser.test_documents import choose
from tests.pages.trained import PEOPLE, PLACES

# well under a minute on two free cores; where they are shared, as long as it takes
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

SLOW = 120_000
"""Milliseconds to wait where a server starts, a process trains or a checkpoint loads, on shared cores."""

RECORDS = [
    {
        "tokenized_text": [who, "lives", "in", PLACES[number % 4], "."],
        "ner": [[0, 0, "person"], [3, 3, "location"]],
        "relations": [[0, 1, "lives in"]],
    }
    for number, who in enumerate(PEOPLE[:10])
]


def make_project(page: Page, url: str) -> None:
    """A project called letters with ten submitted documents, by the interface."""
    page.goto(f"{url}/documents")
    page.get_by_role("button", name="New project").click()
    page.get_by_label("Name", exact=True).fill("letters")
    page.get_by_text("news", exact=True).click()
    page.get_by_role("button", name="Make project").click()
    expect(page.locator(".rx-title")).to_have_text("letters", timeout=SLOW)
    page.get_by_role("button", name="Import").click()
    page.get_by_label("What the files hold").click()
    page.get_by_role("option", name="stage-2").click()
    choose(page, "gold.jsonl", "\n".join(map(json.dumps, RECORDS)).encode())
    page.get_by_role("button", name="Import 10 records").click()
    # what the file holds is told before the import too
    expect(page.get_by_text("10 documents added")).to_be_visible(timeout=SLOW)


def test_export_train_compare_and_use(serve: Serve, page: Page, chromium: Browser, watch: Watch) -> None:
    page.set_default_timeout(SLOW)
    app = serve("app.py")
    make_project(page, app.url)
    page.get_by_role("link", name="Export").click()
    page.get_by_role("button", name="Fine-tune on this").click(timeout=SLOW)
    expect(page.get_by_text("8 documents to learn from, 2 held out")).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Split, seed, name").locator("visible=true").first.click()
    page.get_by_label("Rounds through the documents").fill("1")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Fine-tune", exact=True).click()
    expect(page.locator(".st-key-pane_run .rx-title")).to_have_text("letters-1", timeout=SLOW)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible(timeout=SLOW)

    # the server goes down, the run goes on: another browser sees it on the next server
    page.goto("about:blank")
    app.kill()
    app = serve("app.py", data=app.data, port=urlsplit(app.url).port)
    other = watch.attach(chromium.new_context(viewport={"width": 1440, "height": 900}).new_page())
    other.set_default_timeout(SLOW)
    other.goto(f"{app.url}/train")
    expect(other.locator(".st-key-pane_run .rx-title")).to_have_text("letters-1", timeout=SLOW)
    expect(other.locator(".st-key-pane_run")).to_contain_text("8 documents of letters, from mini", timeout=SLOW)

    page.goto(f"{app.url}/train")
    use = page.get_by_role("button", name="Use this checkpoint")
    expect(use).to_be_visible(timeout=3 * SLOW)
    expect(page.locator(".rx-verdict")).to_contain_text(
        re.compile(r"Entity F1 [+-]\d\.\d{3}, relation F1 [+-]\d\.\d{3}")
    )
    scores = page.locator(".rx-scores")
    expect(scores).to_contain_text("mini@", timeout=SLOW)
    expect(scores).to_contain_text("letters-1@", timeout=SLOW)
    expect(other.get_by_role("button", name="Use this checkpoint")).to_be_visible(timeout=SLOW)

    use.click()
    menu = page.locator(".st-key-checkpoint").get_by_test_id("stPopoverButton").locator("visible=true").first
    expect(menu).to_contain_text("letters-1", timeout=SLOW)
    page.get_by_role("link", name="Explore").click()
    expect(page.locator(".relex .pane .s.m").first).to_be_visible(timeout=SLOW)
    expect(menu).to_contain_text("letters-1", timeout=SLOW)
    page.reload()
    expect(page.locator(".relex .pane .s.m").first).to_be_visible(timeout=SLOW)
    expect(menu).to_contain_text("letters-1", timeout=SLOW)
    # the choice was this tab's
    expect(other.locator(".st-key-checkpoint")).to_contain_text("mini", timeout=SLOW)
    other.context.close()
