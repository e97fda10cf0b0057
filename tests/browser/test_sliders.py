"""The threshold sliders of Explore under a fast hand."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server

pytestmark = pytest.mark.browser


def test_a_slider_stays_where_fast_keys_have_moved_it(app: Server, page: Page) -> None:
    page.goto(app.url)
    expect(page.locator(".relex .pane .s.m").first).to_be_visible(timeout=60_000)
    slider = page.get_by_role("slider", name="Entities from")
    shown = page.locator(".st-key-entity_threshold").get_by_test_id("stSliderThumbValue")
    began = float(shown.inner_text())
    slider.focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(60)
    page.wait_for_timeout(2_000)
    assert float(shown.inner_text()) == pytest.approx(began + 0.30)
    expect(page.get_by_test_id("stException")).to_have_count(0)
