"""Signing in with a provider of accounts (OpenID Connect), on the real app: who one is then, and what goes wrong."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from db.store import Store
from db.values import State
from relex_core.types import Document, Schema
from tests.browser.conftest import Serve, Server, Watch, free_port, until
from tests.browser.provider import Provider

pytestmark = pytest.mark.browser

EDITOR = ".relex.editing"
SCHEMA = Schema.of(["person", "place"], ["met in"])
HOSTILE = "<img src=x onerror=alert(1)> **bold** $x$ \u202e" + "long " * 200

ACCOUNTS = {
    "ada": {"email": "ada@example.org", "email_verified": True, "name": "Ada"},
    "bob": {"email": "bob@example.org", "name": "Bob"},
    "mallory": {"email": "ada@example.org", "email_verified": False, "name": "Ada"},
    "nobody": {},
    "hostile": {"email": "<b>@", "email_verified": True, "name": HOSTILE},
    "like an address": {"name": "ada@example.org"},
}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider(free_port(), ACCOUNTS).start()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def server(serve: Serve, provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Server:
    port = free_port()
    secrets = tmp_path_factory.mktemp("secrets") / "secrets.toml"
    secrets.write_text(provider.settings(f"http://127.0.0.1:{port}"))
    return serve("app.py", env={"STREAMLIT_SECRETS_FILES": str(secrets)}, port=port)


@pytest.fixture(autouse=True)
def whole(provider: Provider) -> Iterator[None]:
    """The provider does everything right again after a test."""
    yield
    provider.broken = ""
    if provider.server is None:
        provider.start()


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    """The server's store, with a project of three documents."""
    with Store.open(f"sqlite:///{server.data / 'relex.sqlite'}") as store:
        if "news" not in {project.name for project in store.projects()}:
            store.create_project("news", SCHEMA)
            documents = [
                Document(f"d{n}", f"{name} met Charles in London.") for n, name in enumerate(("Ada", "Bo", "Cy"))
            ]
            store.add_documents("news", documents)
        yield store


def named(page: Page) -> Locator:
    return page.locator(".st-key-annotator_menu").get_by_test_id("stPopoverButton").locator("visible=true").first


def asked(page: Page) -> Locator:
    """The button of the page that asks for an account."""
    return page.locator(".st-key-sign_in button")


def come_in(page: Page, server: Server, who: str, address: str = "/") -> None:
    """Through the provider's own page."""
    page.goto(server.url + address)
    asked(page).click()
    page.get_by_role("link", name=who, exact=True).click()
    expect(named(page)).to_be_visible(timeout=60_000)


def flag(page: Page) -> None:
    """Decide on the open document."""
    expect(page.locator(f"{EDITOR} .par").first).to_be_visible(timeout=60_000)
    page.locator(f"{EDITOR} .pane").focus()
    page.keyboard.press("Shift+Digit1")
    page.get_by_label("Why is this document flagged?", exact=True).last.fill("look at this")
    page.keyboard.press("Enter")
    expect(page.locator(f"{EDITOR} .status")).to_have_text("saved")


def sign(provider: Provider, subject: str) -> str:
    return hashlib.sha256(f"{provider.issuer}\n{subject}".encode()).hexdigest()[:8]


def flagged_by(store: Store, document: str) -> set[str]:
    return {r.annotator for r in store.revisions("news", document) if r.state is State.FLAGGED}


def test_two_accounts_are_two_annotators_each_under_their_address(
    server: Server, chromium: Browser, page: Page, store: Store
) -> None:
    # a link to a document is where one arrives, also by way of the provider
    come_in(page, server, "ada", "/annotate?project=news&document=d0")
    expect(named(page)).to_contain_text("ada@example.org")
    expect(page.locator(f"{EDITOR} .text").first).to_have_text("Ada met Charles in London.", timeout=60_000)
    flag(page)
    assert flagged_by(store, "d0") == {"ada@example.org"}
    # a reload is no new sign-in
    page.reload()
    expect(named(page)).to_contain_text("ada@example.org")
    with chromium.new_context() as other:
        second = Watch().attach(other.new_page())
        come_in(second, server, "bob", "/annotate?project=news&document=d1")
        expect(named(second)).to_contain_text("bob@example.org")
        flag(second)
        assert flagged_by(store, "d1") == {"bob@example.org"}
    assert flagged_by(store, "d0") == {"ada@example.org"}


