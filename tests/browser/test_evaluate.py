"""Evaluate with a mouse: upload gold, measure, look at an error, lay a result of the command beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from relex_core.__main__ import main
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

RECORD = {
    "tokenized_text": ["Ada", "Lovelace", "lives", "in", "<London>", "."],
    "ner": [[0, 1, "person"], [4, 4, "location"]],
    "relations": [[1, 0, "unheard of"]],
}


def test_upload_measure_look_and_compare(app: Server, page: Page, tmp_path: Path) -> None:
    gold, out = tmp_path / "tiny.jsonl", tmp_path / "out.json"
    gold.write_text(json.dumps(RECORD) + "\n", "utf-8")
    assert main(["evaluate", "--data", str(gold), "--thresholds", "0.9,0.9", "--json", str(out)]) == 0
    page.goto(f"{app.url}/evaluate")
    page.get_by_text("Upload", exact=True).click()
    page.locator(".st-key-pane_question input[type=file]").set_input_files(gold)
    expect(page.locator(".st-key-pane_question").get_by_text("tiny.jsonl")).to_be_visible()
    page.get_by_role("button", name="Evaluate", exact=True).click()
    scores = page.locator(".rx-scores").first
    expect(scores).to_contain_text("1 document, above 0.5 / 0.5", timeout=60_000)
    page.get_by_text("Errors", exact=True).click()
    page.get_by_text("missed", exact=True).click()
    expect(page.locator(".rx-passage mark.tail")).to_have_text("Ada Lovelace")
    expect(page.locator(".rx-passage mark.head")).to_have_text("<London>")
    # Streamlit lays an invisible copy beside a popover that has a tooltip
    page.locator(".st-key-tools_results").get_by_test_id("stPopoverButton").locator("visible=true").first.click()
    page.get_by_test_id("stPopoverBody").locator("input[type=file]").set_input_files(out)
    expect(scores).to_contain_text("above 0.9 / 0.9")
    page.keyboard.press("Escape")
    beside = page.get_by_role("combobox", name="Result B")
    expect(beside).to_have_count(1)  # the menu of the result before is gone
    beside.click()
    page.get_by_role("option").first.click()
    expect(scores).to_contain_text("above 0.5 / 0.5")
    expect(scores).to_contain_text("above 0.9 / 0.9")
