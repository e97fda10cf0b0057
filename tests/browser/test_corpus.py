"""The graph of a project in the real app: a click leads to the text, filters narrow, files leave without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
import rdflib
from playwright.sync_api import Page, expect

from db import corpus_reading
from db.corpus import Source
from db.store import Store
from db.values import State
from pages.shared import sample_set
from relex_core.types import Annotation, Document, Entity, Schema, Thresholds
from tests.browser import screenshots
from tests.browser.conftest import Serve, Server, Watch

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(serve: Serve) -> Server:
    return serve("app.py")


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{server.data / 'relex.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
def graph(server: Server, page: Page, store: Store) -> Page:
    """The sample project, read by the model, as a graph."""
    sample_set.create(store)
    screenshots.graph(page, server.url)
    return page


def click(page: Page, place: str, key: str) -> None:
    """Click a node ("place") or the middle of an edge ("middle") of the canvas."""
    box = page.locator(".rx-graph").bounding_box()
    at: dict[str, Any] = page.locator(".rx-graph").evaluate(f"(box, key) => box.{place}(key)", key)
    assert box
    page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])
    expect(page.locator(f".rx-graph[data-chosen='{key}']")).to_be_visible()


def count(page: Page, what: str) -> int:
    return int(page.locator(".rx-graph").get_attribute(f"data-{what}") or 0)


def test_a_node_lists_its_mentions_and_one_opens_its_document_there(graph: Page) -> None:
    click(graph, "place", "tehran\x1flocation")
    passage = graph.locator(".rx-passages li")
    expect(passage.locator("mark")).to_have_text("Tehran")
    passage.press("Enter")
    expect(graph.locator(".relex.editing .s.focus").first).to_contain_text("Tehran", timeout=30_000)
    assert "document=sample-02" in graph.url


def test_an_edge_shows_its_evidence_and_filters_keep_places(graph: Page) -> None:
    nodes, edges = count(graph, "nodes"), count(graph, "edges")
    before = graph.locator(".rx-graph").evaluate("box => box.place('emmy noether\\u001fperson')")
    click(graph, "middle", "emmy noether\x1fperson\x1ferlangen\x1flocation\x1fborn in")
    expect(graph.locator(".rx-passages li q").first).to_contain_text("Emmy Noether was born in Erlangen")
    expect(graph.locator(".rx-passages li mark")).to_have_text(["Emmy Noether", "Erlangen"])
    graph.locator(".st-key-corpus_close button").click()
    # by label: nothing moves, and all comes back
    graph.locator(".st-key-corpus_filter button").first.click()
    graph.locator(".st-key-corpus_entity_labels button").filter(has_text="person").click()
    expect(graph.locator(f".rx-graph:not([data-nodes='{nodes}'])")).to_be_visible()
    assert graph.locator(".rx-graph").evaluate("box => box.place('emmy noether\\u001fperson')") == before
    graph.locator(".st-key-corpus_entity_labels button").filter(has_text="person").click()
    expect(graph.locator(f".rx-graph[data-nodes='{nodes}'][data-edges='{edges}']")).to_be_visible()
    # by number of relations
    degree = graph.locator(".st-key-corpus_degree input")
    degree.fill("2")
    degree.press("Enter")
    expect(graph.locator(f".rx-graph:not([data-nodes='{nodes}'])")).to_be_visible()
    assert 0 < count(graph, "nodes") < nodes


def test_a_name_is_found_and_shown_with_its_neighbours(graph: Page) -> None:
    nodes = count(graph, "nodes")
    search = graph.locator(".st-key-corpus_search input")
    search.fill("NOETHER")
    search.press("Enter")
    graph.get_by_role("button", name=re.compile("Emmy Noether")).click()
    expect(graph.get_by_text("Around Emmy Noether")).to_be_visible()
    expect(graph.locator(f".rx-graph:not([data-nodes='{nodes}'])")).to_be_visible()
    near = count(graph, "nodes")
    assert 1 < near < 12
    expect(graph.locator(".rx-passages li").first).to_contain_text("Emmy Noether")
    graph.get_by_text("Show all", exact=True).click()
    expect(graph.locator(f".rx-graph:not([data-nodes='{near}'])")).to_be_visible()


def test_labels_of_lines_keep_their_size_on_the_screen_at_any_distance(graph: Page) -> None:
    def on_the_screen() -> tuple[float, set[float]]:
        drawn = graph.locator(".rx-graph").evaluate("box => box.drawn()")
        return drawn["scale"], {round(letter * drawn["scale"], 3) for letter in drawn["letters"]}

    far, sizes = on_the_screen()
    assert sizes <= {11}
    graph.locator(".rx-graph").hover()
    graph.get_by_role("button", name="Whole screen").click()
    expect(graph.get_by_role("button", name="Back to the page")).to_be_visible()
    graph.wait_for_timeout(500)
    near, sizes = on_the_screen()
    assert near > 1.2 * far
    assert sizes == {11}
    graph.mouse.wheel(0, -300)
    graph.wait_for_timeout(500)
    nearer, sizes = on_the_screen()
    assert nearer > near
    assert sizes == {11}


def test_files_are_taken_away_and_the_page_needs_no_network(graph: Page, watch: Watch, tmp_path: Path) -> None:
    files = {}
    graph.locator(".st-key-corpus_downloads button").first.click()
    for suffix in ("html", "csv", "graphml", "jsonld", "ttl"):
        with graph.expect_download() as taken:
            graph.locator(f".st-key-take_corpus_{suffix} button").first.click()
        files[suffix] = tmp_path / f"graph.{suffix}"
        taken.value.save_as(files[suffix])
    edges = count(graph, "edges")
    assert nx.read_graphml(files["graphml"], force_multigraph=True).number_of_edges() == edges
    one, other = rdflib.Graph(), rdflib.Graph()
    one.parse(data=files["jsonld"].read_text(), format="json-ld")
    other.parse(data=files["ttl"].read_text(), format="turtle")
    assert set(one) == set(other)
    assert "Emmy Noether was born in Erlangen" in files["csv"].read_text()
    page = watch.attach(graph.context.new_page())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(files["html"].as_uri())
    expect(page.locator("canvas")).to_be_visible()
    page.wait_for_timeout(300)
    assert asked == [files["html"].as_uri()]


@pytest.fixture
def named(server: Server, page: Page, store: Store) -> Page:
    """A project in which a woman has three names, and the server of her firm two."""
    texts = {
        "a": "Emmy Noether was born in Erlangen. Noether worked for the University of Göttingen.",
        "b": "E. Noether worked for the University of Gottingen. Noether lived in Göttingen.",
        "c": "Emmy Noether lived in Göttingen.",
    }
    schema = Schema.of(["person", "organization", "location"], ["born in", "works for", "lives in"])
    store.create_project("names", schema)
    for id, text in texts.items():
        marks = [
            Entity(f"e{at.start()}", at.start(), at.end(), label)
            for words, label in (
                ("(?:Emmy |E\\. )?Noether", "person"),
                ("University of G\\w+", "organization"),
                ("Erlangen|(?<=in )G\\w+", "location"),
            )
            for at in re.finditer(words, text)
        ]
        store.add_documents("names", [Document(id, text)])
        annotation = Annotation(Document(id, text), schema, tuple(marks))
        store.save("names", annotation, annotator="me", state=State.SUBMITTED)
    page.goto(f"{server.url}/documents?project=names")
    page.get_by_text("Graph", exact=True).click()
    expect(page.locator(".rx-graph")).to_be_visible(timeout=30_000)
    return page


def test_names_of_one_thing_are_joined_and_taken_apart(named: Page, store: Store) -> None:
    page = named
    people = "emmy noether\x1fperson"

    def others() -> dict[str, tuple[str, ...]]:
        graph = corpus_reading.read(store, "names", Source.CORRECTED, Thresholds(), "")
        return {node.text: node.others for node in graph.nodes if node.label != "location"}

    page.wait_for_timeout(3000)
    page.screenshot(path="/tmp/names0.png")
    page.get_by_role("button", name="3 names may be the same as others").click()
    first = page.locator(".st-key-corpus_likely_0")
    expect(first).to_contain_text("University of Gottingen is University of Göttingen?")
    page.screenshot(path="/tmp/names1.png")
    page.locator(".st-key-corpus_different_0 button").first.click()
    expect(first).to_contain_text("E. Noether is Emmy Noether?")
    page.locator(".st-key-corpus_same_0 button").click()
    expect(page.get_by_text("E. Noether is Emmy Noether now.")).to_be_visible()
    expect(first).to_contain_text("Noether is Emmy Noether?")
    page.locator(".st-key-corpus_same_0 button").click()
    expect(page.get_by_text("No other name looks like another.")).to_be_visible()
    assert others()["Emmy Noether"] == ("Noether", "E. Noether")
    # the last one is taken back, and is asked again
    page.locator(".st-key-corpus_take_back button").click()
    expect(first).to_contain_text("Noether is Emmy Noether?")
    assert others()["Emmy Noether"] == ("E. Noether",)
    page.locator(".st-key-corpus_unpropose button").click()
    # in the menu of a name: another one is chosen, one is taken off, and another spelling is shown
    click(page, "place", people)
    expect(page.locator(".st-key-corpus_detail")).to_contain_text("also E. Noether")
    page.locator(".st-key-corpus_detail").get_by_role("button", name="Names").click()
    page.get_by_role("combobox", name="Also called").click()
    page.get_by_role("option", name="Noether", exact=True).click()
    expect(page.locator(".st-key-corpus_detail")).to_contain_text("also Noether, E. Noether")
    page.locator(".st-key-corpus_detail").get_by_role("button", name="Names").click()
    page.screenshot(path="/tmp/names2.png")
    page.locator(".st-key-corpus_part_1 button").click()
    expect(page.locator(".st-key-corpus_detail")).not_to_contain_text("E. Noether")
    shown = page.get_by_role("textbox", name="Shown as")
    shown.fill("Amalie Emmy Noether")
    shown.press("Enter")
    expect(page.locator(".st-key-corpus_detail")).to_contain_text("Amalie Emmy Noether")
    assert others()["Amalie Emmy Noether"] == ("Emmy Noether", "Noether")