def test_nobody_chooses_another_name(server: Server, page: Page, store: Store) -> None:
    page.goto(server.url)
    page.evaluate(
        "document.cookie = 'relex_studio_name=eve; path=/'; sessionStorage.setItem('relex-studio.name', 'eve')"
    )
    come_in(page, server, "ada")
    expect(named(page)).to_contain_text("ada@example.org")
    named(page).click()
    expect(page.get_by_text("Decisions are saved under this account.")).to_be_visible()
    expect(page.get_by_role("textbox", name="Your name")).to_have_count(0)
    assert "eve" not in store.annotators()


def test_signing_out_ends_it_here_and_with_the_provider(server: Server, page: Page, provider: Provider) -> None:
    come_in(page, server, "ada")
    named(page).click()
    page.locator(".st-key-sign_out button").click()
    expect(asked(page)).to_be_visible(timeout=30_000)
    assert until(lambda: bool(provider.left))
    assert provider.left[-1]["post_logout_redirect_uri"] == f"{server.url}/oauth2callback"
    assert provider.left[-1]["id_token_hint"]
    # it was meant: no word of anything that went wrong
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    page.goto(f"{server.url}/annotate?project=news")
    expect(asked(page)).to_be_visible()
    expect(page.locator(EDITOR)).to_have_count(0)
    come_in(page, server, "bob")
    expect(named(page)).to_contain_text("bob@example.org")


@pytest.mark.parametrize(
    ("who", "called"),
    [
        ("mallory", "Ada"),
        ("nobody", "account"),
        ("like an address", "ada@example.org"),
        ("hostile", "<img src=x onerror=alert(1)> **bold** $x$ long long long long long lo"),
    ],
)
def test_an_account_without_a_verified_address_is_nobody_else(
    server: Server, page: Page, store: Store, provider: Provider, who: str, called: str
) -> None:
    name = f"{called} ({sign(provider, who)})"
    come_in(page, server, who, "/annotate?project=news&document=d2")
    expect(named(page)).to_contain_text(name)
    # a long name pushes nothing out of the window
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = named(page).bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 1440
    assert box["height"] < 48
    flag(page)
    assert name in flagged_by(store, "d2")
    assert "ada@example.org" not in flagged_by(store, "d2")


