"""What the editor says aloud and shows for it, and what can be done without a key: the list of all keys."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from db.values import State
from tests.browser.annotator_driver import Driver, opened
from tests.browser.conftest import Server, Watch

pytestmark = pytest.mark.browser

# What has the focus, and what it names as its active descendant.
ACTIVE = """() => {
  let node = document.activeElement;
  while (node.shadowRoot && node.shadowRoot.activeElement) node = node.shadowRoot.activeElement;
  const root = node.getRootNode();
  const active = root.getElementById(node.getAttribute('aria-activedescendant') || '');
  const owner = root.getElementById(node.getAttribute('aria-owns') || '') || node;
  return {
    name: node.getAttribute('aria-label'), role: node.getAttribute('role'),
    option: active && active.getAttribute('role'), chosen: active && active.getAttribute('aria-selected'),
    words: active && active.textContent, inside: Boolean(active) && owner.contains(active),
    owns: owner.getAttribute('role'),
  };
}"""


def said(editor: Driver, *words: str) -> None:
    for some in words:
        expect(editor.page.locator(".live")).to_contain_text(some)


def line(editor: Driver, words: str) -> None:
    """Open the list of all keys and choose one of its lines."""
    editor.press("?")
    editor.page.locator(".keygrid").get_by_role("button", name=words, exact=True).click()


def test_what_was_done_is_said_with_what_has_the_focus_now(editor: Driver) -> None:
    editor.open("news")
    said(editor, "Document: Marie Curie shared the Nobel Prize in Physics with her … 23 to decide. Now: ")
    editor.click("Sorbonne")
    expect(editor.page.locator(".live")).to_have_text("Sorbonne, organization, suggested, score 0.62")
    for key, words in (("a", "Accepted: "), ("x", "Rejected: ")):
        editor.press(key)
        row = editor.page.locator(".row[aria-selected=true]").get_attribute("title") or ""
        said(editor, words, " Next: ", row.split(" (")[0].split(" →")[0])
    focus = editor.page.locator(".row[aria-selected=true]").get_attribute("title") or ""
    # what was saved in the meantime is not taken for what undo brought back
    editor.wait()
    editor.press("u")
    said(editor, "Undone. Now: ", focus.split(" (")[0].split(" →")[0])
    # the second time it is news again
    before = editor.page.locator(".live").evaluate("node => node.textContent")
    editor.press("u")
    assert editor.page.locator(".live").evaluate("node => node.textContent") != before
    said(editor, "Undone.")
    # only one part of the page speaks
    assert editor.page.locator("[aria-live]").count() == 1


def test_a_step_says_how_the_next_document_begins_and_how_much_there_is_to_decide(editor: Driver) -> None:
    editor.open("news", queue="1")
    editor.press("Enter")
    said(editor, "Submitted. Document: Grace Hopper joined Remington Rand in New York. She wrote … 5 to decide. Now: ")
    expect(editor.page.locator(".message")).to_have_text("Submitted.")


def test_what_has_the_keyboard_names_the_row_in_focus(editor: Driver) -> None:
    editor.open("news")
    editor.click("Sorbonne")
    active = editor.page.evaluate(ACTIVE)
    assert (active["name"], active["role"], active["owns"]) == ("document", "group", "listbox")
    assert (active["option"], active["chosen"], active["inside"]) == ("option", "true", True)
    assert "Sorbonne" in active["words"]
    editor.page.get_by_role("listbox", name="entities and relations").focus()
    active = editor.page.evaluate(ACTIVE)
    assert (active["role"], active["option"], active["inside"]) == ("listbox", "option", True)
    editor.press("Escape")
    assert editor.page.evaluate(ACTIVE)["option"] is None
    # in the choice of a label the field has the keyboard
    editor.click("Sorbonne")
    editor.press("/", "ArrowDown")
    active = editor.page.evaluate(ACTIVE)
    assert (active["role"], active["option"], active["chosen"]) == ("combobox", "option", "true")
    assert "organization" in active["words"]


def test_every_line_of_the_list_of_keys_does_what_it_says(editor: Driver) -> None:
    editor.open("news")
    editor.press("?")
    grid = editor.page.locator(".keygrid")
    assert grid.locator("button.key").count() == grid.locator("button.does:enabled").count() > 25
    expect(editor.page.locator(".sheet-keys")).to_contain_text("Ctrl+Z and Ctrl+Shift+Z always undo and redo")
    editor.press("Escape")
    # what has no other button
    editor.click("Sorbonne")
    line(editor, "reject all suggestions with this label")
    assert {e.label for e in editor.saved().rejected_entities} == {"organization"}
    line(editor, "undo")
    assert editor.saved().rejected_entities == ()
    line(editor, "score relations again on these entities")
    expect(editor.page.locator(".message")).to_have_text("Relations are being scored on these entities.")
    line(editor, "flag with a note")
    editor.page.get_by_label("Why is this document flagged?").last.fill("odd")
    editor.press("Enter")
    editor.wait()
    revision = editor.revision()
    assert revision is not None
    assert (revision.state, revision.note) == (State.FLAGGED, "odd")
    line(editor, "accept what is shown, submit, stay")
    editor.wait()
    revision = editor.revision()
    assert revision is not None
    assert revision.state is State.SUBMITTED
    expect(editor.page.locator(".text").first).to_contain_text("Marie Curie")
    # where nothing can be changed, only what reads is offered
    editor.open("second", mode="view")
    editor.page.locator(".pane").focus()
    editor.press("?")
    expect(grid.get_by_role("button", name="accept", exact=True)).to_be_disabled()
    expect(grid.get_by_role("button", name="next entity in the text", exact=True)).to_be_enabled()


def test_fingers_do_from_the_list_what_has_no_button(harness: Server, chromium: Browser, watch: Watch) -> None:
    context = chromium.new_context(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    with opened(harness.data) as store:
        editor = Driver(watch.attach(context.new_page()), harness.url, store)
        editor.open("news")
        editor.mark("Sorbonne").tap()
        editor.page.locator(".keyed.do-help").tap()
        row = editor.page.locator(".keygrid").get_by_role(
            "button", name="reject all suggestions with this label", exact=True
        )
        box = row.bounding_box()
        assert box
        assert box["height"] >= 36
        row.tap()
        assert {e.label for e in editor.saved().rejected_entities} == {"organization"}
        editor.page.locator(".keyed.do-help").tap()
        editor.page.locator(".keygrid").get_by_role(
            "button", name="accept what is shown, submit, stay", exact=True
        ).tap()
        editor.wait()
        revision = editor.revision()
    context.close()
    assert revision is not None
    assert revision.state is State.SUBMITTED


def test_undo_and_redo_keep_the_keys_that_every_program_has(editor: Driver) -> None:
    editor.open("news")
    for words, key in (("undo", "y"), ("redo", "Y")):
        editor.press("?")
        editor.page.get_by_role("button", name=f"change the key for: {words}", exact=True).click()
        editor.press(key, "Escape")
    editor.click("Sorbonne")
    editor.press("a")
    assert len(editor.saved().entities) == 1
    for undo, redo in (("Control+z", "Control+Shift+Z"), ("Meta+z", "Meta+Shift+Z"), ("y", "Y")):
        editor.press(undo)
        assert editor.saved().entities == ()
        editor.press(redo)
        assert len(editor.saved().entities) == 1
    # a keyboard that types another script has them at the same place
    editor.page.locator(".pane").dispatch_event(
        "keydown", {"key": "я", "code": "KeyZ", "ctrlKey": True, "composed": True}
    )
    assert editor.saved().entities == ()
    # and nothing else gets them
    editor.press("?")
    editor.page.get_by_role("button", name="change the key for: accept", exact=True).click()
    editor.press("Control+z")
    expect(editor.page.locator(".sheet-keys .hint").first).to_have_text("Ctrl+Z already means: undo.")


def test_the_work_before_a_flag_is_counted_once(editor: Driver) -> None:
    editor.open("news")
    editor.click("Sorbonne")
    editor.press("j", "k", "j", "k", "Shift+Digit1")
    editor.page.get_by_label("Why is this document flagged?").last.fill("odd")
    editor.press("Enter")
    editor.wait()
    flagged = editor.revision()
    assert flagged is not None
    assert flagged.keystrokes == 5
    editor.press("a", "Shift+Enter")
    editor.wait()
    submitted = editor.revision()
    assert submitted is not None
    assert submitted.state is State.SUBMITTED
    assert submitted.keystrokes == 2
    assert submitted.seconds is not None
    assert flagged.seconds is not None


def test_what_goes_with_an_entity_is_said_and_comes_back_with_it(editor: Driver) -> None:
    editor.open("news")
    editor.page.locator(".row.relation.suggested", has_text="spouse of").click()
    editor.press("a")
    before = editor.saved()
    assert len(before.relations) == 1
    rows = editor.page.locator(".row.relation")
    n = rows.count()
    editor.click("Marie Curie")
    editor.press("d")
    words = "Deleted: Marie Curie, person, and with it 1 relation and 2 suggested relations."
    expect(editor.page.locator(".message")).to_have_text(words)
    said(editor, words)
    after = editor.saved()
    assert after.relations == ()
    assert [e.text(after.document) for e in after.entities] == ["Pierre Curie"]
    editor.press("u")
    assert editor.saved() == before
    expect(rows).to_have_count(n)
    expect(editor.page.locator(".row.relation.accepted")).to_have_count(1)
    editor.press("Z")
    assert editor.saved() == after


def test_what_goes_with_all_suggestions_of_a_label_is_said_and_comes_back(editor: Driver) -> None:
    editor.open("news")
    rows = editor.page.locator(".row.suggested")
    n = rows.count()
    editor.click("Sorbonne")
    editor.press("X")
    words = "Rejected: 2 suggestions of organization, and with them 3 suggested relations."
    expect(editor.page.locator(".message")).to_have_text(words)
    said(editor, words)
    expect(rows).to_have_count(n - 5)
    editor.press("u")
    expect(rows).to_have_count(n)
    assert editor.saved().rejected_entities == ()


def test_a_wish_for_new_scores_says_which_relations_get_none(editor: Driver) -> None:
    message = editor.page.locator(".message")
    editor.open("passages")
    editor.press("r")
    expect(message).to_have_text(
        "Relations are being scored on these entities, in each of the 2 passages in which this text is read; "
        "between passages they are not scored."
    )
    editor.wait()
    editor.click("New York")
    editor.press("x", "r")
    expect(message).to_have_text("Relations are being scored on these entities.")
    editor.wait()
    editor.open("second")
    editor.press("r")
    expect(message).to_have_text("Relations are being scored on these entities.")
