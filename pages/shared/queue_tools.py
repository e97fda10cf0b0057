"""What stands behind the buttons above the editor: labels, guidelines, accepting in bulk."""

from __future__ import annotations

import streamlit as st

from db import assignments, gold
from db.store import Store
from db.values import ADJUDICATOR
from pages.shared import bulk, label_menu, resources, state
from pages.shared.bulk import Tally, Wish
from pages.shared.desk import Desk
from pages.shared.jobs import Job
from pages.shared.messages import guard, refuse, tell
from pages.shared.wording import apart, counted, plain, time_left
from relex_core.types import FLOOR, Thresholds


def labels(store: Store, desk: Desk) -> None:
    """The label set of the project."""
    label_menu.menu(store, desk.walk.project, desk.schema)


def guidelines(store: Store, desk: Desk) -> None:
    """The project's guidelines, and a box to change them."""
    written = store.project(desk.walk.project).guidelines
    if state.remembered("guidelines_open", not written):
        st.text_area(
            "Guidelines",
            written,
            key="guidelines_text",
            height=280,
            placeholder="What counts as a mention, where a span begins and ends, what each relation means.",
        )
        with st.container(horizontal=True):
            st.button("Keep", key="guidelines_keep", type="primary", on_click=_keep_guidelines, args=(store, desk))
            st.button("Leave", key="guidelines_leave", on_click=state.remember, args=("guidelines_open", False))
        return
    st.markdown("\n".join(_line(line) for line in written.splitlines()))
    st.button("Change", key="guidelines_change", on_click=state.remember, args=("guidelines_open", True))


def sharing(store: Store, desk: Desk) -> None:
    """Who annotates: everybody everything, or each person a part, with some documents given to two people."""
    project = desk.walk.project
    team = assignments.team(store, project)
    if team:
        counts = ", ".join(f"{name} {count:,}" for name, count in team)
        st.markdown(plain(f"Shared out: {counts} documents. People do not see each other's marks until Review."))
        if desk.walk.annotator not in {name for name, _ in team}:
            refuse(f"{desk.walk.annotator} has no part of it. Choose your name at the top right, or share out again.")
    else:
        st.caption(
            "Everybody goes through all documents. Share them out to work side by side and to measure agreement."
        )
    names = team or tuple((name, 0) for name in store.annotators() if name != ADJUDICATOR)
    st.text_input("People", ", ".join(name for name, _ in names), key="share_people", placeholder="ada, eva")
    st.slider("Documents that two people get", 0, 100, 20, 5, format="%d %%", key="share_overlap")
    now = round(100 * gold.share(store, project))
    turn, drawn = state.remembered("gold_slider", (0, now))
    # moved by something else than itself it is another slider: a browser goes on showing, and sends, the value that it
    # knows under a key
    turn += drawn != now
    state.remember("gold_slider", (turn, now))
    st.slider(
        "Gold items in each queue", 0, round(100 * gold.MOST), now, 5, format="%d %%",
        key=f"share_gold_{turn}", on_change=_gold, args=(store, desk, turn),
        help="Adjudicated documents come up among the others without being marked as such. Nobody sees the adjudicated "
        "version; how each person did is in Review, under Statistics.",
    )  # fmt: skip
    with st.container(horizontal=True):
        st.button("Share out", key="share_go", type="primary", on_click=_share, args=(store, desk))
        st.button("Stop sharing", key="share_stop", disabled=not team, on_click=_unshare, args=(store, desk))


def bulk_accept(store: Store, desk: Desk) -> None:
    """Thresholds, a preview with counts, the acceptance and its undo."""
    st.caption("Accepts suggestions that nobody has decided on, in the documents that this queue still holds.")
    left, right = st.columns(2)
    left.slider("Entities from", FLOOR.entity, 1.0, 0.9, 0.01, key="bulk_entity")
    right.slider("Relations from", FLOOR.relation, 1.0, 0.9, 0.01, key="bulk_relation")
    st.checkbox("and submit these documents", key="bulk_submit", help="Else they stay open, in progress")
    st.button("Count first", key="bulk_preview", on_click=_bulk_preview)
    job: Job | None = state.remembered("bulk_job")
    if job is not None and job.running:
        _bulk_running()
    elif job is not None:
        _bulk_ended(job)


