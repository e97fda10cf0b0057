"""Explore in the browser: labels, thresholds, files, graph, themes and narrow screens."""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import combinations
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from db import limits
from db.store import Store
from tests.browser.conftest import Serve, Server, Watch, until

pytestmark = pytest.mark.browser

ROWS = ".rx-table tbody tr"
MARKS = ".relex .pane .s.m"
Place = tuple[float, float]
SETTLED = '.rx-graph[data-settled="true"]'


@pytest.fixture
def explore(app: Server, page: Page) -> Page:
    page.goto(app.url)
    expect(page.locator(ROWS).first).to_be_visible(timeout=60_000)
    return page


def files(*named: tuple[str, bytes]) -> list[dict[str, object]]:
    return [{"name": name, "mimeType": "text/plain", "buffer": data} for name, data in named]


def upload(page: Page, *named: tuple[str, bytes]) -> None:
    page.get_by_role("button", name="Upload").click()
    page.locator('[data-testid="stFileUploaderDropzoneInput"]').first.set_input_files(files(*named))  # type: ignore[arg-type]


def test_labels_are_added_refused_renamed_and_removed(explore: Page) -> None:
    entry = explore.get_by_label("add entity labels, several divided by commas")
    entry.fill("<b>city</b>, prize")
    entry.press("Enter")
    expect(explore.get_by_role("button", name="entity label prize: edit")).to_be_visible()
    expect(explore.locator(".rx-chip", has_text="<b>city</b>")).to_be_visible()
    entry.fill("person")
    entry.press("Enter")
    expect(explore.locator(".rx-labels .refused")).to_contain_text("more than once")
    expect(entry).to_have_value("person")
    explore.get_by_role("button", name="entity label prize: edit").click()
    explore.get_by_label("Name", exact=True).fill("honour")
    explore.get_by_role("button", name="Apply").click()
    expect(explore.get_by_role("button", name="entity label honour: edit")).to_be_visible()
    explore.get_by_role("button", name="entity label honour: edit").click()
    explore.get_by_role("button", name="Remove label").click()
    expect(explore.get_by_role("button", name="entity label honour: edit")).to_have_count(0)


def test_a_long_label_stays_in_its_pane(explore: Page) -> None:
    entry = explore.get_by_label("add entity labels, several divided by commas")
    entry.fill("every kind of " + "x" * 90)
    entry.press("Enter")
    chip = explore.locator(".rx-chip", has_text="every kind of")
    expect(chip).to_be_visible()
    pane = explore.locator(".rx-labels").bounding_box()
    box = chip.bounding_box()
    assert pane
    assert box
    assert box["x"] + box["width"] <= pane["x"] + pane["width"]


def test_a_relation_is_constrained_in_words_and_gets_a_threshold(explore: Page) -> None:
    form = explore.locator(".rx-labels .rx-edit")
    chip = explore.locator(".rx-chip", has=explore.get_by_text("born in", exact=True))
    add = explore.get_by_label("add relation labels, several divided by commas")
    add.fill("birthplace of")
    add.press("Enter")
    expect(explore.locator(".rx-chip").get_by_text("birthplace of", exact=True)).to_be_visible()
    expect(explore.locator(ROWS).filter(has_text="Warsaw").get_by_text("born in", exact=True)).not_to_have_count(0)
    chip.click()
    form.get_by_label("The other direction").select_option("birthplace of")
    goes_to = form.locator("fieldset", has_text="It goes to")
    expect(goes_to.get_by_label("location", exact=True)).to_be_checked()
    goes_to.get_by_label("location", exact=True).uncheck()
    goes_to.get_by_label("date", exact=True).check()
    form.get_by_role("button", name="Apply").click()
    expect(chip).to_contain_text("↔ birthplace of")
    # places are no longer allowed as tails: the suggestions are gone
    born = explore.locator(ROWS).filter(has=explore.get_by_text("born in", exact=True))
    expect(born.get_by_text("Warsaw", exact=True)).to_have_count(0)
    person = explore.locator(".rx-chip", has=explore.get_by_text("person", exact=True))
    person.click()
    slider = form.get_by_label("show person from this score")
    slider.evaluate(
        "(s) => { s.value = 1; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change')); }"
    )
    expect(explore.locator(ROWS).get_by_text("spouse", exact=True)).to_have_count(0)
    form.get_by_role("button", name="Close").click()
    expect(person).to_contain_text("from 1.00")
    person.click()
    form.get_by_role("button", name="As all others").click()
    expect(explore.locator(ROWS).get_by_text("spouse", exact=True)).not_to_have_count(0)


