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

from db.store import Store
from pages.shared import sample_set
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
