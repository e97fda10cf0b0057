from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relex_core.editing import Accept, AddEntity, AddRelation, RemoveEntity, RemoveRelation, apply, begin
from relex_core.selection import greedy, left_alone, select, statement, undecided
from relex_core.types import (
    Annotation,
    Document,
    Entity,
    Extraction,
    Relation,
    RelationLabel,
    Schema,
    Thresholds,
    Undecided,
)
from tests.edits import apply_all

TEXT = Document.from_text("the University of Paris in Paris")
SCHEMA = Schema.of(
    ["organization", "city"],
    ["located in", RelationLabel("twin of", symmetric=True), RelationLabel("seat", tail_types=("city",))],
)
UNIVERSITY = Entity.suggested(4, 23, "organization", 0.9)
INNER = Entity.suggested(18, 23, "city", 0.6)
PARIS = Entity.suggested(27, 32, "city", 0.8)
IN = Relation(UNIVERSITY.id, PARIS.id, "located in", 0.7)
SEAT = Relation(PARIS.id, UNIVERSITY.id, "seat", 0.9)
TWIN = Relation(UNIVERSITY.id, PARIS.id, "twin of", 0.6)
TWIN_BACK = Relation(PARIS.id, UNIVERSITY.id, "twin of", 0.65)
FOUND = Extraction(TEXT, SCHEMA, (UNIVERSITY, INNER, PARIS), (IN, SEAT, TWIN, TWIN_BACK), "mini@0")


def test_flat_shows_the_better_of_two_overlapping_entities() -> None:
    assert select(FOUND, Thresholds()).entities == (UNIVERSITY, PARIS)
    assert select(FOUND, Thresholds(), nested=True).entities == (UNIVERSITY, INNER, PARIS)


def test_what_was_given_without_a_score_is_surer_than_any() -> None:
    sure = Relation(*TWIN.key)
    for relations in ((sure, TWIN_BACK), (TWIN_BACK, sure)):
        found = Extraction(TEXT, SCHEMA, (UNIVERSITY, PARIS), relations, "mini@0")
        assert select(found, Thresholds()).relations == (sure,)


def test_label_thresholds_bring_up_what_was_covered() -> None:
    strict = Thresholds(entities=(("organization", 0.95),))
    assert select(FOUND, strict).entities == (INNER, PARIS)


def test_thresholds_are_strict() -> None:
    assert select(FOUND, Thresholds(entity=0.8)).entities == (UNIVERSITY,)


def test_relations_need_both_ends_allowed_types_and_one_direction() -> None:
    assert select(FOUND, Thresholds()).relations == (IN, TWIN_BACK)
    assert select(FOUND, Thresholds(relation=0.65)).relations == (IN,)
    assert select(FOUND, Thresholds(entity=0.85)).relations == ()


def test_a_relation_and_its_declared_inverse_are_one_fact() -> None:
    employs, works = RelationLabel("employs", inverse="works for"), RelationLabel("works for")
    there, back = (
        Relation(UNIVERSITY.id, PARIS.id, "employs", 0.7),
        Relation(PARIS.id, UNIVERSITY.id, "works for", 0.8),
    )
    other = Relation(PARIS.id, UNIVERSITY.id, "employs", 0.6)

    def shown(*labels: RelationLabel) -> tuple[Relation, ...]:
        found = Extraction(
            TEXT, Schema.of(["organization", "city"], labels), (UNIVERSITY, PARIS), (there, back, other), "mini@0"
        )
        return select(found, Thresholds()).relations

    assert shown(employs, works) == (back, other)
    # said of either label it holds for both, and without it nothing is left out
    assert shown(RelationLabel("employs"), RelationLabel("works for", inverse="employs")) == (back, other)
    assert shown(RelationLabel("employs"), works) == (there, back, other)


