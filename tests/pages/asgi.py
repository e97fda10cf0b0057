"""Requests to an application that no server runs."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from starlette.applications import Starlette


def ask(app: Starlette, method: str, path: str, **request: Any) -> httpx.Response:
    """Its answer; `request` as for `httpx.request`."""

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
            return await client.request(method, path, **request)

    # a thread of its own: where browser tests ran before, this one has a running loop
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, send()).result()
