"""Names of one thing in a project's graph: what may be the same, what people join and take apart."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db import naming
from db.alike import WRITTEN, Likely
from db.corpus import Corpus, Key, Node, normal
from pages.shared import resources, state
from pages.shared.messages import guard
from pages.shared.widgets.graph import node_key
from pages.shared.wording import counted, plain

AT_ONCE = 6
"""Proposals that are shown at once."""

CHOICES = 500
"""Names to choose from, those with most mentions; others can be typed."""


def button(project: str, proposed: Sequence[Likely]) -> None:
    """Opens the proposals, where there are any."""
    if proposed:
        words = f"{counted(len(proposed), 'name')} may be the same as {'another' if len(proposed) == 1 else 'others'}"
        st.button(words, key="corpus_propose", on_click=_propose, args=(project, True), icon=":material/join:")


def proposing(project: str) -> bool:
    return bool(state.remembered(f"proposing_{project}"))


def proposals(project: str, proposed: Sequence[Likely]) -> None:
    """What may be the same, the surest first, each with two answers; and what was joined last, to be taken back."""
    with st.container(key="tools_corpus_names", horizontal=True):
        st.markdown("**The same?**")
        st.space("stretch")
        st.button("Close", key="corpus_unpropose", on_click=_propose, args=(project, False))
    _outcome(project)
    sure = [likely for likely in proposed if likely.why == WRITTEN]
    if len(sure) > 1:
        st.button(
            f"Join all {len(sure):,} that are only {WRITTEN}", key="corpus_join_all", on_click=_join_all,
            args=(project, tuple(sure)), width="stretch",
        )  # fmt: skip
    for at, likely in enumerate(proposed[:AT_ONCE]):
        with st.container(key=f"corpus_likely_{at}", gap="small"):
            _proposal(project, likely, at)
    if len(proposed) > AT_ONCE:
        st.caption(f"{len(proposed) - AT_ONCE:,} more.")
    if not proposed:
        st.caption("No other name looks like another. Click a name in the graph to join others to it.")


def menu(project: str, corpus: Corpus, node: Node, proposed: Sequence[Likely]) -> None:
    """A popover for the names of a node: how it is shown, what it is also called, and what is taken off it."""
    number = state.remembered("corpus_named", 0)
    popover = st.popover("Names", key=f"corpus_names_{number}", help="Other names of the same thing", on_change="rerun")
    if not popover.open:
        return
    with popover, guard():
        shown, other = f"corpus_shown_{number}", f"corpus_other_{number}"
        st.text_input("Shown as", node.text, key=shown, on_change=_show, args=(project, node, shown))
        st.selectbox(
            "Also called", _choices(corpus, node, proposed), index=None, key=other, accept_new_options=True,
            placeholder="Choose or type a name", on_change=_take, args=(project, node, other),
        )  # fmt: skip
        for at, name in enumerate(node.others):
            with st.container(key=f"tools_corpus_other_{at}", horizontal=True):
                st.markdown(plain(name))
                st.space("stretch")
                st.button("Take off", key=f"corpus_part_{at}", on_click=_part, args=(project, node.label, (name,)))


def _proposal(project: str, likely: Likely, at: int) -> None:
    name, into = likely.name, likely.into
    st.markdown(f"**{plain(name.text)}** is **{plain(into.text)}**?")
    mentions = f"{len(name.mentions):,} and {counted(len(into.mentions), 'mention')}"
    st.caption(plain(f"{name.label}: {likely.why}; {mentions}"))
    with st.container(key=f"corpus_answers_{at}", horizontal=True):
        joined = (project, name.label, (name.text,), into.text)
        st.button("The same", key=f"corpus_same_{at}", on_click=_join, args=joined)
        st.button(
            "Different", key=f"corpus_different_{at}", on_click=_keep_apart,
            args=(project, name.label, name.text, into.text), help="Is not asked again",
        )  # fmt: skip
        st.button(
            "Look", key=f"corpus_look_{at}", on_click=_look, args=(name.key,), type="tertiary",
            help=f"Where {plain(name.text)} is mentioned",
        )  # fmt: skip


def _choices(corpus: Corpus, node: Node, proposed: Sequence[Likely]) -> list[str]:
    """Other names under the same label, those that may be the same first."""
    near = [likely.name.text for likely in proposed if likely.into.key == node.key]
    near += [likely.into.text for likely in proposed if likely.name.key == node.key]
    same = (other.text for other in corpus.nodes if other.label == node.label and other.key != node.key)
    return list(dict.fromkeys((*near, *same)))[:CHOICES]


def _outcome(project: str) -> None:
    joined: tuple[str, tuple[str, ...], str] | None = state.remembered(f"joined_{project}")
    if joined is None:
        return
    label, names, into = joined
    said = f"{plain(names[0])} is {plain(into)} now." if len(names) == 1 else f"{len(names):,} names are joined."
    with st.container(key="tools_corpus_joined", horizontal=True):
        st.markdown(said)
        st.button("Take back", key="corpus_take_back", on_click=_part, args=(project, label, names))


# what people do


def _propose(project: str, wanted: bool) -> None:
    state.remember(f"proposing_{project}", wanted)


def _look(key: Key) -> None:
    state.remember("corpus_chosen", node_key(key))


@guard()
def _join(project: str, label: str, names: tuple[str, ...], into: str) -> None:
    naming.join(resources.store(), project, label, names, into, by=state.annotator())
    state.remember(f"joined_{project}", (label, names, into))
    _follow(project, {(normal(name), label) for name in names}, (normal(into), label))


@guard()
def _join_all(project: str, sure: tuple[Likely, ...]) -> None:
    for likely in sure:
        _join(project, likely.name.label, (likely.name.text,), likely.into.text)


@guard()
def _keep_apart(project: str, label: str, one: str, other: str) -> None:
    naming.keep_apart(resources.store(), project, label, one, other, by=state.annotator())


@guard()
def _part(project: str, label: str, names: tuple[str, ...]) -> None:
    naming.part(resources.store(), project, label, names, by=state.annotator())
    state.remember(f"joined_{project}", None)


@guard()
def _show(project: str, node: Node, widget: str) -> None:
    typed = " ".join(str(state.widget(widget) or "").split())
    if typed and typed != node.text:
        _join(project, node.label, (node.text,), typed)
    _anew()


@guard()
def _take(project: str, node: Node, widget: str) -> None:
    name = " ".join(str(state.widget(widget) or "").split())
    if name and normal(name) != node.key[0]:
        _join(project, node.label, (name,), node.text)
    _anew()


def _anew() -> None:
    """The menu is drawn anew, closed, with what holds now."""
    state.remember("corpus_named", state.remembered("corpus_named", 0) + 1)


def _follow(project: str, moved: set[Key], into: Key) -> None:
    """What was open or in the middle under a joined name is so under the name that it has now."""
    if state.remembered(f"around_{project}") in moved:
        state.remember(f"around_{project}", into)
    if state.remembered("corpus_chosen", "") in set(map(node_key, moved)):
        state.remember("corpus_chosen", node_key(into))
