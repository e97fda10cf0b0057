"""Documents and Export in the browser: a project from files, read by the model, and out again."""

from __future__ import annotations

import json
import zipfile

import pytest
from playwright.sync_api import Page, expect

from db.progress import count_unscored
from db.store import Store
from relex_core.types import Document, Schema
from tests.browser.conftest import Server, mini_version

pytestmark = pytest.mark.browser

ROWS = ".rx-documents tbody tr"


def choose(page: Page, name: str, data: bytes, *others: tuple[str, bytes]) -> None:
    chosen = [{"name": name, "mimeType": "text/plain", "buffer": data} for name, data in ((name, data), *others)]
    page.locator('[data-testid="stFileUploaderDropzoneInput"]').last.set_input_files(chosen)  # type: ignore[arg-type]


def test_a_project_is_made_filled_read_and_exported(app: Server, page: Page) -> None:
    page.goto(app.url)
    page.get_by_role("link", name="Documents").click()
    page.get_by_role("button", name="New project").click()
    page.get_by_label("Name", exact=True).fill("letters <b>")
    page.get_by_text("news", exact=True).click()
    page.get_by_role("button", name="Make project").click()
    expect(page.locator(".rx-title")).to_have_text("letters <b>")
    # out of the way of what comes next
    expect(page.get_by_role("button", name="Make project")).to_be_hidden()

    page.get_by_role("button", name="Import").click()
    choose(page, "two.jsonl", b'{"text":"Ada worked for Acme in Oslo."}\n{"text":"Bob lives in Rome."}\n{oops\n')
    page.get_by_text("Import the other 2").click()
    page.get_by_role("button", name="Import 2 documents").click()
    expect(page.get_by_text("2 documents added.")).to_be_visible()
    expect(page.locator(ROWS)).to_have_count(2)
    expect(page.get_by_text("All documents are read by mini")).to_be_visible(timeout=60_000)

    example = {"tokenized_text": ["Eve", "lives", "in", "Kyiv", "."], "ner": [[0, 0, "person"], [3, 3, "location"]]}
    page.get_by_role("button", name="Import").click()
    page.get_by_label("What the files hold").click()
    page.get_by_role("option", name="stage-2").click()
    choose(page, "gold.jsonl", json.dumps({**example, "relations": [[0, 1, "lives in"]]}).encode())
    page.get_by_role("button", name="Import 1 record").click()
    expect(page.get_by_text("1 documents added")).to_be_visible()
    expect(page.locator(ROWS)).to_have_count(3)
    expect(page.locator(ROWS, has_text="submitted")).to_have_count(1)

    page.get_by_role("link", name="Export").click()
    expect(page.locator(".rx-title")).to_have_text("1 document")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download with manifest").click()
    with zipfile.ZipFile(waiting.value.path()) as packed:
        name = next(name for name in packed.namelist() if name.endswith(".jsonl"))
        record = json.loads(packed.read(name))
        manifest = json.loads(packed.read(f"{name}.manifest.json"))
    assert record["tokenized_text"] == example["tokenized_text"]
    assert record["relations"] == [[0, 1, "lives in"]]
    assert manifest["project"] == "letters <b>"


def test_a_row_opens_its_document(app: Server, page: Page) -> None:
    page.goto(f"{app.url}/?")
    page.get_by_role("link", name="Documents").click()
    page.locator(ROWS, has_text="Bob lives in Rome.").click()
    expect(page.locator(".relex.editing .pane")).to_contain_text("Bob lives in Rome.")


def test_labels_are_changed_with_counts_first_and_read_again(app: Server, page: Page, store: Store) -> None:
    project = "letters <b>"
    page.goto(f"{app.url}/documents?project=letters+%3Cb%3E")
    expect(page.locator(".rx-title")).to_have_text(project, timeout=60_000)
    page.locator(".st-key-labels_menu button").first.click()
    page.locator(".rx-labels").get_by_text("location", exact=True).click()
    field = page.locator(".rx-labels .rx-edit").get_by_label("Name", exact=True)
    field.fill("place <i>")
    field.press("Enter")
    expect(page.get_by_text("Rename location to place <i>? It changes 1 mark in 1 document")).to_be_visible()
    assert "location" in {label.name for label in store.project(project).schema.visible_entities}
    page.locator(".st-key-label_go button").first.click()
    expect(page.get_by_text("location is now called place <i>.")).to_be_visible()
    latest = next(iter(store.latest_revisions(project)))
    assert "place <i>" in {e.label for e in latest.annotation.entities}
    page.locator(".st-key-label_undo button").first.click()
    expect(page.locator(".rx-labels").get_by_text("location", exact=True)).to_be_visible()
    # a new label is looked for in all documents, without being asked
    entry = page.get_by_label("add entity labels, several divided by commas")
    entry.fill("river")
    entry.press("Enter")
    expect(page.get_by_role("button", name="entity label river: edit")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("All documents are read by mini")).to_be_visible(timeout=60_000)
    assert count_unscored(store, project, mini_version()) == 0


def test_an_answer_stays_with_its_file_and_useless_files_are_left_out(app: Server, page: Page, store: Store) -> None:
    store.create_project("odd files", Schema.of(["person"]))
    page.goto(f"{app.url}/documents?project=odd+files")
    page.get_by_role("button", name="Import").click()
    lines = "\n".join(json.dumps({"text": f"Zoë met José {n}."}, ensure_ascii=False) for n in range(2)).encode()
    western = "Zoë Müller wohnt in Köln und Jürgen Groß in München.".encode("windows-1252")
    choose(page, "a.txt", b"  \n", ("b.txt", western), ("c.jsonl", lines), ("d.txt", b"\x89PNG"))
    expect(page.get_by_text("2 questions above before 3 documents can be taken.")).to_be_visible()
    page.get_by_text("Yes, read it so").click()
    expect(page.get_by_text("1 question above before 3 documents can be taken.")).to_be_visible()
    # the second file is the first one now
    page.get_by_test_id("stFileUploader").last.locator("button").first.click()
    expect(page.get_by_text("Leave out 1 file that cannot be used")).to_be_visible()
    expect(page.get_by_text("c.jsonl is not UTF-8")).to_have_count(0)
    page.get_by_text("Leave out 1 file that cannot be used").click()
    page.get_by_role("button", name="Import 3 documents").click()
    expect(page.get_by_text("3 documents added.")).to_be_visible()
    texts = {store.document("odd files", row.id).text for row in store.queue("odd files")}
    assert texts == {western.decode("windows-1252"), "Zoë met José 0.", "Zoë met José 1."}


@pytest.mark.parametrize(("width", "least"), [(1440, 400), (1024, 320), (800, 350), (400, 120)])
def test_the_text_has_the_widest_column_of_the_list_at_any_width(
    app: Server, page: Page, store: Store, width: int, least: int
) -> None:
    if "wide" not in {project.name for project in store.projects()}:
        store.create_project("wide", Schema.of(["person"]))
        store.add_documents("wide", [Document("d0", "Ada Lovelace, born in London in 1815, married William King.")])
    page.set_viewport_size({"width": width, "height": 768})
    page.goto(f"{app.url}/documents?project=wide")
    expect(page.locator(ROWS)).to_have_count(1, timeout=60_000)
    widths = page.locator(ROWS).locator("td:visible").evaluate_all("cells => cells.map((cell) => cell.offsetWidth)")
    text = page.locator(f"{ROWS} td.text").evaluate("cell => cell.offsetWidth")
    assert text == max(widths) >= least
    # nothing is cut off at the side
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
