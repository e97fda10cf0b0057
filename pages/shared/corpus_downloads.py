"""What can be taken away of a project's graph, made on the click."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import streamlit as st

from db.corpus import Corpus, Evidence, Lens, View, narrow
from db.formats import merged
from db.store import Store
from pages.shared import bundles, quoting, triples
from pages.shared.widgets.graph import Picture, offline_html
from relex_core.types import Document


def menu(store: Store, project: str, corpus: Corpus, lens: Lens, picture: Picture) -> None:
    """The picture as it is drawn; the files with all that passes the filter, drawn or not."""

    @cache
    def everything() -> View:
        return narrow(corpus, replace(lens, limit=None))

    stem = f"{bundles.file_stem(project)}-graph"
    st.download_button(
        "Picture", lambda: offline_html(picture, project).encode(), f"{stem}.html", "text/html", key="take_corpus_html",
        on_click="ignore", width="stretch", help="A page of what is drawn, that works without a network.",
    )  # fmt: skip
    sentence = _sentences(store, project)
    for label, suffix, mime, write in (
        ("Triples", "csv", "text/csv", lambda view, path: merged.write_csv(view, path, sentence)),
        ("GraphML", "graphml", "application/xml", merged.write_graphml),
        ("JSON-LD", "jsonld", "application/ld+json", merged.write_jsonld),
        ("Turtle", "ttl", "text/turtle", merged.write_turtle),
    ):
        st.download_button(
            label, _file(everything, write), f"{stem}.{suffix}", mime, key=f"take_corpus_{suffix}", on_click="ignore",
            width="stretch", help="All that passes the filter, also what is not drawn.",
        )  # fmt: skip


def _file(view: Callable[[], View], write: Callable[[View, Path], None]) -> Callable[[], bytes]:
    def make() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "graph"
            write(view(), path)
            return path.read_bytes()

    return make


def _sentences(store: Store, project: str) -> Callable[[Evidence], str]:
    """The sentence of each place; a text is read once."""

    @cache
    def document(id: str) -> tuple[Document, tuple[int, ...]]:
        found = store.document(project, id)
        return found, triples.sentence_starts(found.text)

    def sentence(found: Evidence) -> str:
        text, bounds = document(found.document)
        parts = quoting.quoted(text.text, bounds, [(*found.head, 0), (*found.tail, 0)])
        return "".join(piece for piece, _ in parts)

    return sentence
