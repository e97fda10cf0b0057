"""A project's label set behind a button, the same on Annotate and on Documents.

Chips, the question before a rename or a merge with its counts, the one undo, and the labels that were deleted. On
Explore the chips stand beside the text, and the rest comes under them while somebody corrects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from db import label_changes
from db.store import Store
from db.values import LabelChange
from pages.shared import label_sets, limits, state
from pages.shared.messages import guard
from pages.shared.widgets import schema_form
from pages.shared.wording import plain
from relex_core.types import Schema

FORM = "project_labels"


def take(store: Store, project: str, schema: Schema) -> bool:
    """Carry out what was done here since the last run; whether the label set changed."""
    changed = bool(state.remembered("labels_changed", False))
    state.remember("labels_changed", False)

    def edited(edit: Mapping[str, Any]) -> Schema:
        nonlocal changed
        changed = carry_out(store, project, edit) or changed
        return schema

    limits.turn_to(store, project, anew=changed)
    schema_form.take(schema, FORM, edited)
    limits.keep(store, project)
    return changed


def carry_out(store: Store, project: str, edit: Mapping[str, Any]) -> bool:
    """Do what an edit of the chips says, or let `answers` ask first; whether it is done. Raises SchemaError."""
    asked = label_sets.edit(store, project, edit, state.annotator())
    _ask(project, asked)
    return asked is None


def menu(store: Store, project: str, schema: Schema) -> None:
    """Draw it. What is done is carried out by `take` at the top of the next run."""
    schema_form.schema_form(schema, key=FORM)
    answers(store, project, schema)


def answers(store: Store, project: str, schema: Schema) -> None:
    """Draw what stands under the chips: the question, the undo, and the labels that were deleted."""
    of, asked, done = state.remembered("label_change", ("", None, ""))
    if of == project and asked is not None:
        st.markdown(plain(label_sets.question(asked)))
        with st.container(horizontal=True):
            verb = "Merge" if asked.merges else "Rename"
            st.button(verb, key="label_go", type="primary", on_click=_rename, args=(store, project, asked))
            st.button("Leave as it is", key="label_stay", on_click=_ask, args=(project, None))
    if of == project and done:
        with st.container(horizontal=True):
            st.markdown(plain(done))
            st.button("Undo", key="label_undo", on_click=_undo, args=(store, project))
    gone = label_sets.hidden(schema)
    if gone:
        st.caption("Deleted while marks carried them. The marks are kept; the labels are not suggested any more.")
        with st.container(horizontal=True):
            for kind, name in gone:
                st.button(
                    f"bring back {plain(name)}",
                    key=f"back_{kind}_{name}",
                    on_click=_bring_back,
                    args=(store, project, kind, name),
                )


def _ask(project: str, change: LabelChange | None, done: str = "") -> None:
    state.remember("label_change", (project, change, done))


def _rename(store: Store, project: str, change: LabelChange) -> None:
    _ask(project, None)
    with guard():
        _ask(project, None, label_sets.rename(store, project, change, state.annotator()))
        state.remember("labels_changed", True)


def _undo(store: Store, project: str) -> None:
    _ask(project, None)
    with guard():
        label_changes.undo(store, project, state.annotator())
        state.remember("labels_changed", True)


def _bring_back(store: Store, project: str, kind: str, name: str) -> None:
    with guard():
        label_sets.edit(store, project, {"op": "add", "kind": kind, "names": name}, state.annotator())
        state.remember("labels_changed", True)
