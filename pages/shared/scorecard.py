"""The parts of the Evaluate screen: the form, the figures, and the errors in their texts."""

from __future__ import annotations

import streamlit as st

from db.store import Store
from pages.shared import checkpoints, evaluating, limits, resources, score_tables, state
from pages.shared.evaluating import Question, Scored
from pages.shared.messages import guard, refuse
from pages.shared.score_tables import SIDES
from pages.shared.wording import plain, time_left
from relex_core.errors import InputError, RelexError
from relex_core.tuning import FEWEST
from relex_core.types import Thresholds

PAGE = 40
"""How many errors are listed at once."""


def form(store: Store) -> None:
    """What to measure, and the button."""
    st.html('<p class="rx-title">Evaluate</p>')
    names = list(dict.fromkeys((resources.checkpoint(), *checkpoints.names())))
    checkpoint_help = "One of the list, or a hub id."
    st.selectbox("Checkpoint A", names, key="evaluate_a", accept_new_options=True, help=checkpoint_help)
    st.selectbox(
        "Checkpoint B", names, index=None, key="evaluate_b", accept_new_options=True, placeholder="none",
        help="Optional, for a comparison.",
    )  # fmt: skip
    # no path on the server: its files are not any visitor's to read
    sources = ["Project", "Upload"]
    source = st.segmented_control("Gold annotations", sources, default=sources[0], key="evaluate_source", required=True)
    if source == "Upload":
        st.file_uploader(
            "Annotated file", ["jsonl", "gz", "marked"], key="evaluate_upload", label_visibility="collapsed"
        )
    else:
        _project(store)
    _thresholds()
    st.toggle("Relate the given entities", key="evaluate_given", help="Scores relations between gold entities only.")
    job = resources.jobs().get(state.annotator(), evaluating.EVALUATION)
    if job is not None and job.running:
        _running()
        return
    st.button("Evaluate", key="evaluate_start", type="primary", on_click=_start, width="stretch")
    if refused := state.remembered("evaluate_refused") or (job.error if job is not None else ""):
        refuse(str(refused))
    elif job is not None and job.stopped:
        refuse("Stopped. The checkpoint that was being read has no result.")


def _thresholds() -> None:
    """Given as numbers, or chosen on annotations that are not the ones to be measured on."""
    chosen = st.toggle(
        "Choose thresholds on a development file", key="evaluate_tuned",
        help="Those with the highest entity F1 + relation F1 there, for each checkpoint by itself.",
    )  # fmt: skip
    if chosen:
        st.file_uploader(
            "Development file", ["jsonl", "gz", "marked"], key="evaluate_dev", label_visibility="collapsed"
        )
        st.toggle(
            "One for each label", key="evaluate_by_label",
            help=f"Labels with fewer than {FEWEST} examples there keep the common threshold.",
        )  # fmt: skip
        return
    left, right = st.columns(2)
    left.number_input("Entities above", 0.1, 1.0, 0.5, 0.05, key="evaluate_entity")
    right.number_input("Relations above", 0.05, 1.0, 0.5, 0.05, key="evaluate_relation")


def _development() -> tuple[bytes, str] | None:
    """The development file if thresholds are to be chosen on one. Raises InputError if it is not there yet."""
    if not state.widget("evaluate_tuned"):
        return None
    file = state.widget("evaluate_dev")
    if file is None:
        raise InputError(
            expected="a development file to choose thresholds on",
            found="none",
            change="Upload one, or turn that off and give thresholds.",
        )
    return file.getvalue(), file.name


def _project(store: Store) -> None:
    names = [project.name for project in store.projects()]
    if names:
        wanted = state.address()[0] or state.project()
        st.selectbox("Project", names, index=names.index(wanted) if wanted in names else 0, key="evaluate_project")
        st.caption("Its submitted documents are the gold.")
    else:
        st.caption("There is no project yet. Make one under Documents, or choose a file.")


