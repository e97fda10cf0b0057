"""Calls to an Argilla server's REST interface: one place for addresses, keys, retries and messages.

Plain HTTP, not Argilla's own package: that one replaces fields and metadata with each update of a record, and
fails on discarded responses without values.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import tenacity

from relex_core.errors import ConfigError, StoreError, quote

KEY_VARIABLE = "ARGILLA_API_KEY"
"""The environment variable that holds the key; it is read when needed and kept nowhere."""

URL_VARIABLE = "RELEX_ARGILLA_URL"
"""The environment variable that holds the server's address: who sets the key also says where it may be sent."""

PAGE = 500
"""Records that are read or written in one call; the server takes no more than 500."""

_PASSING = {429, 500, 502, 503, 504}


class ServerDown(StoreError):
    """No answer, or an answer that may be another one later: what was to be sent waits."""


@dataclass(frozen=True, slots=True)
class ArgillaSettings:
    """Where the server is. The key is no part of it: settings are stored and shown."""

    url: str
    workspace: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ConfigError(
                expected="the address of an Argilla server, such as https://argilla.example.org",
                found=quote(self.url if not parts.username else "an address with a user name or password in it"),
                change=f"Give the plain address; the key belongs into the environment variable {KEY_VARIABLE}.",
            )
        if not self.workspace.strip():
            raise ConfigError(
                expected="the name of an Argilla workspace",
                found="an empty name",
                change="Choose a workspace of the server, or make one there.",
            )

    @property
    def address(self) -> str:
        return self.url.rstrip("/")


def url_from(environment: Mapping[str, str] | None = None) -> str:
    """The address in the environment, "" if there is none."""
    return (os.environ if environment is None else environment).get(URL_VARIABLE, "").strip()


def key_from(environment: Mapping[str, str] | None = None) -> str:
    """The key in the environment (or in `environment`, such as Streamlit's secrets). Raises ConfigError."""
    key = (os.environ if environment is None else environment).get(KEY_VARIABLE, "").strip()
    if not key:
        raise ConfigError(
            expected=f"an Argilla key in {KEY_VARIABLE}",
            found="none",
            change="Copy it from the settings page of your Argilla user, set the variable and start again.",
        )
    if not key.isascii() or not key.isprintable():
        raise ConfigError(
            expected=f"an Argilla key of printable ASCII characters in {KEY_VARIABLE}",
            found="other characters",
            change="Copy the key again, without quotes or line breaks.",
        )
    return key


@dataclass(slots=True)
class ArgillaClient:
    """One server and one key. `attempts` tries are made, with growing pauses, before ServerDown is raised."""

    settings: ArgillaSettings
    key: str = field(repr=False)
    attempts: int = 3
    timeout: float = 60.0
    _http: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._http = httpx.Client(
            base_url=f"{self.settings.address}/api/v1",
            headers={"X-Argilla-Api-Key": self.key},
            timeout=httpx.Timeout(self.timeout, connect=5.0),
        )

    def close(self) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: object = None, **params: Any) -> Any:
        """The JSON that the server answers with. Raises ServerDown or StoreError."""
        pause = tenacity.wait_exponential_jitter(multiplier=0.2, max=5.0, jitter=0.2)
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.attempts),
            wait=pause,
            retry=tenacity.retry_if_exception_type(ServerDown),
            reraise=True,
        )
        return retrying(self._once, method, path, body, params)

    def _once(self, method: str, path: str, body: object, params: dict[str, Any]) -> Any:
        try:
            response = self._http.request(method, path, json=body, params=params)
        except httpx.HTTPError as error:
            raise self._down(f"no answer ({type(error).__name__})") from error
        if response.status_code in _PASSING:
            raise self._down(f"the answer {response.status_code}")
        if response.is_error:
            raise self._refused(response, f"{method} {path}")
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise self._down("an answer that is not Argilla's; is the address right?") from error

    def _down(self, found: str) -> ServerDown:
        return ServerDown(
            expected=f"an Argilla server at {self.settings.address}",
            found=found,
            change="Start the server or correct its address. Nothing is lost: what was to be sent waits here.",
        )

    def _refused(self, response: httpx.Response, call: str) -> StoreError:
        found, change = f"the answer {response.status_code} to {call}: {_detail(response)}", "Compare the settings."
        if response.status_code == 401:
            found, change = "that the server does not know the key", f"Correct {KEY_VARIABLE} and start again."
        elif response.status_code == 403:
            found = "a key without the right to do this"
            change = "Use the key of an owner or of an admin of the workspace."
        elif response.status_code == 404:
            change = "It was deleted in Argilla; check again, and it will be made anew."
        return StoreError(
            expected=f"the Argilla server at {self.settings.address} to take this",
            found=found,
            change=change,
            value=response.status_code,
        )

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """All items of a list that the server gives in pages."""
        offset = 0
        while True:
            answer = self.call("GET", path, limit=PAGE, offset=offset, **params)
            yield from answer["items"]
            offset += len(answer["items"])
            if not answer["items"] or offset >= answer.get("total", offset):
                return


def _detail(response: httpx.Response) -> str:
    try:
        detail = response.json().get("detail", "")
    except ValueError:
        detail = response.text
    if isinstance(detail, dict):
        detail = detail.get("params", detail)
    faults = detail.get("errors") if isinstance(detail, dict) else None
    if isinstance(faults, list):
        told = [f"{'.'.join(map(str, fault.get('loc', ())))}: {fault.get('msg')}" for fault in faults[:3]]
        return quote("; ".join(told), 400)
    return quote(detail, 300)
