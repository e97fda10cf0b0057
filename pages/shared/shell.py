"""The document that every visit begins with, given the product's name and look before Streamlit draws anything.

A style sheet that Streamlit sends travels as an element among others: until the browser has fetched the script that
draws such elements, a first visit shows the page without it, for seconds on a busy machine. Written into the document
itself (1.67.0 has one, for all addresses), it is there before the first element.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.shared import palette

TITLE = "Relex Studio"

_FOLDER = Path(__file__).parent / "styles"
_FIRST = "frame.css"
_ASKS = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
_STATES = ("etag", "last-modified", "accept-ranges")


class Shell:
    """Middleware: rewrites HTML documents on their way out, and nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and scope["method"] == "GET"
        if not asked or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self.app(scope, receive, send)
            return
        # whole, plain and never "not modified": its version is Streamlit's, which does not change with our style
        headers = [(name, value) for name, value in scope["headers"] if name not in _ASKS]
        await self.app({**scope, "headers": headers}, receive, _Rewriting(send))


class _Rewriting:
    """A `send` that holds an HTML document back until it is whole."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if Headers(raw=message["headers"]).get("content-type", "").startswith("text/html"):
                self.start = message
                return
        elif self.start is not None and message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = dressed(self.body)
            headers = MutableHeaders(raw=list(self.start["headers"]))
            headers["content-length"] = str(len(body))
            for name in _STATES:
                del headers[name]
            await self.send({**self.start, "headers": headers.raw})
            message, self.start = {**message, "body": body}, None
        await self.send(message)


def dressed(document: bytes) -> bytes:
    """The document with our title and style sheet; as it was where it has no place for them."""
    title = f"<title>{TITLE}</title>".encode()
    document = document.replace(b"<title>Streamlit</title>", title, 1)
    head, end, rest = document.rpartition(b"</body>")
    # at the end: of rules that are as strong as each other the last one holds, and Streamlit adds its own to the head
    return head + f"<style>\n{sheet()}</style>\n".encode() + end + rest if end else document


@cache
def sheet() -> str:
    """All style sheets of the product and the colours of labels as CSS variables; one screen's rules name its parts."""
    files = sorted(_FOLDER.glob("*.css"), key=lambda path: (path.name != _FIRST, path.name))
    parts = [f":root, .stApp {{\n{palette.css_variables()}\n}}\n", *(path.read_text("utf-8") for path in files)]
    return "".join(parts)