def _start() -> None:
    state.remember("evaluate_refused", "")
    try:
        chosen = [str(name).strip() for key in ("a", "b") if (name := state.widget(f"evaluate_{key}"))]
        # the fields are not on the page while a development file decides
        entity, relation = (float(state.widget(f"evaluate_{key}") or 0.5) for key in ("entity", "relation"))
        question = Question(
            tuple(dict.fromkeys(chosen)),
            Thresholds(entity, relation),
            bool(state.widget("evaluate_given")),
            _development(),
            bool(state.widget("evaluate_by_label")),
        )
        data, name = _data()
        evaluating.start(resources.jobs(), question, data, name, resources.predictor, state.annotator())
    except RelexError as error:
        state.remember("evaluate_refused", str(error))
        return
    state.remember("evaluate_asked", len(question.checkpoints))


def _data() -> tuple[bytes, str]:
    """The annotated file. Raises InputError if there is none."""
    if state.widget("evaluate_source") == "Upload":
        file = state.widget("evaluate_upload")
        if file is None:
            raise InputError(
                expected="an annotated .jsonl, .jsonl.gz or .marked file",
                found="nothing uploaded",
                change="Upload one, or choose a project.",
            )
        return file.getvalue(), file.name
    project = str(state.widget("evaluate_project") or "")
    return evaluating.gold_of(resources.store(), project), f"{project}.jsonl"


@st.fragment(run_every=0.7)
def _running() -> None:
    job = resources.jobs().get(state.annotator(), evaluating.EVALUATION)
    if job is None or not job.running:
        st.rerun()
    time = time_left(job.seconds_left, "about ")
    words = f"{job.done:,} of {job.total:,} documents{time}" if job.done else "Loading the checkpoint"
    st.progress(job.share, text=words)
    st.button("Stop", key="evaluate_stop", on_click=job.stop, help="Results that are complete are kept")


def choose() -> tuple[Scored, ...]:
    """The one or two results to look at, A first."""
    known = _known()
    if not known:
        return ()
    names = list(known)
    _turn_to_the_newest(names)
    with st.container(key="tools_results", horizontal=True, vertical_alignment="center"):
        for side, empty in zip(SIDES, (None, "nothing beside it"), strict=True):
            if state.widget(_key(side)) not in known:
                state.clear_widget(_key(side))
            st.selectbox(
                f"Result {side}", names, index=0 if side == "A" else None, key=_key(side), placeholder=empty,
                label_visibility="collapsed",
            )  # fmt: skip
        _open()
    chosen = [state.widget(_key(side)) for side in SIDES]
    return tuple(known[name] for name in dict.fromkeys(chosen) if name in known)


def _turn_to_the_newest(names: list[str]) -> None:
    """Choose what has just been measured, the first checkpoint as A; else leave the choice alone."""
    job = resources.jobs().get(state.annotator(), evaluating.EVALUATION)
    ended = None if job is None else job.ended
    if ended and ended != state.remembered("evaluate_seen", ended if not state.remembered("evaluate_asked") else 0.0):
        _next_round()
        if job is not None and not job.error and not job.stopped and state.remembered("evaluate_asked") == 2:
            state.begin_widget(_key("A"), names[1])
            state.begin_widget(_key("B"), names[0])
    state.remember("evaluate_seen", ended or 0.0)
    if state.remembered("evaluate_opened"):
        state.remember("evaluate_opened", False)
        _next_round()
        newest = state.remembered("evaluations_opened")[0][0]
        state.begin_widget(_key("A"), next(name for name in names if newest in name))


def _key(side: str) -> str:
    # a browser goes on showing the value that it knows under a key: another choice takes another key
    return f"result_{side}_{state.remembered('result_round', 0)}"


def _next_round() -> None:
    state.remember("result_round", state.remembered("result_round", 0) + 1)


def _known() -> dict[str, Scored]:
    """Results by what the menu calls them: what is kept, newest first, then what was opened.

    Streamlit tells options apart by their words, so no two may read alike.
    """
    found: dict[str, Scored] = {}
    for path in evaluating.kept():
        with guard():
            for scored in evaluating.read(path):
                _name(found, scored, evaluating.when(path))
    for name, results in state.remembered("evaluations_opened", ()):
        for scored in results:
            _name(found, scored, name)
    return found


def _name(found: dict[str, Scored], scored: Scored, origin: str) -> None:
    name = f"{scored.title}, {evaluating.said(scored.thresholds)}, {origin}"
    alike = sum(known == name or known.startswith(f"{name} (") for known in found)
    found[f"{name} ({alike + 1})" if alike else name] = scored


