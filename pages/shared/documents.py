"""The parts of the Documents screen."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from db import leaving
from db import progress as reading_progress
from db.store import Store
from db.values import LEFT_OUT, Project, State
from pages.shared import (
    annotating,
    checkpoints,
    corpus_pane,
    importing,
    label_menu,
    leaving_out,
    palette,
    resources,
    sample_set,
    state,
    suggestions,
)
from pages.shared.messages import guard, refuse
from pages.shared.presets import PRESETS
from pages.shared.widgets import document_table
from pages.shared.wording import apart, counted, plain, time_left
from relex_core.errors import RelexError, quote
from relex_core.types import Schema

VIEWS = ("List", "Graph")

PAGE = 50
"""Documents shown before somebody asks for more."""

_NAMED = 20
"""Documents that the model could not read of which each is named."""


def projects(store: Store) -> Project | None:
    """The list of projects; the one that is open, None if there is none."""
    known = store.projects()
    wanted = state.address()[0] or state.project()
    chosen = next((p for p in known if p.name == wanted), known[0] if known else None)
    if chosen is not None:
        state.set_project(chosen.name)
        state.set_address(chosen.name)
    with st.container(key="tools_projects", horizontal=True):
        st.markdown("Projects")
        st.space("stretch")
        with st.popover("New project", key=f"new_project_{state.upload_round()}"):
            _new_project()
    for at, project in enumerate(known):
        st.button(
            f"{plain(apart(project.name))}  ·  {project.documents:,}",
            key="chosen_project" if project is chosen else f"open_{at}",
            on_click=_open,
            args=(project.name,),
            width="stretch",
            help=counted(project.documents, "document"),
        )
    _archive_tools(store, chosen)
    return chosen


def _archive_tools(store: Store, chosen: Project | None) -> None:
    """To archive the open project, asked once more, and to bring archived ones back."""
    archived = store.projects(archived=True)
    with st.container(key="tools_archive", horizontal=True):
        if chosen is not None:
            with st.popover(
                "Archive", key=f"archive_{state.upload_round()}", help="Take this project out of all lists"
            ):
                st.markdown(
                    "The project leaves all lists, and rounds with Argilla rest. Nothing is removed, and it comes back "
                    "with one click."
                )
                words = f"Archive {plain(chosen.name)}"
                st.button(words, key="archive_project", on_click=_set_archived, args=(chosen.name, True))
        if archived:
            with st.popover("Archived", key=f"archived_{state.upload_round()}", help="Projects that are archived"):
                for at, project in enumerate(archived):
                    st.button(
                        f"Bring back {plain(project.name)}", key=f"unarchive_{at}", on_click=_set_archived,
                        args=(project.name, False), help=counted(project.documents, "document"), width="stretch",
                    )  # fmt: skip


def nothing_yet() -> None:
    """What stands here before the first project."""
    st.html('<p class="rx-title">No project yet</p>')
    st.markdown("A project is a set of documents with one label set. Make one, or try a small sample set.")
    st.button("Add the sample set", key="add_sample_set", type="primary", on_click=_sample_set)


def pane(store: Store, project: Project) -> None:
    """All of a project: what it is, and its documents."""
    left_out = leaving.number(store, project.name)
    head(store, project, left_out)
    views(store, project, left_out)


def head(store: Store, project: Project, left_out: int) -> None:
    """Name, label set, import, and the way to annotate."""
    if label_menu.take(store, project.name, project.schema):
        project = store.project(project.name)
        annotating.begin_reading(store, project.name)
    schema = project.schema
    counts = store.counts(project.name)
    total = sum(counts.values())
    with st.container(horizontal=True, vertical_alignment="center", key="project_head"):
        st.html(f'<p class="rx-title">{html.escape(project.name)}</p>', width="stretch")
        labels = counted(len(schema.visible_entities) + len(schema.visible_relations), "label")
        with st.popover(labels, key="labels_menu", help="The label set of this project"):
            label_menu.menu(store, project.name, schema)
            st.caption("A changed set is a new version. Labels in use stay in what was decided.")
        with st.popover("Guidelines", key="guidelines_menu"):
            st.text_area(
                "For annotators, as Markdown", project.guidelines, key=f"guidelines_{project.name}", height=240,
                on_change=_save_guidelines, args=(project.name,),
            )  # fmt: skip
        busy = importing.under_way(project.name)
        with st.popover("Import", key=f"import_menu_{state.upload_round()}", disabled=busy):
            importing.form(store, project.name)
        st.button("Annotate", key="go_annotate", type="primary", on_click=_annotate, disabled=not total)
    if busy:
        importing.wait(project.name)
    else:
        importing.outcome(store, project.name)
    st.html(_states(counts, total, left_out))
    if state.remembered("annotate_now"):
        state.remember("annotate_now", False)
        st.switch_page("pages/screens/annotate.py", query_params={"project": project.name})


def progress(store: Store, project: str) -> None:
    """How far the model has read the project; to begin, to stop, to go on."""
    job = resources.jobs().get(project, suggestions.SCORING)
    if job is not None and job.running:
        _running(project)
        return
    version = resources.readings(resources.checkpoint()).service.version
    failed = suggestions.failures(store, job, project, version)
    missing = reading_progress.count_unscored(store, project, version) - len(failed)
    model = plain(checkpoints.shown(resources.checkpoint()))
    exactly = f"The version of the model: {plain(version)}"
    # no wider than its words: beside what fills the row it would get a half, and break
    with st.container(key="tools_scoring", horizontal=True, width="content"):
        if job is not None and job.error:
            refuse(job.error)
        if missing:
            st.markdown(f"{counted(missing, 'document')} not yet read by {model}", help=exactly)
            words = "Go on reading" if job is not None and job.stopped else "Read them now"
            st.button(words, key="start_scoring", on_click=_score, args=(project,))
        else:
            st.markdown(f"All {'other ' if failed else ''}documents are read by {model}", help=exactly)
        if failed:
            _unread(project, failed)


def _unread(project: str, failed: Mapping[str, str]) -> None:
    """Documents at which the model failed: which, why, and the ways on."""
    with st.popover(f"{counted(len(failed), 'document')} could not be read", key="unread"):
        st.markdown("All others are read all the same. Choose one to mark it by hand.")
        st.button("Try them again", key="read_again", on_click=_score, args=(project, True))
        at = 0
        for why, ids in _by_reason(failed).items():
            st.caption(plain(why))
            for id in ids[: _NAMED - at]:
                if st.button(plain(id), key=f"unread_{at}", width="stretch"):
                    st.switch_page("pages/screens/annotate.py", query_params={"project": project, "document": id})
                at += 1
            if at == _NAMED:
                break
        if len(failed) > _NAMED:
            st.caption(f"and {len(failed) - _NAMED:,} more")


def _by_reason(failed: Mapping[str, str]) -> dict[str, list[str]]:
    """Documents under what is said of them, which is said once."""
    found: dict[str, list[str]] = {}
    for id, why in failed.items():
        found.setdefault(why.replace(f" at document {quote(id)}", ""), []).append(id)
    return found


@st.fragment(run_every=0.7)
def _running(project: str) -> None:
    job = resources.jobs().get(project, suggestions.SCORING)
    if job is None or not job.running:
        st.rerun()
    time = time_left(job.seconds_left, "about ")
    with st.container(key="tools_scoring", horizontal=True):
        st.progress(job.share, text=f"Model reads {job.done:,} of {job.total:,}{time}")
        st.button("Stop", key="stop_scoring", on_click=job.stop, help="What was read is kept")


def views(store: Store, project: Project, left_out: int) -> None:
    """The documents as a list, or all that is marked in them as one graph."""
    leaving_out.outcome(project.name)
    if not project.documents:
        listing(store, project, left_out)
        return
    with st.container(key="tools_views", horizontal=True):
        progress(store, project.name)
        st.space("stretch")
        st.segmented_control("View", VIEWS, default=VIEWS[0], key="documents_view", label_visibility="collapsed")
    if state.widget("documents_view") == "Graph":
        corpus_pane.show(store, project)
    else:
        listing(store, project, left_out)


def listing(store: Store, project: Project, left_out: int) -> None:
    """The documents as a table with search and states; a row opens its document."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search", key="document_search", placeholder='words, "a phrase", label:person', label_visibility="collapsed"
        )
        out = state.widget("document_left_out") is not None
        chosen = st.pills(
            "States", list(State), selection_mode="multi", format_func=str, key="document_states",
            label_visibility="collapsed", disabled=out,
        )  # fmt: skip
        states = () if out else tuple(chosen)
        if left_out or out:
            st.pills("Left out", [LEFT_OUT], key="document_left_out", label_visibility="collapsed")
        place = st.container(width="content")
    limit = int(state.remembered(f"limit_{project.name}", PAGE))
    rows = store.queue(project.name, states=states or None, search=search or "", limit=limit + 1, left_out=out)
    if not rows:
        filtered = bool(search or states or left_out)
        refuse("No document fits." if filtered else "No documents yet. Choose Import to add texts or annotated files.")
        return
    # whatever was left out or brought back, or another project, begins with nothing ticked
    table = f"document_rows_{project.name}_{state.upload_round()}"
    ticked = document_table.ticked(table, rows[:limit])
    with place:
        leaving_out.menu(store, project.name, ticked, states, search or "", out)
    chosen_id = document_table.opened(table)
    flagged = [row.id for row in rows[:limit] if row.state is State.FLAGGED]
    flags = reading_progress.flags(store, project.name, flagged)
    document_table.document_table(rows[:limit], flags, key=table)
    if len(rows) > limit:
        st.button(f"Show {PAGE} more", key="more", on_click=_more, args=(project.name, limit))
    if chosen_id:
        st.switch_page("pages/screens/annotate.py", query_params={"project": project.name, "document": chosen_id})


