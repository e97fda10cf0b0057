"""What can be taken away from Explore, made on the click."""

from __future__ import annotations

import streamlit as st

from pages.shared import bundles, resources, state, taking, text_pane, triples
from pages.shared.messages import guard
from pages.shared.triples import Shown
from pages.shared.widgets.graph import merge, offline_html
from pages.shared.workspace import Workspace
from relex_core.types import Extraction


def menu(workspace: Workspace, extraction: Extraction | None, shown: Shown) -> None:
    """The popover with the downloads of what is shown."""
    thresholds, store, who = state.thresholds(), resources.store(), state.annotator()
    latest = text_pane.now(shown) if workspace.mode == "correct" else lambda: shown
    stem = bundles.file_stem(workspace.document.source.removeprefix("sample: ") or "text")
    with st.popover("Download", key="downloads"), guard():
        if workspace.mode == "correct":
            taking.button(
                "Training data of the project",
                lambda folder, seen: bundles.project_archive(store, workspace.project, folder, seen=seen, by=who),
                key="take_project", of=workspace.project, total=store.project(workspace.project).documents,
                width="stretch", help="All corrected documents of this project: stage-2 JSON Lines and a manifest.",
            )  # fmt: skip
            taking.outcome("take_project")
        elif extraction is not None:
            st.download_button(
                "Training data", lambda: bundles.suggestions_archive(extraction, thresholds), f"{stem}.zip",
                "application/zip", key="take_training", on_click="ignore", width="stretch",
                help="What is shown, as stage-2 JSON Lines, and a manifest. Nobody has corrected it yet.",
            )  # fmt: skip
        st.download_button(
            "Triples", lambda: triples.to_csv([latest()]).encode("utf-8-sig"), f"{stem}-triples.csv", "text/csv",
            key="take_triples", on_click="ignore", width="stretch", help="A CSV table with scores and evidence.",
        )  # fmt: skip
        st.download_button(
            "Graph", lambda: _page(latest(), workspace).encode(), f"{stem}-graph.html", "text/html",
            key="take_graph", on_click="ignore", width="stretch",
            help="A page that works without a network.",
        )  # fmt: skip


def _page(shown: Shown, workspace: Workspace) -> str:
    picture = merge(shown, names=resources.names(workspace.project)).picture
    return offline_html(picture, workspace.document.source or "graph")
