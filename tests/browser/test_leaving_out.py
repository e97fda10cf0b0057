"""Leaving documents out in the browser: with the mouse, with the keys, and back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from db import leaving
from db.store import Store
from relex_core.types import Document, Schema
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

ROWS = ".rx-documents tbody tr"


def test_documents_are_ticked_left_out_and_brought_back(app: Server, page: Page, store: Store) -> None:
    store.create_project("wrong import", Schema.of(["person"]))
    store.add_documents("wrong import", [Document(f"d{n}", f"Ada wrote <b>{n}</b> letters.") for n in range(4)])
    page.goto(f"{app.url}/documents?project=wrong+import")
    rows = page.locator(ROWS)
    expect(rows).to_have_count(4)
    corner = page.locator(".rx-documents th input")
    # a click beside the box ticks as well, and opens nothing
    rows.nth(0).locator("td.tick").click(position={"x": 3, "y": 3})
    expect(rows.nth(0).locator("input")).to_be_checked()
    rows.nth(2).focus()
    page.keyboard.press("Space")
    expect(rows.nth(2).locator("input")).to_be_checked()
    expect(corner).to_have_js_property("indeterminate", True)
    page.get_by_role("button", name="Leave out").click()
    expect(rows.nth(2).locator("input")).to_be_checked()
    page.get_by_role("button", name="Leave out the 2 ticked").click()
    expect(page.get_by_text("2 documents are left out of the project.")).to_be_visible()
    expect(rows).to_have_count(2)
    assert [row.id for row in store.queue("wrong import")] == ["d1", "d3"]
    expect(page.locator(".rx-legend")).to_contain_text("2 left out")

    corner.check()
    page.get_by_role("button", name="Leave out", exact=True).click()
    page.get_by_role("button", name="Leave out the 2 ticked").click()
    expect(page.get_by_text("No document fits.")).to_be_visible()
    page.get_by_role("radio", name="left out").click()
    expect(rows).to_have_count(4)
    rows.nth(1).click()
    expect(page.get_by_text("This document is left out of the project.")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Bring back").click()
    expect(page.get_by_text("This document is left out of the project.")).to_be_hidden()
    assert [row.id for row in store.queue("wrong import")] == ["d1"]

    page.goto(f"{app.url}/documents?project=wrong+import")
    page.get_by_role("radio", name="left out").click()
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Bring back", exact=True).click()
    page.get_by_role("button", name="Bring back all 3 documents").click()
    expect(rows).to_have_count(4)
    assert leaving.number(store, "wrong import") == 0
