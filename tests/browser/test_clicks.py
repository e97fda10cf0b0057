"""A click counts, and the page stays in its place, although the same tab sends something else in the same moment."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Serve

pytestmark = pytest.mark.browser

DELAYS = [delay for delay in range(12) for _ in range(4)]
"""Milliseconds between the click and the message after it."""


def test_no_click_is_lost_to_the_message_after_it(serve: Serve, page: Page) -> None:
    server = serve("tests/browser/clicks_app.py")
    page.goto(server.url)
    expect(page.get_by_text("Counted 0")).to_be_visible()
    page.wait_for_function("window.press !== undefined")
    for number, delay in enumerate(DELAYS, 1):
        page.evaluate("delay => window.press(delay)", delay)
        expect(page.get_by_text(f"Counted {number}", exact=True)).to_be_visible(timeout=5_000)


def test_a_page_is_not_drawn_where_a_fragment_was(serve: Serve, page: Page) -> None:
    server = serve("tests/browser/places_app.py")
    page.goto(server.url)
    expect(page.get_by_text("Counted 0")).to_be_visible(timeout=60_000)
    for number in range(1, 16):
        # at another moment of the fragment's run each time
        page.wait_for_timeout(67 * number % 500)
        page.get_by_role("button", name="Press").first.click()
        expect(page.get_by_text(f"Counted {number}", exact=True)).to_be_visible()
        expect(page.locator(".st-key-box .stButton")).to_have_count(0)
    expect(page.get_by_role("button", name="Press")).to_have_count(1)
