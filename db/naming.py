"""Names of one thing: what people joined in a project's graph, took apart again, and said to be different things.

Nothing that is stored changes, and a mention keeps its words. The audit log holds each decision under the labels of
its day, and the graph is read through what they come to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db import audit, projects
from db.corpus import Key, normal
from db.projects import LabelSet
from db.store import Store
from db.tables import audit_log
from relex_core.errors import InputError, quote

JOINED, PARTED, APART = "names joined", "names parted", "names kept apart"
ACTIONS = (JOINED, PARTED, APART)


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
        into = self.shown.get(name)
        return name if into is None else (normal(into), name[1])


def join(store: Store, project: str, label: str, names: Sequence[str], into: str, by: str = "") -> None:
    """From now on `names` of that label, and whatever was joined to these, go under `into`.

    `into` need not be mentioned anywhere, and may be another spelling of one of the names. Raises NotFound if there is
    no such project, InputError if the project has no such label or a name holds nothing.
    """
    _write(store, project, JOINED, label, (*names, into), by, names=list(names), into=into)


def part(store: Store, project: str, label: str, names: Sequence[str], by: str = "") -> None:
    """Each of these stands for itself again. Raises as `join` does."""
    _write(store, project, PARTED, label, names, by, names=list(names))


def keep_apart(store: Store, project: str, label: str, one: str, other: str, by: str = "") -> None:
    """These are not the same, until somebody joins them. Raises as `join` does."""
    _write(store, project, APART, label, (one, other), by, names=[one, other])


def read(connection: Connection, labels: LabelSet) -> Names:
    """What people decided so far, under the present labels."""
    shown: dict[Key, str] = {}
    apart: set[frozenset[Key]] = set()
    query = sa.select(audit_log.c.action, audit_log.c.detail).where(_of(labels.project)).order_by(audit_log.c.pk)
    for row in connection.execute(query):
        said = json.loads(row.detail)
        label = dict(labels.since(said["label_version"]).entities).get(said["label"], said["label"])
        names = [(normal(name), label) for name in said["names"]]
        if row.action == JOINED:
            _join(shown, names, said["into"])
            apart -= {frozenset((name, (normal(said["into"]), label))) for name in names}
        elif row.action == PARTED:
            for name in names:
                if normal(shown.get(name, name[0])) != name[0]:
                    del shown[name]
        else:
            apart.add(frozenset(names))
    return Names(shown, frozenset(apart))


def stamp(connection: Connection, project: int) -> int:
    """Changes with each decision: their number. Not the last of their keys, which are given before the commit."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(audit_log).where(_of(project))).scalar_one())


def _join(shown: dict[Key, str], names: Iterable[Key], into: str) -> None:
    for name in names:
        moved = normal(shown.get(name, name[0]))
        for other in [key for key, text in shown.items() if key[1] == name[1] and normal(text) == moved]:
            shown[other] = into
        shown[name] = shown[normal(into), name[1]] = into


def _of(project: int) -> sa.ColumnElement[bool]:
    return sa.and_(audit_log.c.project_pk == project, audit_log.c.action.in_(ACTIONS))


def _write(store: Store, project: str, action: str, label: str, said: Sequence[str], by: str, **detail: object) -> None:
    with store.database.write() as connection:
        pk, version = projects.find(connection, project)
        if label not in projects.load_labels(connection, pk).schema.entity_names:
            raise InputError(
                expected="an entity label of the project", found=quote(label), change="Reload the page.", value=label
            )
        if not all(map(normal, said)):
            raise InputError(expected="names", found="one without characters", change="Type a name.", value=said)
        audit.write(connection, store.now(), action, pk, by, label=label, label_version=version, **detail)
