"""Nothing that a person decided is lost or doubled: fast hands, slow servers, lost connections, second tabs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.annotator_driver import HARNESS, Driver, opened
from tests.browser.conftest import Serve, Watch, free_port

pytestmark = pytest.mark.browser

CLIENT = "(root) => root.editor.log.client"


@pytest.mark.parametrize("delay", ["0", "0.5"], ids=["quick server", "slow server"])
def test_twenty_corrections_ten_milliseconds_apart(editor: Driver, delay: str) -> None:
    editor.open("big", delay=delay)
    editor.press("Escape", "Tab")
    editor.page.locator(".pane").evaluate(
        """async (pane) => {
          for (let i = 0; i < 20; i++) {
            pane.dispatchEvent(new KeyboardEvent('keydown', { key: 'a', bubbles: true, composed: true }));
            await new Promise((done) => setTimeout(done, 10));
          }
        }"""
    )
    saved = editor.saved()
    revisions = editor.store.revisions(editor.project, "big")
    edits = [edit for revision in revisions for edit in revision.edits]
    assert len(edits) == len(set(map(str, edits))) == 20
    assert len(saved.entities) + len(saved.relations) >= 20


def test_reload_finds_everything_and_undecided_stays_undecided(editor: Driver) -> None:
    editor.open("news")
    editor.click("Sorbonne")
    editor.press("3", "Escape")
    editor.drag("Berlin")
    before = editor.saved()
    editor.page.reload()
    editor.ready()
    assert editor.label_of("Sorbonne") == "location"
    expect(editor.mark("Berlin")).to_have_count(1)
    assert "suggested" in (editor.mark("Warsaw").get_attribute("class") or "")
    assert editor.saved() == before


def test_reload_in_the_middle_of_saving_sends_the_rest(editor: Driver) -> None:
    editor.open("news", delay="1.5")
    editor.click("Sorbonne")
    editor.press("3", "]")
    expect(editor.page.locator(".status")).to_have_text("saving 2")
    editor.page.goto("about:blank")
    editor.open("news")
    assert [e.text(editor.document) for e in editor.saved().entities] == ["Sorbonne and"]
    assert editor.page.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('relex-studio.log.'))") == []


def test_who_reloads_after_submitting_is_not_in_ones_own_way(editor: Driver) -> None:
    """The wish for the next document is part of what was saved, though it is not kept over a reload."""
    editor.open("news", delay="2")
    editor.press("Enter")
    expect(editor.page.locator(".status")).to_have_text("saving 2")
    client = editor.page.locator(".relex").evaluate(CLIENT)
    editor.page.goto("about:blank")
    editor.open("news")
    assert editor.page.locator(".relex").evaluate("(root) => root.editor.log.kin") == {client: 3}
    assert len(editor.saved().entities) > 1
    assert editor.revision().state == "submitted"
    expect(editor.page.get_by_role("alert")).to_have_count(0)


def test_server_killed_and_started_again(serve: Serve, page: Page, watch: Watch, tmp_path: Path) -> None:
    port = free_port()
    server = serve(HARNESS, data=tmp_path, port=port)
    with opened(server.data) as store:
        editor = Driver(page, server.url, store)
        editor.open("news")
        editor.click("Sorbonne")
        editor.press("3")
        editor.saved()
        server.kill()
        editor.press("]", "]")
        assert editor.focused() == "Sorbonne and later"
        expect(page.locator(".status")).to_have_text("offline, 2 waiting", timeout=15_000)
        serve(HARNESS, data=tmp_path, port=port)
        saved = editor.saved()
    assert [e.text(saved.document) for e in saved.entities] == ["Sorbonne and later"]
    assert len(saved.entities) == 1
    # what Streamlit itself says about the lost connection
    watch.errors[:] = [
        e for e in watch.errors if not e.startswith(("Client Error", "Cannot send rerun", "Streamlit server"))
    ]


def test_second_tab_conflict_is_shown_and_nothing_is_overwritten(editor: Driver, watch: Watch) -> None:
    editor.open("news", who="ada")
    second = Driver(watch.attach(editor.page.context.new_page()), editor.url, editor.store, editor.project)
    second.open("news", who="grace")
    second.click("Warsaw")
    second.press("2")
    second.saved()
    editor.click("Sorbonne")
    editor.press("3")
    notice = editor.page.get_by_role("alert")
    expect(notice).to_contain_text("grace saved revision 1 of this document in the meantime. Nothing was overwritten.")
    assert [e.label for e in editor.revision().annotation.entities] == ["organization"]
    expect(editor.page.locator(".status")).to_have_text("1 waiting for your decision")
    notice.get_by_role("button", name="Add your change to it").click()
    saved = editor.saved()
    assert [(e.text(saved.document), e.label) for e in saved.entities] == [
        ("Warsaw", "organization"),
        ("Sorbonne", "location"),
    ]
    second.click("Paris")
    second.press("1")
    second.page.get_by_role("button", name="Give up your change").click()
    second.wait()
    assert second.label_of("Paris") == "location"
    assert second.label_of("Sorbonne") == "location"
    assert editor.saved() == saved


def test_a_correction_that_does_not_fit_any_more_is_refused_with_its_reason(editor: Driver, watch: Watch) -> None:
    editor.open("news", who="ada")
    editor.drag("Berlin")
    editor.saved()
    second = Driver(watch.attach(editor.page.context.new_page()), editor.url, editor.store, editor.project)
    second.open("news", who="grace")
    second.click("Berlin")
    second.press("d")
    second.saved()
    editor.click("Berlin")
    editor.press("3", "Escape")
    editor.page.get_by_role("button", name="Add your change to it").click()
    expect(editor.page.locator(".message")).to_contain_text("One correction was not taken over")
    expect(editor.mark("Berlin")).to_have_count(0)
    assert editor.saved().entities == ()


def test_enter_accepts_what_is_shown_submits_and_opens_the_next(editor: Driver) -> None:
    editor.open("news")
    shown = editor.page.locator(".pane .tag").count()
    editor.press("Enter")
    expect(editor.page.locator(".text")).to_contain_text("Grace Hopper")
    editor.wait()
    revision = editor.revision()
    assert revision.state == "submitted"
    assert len(revision.annotation.entities) == shown
    assert revision.seconds > 0
    assert revision.keystrokes >= 1
    assert revision.thresholds is not None


def test_next_document_is_there_before_the_server_answers(editor: Driver) -> None:
    editor.open("news", queue="1", delay="1")
    took = editor.page.locator(".pane").evaluate(
        """(pane) => {
          const began = performance.now();
          pane.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, composed: true }));
          pane.getBoundingClientRect();
          return performance.now() - began;
        }"""
    )
    assert editor.text().startswith("Grace Hopper")
    assert took < 200
    editor.click("Grace Hopper")
    editor.press("2")
    editor.wait()
    assert editor.text().startswith("Grace Hopper")
    assert editor.revision().state == "submitted"
    second = editor.store.latest(editor.project, "second")
    assert [(e.label, r.state) for r in [second] for e in r.annotation.entities] == [("organization", "in progress")]


def test_skip_and_save_without_leaving(editor: Driver) -> None:
    editor.open("news")
    editor.press("Shift+Enter")
    editor.wait()
    assert editor.revision().state == "submitted"
    assert editor.text() == editor.document.text
    editor.press("s")
    expect(editor.page.locator(".text")).to_contain_text("Grace Hopper")
    editor.wait()
    assert editor.revision().state == "skipped"


def test_hostile_records_in_storage_do_no_harm(editor: Driver) -> None:
    editor.open("second")
    scope = f"{editor.project}/ada"
    rubbish = [
        {"client": "old", "seq": 1, "document": "second", "on": 0, "op": "add_entity", "id": "x", "start": 0},
        {"client": "old", "seq": 2, "document": "second", "on": 0, "op": "nonsense"},
        {
            "client": "old",
            "seq": 3,
            "document": "second",
            "on": 0,
            "op": "relabel",
            "id": "0:12:person",
            "label": "work",
        },
    ]
    editor.page.evaluate(
        "([scope, records]) => localStorage.setItem(`relex-studio.log.${encodeURIComponent(scope)}/old`, records)",
        [scope, json.dumps(rubbish)],
    )
    editor.page.reload()
    editor.ready()
    assert [e.label for e in editor.saved().entities] == ["work"]


def test_an_editor_that_comes_back_goes_on_where_it_was(editor: Driver) -> None:
    """Streamlit takes it off the page for a moment where two runs follow each other closely."""
    editor.open("news", blink="1")
    root = editor.page.locator(".relex")
    client = root.evaluate(CLIENT)
    editor.press("Escape", "Tab", "a")
    accepted = editor.saved()
    assert len(accepted.entities) + len(accepted.relations) >= 1
    expect(root).to_have_count(1)
    assert root.evaluate(CLIENT) == client, "another editor came"
    # the keyboard is there without a click, and so is what can be taken back
    editor.press("u")
    expect(editor.page.locator(".message")).to_have_text("Undone.")
    back = editor.saved()
    assert (back.entities, back.relations) == ((), ())


def test_keys_count_that_come_while_the_editor_is_off_the_page(editor: Driver) -> None:
    editor.open("news", blink="1")
    before = editor.to_decide()
    editor.press("Escape", "Tab", "x")
    expect(editor.page.locator(".relex")).to_have_count(0)
    editor.press("x")
    expect(editor.page.locator(".relex")).to_have_count(1)
    editor.wait()
    assert len(editor.store.revisions(editor.project, "news")) == 2
    assert editor.to_decide() <= before - 2


FLAG = "(root) => [root.editor.flagOf(), root.editor.doc.flag ?? null]"


def test_a_flag_is_shown_at_once_and_the_documents_own_when_it_is_saved(editor: Driver) -> None:
    editor.open("news", delay="1.5")
    editor.press("Shift+Digit1")
    editor.page.get_by_label("Why is this document flagged?").last.fill("odd")
    editor.press("Enter")
    expect(editor.page.locator(".status")).to_have_text("saving 1")
    root = editor.page.locator(".relex")
    assert [root.evaluate(FLAG) for _ in range(2)] == [["odd", None]] * 2, "to ask changes nothing"
    editor.wait()
    assert root.evaluate(FLAG) == ["odd", "odd"]
    expect(editor.page.locator(".flagged")).to_contain_text("odd")


def test_a_flag_that_is_refused_or_not_saved_yet_does_not_become_the_documents_own(editor: Driver) -> None:
    editor.open("news")
    editor.wait()
    assert editor.page.locator(".relex").evaluate(
        """(root) => {
          const { editor } = root, { log } = editor, seen = [];
          const note = (...committed) => {
            if (committed.length) editor.acknowledge({ [log.client]: committed[0] }, committed[1] || []);
            seen.push([editor.flagOf(), editor.doc.flag ?? null]);
          };
          log.flush = () => {}; // all that follows waits
          const at = log.seq;
          log.push('news', 0, [{ command: 'flag', note: 'a' }, { command: 'submit' }, { command: 'flag', note: 'b' }]);
          note();
          note(at + 1);
          note(at + 2);
          note(at + 3, [{ client: log.client, seq: at + 3, message: 'no' }]);
          return seen;
        }"""
    ) == [["b", None], ["b", "a"], ["b", None], [None, None]]
