"""Files into a project: plain texts, or documents with marks in an exchange format."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import streamlit as st

from db import imports
from db.formats import named, readers
from db.imports import Report
from db.store import Store
from db.values import State
from pages.shared import annotating, bundles, questions, resources, state, uploads
from pages.shared.jobs import Job
from pages.shared.messages import guard, refuse, tell
from pages.shared.wording import counted
from relex_core.types import Document

TEXTS = "texts"
"""The choice for files without marks."""

IMPORTING = "import"
"""The purpose of such a job."""


def form(store: Store, project: str) -> None:
    """The uploader with its questions; `outcome` says what was imported."""
    formats = {format.name: format for format in readers()}
    suffixes = ", ".join(f".{suffix}" for suffix in uploads.SUFFIXES)
    st.selectbox(
        "What the files hold", [TEXTS, *formats], key="import_format",
        format_func=lambda name: formats[name].description if name in formats else f"texts: {suffixes}",
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


def under_way(project: str) -> bool:
    """Whether files are being stored in the project."""
    job = resources.jobs().get(project, IMPORTING)
    return job is not None and job.running


@st.fragment(run_every=0.7)
def wait(project: str) -> None:
    """Stands where an import goes on; at its end the page is drawn anew."""
    if not under_way(project):
        st.rerun()
    tell("Files are being imported. What is counted here comes when all of them are in.")


def outcome(store: Store, project: str) -> None:
    """Say how the last import ended, and let the model read what it brought."""
    job = resources.jobs().get(project, IMPORTING)
    if job is not None and not job.running:
        done = job.result is not None
        state.set_import_ending(project, str(job.result) if done else job.error, done)
        resources.jobs().forget(project, IMPORTING)
        if done:
            annotating.begin_reading(store, project)
        # it may have ended in the middle of this run, of which the beginning knew nothing of its documents
        st.rerun()
    # told from what the tab remembers: reading a few documents takes less time than reading this sentence, and its
    # end draws the page anew
    ending = state.import_ending(project)
    if ending is not None:
        (tell if ending.done else refuse)(ending.words)


def begin(project: str, records: int, work: Callable[[], str]) -> None:
    """Let `work` store the records and say what became of them. It goes on whatever the visitor does meanwhile:
    a run of the page is left alone in the middle when somebody navigates."""

    def pieces(job: Job) -> Generator[int]:
        job.result = work()
        yield records

    resources.jobs().start(project, IMPORTING, records, pieces)


def _add_texts(store: Store, project: str, documents: tuple[Document, ...]) -> None:
    arriving = _arriving(store, project, documents)
    told, number = _divided(arriving), sum(map(len, arriving))
    if told:
        st.caption(told)
    if not st.button(f"Import {counted(number, 'document')}", key="import_texts", type="primary"):
        return
    who = state.annotator()
    begin(project, number, lambda: add_texts(store, project, documents, who))
    state.next_upload()
    st.rerun()


def add_texts(store: Store, project: str, documents: Sequence[Document], who: str) -> str:
    """Store texts, long ones in parts as Explore opens them, and say what became of them."""
    arriving = _arriving(store, project, documents)
    added = store.add_documents(project, chain.from_iterable(arriving), by=who)
    words = f"{counted(added.added, 'document')} added."
    if added.duplicates:
        words += f" {counted(added.duplicates, 'text')} the project had already."
    words += _stay_out(added.left_out)
    if added.renamed:
        words += f" {counted(len(added.renamed), 'id')} belonged to another text and got an ending."
    return f"{words} {_divided(arriving)}".rstrip()


def _arriving(store: Store, project: str, documents: Sequence[Document]) -> list[tuple[Document, ...]]:
    """Each text as it comes into the project: a long one in parts, unless the project has it whole."""
    # what a record said beside its text is about all of it
    long = [document for document in documents if len(document.text) > uploads.MAX_PART and not document.extra]
    whole = store.having(project, [document.sha256 for document in long])
    divided = {document.sha256 for document in long} - whole
    return [uploads.parts(d) if not d.extra and d.sha256 in divided else (d,) for d in documents]


def _divided(arriving: Sequence[tuple[Document, ...]]) -> str:
    """Which texts come in parts, in words, "" for none."""
    long = [len(parts) for parts in arriving if len(parts) > 1]
    if not long:
        return ""
    texts = f"{counted(len(long), 'text')} of more than {uploads.MAX_PART:,} characters"
    return f"{texts} divided at paragraph ends into {sum(long):,} parts, a document each."


def _stay_out(number: int) -> str:
    """What an import says of texts that somebody left out of the project."""
    if not number:
        return ""
    are, stay = ("is", "stays") if number == 1 else ("are", "stay")
    return f" {number:,} of them {are} left out of the project and {stay} so until somebody brings them back."


def _annotated(store: Store, project: str, format: str, files: list[Any]) -> None:
    contents = [
        (f"{at}-{bundles.file_stem(Path(file.name).stem)}{named(format).suffix}", file.getvalue())
        for at, file in enumerate(files)
    ]
    with _written(contents) as paths:
        reports = [imports.inspect(path, format, store.project(project).schema) for path in paths]
    good = sum(report.records for report in reports if not report.unread)
    # every file is told about, also after one that is not sure
    unsure = [not _told(file, report) for file, report in zip(files, reports, strict=True)]
    useless = [report.unread or not report.records for report in reports]
    gone = questions.left_out([file.file_id for file, out in zip(files, useless, strict=True) if out], bool(good))
    words = f"Import {counted(good, 'record')}"
    if not good or any(unsure) or not gone or not st.button(words, key="import_marks", type="primary"):
        return
    contents = [content for content, out in zip(contents, useless, strict=True) if not out]
    who = state.annotator()

    def work() -> str:
        with _written(contents) as paths:
            done = imports.load(
                store, project, paths, format=format, annotator=who, state=State.SUBMITTED, skip_bad=True, by=who
            )
        words = f"{counted(done.records, 'record')}: {done.added:,} documents added, {done.duplicates:,} known, "
        words += f"{done.revisions:,} with decisions, {done.extractions:,} with suggestions."
        words += f" {counted(len(done.skipped), 'bad record')} left out." if done.skipped else ""
        return words + _stay_out(done.left_out)

    begin(project, good, work)
    state.next_upload()
    st.rerun()


@contextmanager
def _written(contents: list[tuple[str, bytes]]) -> Iterator[list[Path]]:
    """The files on the disk, as the readers want them."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name, _ in contents]
        for path, (_, content) in zip(paths, contents, strict=True):
            path.write_bytes(content)
        yield paths


def _told(file: Any, report: Report) -> bool:
    """Say what a file holds; whether nothing about it has to be decided first."""
    name = file.name
    if report.unread:
        refuse(f"{name} cannot be read to its end, so nothing of it is imported. {report.unread[0]}")
        return True
    if report.errors:
        refuse(
            f"{len(report.errors):,} of {counted(len(report.errors) + report.records, 'record')} of {name} cannot be "
            f"used. {report.errors[0]}"
        )
        words, key = f"Import the other {report.records:,}", f"good_marks_{state.upload_round()}_{file.file_id}"
        return not report.records or bool(st.checkbox(words, key=key))
    st.caption(
        f"{name}: {report.decisions:,} with decisions, {report.suggestions:,} with suggestions, {report.documents:,} "
        "texts alone"
    )
    return True
