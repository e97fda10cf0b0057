"""The parts of the Export screen."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence

import streamlit as st

from db import exports
from db.exports import DECIDED
from db.formats import named, writers
from db.store import Store
from db.validation import Weight
from db.values import ADJUDICATOR, State
from pages.shared import bundles, export_counts, export_sample, importing, review, state, taking
from pages.shared.bundles import Shares
from pages.shared.export_check import Summary
from pages.shared.export_counts import Choice, Counting
from pages.shared.messages import refuse
from pages.shared.wording import counted, time_left


def choose(store: Store) -> Choice:
    """The form. There is a project."""
    names = [project.name for project in store.projects()]
    project = choose_project(names, "export_project")
    formats = {format.name: format for format in writers()}
    st.selectbox(
        "Format", list(formats), key="export_format", format_func=lambda name: formats[name].description,
        help="Names that were joined in the project's graph are in the formats that graphs are made of (relations as a "
        "table, JSON-LD, Turtle, Cypher, GraphML). Training data keep to the words of the text.",
    )  # fmt: skip
    states = choose_states(store, project, DECIDED, "export_states")
    choose_annotators(store, "export_annotators")
    return Choice(
        project,
        str(state.widget("export_format") or next(iter(formats))),
        states,
        whose("export_annotators"),
        _shares(),
    )


def _shares() -> Shares | None:
    if not st.toggle(
        "Split into train, dev and test", key="export_split",
        help="Whole documents, each text once, every label in proportion. The same seed gives the same sets.",
    ):  # fmt: skip
        return None
    dev, test, seed = st.columns(3)
    return Shares(
        dev.number_input("Dev, %", 0, 50, 10, 5, key="export_dev") / 100,
        test.number_input("Test, %", 0, 45, 10, 5, key="export_test") / 100,
        int(seed.number_input("Seed", 0, 999_999, 0, 1, key="export_seed")),
    )


def choose_project(names: list[str], key: str) -> str:
    """The project to take from; the address follows."""
    wanted = state.address()[0] or state.project()
    st.selectbox(
        "Project", names, index=names.index(wanted) if wanted in names else 0, key=key, on_change=_project, args=(key,)
    )
    project = str(state.widget(key) or names[0])
    state.set_project(project)
    state.set_address(project)
    return project


def choose_states(store: Store, project: str, default: Sequence[State], key: str) -> tuple[State, ...]:
    """Which documents of a project are taken, by their states."""
    counts = store.counts(project)
    state.begin_widget(key, list(default))
    chosen = st.pills(
        "States", list(State), selection_mode="multi", key=key,
        format_func=lambda name: f"{name} {counts[name]:,}",
    )  # fmt: skip
    return tuple(State(name) for name in chosen)


def choose_annotators(store: Store, key: str, default: Sequence[str] = ()) -> None:
    """Whose decisions are taken; `whose` reads the answer."""
    people = store.annotators()
    only = ADJUDICATOR in people and st.toggle(
        "Adjudicated only",
        tuple(default) == (ADJUDICATOR,),
        key=f"{key}_adjudicated",
        help="What was settled in Review.",
    )
    if len(people) > 1 and not only:
        before = [name for name in default if name in people and name != ADJUDICATOR]
        st.multiselect("Annotators", people, before, key=key, placeholder="all, the latest of each document")


def whose(key: str) -> tuple[str, ...]:
    """Everybody's latest decisions (empty), some people's, or only what was adjudicated, as the form says now."""
    if state.widget(f"{key}_adjudicated"):
        return (ADJUDICATOR,)
    return tuple(state.widget(key) or ())


def preview(store: Store, choice: Choice) -> None:
    """Counts, warnings, the download, and the first records."""
    if importing.under_way(choice.project):
        importing.wait(choice.project)
        return
    stamp = exports.stamp(store, choice.project)
    counting = export_counts.of_choice(store, choice, stamp)
    # who knows what they want need not wait for the counts
    total = counting.summary.documents if counting.complete else counting.job.total
    with st.container(horizontal=True, vertical_alignment="center"):
        sets = " · ".join(f"{name} {number:,}" for name, number in counting.sizes.items())
        st.html(
            f'<p class="rx-title">{"" if counting.complete else "about "}{counted(total, "document")}</p>'
            + (f'<p class="rx-quiet">{html.escape(sets)}</p>' if sets else ""),
            width="stretch",
        )
        _away(store, choice, total, (stamp, choice))
    taking.outcome("download_export")
    unsettled(store, choice.project, choice.annotators)
    if counting.job.running:
        _going_on(store, counting)
    elif counting.complete:
        _held(store, counting)
    else:
        export_counts.forget()
        refuse(counting.job.error or "The counting ended before it was through. Open the page again.")


def unsettled(store: Store, project: str, annotators: Sequence[str]) -> None:
    """Say where several people have a version of their own and the one saved last would be taken unseen."""
    if annotators:
        return
    of = project, exports.stamp(store, project)
    kept: tuple[object, int] | None = state.remembered("unsettled")
    if kept is None or kept[0] != of:
        kept = of, sum(not document.adjudicated for document in review.shared(review.work(store, project)))
        state.remember("unsettled", kept)
    if kept[1]:
        refuse(
            f"{counted(kept[1], 'document')} finished by several people, each alone, and not adjudicated: of their "
            "versions the one saved last is taken. Settle them in Review first, or choose whose decisions to take."
        )
        if st.button("Settle in Review", key="to_review"):
            st.switch_page("pages/screens/review.py", query_params={"project": project})


@st.fragment(run_every=0.7)
def _going_on(store: Store, counting: Counting) -> None:
    """How far the counting is, and what there is to see by now; at its end the page is drawn anew."""
    job = counting.job
    if not job.running:
        st.rerun()
    far = f"Counted {job.done:,} of about {counted(job.total, 'document')}{time_left(job.seconds_left)}"
    st.progress(job.share, text=far)
    _held(store, export_counts.latest(counting))


def _held(store: Store, counting: Counting) -> None:
    summary = counting.summary.copy()
    if counting.complete and not summary.documents:
        refuse("No document fits this choice. Decide on something first, or choose other states.")
        return
    st.html(_figures(summary))
    if counting.complete:
        _report(summary)
    schema = store.project(counting.choice.project).schema
    left, right = st.columns(2)
    left.html(_bars(summary.entities, {label.name: label.color for label in schema.entity_labels}))
    right.html(_bars(summary.relations, {label.name: label.color for label in schema.relation_labels}))
    if counting.unshown:
        refuse(counting.unshown)
    elif counting.sample is not None:
        export_sample.show(counting.sample, named(counting.choice.format).description)


def _away(store: Store, choice: Choice, total: int, of: object) -> None:
    who, people = state.annotator(), choice.annotators or None
    taking.button(
        "Download with manifest",
        lambda folder, seen: bundles.project_archive(
            store, choice.project, folder, choice.format, choice.states, people, choice.split, seen, by=who
        ),
        key="download_export", of=of, total=total, type="primary", disabled=not total,
        help="A ZIP of the data and a manifest beside each file: counts, labels, model versions, filter, SHA-256.",
    )  # fmt: skip
    if st.button("Fine-tune on this", key="fine_tune", disabled=not total):
        hand_over(choice)


def _report(summary: Summary) -> None:
    """What the format loses, what looks wrong and what is good to know, with places."""
    weights = Counter(finding.weight for finding in summary.findings)
    if not weights:
        st.caption("The check of this choice found nothing to say.")
        return
    told = ", ".join(counted(weights[w], w, "losses" if w is Weight.LOSS else "") for w in Weight if weights[w])
    with st.expander(f"Check: {told}", expanded=bool(weights[Weight.LOSS] or weights[Weight.WARNING])):
        rows = []
        for finding in summary.findings:
            places = "; ".join(f"{document} {where}".strip() for document, where in finding.places)
            rows.append(
                f'<li><i class="rx-{finding.weight}">{finding.weight}</i> <b>{finding.count:,} × '
                f"{html.escape(finding.what)}</b> <em>{html.escape(places)}</em></li>"
            )
        st.html(f'<ul class="rx-findings">{"".join(rows)}</ul>')


def hand_over(choice: Choice) -> None:
    """Open Train with the same project, states and annotators."""
    state.remember("train_filter", (choice.project, choice.states, choice.annotators))
    # a browser goes on showing the value that it knows under a key: another choice takes other keys
    state.remember("train_round", int(state.remembered("train_round", 0)) + 1)
    state.set_project(choice.project)
    st.switch_page("pages/screens/train.py", query_params={"project": choice.project})


def _figures(summary: Summary) -> str:
    cells = (
        (summary.entities.total(), "entities"),
        (summary.relations.total(), "relations"),
        (summary.rejected, "rejected suggestions, kept as negatives"),
        (summary.empty, "documents without entities"),
    )
    return (
        f'<div class="rx-figures">{"".join(f"<div><b>{n:,}</b><span>{what}</span></div>" for n, what in cells)}</div>'
    )


def _bars(counts: Mapping[str, int], colors: Mapping[str, int]) -> str:
    most = max(counts.values(), default=1)
    rows = [
        f"<span>{html.escape(label)}</span>"
        f'<i style="width:{100 * count / most:.1f}%;background:var(--line-{colors.get(label, 0) % 15})"></i>'
        f"<em>{count:,}</em>"
        for label, count in sorted(counts.items(), key=lambda item: -item[1])
    ]
    return f'<div class="rx-bars">{"".join(rows)}</div>'


def _project(key: str) -> None:
    state.set_address(str(state.widget(key) or ""))
    state.set_project(str(state.widget(key) or ""))