def test_a_provider_that_is_down_is_told_and_what_was_corrected_waits(
    server: Server, page: Page, store: Store, provider: Provider, watch: Watch
) -> None:
    address = "/annotate?project=news&document=d0"
    come_in(page, server, "bob", address)
    expect(page.locator(f"{EDITOR} .par").first).to_be_visible(timeout=60_000)
    before = len(store.revisions("news", "d0"))
    provider.stop()
    # whoever is in works on
    flag(page)
    assert len(store.revisions("news", "d0")) == before + 1
    # a correction that has not left the browser when the account's time is over
    page.route("**/relex/corrections", lambda route: route.abort())
    page.context.clear_cookies()
    page.locator(f"{EDITOR} .pane").evaluate(
        """async (pane) => {
          // the page may just be drawing what was decided before, with nothing in focus yet
          while (!Object.keys(localStorage).some((name) => name.startsWith('relex-studio.log.'))) {
            pane.dispatchEvent(new KeyboardEvent('keydown', { key: 'a', bubbles: true, composed: true }));
            await new Promise((done) => setTimeout(done, 20));
          }
          location.reload();
        }"""
    )
    expect(asked(page)).to_be_visible(timeout=30_000)
    page.unroute("**/relex/corrections")
    watch.errors.clear()
    waiting = "() => Object.keys(localStorage).filter((name) => name.startsWith('relex-studio.log.')).length"
    assert page.evaluate(waiting) == 1
    asked(page).click()
    expect(page.get_by_text("The provider of accounts does not answer")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Nothing is lost")).to_be_visible()
    assert page.evaluate(waiting) == 1
    # somebody else in this browser does not send it
    provider.start()
    asked(page).click()
    page.get_by_role("link", name="ada", exact=True).click()
    expect(named(page)).to_contain_text("ada@example.org", timeout=60_000)
    expect(page.locator(f"{EDITOR} .status")).to_have_text("saved")
    assert page.evaluate(waiting) == 1
    assert "sign_in" not in page.url
    named(page).click()
    page.locator(".st-key-sign_out button").click()
    # the page asks for an account at once; the browser's own has gone when it comes back from the provider
    page.wait_for_url(f"{server.url}/")
    expect(asked(page)).to_be_visible(timeout=30_000)
    come_in(page, server, "bob", address)
    expect(page.locator(f"{EDITOR} .status")).to_have_text("saved")
    page.wait_for_function("!Object.keys(localStorage).some((name) => name.startsWith('relex-studio.log.'))")
    after = store.revisions("news", "d0")
    assert len(after) > before + 1
    assert {r.annotator for r in after[before:]} == {"bob@example.org"}


@pytest.mark.parametrize("broken", ["token", "key", "nonce"])
def test_nobody_comes_in_whom_the_provider_does_not_confirm(
    server: Server, page: Page, provider: Provider, broken: str
) -> None:
    provider.broken = broken
    page.goto(f"{server.url}/annotate?project=news")
    asked(page).click()
    page.get_by_role("link", name="ada", exact=True).click()
    expect(page.get_by_text("Signing in was begun and not finished")).to_be_visible(timeout=30_000)
    expect(page.locator(EDITOR)).to_have_count(0)
    provider.broken = ""
    asked(page).click()
    page.get_by_role("link", name="ada", exact=True).click()
    expect(named(page)).to_contain_text("ada@example.org", timeout=60_000)
    expect(page).to_have_url(re.compile(r"/annotate\?project=news"))
    assert "sign_in" not in page.url


def test_a_refusal_of_the_provider_is_told(server: Server, page: Page) -> None:
    page.goto(server.url)
    asked(page).click()
    page.get_by_role("link", name="Refuse").click()
    expect(page.get_by_text("The provider of accounts did not let you in.")).to_be_visible(timeout=30_000)


@pytest.mark.parametrize(
    "way",
    ["//example.org", "https://example.org//example.org", "/\\example.org", "/%2Fexample.org", "/a\r\nX-Y: z", "x"],
)
def test_nobody_is_sent_to_another_site(server: Server, way: str) -> None:
    answer = httpx.get(
        f"{server.url}/oauth2callback?state=none&code=none", cookies={"relex_studio_way": quote(way, safe="")}
    )
    assert answer.status_code == 302
    assert re.match(r"/(?![/\\])", answer.headers["location"])
    assert "X-Y" not in answer.headers


def test_settings_that_cannot_be_read_let_nobody_in(serve: Serve, page: Page, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.toml"
    secrets.write_text('[auth]\nclient_id = "relex\n')
    server = serve("app.py", env={"STREAMLIT_SECRETS_FILES": str(secrets)})
    page.goto(server.url)
    expect(page.get_by_text("Until it is mended nobody gets in.")).to_be_visible(timeout=60_000)
    expect(page.locator(".relex")).to_have_count(0)
    expect(page.locator(".st-key-annotator_menu")).to_have_count(0)


def test_half_a_provider_is_told(serve: Serve, page: Page, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.toml"
    secrets.write_text('[auth]\nclient_id = "relex"\nredirect_uri = "http://127.0.0.1/oauth2callback"\n')
    server = serve("app.py", env={"STREAMLIT_SECRETS_FILES": str(secrets)})
    page.goto(server.url)
    asked(page).click()
    expect(page.get_by_text("Nobody can sign in")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("cookie_secret")).to_be_visible()
