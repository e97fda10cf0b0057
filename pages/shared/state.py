"""All that one visitor's tab remembers: the only file that names keys of the session and of the address.

Nothing here is the only copy of somebody's work: decisions are in the store as soon as they are made.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from pages.shared.seats import Seat
from pages.shared.sign_in import PARAMETER
from pages.shared.workspace import Workspace
from relex_core.types import Thresholds


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the last edit of the label set was refused, by its sequence number."""

    seq: int
    message: str


@dataclass(frozen=True, slots=True)
class Look:
    """A place in a document that somebody came to see, in code points; each wish has a number of its own."""

    number: int
    document: str
    start: int
    end: int


def workspace() -> Workspace | None:
    """None until something was opened."""
    opened: Workspace | None = st.session_state.get("workspace")
    return opened


def set_workspace(workspace: Workspace) -> None:
    st.session_state["workspace"] = workspace


@dataclass(frozen=True, slots=True)
class ImportEnding:
    """What became of an import: `done` if it was stored whole. `shown_until` is in seconds of the monotonic clock."""

    project: str
    words: str
    done: bool
    round: int
    shown_until: float


def import_ending(project: str) -> ImportEnding | None:
    """How this tab's last import into the project ended: for a minute, and until another one is begun."""
    ending: ImportEnding | None = st.session_state.get("import_ending")
    if ending is None or ending.project != project or ending.round != upload_round():
        return None
    return ending if time.monotonic() < ending.shown_until else None


def set_import_ending(project: str, words: str, done: bool) -> None:
    st.session_state["import_ending"] = ImportEnding(project, words, done, upload_round(), time.monotonic() + 60)


VISIT = ("", "")
"""The scope of thresholds that belong to no project: those of Explore."""


def thresholds(scope: tuple[str, str] | None = None) -> Thresholds:
    """Those that hold now, or those of a scope: a project and an annotator."""
    kept: Thresholds = st.session_state.get(_limits(scope or thresholds_scope()), Thresholds())
    return kept


def thresholds_scope() -> tuple[str, str]:
    """What the thresholds that hold now belong to."""
    scope: tuple[str, str] = st.session_state.get("thresholds_scope", VISIT)
    return scope


def turn_thresholds(scope: tuple[str, str], thresholds: Thresholds) -> None:
    """Let those of another scope hold from now on."""
    st.session_state["thresholds_scope"] = scope
    set_thresholds(thresholds)


def kept_thresholds(scope: tuple[str, str]) -> Thresholds | None:
    """What is known to be kept for that scope; None before anything was."""
    kept: Thresholds | None = st.session_state.get(f"kept_{_limits(scope)}")
    return kept


def note_kept_thresholds(scope: tuple[str, str], thresholds: Thresholds) -> None:
    st.session_state[f"kept_{_limits(scope)}"] = thresholds


def _limits(scope: tuple[str, str]) -> str:
    return f"thresholds_{json.dumps(scope)}"


def set_thresholds(thresholds: Thresholds) -> None:
    """Also moves the sliders, if this comes before they are drawn; one that stands there already is left alone, for
    a slider that is told where to stand jumps back from where the hand has moved it meanwhile."""
    name = _limits(thresholds_scope())
    if thresholds != st.session_state.get(name):
        st.session_state[name] = thresholds
        for key, value in (("entity_threshold", thresholds.entity), ("relation_threshold", thresholds.relation)):
            if st.session_state.get(key) != value:
                clear_widget(key)


def checkpoint() -> str:
    """The checkpoint that this tab works with, "" before it was asked for."""
    return str(st.session_state.get("checkpoint_name") or "")


def set_checkpoint(name: str) -> None:
    st.session_state["checkpoint_name"] = name


def annotator() -> str:
    """The name that decisions are saved under."""
    return str(st.session_state.get("annotator") or "me")


def set_annotator(name: str) -> None:
    st.session_state["annotator"] = name.strip() or "me"


def annotator_settled() -> bool:
    """Whether this visit has a name, be it one that nobody chose."""
    return "annotator" in st.session_state


def visit() -> str:
    """Another text for each visit."""
    return str(st.session_state.setdefault("visit", secrets.token_hex(8)))


def annotator_choice() -> str:
    """Another text each time that somebody chose a name in this visit, "" before that."""
    return str(st.session_state.get("annotator_choice", ""))


def choose_annotator(name: str) -> None:
    """Somebody said who they are."""
    set_annotator(name)
    st.session_state["annotator_choice"] = secrets.token_hex(8)


def labels_acknowledged(form: str) -> int:
    """Sequence number of the last edit in a form of labels that was answered."""
    return int(st.session_state.get(f"{form}_acknowledged", 0))


def refusal(form: str) -> Refusal | None:
    """Why the last edit in a form of labels was refused, None if it was not."""
    refused: Refusal | None = st.session_state.get(f"{form}_refusal")
    return refused


def answer_labels(form: str, seq: int, refused: str = "") -> None:
    """Acknowledge an edit in a form of labels, with the reason if it was refused."""
    st.session_state[f"{form}_acknowledged"] = seq
    st.session_state[f"{form}_refusal"] = Refusal(seq, refused) if refused else None


