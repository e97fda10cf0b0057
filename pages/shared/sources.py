"""Where the text in Explore comes from: samples, the text box, files."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.shared import actions, questions, resources, state, uploads
from pages.shared.samples import SAMPLES
from pages.shared.wording import plain
from pages.shared.workspace import Workspace
from relex_core.errors import RelexError
from relex_core.types import Document


def tools(workspace: Workspace) -> None:
    """The line above the text: its name, the pager, and where another text comes from."""
    with st.container(key="tools_text", horizontal=True):
        with st.container(key="title", width="stretch"):
            st.markdown(plain(workspace.document.source or "text"))
        if len(workspace.documents) > 1:
            _pager(workspace)
        with st.popover("Samples", key=f"samples_{state.upload_round()}"):
            for at, sample in enumerate(SAMPLES):
                st.button(sample.title, key=f"sample_{at}", on_click=_take_sample, args=(at,), width="stretch")
        if workspace.mode != "plain":
            st.button("Edit or paste", key="edit_text", on_click=_to_box, help="Show the plain text to change it")
        with st.popover("Upload", key=f"upload_{state.upload_round()}"):
            _upload()


def box(workspace: Workspace) -> None:
    """The text as a text box, in the place where it stands with marks."""
    waiting = state.draft()
    with st.container(key="plain_text"):
        st.text_area(
            "Text", workspace.document.text if waiting is None else waiting, key="text_box", height="stretch",
            label_visibility="collapsed", on_change=_read_box, placeholder="Paste a text in any language",
        )  # fmt: skip
    with st.container(key="tools_box", horizontal=True):
        st.button("Extract", key="extract", type="primary", on_click=_read_box, shortcut="Ctrl+Enter")
        st.button("Clear", key="clear_text", on_click=_clear)
        st.button("Back", key="leave_box", on_click=_leave_box)


def _pager(workspace: Workspace) -> None:
    last = len(workspace.documents) - 1
    st.button(
        "‹", key="previous", on_click=_turn, args=(workspace.at - 1,), disabled=workspace.at == 0, help="Previous"
    )
    with st.popover(f"{workspace.at + 1:,} of {last + 1:,}", key="pick"):
        st.number_input("Document", 1, last + 1, workspace.at + 1, key="pick_number", on_change=_pick)
        for at in range(max(0, workspace.at - 5), min(last, workspace.at + 5) + 1):
            words = " ".join(workspace.documents[at].text[:60].split())
            st.button(plain(f"{at + 1}  {words}"), key=f"turn_{at}", on_click=_turn, args=(at,), width="stretch")
    st.button("›", key="next", on_click=_turn, args=(workspace.at + 1,), disabled=workspace.at == last, help="Next")


def _upload() -> None:
    files = st.file_uploader(
        "Texts, one or many", list(uploads.SUFFIXES), accept_multiple_files=True, key=f"files_{state.upload_round()}",
        help="One document a .txt, .md, .pdf or .docx file, one a row of a .csv file, one a line of a .jsonl file.",
    )  # fmt: skip
    if not files:
        st.caption('A .csv file needs a column with the text, a .jsonl file a key "text" in each line.')
        return
    documents = questions.ask(files)
    if documents is not None:
        _open(documents)
        st.rerun()


def _open(documents: tuple[Document, ...]) -> None:
    workspace = state.workspace()
    if workspace is not None:
        state.set_workspace(actions.open_documents(workspace, documents))
    state.set_draft(None)
    state.next_upload()


def _take_sample(at: int) -> None:
    state.set_workspace(actions.sample(at))
    state.set_draft(None)
    state.next_upload()


def _to_box() -> None:
    workspace = state.workspace()
    if workspace is not None:
        state.set_workspace(replace(workspace, mode="plain"))


def _read_box() -> None:
    workspace = state.workspace()
    typed = state.widget("text_box")
    if workspace is None or typed is None:
        return
    try:
        workspace = actions.paste(workspace, str(typed))
        state.set_workspace(workspace)
        state.set_draft(None)
        resources.readings(resources.checkpoint()).try_again(workspace.document, workspace.schema)
    except RelexError as error:
        # what was typed stays in the box, what was open stays open
        state.set_draft(str(typed))
        state.set_notice(str(error))


def _clear() -> None:
    state.clear_widget("text_box")
    state.set_draft("")


def _leave_box() -> None:
    workspace = state.workspace()
    if workspace is not None:
        state.set_workspace(replace(workspace, mode="marked"))
    state.set_draft(None)


def _turn(at: int) -> None:
    workspace = state.workspace()
    if workspace is not None:
        state.set_workspace(actions.turn_to(workspace, at))


def _pick() -> None:
    _turn(int(state.widget("pick_number") or 1) - 1)
