"""What has to be asked about uploaded files before they are used: encoding, column, bad lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.shared import state, uploads
from pages.shared.messages import refuse
from pages.shared.uploads import Upload
from pages.shared.wording import counted, plain
from relex_core.errors import RelexError
from relex_core.types import Document


def ask(files: Sequence[Any]) -> tuple[Document, ...] | None:
    """The documents of uploaded files, None while something about them is doubtful; then it is asked.

    Answers belong to the file that they were given about, whatever is added or taken away beside it.
    """
    ready: list[Document] = []
    useless: list[str] = []
    missing = 0
    for file in files:
        encoding, column = _answers(file.file_id)
        try:
            upload = uploads.read(file.name, file.getvalue(), encoding, column)
        except RelexError as error:
            refuse(str(error))
            # another encoding may read it
            if encoding:
                missing += not _encoding_is_right(file.file_id, "")
            else:
                useless.append(file.file_id)
            continue
        asked, useful = _ask(upload, file.file_id, encoding)
        missing += asked
        ready += upload.documents
        if not useful:
            useless.append(file.file_id)
    missing += not left_out(useless, bool(ready))
    if missing and ready:
        st.caption(f"{counted(missing, 'question')} above before {counted(len(ready), 'document')} can be taken.")
    return tuple(ready) if ready and not missing else None


def left_out(useless: Sequence[str], others: bool) -> bool:
    """Whether files of which nothing can be used are in nobody's way: none, or left out for the sake of the others."""
    if not useless or not others:
        return not useless
    words = f"Leave out {counted(len(useless), 'file')} that cannot be used"
    return bool(st.checkbox(words, key=f"left_out_{state.upload_round()}_{'_'.join(useless)}"))


def _answers(file: str) -> tuple[str, str]:
    """The encoding and the column that are chosen for a file, "" while nobody was asked."""
    round_ = state.upload_round()
    encoding, column = (state.widget(f"{what}_{round_}_{file}") for what in ("encoding", "column"))
    return str(encoding or ""), str(column or "")


def _encoding_is_right(file: str, preview: str) -> bool:
    """Ask for the encoding of a file, which is shown as it reads with the one that is chosen; whether that was said
    to be right."""
    round_ = state.upload_round()
    guess = str(state.remembered(f"guess_{round_}_{file}"))
    st.selectbox("Encoding", dict.fromkeys((guess, *uploads.ENCODINGS)), key=f"encoding_{round_}_{file}")
    st.text(preview)
    return bool(st.checkbox("Yes, read it so", key=f"decoded_{round_}_{file}", disabled=not preview)) and bool(preview)


def _ask(upload: Upload, file: str, encoding: str) -> tuple[int, bool]:
    """Ask what is doubtful about a file, read with `encoding` if one was chosen; how many answers are missing, and
    whether there is anything to use."""
    round_ = state.upload_round()
    missing = 0
    if upload.guessed:
        state.remember(f"guess_{round_}_{file}", upload.encoding)
    if upload.guessed or encoding:
        guess = state.remembered(f"guess_{round_}_{file}")
        refuse(f"{upload.name} is not UTF-8. It looks like {guess}. Does this read well?")
        missing += not _encoding_is_right(file, upload.preview)
    if upload.columns and (not upload.column or state.widget(f"column_{round_}_{file}")):
        st.selectbox(
            f"Column of {plain(upload.name)} that holds the text",
            upload.columns,
            index=None,
            key=f"column_{round_}_{file}",
        )
        missing += not upload.column
    if upload.problems:
        lines = ", ".join(f"{line:,}" for line in upload.lines[:12]) + (" and more" if len(upload.lines) > 12 else "")
        total = len(upload.problems) + len(upload.documents)
        bad = f"{len(upload.problems):,} of {counted(total, 'line')} of {upload.name} cannot be used ({lines})."
        refuse(f"{bad} {upload.problems[0]}")
        if upload.documents:
            missing += not st.checkbox(f"Import the other {len(upload.documents):,}", key=f"good_{round_}_{file}")
    elif not upload.documents and not missing:
        refuse(f"{upload.name} holds no document.")
    return missing, bool(upload.documents or missing)
