"""Corrections that are committed without a run of the page: the browser posts its log, and hears what is saved.

A run of a page, however short, costs the browser more than the commit costs the server. So mere corrections of a
document that is on the desk come this way; whatever changes the page (the next document, a flag, a conflict)
is declined, and the browser sends the same records with the component's state. Records that come both ways
are applied once.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pages.shared import desk as desks
from pages.shared import seats
from pages.shared.corrections import Refusal
from pages.shared.seats import Seat
from pages.shared.widgets.annotator.protocol import batches
from relex_core.errors import RelexError

PATH = "/relex/corrections"

TOKEN = "X-Relex-Seat"  # noqa: S105  the name of a header
"""A header of our own: another site's page cannot send it without being asked for leave first."""

MOST = 2_000_000
"""Bytes of a log that are taken at once; a longer one goes with the component's state."""


def take(seat: Seat, records: Any) -> dict[str, Any] | None:
    """Commit a log of corrections; what is saved, or None if the page has to see to it.

    {"acknowledged": {client: seq}, "revisions": {document: number}, "refused": [{client, seq, message}]}
    """
    with seat.lock:
        desk: desks.Desk | None = seat.desk
        found = batches(records, seat.acknowledged)
        if desk is None or desk.open is None:
            return None
        there = _revisions(desk)
        if any(batch.commands or batch.unreadable or batch.document_id not in there for batch in found):
            return None
        desk = replace(desk, refused=(), conflict=None)
        refused: list[Refusal] = []
        for batch in found:
            desk, committed = desks.take(seat.store, seat.readings, desk, batch, seat.thresholds)
            if desk.conflict is not None:
                return None
            seat.acknowledge(committed)
            refused += desk.refused
            seat.desk = desk = replace(desk, refused=())
        touched = {str(record.get("document")) for record in records}
        clients = {str(record.get("client")) for record in records}
        return {
            "acknowledged": {client: n for client, n in seat.acknowledged.items() if client in clients},
            "revisions": {id: n for id, n in _revisions(desk).items() if id in touched},
            "refused": [{"client": r.client, "seq": r.seq, "message": r.message} for r in refused],
        }


def _revisions(desk: desks.Desk) -> dict[str, int]:
    """The revisions of the documents on the desk."""
    return {a.document.id: n for a, n in (*([desk.open] if desk.open else []), *desk.ahead)}


async def _post(request: Request) -> JSONResponse:
    seat = seats.find(request.headers.get(TOKEN, ""))
    if seat is None:
        return JSONResponse({"declined": "Nobody sits here. Reload the page."}, 404)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST:
            return JSONResponse({"declined": "Too long."}, 413)
    try:
        records = json.loads(body)
        if not isinstance(records, list) or not all(
            isinstance(r, dict) and isinstance(r.get("client"), str) for r in records
        ):
            raise ValueError("expected a list of records")
        answer = await run_in_threadpool(take, seat, records)
    except (ValueError, RecursionError):
        return JSONResponse({"declined": "Expected a list of records."}, 400)
    except RelexError:
        # the page will say what it is, where people read it
        answer = None
    return JSONResponse(answer) if answer is not None else JSONResponse({"declined": "For the page."}, 409)


routes = (Route(PATH, _post, methods=["POST"]),)
