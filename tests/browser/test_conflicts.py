"""Two people, or two tabs of one, on the same document: it is shown, nothing is overwritten, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from db.store import Store
from db.values import State
from relex_core.editing import AddEntity, Edit, Relabel
from relex_core.types import Relation
from tests.browser.annotator_driver import Driver, opened
from tests.browser.conftest import Server, Watch
from tests.browser.test_direct import OPENED, PRESS, STATUS, three
from tests.browser.test_queue import rename
from tests.edits import apply_all

pytestmark = pytest.mark.browser


READY = """(root) => new Promise((done) => {
  const look = () => (root.editor.upcoming.length ? done() : setTimeout(look, 50));
  look();
})"""


# Enter, and a decision on the document that is open then: before anybody has answered. Gives its id.
STEP = """(pane) => {
  const press = (key) => pane.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true }));
  press('Enter');
  const { id } = pane.closest('.relex').editor.doc;
  press('x');
  return id;
}"""


def arrive(page: Page, app: Server, project: str) -> None:
    page.goto(f"{app.url}/annotate?project={project}&document={project}-0")
    expect(page.locator(STATUS)).to_have_text("saved", timeout=60_000)
    # the next document lies ready in the browser
    page.locator(".relex.editing").evaluate(READY)


@pytest.fixture
def colleague(chromium: Browser, watch: Watch) -> Iterator[Page]:
    """Somebody else's browser."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    yield watch.attach(context.new_page())
    context.close()


@pytest.mark.parametrize("mine", [True, False], ids=["kept", "given up"])
def test_a_step_over_somebody_elses_decisions_waits_for_mine(
    mine: bool, app: Server, page: Page, colleague: Page, store: Store
) -> None:
    project = f"step-{mine}"
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: frames.append("frame")))
    three(store, project)
    arrive(page, app, project)
    arrive(colleague, app, project)
    colleague.keyboard.press("x")
    expect(colleague.locator(STATUS)).to_have_text("saved")
    pane = page.locator(".relex.editing .pane")
    # accepted, submitted, and on to the next document, where something is decided as well
    following = str(pane.evaluate(STEP))
    assert following != f"{project}-0"
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("saved revision 1 of this document in the meantime. Nothing was overwritten.")
    assert pane.evaluate(OPENED) == f"{project}-0", "the question is asked where the document can be seen"
    page.wait_for_timeout(1000)
    before = len(frames)
    page.wait_for_timeout(3000)
    assert len(frames) == before, "the page does not run without end while the question is open"
    assert [len(store.revisions(project, id)) for id in (f"{project}-0", following)] == [1, 0]
    notice.get_by_role("button", name="Add your change to it" if mine else "Give up your change").click()
    expect(page.locator(STATUS)).to_have_text("saved")
    page.wait_for_timeout(1000)
    first, second = store.latest(project, f"{project}-0"), store.latest(project, following)
    assert first is not None
    assert second is not None
    assert (first.state, len(first.annotation.entities)) == ((State.SUBMITTED, 1) if mine else (State.IN_PROGRESS, 0))
    assert (len(second.edits), len(second.annotation.rejected_entities)) == (1, 1)
    assert pane.evaluate(OPENED) == (following if mine else f"{project}-0")
    # and work goes on
    page.keyboard.press("Enter")
    expect(page.locator(STATUS)).to_have_text("saved")
    expect(page.get_by_text(f"{2 if mine else 1} / 3", exact=True)).to_be_visible()


@pytest.fixture
def editor(harness: Server, page: Page) -> Iterator[Driver]:
    with opened(harness.data) as store:
        yield Driver(page, harness.url, store)


def second_tab(editor: Driver, watch: Watch, **query: str) -> Driver:
    tab = Driver(watch.attach(editor.page.context.new_page()), editor.url, editor.store, editor.project)
    tab.open("news", **query)
    return tab


STORED = """() => Object.entries(localStorage).filter(([name]) => name.startsWith('relex-studio.log.'))
  .flatMap(([, records]) => JSON.parse(records)).map((r) => r.op)"""


def test_a_second_tab_leaves_alone_what_the_first_has_not_sent_yet(editor: Driver, watch: Watch) -> None:
    editor.open("news", delay="4")
    editor.click("Sorbonne")
    editor.press("3")
    second = second_tab(editor, watch)
    second.wait()  # it has sent what the first had stored
    editor.page.bring_to_front()
    editor.press("]", "]")
    assert editor.page.evaluate(STORED).count("move") == 2
    second.page.bring_to_front()
    second.click("Warsaw")
    second.press("a")
    assert editor.page.evaluate(STORED).count("move") == 2
    # the first is closed before its server has answered: its work is there when somebody comes back
    editor.page.goto("about:blank")
    second.page.close()
    editor.open("news")
    editor.page.wait_for_timeout(1500)
    keep = editor.page.get_by_role("button", name="Add your")
    if keep.is_visible():  # the second tab may have saved first
        keep.click()
    editor.wait()
    found = {e.text(editor.document) for e in editor.saved().entities}
    assert {"Sorbonne and later", "Warsaw"} <= found
    assert editor.page.evaluate(STORED) == []


