"""Settings with a mouse: found behind the name, a backup in one click and out to one's own disk; three sets."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from db import audit
from db.store import Store
from relex_core.types import Annotation, Document, Entity, Schema
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

SCHEMA = Schema.of(["person"], [])


@pytest.fixture(scope="module")
def filled(app: Server) -> Server:
    with Store.open(f"sqlite:///{app.data}/relex.sqlite") as store:
        store.create_project("letters <b>", SCHEMA)
        documents = [Document(f"d{n}", f"Ada met person {n}.") for n in range(10)]
        store.add_documents("letters <b>", documents)
        for document in documents:
            mark = (Entity("a", 0, 3, "person"),)
            store.save("letters <b>", Annotation(document, SCHEMA, mark), annotator="ada", state="submitted")
    return app


def test_a_backup_is_made_and_taken_away(filled: Server, page: Page, tmp_path: Path) -> None:
    page.goto(filled.url + "/documents")
    expect(page.get_by_role("link", name="Export")).to_be_visible()
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    page.locator(".st-key-annotator_menu").get_by_test_id("stPopoverButton").locator("visible=true").first.click()
    page.get_by_role("link", name="Settings").click()
    facts = page.locator(".rx-facts")
    expect(facts).to_contain_text("1 project, 10 documents, 1 annotator", timeout=60_000)
    page.get_by_role("button", name="Back up now").click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download").click()
    taken.value.save_as(tmp_path / "copy.sqlite")
    with closing(sqlite3.connect(tmp_path / "copy.sqlite")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM revisions").fetchone() == (10,)
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("all 10 documents are there")).to_be_visible()


def test_settings_fit_a_narrow_screen(filled: Server, page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(filled.url + "/settings")
    expect(page.get_by_text("RELEX_ARGILLA_URL").first).to_be_visible(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_three_sets_in_two_clicks(filled: Server, page: Page, tmp_path: Path) -> None:
    page.goto(filled.url + "/export")
    expect(page.locator(".rx-title")).to_have_text("10 documents", timeout=60_000)
    page.get_by_text("Split into train, dev and test").click()
    expect(page.locator(".st-key-pane_preview .rx-quiet")).to_have_text("train 8 · dev 1 · test 1")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download with manifest").click()
    taken.value.save_as(tmp_path / "sets.zip")
    with zipfile.ZipFile(tmp_path / "sets.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".manifest.json")]
        sizes = {name: json.loads(archive.read(name))["counts"]["documents"] for name in names}
    assert sizes == {f"letters-b.{name}.jsonl.manifest.json": n for name, n in (("train", 8), ("dev", 1), ("test", 1))}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_log_is_read_and_taken_away(
    filled: Server, page: Page, tmp_path: Path, theme: Literal["light", "dark"]
) -> None:
    with Store.open(f"sqlite:///{filled.data}/relex.sqlite") as store, store.database.write() as connection:
        for n in range(25):
            audit.write(connection, store.now(), "exported", 1, "=cmd()", file=f"letters {n}.zip", documents=n)
    page.emulate_media(color_scheme=theme)
    page.goto(filled.url + "/settings")
    lines = page.locator(".rx-log li")
    expect(lines).to_have_count(20, timeout=60_000)
    expect(lines.first).to_contain_text("letters <b> · file letters 24.zip, documents 24")
    people = page.locator(".st-key-log_by").get_by_role("combobox")
    for name, shown in (("Nobody named", 2), ("=cmd()", 20)):
        people.click()
        page.get_by_role("option", name=name).click()
        expect(lines).to_have_count(shown)
    page.get_by_role("button", name="Older").click()
    expect(lines.first).to_contain_text("=cmd() exported")
    expect(lines.first).to_contain_text("file letters 4.zip")
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    with page.expect_download() as taken:
        page.get_by_role("button", name="As CSV").click()
    taken.value.save_as(tmp_path / "log.csv")
    rows = (tmp_path / "log.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(rows) in (26, 51)
    assert all('"\'=cmd()"' in row for row in rows[1:])
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
