"""What a correction costs: the same corrections in this editor, in doccano and in Label Studio.

An action is one key or key combination, one click, or one drag, also with Ctrl, Shift or Alt held; moving the pointer
to where it takes place is part of it. In this editor a key acts on the mark that the pointer was moved to, so a label
there is one action where others need a click and a key: the pointer travels as far, the click is saved. A drag with
Ctrl from one entity to another is one action too.

From a model's suggestions to the gold annotation, `plan` lists what has to change; each tool's model says what that
takes.

The models of the two other tools are their cheapest documented way, and lenient where documents are silent:
both begin with all suggestions shown, entities and relations, imported as annotations, so keeping one is free. Their
relations are imported at the default threshold, where the scripted annotator here leaves it, or at a higher one: the
sum that is lower counts.

doccano 1.8
- A span is drawn with a drag; its label is the one last chosen or takes one key (pull request 1678: "annotate
  text in a row", without a chosen label a list pops up).
- Another label: click the span, choose (2). A right click deletes a span or a relation (issue 1736).
- Boundaries cannot be moved: delete and draw again (2).
- Relations need a switch of mode with the mouse (issue 2082, pull request 1862), here once a document with
  relation work; then head, tail, and the label unless it is the one last chosen.
- Approving and going on are two actions (issues 718 and 776, 2368).

Label Studio 1.21 (guide "Label and annotate data" and keymap.json)
- Label key and drag; the setting that keeps a label selected saves the key when the label repeats.
- Another label: select the region, press the key (2). Delete: select the region, Backspace (2).
- Boundaries: select and drag an end (2), the most favourable reading.
- Relation with a label: select, Alt+R, select, three clicks for the label (6, issue 2106); no way to choose a
  label for several at once (issue 9168). Delete: one click on the bin. Direction: one click on its button.
- Ctrl+Enter submits and opens the next task (1).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from relex_core.types import Annotation, Entity, Relation

Span = tuple[int, int]
Triple = tuple[Span, Span, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """The corrections of one document. Added entities are spans with labels, added relations triples over spans."""

    relabel: tuple[tuple[Entity, str], ...] = ()
    move: tuple[tuple[Entity, Span], ...] = ()
    reject: tuple[Entity, ...] = ()
    add: tuple[tuple[Span, str], ...] = ()
    relabel_relation: tuple[tuple[Relation, str], ...] = ()
    flip: tuple[Relation, ...] = ()
    reject_relation: tuple[Relation, ...] = ()
    add_relation: tuple[Triple, ...] = ()


def plan(shown: Annotation, gold: Annotation) -> Plan:
    """What turns `shown`, all of which counts as accepted, into `gold`."""
    wanted = {(e.span, e.label) for e in gold.entities}
    missing = set(wanted)
    after: dict[str, tuple[Span, str]] = {}
    relabel: list[tuple[Entity, str]] = []
    move: list[tuple[Entity, Span]] = []
    rest: list[Entity] = []
    for entity in shown.entities:
        if (entity.span, entity.label) in missing:
            missing.discard((entity.span, entity.label))
            after[entity.id] = (entity.span, entity.label)
        else:
            rest.append(entity)
    for entity in list(rest):
        same = sorted((s, label) for s, label in missing if s == entity.span)
        if same:
            relabel.append((entity, same[0][1]))
            after[entity.id] = same[0]
            missing.discard(same[0])
            rest.remove(entity)
    for entity in list(rest):
        near = sorted(
            (s, label) for s, label in missing if label == entity.label and s[0] < entity.end and entity.start < s[1]
        )
        if near and not any(s == near[0][0] for s, _ in after.values()):
            move.append((entity, near[0][0]))
            after[entity.id] = near[0]
            missing.discard(near[0])
            rest.remove(entity)
    relations = _relations(shown, gold, after)
    return Plan(tuple(relabel), tuple(move), tuple(rest), tuple(sorted(missing, key=lambda m: m[::-1])), *relations)


def _relations(
    shown: Annotation, gold: Annotation, after: dict[str, tuple[Span, str]]
) -> tuple[tuple[tuple[Relation, str], ...], tuple[Relation, ...], tuple[Relation, ...], tuple[Triple, ...]]:
    missing = triples(gold)
    relabel, flip, reject = [], [], []
    open_ = []
    for relation in shown.relations:
        if relation.head not in after or relation.tail not in after:
            continue  # goes with its entity
        triple = (after[relation.head][0], after[relation.tail][0], relation.label)
        if triple in missing:
            missing.discard(triple)
        else:
            open_.append((relation, triple))
    for relation, (head, tail, label) in open_:
        other = sorted(t for t in missing if t[:2] == (head, tail))
        if (tail, head, label) in missing:
            flip.append(relation)
            missing.discard((tail, head, label))
        elif other:
            relabel.append((relation, other[0][2]))
            missing.discard(other[0])
        else:
            reject.append(relation)
    return tuple(relabel), tuple(flip), tuple(reject), tuple(sorted(missing, key=lambda t: (t[2], t)))


def triples(annotation: Annotation) -> set[Triple]:
    """Relations as (head span, tail span, label)."""
    spans = {e.id: e.span for e in annotation.entities}
    return {(spans[r.head], spans[r.tail], r.label) for r in annotation.relations}


@dataclass(slots=True)
class Doccano:
    """Running cost; what was chosen last stays chosen."""

    actions: int = 0
    _span: str = ""
    _relation: str = field(default="")

    def correct(self, work: Plan) -> None:
        self.actions += 2 * len(work.relabel) + len(work.reject) + 2 * len(work.move)
        for _, label in work.add:
            self.actions += 1 + (label != self._span)
            self._span = label
        related = work.relabel_relation or work.flip or work.reject_relation or work.add_relation
        self.actions += bool(related)
        self.actions += 2 * len(work.relabel_relation) + 3 * len(work.flip) + len(work.reject_relation)
        for _, _, label in work.add_relation:
            self.actions += 2 + (label != self._relation)
            self._relation = label
        self.actions += 2


@dataclass(slots=True)
class LabelStudio:
    """Running cost; a label that is kept selected stays so."""

    actions: int = 0
    _span: str = ""

    def correct(self, work: Plan) -> None:
        self.actions += 2 * len(work.relabel) + 2 * len(work.reject) + 2 * len(work.move)
        for _, label in work.add:
            self.actions += 1 + (label != self._span)
            self._span = label
        self.actions += 3 * len(work.relabel_relation) + len(work.flip) + len(work.reject_relation)
        self.actions += 6 * len(work.add_relation)
        self.actions += 1