@pytest.mark.parametrize("late", [False, True], ids=["before it is known", "while it is asked about"])
def test_tabs_of_one_person_do_not_overwrite_each_other(late: bool, editor: Driver, watch: Watch) -> None:
    editor.open("news", delay="2")
    editor.click("Sorbonne")
    editor.press("3")
    second = second_tab(editor, watch)  # carries on what the first has not sent yet
    second.wait()
    editor.wait()
    editor.page.bring_to_front()
    editor.click("Warsaw")
    editor.press("a")
    editor.wait()
    second.page.bring_to_front()
    second.click("Lise Meitner")
    second.press("a")
    notice = second.page.get_by_role("alert")
    if late:
        expect(notice).to_contain_text("Nothing was overwritten")
    second.press("u")
    expect(notice).to_contain_text("Nothing was overwritten")
    expect(second.page.locator(".message")).to_have_text("Undone.")
    notice.get_by_role("button", name="Add your 2 changes to it").click()
    second.wait()
    # the undo takes back what was done in this tab, and nothing else
    assert [e.text(editor.document) for e in editor.saved().entities] == ["Warsaw", "Sorbonne"]


def test_a_type_that_a_relation_does_not_allow_takes_it_along_and_undo_brings_it_back(editor: Driver) -> None:
    editor.open("news")
    editor.click("Radium Institute")
    editor.press("a")
    page = editor.page
    page.locator(".row", has_text="works for").filter(has_text="Radium Institute").click()
    editor.press("a")
    before = editor.saved()
    assert [r.label for r in before.relations] == ["works for"]
    editor.click("Radium Institute")
    editor.press("3")
    expect(page.locator(".message")).to_contain_text("A relation that this type cannot have went with it: works for.")
    after = editor.saved()
    assert after.relations == ()
    assert [e.label for e in after.entities if e.text(editor.document) == "Radium Institute"] == ["location"]
    editor.press("u")
    again = editor.saved()
    assert [(r.head, r.tail, r.label) for r in again.relations] == [Relation(*r.key).key for r in before.relations]
    assert again.entities == before.entities


# A run of the page while nothing is on its way, as a menu brings one about; it is done once the page has drawn anew.
RUN = """(root) => root.editor.transport.log([])"""


def theirs(editor: Driver, *edits: Edit) -> None:
    """Somebody else's decisions, saved meanwhile and shown here."""
    latest = editor.revision()
    assert latest is not None
    editor.store.save(
        editor.project, apply_all(latest.annotation, edits), annotator="bob", expected=latest.number, edits=edits
    )
    editor.page.locator(".relex").evaluate(RUN)


def test_undo_takes_back_my_step_from_what_somebody_else_saved_meanwhile(editor: Driver) -> None:
    editor.open("news")
    editor.click("Warsaw")
    editor.press("a")
    mine = editor.saved()
    # a run that brings nothing new leaves the step where it is
    editor.page.locator(".relex").evaluate(RUN)
    editor.page.wait_for_timeout(1000)
    editor.press("u")
    assert editor.saved().entities == ()
    editor.press("Z")
    assert editor.saved().entities == mine.entities
    theirs(editor, AddEntity("bob-1", *editor.span("Berlin"), "location"))
    expect(editor.page.locator(".row.accepted", has_text="Berlin")).to_be_visible()
    editor.press("u")
    expect(editor.page.locator(".message")).to_have_text("Undone.")
    assert {e.text(editor.document) for e in editor.saved().entities} == {"Berlin"}
    editor.press("Z")
    assert {e.text(editor.document) for e in editor.saved().entities} == {"Warsaw", "Berlin"}


def test_undo_says_what_it_leaves_as_somebody_else_has_changed_it(editor: Driver) -> None:
    editor.open("news")
    for words in ("Sorbonne", "Warsaw"):
        editor.click(words)
        editor.press("a")
    editor.wait()
    theirs(editor, Relabel(editor.entity("Warsaw").id, "organization"))
    expect(editor.page.locator(".row.accepted", has_text="Warsaw")).to_contain_text("organization")
    message = editor.page.locator(".message")
    editor.press("u")
    expect(message).to_have_text("Not undone, as it has changed since: Warsaw.")
    editor.press("u")
    expect(message).to_have_text("Undone.")
    assert [(e.text(editor.document), e.label) for e in editor.saved().entities] == [("Warsaw", "organization")]
    editor.press("u")
    expect(message).to_have_text("Nothing to undo.")


@pytest.mark.parametrize("keys", ["a", "ad"], ids=["marked", "deleted again"])
def test_undo_leaves_what_a_label_was_renamed_in_and_says_so(keys: str, app: Server, page: Page, store: Store) -> None:
    project = f"renamed-{keys}"
    three(store, project)
    arrive(page, app, project)
    pane = page.locator(".relex.editing .pane")

    def press(key: str) -> None:
        pane.evaluate(PRESS, [key, 1, 10])

    for key in keys:
        press(key)
        page.locator(".relex.editing .row").first.click()
    expect(page.locator(STATUS)).to_have_text("saved")
    rename(page, "person", "human")
    page.locator(".st-key-label_go button").first.click()
    expect(page.locator(".relex.editing .row").first).to_contain_text("human")
    press("u")
    expect(page.locator(".relex.editing .message")).to_contain_text("Not undone, as it has changed since: ")
    # from there on steps are taken back as ever
    for key in "axu":
        page.locator(".relex.editing .row").first.click()
        press(key)
    expect(page.locator(STATUS)).to_have_text("saved")
    latest = store.latest(project, f"{project}-0")
    assert latest is not None
    assert [e.label for e in latest.annotation.entities] == ["human"]
