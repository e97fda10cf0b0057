"""Texts in several scripts in the queue of the real app, and relations scored again by one key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from db.store import Store
from pages.shared import sample_set
from relex_core.types import Document
from tests.browser.conftest import Serve, Server
from tests.browser.test_queue import EDITOR, arrive, saved, text

pytestmark = pytest.mark.browser

STRANGE = "عُمر الخيام وُلد في نيسابور. 👩‍🔬 E\u0301milie lived in Paris. " + "Ada Lovelace was born in London. " * 20


@pytest.fixture(scope="module")
def server(serve: Serve) -> Server:
    return serve("app.py")


@pytest.fixture(scope="module")
def store(server: Server) -> Iterator[Store]:
    """The sample, and one text in several scripts."""
    opened = Store.open(f"sqlite:///{server.data / 'relex.sqlite'}")
    sample_set.create(opened)
    opened.add_documents("sample", [Document("strange", STRANGE)])
    yield opened
    opened.close()


def test_any_script_is_whole_and_relations_are_scored_again_by_one_key(
    server: Server, page: Page, store: Store
) -> None:
    arrive(page, server, "?project=sample&document=strange")
    assert text(page) == STRANGE
    pane = page.locator(f"{EDITOR} .pane")
    pane.focus()
    page.keyboard.press("a")
    saved(page)
    before = store.latest("sample", "strange")
    assert before is not None
    assert before.annotation.entities
    assert all(e.text(before.annotation.document).isprintable() for e in before.annotation.entities)
    page.keyboard.press("r")
    saved(page)
    expect(page.locator(f"{EDITOR} [role=option]").first).to_be_visible()
    after = store.latest("sample", "strange")
    assert after is not None
    assert after.annotation.entities == before.annotation.entities
