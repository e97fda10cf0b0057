"""Takes the README's pictures from the real app: python -m tests.browser.screenshots [FOLDER]"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from db.store import Store
from db.values import State
from relex_core.editing import Accept, RemoveEntity, apply, begin
from relex_core.selection import undecided
from relex_core.types import Thresholds
from tests.browser.conftest import FLAGS, ROOT, start_server
from tests.edits import apply_all

MARKS = ".relex .pane .s.m"
SIZE = {"width": 1440, "height": 900}


def settle(page: Page) -> None:
    """Until nothing runs any more and the graph stands still."""
    page.mouse.move(SIZE["width"] / 2, SIZE["height"] - 1)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_timeout(2500)


def explore(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator(MARKS).first).to_be_visible(timeout=60_000)


def correct(page: Page, url: str) -> None:
    explore(page, url)
    page.get_by_role("button", name="Correct this").click()
    expect(page.locator(".relex.editing .status")).to_be_visible()
    page.locator(MARKS).filter(has_text="Warsaw").first.click()
    page.keyboard.press("a")
    page.locator(MARKS).filter(has_text="Marie Curie").first.click()
    page.keyboard.press("a")


def annotate(page: Page, url: str) -> None:
    page.goto(f"{url}/annotate")
    sample = page.get_by_role("button", name="Try it with a sample set")
    marks = page.locator(MARKS).first
    expect(sample.or_(marks)).to_be_visible(timeout=60_000)
    if sample.is_visible():
        sample.click()
    expect(marks).to_be_visible(timeout=60_000)
    page.keyboard.press("a")
    page.keyboard.press("a")
    expect(page.locator(".relex.editing .status")).to_have_text("saved")


def plain(name: str):  # type: ignore[no-untyped-def]
    def show(page: Page, url: str) -> None:
        page.goto(f"{url}/{name}")
        expect(page.get_by_test_id("stMain")).to_be_visible(timeout=60_000)

    return show


def graph(page: Page, url: str) -> None:
    page.goto(f"{url}/documents?project=sample")
    ready = page.get_by_text(re.compile("^All documents are read by"))
    start = page.locator(".st-key-start_scoring button").first
    expect(ready.or_(start)).to_be_visible(timeout=60_000)
    if start.is_visible():
        start.click()
    expect(ready).to_be_visible(timeout=90_000)
    page.get_by_text("Graph", exact=True).click()
    expect(page.locator(".rx-graph[data-settled=true]")).to_be_visible(timeout=30_000)


def review(page: Page, url: str) -> None:
    page.goto(f"{url}/review?project=sample")
    expect(page.locator(".duel .row").first).to_be_visible(timeout=60_000)


def evaluate(page: Page, url: str) -> None:
    page.goto(f"{url}/evaluate?project=sample")
    page.get_by_role("button", name="Evaluate", exact=True).click()
    expect(page.locator(".rx-scores").first).to_be_visible(timeout=60_000)


def two_people(data: Path) -> None:
    """Let two people decide on the sample: one takes what the model suggests, the other turns some of it down."""
    with Store.open(f"sqlite:///{data / 'relex.sqlite'}") as store:
        for row in store.queue("sample", limit=50):
            found = store.extraction("sample", row.id)
            assert found is not None
            shown, relations = undecided(begin(found), Thresholds(), twins=False)
            one = apply(begin(found), Accept(tuple(e.id for e in shown), tuple(r.key for r in relations)))
            other = apply_all(one, [RemoveEntity(e.id) for e in shown[2::5]])
            for who, annotation in (("Ada", one), ("Eva", other)):
                store.save("sample", annotation, annotator=who, state=State.SUBMITTED, independent=True)


# in this order: the queue brings the sample set that the later screens show
SCREENS = {
    "annotate": annotate,
    "documents": plain("documents?project=sample"),
    "graph": graph,
    "review": review,
    "export": plain("export?project=sample"),
    "train": plain("train?project=sample"),
    "evaluate": evaluate,
    "settings": plain("settings"),
    "explore": explore,
    "correct": correct,
}


def main(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        server = start_server(ROOT / "app.py", Path(data))
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        try:
            for name in names:
                for theme in ("light", "dark"):
                    context = browser.new_context(viewport=SIZE, color_scheme=theme)
                    page = context.new_page()
                    SCREENS[name](page, server.url)
                    settle(page)
                    page.screenshot(path=folder / f"{name}-{theme}.png")
                    context.close()
                if name == "graph":  # all documents are submitted then, and the queue is at its end
                    two_people(Path(data))
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"), sys.argv[2:] or list(SCREENS))
