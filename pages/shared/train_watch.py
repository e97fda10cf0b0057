"""The runs on the Train screen: how far one is, what it has learned, what came of it."""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any

import streamlit as st

from pages.shared import checkpoint_menu, comparing, palette, resources, score_tables, state, training_runs
from pages.shared.comparing import Comparison
from pages.shared.evaluating import Scored
from pages.shared.messages import guard, refuse
from pages.shared.training_plan import RECIPES
from pages.shared.training_runs import Run
from pages.shared.wording import counted, plain, time_left
from relex_core.errors import RelexError

_STAGES = {
    "waiting": "waiting for its turn",
    "before": "scoring the checkpoint as it was",
    "training": "training",
    "after": "scoring the result",
    "done": "done",
    "stopped": "stopped",
    "failed": "failed",
}

EVERY = 1.0
"""Seconds between two looks at a run that is going."""


def chosen(runs: tuple[Run, ...]) -> Run | None:
    """The run to look at: the one that was just started or chosen, else one that is going, else the newest."""
    by_id = {run.id: run for run in runs}
    if runs and state.remembered("train_run") not in by_id:
        state.remember("train_run", next((run.id for run in runs if run.going), runs[0].id))
    return by_id.get(str(state.remembered("train_run")))


def choose(runs: tuple[Run, ...]) -> Run | None:
    """The menu of runs; the one to look at."""
    looked_at = chosen(runs)
    if looked_at is None:
        return None
    with st.container(key="tools_runs", horizontal=True, vertical_alignment="center"):
        with st.popover(counted(len(runs), "run"), key="run_menu", help="All runs, newest first"):
            for run in runs[:20]:
                st.button(plain(_title(run)), key=f"run_{run.id}", on_click=state.remember, args=("train_run", run.id))
        st.space("stretch")
        if not looked_at.going:
            st.button("Forget", key="run_forget", on_click=_forget, args=(looked_at,), help=_FORGET)
    return looked_at


_FORGET = "Remove this run's files: snapshot, figures, log. A checkpoint that came of it stays."


def _title(run: Run) -> str:
    when = datetime.fromisoformat(run.plan.asked_at).astimezone()
    return f"{run.plan.name} · {_STAGES[run.stage]} · {when:%d %b %H:%M}"


@guard()
def _forget(run: Run) -> None:
    training_runs.remove(run)
    state.remember("train_run", "")


def offers(run: Run | None) -> bool:
    """Whether the run's own button is the one to press next: there is one such button on a page."""
    ended = run is not None and run.stage in ("done", "stopped", "failed")
    return ended and run is not None and resources.checkpoint() != run.plan.name


def show(run: Run) -> None:
    """A run, redrawn while it goes on."""
    st.fragment(run_every=EVERY if run.going else None)(_body)(run)


def _body(drawn: Run) -> None:
    try:
        run = training_runs.read(drawn.folder)
    except RelexError:
        st.rerun()
    if run.going != drawn.going:
        st.rerun()
    plan = run.plan
    about = (
        f"{counted(plan.documents, 'document')} of {plan.project}, from {plan.base}, "
        f"{RECIPES.get(plan.recipe, plan.recipe).lower()}, seed {plan.seed}, begun by {plan.who}"
    )
    st.html(f'<p class="rx-title">{html.escape(plan.name)}</p><p class="rx-quiet">{html.escape(about)}</p>')
    if run.going:
        _progress(run)
    elif run.stage == "failed":
        refuse(run.message)
    elif run.stage == "stopped":
        refuse(f"Stopped after step {run.step:,}. Resume goes on there.")
    if run.stage in ("failed", "stopped"):
        st.button("Resume", key="run_resume", type="primary", on_click=_resume, args=(run,))
    if said := state.remembered("run_refused"):
        refuse(str(said))
    found = comparing.read(run.folder)
    if found.complete and not run.going:
        _comparison(run, found)
    _curves(run)


def _progress(run: Run) -> None:
    words = _STAGES[run.stage].capitalize()
    if run.stage == "waiting":
        ahead = [plain(other.plan.name) for other in training_runs.ahead_of(run, training_runs.runs())]
        words = f"One run at a time: waits for {', '.join(ahead)}" if ahead else "Starting"
    if run.stage == "training":
        if run.step:
            words = f"Step {run.step:,} of {run.steps:,}{time_left(run.left, 'about ')}"
        else:
            words = "Loading the checkpoint and the documents"
    if (run.folder / training_runs.STOP).exists():
        words = "Stopping: this step is finished and saved"
    share = {"waiting": 0.0, "before": 0.0, "training": run.progress, "after": 1.0}[run.stage]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(share, 1.0), text=words)
        st.button("Stop", key="run_stop", on_click=training_runs.stop, args=(run,), help="What was learned is kept")


