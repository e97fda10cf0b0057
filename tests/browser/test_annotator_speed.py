"""Long documents in the browser, and what a key costs there. Limits are several times what is measured on two cores."""

from __future__ import annotations

from statistics import median

import pytest
from playwright.sync_api import expect

from relex_core.types import Undecided
from tests.browser.annotator_driver import Driver

pytestmark = pytest.mark.browser

# Milliseconds from a key to the end of its layout, one for each key.
ECHO = """async (pane, keys) => {
  const times = [];
  for (const key of keys) {
    const began = performance.now();
    pane.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true }));
    pane.getBoundingClientRect();
    times.push(performance.now() - began);
    await new Promise((done) => setTimeout(done, 30));
  }
  return times;
}"""


def echo(editor: Driver, keys: str) -> list[float]:
    times: list[float] = editor.page.locator(".pane").evaluate(ECHO, list(keys))
    print(f"\n{editor.name}: median {median(times):.1f} ms, worst {max(times):.1f} ms of {len(times)} keys")
    return times


@pytest.mark.timed
def test_echo_on_2000_words_and_300_entities(editor: Driver) -> None:
    editor.open("big")
    assert editor.page.locator(".pane .tag").count() == 300
    assert median(echo(editor, "aaxaa]]3ua" * 5)) < 100
    editor.wait()


@pytest.mark.timed
def test_100_000_characters(editor: Driver) -> None:
    editor.open("huge")
    assert len(editor.document.text) > 100_000
    assert editor.text() == editor.document.text
    assert median(echo(editor, "aax]3u" * 3)) < 300
    last = editor.document.text.rindex("Name1479")
    # paragraphs get their true height as they come into view
    editor.page.locator(".pane").evaluate(
        """async (pane) => {
          for (let i = 0; i < 20; i++) {
            pane.scrollTop = pane.scrollHeight;
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    expect(editor.page.locator(".pane .s.m").last).to_be_in_viewport()
    editor.press("Escape")
    start = editor.document.text.rindex("tools")
    editor.drag_span(start, start + 5)
    saved = editor.saved()
    assert (start, start + 5) in [e.span for e in saved.entities]
    assert last < start


@pytest.mark.timed
def test_slider_needs_no_server(editor: Driver) -> None:
    editor.open("big")
    editor.page.get_by_role("button", name="thresholds").click()
    slider = editor.page.get_by_label("threshold, entities", exact=True)
    times = slider.evaluate(
        """(slider) => [0.4, 0.5, 0.6, 0.7, 0.8, 0.5, 0.3].map((value) => {
          const began = performance.now();
          slider.value = value;
          slider.dispatchEvent(new Event('input'));
          slider.getBoundingClientRect();
          return performance.now() - began;
        })"""
    )
    print(f"\nslider: {sorted(round(t, 1) for t in times)} ms")
    assert median(times) < 300
    expect(editor.page.locator(".status")).to_have_text("saved")
    assert editor.revision() is None


def test_a_text_too_long_to_be_sent_whole_is_turned_like_pages(editor: Driver) -> None:
    editor.open("vast")
    whole = editor.document.text
    shown = editor.text()
    assert whole.startswith(shown)
    assert len(shown) == 200_000
    pager = editor.page.locator(".pager")
    expect(pager).to_contain_text(f"Characters 1 to 200,000 of {len(whole):,}")
    editor.press("Escape")
    pager.get_by_role("button", name="on").click()
    expect(pager).to_contain_text(f"to {len(whole):,} of")
    assert whole.endswith(editor.text())
    start = whole.rindex("tools")
    editor.page.locator(".pane").evaluate("pane => { pane.scrollTop = pane.scrollHeight; }")
    editor.press("Escape", "ArrowLeft")
    editor.press("m", "3")
    saved = editor.saved()
    assert all(e.start > start - 300 for e in saved.entities)
    assert [e.text(editor.document) for e in saved.entities] == ["Company3399 Works"]


def test_what_was_done_in_one_part_is_undone_from_another(editor: Driver) -> None:
    editor.open("vast")
    size = f"{len(editor.document.text):,}"
    pager = editor.page.locator(".pager")

    def decided() -> list[tuple[str, str]]:
        return [(e.text(editor.document), e.label) for e in editor.saved().entities]

    editor.click("Person3 Name3")
    editor.press("3")
    person = [("Person3 Name3", "location")]
    assert decided() == person
    editor.click("Company4 Works")
    editor.press("x")
    editor.wait()
    pager.get_by_role("button", name="on").click()
    expect(pager).to_contain_text(f"to {size} of")
    editor.click("Company3300 Works")
    editor.press("a")
    company = ("Company3300 Works", "organization")
    assert decided() == [*person, company]
    message = editor.page.locator(".message")
    editor.press("u")
    expect(message).to_have_text("Undone.")
    assert decided() == person
    editor.press("Control+z")
    at = editor.document.text.index("Company4 Works")
    expect(message).to_have_text(f"Undone at character {at + 1:,}, in another part of the text.")
    assert not editor.saved().rejected_entities
    editor.press("u")
    assert decided() == []
    # and done again, as it was
    editor.press("Z", "Z")
    expect(message).to_have_text(f"Done again at character {at + 1:,}, in another part of the text.")
    assert decided() == person
    assert [e.text(editor.document) for e in editor.saved().rejected_entities] == ["Company4 Works"]
    editor.press("u", "u")
    assert decided() == []
    pager.get_by_role("button", name="back").click()
    expect(pager).to_contain_text("Characters 1 to 200,000")
    for words in ("Person3 Name3", "Company4 Works"):
        expect(editor.page.locator(".pane .s.m.suggested", has_text=words).first).to_be_attached()
    editor.press("Control+Shift+Z")
    assert decided() == person
    expect(message).to_have_text("Done again.")


def test_time_and_keys_of_all_parts_are_counted(editor: Driver) -> None:
    editor.open("vast")
    editor.press("ArrowDown", "ArrowDown", "ArrowDown")
    editor.page.locator(".pager").get_by_role("button", name="on").click()
    expect(editor.page.locator(".pager")).to_contain_text(f"to {len(editor.document.text):,} of")
    editor.press("Shift+Enter")
    editor.wait()
    revision = editor.revision()
    assert revision is not None
    assert revision.keystrokes == 4


def test_what_lies_in_a_part_that_nobody_opened_was_not_shown(editor: Driver) -> None:
    editor.open("vast")
    editor.press("Shift+Enter")
    left = editor.saved().undecided
    assert left is not None
    assert (left.seen, left.seen_relations) == ((), ())
    assert set(left.not_shown) == {e.id for e in editor.extraction.entities if e.start >= 200_000}
    assert left.not_shown_relations
    editor.page.locator(".pager").get_by_role("button", name="on").click()
    expect(editor.page.locator(".pager")).to_contain_text(f"to {len(editor.document.text):,} of")
    editor.press("Shift+Enter")
    assert editor.saved().undecided == Undecided()
