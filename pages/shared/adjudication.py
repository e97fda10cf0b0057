"""Two or more annotations of a document -> where they disagree -> one annotation, by picks.

Pure functions: the review screen shows `disagreements`, keeps picks, and saves `resolve` as a revision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pages.shared.alignment import Edge, Marks, Pair, Unit, canonical, edges, units
from relex_core.types import Annotation, Entity, Relation, Schema

Pick = tuple[str, ...]
"""Whose version is taken: one annotator, several, or nobody's."""

REASONS = ("entity of some only", "boundary", "entity label", "relation of some only", "relation label or direction")
"""In what annotators can differ about a mention or a pair of mentions."""

BANDS = {
    "score below 0.5": (0.0, 0.5),
    "score 0.5 to 0.7": (0.5, 0.7),
    "score 0.7 to 0.9": (0.7, 0.9),
    "score from 0.9": (0.9, 1.01),
}
"""Ranges of the model's score, without their upper ends."""

UNSCORED = "not suggested"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One place on which annotators differ. `id` stays the same while annotations do; `spans` are the mentions that
    it is about, one or two; `options` holds for each annotator what they said, in words, empty for nothing; `labels`
    are those that anybody gave, `reasons` some of `REASONS`, `ends` the ids that disagreements about a relation's two
    mentions have or would have. `score` is the highest that the model gave any version, where it suggested one."""

    id: str
    kind: str
    spans: tuple[tuple[int, int], ...]
    text: str
    options: tuple[tuple[str, tuple[str, ...]], ...]
    labels: tuple[str, ...]
    reasons: tuple[str, ...]
    ends: tuple[str, ...] = ()
    score: float | None = None

    @property
    def band(self) -> str:
        """One of `BANDS`, or `UNSCORED`."""
        if self.score is None:
            return UNSCORED
        return next(name for name, (low, high) in BANDS.items() if low <= self.score < high)

    def of(self, annotator: str) -> tuple[str, ...]:
        """What this annotator said, nothing for one who has no version."""
        return dict(self.options).get(annotator, ())


def disagreements(marks: Marks) -> tuple[Disagreement, ...]:
    """Entities in text order, then relations in text order. Whatever all annotators said alike is not among them."""
    mentions, scores = units(marks), _scores(marks)
    return (*_entity_disagreements(marks, mentions, scores), *_relation_disagreements(marks, mentions, scores))


def undecided(found: Iterable[Disagreement], picks: Mapping[str, Pick]) -> tuple[Disagreement, ...]:
    """The disagreements that no pick answers. A relation needs none where an entity at its end was turned down."""
    found = tuple(found)
    turned_down = {
        d.id for d in found if d.kind == "entity" and d.id in picks and not any(d.of(name) for name in picks[d.id])
    }
    return tuple(d for d in found if d.id not in picks and not turned_down & {*d.ends})


def resolve(marks: Marks, picks: Mapping[str, Pick]) -> Annotation:
    """The annotation on which all agree, and at each picked disagreement the versions picked.

    What nobody has picked is left out. A relation needs both of its mentions: where an entity was turned down, its
    relations fall away. Suggestions that somebody rejected and that are not in the result stay rejected.
    """
    mentions = units(marks)
    wanted = {d.id: picks.get(d.id, ()) for d in disagreements(marks)}
    chosen = [_chosen(unit, wanted.get(_entity_id(unit))) for unit in mentions]
    kept = _without_twins(chosen)
    entities = tuple(sorted(kept.values(), key=lambda e: (e.start, -e.end, e.label)))
    relations: dict[tuple[str, str, str], Relation] = {}
    for pair, said in edges(marks, mentions).items():
        pick = wanted.get(_relation_id(mentions, pair))
        names = [name for name in said if name in pick] if pick is not None else list(said)[:1]
        for name in names:
            low, high = (kept.get((at, name)) or _other(kept, at) for at in pair)
            if low is None or high is None or low.id == high.id:
                continue
            for relation in said[name].values():
                first = mentions[pair[0]].of(name)
                head, tail = (low, high) if first and first.id == relation.head else (high, low)
                relations[head.id, tail.id, relation.label] = Relation(head.id, tail.id, relation.label)
    return _with_suggestions(marks, entities, tuple(relations.values()))


def _chosen(unit: Unit, pick: Pick | None) -> dict[str, Entity]:
    """The entities taken at a mention, by annotator; with no disagreement the one that all share."""
    if pick is None:
        name, entity = unit.marks[0]
        return {name: entity}
    return {name: entity for name, entity in unit.marks if name in pick}


def _without_twins(chosen: list[dict[str, Entity]]) -> dict[tuple[int, str], Entity]:
    """Chosen entities by (mention, annotator): equal ones share an entity, and ids are unique."""
    kept: dict[tuple[int, str], Entity] = {}
    by_mark: dict[tuple[int, int, str], Entity] = {}
    ids: set[str] = set()
    for at, versions in enumerate(chosen):
        for name, entity in versions.items():
            mark = (entity.start, entity.end, entity.label)
            if mark not in by_mark:
                # people move a suggestion in different ways: both versions then carry its id
                free = entity.id if entity.id not in ids else f"{entity.id}/{name}"
                ids.add(free)
                by_mark[mark] = replace(entity, id=free)
            kept[at, name] = by_mark[mark]
    return kept


def _other(kept: dict[tuple[int, str], Entity], at: int) -> Entity | None:
    return next((entity for (place, _), entity in kept.items() if place == at), None)


def _with_suggestions(marks: Marks, entities: tuple[Entity, ...], relations: tuple[Relation, ...]) -> Annotation:
    first = next(iter(marks.values()))
    same = all(annotation.based_on == first.based_on for annotation in marks.values())
    based_on = first.based_on if same else None
    spans = {(e.start, e.end, e.label) for e in entities}
    keys = {relation.key for relation in relations}
    rejected = {e.id: e for a in marks.values() for e in a.rejected_entities if (e.start, e.end, e.label) not in spans}
    rejected_relations = {r.key: r for a in marks.values() for r in a.rejected_relations if r.key not in keys}
    return Annotation(
        first.document,
        first.schema,
        entities,
        relations,
        tuple(rejected.values()),
        tuple(rejected_relations.values()),
        based_on,
    )


_Said = tuple[Any, ...]
"""What an entity or a relation says, the same in all versions and in the suggestions."""


def _scores(marks: Marks) -> dict[_Said, float]:
    """The model's scores of all that it suggested to anybody, the highest one of each."""
    scores: dict[_Said, float] = {}
    for annotation in marks.values():
        before = annotation.based_on
        if before is None:
            continue
        spans = {entity.id: entity.span for entity in before.entities}
        suggested = [(_said(e), e.score) for e in before.entities]
        suggested += [(_said_of(before.schema, r, spans), r.score) for r in before.relations]
        for said, score in suggested:
            scores[said] = max(scores.get(said, 0.0), score or 0.0)
    return scores


