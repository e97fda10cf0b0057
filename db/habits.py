"""Which relations people chose between which types of entities in a project, and how often.

Only documents that were submitted count, each as it was submitted last. Nothing is stored: it is read from the
revisions, once, and from then on only what was added since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db import projects
from db.documents import within
from db.labels import translate
from db.projects import LabelSet
from db.revisions import decided, rows
from db.store import Store
from db.tables import annotators, documents, heads, revisions
from db.values import State

RECENT = 500
"""Documents that are looked at, the last submitted ones: enough to know a habit, and read in a moment."""

Pair = tuple[str, str, str]
"""Label of the head, label of the tail, label of the relation."""


@dataclass(frozen=True, slots=True)
class Habits:
    """`seen` is the last revision that was looked at, `version` the label set in whose words `by_document` counts.

    With `annotator` only this person's documents count.
    """

    annotator: str = ""
    version: int = 0
    seen: int = 0
    by_document: Mapping[int, Mapping[Pair, int]] = field(default_factory=dict)

    def counts(self) -> tuple[tuple[Pair, int], ...]:
        """How often each relation was chosen, the most frequent first."""
        total: Counter[Pair] = Counter()
        for counted in self.by_document.values():
            total.update(counted)
        return tuple(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def catch_up(store: Store, project: str, before: Habits) -> Habits:
    """The habits with what was submitted since. Raises NotFound."""
    with store.database.read() as connection:
        pk, _ = projects.find(connection, project)
        labels = projects.load_labels(connection, pk)
        if before.version != labels.version:
            # other words for the same: read all of it anew
            before = Habits(before.annotator, labels.version)
        last = int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(revisions.c.pk), 0))).scalar_one())
        if last == before.seen:
            return before
        found = _submitted(connection, labels, before)
    kept = {document: counted for document, counted in before.by_document.items() if document not in found}
    newest = list({**kept, **found}.items())[-RECENT:]
    return Habits(before.annotator, before.version, last, dict(newest))


def _submitted(connection: Connection, labels: LabelSet, before: Habits) -> dict[int, Counter[Pair]]:
    """Documents that were submitted after `before.seen`, in this order, with what was decided in the end."""
    query = rows().join(documents, documents.c.pk == revisions.c.document_pk)
    query = query.where(within(labels.project), revisions.c.state == str(State.SUBMITTED))
    if before.seen:
        query = query.where(revisions.c.pk > before.seen)
    else:
        # the last revision of each document and person: far fewer than all revisions
        query = query.join(heads, heads.c.revision_pk == revisions.c.pk)
    if before.annotator:
        query = query.where(annotators.c.name == before.annotator)
    found: dict[int, Counter[Pair]] = {}
    newest = connection.execute(query.order_by(revisions.c.pk.desc()).limit(RECENT)).all()
    for row in reversed(newest):
        entities, relations = translate(*decided(row), labels.since(row.label_version))
        types = {entity.id: entity.label for entity in entities}
        found.pop(row.document_pk, None)
        found[row.document_pk] = Counter((types[r.head], types[r.tail], r.label) for r in relations)
    return found
