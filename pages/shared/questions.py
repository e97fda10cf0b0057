"""What has to be asked about uploaded files before they are used: encoding, column, bad lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.shared import state, uploads
from pages.shared.messages import counted, plain, refuse
from pages.shared.uploads import Upload
from relex_core.errors import RelexError
from relex_core.types import Document


def ask(files: Sequence[Any]) -> tuple[Document, ...] | None:
    """The documents of uploaded files, None while something about them is doubtful; then it is asked."""
    ready: list[Document] = []
    open_questions = 0
    for at, file in enumerate(files):
        try:
            upload = uploads.read(file.name, file.getvalue(), *_answers(at))
        except RelexError as error:
            refuse(str(error))
            open_questions += 1
            continue
        open_questions += _ask(upload, at)
        ready += upload.documents
    return tuple(ready) if open_questions == 0 else None


def _answers(at: int) -> tuple[str, str]:
    """The encoding and the column that were chosen for a file, "" while they were not."""
    round_ = state.upload_round()
    encoding = state.widget(f"encoding_{round_}_{at}") if state.widget(f"decoded_{round_}_{at}") else ""
    return str(encoding or ""), str(state.widget(f"column_{round_}_{at}") or "")


def _ask(upload: Upload, at: int) -> int:
    """Ask what is doubtful about a file; how many answers are still missing."""
    round_ = state.upload_round()
    missing = 0
    if upload.guessed or state.widget(f"decoded_{round_}_{at}"):
        refuse(f"{upload.name} is not UTF-8. It looks like {upload.encoding}. Does this read well?")
        st.text(upload.preview[:200])
        choices = [upload.encoding, *(e for e in uploads.ENCODINGS if e != upload.encoding)]
        st.selectbox("Encoding", choices, key=f"encoding_{round_}_{at}")
        missing += not st.checkbox("Yes, read it so", key=f"decoded_{round_}_{at}")
    if upload.columns and (not upload.column or state.widget(f"column_{round_}_{at}")):
        st.selectbox(
            f"Column of {plain(upload.name)} that holds the text",
            upload.columns,
            index=None,
            key=f"column_{round_}_{at}",
        )
        missing += not upload.column
    if upload.problems:
        lines = ", ".join(f"{line:,}" for line in upload.lines[:12]) + (" and more" if len(upload.lines) > 12 else "")
        total = len(upload.problems) + len(upload.documents)
        bad = f"{len(upload.problems):,} of {counted(total, 'line')} of {upload.name} cannot be used ({lines})."
        refuse(f"{bad} {upload.problems[0]}")
        if upload.documents:
            missing += not st.checkbox(f"Import the other {len(upload.documents):,}", key=f"good_{round_}_{at}")
        else:
            missing += 1
    elif not upload.documents and not missing:
        refuse(f"{upload.name} holds no document.")
        missing += 1
    return missing