def seat(screen: Literal["annotate", "explore"] = "annotate") -> Seat:
    """The place of that screen's editor in this tab, which posted corrections find as well."""
    key = f"seat_{screen}"
    if key not in st.session_state:
        st.session_state[key] = Seat()
    found: Seat = st.session_state[key]
    return found


def editor_answers() -> tuple[Any, tuple[Any, ...]]:
    """The conflict and the refusals that the editor should show: a ConflictNotice or None, and Refusals."""
    answers: tuple[Any, tuple[Any, ...]] = st.session_state.get("editor_answers", (None, ()))
    return answers


def set_editor_answers(conflict: Any, refused: tuple[Any, ...]) -> None:
    st.session_state["editor_answers"] = (conflict, refused)


def notice() -> str:
    """A sentence to show above the text until the next action, "" for none."""
    return str(st.session_state.get("notice", ""))


def set_notice(sentence: str) -> None:
    st.session_state["notice"] = sentence


def draft() -> str | None:
    """What stands in the text box but could not be read; None if nothing does."""
    text: str | None = st.session_state.get("draft")
    return text


def set_draft(text: str | None) -> None:
    st.session_state["draft"] = text


def upload_round() -> int:
    """Part of the keys of uploaders and menus: a new one closes them, empties the uploader and frees its files."""
    return int(st.session_state.get("upload_round", 0))


def next_upload() -> None:
    st.session_state["upload_round"] = upload_round() + 1


def project() -> str:
    """The project that Documents, Annotate and Export have open, "" for none."""
    return str(st.session_state.get("project", ""))


def set_project(name: str) -> None:
    st.session_state["project"] = name


def desk() -> Any:
    """The `annotating.Desk` of this tab: where it is in a project's queue; None before the first visit."""
    return seat().desk


def set_desk(desk: Any) -> None:
    seat().desk = desk


def look_at(document: str, start: int, end: int) -> None:
    """Let the editor put its focus there when it opens that document."""
    number = int(st.session_state.get("looks", 0)) + 1
    st.session_state["looks"] = number
    st.session_state["look"] = Look(number, document, start, end)


def look(document: str) -> Look | None:
    """Where to look in that document; once another one is open, nowhere."""
    wanted: Look | None = st.session_state.get("look")
    if wanted is not None and wanted.document != document:
        st.session_state["look"] = wanted = None
    return wanted


def remembered(name: str, otherwise: Any = None) -> Any:
    """A small answer that a screen keeps between runs under a name of its own."""
    return st.session_state.get(f"remembered_{name}", otherwise)


def remember(name: str, value: Any) -> None:
    st.session_state[f"remembered_{name}"] = value


def component(key: str) -> Mapping[str, Any] | None:
    """The state of the component mounted under `key`: what the browser last sent."""
    value = st.session_state.get(key)
    return value if value is None or isinstance(value, Mapping) else dict(value)


def widget(key: str) -> Any:
    """The present value of the widget under `key`, None if it is not on the screen."""
    return st.session_state.get(key)


def begin_widget(key: str, value: Any) -> str:
    """Give the widget under `key` this value unless it has one already; the key."""
    st.session_state.setdefault(key, value)
    return key


def clear_widget(key: str) -> None:
    """Forget the value of the widget under `key`: the next run draws it anew."""
    st.session_state.pop(key, None)


def address() -> tuple[str, str]:
    """Project and document id in the address, "" where there is none."""
    return st.query_params.get("project", ""), st.query_params.get("document", "")


def order_address() -> str:
    """The order of the queue that the address names, "" if it names none."""
    return str(st.query_params.get("order", ""))


def set_address(project: str = "", document: str = "", order: str = "") -> None:
    """Write the address, so that a reload or another browser opens the same."""
    kept = st.query_params.get(_CHECKPOINT, "")
    said = (("project", project), ("document", document), ("order", order), (_CHECKPOINT, kept))
    wanted = {name: value for name, value in said if value}
    written: tuple[str, ...] = st.session_state.get("written", ())
    # a page that opens no document begins a new visit
    st.session_state["written"] = (*written, document)[-8:] if document else ()
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


_CHECKPOINT = "checkpoint"


def sign_in_problem() -> str:
    """What the address says about a sign-in that came to nothing, "" for none."""
    return str(st.query_params.get(PARAMETER, ""))


def checkpoint_address() -> str:
    """The checkpoint that the address names, "" if it names none."""
    return str(st.query_params.get(_CHECKPOINT, ""))


def set_checkpoint_address(name: str) -> None:
    """Name a checkpoint in the address beside what else it says; "" names none."""
    if name != checkpoint_address():
        if name:
            st.query_params[_CHECKPOINT] = name
        else:
            del st.query_params[_CHECKPOINT]


def address_is_old(document: str) -> bool:
    """Whether this visit wrote that document into the address itself: a browser that has not heard of the next one
    yet still names it, and does not ask for it."""
    return document in st.session_state.get("written", ())