def test_types_that_a_label_forbids_its_inverse_forbids_too() -> None:
    employs = RelationLabel("employs", head_types=("organization",), tail_types=("city",), inverse="employed by")
    wrong, right = (
        Relation(*ends, "employed by", 0.8) for ends in ((UNIVERSITY.id, PARIS.id), (PARIS.id, UNIVERSITY.id))
    )

    def shown(*labels: str | RelationLabel) -> tuple[Relation, ...]:
        schema = Schema.of(["organization", "city"], labels)
        return select(Extraction(TEXT, schema, (UNIVERSITY, PARIS), (wrong, right), "mini@0"), Thresholds()).relations

    assert shown(employs, "employed by") == (right,)
    assert shown(RelationLabel("employs", inverse="employed by"), "employed by") == (wrong, right)
    # declared on the other label it is the same
    bound = RelationLabel("employs", head_types=("organization",))
    assert shown(bound, RelationLabel("employed by", inverse="employs")) == (right,)
    # what is read both ways is allowed if one of them is, and both say the same
    both = RelationLabel("works with", head_types=("organization",), tail_types=("city",), symmetric=True)
    assert shown(both, RelationLabel("employed by", inverse="works with")) == (wrong,)


def test_decided_suggestions_are_no_longer_open() -> None:
    after = apply_all(begin(FOUND), [Accept((UNIVERSITY.id,)), RemoveEntity(PARIS.id)])
    assert undecided(after, Thresholds()) == ((), ())
    after = apply(begin(FOUND), RemoveRelation(*IN.key))
    assert [r.key for r in undecided(after, Thresholds())[1]] == [TWIN_BACK.key]


def test_no_other_label_takes_the_place_of_what_was_rejected() -> None:
    again = Entity.suggested(27, 32, "organization", 0.7)
    begun = begin(Extraction(TEXT, SCHEMA, (UNIVERSITY, INNER, PARIS, again), (), "mini@0"))
    assert undecided(apply(begun, RemoveEntity(PARIS.id)), Thresholds())[0] == (UNIVERSITY,)
    # other words under it may still be right
    assert undecided(apply(begun, RemoveEntity(UNIVERSITY.id)), Thresholds())[0] == (INNER, PARIS)


def test_own_entities_cover_suggestions() -> None:
    after = apply(begin(FOUND), AddEntity("n", 0, 23, "organization"))
    assert undecided(after, Thresholds())[0] == (PARIS,)
    assert undecided(after, Thresholds(), nested=True)[0] == (UNIVERSITY, INNER, PARIS)


spans = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 6), st.floats(0.1, 1.0, exclude_min=True)), max_size=25, unique=True
)


@given(spans, st.floats(0.1, 1.0), st.booleans())
def test_filtering_equals_a_new_run_at_the_higher_threshold(
    found: list[tuple[int, int, float]], threshold: float, nested: bool
) -> None:
    candidates = [Entity(str(i), s, s + w, "city", p) for i, (s, w, p) in enumerate(found)]
    at_floor = greedy(candidates, nested)
    above = greedy([c for c in candidates if (c.score or 0) > threshold], nested)
    assert above == tuple(e for e in at_floor if (e.score or 0) > threshold)


def test_a_relation_and_its_inverse_are_one_suggestion() -> None:
    schema = Schema.of(["x"], [RelationLabel("owns", inverse="owned by"), RelationLabel("owned by", inverse="owns")])
    a, b = Entity.suggested(0, 1, "x", 0.9), Entity.suggested(2, 3, "x", 0.9)
    found = (
        Relation(a.id, b.id, "owns", 0.7),
        Relation(b.id, a.id, "owned by", 0.8),
        Relation(b.id, a.id, "owns", 0.6),
    )
    extraction = Extraction(Document("d", "a b"), schema, (a, b), found, "m")
    assert select(extraction, Thresholds()).relations == (found[1], found[2])
    accepted = apply(begin(extraction), AddRelation(a.id, b.id, "owns"))
    assert undecided(accepted, Thresholds())[1] == (found[2],)
    assert undecided(apply(begin(extraction), RemoveRelation(*found[1].key)), Thresholds())[1] == (found[2],)


