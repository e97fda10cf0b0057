"""The parts of the Annotate screen, each drawn where the screen puts it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import streamlit as st

from db import assignments, naming
from db.store import Store
from db.values import Order
from pages.shared import desk as desks
from pages.shared import (
    direct,
    label_menu,
    limits,
    messages,
    queueing,
    resources,
    sample_set,
    seats,
    state,
    suggestions,
)
from pages.shared.corrections import Batch
from pages.shared.desk import Desk
from pages.shared.queueing import Filter
from pages.shared.readings import Readings
from pages.shared.triples import of_annotation
from pages.shared.widgets.annotator import (
    ConflictNotice,
    annotator,
    graph_opened_last,
    graph_wanted,
    pending,
)
from pages.shared.widgets.annotator.protocol import thresholds_to_json
from pages.shared.widgets.graph import Graph, graph, graph_is_stale, merge
from pages.shared.wording import plain
from relex_core.errors import RelexError

EDITOR = "queue_editor"

BESIDE = "queue_graph"

MOST_NODES = 60
"""Entities that are drawn beside the text: more are no picture in a pane of that size, and take the browser's time."""

_GRAPH, _DRAWN = "graph_beside", "graph_drawn"


PATIENCE = 0.6
"""Seconds that a run waits for the model to read the open document before it says so."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A document's graph with what names its state, and what names those of its project's names that were joined."""

    graph: Graph
    stamp: list[Any]
    project: str
    joined: tuple[int, int, int]


def readings() -> Readings:
    return resources.readings(resources.checkpoint())


def arrive(store: Store) -> Desk | None:
    """The desk for a run of the whole page: as the store and the address have it now. None without a project.

    Raises RelexErrors of the model.
    """
    # a step that is posted meanwhile waits: what is kept here would take it back
    with state.seat().lock:
        return _arrive(store)


def _arrive(store: Store) -> Desk | None:
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
    """Remember the desk, and write the address for a reload. Raises StoreErrors when that is done."""
    limits.turn_to(resources.store(), desk.walk.project)
    seat = state.seat()
    with seat.lock:
        seat.desk, seat.store, seat.readings = desk, resources.store(), readings()
        seat.thresholds = state.thresholds()
        seat.scope = seats.scope(desk.walk.project, desk.walk.annotator)
        seat.open(desk.walk.current)
    state.set_project(desk.walk.project)
    order = desk.walk.filter.order
    state.set_address(desk.walk.project, desk.walk.current, "" if order is Filter().order else order)
    limits.keep(resources.store(), desk.walk.project)


def take(store: Store, drawing: bool = False) -> Desk:
    """Commit what the browser has sent since the last run, and read what was waited for.

    With `drawing` the whole page is drawn after this: nothing of it is old then. Raises RelexErrors of the store and of
    the model; what could be committed lies on the desk then.
    """
    # the same records may be on their way as a posted correction: one after the other
    seat = state.seat()
    with seat.lock:
        try:
            return _take(store, replace(state.desk(), conflict=None))
        finally:
            if drawing:
                seat.page_is_old = False


def _take(store: Store, desk: Desk) -> Desk:
    seat = state.seat()
    wanted = graph_wanted(EDITOR)
    if wanted is not None and wanted != graph_is_open():
        state.remember(_GRAPH, wanted)
        state.remember(_DRAWN, None)
        seat.page_is_old = True
    try:
        for batch in pending(EDITOR, seat.acknowledged, seats.scope(desk.walk.project, desk.walk.annotator)):
            desk = _commit(store, desk, batch)
            if desk.conflict:
                # what follows was made after this and waits for the decision about it
                break
    finally:
        # what is committed lies there, whatever becomes of the rest
        keep(desk)
    if state.remembered("sharing_changed", False):
        state.remember("sharing_changed", False)
        refilter(filter_of(desk.walk.project))
        return _take(store, state.desk())
    if label_menu.take(store, desk.walk.project, desk.schema):
        desk = desks.refresh(store, readings(), desk)
        keep(desk)
        begin_reading(store, desk.walk.project)
    if desk.waiting:
        desk = desks.settle(store, readings(), desk, PATIENCE)
        keep(desk)
    return desk


def _commit(store: Store, desk: Desk, batch: Batch) -> Desk:
    """The desk after one batch from the browser; notes what of the page is old then."""
    seat, labels = state.seat(), desk.version
    desk, committed = desks.take(store, readings(), desk, batch, state.thresholds())
    seat.acknowledge(committed)
    if desk.version != labels:
        seat.page_is_old = True
    if desk.conflict:
        # the person decides about it where it is seen
        if batch.document_id != desk.walk.current:
            there = queueing.jump(store, desk.walk, batch.document_id)
            desk = desks.turn(store, readings(), desk, there)
            seat.page_is_old = True
        return desk
    for command in batch.commands:
        if command.thresholds is not None:
            state.set_thresholds(command.thresholds)
        if command.name in direct.STEPS:
            seat.page_is_old = True
        if command.name == "rescore" and graph_is_open():
            state.remember(_DRAWN, None)
            seat.page_is_old = True
    return desk


def editor() -> None:
    """The open document in the editor, the next ones with it, and what was refused since it was drawn last."""
    seat = state.seat()
    with seat.lock:
        # posted corrections may have come since: what is drawn and what the browser may forget belong together
        now: Desk = seat.desk
        acknowledged, turn, store = seat.acknowledged, seat.turn, seat.store
        if now.open is None:
            return
        seat.desk = replace(now, refused=())
    annotation, revision = now.open
    look = state.look(annotation.document.id)
    annotator(
        annotation,
        state.thresholds(),
        key=EDITOR,
        acknowledged=acknowledged,
        mode="edit",
        revision=revision,
        scope=seat.scope,
        next_documents=takewhile(lambda ahead: ahead[0].schema == annotation.schema, now.ahead),
        conflict=ConflictNotice(annotation.document.id, *now.conflict) if now.conflict else None,
        refused=now.refused,
        look=(look.number, look.start, look.end) if look else None,
        height="calc(100vh - 118px)",
        graph=graph_is_open(),
        direct=seat.token,
        turn=turn,
        behind=bool(now.walk.behind),
        flags=desks.flags(store, now),
        habits=now.habits.counts(),
    )


