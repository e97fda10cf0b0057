"""Files into a project: plain texts, or documents with marks in an exchange format."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import streamlit as st

from db import imports
from db.formats import named, readers
from db.imports import Report
from db.store import Store
from db.values import State
from pages.shared import annotating, bundles, questions, state
from pages.shared.messages import counted, guard, refuse
from relex_core.types import Document

TEXTS = "texts"
"""The choice for files without marks."""


def form(store: Store, project: str) -> None:
    """The uploader with its questions; says in `state.remembered("imported")` what was imported."""
    formats = {format.name: format for format in readers()}
    st.selectbox(
        "What the files hold", [TEXTS, *formats], key="import_format",
        format_func=lambda name: "texts: .txt, .md, .csv, .jsonl" if name == TEXTS else formats[name].description,
    )  # fmt: skip
    chosen = str(state.widget("import_format") or TEXTS)
    files = st.file_uploader("Files", accept_multiple_files=True, key=f"import_{state.upload_round()}")
    if not files:
        return
    with guard():
        if chosen == TEXTS:
            documents = questions.ask(files)
            if documents is not None:
                _add_texts(store, project, documents)
        else:
            _annotated(store, project, chosen, files)


def _add_texts(store: Store, project: str, documents: tuple[Document, ...]) -> None:
    if not st.button(f"Import {counted(len(documents), 'document')}", key="import_texts", type="primary"):
        return
    added = store.add_documents(project, documents)
    words = f"{counted(added.added, 'document')} added."
    if added.duplicates:
        words += f" {counted(added.duplicates, 'text')} the project had already."
    if added.renamed:
        words += f" {counted(len(added.renamed), 'id')} belonged to another text and got an ending."
    _finish(store, project, words)


def _annotated(store: Store, project: str, format: str, files: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for at, file in enumerate(files):
            path = Path(folder) / f"{at}-{bundles.file_stem(Path(file.name).stem)}{named(format).suffix}"
            path.write_bytes(file.getvalue())
            paths.append(path)
        reports = [imports.inspect(path, format, store.project(project).schema) for path in paths]
        good = sum(report.records for report in reports)
        # every file is told about, also after one that is not sure
        unsure = [not _told(file.name, reports[at], at) for at, file in enumerate(files)]
        words = f"Import {counted(good, 'record')}"
        if not good or any(unsure) or not st.button(words, key="import_marks", type="primary"):
            return
        done = imports.load(
            store, project, paths, format=format, annotator=state.annotator(), state=State.SUBMITTED, skip_bad=True
        )
    words = f"{counted(done.records, 'record')}: {done.added:,} documents added, {done.duplicates:,} known, "
    words += f"{done.revisions:,} with decisions, {done.extractions:,} with suggestions."
    _finish(store, project, words + (f" {len(done.skipped):,} left out." if done.skipped else ""))


def _told(name: str, report: Report, at: int) -> bool:
    """Say what a file holds; whether it may be imported."""
    if report.errors:
        refuse(
            f"{len(report.errors):,} of {counted(len(report.errors) + report.records, 'record')} of {name} cannot be "
            f"used. {report.errors[0]}"
        )
        words = f"Import the other {report.records:,}"
        return report.records > 0 and bool(st.checkbox(words, key=f"good_marks_{state.upload_round()}_{at}"))
    st.caption(
        f"{name}: {report.decisions:,} with decisions, {report.suggestions:,} with suggestions, {report.documents:,} "
        "texts alone"
    )
    return True


def _finish(store: Store, project: str, words: str) -> None:
    state.remember("imported", words)
    state.next_upload()
    annotating.begin_reading(store, project)
    st.rerun()
