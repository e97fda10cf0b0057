"""Several corrections for one key: relations from one entity, keys at the pointer, what the model nearly said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.annotator_driver import Driver, opened
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def editor(harness: Server, page: Page) -> Iterator[Driver]:
    with opened(harness.data) as store:
        yield Driver(page, harness.url, store)


def relations(editor: Driver) -> set[tuple[str, str, str]]:
    saved = editor.saved()
    words = {e.id: e.text(saved.document) for e in saved.entities}
    return {(words[r.head], r.label, words[r.tail]) for r in saved.relations}


def tie(editor: Driver, words: str, *more: str) -> None:
    for key in ("Shift", *more):
        editor.page.keyboard.down(key)
    editor.click(words)
    for key in (*more, "Shift"):
        editor.page.keyboard.up(key)


def point(editor: Driver, words: str) -> None:
    """Move the pointer there as a hand does, not in one leap."""
    left, top, right, bottom = editor.boxes(*editor.span(words))[0]
    editor.page.mouse.move(left - 20, top)
    editor.page.mouse.move((left + right) / 2, (top + bottom) / 2, steps=4)


def test_relations_from_one_entity_to_several_need_a_click_each(editor: Driver) -> None:
    editor.open("news")
    editor.click("Marie Curie")
    # several labels fit: the first time it asks, then it knows
    tie(editor, "Sorbonne")
    editor.page.locator(".option", has_text="influenced").click()
    tie(editor, "Warsaw")
    tie(editor, "Pierre Curie", "Alt")
    assert relations(editor) == {
        ("Marie Curie", "influenced", "Warsaw"),
        ("Marie Curie", "influenced", "Sorbonne"),
        ("Pierre Curie", "influenced", "Marie Curie"),
    }


def test_a_stretch_is_related_at_once_and_takes_another_label_at_once(editor: Driver) -> None:
    editor.open("news")
    editor.click("Lise Meitner")
    # only one label fits here: it does not ask
    tie(editor, "Warsaw")
    editor.click("Marie Curie")
    start, end = editor.span("Nobel Prize in Physics with her husband Pierre Curie")
    editor.page.keyboard.down("Shift")
    editor.drag_span(start, end, inset=4)
    editor.page.keyboard.up("Shift")
    both = {("Marie Curie", "influenced", "Nobel Prize in Physics"), ("Marie Curie", "influenced", "Pierre Curie")}
    assert both < relations(editor)
    # only one of the two may be received; the other keeps its label, and one undo takes the step back
    editor.press("u")
    assert not both & relations(editor)
    assert editor.page.evaluate("getSelection().toString()") == ""


def test_keys_act_on_the_mark_under_the_pointer(editor: Driver) -> None:
    editor.open("news")
    n = editor.to_decide()
    point(editor, "Lise Meitner")
    editor.press("x")
    expect(editor.page.locator(".row.rejected", has_text="Lise Meitner")).to_have_count(1)
    assert editor.to_decide() < n
    point(editor, "Warsaw")
    editor.press("2")
    assert ("Warsaw", "organization") in [(e.text(editor.document), e.label) for e in editor.saved().entities]
    # a pointer that rests takes nothing from the keyboard
    editor.press("Tab")
    focused = editor.page.locator(".row[aria-selected=true]").inner_text()
    editor.press("x")
    rejected = editor.page.locator(".row.rejected").all_inner_texts()
    assert any(focused.split("\n")[0] in row for row in rejected)


def test_what_the_model_nearly_said_is_one_key(editor: Driver) -> None:
    editor.open("news")
    expect(editor.mark("laboratory")).to_have_count(0)
    point(editor, "laboratory")
    editor.press("e")
    assert [(e.text(editor.document), e.label) for e in editor.saved().entities] == [("laboratory", "organization")]


def test_more_shows_the_next_best_and_less_hides_without_rejecting(editor: Driver) -> None:
    editor.open("news")
    editor.press("Escape", "-")
    expect(editor.page.locator(".row.relation.suggested")).to_have_count(0)
    assert editor.page.locator(".row.rejected").count() == 0
    editor.press("+")
    expect(editor.page.locator(".row.relation.suggested")).to_have_count(1)
    editor.press("a")
    assert relations(editor) == {("Marie Curie", "spouse of", "Pierre Curie")}
    revision = editor.revision()
    assert revision is not None
    assert revision.annotation.rejected_relations == ()


def test_new_keys_are_in_the_bar_and_the_sheet(editor: Driver) -> None:
    editor.open("news")
    editor.click("Sorbonne")
    expect(editor.page.locator(".keyed.do-suggest kbd")).to_have_text("e")
    editor.press("?")
    for words in (
        "show the next best suggestion",
        "relations to all entities in the stretch",
        "the pointer was moved to",
    ):
        expect(editor.page.locator(".keygrid")).to_contain_text(words)
