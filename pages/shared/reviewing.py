"""The parts of the Review screen, each drawn where the screen puts it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from db.progress import Work
from db.store import Store
from db.values import State
from pages.shared import palette, review, state, statistics
from pages.shared.messages import counted, plain, refuse
from pages.shared.review import Agreement, GoldScore, Shared
from pages.shared.statistics import Acceptance
from pages.shared.widgets.adjudicator import adjudicator, decision

DUEL = "adjudicator"

VIEWS = ("Disagreements", "Agreement", "Statistics")


def project(store: Store) -> str:
    """The project under review, "" if there is none."""
    names = [p.name for p in store.projects()]
    wanted = next((n for n in (state.address()[0], state.project()) if n in names), "")
    name = wanted or (names[0] if names else "")
    if name:
        state.set_project(name)
        state.set_address(name)
    return name


def bar(store: Store, name: str, shared: tuple[Shared, ...]) -> str:
    """The line above the panes: the project and the view; the chosen view."""
    with st.container(key="tools_queue", horizontal=True):
        with st.popover(plain(name), key="pick_project", help="Another project"):
            for known in store.projects():
                st.button(
                    f"{plain(known.name)}  ·  {counted(known.documents, 'document')}",
                    key=f"project_{known.name}",
                    on_click=_choose,
                    args=(known.name,),
                    width="stretch",
                )
        open_ = sum(not document.adjudicated for document in shared)
        st.markdown(f"{counted(len(shared), 'shared document')}, {open_:,} to adjudicate")
        st.space("stretch")
        view = st.segmented_control("View", VIEWS, default=VIEWS[0], key="review_view", label_visibility="collapsed")
    return view or VIEWS[0]


def take(store: Store, name: str, shared: tuple[Shared, ...]) -> bool:
    """Save the decision that the browser sent, once; whether something was saved."""
    made = decision(DUEL)
    if made is None or made.number <= state.remembered("adjudicated", 0):
        return False
    state.remember("adjudicated", made.number)
    wanted = next((document for document in shared if document.id == made.document), None)
    if wanted is None:
        return False
    state.remember("review_document", "")
    review.adjudicate(store, name, review.case(store, name, wanted), made.picks, made.seconds)
    return True


def disagreements(store: Store, name: str, shared: tuple[Shared, ...]) -> None:
    """The first document that wants adjudication, or the chosen one, with its versions side by side."""
    if not shared:
        with st.container(key="pane_end"):
            st.markdown(
                "No document was finished by two people yet. Under Annotate, *Sharing* gives a part of the documents "
                "to two people who do not see each other's marks; what both have submitted appears here."
            )
        return
    chosen = next((d for d in shared if d.id == state.remembered("review_document", "")), shared[0])
    if all(document.adjudicated for document in shared):
        st.caption("Every shared document is adjudicated. Saving one again replaces its adjudicated version.")
    with st.container(key="tools_case", horizontal=True):
        at = shared.index(chosen)
        words = f"{at + 1:,} of {len(shared):,}  ·  {chosen.id}{'  ·  adjudicated' if chosen.adjudicated else ''}"
        with st.popover(plain(words), key="pick_case"):
            for document in shared[:200]:
                mark = "adjudicated" if document.adjudicated else ", ".join(document.annotators)
                st.button(
                    plain(f"{document.id}  ·  {mark}"),
                    key=f"case_{document.id}",
                    on_click=state.remember,
                    args=("review_document", document.id),
                    width="stretch",
                )
    case = review.case(store, name, chosen)
    saved = state.remembered("adjudicated", 0)
    adjudicator(case.marks, case.disagreements, key=DUEL, saved=saved, height="calc(100vh - 158px)")


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
    alpha = "not defined" if found.alpha is None else f"{found.alpha:.2f}"
    st.markdown(f"{counted(found.documents, 'document')}. Krippendorff's alpha of labels over everybody: **{alpha}**.")
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
            "matched": f.matched,
        }
        for f in found.figures
    ]
    figures = {name: st.column_config.NumberColumn(format="%.2f") for name in list(rows[0])[2:8]} if rows else {}
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, column_config=figures, height="content", width="stretch", placeholder="–"
    )
    st.caption(
        "F1 compares what people marked: strict by equal spans and labels, relaxed by overlapping spans with equal "
        "labels, relations by equal spans and label. Kappa and alpha compare the labels of mentions that both marked, "
        "so they need at least two of these and two labels; a dash says that there was nothing to measure."
    )


def figures(store: Store, name: str, work: tuple[Work, ...]) -> None:
    """Pace by annotator, acceptance by label and model, progress over time."""
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
        st.markdown("Finished documents over time")
        points = statistics.over_time(work)
        if len(points) > 1:
            _over_time(points)
        else:
            st.caption("The line begins with the second finished document.")
    with right.container(key="pane_acceptance"):
        st.markdown("What became of suggestions, in submitted documents")
        stamp = (name, len(work), max(item.saved_at for item in work))
        kept: tuple[object, tuple[Acceptance, ...]] | None = state.remembered("acceptance")
        if kept is None or kept[0] != stamp:
            submitted = store.latest_revisions(name, states=[State.SUBMITTED], suggestions=True)
            kept = (stamp, statistics.acceptance(submitted))
            state.remember("acceptance", kept)
        if kept[1]:
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
            "model": a.model or "none",
        }
        for a in found
    )


def _over_time(points: tuple[tuple[object, str, int], ...]) -> None:
    frame = pd.DataFrame(points, columns=["time", "annotator", "documents"])
    people = list(dict.fromkeys(frame["annotator"]))
    colors: list[Any] = [palette.line(n) for n in range(len(people))]
    wide = frame.pivot_table(index="time", columns="annotator", values="documents").ffill()[people]
    st.line_chart(wide, color=colors, height=240, y_label="documents", x_label="")


def _decimals(*names: str) -> dict[str, Any]:
    return {name: st.column_config.NumberColumn(format="%.1f") for name in names}


def _choose(name: str) -> None:
    state.set_project(name)
    state.set_address(name)
    state.remember("review_document", "")
