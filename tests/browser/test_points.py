"""The editor's five promises on the real app, on texts that the real model has read: marks and lines, keys, a log that
loses nothing, constraints, thresholds."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from db import limits
from db.store import Store
from db.values import State
from pages.shared.statistics import acceptance
from relex_core import selection
from relex_core.editing import diff
from relex_core.types import Annotation, Document, RelationLabel, Schema, Thresholds
from tests.browser.conftest import Server, Watch, until
from tests.browser.test_queue import EDITOR, saved
from tests.browser.test_walk import select

pytestmark = pytest.mark.browser

TEXTS = (
    "🎉 Marie Curie was born in Warsaw and married Pierre Curie. Marie Curie worked for the University of Paris.\n"
    "وُلدت ماري كوري في وارسو عام 1867.\nIn Kirkwall Zoë̈ sang ec̈höes.",
    "Grace Hopper worked for Remington Rand in New York.",
)
TEXT = Document("text", TEXTS[0])
SCHEMA = Schema.of(
    ["person", "organization", "location", *(f"kind {n}" for n in range(4, 14))],
    [
        RelationLabel("spouse", head_types=("person",), tail_types=("person",), symmetric=True),
        RelationLabel("born in", head_types=("person",), tail_types=("location",)),
        RelationLabel("works for", head_types=("person",), tail_types=("organization",)),
    ],
)


@pytest.fixture
def project(request: pytest.FixtureRequest, app: Server, page: Page, store: Store) -> str:
    """A project of its own, its first text open and read by the model."""
    name = request.node.name
    store.create_project(name, SCHEMA)
    store.add_documents(name, [Document(f"{name}-{n}", text) for n, text in enumerate(TEXTS)], deduplicate=False)
    go(page, app, name)
    return name


def go(page: Page, app: Server, project: str) -> None:
    page.goto(f"{app.url}/annotate?project={project}&document={project}-0")
    expect(mark(page, "Warsaw")).to_be_visible(timeout=60_000)
    saved(page)


def mark(page: Page, words: str) -> Locator:
    return page.locator(f"{EDITOR} .pane .s.m").filter(has_text=words).first


def least_sure(store: Store, project: str) -> str:
    """The words of the person whom the model is least sure of among those that are shown."""
    found = store.extraction(project, f"{project}-0")
    assert found is not None
    people = [e for e in selection.select(found, Thresholds()).entities if e.label == "person"]
    return min(people, key=lambda e: e.score or 1.0).text(found.document)


def row(page: Page, kind: str, words: str) -> Locator:
    return page.locator(f"{EDITOR} .row.{kind}").filter(has_text=words)


def stored(page: Page, store: Store, project: str) -> Annotation:
    """What the store holds once the editor says so."""
    saved(page)
    latest = store.latest(project, f"{project}-0")
    assert latest is not None
    return latest.annotation


def marked(annotation: Annotation) -> set[tuple[str, str]]:
    return {(e.text(annotation.document), e.label) for e in annotation.entities}


def test_marks_have_letters_lines_follow_and_offsets_are_code_points(page: Page, store: Store, project: str) -> None:
    warsaw = mark(page, "Warsaw")
    assert "suggested" in str(warsaw.get_attribute("class"))
    assert warsaw.locator(".tag").get_attribute("data-l")
    assert 0 < float(warsaw.evaluate("node => node.style.getPropertyValue('--o')")) <= 1
    warsaw.click()
    lines = page.locator(f"{EDITOR} .arc")
    expect(lines).to_have_count(1)
    expect(lines.locator("text")).to_have_text("born in")
    page.keyboard.press("g")
    expect(lines).not_to_have_count(1)
    before = str(lines.last.locator(".wire").get_attribute("d"))
    page.set_viewport_size({"width": 900, "height": 900})
    expect(lines.last.locator(".wire")).not_to_have_attribute("d", before)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.keyboard.press("Escape")
    for words in ("Kirkwall", "ec̈höes"):
        select(page, words)
        saved(page)
    page.keyboard.press("u")
    select(page, "1867")
    annotation = stored(page, store, project)
    assert {"Kirkwall", "1867"} <= {words for words, _ in marked(annotation)}
    for entity in annotation.entities:
        assert TEXTS[0][entity.start : entity.end] == entity.text(annotation.document)
    expect(mark(page, "Kirkwall")).not_to_have_class("suggested")


def test_keys_do_all_of_it(page: Page, store: Store, project: str) -> None:
    press = page.keyboard.press
    mark(page, "Warsaw").click()
    press("a")
    mark(page, "University of Paris").click()
    press("]")
    press("[")
    press("2")
    mark(page, "Pierre Curie").click()
    press("x")
    expect(row(page, "rejected", "Pierre Curie").first).to_be_attached()
    press("u")
    expect(row(page, "rejected", "Pierre Curie")).to_have_count(0)
    press("Z")
    press("u")
    # every mention of the name at once, and a label past the tenth by name
    mark(page, "Marie Curie").click()
    press("a")
    mark(page, "Marie Curie").click()
    press("m")
    select(page, "Kirkwall")
    press("/")
    page.keyboard.type("kind 12")
    press("Enter")
    # head and tail by keys; what cannot be a tail is dimmed
    mark(page, "Pierre Curie").click()
    press("a")
    mark(page, "Pierre Curie").click()
    press("q")
    press("2")
    assert "far" in str(mark(page, "Marie Curie").get_attribute("class"))
    press("Enter")
    annotation = stored(page, store, project)
    assert {
        ("Warsaw", "location"), ("University of Paris", "organization"), ("Marie Curie", "person"),
        ("Pierre Curie", "person"), ("Kirkwall", "kind 12"),
    } <= marked(annotation)  # fmt: skip
    assert sum(e.text(annotation.document) == "Marie Curie" for e in annotation.entities) == 2
    names = {e.id: e.text(annotation.document) for e in annotation.entities}
    assert ("Pierre Curie", "born in") in {(names[r.head], r.label) for r in annotation.relations}
    # a fault of the script would not be seen in fields: keys are letters there
    press("Shift+Digit1")
    page.get_by_label("Why is this document flagged?", exact=True).last.fill("ax?")
    press("Enter")
    saved(page)
    latest = store.latest(project, f"{project}-0")
    assert latest is not None
    assert latest.note == "ax?"
    # one key accepts what is shown, saves, and opens the next document
    press("Enter")
    expect(page.locator(f"{EDITOR} .text").first).to_contain_text("Grace Hopper")
    saved(page)
    latest = store.latest(project, f"{project}-0")
    assert latest is not None
    assert latest.state is State.SUBMITTED


def test_a_second_tab_is_told_and_overwrites_nothing(
    app: Server, page: Page, store: Store, project: str, chromium: Browser, watch: Watch
) -> None:
    others = Watch()
    other = others.attach(chromium.new_page(viewport={"width": 1440, "height": 900}))
    try:
        go(other, app, project)
        mark(other, "Warsaw").click()
        other.keyboard.press("a")
        assert marked(stored(other, store, project)) == {("Warsaw", "location")}
        mark(page, "Pierre Curie").click()
        page.keyboard.press("a")
        notice = page.get_by_role("alert").filter(has_text="in the meantime")
        expect(notice).to_contain_text("Nothing was overwritten.")
        latest = store.latest(project, f"{project}-0")
        assert latest is not None
        assert marked(latest.annotation) == {("Warsaw", "location")}
        notice.get_by_role("button", name="Add your change to it").click()
        assert marked(stored(page, store, project)) == {("Warsaw", "location"), ("Pierre Curie", "person")}
    finally:
        other.close()
    assert others.foreign == others.errors == []
    assert watch.errors == []


def test_constraints_filter_and_relations_are_scored_again_on_what_a_person_marked(
    page: Page, store: Store, project: str
) -> None:
    born = row(page, "relation.suggested", "born in").filter(has_text="Warsaw")
    expect(born).to_have_count(1)
    # nobody is born in an organization
    mark(page, "Warsaw").click()
    page.keyboard.press("2")
    expect(born).to_have_count(0)
    page.keyboard.press("u")
    expect(born).to_have_count(1)
    # a mark of one's own has no scores until the model is asked about exactly these
    mark(page, "Warsaw").click()
    page.keyboard.press("x")
    expect(born).to_have_count(0)
    select(page, "Warsaw")
    page.keyboard.press("3")
    saved(page)
    expect(born).to_have_count(0)
    page.keyboard.press("r")
    expect(born).to_have_count(1, timeout=30_000)
    assert ("Warsaw", "location") in marked(stored(page, store, project))
    # taken back, the mark is gone: it was never a suggestion that could be turned down
    mark(page, "Warsaw").click()
    page.keyboard.press("d")
    expect(born).to_have_count(0)
    saved(page)
    kept = page.locator(".relex.editing .row.rejected", has_text="Warsaw")
    expect(kept).to_have_count(1)  # the model's own, rejected above


def test_thresholds_by_label_hide_in_the_browser_and_hidden_is_not_rejected(
    page: Page, store: Store, project: str
) -> None:
    unsure = least_sure(store, project)
    expect(mark(page, unsure)).to_be_visible()
    page.locator(EDITOR).get_by_role("button", name="thresholds").click()
    page.get_by_label("threshold, person", exact=True).fill("0.99")
    page.get_by_label("threshold, born in", exact=True).fill("0.99")
    expect(mark(page, unsure)).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Enter")
    annotation = stored(page, store, project)
    assert ("University of Paris", "organization") in marked(annotation)
    assert annotation.rejected_entities == ()
    assert annotation.rejected_relations == ()
    assert annotation.based_on is not None
    hidden = {e.id for e in annotation.based_on.entities if e.label == "person" and (e.score or 1) <= 0.99}
    assert hidden, "the model was surer of everybody"
    assert not hidden & {e.id for e in annotation.entities}
    # and it is said of each of them that nobody has seen it
    left = annotation.undecided
    assert left is not None
    assert hidden <= set(left.not_shown)
    assert (left.seen, left.seen_relations) == ((), ())
    changes = diff(annotation)
    assert hidden <= {e.id for e in changes.not_shown}
    found = {e.id for e in annotation.based_on.entities}
    assert found == {e.id for e in (*changes.accepted, *changes.not_shown)}, "every suggestion has a state"
    revision = store.latest(project, f"{project}-0")
    assert revision is not None
    assert revision.thresholds == Thresholds(entities=(("person", 0.99),), relations=(("born in", 0.99),))
    counted = {(a.kind, a.label): a for a in acceptance(store.latest_revisions(project, suggestions=True))}
    assert counted["entity", "person"].not_shown >= len(hidden)
    surer = sum(e.label == "person" for e in annotation.entities)
    assert (counted["entity", "person"].rejected, counted["entity", "person"].decided) == (0, surer)


def test_thresholds_of_a_project_are_there_after_a_reload_for_the_same_person(
    page: Page, app: Server, store: Store, project: str
) -> None:
    unsure = least_sure(store, project)
    expect(mark(page, unsure)).to_be_visible()
    page.locator(EDITOR).get_by_role("button", name="thresholds").click()
    page.get_by_label("threshold, person", exact=True).fill("0.99")
    page.get_by_label("threshold, relations", exact=True).fill("0.72")
    expect(mark(page, unsure)).to_have_count(0)
    saved(page)
    # a slider that still moves is not kept yet, and the status line does not speak of it
    wanted = Thresholds(0.3, 0.72, (("person", 0.99),))
    assert until(lambda: limits.chosen(store, project, "me") == wanted)
    page.keyboard.press("Escape")
    go(page, app, project)
    expect(page.locator(EDITOR).get_by_role("button", name="thresholds")).to_have_text("thresholds .30 · .72")
    expect(mark(page, unsure)).to_have_count(0)
    page.locator(EDITOR).get_by_role("button", name="thresholds").click()
    expect(page.get_by_label("threshold, person", exact=True)).to_have_value("0.99")
    assert limits.chosen(store, project, "me") == wanted
    page.keyboard.press("Escape")
    # another project begins with the visit's own
    other = f"{project} 2"
    store.create_project(other, SCHEMA)
    store.add_documents(other, [Document(f"{other}-0", TEXTS[0])], deduplicate=False)
    go(page, app, other)
    expect(mark(page, unsure)).to_be_visible()


def text_of(page: Page, kind: str = "row[aria-selected=true]") -> str:
    return " ".join(page.locator(f"{EDITOR} .{kind} .words").first.inner_text().split())


def test_tab_goes_through_what_is_to_decide_and_back_and_out(page: Page, project: str) -> None:
    press = page.keyboard.press
    rows = page.locator(f"{EDITOR} .row.suggested")
    wanted = [" ".join(words.split()) for words in rows.locator(".words").all_inner_texts()]
    assert len(wanted) > 3
    rows.first.click()
    for words in [*wanted[1:], wanted[0]]:
        press("Tab")
        assert text_of(page) == words
    for words in [wanted[-1], *wanted[-2::-1]]:
        press("Shift+Tab")
        assert text_of(page) == words
    # what has the focus is said, and what has the keyboard names it
    row = page.locator(f"{EDITOR} .row[aria-selected=true]")
    words = str(row.get_attribute("title")).split(" (")[0].split(" →")[0]
    expect(page.locator(f"{EDITOR} .live")).to_contain_text(words)
    assert page.locator(f"{EDITOR} .pane").get_attribute("aria-activedescendant") == row.get_attribute("id")
    # leaving twice lets Tab go on to the rest of the page
    press("Escape")
    press("Escape")
    press("Tab")
    expect(row).to_have_count(0)


def test_delete_flip_and_words_at_the_ends_are_stored_undone_and_done_again(
    page: Page, store: Store, project: str
) -> None:
    press = page.keyboard.press
    # longer and shorter by a word, at either end
    university = mark(page, "University of Paris")
    university.click()
    for key, words in (
        ("]", "University of Paris."),
        ("[", "University of Paris"),
        ("[", "University of"),
        ("{", "of"),
        ("}", "University of"),
    ):
        press(key)
        found = {e.text(TEXT) for e in stored(page, store, project).entities}
        assert words in found, (key, found)
    # a relation of one's own, turned round
    mark(page, "Pierre Curie").click()
    press("a")
    row(page, "relation.suggested", "spouse").first.click()
    press("a")
    before = only_relation(stored(page, store, project))
    row(page, "relation.accepted", "spouse").first.click()
    press("f")
    after = only_relation(stored(page, store, project))
    assert after == (before[2], "spouse", before[0])
    # deleting an end of it takes it along, says so, and undo brings both back
    kept = stored(page, store, project)
    mark(page, "Pierre Curie").click()
    press("d")
    expect(page.locator(f"{EDITOR} .message")).to_contain_text("Deleted: Pierre Curie, person, and with it 1 relation")
    gone = stored(page, store, project)
    assert gone.relations == ()
    assert "Pierre Curie" in {e.text(TEXT) for e in gone.rejected_entities}
    press("u")
    assert stored(page, store, project) == kept
    press("Z")
    assert stored(page, store, project) == gone
    press("Control+z")
    assert stored(page, store, project) == kept


def only_relation(annotation: Annotation) -> tuple[str, str, str]:
    (relation,) = annotation.relations
    names = {e.id: e.text(annotation.document) for e in annotation.entities}
    return names[relation.head], relation.label, names[relation.tail]


def test_a_key_is_changed_works_and_is_kept(app: Server, page: Page, store: Store, project: str) -> None:
    page.keyboard.press("?")
    page.get_by_role("button", name="change the key for: accept", exact=True).click()
    page.keyboard.press("y")
    expect(page.get_by_text("Kept in this browser.")).to_be_visible()
    page.keyboard.press("Escape")
    mark(page, "Warsaw").click()
    page.keyboard.press("a")
    page.keyboard.press("y")
    assert marked(stored(page, store, project)) == {("Warsaw", "location")}
    go(page, app, project)
    expect(page.locator(f"{EDITOR} .keyed.do-accept kbd")).to_have_text("y")
    mark(page, "Pierre Curie").click()
    page.keyboard.press("y")
    assert ("Pierre Curie", "person") in marked(stored(page, store, project))
    page.keyboard.press("?")
    page.get_by_role("button", name="Original keys", exact=True).click()
    expect(page.locator(f"{EDITOR} .keyed.do-accept kbd")).to_have_text("a")


def test_fingers_give_another_label_reject_and_submit(
    app: Server, store: Store, project: str, chromium: Browser, watch: Watch
) -> None:
    context = chromium.new_context(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    page = watch.attach(context.new_page())
    go(page, app, project)
    mark(page, "Warsaw").tap()
    page.locator(f"{EDITOR} .chip").filter(has_text="organization").tap()
    assert marked(stored(page, store, project)) == {("Warsaw", "organization")}
    mark(page, "Pierre Curie").tap()
    for words in ("reject all suggestions with this label", "accept what is shown, submit, stay"):
        page.locator(f"{EDITOR} .keyed.do-help").tap()
        page.locator(f"{EDITOR} .keygrid").get_by_role("button", name=words, exact=True).tap()
    annotation = stored(page, store, project)
    latest = store.latest(project, f"{project}-0")
    context.close()
    assert latest is not None
    assert latest.state is State.SUBMITTED
    assert {("Warsaw", "organization"), ("University of Paris", "organization")} <= marked(annotation)
    assert "Pierre Curie" in {e.text(annotation.document) for e in annotation.rejected_entities}
