"""The editor in the browser: marks, keys, mouse, text of any script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.annotator_driver import Driver, opened
from tests.browser.conftest import Server, Watch

pytestmark = pytest.mark.browser


def test_text_is_shown_unchanged_and_inert(editor: Driver) -> None:
    editor.open("news")
    assert editor.text() == editor.document.text
    assert editor.page.locator(".relex b, .relex script").count() == 0
    editor.press("Escape")
    expect(editor.page.locator(".chip", has_text="<script>alert(1)</script>")).to_be_visible()


def test_a_mark_that_begins_a_line_leaves_nothing_at_the_end_of_the_line_before(editor: Driver) -> None:
    editor.open("news")
    torn = editor.page.locator(".sheet").evaluate(
        """sheet => {
          const torn = [], words = document.createRange();
          for (let width = 400; width < 600; width++) {
            sheet.style.width = `${width}px`;
            for (const mark of sheet.querySelectorAll('.s.m')) {
              words.selectNodeContents(mark.lastChild);
              const lines = [...words.getClientRects()];
              const beside = (box) => lines.some((line) => line.top < box.bottom && box.top < line.bottom);
              if (![...mark.getClientRects()].every(beside)) torn.push(`${mark.textContent} at ${width}`);
            }
          }
          return torn;
        }"""
    )
    assert torn == []


def test_a_document_opens_where_its_focus_is_and_shows_both_ends_of_a_relation(editor: Driver) -> None:
    editor.open("late")
    ends = editor.page.locator(".pane .s.focus")

    def seen() -> None:
        assert editor.focused() == "Company120 WorksPerson124 Name124"
        for end in ends.all():
            expect(end).to_be_in_viewport(ratio=1)

    seen()
    chosen = editor.page.locator(".row[aria-selected=true]")
    for down in (False, True):
        pane = editor.page.locator(".pane")
        pane.evaluate("(pane, down) => { pane.scrollTop = down ? pane.scrollHeight : 0; }", down)
        expect(ends.first).not_to_be_in_viewport()
        chosen.click()
        seen()


def test_suggestions_are_dashed_and_lettered_and_the_least_certain_has_the_focus(editor: Driver) -> None:
    editor.open("news")
    sorbonne = editor.mark("Sorbonne")
    assert "suggested" in (sorbonne.get_attribute("class") or "")
    assert sorbonne.locator(".tag").get_attribute("data-l") == "O"
    assert sorbonne.evaluate("node => getComputedStyle(node).outlineStyle") == "dashed"
    scores = [float(s) for s in editor.page.locator(".row.suggested.entity .score").all_inner_texts()]
    assert scores == sorted(scores)
    assert editor.page.locator(".row[aria-selected=true]").count() == 1


def test_accept_and_reject_go_on_to_the_next(editor: Driver) -> None:
    editor.open("news")
    n = editor.to_decide()
    editor.press("Escape", "Tab", "a")
    editor.press("Tab", "x")
    saved = editor.saved()
    assert saved.relations
    assert len(saved.rejected_entities) + len(saved.rejected_relations) == 1
    assert editor.to_decide() < n


def test_the_focus_goes_on_to_what_is_still_open(editor: Driver) -> None:
    editor.open("second")
    chosen = editor.page.locator(".row[aria-selected=true]")
    # with two relations all three ends are accepted, which are next in the list: nothing is left for x
    editor.press("a")
    expect(chosen).to_contain_text("Grace Hopper")
    editor.press("a")
    expect(chosen).to_have_count(0)
    editor.press("x")
    saved = editor.saved()
    assert (len(saved.entities), len(saved.relations), saved.rejected_entities) == (3, 2, ())


@pytest.mark.parametrize("key", ["x", "X"])
def test_a_relation_that_went_with_its_end_is_not_what_the_next_key_decides_about(editor: Driver, key: str) -> None:
    editor.open("tied")
    editor.press(key)
    if key == "x":
        expect(editor.page.locator(".row[aria-selected=true]")).to_contain_text("Charles Babbage")
        editor.press("a")
    expect(editor.page.locator(".row[aria-selected=true]")).to_contain_text("Ockham")
    editor.press("a")
    saved = editor.saved()
    rest = ["Charles Babbage", "Ockham"] if key == "x" else ["Ockham"]
    assert [e.text(editor.document) for e in saved.entities] == rest
    assert (len(saved.relations), saved.rejected_entities != ()) == (0, True)


def test_digit_relabels_and_search_finds_labels(editor: Driver) -> None:
    editor.open("news")
    editor.click("Sorbonne")
    editor.press("3")
    assert editor.label_of("Sorbonne") == "location"
    editor.press("/")
    editor.page.keyboard.type("wor")
    editor.press("Enter")
    assert editor.label_of("Sorbonne") == "work"
    assert [e.label for e in editor.saved().entities] == ["work"]


def test_drag_after_emoji_snaps_to_words_and_marks_code_points(editor: Driver) -> None:
    editor.open("news")
    editor.press("Escape", "3")
    editor.drag("Berlin", inset=2)
    saved = editor.saved()
    assert [saved.entities[0].text(saved.document), saved.entities[0].label] == ["Berlin", "location"]
    assert editor.text() == editor.document.text


def test_the_next_word_can_be_marked_from_its_first_letter_on(editor: Driver) -> None:
    editor.open("news")
    editor.click("Lise Meitner")
    editor.drag("of Berlin", inset=2)
    assert [e.text(editor.document) for e in editor.saved().entities] == ["of Berlin"]


def test_double_click_marks_a_word(editor: Driver) -> None:
    editor.open("bare")
    editor.double_click("Adam")
    saved = editor.saved()
    assert [e.text(saved.document) for e in saved.entities] == ["Adam"]


@pytest.mark.parametrize("words", ["ليلى العلوي", "👩‍🔬", "e\u0301milie", "Cha\u0302telet"])
def test_any_script(editor: Driver, words: str) -> None:
    editor.open("bare")
    editor.drag(words, inset=1)
    saved = editor.saved()
    assert [e.text(saved.document) for e in saved.entities] == [words]


def test_alt_drag_marks_exact_letters(editor: Driver) -> None:
    editor.open("bare")
    start = editor.document.text.index("milie")
    editor.drag_span(start, start + 3, modifier="Alt")
    assert [e.text(editor.document) for e in editor.saved().entities] == ["mil"]


def test_grow_and_shrink_by_words_on_both_sides(editor: Driver) -> None:
    editor.open("news")
    editor.click("Sorbonne")
    for key, words in [
        ("]", "Sorbonne and"),
        ("]", "Sorbonne and later"),
        ("[", "Sorbonne and"),
        ("[", "Sorbonne"),
        ("}", "the Sorbonne"),
        ("{", "Sorbonne"),
    ]:
        editor.press(key)
        assert editor.focused() == words
    assert editor.saved().entities[0].id == editor.entity("Sorbonne").id


def test_all_identical_mentions(editor: Driver) -> None:
    editor.open("bare")
    editor.double_click("Ada")
    editor.press("m")
    saved = editor.saved()
    assert [e.text(saved.document) for e in saved.entities] == ["Ada"] * 3
    editor.press("u")
    assert len(editor.saved().entities) == 1


def test_relation_by_keyboard_one_allowed_label_needs_no_menu(editor: Driver) -> None:
    editor.open("news")
    editor.click("Lise Meitner")
    editor.press("q", "3")
    assert "far" in (editor.mark("Warsaw").get_attribute("class") or "")
    assert editor.focused() == "Nobel Prize in Physics"
    editor.press("Tab")
    assert editor.focused() == "Nobel Prize in Chemistry"
    editor.press("Enter")
    saved = editor.saved()
    assert [(r.label, saved.by_id()[r.tail].text(saved.document)) for r in saved.relations] == [
        ("received", "Nobel Prize in Chemistry")
    ]
    editor.press("u")
    assert editor.saved().relations == ()


def test_a_relations_own_key_begins_it_from_the_focus_and_the_next_tail_gets_it_at_once(editor: Driver) -> None:
    editor.open("news")
    editor.click("Lise Meitner")
    # 5: influenced, which goes from anything to anything, so that a tail alone would be asked about
    editor.press("Alt+Shift+Digit5")
    expect(editor.page.locator(".message")).to_contain_text("influenced from Lise Meitner: choose the tail")
    editor.click("Pierre Curie")
    assert drawn(editor) == [("Lise Meitner", "influenced", "Pierre Curie")]
    # from the relation that was drawn another one begins where it began; the model's likeliest tail is offered first
    editor.press("Alt+Shift+Digit3")
    assert "far" in (editor.mark("Warsaw").get_attribute("class") or "")
    editor.press("Enter")
    assert drawn(editor)[1:] == [("Lise Meitner", "received", "Nobel Prize in Physics")]
    # the same tail is not offered twice
    editor.press("Alt+Shift+Digit3")
    assert editor.focused() == "Nobel Prize in Chemistry"
    editor.press("Escape")
    editor.click("Frédéric Joliot")
    editor.press("Alt+Shift+Digit3")
    assert editor.focused() == "Nobel Prize in Chemistry", "the model's guess, not the first in the text"
    # in the middle of one, another relation's key changes which it is
    editor.press("Alt+Shift+Digit1", "Enter")
    assert len(drawn(editor)) == 3
    assert drawn(editor)[2][:2] == ("Frédéric Joliot", "works for")
    editor.press("u", "u", "u")
    assert editor.saved().relations == ()


def test_a_relations_key_says_why_it_does_nothing_and_leaves_the_labels_keys_alone(editor: Driver) -> None:
    editor.open("news")
    said = editor.page.locator(".message")
    editor.click("Paris")
    editor.press("Alt+Shift+Digit3")
    expect(said).to_have_text("No further entity here can be the tail of received from Paris.")
    editor.press("Alt+Shift+Digit9")
    expect(said).to_have_text("No relation has the number 9.")
    editor.press("Escape", "Alt+Shift+Digit5")
    expect(said).to_have_text("Choose an entity first.")
    assert editor.revision() is None
    editor.click("Paris")
    editor.press("2")
    assert editor.label_of("Paris") == "organization"
    editor.press("?")
    expect(editor.page.locator(".sheet-keys")).to_contain_text("Alt+Shift+1 … 0relation 1 to 10 from here")


def drawn(editor: Driver) -> list[tuple[str, str, str]]:
    saved = editor.saved()
    words = {e.id: e.text(saved.document) for e in saved.entities}
    return [(words[r.head], r.label, words[r.tail]) for r in saved.relations]


def test_relation_by_mouse_asks_among_allowed_labels_and_flips(editor: Driver) -> None:
    editor.open("news")
    editor.click("Lise Meitner")
    editor.page.get_by_role("button", name="relation", exact=False).filter(has_text="q").click()
    editor.click("Pierre Curie")
    options = editor.page.locator(".option span")
    expect(options).to_have_text(["spouse of", "influenced"])
    options.nth(1).click()
    assert [r.label for r in editor.saved().relations] == ["influenced"]
    before = editor.saved().relations[0]
    editor.press("f")
    after = editor.saved().relations[0]
    assert (after.head, after.tail) == (before.tail, before.head)


def test_relation_by_dragging_a_line(editor: Driver) -> None:
    editor.open("second")
    editor.press("Escape")
    editor.click("Grace Hopper")
    editor.drag_from(".link", "New York")
    assert [r.label for r in editor.saved().relations] == ["influenced"]


def test_arcs_show_the_focus_then_all_and_follow_the_width(editor: Driver) -> None:
    editor.open("news")
    editor.click("Radium Institute")
    arcs = editor.page.locator(".arc")
    expect(arcs).to_have_count(2)
    editor.press("g")
    expect(arcs).to_have_count(8)
    before = arcs.first.locator(".wire").get_attribute("d")
    editor.page.set_viewport_size({"width": 700, "height": 900})
    expect(arcs.first.locator(".wire")).not_to_have_attribute("d", before or "")
    editor.page.set_viewport_size({"width": 1440, "height": 900})
    editor.press("Escape")
    arcs.last.locator("text").click()
    assert "focus" in (arcs.last.get_attribute("class") or "")


def test_end_of_an_entity_is_dragged_to_another_word(editor: Driver) -> None:
    editor.open("news")
    editor.click("Sorbonne")
    editor.drag_from("[data-side=end]", "later", plain=True)
    assert editor.focused() == "Sorbonne and later"
    saved = editor.saved()
    assert saved.entities[0].text(saved.document) == "Sorbonne and later"


def test_undo_and_redo_over_the_whole_document(editor: Driver) -> None:
    editor.open("news")
    editor.click("Sorbonne")
    editor.press("3", "]", "d")
    end = editor.saved()
    assert [e.id for e in end.rejected_entities] == [editor.entity("Sorbonne").id]
    editor.press("u", "Control+z", "u")
    assert editor.saved().entities == ()
    editor.press("Shift+Z", "Control+Shift+Z", "Control+y")
    assert editor.saved() == end


def test_nested_marks_are_stacked_and_a_second_click_goes_outwards(page: Page, editor: Driver) -> None:
    editor.open("nested", nested="1")
    inner = page.locator(".s.m", has_text="California").first
    images = inner.evaluate("node => getComputedStyle(node).backgroundImage")
    assert images.count("gradient") == 3
    inner.click()
    assert editor.focused() == "California"
    page.wait_for_timeout(600)  # longer than a double click
    inner.click()
    assert editor.focused() == "University of California"


def test_keys_can_be_changed_and_are_kept(page: Page, editor: Driver) -> None:
    editor.open("news")
    editor.press("?")
    page.get_by_role("button", name="change the key for: accept", exact=True).click()
    page.keyboard.press("y")
    page.keyboard.press("Escape")
    editor.click("Sorbonne")
    editor.press("y")
    assert len(editor.saved().entities) == 1
    page.reload()
    editor.ready()
    assert page.locator(".keyed.do-accept kbd").inner_text() == "y"


def test_keys_are_left_alone_in_fields(page: Page, editor: Driver) -> None:
    editor.open("news")
    n = editor.to_decide()
    editor.press("Shift+Digit1")
    page.keyboard.type("xad not sure")
    page.keyboard.press("Enter")
    editor.saved()
    assert editor.to_decide() == n
    assert (editor.revision().state, editor.revision().note) == ("flagged", "xad not sure")


def test_thresholds_filter_at_once_and_by_label(page: Page, editor: Driver) -> None:
    editor.open("news")
    page.get_by_role("button", name="thresholds").click()
    page.get_by_label("threshold, location", exact=True).fill("0.92")
    expect(editor.mark("Warsaw")).to_have_count(0)
    expect(editor.mark("Sorbonne")).to_have_count(1)
    page.get_by_label("threshold, entities", exact=True).fill("0.1")
    expect(editor.mark("laboratory")).to_have_count(1)


def test_view_mode_reads_only(page: Page, editor: Driver) -> None:
    editor.open("news", mode="view")
    expect(page.locator(".side")).to_be_hidden()
    editor.mark("Sorbonne").hover()
    expect(page.locator(".bubble")).to_have_text("organization  0.62")
    page.keyboard.press("a")
    assert editor.revision() is None
    editor.mark("Sorbonne").dblclick()
    expect(page.get_by_text("asked to edit")).to_be_visible()


def test_it_speaks_and_tab_is_no_trap(page: Page, editor: Driver) -> None:
    editor.open("news")
    expect(page.get_by_role("listbox", name="entities and relations")).to_be_visible()
    active = page.get_by_role("listbox", name="entities and relations").get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}").get_attribute("aria-selected") == "true"
    editor.click("Sorbonne")
    expect(page.locator(".live")).to_have_text("Sorbonne, organization, suggested, score 0.62")
    editor.press("a")
    expect(page.locator(".message")).to_have_text("Accepted: Sorbonne, organization.")
    editor.press("Escape", "Escape")
    before = page.evaluate("document.activeElement.tagName")
    editor.press("Tab")
    assert page.locator(".row[aria-selected=true]").count() == 0, before


def test_fingers_do_all_of_it_on_a_narrow_screen(harness: Server, chromium: Browser, watch: Watch) -> None:
    context = chromium.new_context(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    with opened(harness.data) as store:
        editor = Driver(watch.attach(context.new_page()), harness.url, store)
        editor.open("news")
        assert editor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        editor.mark("Sorbonne").tap()
        editor.page.locator(".chip", has_text="location").tap()
        editor.page.locator(".keyed.do-relation").tap()
        editor.mark("Warsaw").tap()
        editor.page.locator(".option", has_text="influenced").tap()
        start, end = editor.span("Berlin")
        editor.page.locator(".text").first.evaluate(SELECT, [start + 1, end - 1])
        editor.page.get_by_role("button", name="mark selection").tap()
        saved = editor.saved()
    context.close()
    assert [(e.text(saved.document), e.label) for e in saved.entities] == [
        ("Warsaw", "location"),
        ("Sorbonne", "location"),
        ("Berlin", "location"),
    ]
    assert [r.label for r in saved.relations] == ["influenced"]


def test_a_finger_that_scrolls_the_list_of_labels_gives_none(harness: Server, chromium: Browser, watch: Watch) -> None:
    context = chromium.new_context(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    with opened(harness.data) as store:
        editor = Driver(watch.attach(context.new_page()), harness.url, store)
        editor.open("news")
        editor.mark("Sorbonne").tap()
        editor.press("/")
        option = editor.page.locator(".option", has_text="award")
        box = option.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        finger = context.new_cdp_session(editor.page)
        touch = "Input.dispatchTouchEvent"
        finger.send(touch, {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for step in range(1, 9):
            finger.send(touch, {"type": "touchMove", "touchPoints": [{"x": x, "y": y - 8 * step}]})
        finger.send(touch, {"type": "touchEnd", "touchPoints": []})
        expect(option).to_be_visible()
        assert editor.label_of("Sorbonne") == "organization"
        option.tap()
        expect(option).to_have_count(0)
        assert [e.label for e in editor.saved().entities] == ["award"]
    context.close()


SELECT = """(text, [start, end]) => {
  const segments = [...text.querySelectorAll('.s')];
  const at = (point) => {
    const s = segments.findLast((segment) => segment.start <= point);
    return [s.lastChild, Array.from(s.textContent).slice(0, point - s.start).join('').length];
  };
  getSelection().setBaseAndExtent(...at(start), ...at(end));
}"""


@pytest.mark.parametrize("width", [640, 820])
def test_on_a_narrow_screen_the_text_stands_still_whatever_has_the_focus(editor: Driver, width: int) -> None:
    editor.page.set_viewport_size({"width": width, "height": 800})
    editor.open("news")
    bar = editor.page.locator(".relex .bar")
    heights, rows = set(), set()

    def measure() -> None:
        box = bar.bounding_box()
        assert box is not None
        heights.add(box["height"])

    for _ in range(8):
        editor.press("Tab")
        rows.add(editor.page.locator(".row[aria-selected=true]").get_attribute("class"))
        measure()
    editor.press("a")
    expect(editor.page.locator(".message")).to_have_class("message fresh")
    measure()
    editor.press("Escape")
    measure()
    assert len(rows) > 1
    assert len(heights) == 1
