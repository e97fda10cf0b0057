"""The Settings screen's log: who did what and when, newest first."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st

from db import audit
from db.store import Store
from db.values import Event
from pages.shared import state
from pages.shared.messages import clock

SHOWN = 20
"""Lines to a page."""

LONGEST = 300
"""Characters of the particulars that are shown; the table has all."""

ALL = ""
"""The choice of everybody, or of all actions."""

_HASH = re.compile("[0-9a-f]{64}")

Filter = tuple[str | None, str | None]
"""Whose lines, and of which action; None for all."""


def log(store: Store) -> None:
    """The lines of the chosen person and action, a page at a time, and all of these as a table to take away."""
    wanted = _head(store)
    pages: tuple[int, ...] = state.remembered("log_pages", ())
    if state.remembered("log_filter") != wanted:
        pages = ()
        state.remember("log_filter", wanted)
        state.remember("log_pages", pages)
    by, action = wanted
    found = audit.events(store, limit=SHOWN + 1, by=by, action=action, before=pages[-1] if pages else None)
    if not found:
        st.caption("Nothing yet." if wanted == (None, None) else "Nothing of this kind.")
        return
    st.html(f'<ul class="rx-log">{"".join(_line(event) for event in found[:SHOWN])}</ul>')
    with st.container(horizontal=True, key="tools_log"):
        st.button("Newer", key="log_newer", disabled=not pages, on_click=_turn, args=(pages[:-1],))
        older = (*pages, found[:SHOWN][-1].number)
        st.button("Older", key="log_older", disabled=len(found) <= SHOWN, on_click=_turn, args=(older,))
        st.download_button(
            "As CSV", lambda: _table(store, wanted), "log.csv", "text/csv", key="log_table", on_click="ignore",
            help="All lines of this choice as a CSV table with all particulars.",
        )  # fmt: skip


def _head(store: Store) -> Filter:
    with st.container(horizontal=True, vertical_alignment="center", key="line_log"):
        st.html('<p class="rx-part">Log</p>', width="stretch")
        by = _filter("Person", audit.people(store), "Everybody", "log_by")
        action = _filter("Action", audit.actions(store), "All actions", "log_action")
    return by, action


def _filter(label: str, values: tuple[str, ...], everything: str, key: str) -> str | None:
    """One of the values, or None: no value stands for itself, as anybody may be called anything."""
    chosen = st.selectbox(
        label, [ALL, *(f"={value}" for value in values)], key=key, label_visibility="collapsed", width=180,
        format_func=lambda option: everything if option == ALL else option[1:] or "Nobody named",
    )  # fmt: skip
    return None if chosen == ALL else str(chosen)[1:]


def _line(event: Event) -> str:
    who = event.by or "Nobody named"
    about = " · ".join(part for part in (event.project, _particulars(event.detail)) if part)
    return (
        f"<li><time>{html.escape(clock(event.at))}</time><span><b>{html.escape(who)}</b> {html.escape(event.action)}"
        f"</span>{f'<em>{html.escape(about)}</em>' if about else ''}</li>"
    )


def _particulars(detail: Mapping[str, Any]) -> str:
    said = ", ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in detail.items() if value != "")
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"


def _plain(value: Any) -> str:
    if isinstance(value, str):
        # whoever compares hashes takes the table
        return f"{value[:12]}…" if _HASH.fullmatch(value) else value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " and ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _table(store: Store, wanted: Filter) -> bytes:
    with TemporaryDirectory(prefix="relex-") as folder:
        path = Path(folder) / "log.csv"
        audit.write_csv(store, path, by=wanted[0], action=wanted[1])
        # spreadsheets take a table without this mark for another encoding
        return b"\xef\xbb\xbf" + path.read_bytes()


def _turn(pages: tuple[int, ...]) -> None:
    state.remember("log_pages", pages)
