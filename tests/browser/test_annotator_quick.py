"""Several corrections for one key: relations from one entity, keys at the pointer, what the model nearly said."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.annotator_driver import Driver

pytestmark = pytest.mark.browser


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


def join(editor: Driver, head: str, tail: str, *more: str) -> None:
    """Ctrl and drag from the middle of one mark to that of another."""
    places = []
    for words in (head, tail):
        left, top, right, bottom = editor.boxes(*editor.span(words))[0]
        places.append(((left + right) / 2, (top + bottom) / 2))
    for key in ("Control", *more):
        editor.page.keyboard.down(key)
    editor.page.mouse.move(*places[0])
    editor.page.mouse.down()
    editor.page.mouse.move(*places[1], steps=5)
    editor.page.mouse.up()
    for key in (*more, "Control"):
        editor.page.keyboard.up(key)


def message(editor: Driver) -> str:
    return editor.page.locator(".message").inner_text()


def test_relations_from_one_entity_to_several_need_a_click_each(editor: Driver) -> None:
    editor.open("second")
    editor.page.evaluate("localStorage.setItem('relex-studio.guessing', 'no')")
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


def test_a_drag_from_mark_to_mark_is_a_relation_with_the_usual_label(editor: Driver) -> None:
    editor.open("news")
    # nobody decided anything: the model thinks that she may work there
    join(editor, "Marie Curie", "Radium Institute")
    assert relations(editor) == {("Marie Curie", "works for", "Radium Institute")}
    assert "the model thinks" in message(editor)
    editor.press("5")
    assert relations(editor) == {("Marie Curie", "influenced", "Radium Institute")}
    # what a person chose between such types outweighs what the model nearly said
    join(editor, "Pierre Curie", "Sorbonne")
    assert ("Pierre Curie", "influenced", "Sorbonne") in relations(editor)
    assert "Chosen 1 of 1 times from person to organization" in message(editor)
    # with Alt the other way round, and the next from the same entity needs no more than a click
    join(editor, "Lise Meitner", "Pierre Curie", "Alt")
    tie(editor, "Sorbonne")
    assert {("Pierre Curie", "influenced", "Lise Meitner"), ("Lise Meitner", "influenced", "Sorbonne")} < relations(
        editor
    )
    before = relations(editor)
    join(editor, "Lise Meitner", "asked for a sample")
    assert relations(editor) == before
    assert editor.page.evaluate("getSelection().toString()") == ""


def test_a_drag_with_shift_too_relates_all_on_the_way_each_with_its_own_label(editor: Driver) -> None:
    editor.open("news")
    join(editor, "Marie Curie", "Pierre Curie", "Shift")
    assert relations(editor) == {
        ("Marie Curie", "received", "Nobel Prize in Physics"),
        ("Marie Curie", "spouse of", "Pierre Curie"),
    }
    # they got a label each: a digit now is for the one in focus
    editor.press("5")
    assert relations(editor) == {
        ("Marie Curie", "received", "Nobel Prize in Physics"),
        ("Marie Curie", "influenced", "Pierre Curie"),
    }


def test_what_people_chose_in_submitted_documents_is_usual_in_the_next(editor: Driver) -> None:
    editor.open("second")
    editor.click("Grace Hopper")
    tie(editor, "Remington Rand")
    editor.press("5")
    assert relations(editor) == {("Grace Hopper", "influenced", "Remington Rand")}
    editor.press("Shift+Enter")
    editor.wait()
    editor.open("news")
    join(editor, "Pierre Curie", "Sorbonne")
    assert relations(editor) == {("Pierre Curie", "influenced", "Sorbonne")}
    assert "Chosen 1 of 1 times" in message(editor)


def test_one_key_gives_the_label_given_last_to_all_like_it(editor: Driver) -> None:
    editor.open("news")
    expect(editor.page.locator(".keyed.do-alike")).to_have_count(0)
    editor.click("Sorbonne")
    editor.press("5")
    expect(editor.page.locator(".keyed.do-alike")).to_be_visible()
    editor.press("=")
    labels = {e.text(editor.document): e.label for e in editor.saved().entities}
    assert labels == {"Sorbonne": "work", "Radium Institute": "work"}
    editor.press("u")
    assert [e.text(editor.document) for e in editor.saved().entities] == ["Sorbonne"]


def test_a_drag_across_the_edge_of_a_suggestion_moves_it(editor: Driver) -> None:
    editor.open("news")
    n = editor.page.locator(".row.relation.suggested").count()
    editor.drag("Irène Joliot-Curie worked")
    (moved,) = editor.saved().entities
    assert (moved.id, moved.label) == (editor.entity("Irène Joliot-Curie").id, "person")
    assert moved.text(editor.document) == "Irène Joliot-Curie worked"
    assert editor.page.locator(".row.relation.suggested").count() == n, "its relations came with it"
    # a label chosen by hand before is meant for a new span
    editor.press("Escape", "3")
    editor.drag("Lise Meitner of Berlin")
    assert ("Lise Meitner of Berlin", "location") in [
        (e.text(editor.document), e.label) for e in editor.saved().entities
    ]
    assert editor.entity("Lise Meitner").id not in editor.saved().by_id()


def test_keys_act_on_the_row_under_the_pointer(editor: Driver) -> None:
    editor.open("news")
    box = editor.page.locator(".row.relation.suggested", has_text="spouse of").bounding_box()
    assert box
    editor.page.mouse.move(box["x"] + 10, box["y"] + 10)
    editor.page.mouse.move(box["x"] + 40, box["y"] + 12, steps=4)
    editor.press("5")
    assert relations(editor) == {("Marie Curie", "influenced", "Pierre Curie")}


def test_a_stretch_is_related_at_once_and_takes_another_label_at_once(editor: Driver) -> None:
    editor.open("second")
    editor.page.evaluate("localStorage.setItem('relex-studio.guessing', 'no')")
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
    expect(editor.page.locator(".bubble")).to_contain_text("organization")
    assert ("Warsaw", "organization") in [(e.text(editor.document), e.label) for e in editor.saved().entities]
    # a pointer that rests takes nothing from the keyboard
    editor.press("Tab")
    focused = editor.page.locator(".row[aria-selected=true]").inner_text().split("\n")[0]
    editor.press("x")
    expect(editor.page.locator(".row.rejected", has_text=focused).first).to_be_attached()


def test_what_the_model_nearly_said_is_one_key(editor: Driver) -> None:
    editor.open("news")
    expect(editor.mark("laboratory")).to_have_count(0)
    point(editor, "laboratory")
    editor.press("e")
    assert [(e.text(editor.document), e.label) for e in editor.saved().entities] == [("laboratory", "organization")]


def test_the_pointer_shows_what_that_key_would_mark(editor: Driver) -> None:
    editor.open("news")
    point(editor, "laboratory")
    expect(editor.page.locator(".ghost span")).to_have_count(1)
    expect(editor.page.locator(".bubble")).to_have_text("organization  0.15e")
    line = editor.page.locator(".ghost span").bounding_box()
    assert line is not None
    left, _, right, bottom = editor.boxes(*editor.span("laboratory"))[0]
    assert (line["x"], line["x"] + line["width"]) == pytest.approx((left, right), abs=1)
    assert line["y"] + line["height"] == pytest.approx(bottom + 2, abs=3)
    # nothing over marks, over words without a suggestion, or after the key
    for words in ("Sorbonne", "shared"):
        point(editor, words)
        expect(editor.page.locator(".ghost span")).to_have_count(0)
    point(editor, "laboratory")
    editor.press("e")
    expect(editor.page.locator(".ghost span")).to_have_count(0)
    # in Arabic it lies where the words lie
    editor.click("وارسو")
    editor.press("d")
    point(editor, "وارسو")
    expect(editor.page.locator(".ghost span")).to_have_count(0)  # rejected: it is not offered again


def test_all_suggestions_with_a_label_are_rejected_at_once(editor: Driver) -> None:
    editor.open("news")
    editor.click("Warsaw")
    editor.press("a")
    point(editor, "Sorbonne")
    editor.press("X")
    rejected = editor.page.locator(".row.rejected")
    expect(rejected).to_have_count(2)
    assert {e.text(editor.document) for e in editor.saved().rejected_entities} == {"Sorbonne", "Radium Institute"}
    assert [e.text(editor.document) for e in editor.saved().entities] == ["Warsaw"]
    # one undo takes back all of it
    editor.press("u")
    expect(rejected).to_have_count(0)
    # relations likewise, and what was accepted stays
    editor.page.locator(".row.relation.suggested", has_text="received").first.click()
    editor.press("a")
    editor.page.locator(".row.relation.suggested", has_text="received").first.click()
    editor.press("X")
    expect(editor.page.locator(".row.relation.suggested", has_text="received")).to_have_count(0)
    assert {label for _, label, _ in relations(editor)} == {"received"}
    assert len(editor.saved().rejected_relations) == 3


def test_a_new_span_takes_the_label_of_what_is_like_it(editor: Driver) -> None:
    editor.open("news")
    start, _ = editor.span("Curie had come")
    editor.drag_span(start, start + len("Curie"))
    start, _ = editor.span("institute, which")
    editor.drag_span(start, start + len("institute"))
    marked = {e.text(editor.document): e.label for e in editor.saved().entities}
    assert marked == {"Curie": "person", "institute": "organization"}
    assert "Institute" in message(editor)
    # a label that was chosen before the drag is meant
    editor.press("Escape", "4")
    editor.drag("husband")
    assert ("husband", "award") in {(e.text(editor.document), e.label) for e in editor.saved().entities}


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
        "from the entity where it begins",
        "labels 11 to 20",
    ):
        expect(editor.page.locator(".keygrid")).to_contain_text(words)
    editor.page.get_by_role("checkbox").uncheck()
    editor.press("Escape")
    join(editor, "Marie Curie", "Radium Institute")
    expect(editor.page.locator(".pop")).to_be_visible()
