"""Names of one thing: what people joined in a project's graph, took apart again, and said to be different things.

Nothing that is stored changes, and a mention keeps its words. The audit log holds each decision under the labels of
its day, and the graph is read through what they come to.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db import audit, projects
from db.corpus import Key, normal
from db.projects import LabelSet
from db.store import Store
from db.tables import audit_log
from relex_core.errors import InputError, quote
from relex_core.types import Document, Entity

JOINED, PARTED, APART = "names joined", "names parted", "names kept apart"
ACTIONS = (JOINED, PARTED, APART)


@dataclass(frozen=True, slots=True)
class Decision:
    """That `name` of a label goes under `other` (JOINED), is not the same (APART), or stands for itself again (PARTED,
    with no `other`). To be joined to another spelling of itself is to be shown in that."""

    action: str
    label: str
    name: str
    other: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """What the decisions of a project come to.

    `shown` is the spelling under which a normalised name of a label goes: another one's, or its own. `apart` are pairs
    that are not the same.
    """

    shown: Mapping[Key, str] = field(default_factory=dict)
    apart: frozenset[frozenset[Key]] = frozenset()

    def key(self, name: Key) -> Key:
        """The node that a name belongs to.

        >>> Names({("lovelace", "person"): "Ada Lovelace"}).key(("lovelace", "person"))
        ('ada lovelace', 'person')
        """
        return _node(self.shown, name)

    def joined(self, document: Document, entities: Iterable[Entity]) -> dict[str, str]:
        """The names of entities that go under another one or another spelling, by their ids."""
        found = ((e.id, self.shown.get((normal(e.text(document)), e.label))) for e in entities)
        return {id: name for id, name in found if name is not None}

    def written(self, node: Key, spellings: Mapping[str, int]) -> tuple[str, tuple[str, ...]]:
        """How a node is called, and its other names, the most frequent first, from how often it is spelt how.

        >>> Names({("ada", "person"): "Ada L."}).written(("ada l.", "person"), {"ada": 1, "Ada": 2})
        ('Ada L.', ('Ada',))
        """
        names: dict[str, Counter[str]] = defaultdict(Counter)
        for spelling, count in spellings.items():
            names[normal(spelling)][spelling] += count
        ordered = sorted(names.items(), key=lambda item: -item[1].total())
        spelt = {name: counts.most_common(1)[0][0] for name, counts in ordered}
        text = self.shown.get(node) or spelt.get(node[0]) or node[0]
        return text, tuple(other for name, other in spelt.items() if name != node[0])


def join(store: Store, project: str, label: str, names: Sequence[str], into: str, by: str = "") -> None:
    """From now on `names` of that label, and whatever was joined to these, go under `into`.

    `into` need not be mentioned anywhere, and may be another spelling of one of the names. Raises NotFound if there is
    no such project, InputError if the project has no such label or a name holds nothing.
    """
    decide(store, project, [Decision(JOINED, label, name, into) for name in names], by)


def part(store: Store, project: str, label: str, names: Sequence[str], by: str = "") -> None:
    """Each of these stands for itself again. Raises as `join` does."""
    decide(store, project, [Decision(PARTED, label, name) for name in names], by)


def keep_apart(store: Store, project: str, label: str, one: str, other: str, by: str = "") -> None:
    """These are not the same, until somebody joins them. Raises as `join` does."""
    decide(store, project, [Decision(APART, label, one, other)], by)


def decide(store: Store, project: str, decisions: Iterable[Decision], by: str = "") -> int:
    """All of these, or none; how many changed anything, which alone are written: a line of the log for each, one for
    those in a row that differ in the name alone. Raises as `join` does."""
    number = 0
    with store.database.write() as connection:
        labels = _labels(connection, project)
        so_far = _folded(connection, labels)
        for (action, label, other), alike in groupby(decisions, lambda made: (made.action, made.label, made.other)):
            changed = []
            for made in alike:
                _check(labels, made)
                if so_far.take(made):
                    changed.append(made.name)
            number += len(changed)
            _write(connection, store.now(), labels, action, label, changed, other, by)
    return number


def decisions(store: Store, project: str) -> tuple[Decision, ...]:
    """What holds, by label and name, as decisions that come to the same in another project. Raises NotFound."""
    with store.database.read() as connection:
        return _folded(connection, _labels(connection, project)).decisions()


def of(store: Store, project: str) -> Names:
    """`read` by the project's name. Raises NotFound."""
    with store.database.read() as connection:
        return read(connection, _labels(connection, project))


def made(store: Store, project: str) -> tuple[int, int, int]:
    """Changes whenever `of` would give something else: key and label set of the project, and `stamp`. Raises
    NotFound."""
    with store.database.read() as connection:
        pk, version = projects.find(connection, project)
        return pk, version, stamp(connection, pk)