def test_the_table_sorts_and_a_row_focuses_text_and_graph(explore: Page) -> None:
    expect(explore.locator(SETTLED)).to_be_visible()
    scores = [float(text) for text in explore.locator(f"{ROWS} td.c3").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    explore.get_by_role("button", name="Head", exact=True).click()
    heads = explore.locator(f"{ROWS} td.c0").all_inner_texts()
    assert heads == sorted(heads)
    row = explore.locator(ROWS, has=explore.locator("td.c2", has_text="Warsaw"))
    row.click()
    expect(row).to_have_attribute("aria-selected", "true")
    expect(explore.locator(f"{MARKS}.focus", has_text="Warsaw").first).to_be_visible()


def graph_click(page: Page, place: str, key: str) -> None:
    """Click a node ("place") or the middle of an edge ("middle"), where the canvas says that it is."""
    expect(page.locator(SETTLED)).to_be_visible()
    page.wait_for_timeout(300)
    box = page.locator(".rx-graph").bounding_box()
    at = page.locator(".rx-graph").evaluate(f"(box, key) => box.{place}(key)", key)
    assert box
    page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])


def test_a_node_focuses_its_mentions_and_an_edge_its_evidence(explore: Page) -> None:
    graph_click(explore, "place", "warsaw\x1flocation")
    expect(explore.locator(f"{MARKS}.focus")).to_have_text(["Warsaw"])
    expect(explore.locator(f"{ROWS}.dim").first).to_be_attached()
    graph_click(explore, "middle", "marie curie\x1fperson\x1fwarsaw\x1flocation\x1fborn in")
    bright = explore.locator(f"{ROWS}:not(.dim)")
    expect(bright).to_have_count(1)
    # lines cross: whichever was hit, its sentence is shown and its ends are marked in the text
    tail = bright.locator("td.c2").inner_text()
    assert tail in bright.locator("td").last.inner_text()
    expect(explore.locator(f"{MARKS}.focus", has_text=tail).first).to_be_visible()


def test_a_mention_focuses_its_node(explore: Page) -> None:
    expect(explore.locator(SETTLED)).to_be_visible()
    explore.locator(MARKS, has_text="Warsaw").first.click()
    expect(explore.locator(".rx-graph[data-chosen='warsaw\x1flocation']")).to_be_visible()


def test_a_mention_dims_the_triples_of_others(explore: Page) -> None:
    explore.locator(MARKS, has_text="Warsaw").first.click()
    bright = explore.locator(f"{ROWS}:not(.dim)")
    expect(bright).to_have_count(1)
    expect(bright.locator("td.c2")).to_have_text("Warsaw")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_graph_uses_its_pane_and_no_name_lies_on_another(explore: Page, theme: Literal["light", "dark"]) -> None:
    explore.emulate_media(color_scheme=theme)
    expect(explore.locator(SETTLED)).to_be_visible()
    explore.wait_for_timeout(500)
    pane = explore.locator(".rx-graph").bounding_box()
    frame = explore.locator(".st-key-pane_graph").bounding_box()
    assert pane
    assert frame
    # what reaches over the frame is cut off
    assert frame["y"] <= pane["y"]
    assert pane["y"] + pane["height"] <= frame["y"] + frame["height"]
    drawn = explore.locator(".rx-graph").evaluate("(box) => box.drawn()")
    boxes = [(n["x"] - n["half"], n["y"] - n["up"], n["x"] + n["half"], n["y"] + n["down"]) for n in drawn["nodes"]]
    assert (max(b[2] for b in boxes) - min(b[0] for b in boxes)) * drawn["scale"] > 0.8 * pane["width"]
    assert (max(b[3] for b in boxes) - min(b[1] for b in boxes)) * drawn["scale"] > 0.8 * pane["height"]
    assert drawn["scale"] >= 0.8  # names are about as large as the text of the page
    overlaps = [
        (a, b) for a, b in combinations(boxes, 2) if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]
    assert overlaps == []
    # a line whose label has no place of its own shows it when its turn comes: few of a sample's do
    lines = int(explore.locator(".rx-graph").get_attribute("data-edges") or 0)
    assert lines > 3
    assert drawn["named"] >= lines * 2 / 3


