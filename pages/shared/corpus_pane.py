"""The graph of all documents of a project: what it shows, what a click tells, what can be taken away."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from db import corpus as corpora
from db.alike import Likely
from db.corpus import Corpus, Edge, Key, Lens, Node, Source, View
from db.corpus_reading import stamp
from db.store import Store
from db.values import Project
from pages.shared import corpus_downloads, corpus_layout, corpus_names, quoting, resources, state, triples
from pages.shared.corpus_layout import Place
from pages.shared.messages import guard, refuse
from pages.shared.widgets.graph import Dot, Line, Picture, about, also, chosen_in, corpus_graph, edge_key, node_key
from pages.shared.widgets.passages import Passage, opened, passages
from pages.shared.wording import apart, counted, plain
from relex_core.types import Schema

STEP = 300
"""Nodes drawn at first, and how many more at each wish for more."""

LISTED = 20
"""Passages listed at first, and how many more at each wish for more."""

SOURCES = {Source.BOTH: "Corrected, else suggested", Source.CORRECTED: "Corrected", Source.SUGGESTED: "Suggested"}

GRAPH = "corpus"


@st.fragment
def show(store: Store, project: Project) -> None:
    """The tools, the graph, and beside it what was clicked. A click runs no more than this."""
    with st.container(key="tools_corpus", horizontal=True):
        source = st.selectbox(
            "Marks", list(SOURCES), format_func=SOURCES.__getitem__, key="corpus_source", label_visibility="collapsed",
            width=230,
        )  # fmt: skip
        with st.popover("Filter", key="corpus_filter", help="By label, number of relations and score"):
            _filter_form(project.schema)
        st.text_input(
            "Find a name", key="corpus_search", placeholder="Find a name", label_visibility="collapsed", width=220,
            on_change=_choose, args=("",),
        )  # fmt: skip
        st.space("stretch")
        downloads = st.empty()
    version = resources.readings(resources.checkpoint()).service.version
    which = project.name, source or Source.BOTH, state.thresholds(), version, stamp(store, project.name)
    corpus = resources.corpus(*which)
    if not corpus.nodes:
        refuse(_nothing(source or Source.BOTH))
        return
    lens = _lens(project, corpus)
    view = corpora.narrow(corpus, lens)
    picture = _picture(project, view)
    with downloads.popover("Download", key="corpus_downloads"), guard():
        corpus_downloads.menu(store, project.name, corpus, lens, picture)
    left, right = st.columns([2.3, 1])
    with left, guard():
        with st.container(key="corpus_graph", height="stretch"):
            corpus_graph(picture, _arrangement(project)[0], _marked(), key=GRAPH)
        _foot(project, view, lens)
    with right.container(key="corpus_detail"), guard():
        _detail(store, project, corpus, view, resources.alike(*which))


def _nothing(source: Source) -> str:
    if source is Source.CORRECTED:
        return "Nobody has marked anything in this project yet. Choose Annotate, or look at the suggestions here."
    return "No entity above the thresholds. Add documents, or let the model read them."


# what is shown


def _filter_form(schema: Schema) -> None:
    kept = state.thresholds()
    for kind, labels in (("entity", schema.visible_entities), ("relation", schema.visible_relations)):
        names = [label.name for label in labels]
        heading = "Entities" if kind == "entity" else "Relations"
        st.pills(heading, names, selection_mode="multi", key=f"corpus_{kind}_labels", help="None chosen: all")
    st.slider(
        "Score from", 0.0, 1.0, 0.0, 0.01, key="corpus_score",
        help=f"Above the thresholds of this visit (entities {kept.entity:.2f}, relations {kept.relation:.2f}). "
        "What a person decided is always shown.",
    )  # fmt: skip
    st.number_input("At least so many relations at an entity", 0, 1000, 0, key="corpus_degree")


def _lens(project: Project, corpus: Corpus) -> Lens:
    around = state.remembered(f"around_{project.name}")
    if around is not None and all(node.key != around for node in corpus.nodes):
        state.remember(f"around_{project.name}", None)
    return Lens(
        entities=tuple(state.widget("corpus_entity_labels") or ()) or None,
        relations=tuple(state.widget("corpus_relation_labels") or ()) or None,
        min_score=float(state.widget("corpus_score") or 0.0),
        min_degree=int(state.widget("corpus_degree") or 0),
        around=state.remembered(f"around_{project.name}"),
        hops=int(state.widget("corpus_hops") or 1),
        limit=int(state.remembered(f"limit_graph_{project.name}", STEP)),
    )


def _arrangement(project: Project) -> tuple[int, Key | None, dict[Key, Place]]:
    """Number of the arrangement in force, what it is around, and the places of all nodes that were in it."""
    around = state.remembered(f"around_{project.name}")
    kept: tuple[int, Key | None, dict[Key, Place]] = state.remembered(f"places_{project.name}", (1, None, {}))
    return kept if kept[1] == around else (kept[0] + 1, around, {})


def _picture(project: Project, view: View) -> Picture:
    number, around, known = _arrangement(project)
    places = corpus_layout.arrange(view, known)
    state.remember(f"places_{project.name}", (number, around, {**known, **places}))
    dots = tuple(
        Dot(n.key, n.text, about(n.text, f"{n.label}, {_extent(n)}", n.others), view.degree[n.key], places[n.key])
        for n in view.nodes
    )
    lines = tuple(Line(e.head, e.tail, e.label, f"{e.label}\n{_places(e)}", e.score) for e in view.edges)
    schema = view.schema
    colors = {label.name: label.color for label in schema.entity_labels}
    return Picture(dots, lines, colors, {label.name: label.color for label in schema.relation_labels})


def _foot(project: Project, view: View, lens: Lens) -> None:
    with st.container(key="tools_corpus_foot", horizontal=True):
        if lens.around is not None:
            name = next((node.text for node in view.nodes if node.key == lens.around), lens.around[0])
            st.markdown(f"Around {plain(name)}")
            st.segmented_control(
                "Steps", [1, 2, 3], default=1, key="corpus_hops", label_visibility="collapsed",
                format_func=lambda hops: counted(hops, "step"),
            )  # fmt: skip
            st.button("Show all", key="corpus_all", on_click=_around, args=(project.name, None))
        drawn = f"{counted(len(view.nodes), 'entity', 'entities')}, {counted(len(view.edges), 'relation')}"
        rest = f", {view.left_out:,} with fewest relations not drawn" if view.left_out else ""
        st.markdown(plain(drawn + rest))
        if view.left_out:
            more = min(STEP, view.left_out)
            st.button(f"Draw {more:,} more", key="corpus_more", on_click=_more, args=(project.name, lens.limit or 0))
        st.space("stretch")
        st.button("Arrange anew", key="corpus_arrange", on_click=_rearrange, args=(project.name,))


# what a click tells


def _chosen(view: View) -> Node | Edge | None:
    """What was clicked last, in the graph or beside it, if it is still shown."""
    clicked = chosen_in(GRAPH)
    if clicked is not None and clicked[0] > state.remembered("corpus_click", 0):
        state.remember("corpus_click", clicked[0])
        state.remember("corpus_chosen", clicked[1])
        state.remember(f"listed_{GRAPH}", LISTED)
    wanted = state.remembered("corpus_chosen", "")
    if not wanted:
        return None
    node = next((node for node in view.nodes if node_key(node.key) == wanted), None)
    return node or next((e for e in view.edges if edge_key(e.head, e.tail, e.label) == wanted), None)


def _detail(store: Store, project: Project, corpus: Corpus, view: View, proposed: Sequence[Likely]) -> None:
    chosen = _chosen(view)
    if isinstance(chosen, Node):
        _node(store, project, corpus, view, chosen, proposed)
    elif isinstance(chosen, Edge):
        _edge(store, project, view, chosen)
    elif state.widget("corpus_search"):
        _found(project, corpus, str(state.widget("corpus_search")))
    elif corpus_names.proposing(project.name):
        corpus_names.proposals(project.name, proposed)
    else:
        corpus_names.button(project.name, proposed)
        _table(corpus, view)


def _node(store: Store, project: Project, corpus: Corpus, view: View, node: Node, proposed: Sequence[Likely]) -> None:
    with st.container(key="tools_corpus_node", horizontal=True):
        st.markdown(f"**{plain(node.text)}**")
        st.space("stretch")
        corpus_names.menu(project.name, corpus, node, proposed)
        if state.remembered(f"around_{project.name}") != node.key:
            st.button("Neighbours only", key="corpus_around", on_click=_around, args=(project.name, node.key))
        st.button("Close", key="corpus_close", on_click=_choose, args=("",))
    degree = view.degree[node.key]
    others = also(node.others)
    st.caption(plain(f"{node.label}, {_extent(node)}, {counted(degree, 'relation')}{others and '; ' + others}"))
    hue = project.schema.entity(node.label).color
    spans = [(m.document, ((m.start, m.end, hue),), m.score) for m in node.mentions]
    _passages(store, project.name, spans)


def _edge(store: Store, project: Project, view: View, edge: Edge) -> None:
    names = {node.key: node.text for node in view.nodes}
    with st.container(key="tools_corpus_edge", horizontal=True):
        st.markdown(f"**{plain(names[edge.head])}** → {plain(edge.label)} → **{plain(names[edge.tail])}**")
        st.space("stretch")
        st.button("Close", key="corpus_close", on_click=_choose, args=("",))
    st.caption(plain(f"{edge.head[1]} → {edge.tail[1]}, {_places(edge)}"))
    head, tail = (project.schema.entity(key[1]).color for key in (edge.head, edge.tail))
    spans = [(e.document, ((*e.head, head), (*e.tail, tail)), e.score) for e in edge.evidence]
    _passages(store, project.name, spans)


def _passages(
    store: Store, project: str, spans: Sequence[tuple[str, tuple[tuple[int, int, int], ...], float | None]]
) -> None:
    """The sentences around `spans` (document, marks, score); a click opens the document there."""
    limit = int(state.remembered(f"listed_{GRAPH}", LISTED))
    shown = []
    for id, marks, score in spans[:limit]:
        text = store.document(project, id).text
        parts = quoting.quoted(text, triples.sentence_starts(text), [(a, b, hue % 15) for a, b, hue in marks])
        shown.append(Passage(id, parts, marks[0][0], marks[0][1], score))
    at = opened("corpus_passages")
    passages(shown, key="corpus_passages")
    if len(spans) > limit:
        st.button(f"List {min(LISTED, len(spans) - limit)} more", key="corpus_list", on_click=_list, args=(limit,))
    if at is not None and 0 <= at < len(shown):
        state.look_at(shown[at].document, shown[at].start, shown[at].end)
        st.switch_page("pages/screens/annotate.py", query_params={"project": project, "document": shown[at].document})


def _found(project: Project, corpus: Corpus, typed: str) -> None:
    """Names that hold what was typed, those with most mentions first."""
    wanted = corpora.normal(typed)
    found = [n for n in corpus.nodes if any(wanted in corpora.normal(name) for name in (n.text, *n.others))][:12]
    st.caption("Choose one to see its neighbours." if found else "No name holds that.")
    for at, node in enumerate(found):
        words = plain(f"{apart(node.text)}  ·  {apart(node.label)}, {len(node.mentions):,}")
        key = f"corpus_found_{at}"
        st.button(words, key=key, on_click=_around, args=(project.name, node.key), width="stretch")


def _table(corpus: Corpus, view: View) -> None:
    """The same in words: what the graph says, most evidence first."""
    st.caption(f"From {counted(corpus.documents, 'document')}. Click a name or a line in the graph, or a row here.")
    names = {node.key: node.text for node in view.nodes}
    edges = sorted(view.edges, key=lambda edge: -len(edge.evidence))[:500]
    rows = pd.DataFrame(
        {"head": names[e.head], "relation": e.label, "tail": names[e.tail], "places": len(e.evidence)} for e in edges
    )
    if rows.empty:
        st.caption("No relation passes the filter.")
        return
    event = st.dataframe(
        rows, hide_index=True, width="stretch", height=420, on_select="rerun", selection_mode="single-row",
        key=f"corpus_table_{state.remembered('corpus_table', 0)}",
    )  # fmt: skip
    picked = event["selection"]["rows"]
    if picked and picked[0] < len(edges):
        edge = edges[picked[0]]
        _choose(edge_key(edge.head, edge.tail, edge.label))
        st.rerun()


def _extent(node: Node) -> str:
    return f"{counted(len(node.mentions), 'mention')} in {counted(node.documents, 'document')}"


def _places(edge: Edge) -> str:
    said = "decided" if edge.score is None else f"best score {edge.score:.2f}"
    return f"{counted(len(edge.evidence), 'place')} in {counted(edge.documents, 'document')}, {said}"


# what people do


def _marked() -> tuple[int, str]:
    marked: tuple[int, str] = state.remembered("corpus_marked", (0, ""))
    return marked


def _choose(key: str) -> None:
    """Mark a node or an edge in the graph from outside of it; "" for none."""
    state.remember("corpus_chosen", key)
    state.remember("corpus_marked", (_marked()[0] + 1, key))
    state.remember(f"listed_{GRAPH}", LISTED)
    # a table whose row was chosen begins anew
    state.remember("corpus_table", state.remembered("corpus_table", 0) + 1)


def _around(project: str, key: Key | None) -> None:
    state.remember(f"around_{project}", key)
    state.clear_widget("corpus_search")
    _choose(node_key(key) if key is not None else "")


def _more(project: str, limit: int) -> None:
    state.remember(f"limit_graph_{project}", limit + STEP)


def _list(limit: int) -> None:
    state.remember(f"listed_{GRAPH}", limit + LISTED)


def _rearrange(project: str) -> None:
    number, around, _ = state.remembered(f"places_{project}", (1, None, {}))
    state.remember(f"places_{project}", (number + 1, around, {}))