def _states(counts: Mapping[State, int], total: int, left_out: int) -> str:
    """A bar of the states' shares and its legend, where what is left out stands last. The colours are never the only
    sign."""
    bar, legend = [], [f"<span>{counted(total, 'document')}</span>"]
    for name in State:
        hue = document_table.HUES[name]
        color = "var(--rx-line)" if hue is None else f"var(--line-{hue % len(palette.ANCHORS)})"
        if counts[name]:
            bar.append(f'<i style="width:{100 * counts[name] / total:.2f}%;background:{color}"></i>')
            legend.append(f'<span><b style="background:{color}"></b>{counts[name]:,} {name}</span>')
    if left_out:
        legend.append(f"<span>{left_out:,} {LEFT_OUT}</span>")
    return f'<div class="rx-states">{"".join(bar)}</div><div class="rx-legend">{"".join(legend)}</div>'


def _new_project() -> None:
    st.text_input("Name", key="new_name", max_chars=80)
    st.radio("Label set", [*PRESETS, "none yet"], key="new_preset", horizontal=True)
    if state.remembered("new_project_refused"):
        refuse(str(state.remembered("new_project_refused")))
        state.remember("new_project_refused", "")
    st.button("Make project", key="make_project", on_click=_make)


def _make() -> None:
    try:
        schema = PRESETS.get(str(state.widget("new_preset")), Schema())
        project = resources.store().create_project(str(state.widget("new_name") or ""), schema, by=state.annotator())
    except RelexError as error:
        state.remember("new_project_refused", str(error))
        return
    state.next_upload()
    state.clear_widget("new_name")
    _open(project.name)


def _open(name: str) -> None:
    state.set_project(name)
    state.set_address(name)
    for widget in ("document_search", "document_states", "document_left_out"):
        state.clear_widget(widget)


@guard()
def _set_archived(name: str, out: bool) -> None:
    (leaving.archive if out else leaving.unarchive)(resources.store(), name, by=state.annotator())
    # a new round closes the menu
    state.next_upload()
    _open("" if out else name)


def _more(project: str, limit: int) -> None:
    state.remember(f"limit_{project}", limit + PAGE)


@guard()
def _score(project: str, again: bool = False) -> None:
    version = resources.checkpoint()
    jobs = resources.jobs()
    if again:
        # with it goes what it failed at
        jobs.forget(project, suggestions.SCORING)
    suggestions.score_all(resources.store(), lambda: resources.readings(version).service, jobs, project)


def _annotate() -> None:
    state.remember("annotate_now", True)


@guard()
def _save_guidelines(project: str) -> None:
    resources.store().save_guidelines(project, str(state.widget(f"guidelines_{project}") or ""))


@guard()
def _sample_set() -> None:
    store = resources.store()
    name = sample_set.create(store, state.annotator()).name
    _open(name)
    annotating.begin_reading(store, name)
