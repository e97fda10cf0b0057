"""The Settings screen's right side: Argilla as a second place for a project, what waits for it and what went wrong."""

from __future__ import annotations

import html
from collections.abc import Set
from shlex import quote

import streamlit as st

from db import argilla_links
from db.argilla_client import KEY_VARIABLE, URL_VARIABLE
from db.argilla_links import Link
from db.outbox import Failure, Waiting
from db.store import Store
from pages.shared import resources, state
from pages.shared.messages import clock, guard, refuse
from pages.shared.synchronising import SYNC, Round, Server
from pages.shared.wording import counted, plain
from relex_core.errors import RelexError

SHOWN = 20
"""Problems that are told at once."""

NAMED = 8
"""Deliveries that are named where several failed for the same reason."""

_WHY = (
    "Address and key are set where the server runs, not on this page: whoever opens the page could otherwise have the "
    "key sent to an address of their own. The key is read when it is needed; it is neither stored nor logged."
)

_HOW = f"""export {URL_VARIABLE}=https://argilla.example.org
export {KEY_VARIABLE}=...    # of an owner or admin
make app"""


def argilla(store: Store) -> None:
    """Everything about Argilla: how to set it up, else the server, a project's link and its rounds."""
    st.html('<p class="rx-title">Argilla</p>')
    synchroniser = resources.synchroniser()
    if not synchroniser.address:
        st.markdown(
            "Keep a copy of projects on your team's Argilla server: documents with suggestions go there, answers come "
            "back as revisions. The database stays the truth. To connect one, start the app with its address:"
        )
        st.code(_HOW, language="bash")
        st.caption(f"Or write both into `.streamlit/secrets.toml`. {_WHY}")
        return
    with st.spinner("Asking the Argilla server"):
        server = synchroniser.server()
    _server(server)
    names = [project.name for project in store.projects()]
    if not names:
        st.caption("No project yet. Make one under Documents.")
        return
    wanted = str(state.widget("argilla_project") or state.project())
    project = st.selectbox(
        "Project", names, index=names.index(wanted) if wanted in names else 0, key="argilla_project"
    )  # fmt: skip
    link = argilla_links.linked(store, project)
    if link is None:
        _offer(server, project)
    else:
        _linked(link)


def _server(server: Server) -> None:
    known = f"key of {server.user}, role {server.role}" if not server.error else "no connection"
    with st.container(horizontal=True, vertical_alignment="center", key="line_server"):
        st.html(
            f'<p class="rx-line">{html.escape(server.address)}<span>{html.escape(known)}</span></p>', width="stretch"
        )
        st.button("Ask again", key="argilla_ask", on_click=_ask)
    if server.error:
        refuse(server.error)
    elif server.role not in ("owner", "admin"):
        refuse("This key belongs to an annotator, who cannot write for others. Set the key of an owner or admin.")
    st.caption(_WHY)


def _offer(server: Server, project: str) -> None:
    if state.remembered("argilla_refused"):
        refuse(str(state.remembered("argilla_refused")))
        state.remember("argilla_refused", "")
    if server.error or not server.workspaces:
        st.caption("Projects can be linked when the server answers and has a workspace." if server.error
                   else "The key sees no workspace. Make one in Argilla and ask again.")  # fmt: skip
        return
    st.selectbox("Workspace", server.workspaces, key="argilla_workspace")
    st.button("Keep this project there too", key="argilla_link", on_click=_link, args=(project,), width="stretch")
    st.caption(
        "One record a document, one dataset a label set. Decisions of an annotator go to the Argilla user of the same "
        "name. From then on both sides are brought into step every five minutes while the app runs."
    )


def _linked(link: Link) -> None:
    job = resources.jobs().get(link.project, SYNC)
    if job is not None and job.running:
        _running(link.project, link.workspace)
    else:
        _standing(link)


@st.fragment(run_every=0.7)
def _running(project: str, workspace: str) -> None:
    job = resources.jobs().get(project, SYNC)
    if job is None or not job.running:
        st.rerun()
    with guard():
        left = resources.synchroniser().waiting(project, workspace)
        st.html(_figures(left))
        st.progress(0.0 if left.total else 1.0, text="Bringing both sides into step")