def said_unread(desk: Desk) -> None:
    """Above an open document at which the model failed: why, and the way to let it try again."""
    why = desks.fault(readings(), desk)
    if why:
        with st.container(key="tools_unread", horizontal=True):
            st.markdown(plain(why))
            st.button("Try again", key="read_open_again", on_click=_try_again)


@messages.guard()
def _try_again() -> None:
    with state.seat().lock:
        desk: Desk = state.desk()
        if desk.open is not None:
            readings().try_again(desk.open[0].document, desk.schema)
        keep(desks.refresh(resources.store(), readings(), desk))


def graph_is_open() -> bool:
    """Whether the graph stands beside the text: as it was left in this visit, else in the browser's last one."""
    chosen: bool | None = state.remembered(_GRAPH)
    return graph_opened_last() if chosen is None else chosen


@st.fragment
def beside() -> None:
    """The graph of the open document as it is in the store. It asks by itself to be drawn anew, when the hands rest:
    until then a run of the page, which brings the next document, has no work with it."""
    with messages.guard():
        drawn: _Drawn | None = state.remembered(_DRAWN)
        # names are joined on another page, or by somebody else
        if drawn is None or graph_is_stale(BESIDE) or naming.made(resources.store(), drawn.project) != drawn.joined:
            drawn = _graph()
            state.remember(_DRAWN, drawn)
        if drawn is not None:
            with st.container(key="pane_beside"):
                graph(drawn.graph, key=BESIDE, stamp=drawn.stamp)


def _graph() -> _Drawn | None:
    """The graph of what lies open, None where nothing does."""
    seat, store = state.seat(), resources.store()
    with seat.lock:
        now, thresholds = seat.desk, seat.thresholds
    if now is None or now.open is None:
        return None
    annotation, revision = now.open
    project = now.walk.project
    joined = naming.made(store, project)
    shown = merge(of_annotation(annotation, thresholds), MOST_NODES, resources.names(project))
    return _Drawn(shown, [annotation.document.id, revision, thresholds_to_json(thresholds)], project, joined)


def watch() -> None:
    """While a chosen document is with the model: look again twice a second, and draw the page when it is there."""
    desk: Desk | None = state.desk()
    with st.container():
        if desk is not None and desk.waiting:
            _waiting()


@st.fragment(run_every=0.5)
def _waiting() -> None:
    store = resources.store()
    with messages.guard(), state.seat().lock:
        desk: Desk | None = state.desk()
        if desk is None or not desk.waiting:
            return
        # asking with labels of yesterday, nobody would wait for the answer
        now = (desks.refresh if desks.is_old(store, desk) else desks.settle)(store, readings(), desk)
        if (now.open is None, len(now.ahead)) != (desk.open is None, len(desk.ahead)):
            state.set_desk(now)
            st.rerun()
        if now.open is None:
            st.caption("The model is reading this document. It opens by itself.")


def filter_of(project: str) -> Filter:
    """Which documents this tab goes through in a project, in which order."""
    chosen: Filter | None = state.remembered(f"filter_{project}")
    if chosen is None:
        named = state.order_address() if state.address()[0] == project else ""
        # the order of the table of documents is none of a queue
        orders = (order for order in Order if order == named and order is not Order.UPDATED)
        chosen = Filter(order=next(orders, Order.MIXED))
        state.remember(f"filter_{project}", chosen)
    store = resources.store()
    assignments.complete(store, project)
    return replace(chosen, shared=bool(assignments.team(store, project)))


def begin_reading(store: Store, project: str) -> None:
    """Let the model read the whole project, unless somebody stopped that, and no document of it with other labels."""
    readings().let_go(project, store.project(project).schema)
    job = resources.jobs().get(project, suggestions.SCORING)
    if job is None or not (job.running or job.stopped):
        version = resources.checkpoint()
        suggestions.score_all(store, lambda: resources.readings(version).service, resources.jobs(), project)


def no_project(store: Store, words: str = "Nothing to annotate yet.") -> None:
    """What a visitor sees before there is any project."""
    with st.container(key="pane_end"):
        st.markdown(f"{words} A project is a set of documents with one label set.")
        with st.container(horizontal=True):
            st.button("Try it with a sample set", key="sample_set", type="primary", on_click=_sample_set, args=(store,))
            st.page_link("pages/screens/documents.py", label="Make a project of your own")


def refilter(chosen: Filter, at: str = "") -> None:
    """Go through the project in another way, from the document `at` on or from the first."""
    with state.seat().lock:
        desk: Desk = state.desk()
        state.remember(f"filter_{desk.walk.project}", chosen)
        keep(desks.sit_down(resources.store(), readings(), desk.walk.project, desk.walk.annotator, chosen, at))


def choose_project(name: str) -> None:
    """Open another project at the first document of its queue."""
    state.set_desk(None)
    state.set_project(name)
    state.set_address(name)
    keep(desks.sit_down(resources.store(), readings(), name, state.annotator(), filter_of(name)))
    begin_reading(resources.store(), name)


@messages.guard()
def _sample_set(store: Store) -> None:
    choose_project(sample_set.create(store, state.annotator()).name)