def test_lines_of_a_small_graph_do_not_cross(explore: Page) -> None:
    expect(explore.locator(SETTLED)).to_be_visible()
    drawn = explore.locator(".rx-graph").evaluate("(box) => box.drawn()")
    at = {node["key"]: (node["x"], node["y"]) for node in drawn["nodes"]}
    lines = [(at[head], at[tail]) for head, tail in drawn["lines"]]
    assert len(lines) >= 5

    def turn(a: Place, b: Place, c: Place) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    crossing = [
        ((a, b), (c, d))
        for (a, b), (c, d) in combinations(lines, 2)
        if not {a, b} & {c, d} and turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0
    ]
    assert crossing == []


@pytest.mark.parametrize(("first", "years", "related"), [("Anna Berg works for Siemens. ", 42, True), ("", 7, False)])
@pytest.mark.parametrize("width", [1440, 390])
def test_entities_without_relations_leave_the_graph_legible(
    explore: Page, first: str, years: int, related: bool, width: int
) -> None:
    explore.set_viewport_size({"width": width, "height": 900})
    explore.get_by_role("button", name="Edit or paste").click()
    explore.get_by_role("textbox", name="Text").fill(
        f"{first}Bad years were {', '.join(str(1900 + n) for n in range(years))}."
    )
    explore.get_by_role("button", name="Extract").click()
    expect(explore.locator(MARKS, has_text="1905")).to_be_visible()
    expect(explore.locator(SETTLED)).to_be_visible()
    explore.wait_for_timeout(500)
    graph = explore.locator(".rx-graph")
    assert (graph.get_attribute("data-edges") != "0") == related
    drawn = graph.evaluate("(box) => box.drawn()")
    boxes = [(n["x"] - n["half"], n["y"] - n["up"], n["x"] + n["half"], n["y"] + n["down"]) for n in drawn["nodes"]]
    assert len(boxes) >= years
    overlaps = [
        (a, b) for a, b in combinations(boxes, 2) if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]
    assert overlaps == []
    assert drawn["scale"] > (0.4 if width == 390 and related else 0.6)


def test_many_documents_come_with_a_pager(explore: Page) -> None:
    lines = "\n".join(json.dumps({"id": f"n{n}", "text": f"Ada number {n} was born in Oslo."}) for n in range(3))
    upload(explore, ("three.jsonl", lines.encode()))
    expect(explore.get_by_role("button", name="1 of 3")).to_be_visible()
    explore.get_by_role("button", name="›").click()
    expect(explore.get_by_role("button", name="2 of 3")).to_be_visible()
    expect(explore.locator(".relex .pane")).to_contain_text("Ada number 1")


def test_bad_lines_are_numbered_and_the_good_wait_for_a_yes(explore: Page) -> None:
    upload(explore, ("some.jsonl", b'{"text":"Ada was born in Oslo."}\n{broken\n{"text":"Bob lives in Rome."}\n'))
    expect(explore.get_by_text("1 of 3 lines of some.jsonl cannot be used (2)")).to_be_visible()
    expect(explore.locator(".relex .pane")).to_contain_text("Marie Curie")
    explore.get_by_text("Import the other 2").click()
    expect(explore.get_by_role("button", name="1 of 2")).to_be_visible()


