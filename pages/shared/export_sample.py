"""The first records of an export, in the format that was chosen. Whatever a text holds is shown as it stands."""

from __future__ import annotations

import streamlit as st

from db.samples import File, Sample
from pages.shared.wording import counted, plain, size

LANGUAGES = {
    ".json": "json",
    ".jsonl": "json",
    ".jsonld": "json",
    ".ttl": "turtle",
    ".xmi": "xml",
    ".xml": "xml",
    ".graphml": "xml",
    ".cypher": "cypher",
}
"""How a file is coloured, by the ending of its name."""

HEIGHT = 420
"""Pixels of a file that does not fit."""


def show(sample: Sample, format: str) -> None:
    """The records one by one where each has a line of the file, else the files. `format` is its description."""
    st.caption(f"The first {counted(len(sample.titles), 'record')} as {plain(format)}")
    if sample.lines is not None:
        for at, (title, line) in enumerate(zip(sample.titles, sample.lines, strict=True), start=1):
            with st.expander(f"{at}\\. {plain(title)}"):
                st.code(line, language="json", wrap_lines=True)
        return
    for file in sample.files:
        with st.expander(f"{plain(file.name)} · {size(file.size)}", expanded=len(sample.files) == 1):
            _file(file)
    if sample.more:
        st.caption(f"and {counted(sample.more, 'more file')}")


def _file(file: File) -> None:
    if file.text is None:
        st.caption("Not a text: programs read it.")
        return
    ending = file.name[file.name.rfind(".") :].lower() if "." in file.name else ""
    long = file.text.count("\n") > 18 or len(file.text) > 2_000
    st.code(file.text, language=LANGUAGES.get(ending), wrap_lines=True, height=HEIGHT if long else "content")
    if not file.whole:
        st.caption(f"The beginning of {size(file.size)}")