def _resume(run: Run) -> None:
    state.remember("run_refused", "")
    try:
        training_runs.resume(run)
    except RelexError as error:
        state.remember("run_refused", str(error))


def _comparison(run: Run, found: Comparison) -> None:
    """Before and after, and the button that takes the result into use."""
    in_use = resources.checkpoint() == run.plan.name
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(f'<p class="rx-verdict">{_verdict(found)}</p>', width="stretch")
        if in_use:
            st.html('<p class="rx-quiet">In use here</p>')
        elif run.stage == "done":
            words = "In this tab: Explore, Annotate, Documents and Evaluate"
            if st.button("Use this checkpoint", key="run_use", type="primary", help=words):
                checkpoint_menu.choose(run.plan.name, "run")
                st.rerun()  # the whole page, whose top bar takes it into use
    checkpoint_menu.loading("run")
    with st.container(key="tools_compare", horizontal=True, vertical_alignment="center"):
        view = st.segmented_control(
            "Thresholds", comparing.VIEWS, default=comparing.VIEWS[0], key="compare_view", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
    pair = found.usual if view == comparing.VIEWS[0] else found.best
    sides: tuple[Scored, ...] = tuple(scored for scored in pair if scored is not None)
    st.html(score_tables.figures(sides))
    st.caption(
        f"A before, B after, on {counted(run.plan.held_out, 'document')} that the run did not learn from. The best "
        "round was chosen on them too, which flatters B a little; Evaluate shows each error."
    )
    for scored, column in zip(sides, st.columns(len(sides)), strict=True):
        column.html(score_tables.labels(scored))


def _verdict(found: Comparison) -> str:
    parts = [f"{name} F1 <b>{gain:+.3f}</b>" for name, gain in zip(("Entity", "relation"), found.gains, strict=True)]
    return f"{', '.join(parts)} on the held-out documents"


def _curves(run: Run) -> None:
    """The loss, and the scores on the held-out documents after each round."""
    if not run.losses and not run.scores:
        return
    left, right = st.columns(2)
    with left:
        st.html(f'<p class="rx-quiet">Loss by step {_KEY}</p>')
        _lines(run.losses, run.steps, None, "loss_curve")
    with right:
        st.html(f'<p class="rx-quiet">Held-out F1 at the best thresholds, by step {_KEY}</p>')
        if run.scores:
            _lines(run.scores, run.steps, 1.0, "score_curve")
        else:
            st.caption("After the first round through the documents.")


_HUES = {"entities": 0, "relations": 4}
"""What the curves are of, and which of the palette's colours they take: blue and vermillion."""

_KEY = " ".join(
    f'<span class="rx-curve"><i style="background:var(--line-{hue})"></i>{name}</span>' for name, hue in _HUES.items()
)


def _lines(points: tuple[tuple[int, float, float], ...], steps: int, top: float | None, key: str) -> None:
    rows = [{"step": p[0], "of": name, "value": p[at]} for p in points for at, name in enumerate(_HUES, 1)]
    colours = [palette.ANCHORS[hue][1] for hue in _HUES.values()]
    x = {"field": "step", "type": "quantitative", "title": None, "scale": {"domain": [0, max(steps, 1)]}}
    y: dict[str, Any] = {"field": "value", "type": "quantitative", "title": None}
    if top is not None:
        y["scale"] = {"domain": [0, top]}
    spec: dict[str, Any] = {
        "data": {"values": rows},
        "mark": {"type": "line", "point": {"size": 16}, "strokeWidth": 2},
        "encoding": {
            "x": x,
            "y": y,
            "color": {"field": "of", "type": "nominal", "legend": None,
                      "scale": {"domain": list(_HUES), "range": colours}},
            "tooltip": [{"field": "step"}, {"field": "of"}, {"field": "value", "format": ".4f"}],
        },
        "height": 180,
        "background": "transparent",
        "padding": {"top": 8, "bottom": 0, "left": 0, "right": 0},
    }  # fmt: skip
    st.vega_lite_chart(spec, key=key, alt="entities and relations by step")


def nothing_yet() -> None:
    """What stands here before the first run."""
    st.html('<p class="rx-title">No run yet</p>')
    st.markdown(
        "Correct documents under Annotate and submit them. Then fine-tune here: the checkpoint learns from them in a "
        "process of its own, is compared with itself as it was, and is taken into use with one click."
    )