def test_two_mentions_of_one_name_are_not_related_without_twins() -> None:
    text = Document.from_text("Marie Curie, or marie  curie, met Pierre Curie")
    first = Entity.suggested(0, 11, "person", 0.9)
    again = Entity.suggested(16, 28, "person", 0.9)
    pierre = Entity.suggested(34, 46, "person", 0.9)
    between = (Relation(first.id, again.id, "spouse", 0.9), Relation(first.id, pierre.id, "spouse", 0.8))
    found = Extraction(text, Schema.of(["person"], ["spouse"]), (first, again, pierre), between, "mini@0")
    assert select(found, Thresholds()).relations == between
    assert select(found, Thresholds(), twins=False).relations == between[1:]
    assert undecided(begin(found), Thresholds(), twins=False)[1] == between[1:]


def test_what_was_left_alone_is_told_from_what_was_not_shown() -> None:
    after = apply(begin(FOUND), RemoveEntity(PARIS.id))
    # the place inside lies behind the university, and relations of what was rejected are not on the screen
    assert left_alone(after, Thresholds()) == Undecided(
        seen=(UNIVERSITY.id,), not_shown=(INNER.id,), not_shown_relations=(IN.key, SEAT.key, TWIN.key, TWIN_BACK.key)
    )
    accepted = apply(begin(FOUND), Accept((UNIVERSITY.id, PARIS.id), (IN.key,)))
    assert left_alone(accepted, Thresholds(relation=0.62)) == Undecided(
        seen_relations=(TWIN_BACK.key,), not_shown=(INNER.id,), not_shown_relations=(SEAT.key, TWIN.key)
    )
    assert left_alone(Annotation(TEXT, SCHEMA), Thresholds()) is None


def test_what_lies_in_no_part_that_was_open_was_not_shown() -> None:
    left = left_alone(begin(FOUND), Thresholds(), parts=[(0, 27)])
    assert left is not None
    assert (left.seen, left.not_shown) == ((UNIVERSITY.id,), (INNER.id, PARIS.id))
    assert left.seen_relations == ()
    everywhere = left_alone(begin(FOUND), Thresholds(), parts=[(0, 10), (10, 32)])
    assert everywhere == left_alone(begin(FOUND), Thresholds())


@given(st.data())
def test_each_suggestion_is_decided_or_seen_or_not_shown(data: st.DataObject) -> None:
    annotation = begin(FOUND)
    for entity in FOUND.entities:
        edit = data.draw(st.sampled_from([None, Accept((entity.id,)), RemoveEntity(entity.id)]))
        annotation = annotation if edit is None else apply(annotation, edit)
    limits = data.draw(st.sampled_from([Thresholds(), Thresholds(0.85, 0.62), Thresholds(1.0, 1.0)]))
    left = left_alone(annotation, limits)
    assert left is not None
    decided = [e.id for e in (*annotation.entities, *annotation.rejected_entities)]
    assert sorted([*decided, *left.seen, *left.not_shown]) == sorted(e.id for e in FOUND.entities)
    assert sorted([*left.seen_relations, *left.not_shown_relations]) == sorted(r.key for r in FOUND.relations)


def test_labels_with_one_inverse_in_common_say_the_same() -> None:
    """Contradictory declarations, which nothing refuses, still give one suggestion for one fact."""
    labels = {
        label.name: label
        for label in (
            RelationLabel("employs"),
            RelationLabel("works for", inverse="employs"),
            RelationLabel("employed by", inverse="employs"),
            RelationLabel("married to", symmetric=True),
            RelationLabel("spouse of", inverse="married to"),
        )
    }
    one = {
        statement(Relation("ada", "acme", "works for"), labels),
        statement(Relation("ada", "acme", "employed by"), labels),
        statement(Relation("acme", "ada", "employs"), labels),
    }
    assert len(one) == 1
    pair = {
        statement(Relation(*ends, name), labels)
        for ends in (("ada", "bo"), ("bo", "ada"))
        for name in ("married to", "spouse of")
    }
    assert len(pair) == 1
    assert statement(Relation("acme", "ada", "works for"), labels) not in one
