"""The document every visit begins with: the product's name and look are in it, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

from pages.shared import palette, shell
from tests.pages.asgi import ask

PAGE = "<html><head><title>Streamlit</title></head><body><p>é</p></body></html>"
BROWSER = {"accept": "text/html,*/*;q=0.8", "accept-encoding": "gzip"}


@pytest.fixture
def app(tmp_path: Path) -> Starlette:
    page = tmp_path / "index.html"
    page.write_text(PAGE, "utf-8")

    async def parts(_: object) -> StreamingResponse:
        return StreamingResponse((PAGE[at : at + 7].encode() for at in range(0, len(PAGE), 7)), media_type="text/html")

    return Starlette(
        routes=[
            Route("/parts", parts),
            Route("/plain", lambda _: PlainTextResponse(PAGE)),
            Route("/{page}", lambda _: FileResponse(page)),
        ],
        middleware=[Middleware(shell.Shell), Middleware(GZipMiddleware, minimum_size=1)],
    )


def get(app: Starlette, path: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(app, "GET", path, headers={**BROWSER, **named})


@pytest.mark.parametrize("path", ["/annotate", "/parts"])
def test_a_document_leaves_with_name_and_style(app: Starlette, path: str) -> None:
    answer = get(app, path)
    assert answer.text == PAGE.replace("Streamlit", "Relex Studio").replace(
        "</body>", f"<style>\n{shell.sheet()}</style>\n</body>"
    )
    assert len(answer.content) == int(answer.headers.get("content-length", len(answer.content)))


def test_a_browser_does_not_keep_the_style_of_an_older_release(app: Starlette) -> None:
    first = get(app, "/annotate")
    assert "etag" not in first.headers
    assert "last-modified" not in first.headers
    later = "Fri, 01 Jan 2100 00:00:00 GMT"
    assert get(app, "/annotate", if_none_match="*", if_modified_since=later, range="bytes=0-9").text == first.text


def test_everything_else_leaves_as_it_was(app: Starlette) -> None:
    assert get(app, "/plain").text == PAGE
    script = get(app, "/annotate", accept="*/*")
    assert script.text == PAGE
    assert "etag" in script.headers
    assert script.headers["content-encoding"] == "gzip"
    assert shell.dressed(b'{"no": "document"}') == b'{"no": "document"}'


def test_the_sheet_begins_with_the_colours_and_the_frame() -> None:
    sheet = shell.sheet()
    assert sheet.startswith(f":root, .stApp {{\n{palette.css_variables()}\n}}\n/* 4 px grid.")
    assert "</" not in sheet
    for path in (Path(shell.__file__).parent / "styles").glob("*.css"):
        assert path.read_text("utf-8") in sheet
