"""The parts of the Review screen, each drawn where the screen puts it."""

from __future__ import annotations

import streamlit as st

from db.store import Store
from db.values import FINISHED
from pages.shared import review, state
from pages.shared.adjudication import BANDS, REASONS, UNSCORED, Disagreement
from pages.shared.messages import clock, refuse
from pages.shared.queue_bar import project_menu
from pages.shared.review import Filter, Saved, Shared
from pages.shared.widgets.adjudicator import Decision, adjudicator, decision
from pages.shared.wording import apart, counted, plain
from relex_core.errors import Conflict, RelexError

DUEL = "adjudicator"

VIEWS = ("Disagreements", "Agreement", "Statistics")


def project(store: Store) -> str:
    """The project under review, "" if there is none."""
    names = [p.name for p in store.projects()]
    wanted = next((n for n in (state.address()[0], state.project()) if n in names), "")
    name = wanted or (names[0] if names else "")
    if name:
        state.set_project(name)
        state.set_address(name)
    return name


def bar(store: Store, name: str, shared: tuple[Shared, ...]) -> str:
    """The line above the panes: the project and the view; the chosen view."""
    with st.container(key="tools_queue", horizontal=True):
        project_menu(store, name, _choose)
        open_ = sum(not document.adjudicated for document in shared)
        st.markdown(f"{counted(len(shared), 'shared document')}, {open_:,} to adjudicate")
        st.space("stretch")
        view = st.segmented_control("View", VIEWS, default=VIEWS[0], key="review_view", label_visibility="collapsed")
    return view or VIEWS[0]


def take(store: Store, name: str, shared: tuple[Shared, ...]) -> bool:
    """Save the decision that the browser sent, once; whether something was saved. One that was made from versions
    that are not the latest any more is refused, and the document comes again with what is new; so does the document
    of any other decision that cannot be saved."""
    made = decision(DUEL)
    if made is None or made.number <= state.remembered("adjudicated", 0):
        return False
    try:
        notice = _save(store, name, shared, made)
    except RelexError as error:
        notice = str(error)
    state.remember("adjudicated", made.number)
    state.remember("review_notice", notice)
    state.remember("review_document", made.document if notice else "")
    return not notice


def _save(store: Store, name: str, shared: tuple[Shared, ...], made: Decision) -> str:
    """Save a decision; "", or what came in between. Raises InputError and StoreError."""
    wanted = next((document for document in shared if document.id == made.document), None)
    try:
        if wanted is not None:
            case = review.case(store, name, wanted)
            review.adjudicate(store, name, case, made.picks, made.seen, made.seconds)
            return ""
    except Conflict:
        pass
    came = " ".join(_in_words(saved) for saved in review.since(store, name, made.document, made.seen))
    return f"{came} {_KEPT if wanted else _APART}"


_KEPT = "Nothing was adjudicated. Answers to which nothing new was said are kept; look at the others and save again."
_APART = "Nothing was adjudicated: fewer than two people have finished this document now."


def _in_words(saved: Saved) -> str:
    """Who saved what, in a sentence."""
    changes = [f"with {_listed(saved.now)}"] if saved.now else []
    changes += [f"without {_listed(saved.before)}"] if saved.before else []
    what = " and ".join(changes) or "with the same marks"
    left = "" if saved.state in FINISHED else f", {saved.state} now"
    return f"While you decided, {saved.annotator} saved {what} ({clock(saved.at)}{left})."


