"""A button that has a file made in the background and saves it in the browser: progress, a way to stop, one click."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

import streamlit as st

from pages.shared import state
from pages.shared.jobs import Job
from pages.shared.messages import refuse
from pages.shared.takeaways import Takeaway
from pages.shared.widgets.handed import handed
from pages.shared.wording import counted, size, time_left

Seen = Callable[[int], None]
Make = Callable[[Path, Seen], Path]
"""Writes a file into a folder, tells how many documents it has seen by then, and returns where the file is."""

SOON = 0.6
"""Seconds that a run waits for the file before it shows how far it is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The file that was asked for. `of` is what it was made from: when that is another, this is forgotten."""

    of: Any
    job: Job


def button(
    label: str,
    make: Make,
    *,
    key: str,
    of: Any,
    total: int,
    disabled: bool = False,
    help: str | None = None,
    type: Literal["primary", "secondary"] = "secondary",
    width: Literal["content", "stretch"] = "content",
) -> None:
    """Asks for the file on a click; `outcome` shows what becomes of it. `total` are the documents, for the progress."""
    asked: Asked | None = state.remembered(key)
    again = st.button(label, key=key, type=type, disabled=disabled, help=help, width=width)
    if asked is not None and (again or asked.of != of):
        asked.job.stop()
        if isinstance(asked.job.result, Takeaway):
            asked.job.result.discard()
        state.remember(key, None)
    if again:
        state.remember(key, Asked(of, _begin(label, make, total)))


def outcome(key: str) -> None:
    """How far the file is, what went wrong, or the file itself."""
    asked: Asked | None = state.remembered(key)
    if asked is None:
        return
    job = asked.job
    if job.running and not job.wait(SOON):
        _making(key)
    elif isinstance(job.result, Takeaway):
        hand(job.result, key=f"{key}_file")
    elif not job.stopped:
        refuse(job.error)


def hand(file: Takeaway, *, key: str) -> None:
    """Save a file that is there already."""
    handed(file, size(file.path.stat().st_size), key=key)


@st.fragment(run_every=0.7)
def _making(key: str) -> None:
    asked: Asked | None = state.remembered(key)
    if asked is None or not asked.job.running:
        st.rerun()
    job = asked.job
    with st.container(horizontal=True, vertical_alignment="center"):
        far = f"Written {job.done:,} of {counted(job.total, 'document')}{time_left(job.seconds_left)}"
        st.progress(job.share, text=far)
        st.button("Stop", key=f"{key}_stop", on_click=job.stop)


def _begin(what: str, make: Make, total: int) -> Job:
    def pieces(job: Job) -> Generator[int]:
        def seen(documents: int) -> None:
            job.done = documents
            job.go_on()

        folder = Path(mkdtemp(prefix="relex-"))
        try:
            path = make(folder, seen)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        job.result = Takeaway(path, path.name, folder)
        yield 0

    return Job(what, total).start(pieces)
