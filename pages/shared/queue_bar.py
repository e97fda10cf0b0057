"""The line above the document in Annotate: project, progress, pace, order and search, and what an empty queue says."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import replace

import streamlit as st

from db import assignments, progress
from db.store import Store
from db.values import Order, State
from pages.shared import annotating, queue_tools, queueing, resources, state, suggestions
from pages.shared import desk as desks
from pages.shared.desk import Desk
from pages.shared.messages import guard, refuse
from pages.shared.queueing import OPEN, Filter, Walk
from pages.shared.wording import apart, counted, plain, time_left

ORDERS = {
    Order.MIXED: "uncertain first, a tenth at random",
    Order.UNCERTAINTY: "uncertain first",
    Order.DIVERSITY: "one of each kind first",
    Order.RANDOM: "random",
    Order.FILE: "file order",
}


def bar(store: Store, desk: Desk) -> None:
    """The line above the document: project, progress, pace, and the queue's settings."""
    walk = desk.walk
    with st.container(key="tools_queue", horizontal=True):
        project_menu(store, walk.project, annotating.choose_project)
        counts = _counts(store, walk)
        total = sum(counts.values())
        done = sum(counts[state_] for state_ in State if state_ not in OPEN)
        st.html(_meter(done, total), width="content")
        st.markdown(f"{done:,} / {total:,}")
        pace = progress.pace(store, walk.project, walk.annotator)
        if pace is not None:
            st.markdown(f"{pace:.0f} s a document")
        job = resources.jobs().get(walk.project, suggestions.SCORING)
        if job is not None and (job.result or (job.total and (job.running or job.stopped or job.error))):
            reading(walk.project)
        st.space("stretch")
        st.button(
            "‹", key="queue_back", on_click=_back, disabled=not walk.behind, help="The document before; p in the editor"
        )
        with st.container(key="order_words", width="content"):
            st.markdown(_order_words(walk.filter))
        for name, label, help, fill in (
            # a popover whose label changes is another one, and closed: what was chosen stands beside it
            ("order", "Order", "Which documents come, in which order", _queue_form),
            ("labels", "Labels", "Add, rename, merge, constrain and delete labels", queue_tools.labels),
            ("guide", "Guidelines", "What counts as what in this project", queue_tools.guidelines),
            ("share", "Sharing", "Give each person a part, and some documents to two", queue_tools.sharing),
            (
                "bulk",
                "Accept in bulk",
                "Accept all suggestions above a score, with a count first",
                queue_tools.bulk_accept,
            ),
        ):
            popover = st.popover(label, key=f"queue_{name}", help=help, on_change="rerun")
            if popover.open:
                with popover, st.container(key=f"sheet_{name}"):
                    fill(store, desk)


def project_menu(store: Store, name: str, choose: Callable[[str], None]) -> None:
    """The project that is open, and behind it all others."""
    with st.popover(plain(name), key=f"pick_project_{name}", help="Another project"):
        for project in store.projects():
            st.button(
                f"{plain(apart(project.name))}  ·  {counted(project.documents, 'document')}",
                key=f"to_project_{project.name}",
                on_click=choose,
                args=(project.name,),
                width="stretch",
            )


def nothing_left(store: Store, desk: Desk) -> None:
    """What stands in place of a document when the queue is through."""
    if not sum(store.counts(desk.walk.project).values()):
        refuse(f"Project {desk.walk.project} has no documents yet. Add some under Documents.")
        if st.button("Documents", key="to_documents", type="primary"):
            st.switch_page("pages/screens/documents.py", query_params={"project": desk.walk.project})
        return
    team = {name for name, _ in assignments.team(store, desk.walk.project)}
    if team and desk.walk.annotator not in team:
        refuse(
            f"{desk.walk.annotator} has no part of this project. It is shared out between {', '.join(sorted(team))}. "
            "Choose your name at the top right, or share it out again under Sharing."
        )
        return
    counts = _counts(store, desk.walk)
    where = "Of yours" if desk.walk.filter.shared else "In the project"
    figures = ", ".join(f"{counts[s]:,} {s}" for s in State if counts[s])
    left = sum(counts[s] for s in desk.walk.filter.states)
    with st.container(key="pane_end"):
        if left and (desk.walk.filter.search or desk.walk.filter.min_suggested or desk.walk.filter.shared):
            st.markdown(f"No further document fits the search. {where}: {figures}.")
            st.button("Show all that are open", key="reset_filter", type="primary", on_click=_reset)
        elif left:
            st.markdown(f"You have been through all documents once. {where}: {figures}.")
            st.button("Go through the open ones again", key="again", type="primary", on_click=_again)
        else:
            st.markdown(f"{'All yours are' if desk.walk.filter.shared else 'Every document is'} done: {figures}.")
            with st.container(horizontal=True):
                _onward(desk.walk.project, desk.walk.filter.shared)
                for wanted in (State.FLAGGED, State.SKIPPED, State.SUBMITTED):
                    if counts[wanted]:
                        st.button(
                            f"Go through the {counts[wanted]:,} {wanted}",
                            key=f"again_{wanted}",
                            on_click=_states,
                            args=((wanted,),),
                        )


