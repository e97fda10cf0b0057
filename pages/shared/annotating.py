"""The parts of the Annotate screen, each drawn where the screen puts it."""

from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path

import streamlit as st

from db import assignments, progress
from db.store import Store
from db.values import Order, State
from pages.shared import desk as desks
from pages.shared import messages, queue_tools, queueing, resources, sample_set, state, suggestions
from pages.shared.desk import Desk
from pages.shared.messages import counted, plain, refuse
from pages.shared.queueing import OPEN, Filter
from pages.shared.readings import Readings
from pages.shared.widgets.annotator import ConflictNotice, annotator, pending
from relex_core.errors import RelexError

EDITOR = "queue_editor"

PATIENCE = 0.6
"""Seconds that a run waits for the model to read the open document before it says so."""

ORDERS = {
    Order.MIXED: "uncertain first, a tenth at random",
    Order.UNCERTAINTY: "uncertain first",
    Order.DIVERSITY: "one of each kind first",
    Order.RANDOM: "random",
    Order.FILE: "file order",
}


def readings() -> Readings:
    return resources.readings(resources.checkpoint())


def arrive(store: Store) -> Desk | None:
    """The desk for a run of the whole page: as the store and the address have it now. None without a project.

    Raises RelexErrors of the model.
    """
    projects = [project.name for project in store.projects()]
    wanted, document = state.address()
    kept: Desk | None = state.desk()
    name = next((p for p in (wanted, state.project(), kept.walk.project if kept else "") if p in projects), "")
    name = name or (projects[0] if projects else "")
    if not name:
        state.set_desk(None)
        return None
    who = state.annotator()
    if kept is None or (kept.walk.project, kept.walk.annotator) != (name, who):
        at = document if wanted == name and document else ""
        try:
            kept = desks.sit_down(store, readings(), name, who, filter_of(name), at)
        except RelexError:
            if not at:
                raise
            messages.tell(f"Project {name} has no document {at}. This is the next one of its queue.")
            kept = desks.sit_down(store, readings(), name, who, filter_of(name))
        begin_reading(store, name)
    else:
        asked = document and document != kept.walk.current and not state.address_is_old(document)
        if wanted == name and asked:
            kept = desks.turn(store, readings(), kept, queueing.jump(store, kept.walk, document))
        filter = filter_of(name)
        if filter != kept.walk.filter:
            kept = replace(kept, walk=replace(kept.walk, filter=filter))
        kept = desks.refresh(store, readings(), kept)
    keep(kept)
    return kept


def keep(desk: Desk) -> None:
    """Remember the desk, and write the address for a reload."""
    state.set_desk(desk)
    state.set_project(desk.walk.project)
    state.set_address(desk.walk.project, desk.walk.current)


def take(store: Store, desk: Desk) -> Desk:
    """Commit what the browser has sent since the last run, and read what was waited for."""
    desk = replace(desk, refused=(), conflict=None)
    for batch in pending(EDITOR, state.acknowledged()):
        desk, committed = desks.take(store, readings(), desk, batch, state.thresholds())
        state.acknowledge(committed)
        for command in batch.commands:
            if command.thresholds is not None:
                state.set_thresholds(command.thresholds)
    if state.remembered("sharing_changed", False):
        state.remember("sharing_changed", False)
        _set_filter(filter_of(desk.walk.project))
        return take(store, state.desk())
    if queue_tools.take_label_edits(store, desk) or state.remembered("labels_changed", False):
        state.remember("labels_changed", False)
        desk = desks.refresh(store, readings(), desk)
        begin_reading(store, desk.walk.project)
    if desk.waiting:
        desk = desks.settle(store, readings(), desk, PATIENCE)
    keep(desk)
    return desk


def editor(desk: Desk) -> None:
    """The open document in the editor, the next ones with it."""
    if desk.open is None:
        return
    annotation, revision = desk.open
    annotator(
        annotation,
        state.thresholds(),
        key=EDITOR,
        acknowledged=state.acknowledged(),
        mode="edit",
        revision=revision,
        scope=f"{desk.walk.project}/{desk.walk.annotator}",
        next_documents=desk.ahead,
        conflict=ConflictNotice(*desk.conflict) if desk.conflict else None,
        refused=desk.refused,
        height="calc(100vh - 118px)",
    )


@st.fragment(run_every=0.5)
def watch() -> None:
    """While a chosen document is with the model: look again twice a second, and draw the page when it is there."""
    desk: Desk | None = state.desk()
    if desk is None or not desk.waiting:
        return
    store = resources.store()
    with messages.guard():
        now = desks.settle(store, readings(), desk)
        if (now.open is None, len(now.ahead)) != (desk.open is None, len(desk.ahead)):
            state.set_desk(now)
            st.rerun()
    if now.open is None:
        st.caption("The model is reading this document. It opens by itself.")


def filter_of(project: str) -> Filter:
    """Which documents this tab goes through in a project, in which order."""
    chosen: Filter = state.remembered(f"filter_{project}", Filter())
    store = resources.store()
    assignments.complete(store, project)
    return replace(chosen, shared=bool(assignments.team(store, project)))


def begin_reading(store: Store, project: str) -> None:
    """Let the model read the whole project, unless somebody stopped that."""
    job = resources.jobs().get(project, suggestions.SCORING)
    if job is None or not (job.running or job.stopped):
        suggestions.score_all(store, readings().service, resources.jobs(), project)