def _score(scores: Mapping[_Said, float], versions: Iterable[_Said]) -> float | None:
    return max((scores[said] for said in versions if said in scores), default=None)


def _said(entity: Entity) -> _Said:
    return (*entity.span, entity.label)


def _said_of(schema: Schema, relation: Relation, spans: Mapping[str, tuple[int, int]]) -> _Said:
    ends = spans[relation.head], spans[relation.tail]
    return (*sorted(ends), *canonical(schema, ends[0] < ends[1], relation.label))


def _entity_disagreements(
    marks: Marks, mentions: tuple[Unit, ...], scores: Mapping[_Said, float]
) -> Iterable[Disagreement]:
    text = next(iter(marks.values())).document.text
    for unit in mentions:
        said = {name: unit.of(name) for name in marks}
        if len({None if e is None else (e.span, e.label) for e in said.values()}) == 1:
            continue
        options = tuple(
            (name, () if e is None else (f"{e.label}: {text[e.start : e.end]}",)) for name, e in said.items()
        )
        given = [e for e in said.values() if e is not None]
        labels = {e.label for e in given}
        differs = (len(given) < len(said), len({e.span for e in given}) > 1, len(labels) > 1, False, False)
        yield Disagreement(
            _entity_id(unit),
            "entity",
            ((unit.start, unit.end),),
            text[unit.start : unit.end],
            options,
            tuple(sorted(labels)),
            _reasons(differs),
            score=_score(scores, map(_said, given)),
        )


def _relation_disagreements(
    marks: Marks, mentions: tuple[Unit, ...], scores: Mapping[_Said, float]
) -> Iterable[Disagreement]:
    text = next(iter(marks.values())).document.text
    spans = {name: {entity.id: entity.span for entity in annotation.entities} for name, annotation in marks.items()}
    for pair, said in edges(marks, mentions).items():
        if len({frozenset(said.get(name, ())) for name in marks}) == 1:
            continue
        low, high = mentions[pair[0]], mentions[pair[1]]
        names = text[low.start : low.end], text[high.start : high.end]
        options = tuple((name, _in_words(said.get(name, ()), names)) for name in marks)
        yield Disagreement(
            _relation_id(mentions, pair),
            "relation",
            ((low.start, low.end), (high.start, high.end)),
            f"{names[0]} – {names[1]}",
            options,
            tuple(sorted({label for labels in said.values() for _, label in labels})),
            _reasons(
                (False, False, False, len(said) < len(marks), len({frozenset(labels) for labels in said.values()}) > 1)
            ),
            (_entity_id(low), _entity_id(high)),
            _score(scores, (_said_of(marks[n].schema, r, spans[n]) for n, v in said.items() for r in v.values())),
        )


def _reasons(differs: tuple[bool, ...]) -> tuple[str, ...]:
    return tuple(reason for reason, yes in zip(REASONS, differs, strict=True) if yes)


def _in_words(said: Iterable[Edge], names: tuple[str, str]) -> tuple[str, ...]:
    low, high = names
    return tuple(
        f"{low} → {label} → {high}" if forward else f"{high} → {label} → {low}" for forward, label in sorted(said)
    )


def _entity_id(unit: Unit) -> str:
    return f"e:{unit.start}:{unit.end}:" + ",".join(sorted(e.label for _, e in unit.marks))


def _relation_id(mentions: tuple[Unit, ...], pair: Pair) -> str:
    return "r:" + ":".join(_entity_id(mentions[at]) for at in pair)


def picks_from_json(data: Any) -> dict[str, Pick]:
    """Picks as they come from a browser: {id: [annotator ...]}; anything else in `data` is left out."""
    if not isinstance(data, Mapping):
        return {}
    return {str(id): tuple(str(name) for name in pick) for id, pick in data.items() if isinstance(pick, list | tuple)}