def _onward(project: str, shared: bool) -> None:
    """The ways on from a queue that is done: where work is shared out, first to what others made of the same texts."""
    ways = [("Compare in Review", "review"), ("Export", "export")]
    for at, (words, page) in enumerate(ways if shared else reversed(ways)):
        if st.button(words if shared else page.capitalize(), key=f"to_{page}", type="secondary" if at else "primary"):
            st.switch_page(f"pages/screens/{page}.py", query_params={"project": project})


def _counts(store: Store, walk: Walk) -> Mapping[State, int]:
    """How many documents are in which state; where they are shared out, of the annotator's and as they left them."""
    if walk.filter.shared:
        return assignments.counts(store, walk.project, walk.annotator)
    return store.counts(walk.project)


def reading(project: str) -> None:
    """How far the model has read the project, while it reads; the way to stop it and to go on."""
    job = resources.jobs().get(project, suggestions.SCORING)
    # a place of its own, so that what follows stays where it is when this comes and goes
    with st.container():
        if job is not None and job.running:
            _reading(project)
        elif job is not None and (job.stopped or job.error):
            with st.container(key="tools_reading", horizontal=True):
                st.markdown(plain(job.error or f"reading stopped at {job.done:,} of {job.total:,}"))
                st.button("go on", key="read_on", on_click=_read_on, args=(project,))
        elif job is not None:
            version = annotating.readings().service.version
            failed = suggestions.failures(resources.store(), job, project, version)
            if failed:
                with st.container(key="tools_reading", horizontal=True):
                    words = f"{counted(len(failed), 'document')} could not be read"
                    st.markdown(words, help=plain(", ".join(list(failed)[:20])))
                    st.button("try again", key="read_on", on_click=_read_on, args=(project,))


@st.fragment(run_every=1.0)
def _reading(project: str) -> None:
    job = resources.jobs().get(project, suggestions.SCORING)
    if job is None or not job.running:
        st.rerun()
    with st.container(key="tools_reading", horizontal=True):
        st.markdown(f"model has read {job.done:,} of {job.total:,}{time_left(job.seconds_left)}")
        st.button("stop", key="stop_reading", on_click=job.stop, help="What is read is kept")


def _meter(done: int, total: int) -> str:
    share = 100 * done / total if total else 0
    label = html.escape(f"{done} of {total} documents are done")
    return f'<div class="rx-meter" role="img" aria-label="{label}"><i style="width:{share:.1f}%"></i></div>'


def _order_words(chosen: Filter) -> str:
    words = ORDERS[chosen.order].partition(",")[0]
    return words + (" · filtered" if replace(chosen, order=Filter().order, shared=False) != Filter() else "")


def _queue_form(store: Store, desk: Desk) -> None:
    chosen = desk.walk.filter
    st.radio(
        "Order",
        list(ORDERS),
        index=list(ORDERS).index(chosen.order),
        format_func=lambda order: ORDERS[order],
        key="queue_order_choice",
        on_change=_refilter,
    )
    st.text_input(
        "Search", chosen.search, key="queue_search", on_change=_refilter, placeholder='words, "a phrase", label:person'
    )
    st.pills(
        "States",
        list(State),
        selection_mode="multi",
        default=list(chosen.states),
        format_func=str,
        key="queue_states",
        on_change=_refilter,
    )
    st.number_input(
        "At least so many suggested entities", 0, 50, chosen.min_suggested, key="queue_rich", on_change=_refilter
    )
    found = queueing.matching(store, desk.walk, 9)
    st.caption("Next in this order, with the model's uncertainty" if found else "No document fits.")
    for row in found[:8]:
        more = "" if row.score is None else f" · {row.score:.2f}"
        more = f" · {row.state}{more}" if row.state is not State.NEW else more
        st.button(
            plain(f"{apart(row.excerpt[:44])}{more}"),
            key=f"jump_{row.id}",
            on_click=_jump,
            args=(row.id,),
            width="stretch",
        )


@guard()
def _refilter() -> None:
    desk: Desk = state.desk()
    annotating.refilter(
        replace(
            desk.walk.filter,
            order=Order(state.widget("queue_order_choice") or Order.MIXED),
            search=str(state.widget("queue_search") or "").strip(),
            states=tuple(State(s) for s in state.widget("queue_states") or ()) or OPEN,
            min_suggested=int(state.widget("queue_rich") or 0),
        )
    )


@guard()
def _reset() -> None:
    desk: Desk = state.desk()
    annotating.refilter(Filter(shared=desk.walk.filter.shared))


@guard()
def _again() -> None:
    desk: Desk = state.desk()
    annotating.refilter(desk.walk.filter)


@guard()
def _states(states: tuple[State, ...]) -> None:
    desk: Desk = state.desk()
    annotating.refilter(replace(desk.walk.filter, states=states))


@guard()
def _jump(document: str) -> None:
    _go(lambda walk: queueing.jump(resources.store(), walk, document))


def _back() -> None:
    _go(queueing.back)


def _go(move: Callable[[Walk], Walk]) -> None:
    """Leave the open document for another one."""
    with state.seat().lock:
        desk: Desk = state.desk()
        annotating.keep(desks.turn(resources.store(), annotating.readings(), desk, move(desk.walk)))


@guard()
def _read_on(project: str) -> None:
    resources.jobs().forget(project, suggestions.SCORING)
    annotating.begin_reading(resources.store(), project)