def bar(store: Store, desk: Desk) -> None:
    """The line above the document: project, progress, pace, and the queue's settings."""
    walk = desk.walk
    with st.container(key="tools_queue", horizontal=True):
        with st.popover(plain(walk.project), key="pick_project", help="Another project"):
            for project in store.projects():
                st.button(
                    f"{plain(project.name)}  ·  {counted(project.documents, 'document')}",
                    key=f"project_{project.name}",
                    on_click=_choose_project,
                    args=(project.name,),
                    width="stretch",
                )
        counts = store.counts(walk.project)
        total = sum(counts.values())
        done = sum(counts[state_] for state_ in State if state_ not in OPEN)
        st.html(_meter(done, total), width="content")
        st.markdown(f"{done:,} / {total:,}")
        pace = progress.pace(store, walk.project, walk.annotator)
        if pace is not None:
            st.markdown(f"{pace:.0f} s a document")
        job = resources.jobs().get(walk.project, suggestions.SCORING)
        if job is not None and job.total and (job.running or job.stopped or job.error):
            reading(walk.project)
        st.space("stretch")
        st.button("‹", key="queue_back", on_click=_back, disabled=not walk.behind, help="The document before")
        for name, label, help, fill in (
            ("order", _order_words(walk.filter), "Which documents come, in which order", _queue_form),
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


def nothing_left(store: Store, desk: Desk) -> None:
    """What stands in place of a document when the queue is through."""
    counts = store.counts(desk.walk.project)
    total = sum(counts.values())
    if not total:
        refuse(f"Project {desk.walk.project} has no documents yet. Add some under Documents.")
        return
    figures = ", ".join(f"{counts[s]:,} {s}" for s in State if counts[s])
    left = sum(counts[s] for s in desk.walk.filter.states)
    with st.container(key="pane_end"):
        if left and (desk.walk.filter.search or desk.walk.filter.min_suggested or desk.walk.filter.shared):
            st.markdown(f"No further document fits the search. In the project: {figures}.")
            st.button("Show all that are open", key="reset_filter", type="primary", on_click=_reset)
        elif left:
            st.markdown(f"You have been through all documents once. In the project: {figures}.")
            st.button("Go through the open ones again", key="again", type="primary", on_click=_again)
        else:
            st.markdown(f"Every document is done: {figures}.")
            with st.container(horizontal=True):
                for wanted in (State.FLAGGED, State.SKIPPED, State.SUBMITTED):
                    if counts[wanted]:
                        st.button(
                            f"Go through the {counts[wanted]:,} {wanted}",
                            key=f"again_{wanted}",
                            on_click=_states,
                            args=((wanted,),),
                        )


def no_project(store: Store) -> None:
    """What a visitor sees before there is anything to annotate."""
    with st.container(key="pane_end"):
        st.markdown("Nothing to annotate yet. A project is a set of documents with one label set.")
        with st.container(horizontal=True):
            st.button("Try it with a sample set", key="sample_set", type="primary", on_click=_sample_set, args=(store,))
            if (Path(__file__).parents[1] / "screens/documents.py").exists():
                st.page_link("pages/screens/documents.py", label="Make a project of your own")


@st.fragment(run_every=1.0)
def reading(project: str) -> None:
    """How far the model has read the project, while it reads; the way to stop it and to go on."""
    job = resources.jobs().get(project, suggestions.SCORING)
    if job is None or not (job.running or job.stopped or job.error):
        return
    with st.container(key="tools_reading", horizontal=True):
        if job.running:
            left = job.seconds_left
            time = "" if left is None else f", {left:.0f} s left" if left < 90 else f", {left / 60:.0f} min left"
            st.markdown(f"model has read {job.done:,} of {job.total:,}{time}")
            st.button("stop", key="stop_reading", on_click=job.stop, help="What is read is kept")
        else:
            st.markdown(plain(job.error or f"reading stopped at {job.done:,} of {job.total:,}"))
            st.button("go on", key="read_on", on_click=_read_on, args=(project,))


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
            plain(f"{row.excerpt[:44]}{more}"),
            key=f"jump_{row.id}",
            on_click=_jump,
            args=(row.id,),
            width="stretch",
        )


def _set_filter(chosen: Filter, at: str = "") -> None:
    desk: Desk = state.desk()
    state.remember(f"filter_{desk.walk.project}", chosen)
    keep(desks.sit_down(resources.store(), readings(), desk.walk.project, desk.walk.annotator, chosen, at))


def _refilter() -> None:
    desk: Desk = state.desk()
    _set_filter(
        replace(
            desk.walk.filter,
            order=Order(state.widget("queue_order_choice") or Order.MIXED),
            search=str(state.widget("queue_search") or "").strip(),
            states=tuple(State(s) for s in state.widget("queue_states") or ()) or OPEN,
            min_suggested=int(state.widget("queue_rich") or 0),
        )
    )


def _reset() -> None:
    desk: Desk = state.desk()
    _set_filter(Filter(shared=desk.walk.filter.shared))


def _again() -> None:
    desk: Desk = state.desk()
    _set_filter(desk.walk.filter)


def _states(states: tuple[State, ...]) -> None:
    desk: Desk = state.desk()
    _set_filter(replace(desk.walk.filter, states=states))


def _jump(document: str) -> None:
    desk: Desk = state.desk()
    keep(desks.turn(resources.store(), readings(), desk, queueing.jump(resources.store(), desk.walk, document)))


def _back() -> None:
    desk: Desk = state.desk()
    keep(desks.turn(resources.store(), readings(), desk, queueing.back(resources.store(), desk.walk)))


def _choose_project(name: str) -> None:
    state.set_desk(None)
    state.set_project(name)
    state.set_address(name)
    keep(desks.sit_down(resources.store(), readings(), name, state.annotator(), filter_of(name)))
    begin_reading(resources.store(), name)


def _sample_set(store: Store) -> None:
    _choose_project(sample_set.create(store).name)


def _read_on(project: str) -> None:
    resources.jobs().forget(project, suggestions.SCORING)
    begin_reading(resources.store(), project)
