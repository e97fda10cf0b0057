"""The way to the provider of accounts and back, around the two addresses that Streamlit has for it (1.67.0).

Left alone, a provider that cannot be asked ends on a bare page, one that refuses ends without a word, and whoever came
for a document ends on the first screen. Here a person comes back to the address that they came for, and it says what
went wrong.
"""

from __future__ import annotations

from typing import Literal, get_args
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Problem = Literal["unreachable", "refused", "unfinished"]
"""The provider did not answer; it answered that nobody may come in; it did not confirm what the browser brought."""

PARAMETER = "sign_in"
"""What went wrong, in the address that somebody comes back to."""

_COOKIE = "relex_studio_way"
_MINUTES = 15
_LONGEST = 2000
_SIGNED_IN = "_streamlit_user="


class SignIn:
    """Middleware: remembers the way on leaving, and gives it back on returning."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        change = _leave if path.endswith("/auth/login") else _return if path.endswith("/oauth2callback") else None

        async def changed(message: Message) -> None:
            if change is not None and message["type"] == "http.response.start":
                change(Request(scope), message)
            await send(message)

        await self.app(scope, receive, changed)


def problem(named: str) -> Problem | None:
    """The problem of that name in an address, None if there is none."""
    return next((known for known in get_args(Problem) if known == named), None)


def _leave(request: Request, message: Message) -> None:
    headers, way = MutableHeaders(scope=message), _local(request.headers.get("referer", ""))
    if message["status"] == 302:
        headers.append("set-cookie", _cookie(quote(way, safe=""), 60 * _MINUTES))
    else:
        message["status"] = 302
        headers["location"] = _with(way, "unreachable")


def _return(request: Request, message: Message) -> None:
    # a provider that was asked to sign somebody out comes back to the same address, without a state
    if message["status"] != 302 or "state" not in request.query_params:
        return
    headers, way = MutableHeaders(scope=message), _local(unquote(request.cookies.get(_COOKIE, "")))
    cookies = headers.getlist("set-cookie")
    came_in = any(c.startswith(_SIGNED_IN) and not c.startswith(f'{_SIGNED_IN}""') for c in cookies)
    refused: Problem = "refused" if "error" in request.query_params else "unfinished"
    headers["location"] = way if came_in else _with(way, refused)
    headers.append("set-cookie", _cookie("", 0))


def _local(address: str) -> str:
    """Path and question of an address, "/" where it is not one that a page here can have: nobody is sent elsewhere.

    >>> _local("http://localhost:8501/annotate?project=a%20b&sign_in=refused#x")
    '/annotate?project=a+b'
    >>> _local("//example.org/annotate"), _local("https://example.org//example.org"), _local("/auth/login?provider=x")
    ('/annotate', '/', '/')
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    path = quote(unquote(parts.path), safe="/")
    if not path.startswith("/") or path.startswith("//") or path.endswith(("/auth/login", "/oauth2callback")):
        return "/"
    asked = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] != PARAMETER])
    way = f"{path}?{asked}" if asked else path
    return way if len(way) <= _LONGEST else path if len(path) <= _LONGEST else "/"


def _with(way: str, problem: Problem) -> str:
    parts = urlsplit(way)
    asked = urlencode([*parse_qsl(parts.query), (PARAMETER, problem)])
    return urlunsplit(parts._replace(query=asked))


def _cookie(value: str, seconds: int) -> str:
    return f"{_COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax"