def nothing_yet() -> None:
    """What stands here before the first result."""
    st.html('<p class="rx-title">Nothing measured yet</p>')
    st.markdown(
        "Choose a checkpoint and annotations that it has not been trained on, then Evaluate. "
        "Or open a file that `python -m relex_core evaluate --json` wrote."
    )
    _open()


def _open() -> None:
    with st.popover("Open", help="A JSON file written by python -m relex_core evaluate --json"):
        st.file_uploader(
            "Result of python -m relex_core evaluate --json", ["json"], key=f"result_upload_{state.upload_round()}",
            on_change=_take,
        )  # fmt: skip
    if refused := state.remembered("result_refused"):
        refuse(str(refused))


def _take() -> None:
    file = state.widget(f"result_upload_{state.upload_round()}")
    state.next_upload()
    if file is None:
        return
    try:
        found = evaluating.opened(file.getvalue(), file.name)
    except RelexError as error:
        state.remember("result_refused", str(error))
        return
    state.remember("result_refused", "")
    before = [entry for entry in state.remembered("evaluations_opened", ()) if entry[0] != file.name]
    state.remember("evaluations_opened", ((file.name, found), *before))
    state.remember("evaluate_opened", True)


def show(results: tuple[Scored, ...]) -> None:
    """The figures, and below them labels, confusions or errors."""
    if len({scored.sha256 for scored in results}) > 1:
        refuse("A and B were measured on different files: their figures do not compare.")
    st.html(score_tables.figures(results))
    _take_over(results)
    view = st.segmented_control(
        "View", ["Labels", "Confusions", "Errors"], default="Labels", key="evaluate_view", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if view == "Errors":
        _errors(results)
        return
    for scored, column in zip(results, st.columns(len(results)), strict=True):
        column.html(score_tables.labels(scored) if view == "Labels" else score_tables.confusions(scored))


def _take_over(results: tuple[Scored, ...]) -> None:
    """A button for each result whose thresholds are not those that this tab shows suggestions at."""
    project = state.project()
    with st.container(key="tools_thresholds", horizontal=True):
        for side, scored in zip(SIDES, results, strict=False):
            now = scored.thresholds == state.thresholds()
            where = f"Explore and project {plain(project)}" if project else "Explore"
            name = f"Thresholds of {side}" if len(results) > 1 else "These thresholds"
            st.button(
                f"{name} are in use" if now else f"Use {name[0].lower()}{name[1:]}", key=f"use_thresholds_{side}",
                disabled=now, on_click=limits.use, args=(resources.store(), project, scored.thresholds),
                help=f"{where} then show you suggestions above them.",
            )  # fmt: skip


def _errors(results: tuple[Scored, ...]) -> None:
    sides = dict(zip(SIDES, results, strict=False))
    with st.container(key="tools_errors", horizontal=True):
        side: str | None = "A"
        if len(sides) > 1:
            side = st.segmented_control(
                "Of", list(sides), default="A", key="error_side", required=True, label_visibility="collapsed"
            )
        kind = st.segmented_control(
            "Kind", ["missed", "false"], default="false", key="error_kind", required=True, label_visibility="collapsed"
        )
        what = st.segmented_control(
            "What", ["relations", "entities"], default="relations", key="error_what", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        wrong = [
            error
            for error in sides[str(side)].errors
            if error.missed == (kind == "missed") and (error.tail is None) == (what == "entities")
        ]
        names = sorted({error.label for error in wrong})
        label = st.selectbox(
            "Label", names, index=None, key="error_label", placeholder="all labels", label_visibility="collapsed"
        )
    wrong = [error for error in wrong if label in (None, error.label)]
    if not wrong:
        st.caption("None.")
        return
    listed, shown = st.columns(2)
    at = min(int(state.remembered("error_at", 0)), len(wrong) - 1)
    with listed.container(key="errors_list"):
        for number, error in enumerate(wrong[:PAGE]):
            key = "chosen_error" if number == at else f"open_error_{number}"
            st.button(plain(score_tables.edge(error)), key=key, on_click=_look, args=(number,), width="stretch")
        if len(wrong) > PAGE:
            st.caption(f"The first {PAGE} of {len(wrong):,}. Choose a label to see others.")
    shown.html(score_tables.in_its_text(wrong[at]))


def _look(number: int) -> None:
    state.remember("error_at", number)
