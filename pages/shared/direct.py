"""Corrections that are committed without a run of the page: the browser posts its log, and hears what is saved.

A run of a page, however short, costs the browser more than the commit costs the server. So corrections of a document
that is open (on Annotate's desk, on Explore's sheet) come this way, and steps through Annotate's queue, which are
answered with the document that is open now; the rest of the page follows when the hands rest. Whatever needs the page
at once (a conflict, other labels, moved thresholds, relations scored anew) is declined, and the browser sends the same
records with the component's state. Records that come both ways are applied once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pages.shared import desk as desks
from pages.shared import seats
from pages.shared import sheet as sheets
from pages.shared.corrections import Batch, CommandName, Refusal
from pages.shared.desk import Desk
from pages.shared.seats import Seat
from pages.shared.sheet import Sheet
from pages.shared.widgets.annotator.protocol import batches, documents_to_json
from relex_core.errors import RelexError

PATH = "/relex/corrections"

TOKEN = "X-Relex-Seat"  # noqa: S105  the name of a header
"""A header of our own: another site's page cannot send it without being asked for leave first."""

MOST = 2_000_000
"""Bytes of a log that are taken at once; a longer one goes with the component's state."""

STEPS: tuple[CommandName, ...] = ("submit", "skip", "flag", "next", "back")
"""Wishes that are granted without the page."""


def take(seat: Seat, scope: str, records: Any, has: Any = (), at: Any = ()) -> dict[str, Any] | None:
    """Commit a log of corrections; what is saved, or None if the page has to see to it.

    {"acknowledged": {client: seq}, "revisions": {document: number}, "refused": [{client, seq, message}]}, and after a
    step through the queue "desk": {"turn", "document", "next": [...], "behind"}, where the document is null while it is
    not there. `has` and `at` are what the browser holds of the documents, see `documents_to_json`.
    """
    with seat.lock:
        found = batches(records, seat.acknowledged)
        there = _revisions(seat.desk)
        if not there or scope != seat.scope:
            return None
        if isinstance(seat.desk, Desk) and desks.is_old(seat.store, seat.desk):
            # the browser does not know the labels of today
            return None
        if any(batch.unreadable or batch.document_id not in there for batch in found):
            return None
        commands = [command for batch in found for command in batch.commands]
        if commands and isinstance(seat.desk, Sheet):
            return None
        if any(c.name not in STEPS or c.thresholds not in (None, seat.thresholds) for c in commands):
            return None
        refused: list[Refusal] = []
        for batch in found:
            taken = _commit(seat, batch)
            if taken is None:
                return None
            seat.desk, committed, new = taken
            seat.acknowledge(committed)
            refused += new
        touched = {str(record.get("document")) for record in records}
        clients = {str(record.get("client")) for record in records}
        return {
            "acknowledged": {client: n for client, n in seat.acknowledged.items() if client in clients},
            "revisions": {id: n for id, n in _revisions(seat.desk).items() if id in touched},
            "refused": [{"client": r.client, "seq": r.seq, "message": r.message} for r in refused],
            **({"desk": _step(seat, has, at)} if commands else {}),
        }


def _step(seat: Seat, has: Any, at: Any) -> dict[str, Any]:
    """What lies on Annotate's desk after a step, for the browser."""
    desk: Desk = seat.desk
    seat.open(desk.walk.current)
    seat.page_is_old = True
    opened, behind = [desk.open] if desk.open else [], bool(desk.walk.behind)
    if any(annotation.schema != desk.schema for annotation, _ in (*opened, *desk.ahead)):
        # somebody has changed the labels, and the browser does not know the new ones
        return {"turn": seat.turn, "document": None, "next": [], "behind": behind}
    flags = desks.flags(seat.store, desk)
    shown, ahead = documents_to_json(opened, has, at, flags), documents_to_json(desk.ahead, has, at, flags)
    return {"turn": seat.turn, "document": shown[0] if shown else None, "next": ahead, "behind": behind}


def _commit(seat: Seat, batch: Batch) -> tuple[Desk | Sheet, Mapping[str, int], tuple[Refusal, ...]] | None:
    """What lies there after the batch, what is committed and what was refused; None where somebody saved in between."""
    if isinstance(seat.desk, Sheet):
        sheet, done = sheets.take(seat.store, seat.desk, batch, seat.thresholds)
        return (sheet, done.acknowledged, done.refused) if done.conflict is None else None
    desk = replace(seat.desk, conflict=None)
    desk, committed = desks.take(seat.store, seat.readings, desk, batch, seat.thresholds)
    return (replace(desk, refused=()), committed, desk.refused) if desk.conflict is None else None


def _revisions(there: Desk | Sheet | None) -> dict[str, int]:
    """The revisions of the documents that corrections may be of; none where none is open."""
    if isinstance(there, Sheet):
        return {there.annotation.document.id: there.revision}
    if there is None or there.open is None:
        return {}
    return {a.document.id: n for a, n in (there.open, *there.ahead)}


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
        scope, records, has, at = _read(body)
        answer = await run_in_threadpool(take, seat, scope, records, has, at)
    except (ValueError, RecursionError):
        return JSONResponse({"declined": "Expected a scope and a list of records."}, 400)
    except RelexError:
        # the page will say what it is, where people read it
        answer = None
    # no error: a browser would write one into its console
    return JSONResponse({"declined": "For the page."} if answer is None else answer)


def _read(body: bytes) -> tuple[str, list[dict[str, Any]], Any, Any]:
    """{"scope": text, "records": [...], "has", "at"} as a tuple. Raises ValueError."""
    sent = json.loads(body)
    scope, records = (sent.get("scope"), sent.get("records")) if isinstance(sent, dict) else (None, None)
    if not isinstance(scope, str) or not isinstance(records, list):
        raise ValueError("expected a scope and a list of records")
    if not all(isinstance(r, dict) and isinstance(r.get("client"), str) for r in records):
        raise ValueError("expected records of clients")
    return scope, records, sent.get("has"), sent.get("at")


routes = (Route(PATH, _post, methods=["POST"]),)
