"""The form of the Train screen: what to learn from, where to begin, how."""

from __future__ import annotations

import streamlit as st

from db.store import Store
from db.values import State
from pages.shared import checkpoints, export, messages, resources, sample_set, state, training_plan, training_runs
from pages.shared.messages import refuse
from pages.shared.training_plan import RECIPES, Outlook, Plan
from pages.shared.training_runs import Run
from pages.shared.wording import counted, plain
from relex_core.errors import RelexError


def form(store: Store, runs: tuple[Run, ...], primary: bool = True) -> None:
    """Ask for a plan, say what it has to learn from, and start it; `primary` if that is what comes next."""
    st.html('<p class="rx-title">Train</p>')
    names = [project.name for project in store.projects()]
    if not names:
        st.markdown("A run learns from what people submitted. There is no project yet.")
        _sample(store)
        return
    _ask(store, names)
    plan = _plan()
    found = training_plan.outlook(store, plan)
    _counts(found)
    for warning in (*found.warnings, *training_runs.known_to_base(plan, found, runs)):
        refuse(warning)
    export.unsettled(store, plan.project, plan.annotators)
    if not found.possible:
        _sample(store)
    _beside(training_runs.going(runs))
    st.button(
        "Fine-tune", key="train_start", type="primary" if primary else "secondary", width="stretch",
        disabled=not found.possible, on_click=_start,
    )  # fmt: skip
    if refused := state.remembered("train_refused"):
        refuse(str(refused))


def _ask(store: Store, names: list[str]) -> None:
    """The questions; `_plan` reads the answers."""
    project = export.choose_project(names, "train_project")
    states, people = _filter(project)
    export.choose_states(store, project, states, _key("states", project))
    export.choose_annotators(store, _key("annotators", project), people)
    known = list(dict.fromkeys((resources.checkpoint(), *checkpoints.names())))
    st.selectbox(
        "Begin with", known, key="train_base", accept_new_options=True, format_func=checkpoints.shown,
        help="The checkpoint to train from: the one in use, mini, one made here, or a hub id.",
    )  # fmt: skip
    st.radio("How", list(RECIPES), key="train_recipe", format_func=RECIPES.get, captions=_CAPTIONS)
    with st.popover("Split, seed, name", key="train_more"):
        st.slider("Documents held out", 10, 50, 20, 5, format="%d%%", key="train_dev", help=_HELD_OUT)
        st.number_input("Seed of the split and the run", 0, 9999, 0, key="train_seed")
        st.number_input(
            "Rounds through the documents", 1, 100, None, key="train_epochs", placeholder="as the recipe says"
        )
        st.text_input("Name of the checkpoint", key="train_name", max_chars=40, placeholder=project)


def _filter(project: str) -> tuple[tuple[State, ...], tuple[str, ...]]:
    """States and annotators to begin with: what Export handed over for the project, else what was submitted."""
    of, states, people = state.remembered("train_filter", ("", (), ()))
    return (states, people) if of == project else ((State.SUBMITTED,), ())


def _key(what: str, project: str) -> str:
    return f"train_{what}_{project}_{state.remembered('train_round', 0)}"


def _plan() -> Plan:
    """What the form says now: a click may come before the run that an answer caused has ended."""
    project = str(state.widget("train_project"))
    return Plan(
        project,
        str(state.widget("train_base") or "mini"),
        str(state.widget("train_recipe")),
        tuple(State(name) for name in state.widget(_key("states", project)) or ()),
        export.whose(_key("annotators", project)),
        float(state.widget("train_dev")) / 100,
        int(state.widget("train_seed") or 0),
        int(state.widget("train_epochs") or 0),
        str(state.widget("train_name") or "").strip(),
        state.annotator(),
        bool(state.widget("train_beside")),
    )


_CAPTIONS = (
    "For mini and few documents: rates 5e-5 and 3e-4. No benchmark stands behind it; the comparison says if it helped.",
    "Table 1: rates 3e-6 and 5e-6, for thousands of documents.",
)
_HELD_OUT = "Whole documents, drawn by the seed. They are only read to compare before and after."


def _counts(found: Outlook) -> None:
    summary = found.summary
    if found.possible:
        st.caption(
            f"{counted(found.train, 'document')} to learn from, {found.held_out:,} held out · "
            f"{counted(summary.entities.total(), 'entity', 'entities')}, "
            f"{counted(summary.relations.total(), 'relation')}, {summary.rejected:,} rejected suggestions as negatives"
        )


def _beside(going: tuple[Run, ...]) -> None:
    """Say that a run is going, and ask whether this one should begin beside it."""
    if going:
        names = plain(", ".join(run.plan.name for run in going))
        st.checkbox(
            "Begin at once, beside the run that is going", key="train_beside",
            help=f"Going now: {names}. Otherwise this one waits for its turn. Two at once share memory and cores.",
        )  # fmt: skip


def _start() -> None:
    state.remember("train_refused", "")
    try:
        run = training_runs.begin(resources.store(), _plan())
    except RelexError as error:
        state.remember("train_refused", str(error))
        return
    state.remember("train_run", run.id)


def _sample(store: Store) -> None:
    st.button("Open the sample project", key="train_sample", on_click=_open_sample, args=(store,))
    st.caption("Twelve short texts. Submit at least four of them under Annotate, then come back.")
    if state.remembered("train_to_sample"):
        state.remember("train_to_sample", False)
        st.switch_page("pages/screens/annotate.py", query_params={"project": sample_set.NAME})


def _open_sample(store: Store) -> None:
    with messages.guard():
        state.set_project(sample_set.create(store, state.annotator()).name)
        state.remember("train_to_sample", True)
