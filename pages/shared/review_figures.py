"""The Review screen's figures: how far annotators agree, and how the work goes on."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from db.progress import Work
from db.store import Store
from db.values import State
from pages.shared import review, review_charts, state, statistics
from pages.shared.messages import refuse
from pages.shared.review import Agreement, GoldScore, Shared
from pages.shared.statistics import Acceptance
from pages.shared.wording import counted


def agreement(store: Store, name: str, shared: tuple[Shared, ...], work: tuple[Work, ...]) -> None:
    """Figures by pair of people and label."""
    if not shared:
        refuse("Agreement needs documents that two people have submitted. There are none yet.")
        return
    stamp = (name, len(work), max(item.saved_at for item in work))
    kept: tuple[object, Agreement] | None = state.remembered("agreement")
    if kept is None or kept[0] != stamp:
        with st.spinner("Comparing the versions"):
            kept = (stamp, review.measure(store, name, shared))
        state.remember("agreement", kept)
    found = kept[1]
    left, right = st.columns([2, 5], gap="medium")
    with left.container(key="alphas"):
        _everybody(found)
    with right.container(key="pairs"):
        _pairs(found)


def _everybody(found: Agreement) -> None:
    st.markdown(f"Everybody, {counted(found.documents, 'document')}: Krippendorff's alpha of labels")
    everybody = [
        {"kind": a.kind, "label": a.label or "all", "alpha": a.value, "matched": a.matched} for a in found.alphas
    ]
    st.dataframe(
        pd.DataFrame(everybody),
        hide_index=True,
        column_config={"alpha": st.column_config.NumberColumn(format="%.2f")},
        height="content",
        width="stretch",
        placeholder="–",
    )


def _pairs(found: Agreement) -> None:
    st.markdown("By pair of people")
    rows = [
        {
            "people": f"{f.left}, {f.right}",
            "label": f.label or "all",
            "spans, strict F1": f.strict.value,
            "spans, relaxed F1": f.relaxed.value,
            "relations F1": f.relations.value,
            "kappa": f.kappa,
            "alpha": f.alpha,
            "relations kappa": f.relation_kappa,
            "relations alpha": f.relation_alpha,
            "matched": f.matched,
        }
        for f in found.figures
    ]
    figures = {name: st.column_config.NumberColumn(format="%.2f") for name in list(rows[0])[2:9]} if rows else {}
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, column_config=figures, height="content", width="stretch", placeholder="–"
    )
    st.caption(
        "F1 compares what people marked: strict by equal spans and labels, relaxed by overlapping spans with equal "
        "labels, relations by equal spans and label. Kappa and alpha compare the labels of mentions that both marked, "
        "those of relations the labels and directions of pairs that both related in one way, so they need at least two "
        "of these and two labels; a label by itself is compared with all others. A dash says that there was nothing to "
        "measure."
    )


def figures(store: Store, name: str, work: tuple[Work, ...]) -> None:
    """Pace by annotator, acceptance by label and model, seconds, keystrokes and progress over time."""
    if not work:
        refuse("Nobody has saved anything in this project yet. Figures appear with the first document.")
        return
    left, right = st.columns([1, 1], gap="medium")
    with left.container(key="pane_pace"):
        st.markdown("Documents by annotator")
        st.dataframe(
            _paces(work),
            hide_index=True,
            width="stretch",
            column_config=_decimals("seconds", "keystrokes"),
            placeholder="–",
        )
        _gold(review.against_gold(store, name))
        _progress(work)
    with right.container(key="pane_acceptance"):
        st.markdown("What became of suggestions, in submitted documents")
        stamp = (name, len(work), max(item.saved_at for item in work))
        kept: tuple[object, tuple[Acceptance, ...]] | None = state.remembered("acceptance")
        if kept is None or kept[0] != stamp:
            submitted = store.latest_revisions(name, states=[State.SUBMITTED], suggestions=True)
            kept = (stamp, statistics.acceptance(submitted))
            state.remember("acceptance", kept)
        if kept[1]:
            st.caption("Share of the decided suggestions that was accepted as it was")
            review_charts.acceptance(kept[1], store.project(name).schema)
            rate = st.column_config.ProgressColumn("accepted as it was", min_value=0, max_value=100, format="%d %%")
            st.dataframe(
                _acceptance(kept[1]), hide_index=True, width="stretch", column_config={"rate": rate}, placeholder="–"
            )
        else:
            st.caption("No document was submitted yet.")


def _gold(scores: tuple[GoldScore, ...]) -> None:
    """How people did on gold items; nothing where there are none."""
    if not scores:
        return
    st.markdown("Against gold: adjudicated documents that came up unannounced")
    rows = [
        {
            "annotator": s.annotator,
            "gold items": s.documents,
            "spans, strict F1": s.figures.strict.value,
            "spans, relaxed F1": s.figures.relaxed.value,
            "relations F1": s.figures.relations.value,
        }
        for s in scores
    ]
    config = {column: st.column_config.NumberColumn(format="%.2f") for column in list(rows[0])[2:]}
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", column_config=config, placeholder="–")


def _paces(work: tuple[Work, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "annotator": p.annotator,
            "submitted": p.submitted,
            "skipped": p.skipped,
            "flagged": p.flagged,
            "open": p.open,
            "seconds": p.seconds,
            "keystrokes": p.keystrokes,
            "per hour": None if p.per_hour is None else round(p.per_hour),
        }
        for p in statistics.paces(work)
    )


def _acceptance(found: tuple[Acceptance, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": a.label,
            "kind": a.kind,
            "rate": None if a.rate is None else round(100 * a.rate),
            "accepted": a.accepted,
            "changed": a.changed,
            "rejected": a.rejected,
            "added": a.added,
            "left alone": a.seen,
            "not shown": a.not_shown,
            "model": a.model or "none",
        }
        for a in found
    )


def _progress(work: tuple[Work, ...]) -> None:
    """Finished documents, seconds and keystrokes over time, a line for each annotator."""
    people = tuple(sorted({item.annotator for item in work}))
    plots = (
        ("Finished documents", statistics.over_time(work), "finished_chart"),
        ("Seconds a document", statistics.seconds_over_time(work), "seconds_chart"),
        ("Keystrokes a document", statistics.keystrokes_over_time(work), "keystrokes_chart"),
    )
    review_charts.legend(people)
    for words, points, key in plots:
        whole = key == "finished_chart"
        st.markdown(words if whole else f"{words}, median of the last {statistics.LATELY}")
        if len(points) > 1:
            review_charts.over_time(points, people, key, f"{words} over time, by annotator", whole)
        else:
            st.caption("The line begins with the second document.")


def _decimals(*names: str) -> dict[str, Any]:
    return {name: st.column_config.NumberColumn(format="%.1f") for name in names}
