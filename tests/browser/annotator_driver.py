"""Drives the editor as a person does, and reads what the store holds."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, expect

from db.store import Store
from db.values import Revision
from relex_core.types import Annotation, Document, Entity, Extraction
from tests.browser.annotator_scenarios import SCENARIOS

HARNESS = "tests/browser/annotator_app.py"

# The box of a span of code points, by way of the editor's own segments.
BOXES = """(text, [start, end]) => {
  const range = document.createRange();
  const place = (point, last) => {
    for (const s of text.querySelectorAll('.s')) {
      const points = Array.from(s.textContent);
      if (point < s.start + points.length || (last && point === s.start + points.length)) {
        const node = s.lastChild;
        return [node, points.slice(0, point - s.start).join('').length];
      }
    }
  };
  range.setStart(...place(start, false));
  range.setEnd(...place(end, true));
  return [...range.getClientRects()].filter((r) => r.width > 0.5).map((r) => [r.left, r.top, r.right, r.bottom]);
}"""


@dataclass
class Driver:
    """One editor in one tab."""

    page: Page
    url: str
    store: Store
    project: str = field(default_factory=lambda: uuid.uuid4().hex)
    name: str = ""
    query: dict[str, str] = field(default_factory=dict)

    def open(self, name: str, **query: str) -> None:
        """Open a scenario in the driver's own project."""
        self.name = name
        self.query = query
        self.page.goto(f"{self.url}/?{urlencode({'document': name, 'project': self.project, **query})}")
        self.ready()

    def ready(self) -> None:
        expect(self.page.locator(".relex .par").first).to_be_attached(timeout=30_000)

    @property
    def extraction(self) -> Extraction:
        return SCENARIOS[self.name]()

    @property
    def document(self) -> Document:
        return self.extraction.document

    def entity(self, words: str) -> Entity:
        return next(e for e in self.extraction.entities if e.text(self.document) == words)

    # what is on the screen

    def text(self) -> str:
        return str(self.page.locator(".text").first.evaluate("node => node.textContent"))

    def mark(self, words: str) -> Locator:
        """The first mark with exactly these words, or none."""
        return self.page.locator(".pane .s.m").filter(has_text=words).first if self._has(words) else self._none()

    def _has(self, words: str) -> bool:
        with contextlib.suppress(AssertionError):
            expect(self.page.locator(".pane .s.m").filter(has_text=words).first).to_be_attached(timeout=700)
            return True
        return False

    def _none(self) -> Locator:
        return self.page.locator(".no-such-mark")

    def label_of(self, words: str) -> str:
        described = self.mark(words).locator(".tag").last.get_attribute("aria-label") or ""
        return described.split(",")[0]

    def focused(self) -> str:
        """The words of the focused entity."""
        pieces = self.page.locator(".pane .s.focus").all()
        return "".join(str(piece.evaluate("node => node.textContent")) for piece in pieces)

    def to_decide(self) -> int:
        return self.page.locator(".row.suggested").count()

    # hands

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, words: str) -> None:
        self.mark(words).click()

    def span(self, words: str) -> tuple[int, int]:
        start = self.document.text.index(words)
        return start, start + len(words)

    def boxes(self, start: int, end: int) -> list[list[float]]:
        found: list[list[float]] = self.page.locator(".text").first.evaluate(BOXES, [start, end])
        return found

    def double_click(self, words: str) -> None:
        left, top, right, bottom = self.boxes(*self.span(words))[0]
        self.page.mouse.dblclick((left + right) / 2, (top + bottom) / 2)

    def drag(self, words: str, inset: float = 0) -> None:
        """Drag over words, beginning and ending `inset` pixels inside of them."""
        self.drag_span(*self.span(words), inset=inset)

    def drag_span(self, start: int, end: int, inset: float = 0.5, modifier: str = "") -> None:
        boxes = self.boxes(start, end)
        left, top, right, bottom = min(b[0] for b in boxes), boxes[0][1], max(b[2] for b in boxes), boxes[0][3]
        if modifier:
            self.page.keyboard.down(modifier)
        self.page.mouse.move(left + inset, (top + bottom) / 2)
        self.page.mouse.down()
        self.page.mouse.move((left + right) / 2, (top + bottom) / 2, steps=3)
        self.page.mouse.move(right - inset, (top + bottom) / 2, steps=3)
        self.page.mouse.up()
        if modifier:
            self.page.keyboard.up(modifier)

    def drag_from(self, handle: str, words: str, plain: bool = False) -> None:
        """Drag a handle of the focused entity to a mark, or to plain words."""
        box = self.page.locator(handle).bounding_box()
        assert box
        if plain:
            _, top, right, bottom = self.boxes(*self.span(words))[0]
            x, y = right - 2, (top + bottom) / 2
        else:
            target = self.mark(words).bounding_box()
            assert target
            x, y = target["x"] + target["width"] / 2, target["y"] + target["height"] / 2
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.move(x - 5, y, steps=4)
        self.page.mouse.move(x, y)
        self.page.mouse.up()

    # what is saved

    def wait(self) -> None:
        """Until the editor says that all is saved."""
        expect(self.page.locator(".status")).to_have_text("saved", timeout=20_000)

    def revision(self) -> Revision | None:
        return self.store.latest(self.project, self.name)

    def saved(self) -> Annotation:
        """What the store holds once the editor says so."""
        self.wait()
        latest = self.revision()
        assert latest is not None
        return latest.annotation


@contextlib.contextmanager
def opened(data: Path) -> Iterator[Store]:
    """The store of a running server, as a second process sees it."""
    path = data / "editor.db"
    deadline = time.monotonic() + 20
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    store = Store.open(f"sqlite:///{path}")
    try:
        yield store
    finally:
        store.close()
