"""The thresholds that a person chose last in a project, for their next visit. The audit log holds them.

Those of single labels are given under the labels' present names.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from db import audit, projects
from db.labels import Renames
from db.store import Store
from relex_core import jsonl
from relex_core.types import Thresholds

CHOSEN = "thresholds chosen"
"""The action of whoever moved a threshold in a project; that person's last one holds."""


def chosen(store: Store, project: str, annotator: str) -> Thresholds | None:
    """What this person chose last in the project, None if nothing yet. Raises NotFound."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        return _chosen(connection, pk, annotator)


def choose(store: Store, project: str, annotator: str, thresholds: Thresholds) -> None:
    """Keep the thresholds for this person's next visit to the project. Raises NotFound."""
    with store.database.write() as connection:
        pk, version = projects.find(connection, project)
        if (_chosen(connection, pk, annotator) or Thresholds()) != thresholds:
            detail = {"thresholds": jsonl.thresholds_to_json(thresholds), "label_version": version}
            audit.write(connection, store.now(), CHOSEN, pk, annotator.strip(), **detail)


def _chosen(connection: Connection, project: int, annotator: str) -> Thresholds | None:
    kept = audit.last(connection, CHOSEN, project, annotator.strip())
    if kept is None:
        return None
    renames = projects.load_labels(connection, project).since(int(kept["label_version"]))
    return _renamed(jsonl.thresholds_from_json(kept["thresholds"]), renames)


def _renamed(thresholds: Thresholds, renames: Renames) -> Thresholds:
    """Where labels were merged, the threshold of the one that took the others in holds."""
    entities, relations = dict(renames.entities), dict(renames.relations)

    def named(own: tuple[tuple[str, float], ...], names: dict[str, str]) -> tuple[tuple[str, float], ...]:
        moved = {names[label]: limit for label, limit in own if label in names}
        return tuple({**moved, **{label: limit for label, limit in own if label not in names}}.items())

    return Thresholds(
        thresholds.entity,
        thresholds.relation,
        named(thresholds.entities, entities),
        named(thresholds.relations, relations),
    )