def test_binary_and_foreign_encodings_are_told(explore: Page) -> None:
    upload(explore, ("photo.txt", b"\x89PNG\r\n\x1a\n\x00\x00"))
    expect(explore.get_by_text("found a PNG image")).to_be_visible()
    expect(explore.locator(".relex .pane")).to_contain_text("Marie Curie")


def test_an_encoding_is_offered_and_a_column_asked_for(explore: Page) -> None:
    sheet = "Nr;Satz\n1;Jürgen Groß wurde in Köln geboren und später nach München geschickt.\n"
    upload(explore, ("sheet.csv", sheet.encode("windows-1252")))
    expect(explore.get_by_text("is not UTF-8")).to_be_visible()
    explore.get_by_text("Yes, read it so").click()
    explore.get_by_label("Column of sheet.csv that holds the text").click()
    explore.get_by_role("option", name="Satz").click()
    expect(explore.locator(".relex .pane")).to_contain_text("Jürgen Groß")


def test_ten_megabytes_are_divided_and_nothing_is_lost(explore: Page) -> None:
    text = "Ada Lovelace was born in London and met Charles Babbage.\n\n" * (10_000_000 // 58)
    upload(explore, ("long.txt", text.encode()))
    expect(explore.get_by_role("button", name="1 of 101")).to_be_visible(timeout=60_000)
    expect(explore.get_by_text("long.txt, part 1 of 101")).to_be_visible()
    expect(explore.get_by_text("Reading the text: part")).to_be_visible(timeout=30_000)
    explore.get_by_role("button", name="Stop reading").click()
    expect(explore.get_by_text("Reading was stopped")).to_be_visible(timeout=30_000)
    expect(explore.get_by_role("textbox", name="Text")).to_be_visible()


def test_what_is_shown_can_be_taken_away(explore: Page, watch: Watch, tmp_path: Path) -> None:
    explore.get_by_role("button", name="Download").click()
    with explore.expect_download() as waiting:
        explore.get_by_role("button", name="Triples").click()
    rows = list(csv.reader(io.StringIO(waiting.value.path().read_text("utf-8-sig"))))
    assert ["Marie Curie", "person", "born in", "Warsaw"] in [row[1:5] for row in rows]
    with explore.expect_download() as waiting:
        explore.get_by_role("button", name="Graph").click()
    page = tmp_path / "graph.html"
    waiting.value.save_as(page)
    drawn = watch.attach(explore.context.new_page())
    drawn.goto(page.as_uri())
    expect(drawn.locator("canvas")).to_be_visible()
    assert drawn.evaluate("network.body.data.nodes.length") > 4


@pytest.mark.parametrize(("width", "height"), [(800, 900), (400, 800)])
def test_a_narrow_screen_needs_no_sideways_scroll(app: Server, page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(app.url)
    expect(page.locator(ROWS).first).to_be_attached(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for pane in (".st-key-pane_text", ".st-key-pane_labels", ".st-key-pane_graph", ".st-key-pane_triples"):
        box = page.locator(pane).bounding_box()
        assert box
        assert box["width"] >= 0.9 * width
    page.get_by_role("button", name="Correct this").scroll_into_view_if_needed()
    expect(page.get_by_role("button", name="Correct this")).to_be_in_viewport()


def test_one_screen_holds_everything_at_1440_by_900(explore: Page) -> None:
    main = explore.locator('[data-testid="stMain"]')
    assert main.evaluate("e => e.scrollHeight - e.clientHeight") <= 0


def test_both_themes_are_legible(chromium: Browser, app: Server) -> None:
    for scheme, dark in (("light", False), ("dark", True)):
        context = chromium.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(app.url)
        expect(page.locator(MARKS).first).to_be_visible(timeout=60_000)
        ground = page.locator(".st-key-pane_text").evaluate("e => getComputedStyle(e).backgroundColor")
        ink = page.locator(".relex .pane").evaluate("e => getComputedStyle(e).color")
        assert (luminance(ground) < 0.2) == dark
        assert contrast(ground, ink) >= 7
        # a message in a menu, which lies beside the app
        page.locator(".st-key-annotator_menu").get_by_test_id("stPopoverButton").locator("visible=true").first.click()
        page.get_by_role("textbox", name="Your name").fill("adjudication")
        page.keyboard.press("Enter")
        message = page.get_by_test_id("stAlertContainer")
        expect(message).to_contain_text("cannot be an annotator's name")
        ground = message.evaluate("e => getComputedStyle(e).backgroundColor")
        ink = message.locator("p").evaluate("e => getComputedStyle(e).color")
        assert (luminance(ground) < 0.2) == dark
        assert contrast(ground, ink) >= 7
        assert message.evaluate("e => getComputedStyle(e).getPropertyValue('--rx-soft')"), "the app's own colours"
        context.close()


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2)."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    """Relative luminance of "rgb(r, g, b)" (WCAG 2.2)."""
    channels = [float(part) / 255 for part in color.partition("(")[2].rstrip(")").split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_nothing_is_drawn_without_the_style_on_a_first_visit(app: Server, chromium: Browser) -> None:
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.add_init_script(
            """window.first = {};
            new MutationObserver(() => {
              for (const name of ["brand", "identity", "pane_text"]) {
                const there = document.querySelector(`.st-key-${name}`);
                if (there && !(name in window.first)) {
                  const style = getComputedStyle(there);
                  window.first[name] = [style.position, style.borderTopStyle];
                }
              }
            }).observe(document, { childList: true, subtree: true });"""
        )
        page.goto(app.url, wait_until="commit")
        assert page.title() in ("", "Relex Studio")
        expect(page.locator(MARKS).first).to_be_visible(timeout=60_000)
        first = page.evaluate("window.first")
        assert first["brand"][0] == first["identity"][0] == "fixed"
        assert first["pane_text"][1] == "solid"
        # nor does the console begin with warnings that mean nothing to whoever started the app
        assert "ScriptRunContext" not in app.log.read_text()
    finally:
        context.close()


@pytest.mark.parametrize("path", ["/documents", "/export", "/annotate"])
def test_any_address_can_be_a_servers_first(serve: Serve, chromium: Browser, path: str) -> None:
    page = chromium.new_page()
    page.goto(serve("app.py").url + path)
    expect(page.locator('[data-testid="stMainBlockContainer"] [class*="st-key-pane_"]').first).to_be_visible(
        timeout=60_000
    )
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.close()


def test_the_way_out_and_the_list_of_keys_are_in_sight_however_long_the_row_is(explore: Page) -> None:
    explore.get_by_role("button", name="Correct this").click()
    bar = explore.locator(".relex.editing .bar")
    explore.locator(".relex.editing .pane .s.m").first.click()
    row = bar.locator(".keybar")
    for width in (1440, 900, 400):
        explore.set_viewport_size({"width": width, "height": 900})
        for name in ("Enter done", "? all keys"):
            box, room = bar.get_by_role("button", name=name).bounding_box(), row.bounding_box()
            assert box is not None
            assert room is not None
            assert room["x"] <= box["x"] + 1
            assert box["x"] + box["width"] <= room["x"] + room["width"] + 1, f"{name} at {width}"
    assert row.evaluate("(row) => row.scrollWidth > row.clientWidth"), "long enough to need it"
    bar.get_by_role("button", name="? all keys").click()
    expect(explore.locator(".relex .sheet-keys")).to_be_visible()


def test_the_key_for_new_scores_says_where_they_are_to_be_had(explore: Page) -> None:
    explore.get_by_role("button", name="Correct this").click()
    explore.locator(".relex.editing .pane .s.m").first.click()
    explore.keyboard.press("r")
    expect(explore.locator(".relex.editing .message")).to_have_text("Relations are scored again in Annotate, not here.")
    expect(explore.locator(".relex.editing .status")).to_have_text("saved")


def test_a_label_is_renamed_with_counts_first_and_one_undo_while_somebody_corrects(
    explore: Page, store: Store, tmp_path: Path
) -> None:
    def rename(label: str, name: str) -> None:
        explore.get_by_role("button", name=f"entity label {label}: edit").click()
        field = explore.locator(".rx-labels .rx-edit").get_by_label("Name", exact=True)
        field.fill(name)
        field.press("Enter")

    # before anything is corrected there is nothing to ask about
    rename("award", "honour")
    expect(explore.get_by_role("button", name="entity label honour: edit")).to_be_visible()
    expect(explore.locator(".st-key-label_go")).to_have_count(0)
    rename("honour", "award")
    expect(explore.get_by_role("button", name="entity label award: edit")).to_be_visible()
    explore.get_by_role("button", name="Correct this").click()
    expect(explore.locator(".relex.editing .status")).to_be_visible()
    explore.locator(MARKS, has_text="Warsaw").first.click()
    explore.keyboard.press("a")
    expect(explore.locator(".relex.editing .status")).to_have_text("saved")
    project = store.projects()[0].name

    def labels() -> set[str]:
        (latest,) = store.latest_revisions(project)
        return {entity.label for entity in latest.annotation.entities}

    assert labels() == {"location"}
    rename("location", "place <i>")
    question = explore.get_by_text(
        "Rename location to place <i>? It changes 1 mark in 1 document, and suggestions in 1"
    )
    expect(question).to_be_visible()
    assert labels() == {"location"}
    explore.locator(".st-key-label_stay button").click()
    expect(question).to_have_count(0)
    expect(explore.get_by_role("button", name="entity label location: edit")).to_be_visible()
    # a name that is taken is a merge, and is asked as well
    rename("location", "organization")
    expect(explore.get_by_text("Merge location into organization? It changes 1 mark in 1 document")).to_be_visible()
    assert labels() == {"location"}
    rename("location", "place <i>")
    expect(question).to_be_visible()
    explore.screenshot(path=tmp_path / "question.png")
    explore.locator(".st-key-label_go button").click()
    expect(explore.get_by_text("location is now called place <i>.")).to_be_visible()
    expect(explore.get_by_role("button", name="entity label place <i>: edit")).to_be_visible()
    assert labels() == {"place <i>"}
    explore.locator(".st-key-label_undo button").click()
    expect(explore.get_by_role("button", name="entity label location: edit")).to_be_visible()
    expect(explore.locator(".st-key-label_undo")).to_have_count(0)
    assert labels() == {"location"}


def test_thresholds_of_what_is_corrected_are_there_after_a_reload(explore: Page, store: Store) -> None:
    explore.get_by_role("button", name="Correct this").click()
    editor = explore.locator(".relex.editing")
    editor.get_by_role("button", name="thresholds").click()
    editor.get_by_label("threshold, person", exact=True).fill("0.99")
    editor.get_by_label("threshold, relations", exact=True).fill("0.7")
    expect(editor.locator(".status")).to_have_text("saved")
    person = explore.locator(".rx-chip", has=explore.get_by_text("person", exact=True))
    expect(person).to_contain_text("from .99")

    def kept() -> bool:
        found = limits.chosen(store, store.projects()[0].name, "me")
        return found is not None and found.relation == 0.7

    assert until(kept)
    explore.reload()
    expect(editor.get_by_role("button", name="thresholds")).to_have_text("thresholds .30 · .70", timeout=60_000)
    expect(person).to_contain_text("from .99")


@pytest.mark.parametrize(("key", "words"), [("s", "Skipped."), ("n", "Left as it stands.")])
def test_the_editor_works_on_after_a_step_where_no_document_follows(explore: Page, key: str, words: str) -> None:
    explore.get_by_role("button", name="Correct this").click()
    editor = explore.locator(".relex.editing")
    expect(editor.locator(".status")).to_have_text("saved")
    expect(explore.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    editor.locator(".pane").focus()
    explore.keyboard.press(key)
    expect(editor.locator(".message")).to_have_text(words)
    expect(editor).not_to_have_class(re.compile("waiting"))
    rejected = editor.locator(".row.rejected")
    before = rejected.count()
    explore.keyboard.press("Escape")
    explore.keyboard.press("Tab")
    explore.keyboard.press("x")
    expect(rejected).not_to_have_count(before)
    expect(editor.locator(".status")).to_have_text("saved")
