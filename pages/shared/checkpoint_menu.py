"""The menu at the end of the top bar: which checkpoint this tab works with, and how to take another."""

from __future__ import annotations

import html
from collections.abc import Generator

import streamlit as st

from db import audit
from pages.shared import checkpoints, resources, state
from pages.shared.jobs import Job, Pieces
from pages.shared.messages import refuse
from pages.shared.wording import plain
from relex_core.errors import CheckpointError, RelexError
from relex_core.hub import is_hub_id

LOADING = "loading a checkpoint"
"""What this background work is called; a job for each name, so that two visitors wait for one loading."""

_LISTED = 12


def menu() -> None:
    """The popover, with the name of the checkpoint in use."""
    active = resources.checkpoint()
    wanted = str(state.remembered("checkpoint_wanted") or "")
    label = f"{checkpoints.shown(active)} …" if wanted else checkpoints.shown(active)
    with st.popover(plain(label), key="checkpoint", help="The model in use"):
        st.markdown(f"**{plain(active)}** is in use")
        for at, name in enumerate(checkpoints.names()[:_LISTED]):
            if name != active:
                st.button(
                    plain(checkpoints.shown(name)), key=f"checkpoint_pick_{at}", on_click=choose, args=(name,),
                    width="stretch",
                )  # fmt: skip
        loading("menu")
        st.text_input(
            "Another", key="checkpoint_other", placeholder="owner/name, or a folder", on_change=_other,
            label_visibility="collapsed",
            help=f"A hub id such as knowledgator/gliner-relex-large-v1.0, or a folder inside {checkpoints.folder()}.",
        )  # fmt: skip
        if active != checkpoints.default(resources.store()):
            st.button("Use it for everybody", key="checkpoint_everybody", on_click=_for_everybody, help=_EVERYBODY)
        st.caption("For this tab. Weights stay on this machine.")


_EVERYBODY = "New visits begin with this checkpoint; tabs that are open keep theirs."


def choose(name: str, where: str = "menu") -> None:
    """Load a checkpoint and take it into use in this tab once it is there; until then, and if it fails, the old one
    stays. `where` it was asked for is where it is told."""
    state.remember("checkpoint_refused", "")
    state.remember("checkpoint_asked", where)
    try:
        checkpoints.locate(name)
    except RelexError as error:
        state.remember("checkpoint_refused", str(error))
        return
    name = name.strip()
    resources.jobs().forget(name, LOADING)
    resources.jobs().start(name, LOADING, 1, _load(name))
    state.remember("checkpoint_wanted", name)


def settle() -> None:
    """Take what has been loaded into use, or say why it could not be. Before anything of the page is drawn."""
    name = str(state.remembered("checkpoint_wanted") or "")
    job = resources.jobs().get(name, LOADING) if name else None
    if job is not None:
        job.wait(0.3)  # one that is in memory already needs no second look
    if not name or (job is not None and job.running):
        return
    state.remember("checkpoint_wanted", "")
    if job is None or not job.done:
        said = job.error if job is not None and job.error else f"The checkpoint {name} could not be loaded."
        state.remember("checkpoint_refused", f"{said} {resources.checkpoint()} stays in use.")
        return
    state.set_checkpoint(name)
    state.set_desk(None)


def keep_in_address() -> None:
    """Name the checkpoint in the address unless everybody begins with it, so that a reload or a link keeps it."""
    active = resources.checkpoint()
    state.set_checkpoint_address("" if active == checkpoints.default(resources.store()) else active)


def _load(name: str) -> Pieces:
    def work(_: Job) -> Generator[int]:
        try:
            resources.readings(name)
        except RelexError:
            raise
        except Exception as error:
            # files that are no checkpoint fail in as many ways as there are libraries that read them
            raise CheckpointError(
                expected=f"a checkpoint called {name}",
                found=f"one that cannot be read ({type(error).__name__}: {str(error)[:160]})",
                change="Copy or download it again.",
                value=name,
            ) from error
        yield 1

    return work


def loading(where: str) -> None:
    """How far the loading is, or why it failed, if it was asked for here."""
    if state.remembered("checkpoint_asked") != where:
        return
    if state.remembered("checkpoint_wanted"):
        _watch(where)
    elif said := state.remembered("checkpoint_refused"):
        refuse(str(said))


@st.fragment(run_every=0.7)
def _watch(where: str) -> None:
    name = str(state.remembered("checkpoint_wanted") or "")
    job = resources.jobs().get(name, LOADING)
    if not name or job is None or not job.running:
        st.rerun()
    words = f"Loading {checkpoints.shown(name)}, {job.waited:.0f} s"
    if is_hub_id(name) and (size := checkpoints.fetched(name)):
        words += f", {size / 1e6:,.0f} MB here so far"
    st.html(f'<p class="rx-quiet">{html.escape(words)}</p><div class="rx-busy"></div>')
    if where == "menu":
        st.button("Keep the old one", key="checkpoint_keep", on_click=_keep)


def _keep() -> None:
    state.remember("checkpoint_wanted", "")


def _other() -> None:
    name = str(state.widget("checkpoint_other") or "").strip()
    if name:
        choose(name)


def _for_everybody() -> None:
    try:
        audit.choose_checkpoint(resources.store(), resources.checkpoint(), state.annotator())
    except RelexError as error:
        state.remember("checkpoint_refused", str(error))
