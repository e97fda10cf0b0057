"""The parts of the Export screen."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from db import exports
from db.exports import DECIDED
from db.formats import writers
from db.store import Store
from db.validation import Weight
from db.values import State
from pages.shared import bundles, export_check, importing, state, taking
from pages.shared.adjudication import ADJUDICATOR
from pages.shared.bundles import Shares
from pages.shared.export_check import Summary
from pages.shared.messages import counted, plain, refuse
from relex_core import jsonl


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be exported; with `split` as three sets."""

    project: str
    format: str
    states: tuple[State, ...]
    annotators: tuple[str, ...]
    split: Shares | None = None


def choose(store: Store) -> Choice | None:
    """The form; None while there is no project."""
    names = [project.name for project in store.projects()]
    if not names:
        return None
    project = choose_project(names, "export_project")
    formats = {format.name: format for format in writers()}
    st.selectbox("Format", list(formats), key="export_format", format_func=lambda name: formats[name].description)
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


def nothing_yet() -> None:
    """What stands here before the first project."""
    st.html('<p class="rx-title">Nothing to export yet</p>')
    st.markdown("Correct a text in Explore, or make a project under Documents.")


def preview(store: Store, choice: Choice) -> None:
    """Counts, warnings, the download, and the first records."""
    if importing.under_way(choice.project):
        importing.wait(choice.project)
        return
    people, who = choice.annotators or None, state.annotator()
    summary, sizes = _counted(store, choice)
    with st.container(horizontal=True, vertical_alignment="center"):
        sets = " · ".join(f"{name} {number:,}" for name, number in sizes.items())
        st.html(
            f'<p class="rx-title">{counted(summary.documents, "document")}</p>'
            + (f'<p class="rx-quiet">{html.escape(sets)}</p>' if sets else ""),
            width="stretch",
        )
        taking.button(
            "Download with manifest",
            lambda folder, seen: bundles.project_archive(
                store, choice.project, folder, choice.format, choice.states, people, choice.split, seen, by=who
            ),
            key="download_export", of=_counts_of(store, choice), total=summary.documents,
            type="primary", disabled=not summary.documents,
            help="A ZIP of the data and a manifest beside each file: counts, labels, model versions, filter, SHA-256.",
        )  # fmt: skip
        if st.button("Fine-tune on this", key="fine_tune", disabled=not summary.documents):
            hand_over(choice)
    taking.outcome("download_export")
    if not summary.documents:
        refuse("No document fits this choice. Decide on something first, or choose other states.")
        return
    st.html(_figures(summary))
    _report(summary)
    schema = store.project(choice.project).schema
    left, right = st.columns(2)
    left.html(_bars(summary.entities, {label.name: label.color for label in schema.entity_labels}))
    right.html(_bars(summary.relations, {label.name: label.color for label in schema.relation_labels}))
    _records(summary)


def _counted(store: Store, choice: Choice) -> tuple[Summary, dict[str, int]]:
    """The summary and the sizes of the sets, counted anew only when something changed."""
    key = _counts_of(store, choice)
    kept: tuple[object, Summary, dict[str, int]] | None = state.remembered("export_counted")
    if kept is not None and kept[0] == key:
        return kept[1], kept[2]
    people, states = choice.annotators or None, choice.states
    counts = store.counts(choice.project)
    total = max(1, sum(counts[name] for name in states))
    far = st.empty()

    def seen(documents: int) -> None:
        far.progress(min(1.0, documents / total), text=f"Checked {documents:,} of about {total:,} documents")

    found = store.annotations(choice.project, states=states, annotators=people)
    summary = export_check.summarize(found, choice.format, seen)
    sizes = {}
    if choice.split is not None and summary.documents:
        again = store.annotations(choice.project, states=states, annotators=people)
        sizes = bundles.set_sizes(again, choice.split)
    far.empty()
    state.remember("export_counted", (key, summary, sizes))
    return summary, sizes


def _counts_of(store: Store, choice: Choice) -> tuple[object, Choice]:
    """Another one whenever the export might be another one."""
    return exports.stamp(store, choice.project), choice


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


def _records(summary: Summary) -> None:
    st.caption(f"The first {counted(len(summary.first), 'record')}, as stage-2 training data")
    for at, annotation in enumerate(summary.first):
        words = " ".join(annotation.document.text[:90].split())
        with st.expander(f"{at + 1}\\. {plain(words)}"):
            record = {k: v for k, v in jsonl.training_record(annotation).items() if k != "relex"}
            st.code(json.dumps(record, ensure_ascii=False), language="json", wrap_lines=True)


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