def _standing(link: Link) -> None:
    synchroniser = resources.synchroniser()
    left = synchroniser.waiting(link.project, link.workspace)
    st.html(_figures(left))
    with st.container(horizontal=True, vertical_alignment="center", key="line_round"):
        since = f"In {link.workspace} since {clock(link.at)}" + (f", by {link.by}" if link.by else "")
        since += f". Last sent {clock(left.sent_at)}" if left.sent_at else ". Nothing was sent yet"
        st.html(f'<p class="rx-quiet">{html.escape(since)}</p>', width="stretch")
        with st.popover("Unlink", key="argilla_unlink"):
            st.markdown("What is in Argilla stays there, and everything stays here. You can link it again.")
            st.button("Unlink this project", key="argilla_part", on_click=_part, args=(link.project,))
        st.button("Synchronise now", key="argilla_sync", on_click=_sync, args=(link.project, False))
    last = synchroniser.last(link.project)
    if last is not None:
        _round(last, {failure.error for failure in left.failures})
        _older(link, last)
    if left.failures:
        _failures(link.project, left)


def _figures(left: Waiting) -> str:
    cells = [(left.records, "records wait"), (left.answers, "answers wait"), (len(left.failures), "with an error")]
    if left.left_out:
        cells.insert(2, (left.left_out, "left out, to be taken away"))
    shown = "".join(f"<div><b>{number:,}</b><span>{what}</span></div>" for number, what in cells)
    return f'<div class="rx-figures">{shown}</div>'


def _round(last: Round, listed: Set[str]) -> None:
    """What the last round did. Problems that are `listed` below among the deliveries are not told twice."""
    if last.error:
        refuse(f"{clock(last.at)}: {last.error}")
        return
    did = last.synced
    counts = (
        (did.fetched, counted(did.fetched, "answer") + " fetched"),
        (did.records, counted(did.records, "record") + " sent"),
        (did.answers, counted(did.answers, "answer") + " sent"),
        (did.left_out, counted(did.left_out, "record") + " of left-out documents taken away"),
    )
    moved = [words for number, words in counts if number]
    st.markdown(plain(f"{clock(last.at)}: {', '.join(moved) or 'nothing had changed on either side'}."))
    if did.conflicts:
        refuse(
            f"Both sides had changed {counted(len(did.conflicts), 'answer')}: {', '.join(did.conflicts[:5])}. Both are "
            "revisions now; ours is the newer one."
        )
    if did.converted:
        st.caption(f"{counted(did.converted, 'offset')} counted in UTF-16 were converted by the words under them.")
    if did.doubtful:
        refuse(f"Offsets to look at: {', '.join(did.doubtful[:5])}.")
    for problem in list(dict.fromkeys(str(problem) for problem in did.problems if str(problem) not in listed))[:SHOWN]:
        refuse(problem)


def _older(link: Link, last: Round) -> None:
    """Datasets of earlier label sets that the last round came by, and the command that looks after them."""
    if last.error or not last.synced.older:
        return
    number = len(last.synced.older)
    st.caption(
        f"{counted(number, 'dataset')} of earlier label sets {'is' if number == 1 else 'are'} still there, and answers "
        "to them count. This command lists them; with `--delete` those go whose answers are all here."
    )
    command = f"python -m db older --project {quote(link.project)} --workspace {quote(link.workspace)}"
    st.code(command, language=None, wrap_lines=True)


def _failures(project: str, left: Waiting) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="line_failures"):
        st.html('<p class="rx-part">Not delivered</p>', width="stretch")
        st.button(
            "Try all now", key="argilla_retry", on_click=_sync, args=(project, True),
            help="Otherwise each waits longer after every try, up to six hours.",
        )  # fmt: skip
    by_error: dict[str, list[Failure]] = {}
    for failure in left.failures:
        by_error.setdefault(failure.error, []).append(failure)
    st.html(f'<ul class="rx-findings">{"".join(_alike(error, found) for error, found in by_error.items())}</ul>')


def _alike(error: str, failures: list[Failure]) -> str:
    """Deliveries that failed for the same reason, with the first of them to try again."""
    names = [f"{f.document} by {f.annotator}" if f.annotator else f.document for f in failures]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    tries = counted(max(f.attempts for f in failures), "try", "tries")
    waits = [f.retry_at for f in failures if f.retry_at]
    again = f"{tries}, next at {clock(min(waits))}" if waits else f"{tries}, next in this round"
    what = f"{', '.join(names[:NAMED])}{more}"
    return f"<li><b>{html.escape(what)}</b> {html.escape(error)} <em>{html.escape(again)}</em></li>"


@guard()
def _ask() -> None:
    resources.synchroniser().server(fresh=True)


def _link(project: str) -> None:
    # only what the server offered: a name from elsewhere would be refused there anyway
    try:
        argilla_links.link(resources.store(), project, str(state.widget("argilla_workspace") or ""), state.annotator())
        resources.synchroniser().start(project)
    except RelexError as error:
        state.remember("argilla_refused", str(error))


@guard()
def _part(project: str) -> None:
    argilla_links.part(resources.store(), project, state.annotator())


@guard()
def _sync(project: str, retry: bool) -> None:
    resources.synchroniser().start(project, retry)