@st.fragment(run_every=0.7)
def _bulk_running() -> None:
    job: Job = state.remembered("bulk_job")
    if not job.running:
        # the open document may be one of those that were changed: the whole page
        st.rerun()
    far = f"{job.done:,} of {counted(job.total, 'document')}{time_left(job.seconds_left, 'about ')}"
    st.progress(job.share, text=far)
    st.button("Stop", key="bulk_stop", on_click=job.stop)


def _bulk_ended(job: Job) -> None:
    step: str = state.remembered("bulk_step", "")
    tally: Tally | None = state.remembered("bulk_tally")
    if job.error:
        refuse(job.error)
    if step == "undone":
        tell(f"Taken back in {counted(job.done, 'document')}.")
    if tally is None:
        return
    made = "Accepted" if step == "accepted" else "Would accept"
    st.markdown(f"{made} {counted(tally.suggestions, 'suggestion')} in {counted(tally.documents, 'document')}.")
    if tally.busy:
        st.caption(f"{counted(tally.busy, 'document')} changed at that moment and stayed as they are.")
    st.caption(plain(" · ".join(f"{apart(label)} {number:,}" for label, number in tally.labels.most_common(12))))
    for example in tally.examples if step == "counted" else ():
        st.caption(plain(example))
    if step == "counted" and tally.suggestions:
        st.button("Accept these", key="bulk_accept", type="primary", on_click=_bulk, args=("accepted", tally.wish))
    if step == "accepted" and tally.documents:
        st.button("Undo", key="bulk_undo", on_click=_bulk, args=("undone", tally.wish))


@guard()
def _bulk_preview() -> None:
    """Reads the widgets at the click: what was drawn may be older than what was just ticked."""
    desk: Desk = state.desk()
    wish = Wish(
        desk.walk.project,
        desk.walk.annotator,
        resources.readings(resources.checkpoint()).service.version,
        Thresholds(float(state.widget("bulk_entity") or 0.9), float(state.widget("bulk_relation") or 0.9)),
        desk.walk.filter.states,
        desk.walk.filter.search,
        bool(state.widget("bulk_submit")),
        desk.walk.filter.min_suggested,
    )
    _bulk("counted", wish)


@guard()
def _bulk(step: str, wish: Wish) -> None:
    store, jobs = resources.store(), resources.jobs()
    tally: Tally | None = None
    if step == "counted":
        job, tally = bulk.preview(store, jobs, wish)
    elif step == "accepted":
        job, tally = bulk.accept(store, jobs, wish)
    else:
        job = bulk.undo(store, jobs, wish)
    for name, value in (("job", job), ("step", step), ("tally", tally)):
        state.remember(f"bulk_{name}", value)


def _share(store: Store, desk: Desk) -> None:
    with guard():
        people = str(state.widget("share_people") or "").split(",")
        overlap = int(state.widget("share_overlap") or 0) / 100
        assignments.share(store, desk.walk.project, people, overlap, desk.walk.annotator)
        state.remember("sharing_changed", True)


@guard()
def _gold(store: Store, desk: Desk, turn: int) -> None:
    wanted = int(state.widget(f"share_gold_{turn}") or 0)
    latest, drawn = state.remembered("gold_slider", (turn, wanted))
    # a slider also reports where it stands as it comes and goes: then nobody has moved it
    if turn != latest or wanted == drawn:
        return
    gold.choose_share(store, desk.walk.project, wanted / 100, desk.walk.annotator)
    state.remember("gold_slider", (turn, wanted))
    state.remember("sharing_changed", True)


@guard()
def _unshare(store: Store, desk: Desk) -> None:
    assignments.stop(store, desk.walk.project, desk.walk.annotator)
    state.remember("sharing_changed", True)


@guard()
def _keep_guidelines(store: Store, desk: Desk) -> None:
    store.save_guidelines(desk.walk.project, str(state.widget("guidelines_text") or ""))
    state.remember("guidelines_open", False)


def _line(line: str) -> str:
    """One line of guidelines: bullets and headings stay, nothing else is markup, so nothing is fetched."""
    for sign in ("- ", "## ", "# "):
        if line.startswith(sign):
            return ("- " if sign == "- " else "##### ") + plain(line[len(sign) :])
    return plain(line)