def _listed(words: tuple[str, ...], most: int = 4) -> str:
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def disagreements(store: Store, name: str, shared: tuple[Shared, ...]) -> None:
    """The first document that wants adjudication, or the chosen one, with its versions side by side."""
    if not shared:
        with st.container(key="pane_end"):
            st.markdown(
                "No document was finished by two people yet. Under Annotate, *Sharing* gives a part of the documents "
                "to two people who do not see each other's marks; what both have submitted appears here."
            )
            if st.button("Annotate", key="to_annotate", type="primary"):
                st.switch_page("pages/screens/annotate.py", query_params={"project": name})
        return
    notice: str = state.remembered("review_notice", "")
    if notice:
        refuse(notice)
    with st.container(key="tools_case", horizontal=True):
        place = st.container(key="case_place", width="content")
        everything, shared = shared, _filtered(store, name, shared)
        if not all(document.adjudicated for document in everything):
            _agreed(store, name, everything)
    if not shared:
        st.caption("No shared document is like that. Open a filter again to see the others.")
        return
    chosen = next((d for d in shared if d.id == state.remembered("review_document", "")), shared[0])
    if all(document.adjudicated for document in shared):
        st.caption("All of these are adjudicated. Saving one again replaces its adjudicated version.")
    with place:
        at = shared.index(chosen)
        done = "  ·  adjudicated" if chosen.adjudicated else ""
        words = f"{at + 1:,} of {len(shared):,}  ·  {apart(chosen.id)}{done}"
        # another key for another document: chosen from, it would stay open and lie on what was chosen
        with st.popover(plain(words), key=f"pick_case_{chosen.id}"):
            for document in shared[:200]:
                mark = "adjudicated" if document.adjudicated else ", ".join(document.annotators)
                st.button(
                    plain(f"{apart(document.id)}  ·  {mark}"),
                    key=f"case_{document.id}",
                    on_click=_open,
                    args=(document.id,),
                    width="stretch",
                )
    case = review.case(store, name, chosen)
    adjudicator(
        case.marks,
        case.disagreements,
        key=DUEL,
        scope=name,
        seen=case.seen,
        saved=state.remembered("adjudicated", 0),
        height=f"calc(100vh - {244 if notice else 162}px)",
    )


def _agreed(store: Store, name: str, shared: tuple[Shared, ...]) -> None:
    """One click for all documents on which nobody disagrees, and what became of it."""
    help = "Documents without a disagreement are adjudicated as they are. Those with one stay to be decided."
    if st.button("Save where all agree", key="save_agreed", help=help):
        with st.spinner("Comparing the versions"):
            number = review.settle_agreed(store, name, shared)
        state.remember("agreed_told", f"{counted(number, 'document')} saved without a disagreement.")
        st.rerun()
    told: str = state.remembered("agreed_told", "")
    if told:
        st.caption(told)
        state.remember("agreed_told", "")


def _filtered(store: Store, name: str, shared: tuple[Shared, ...]) -> tuple[Shared, ...]:
    """The row of filters; the documents that they leave."""
    people = sorted({person for document in shared for person in document.annotators})
    schema = store.project(name).schema
    labels = [label.name for label in schema.entity_labels] + [label.name for label in schema.relation_labels]
    wanted = Filter(
        _choice("annotator", "every annotator", people),
        _choice("label", "any label", list(dict.fromkeys(labels))),
        _choice("reason", "any disagreement", list(REASONS)),
        _choice("band", "any score", [*BANDS, UNSCORED]),
    )
    if not wanted.disputed:
        return review.matching(shared, wanted, {})
    stamp = (name, tuple((document.id, document.annotators, document.last) for document in shared))
    kept: tuple[object, dict[str, tuple[Disagreement, ...]]] | None = state.remembered("disputed")
    if kept is None or kept[0] != stamp:
        with st.spinner("Comparing the versions"):
            kept = (stamp, review.disputed(store, name, shared))
        state.remember("disputed", kept)
    return review.matching(shared, wanted, kept[1])


def _choice(name: str, nothing: str, options: list[str]) -> str:
    """A filter, "" while it is open. It keeps its value while another view is on the screen."""
    before = state.remembered(f"review_filter_{name}", "")
    at = options.index(before) + 1 if before in options else 0
    chosen = st.selectbox(
        name.capitalize(),
        ["", *options],
        index=at,
        key=f"review_{name}",
        format_func=lambda option: option or nothing,
        label_visibility="collapsed",
        width=190,
    )
    state.remember(f"review_filter_{name}", chosen or "")
    return chosen or ""


def _open(document: str) -> None:
    state.remember("review_document", document)
    state.remember("review_notice", "")


def _choose(name: str) -> None:
    state.set_project(name)
    state.set_address(name)
    _open("")
