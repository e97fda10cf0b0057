"""What the model is asked about one example in one step: labels, renamed or coarser, with negatives (section 3.7).

- A tenth of the labels that are right is not shown; others are, from the same source and from all sources.
- Entity types become coarser or narrower or get other names; some become "other"; the general stands beside the narrow.
- Relation labels get other names of the same meaning, some the inverse with head and tail exchanged.
- The reverse of a pair is a negative unless it is annotated; spans that are not quite entities stand in pairs.
- Some texts are all in small letters, some labels in capitals.
- What is not known is masked: in partially annotated data, and where a label from elsewhere may be right.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from relex_core import relation_views
from relex_core.datasets import UNKNOWN_TYPE
from relex_core.examples import Example
from relex_core.labels import LabelKnowledge
from relex_core.views import Augmentation, Pools, SourceLabels, View

COMMON_KINDS = frozenset(
    (
        *("person", "organization", "location", "facility", "time", "work", "event", "product", "group", "number"),
        "miscellaneous",
    )
)
"""Kinds that nearly any text mentions: a source that does not annotate them is no evidence of their absence."""

MISCELLANEOUS = ("miscellaneous", "misc")
"""A catch-all for names: works, events, nationalities, but neither times nor numbers."""

REST = ("other", "other entity")
"""A catch-all for what is no person, organization or place: dates and amounts too, no nationalities or languages."""

OTHER_NAMES = REST + MISCELLANEOUS


def view(item: Example, pools: Pools, known: LabelKnowledge, how: Augmentation, rng: random.Random) -> View:
    """Ask about `item` once. Everything random comes from `rng`."""
    source = pools.sources[item.source]
    labels, cells, unknown = _entity_side(item, source, pools, known, how, rng)
    spans = tuple(dict.fromkeys((first, last) for first, last, _ in item.entities))
    marked = spans + tuple((first, last) for first, last, _ in item.wrong_entities)
    names: tuple[str, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    positives: frozenset[tuple[int, int]] = frozenset()
    masked: frozenset[tuple[int, int]] = frozenset()
    if source.relations and len(spans) > 1:
        spans = relation_views.wrong_spans(item, spans, how, rng)
        relations = relation_views.renamed(item, known, how, rng)
        names = relation_views.shown_labels(item, relations, source, pools, known, how, rng)
        pairs = relation_views.choose_pairs(item, spans, how, rng)
        positives, masked = relation_views.cells(item, spans, names, pairs, relations, source, pools, known)
    known_here = not item.partial or source.group([label for *_, label in item.entities]) is not None
    words = item.words
    if rng.random() < how.lower_text:
        words = tuple(word.lower() for word in words)
    if rng.random() < how.capital_labels:
        change = rng.choice((str.capitalize, str.title, str.upper))
        labels, names = tuple(map(change, labels)), tuple(map(change, names))
    answers = (cells, unknown, known_here, marked, spans, pairs, positives, masked)
    return View(words, labels, names, *answers, item.divisions)


# entities


def _entity_side(
    item: Example, source: SourceLabels, pools: Pools, known: LabelKnowledge, how: Augmentation, rng: random.Random
) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...], tuple[tuple[int, int, int], ...]]:
    """Labels shown, cells that are right, cells that are not known."""
    entities, narrowed = _narrowed(item, how, rng)
    types = sorted({label for *_, label in entities if label != UNKNOWN_TYPE})
    shown = _entity_names(types, item.partial, source, pools, known, how, rng)
    general = rng.random() < how.general
    if general:
        shown = _beside_general(shown, pools, known, rng)
    names = dict.fromkeys(shown.values())
    kept = [name for name in names if rng.random() >= how.drop_label]
    if how.negatives:  # a text with many types leaves room for those that it does not hold
        kept = rng.sample(kept, min(len(kept), 3 * how.max_labels // 4))
    names = dict.fromkeys(kept)
    origin = {name: {t for t, n in shown.items() if n == name} for name in shown.values()}
    wanted = rng.randint(3, how.max_labels) if how.negatives else len(names)
    for label in _entity_negatives(item, types, source, pools, known, how, rng):
        if len(names) >= wanted:
            break
        if label not in origin:
            names[label] = None
            origin[label] = {label}
    labels = list(names)[: how.max_labels]
    rng.shuffle(labels)
    index = {name: i for i, name in enumerate(labels)}
    cells: set[tuple[int, int, int]] = set()
    unknown: set[tuple[int, int, int]] = set()
    narrower = {pools.kind(t, known) for ts in origin.values() for t in ts if pools.kind(t, known) != t}
    vaguely = narrower if source.narrow else frozenset()
    for first, last, label in entities:
        right = shown.get(label)
        broader = {*narrowed.get((first, last), ()), *((pools.kind(label, known),) if general else ())}
        for name, i in index.items():
            if name == right:
                if name in OTHER_NAMES and _passing(item.words[first : last + 1]):
                    continue
                # raw text seldom says what a person is: that no narrower type is known is weak evidence of none
                vague = label in vaguely and (first, last) not in narrowed and rng.random() < 0.5
                (unknown if vague else cells).add((first, last, i))
            elif name in OTHER_NAMES and label != UNKNOWN_TYPE:
                # a catch-all label is for what no other label that is shown covers
                passing = _passing(item.words[first : last + 1])
                if right not in index and not passing and not _too_plain(name, label, pools, known):
                    unknown.add((first, last, i))
            elif right in index and not origin[name].isdisjoint(broader):
                continue  # of two labels that fit, the narrower one counts
            elif label == UNKNOWN_TYPE or any(_compatible(label, o, source, pools, known) for o in origin[name]):
                unknown.add((first, last, i))
    for first, last, label in item.wrong_entities:
        if label not in index:
            unknown |= {(first, last, i) for i in index.values()} if item.partial else set()
    return tuple(labels), tuple(sorted(cells)), tuple(sorted(unknown - cells))


def _narrowed(
    item: Example, how: Augmentation, rng: random.Random
) -> tuple[list[tuple[int, int, str]], dict[tuple[int, int], tuple[str, ...]]]:
    """The entities, some with one of their narrower types; and the broader types of those, by span."""
    if not item.types or rng.random() >= how.narrow:
        return list(item.entities), {}
    types = {(first, last): names for first, last, names in item.types}
    chosen = {span: rng.choice(names) for span, names in types.items()}
    entities = [(first, last, chosen.get((first, last), label)) for first, last, label in item.entities]
    broader = {(f, end): (label, *types[f, end]) for f, end, label in item.entities if (f, end) in types}
    return entities, broader


def _entity_names(
    types: Sequence[str],
    partial: bool,
    source: SourceLabels,
    pools: Pools,
    known: LabelKnowledge,
    how: Augmentation,
    rng: random.Random,
) -> dict[str, str]:
    """Type -> name to show; a type that has none is not asked for."""
    coarse = rng.random() < how.coarse
    shown = {label: pools.kind(label, known) if coarse else label for label in types}
    if not partial and rng.random() < how.other:
        shown = _with_catch_all(shown, source, pools, known, rng)
    other_names = {
        name: rng.choice(known.other_names[name])
        for name in sorted(set(shown.values()))
        if name in known.other_names and rng.random() < how.rename_entity
    }
    return {label: other_names.get(name, name) for label, name in shown.items()}


def _beside_general(shown: dict[str, str], pools: Pools, known: LabelKnowledge, rng: random.Random) -> dict[str, str]:
    """The names, and beside narrow ones the general one: for "politician" too what is asked is "person".

    The general name stands for what no narrower one that is shown covers: some types are called by it.
    """
    kinds = {label: pools.kind(label, known) for label in shown}
    general = {kind: shown.get(kind, kind) for label, kind in kinds.items() if kind != "miscellaneous"}
    called = dict(shown)
    for label, kind in kinds.items():
        if kind in general and kind != shown[label] and (label == f"other {kind}" or rng.random() < 0.35):
            called[label] = general[kind]
    return general | called


def _with_catch_all(
    shown: dict[str, str], source: SourceLabels, pools: Pools, known: LabelKnowledge, rng: random.Random
) -> dict[str, str]:
    """Some of the names replaced by one for all the rest."""
    other = _catch_all(source, pools, known, rng)
    if rng.random() < 0.5:  # the three that most label sets have, and the rest
        kept = {kind for kind in ("person", "organization", "location") if rng.random() < 0.85}
        stays = {label for label in shown if pools.kind(label, known) in kept}
    else:
        names = {name for name in sorted(set(shown.values())) if rng.random() < 0.6}
        stays = {label for label, name in shown.items() if name in names}
    return {
        label: name if label in stays else other
        for label, name in shown.items()
        if label in stays or not _too_plain(other, label, pools, known)
    }


def _catch_all(source: SourceLabels, pools: Pools, known: LabelKnowledge, rng: random.Random) -> str:
    """A name for the rest: where dates and amounts are not annotated, one that does not cover them."""
    annotated = {pools.kind(label, known) for label in source.entities}
    return rng.choice(OTHER_NAMES if annotated.issuperset(("time", "number")) else MISCELLANEOUS)


_PASSING = re.compile(
    r"(?i)((last|next|this|each|every|past|early|late|mid|coming|previous)\b.*|.*\b(ago|earlier|later)|"
    r"today|yesterday|tomorrow|tonight|now|daily|\w+day|\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten)"
)


def _passing(words: Sequence[str]) -> bool:
    """Weekdays, "last week", bare numbers: nobody who asks for "other" things wants those."""
    return _PASSING.fullmatch(" ".join(words)) is not None


def _too_plain(name: str, label: str, pools: Pools, known: LabelKnowledge) -> bool:
    """Times and numbers are "other", but not miscellaneous names. With nationalities it is the reverse, and with
    languages, which have the same words."""
    return pools.kind(label, known) in (("group", "language") if name in REST else ("time", "number"))


def _entity_negatives(
    item: Example,
    types: Sequence[str],
    source: SourceLabels,
    pools: Pools,
    known: LabelKnowledge,
    how: Augmentation,
    rng: random.Random,
) -> list[str]:
    """Labels of types that the text does not hold, in random order, half from the same source."""
    if not how.negatives:
        return []
    present = set(types)
    if source.closed:
        together = sorted((source.group(types) or frozenset()) - present)
        return rng.sample(together, len(together))
    own = [label for label in source.entities if label not in present and label != UNKNOWN_TYPE]
    some = dict.fromkeys(rng.sample(source.narrow, min(4, len(source.narrow))))
    narrow = [label for label in some if label not in present]
    own_kinds = {known.kind(label) for label in source.entities}
    far = [
        label
        for label in rng.sample(pools.entities, min(12, len(pools.entities)))
        if label not in present and (known.kind(label) in own_kinds or known.kind(label) not in COMMON_KINDS)
    ]
    mixed = rng.sample(own, min(6, len(own))) + narrow + far[:6]
    if not item.partial and rng.random() < how.other:
        mixed.append("number" if "miscellaneous" in own_kinds else _catch_all(source, pools, known, rng))
    rng.shuffle(mixed)
    return mixed


def _compatible(label: str, shown: str, source: SourceLabels, pools: Pools, known: LabelKnowledge) -> bool:
    """Whether an entity of type `label` could also be called `shown`."""
    if label == shown:
        return True  # dropped or renamed elsewhere in the same view
    kind = pools.kind(label, known)
    if kind != pools.kind(shown, known):
        return False
    if kind in (label, shown):
        return True
    if label in pools.kinds and shown in pools.kinds:  # what a text calls one thing: seldom two unlike names
        return shown in pools.akin_types.get(label, ()) or bool(set(label.split()) & set(shown.split()))
    # one annotator chose between the two
    return shown not in source.entities
