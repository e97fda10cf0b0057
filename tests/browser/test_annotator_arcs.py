"""Where the arcs of relations run, where their labels stand, and where the bubble of a mark is put."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.annotator_driver import Driver, opened
from tests.browser.conftest import Server, Watch

pytestmark = pytest.mark.browser

# What arcs must keep clear of, all in px of the window: [left, top, right, bottom]. The box of a line's letters is
# higher than the letters: 3 px at either end are air.
SEEN = """(text) => {
  const root = text.getRootNode(), box = (r) => [r.left, r.top, r.right, r.bottom];
  const words = [...text.querySelectorAll('.s')].flatMap((s) => {
    const range = document.createRange();
    range.selectNodeContents(s.lastChild);
    const lines = [...range.getClientRects()].filter((r) => r.width > 1);
    return lines.map((r) => [r.left, r.top + 3, r.right, r.bottom - 3]);
  });
  const sheet = root.querySelector('.sheet').getBoundingClientRect();
  const points = [...root.querySelectorAll('.arc .wire')].flatMap((wire) => {
    const found = [];
    for (let at = 0; at <= wire.getTotalLength(); at += 2) {
      const { x, y } = wire.getPointAtLength(at);
      found.push([sheet.left + x, sheet.top + y]);
    }
    return found;
  });
  const plates = [...root.querySelectorAll('.arc .plate')].map((p) => box(p.getBoundingClientRect()));
  const labels = [...root.querySelectorAll('.arc text')].map((t) => box(t.getBoundingClientRect()));
  return { words, points, plates, labels, pane: box(root.querySelector('.pane').getBoundingClientRect()) };
}"""

PLACES = """(text) => [...text.querySelectorAll('.s')].map((s) => {
  const { left, top, right, bottom } = s.getBoundingClientRect();
  return [left, top, right, bottom];
})"""

Box = list[float]


def seen(editor: Driver) -> dict[str, Any]:
    found: dict[str, Any] = editor.page.locator(".text").first.evaluate(SEEN)
    return found


def overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] - 0.5 and b[0] < a[2] - 0.5 and a[1] < b[3] - 0.5 and b[1] < a[3] - 0.5


def legible(editor: Driver, relations: int) -> None:
    """No line crosses a word, no label lies on a word or on another label, and nothing is cut off."""
    expect(editor.page.locator(".arc")).to_have_count(relations)
    there = seen(editor)
    assert len(there["plates"]) == relations
    for x, y in there["points"]:
        assert not any(w[0] < x < w[2] and w[1] < y < w[3] for w in there["words"])
        assert there["pane"][1] < y
    for n, plate in enumerate(there["plates"]):
        assert not any(overlap(plate, word) for word in there["words"])
        assert not any(overlap(plate, other) for other in there["plates"][:n])
        assert there["pane"][1] <= plate[1]
        assert there["pane"][0] <= plate[0]
        assert plate[2] <= there["pane"][2]
        label = there["labels"][n]
        assert plate[0] <= label[0] + 0.5
        assert label[2] - 0.5 <= plate[2]


@pytest.mark.parametrize(
    ("name", "hub", "relations"),
    [
        ("hub", "Mary Somerville", 10),
        ("arabic", "ليلى العلوي", 6),
        ("news", "Marie Curie", 3),
        ("second", "Grace Hopper", 1),
    ],
)
@pytest.mark.parametrize("width", [1440, 1000])
def test_arcs_of_the_focus_cross_no_words_and_their_labels_cover_nothing(
    editor: Driver, name: str, hub: str, relations: int, width: int
) -> None:
    editor.page.set_viewport_size({"width": width, "height": 900})
    editor.open(name)
    editor.click(hub)
    legible(editor, relations)


def test_the_text_stands_still_wherever_the_focus_goes(editor: Driver) -> None:
    for name in ("hub", "arabic", "news"):
        editor.open(name)
        editor.press("Escape")
        text = editor.page.locator(".text").first
        before = text.evaluate(PLACES)
        for _ in range(len(editor.extraction.entities) + 1):
            editor.press("ArrowRight")
            assert text.evaluate(PLACES) == before
        for _ in range(6):
            editor.press("Tab")
            assert text.evaluate(PLACES) == before
    # what was decided has its arcs where they were: rejecting some of them moves nothing either
    editor.open("hub")
    before = editor.page.locator(".text").first.evaluate(PLACES)
    editor.press("Escape", "Tab", "x", "x", "x")
    after = editor.page.locator(".text").first.evaluate(PLACES)
    assert [place[1] for place in after][:1] == [place[1] for place in before][:1]
    assert after[-1][1] == before[-1][1]


def test_arcs_to_other_lines_of_a_text_from_right_to_left_go_through_its_own_margin(editor: Driver) -> None:
    editor.open("arabic")
    editor.click("ليلى العلوي")
    there = seen(editor)
    assert max(x for x, _ in there["points"]) > max(word[2] for word in there["words"])
    assert min(x for x, _ in there["points"]) > min(word[0] for word in there["words"])


def test_an_arc_is_chosen_by_its_label_and_suggestions_are_thinner(editor: Driver) -> None:
    editor.open("second")
    editor.click("Grace Hopper")
    wire = editor.page.locator(".arc .wire")
    expect(wire).to_have_css("stroke-width", "1.1px")
    editor.page.locator(".arc text").click()
    expect(editor.page.locator(".arc")).to_have_class(re.compile(r"\bfocus\b"))
    editor.press("a")
    editor.click("Grace Hopper")
    expect(editor.page.locator(".arc.accepted")).to_have_count(1)
    expect(wire).to_have_css("stroke-width", "1.5px")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_bubble_covers_neither_its_mark_nor_other_words(
    harness: Server, chromium: Browser, watch: Watch, scheme: Any
) -> None:
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    with opened(harness.data) as store:
        editor = Driver(watch.attach(context.new_page()), harness.url, store)
        editor.open("hub")
        for words in ("Ada Byron", "Mary Somerville", "William King", "Medal of Merit"):
            editor.mark(words).hover()
            bubble = editor.page.locator(".bubble")
            expect(bubble).to_be_visible()
            at = bubble.bounding_box()
            assert at
            box = [at["x"], at["y"], at["x"] + at["width"], at["y"] + at["height"]]
            assert not any(overlap(box, word) for word in seen(editor)["words"]), words
    context.close()


def test_where_lines_are_close_the_bubble_still_leaves_its_mark_free(editor: Driver) -> None:
    editor.open("news")
    # as in a label set without relations, and with no free place around
    editor.page.locator(".relex").evaluate("node => node.classList.remove('related')")
    for words in ("Nobel Prize in Physics", "Warsaw", "Sorbonne"):
        editor.mark(words).hover()
        at = editor.page.locator(".bubble").bounding_box()
        assert at
        box = [at["x"], at["y"], at["x"] + at["width"], at["y"] + at["height"]]
        assert not any(overlap(box, own) for own in editor.boxes(*editor.span(words)))
