"""The graph of a whole project: mentions of many documents merged by name and type, relations with all their evidence.

Values and what is done with them; `db.corpus_reading` makes them from what is stored.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from relex_core.types import Schema

Key = tuple[str, str]
"""Normalised name and entity label: what makes two mentions the same node, unless people joined other names to it."""


class Source(StrEnum):
    """Whose marks the graph shows.

    BOTH: decisions where a person has decided, with what is still suggested in documents in progress, and the
    model's suggestions in all other documents.
    """

    BOTH = "both"
    CORRECTED = "corrected"
    SUGGESTED = "suggested"


@dataclass(frozen=True, slots=True)
class Mention:
    """Where a node is named. `score` is None if a person said so."""

    document: str
    start: int
    end: int
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """All mentions of one name under one label; `text` is the most frequent spelling.

    `others` are names that people joined to it (`naming`), the most frequent first.
    """

    key: Key
    text: str
    mentions: tuple[Mention, ...]
    others: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return self.key[1]

    @property
    def documents(self) -> int:
        return len({mention.document for mention in self.mentions})


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place where a relation is said: the spans of head and tail. `score` is None if a person said so."""

    document: str
    head: tuple[int, int]
    tail: tuple[int, int]
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """All relations of one label from one node to another."""

    head: Key
    tail: Key
    label: str
    evidence: tuple[Evidence, ...]

    @property
    def score(self) -> float | None:
        """The best score, None if a person said so."""
        return _best(evidence.score for evidence in self.evidence)

    @property
    def documents(self) -> int:
        return len({evidence.document for evidence in self.evidence})


@dataclass(frozen=True, slots=True)
class Corpus:
    """Nodes and edges of a project, those with most mentions and most evidence first.

    `documents` counts those that were read for it; `apart` are pairs of names that people said are not the same.
    """

    schema: Schema
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    documents: int = 0
    apart: frozenset[frozenset[Key]] = frozenset()


@dataclass(frozen=True, slots=True)
class Lens:
    """Which part of a corpus is wanted.

    None means all labels. `min_score` is held against the best score of a node and of an edge, and what a person
    decided passes always. Degrees are counted among the edges that pass. With `around`, only the nodes up to `hops`
    edges away from it. `limit` keeps the nodes of highest degree, None all.
    """

    entities: tuple[str, ...] | None = None
    relations: tuple[str, ...] | None = None
    min_score: float = 0.0
    min_degree: int = 0
    around: Key | None = None
    hops: int = 1
    limit: int | None = 300


@dataclass(frozen=True, slots=True)
class View:
    """What a lens shows, with the degree of each node, and how many nodes its limit left out."""

    schema: Schema
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    degree: Mapping[Key, int] = field(default_factory=dict)
    left_out: int = 0


def narrow(corpus: Corpus, lens: Lens) -> View:
    """The part of `corpus` that `lens` shows."""
    nodes = {
        node.key: node
        for node in corpus.nodes
        if (lens.entities is None or node.label in lens.entities) and _passes(_best_of(node), lens.min_score)
    }
    edges = [
        edge
        for edge in corpus.edges
        if edge.head in nodes
        and edge.tail in nodes
        and (lens.relations is None or edge.label in lens.relations)
        and _passes(edge.score, lens.min_score)
    ]
    if lens.around is not None:
        near = neighbours(edges, lens.around, lens.hops)
        nodes = {key: node for key, node in nodes.items() if key in near}
        edges = [edge for edge in edges if edge.head in near and edge.tail in near]
    degree = Counter(key for edge in edges for key in (edge.head, edge.tail))
    wanted = [node for node in nodes.values() if degree[node.key] >= lens.min_degree or node.key == lens.around]
    wanted.sort(key=lambda node: (node.key != lens.around, -degree[node.key], -len(node.mentions)))
    kept = {node.key for node in wanted[: lens.limit]}
    return View(
        corpus.schema,
        tuple(node for node in wanted if node.key in kept),
        tuple(edge for edge in edges if edge.head in kept and edge.tail in kept),
        {key: degree[key] for key in kept},
        len(wanted) - len(kept),
    )


def neighbours(edges: Iterable[Edge], around: Key, hops: int) -> set[Key]:
    """`around` and all that can be reached from it over at most `hops` edges, in either direction."""
    beside: dict[Key, set[Key]] = defaultdict(set)
    for edge in edges:
        beside[edge.head].add(edge.tail)
        beside[edge.tail].add(edge.head)
    near, rim = {around}, {around}
    for _ in range(hops):
        rim = {key for other in rim for key in beside[other]} - near
        near |= rim
    return near


def normal(text: str) -> str:
    """A name without what does not tell names apart: composition, case, runs of white space.

    >>> normal("Marie\\n CURIE") == normal("marie curie")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _best(scores: Iterable[float | None]) -> float | None:
    best = 0.0
    for score in scores:
        if score is None:
            return None
        best = max(best, score)
    return best


def _best_of(node: Node) -> float | None:
    return _best(mention.score for mention in node.mentions)


def _passes(score: float | None, threshold: float) -> bool:
    return score is None or score >= threshold