def read(connection: Connection, labels: LabelSet) -> Names:
    """What people decided so far, under the present labels."""
    so_far = _folded(connection, labels)
    return Names(so_far.shown, frozenset(so_far.apart))


def stamp(connection: Connection, project: int) -> int:
    """Changes with each decision: their number. Not the last of their keys, which are given before the commit."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(audit_log).where(_of(project))).scalar_one())


def _node(shown: Mapping[Key, str], name: Key) -> Key:
    into = shown.get(name)
    return name if into is None else (normal(into), name[1])


class _Folding:
    """What one decision after the other comes to."""

    def __init__(self) -> None:
        self.shown: dict[Key, str] = {}
        self.apart: set[frozenset[Key]] = set()
        self._members: dict[Key, set[Key]] = defaultdict(set)  # of each node, those in `shown`
        self._spelt: dict[Key, str] = {}

    def take(self, made: Decision) -> bool:
        """Whether that changed anything."""
        key = normal(made.name), made.label
        self._spelt[key] = made.name
        if made.action == JOINED:
            return self._join(key, made.other)
        if made.action == PARTED:
            return self._part(key)
        other = normal(made.other), made.label
        self._spelt[other] = made.other
        before = len(self.apart)
        self.apart.add(frozenset((key, other)))
        return len(self.apart) > before

    def _join(self, name: Key, into: str) -> bool:
        node = normal(into), name[1]
        pair = frozenset((name, node))
        if self.shown.get(name) == self.shown.get(node) == into and pair not in self.apart:
            return False
        self.apart.discard(pair)
        for key in {*self._members[_node(self.shown, name)], name, node}:
            self._members[_node(self.shown, key)].discard(key)
            self._members[node].add(key)
            self.shown[key] = into
        return True

    def _part(self, name: Key) -> bool:
        node = _node(self.shown, name)
        if node == name:
            return False
        self._members[node].discard(name)
        del self.shown[name]
        return True

    def decisions(self) -> tuple[Decision, ...]:
        def spelt(key: Key) -> str:
            return self._spelt.get(key, self.shown.get(key, key[0]))

        found = []
        for key in self.shown:
            node = _node(self.shown, key)
            # that a node goes under its own name is said with each of the others
            if key != node or len(self._members[node]) == 1:
                found.append(Decision(JOINED, key[1], spelt(key), self.shown[node]))
        for pair in self.apart:
            if len(pair) == 2:
                one, other = sorted(pair)
                found.append(Decision(APART, one[1], spelt(one), spelt(other)))
        return tuple(sorted(found, key=lambda said: (said.action == APART, said.label, said.other, said.name)))


def _folded(connection: Connection, labels: LabelSet) -> _Folding:
    so_far = _Folding()
    query = sa.select(audit_log.c.action, audit_log.c.detail).where(_of(labels.project)).order_by(audit_log.c.pk)
    for row in connection.execute(query):
        said = json.loads(row.detail)
        label = dict(labels.since(said["label_version"]).entities).get(said["label"], said["label"])
        for made in _decisions(row.action, label, said["names"], said.get("into", "")):
            so_far.take(made)
    return so_far


def _decisions(action: str, label: str, names: Sequence[str], into: str) -> Iterator[Decision]:
    """What a line of the log says."""
    if action == APART:
        yield Decision(APART, label, *names)
    else:
        yield from (Decision(action, label, name, into) for name in names)


def _of(project: int) -> sa.ColumnElement[bool]:
    return sa.and_(audit_log.c.project_pk == project, audit_log.c.action.in_(ACTIONS))


def _labels(connection: Connection, project: str) -> LabelSet:
    return projects.load_labels(connection, projects.find(connection, project)[0])


def _check(labels: LabelSet, made: Decision) -> None:
    known = labels.schema.entity_names
    if made.label not in known:
        raise InputError(
            expected=f"an entity label of the project ({', '.join(quote(name, 30) for name in sorted(known)[:8])})",
            found=quote(made.label),
            change="Choose one of its labels.",
            value=made.label,
        )
    if not all(map(normal, (made.name,) if made.action == PARTED else (made.name, made.other))):
        raise InputError(expected="names", found="one without characters", change="Type a name.", value=made)


def _write(
    connection: Connection,
    now: datetime,
    labels: LabelSet,
    action: str,
    label: str,
    names: Sequence[str],
    other: str,
    by: str,
) -> None:
    """A line of the log; of names that are not the same one for each."""
    detail = {"label": label, "label_version": labels.version}
    if action == APART:
        for name in names:
            audit.write(connection, now, action, labels.project, by, **detail, names=[name, other])
    elif names:
        into = {"into": other} if action == JOINED else {}
        audit.write(connection, now, action, labels.project, by, **detail, names=list(names), **into)
