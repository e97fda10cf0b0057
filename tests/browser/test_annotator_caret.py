"""The caret: what the model missed is marked without a pointer."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from db.values import State
from tests.browser.annotator_driver import Driver

pytestmark = pytest.mark.browser


def marked(editor: Driver) -> set[tuple[str, str]]:
    return {(e.text(editor.document), e.label) for e in editor.saved().entities}


def stands_at(editor: Driver, words: str) -> None:
    """Assert that the caret frames these words, is said, and that no mark has the focus."""
    expect(editor.page.locator(".live")).to_contain_text(words)
    expect(editor.page.locator(".caret span")).to_have_count(1)
    frame = editor.page.locator(".caret span").bounding_box()
    assert frame is not None
    left, top, right, bottom = editor.boxes(*editor.span(words))[0]
    assert (frame["x"], frame["x"] + frame["width"]) == pytest.approx((left, right), abs=5)
    assert frame["y"] < bottom
    assert frame["y"] + frame["height"] > top
    assert editor.focused() == ""


def test_keys_alone_mark_a_part_of_a_mark(editor: Driver) -> None:
    editor.open("nested")
    editor.press("Escape", "w", "w")
    assert editor.focused() == "University of California Press"
    editor.press("i")
    stands_at(editor, "University")
    editor.press("w", "w")
    stands_at(editor, "California")
    editor.press("3")
    both = {("University of California Press", "organization"), ("California", "location")}
    assert marked(editor) == both
    assert editor.focused() == "California"
    editor.press("u")
    assert marked(editor) == set(), "one step, one undo"
    # inside an accepted mark too, and out of it at its end
    editor.press("Escape", "w")
    editor.press("Z")
    assert marked(editor) == both
    assert editor.focused() == "University of California Press"
    editor.press("i", "b")
    stands_at(editor, "The")


def test_keys_alone_mark_what_the_model_missed(editor: Driver) -> None:
    editor.open("news")
    editor.press("Escape", "w")
    assert editor.focused() == "Marie Curie", "marks on the way get the focus"
    editor.press("w")
    stands_at(editor, "shared")
    editor.press("]")
    stands_at(editor, "shared the")
    editor.press("[", "w", "w")
    assert editor.focused() == "Nobel Prize in Physics"
    editor.press("Control+ArrowRight", "Control+ArrowRight", "Control+ArrowRight")
    stands_at(editor, "husband")
    editor.press("2")
    assert ("husband", "organization") in marked(editor)
    assert editor.focused() == "husband"
    expect(editor.page.locator(".caret span")).to_have_count(0)
    editor.press("b")
    stands_at(editor, "her")
    editor.press("Control+Shift+ArrowRight")
    assert editor.page.locator(".message").inner_text() == "her husband"
    editor.press("Escape")
    expect(editor.page.locator(".caret span")).to_have_count(0)
    editor.press("u")
    assert ("husband", "organization") not in marked(editor)


def test_enter_marks_where_the_caret_stands_and_submits_where_not(editor: Driver) -> None:
    editor.open("news")
    editor.click("Pierre Curie")
    editor.press("w", "w", "Enter")
    assert ("1903", "person") in marked(editor), "with the label that the bar shows"
    revision = editor.revision()
    assert revision is not None
    assert revision.state == State.IN_PROGRESS
    editor.press("w", "w", "w")  # 🏆, Curie, had
    stands_at(editor, "had")
    editor.press("Tab")
    expect(editor.page.locator(".caret span")).to_have_count(0)
    assert editor.focused()
    editor.press("Shift+Enter")
    expect(editor.page.locator(".message")).to_have_text("Submitted.")


def test_what_the_model_would_mark_there(editor: Driver) -> None:
    editor.open("news")
    editor.click("Europe")
    editor.press("b", "b")
    stands_at(editor, "laboratory")
    editor.press("e")
    assert ("laboratory", "organization") in marked(editor)


def test_the_caret_goes_by_what_is_read_as_one_character(editor: Driver) -> None:
    editor.open("news")
    editor.click("Lise Meitner")
    editor.press("b")
    stands_at(editor, "👩‍🔬")
    editor.press("3")
    assert ("👩‍🔬", "location") in marked(editor)
    editor.click("ماري كوري")
    editor.press("b")
    stands_at(editor, "وُلدت")
    # the ends of the text are told
    editor.press(*["b"] * 100)
    expect(editor.page.locator(".message")).to_have_text("The text begins here.")
