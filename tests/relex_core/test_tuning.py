"""Thresholds by label: what they gain, and when labels are left alone. No model: scores are given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from relex_core.datasets import Gold
from relex_core.evaluation import Run, report
from relex_core.tuning import FEWEST, GRID, best_thresholds, by_label
from relex_core.types import Document, Entity, Extraction, Relation, Schema, Thresholds

SCHEMA = Schema.of(["person", "other"], ["knows"])

Mark = tuple[int, str, float]
"""The number of a word of `TEXT`, the label, the score."""

TEXT = "Ada met Bo there"
STARTS = (0, 4, 8, 11)
ENDS = (3, 7, 10, 16)


def document(number: int, truth: tuple[tuple[int, str], ...], marks: tuple[Mark, ...]) -> tuple[Gold, Extraction]:
    text = Document(f"d{number}", TEXT)
    gold = tuple(Entity(str(i), STARTS[word], ENDS[word], label) for i, (word, label) in enumerate(truth))
    found = tuple(Entity.suggested(STARTS[word], ENDS[word], label, score) for word, label, score in marks)
    return Gold(text, gold, ()), Extraction(text, SCHEMA, found, (), "given")


def run(*documents: tuple[Gold, Extraction], given: bool = False) -> Run:
    gold, found = zip(*documents, strict=True)
    return Run("given", "", gold, SCHEMA, found, 1.0, given)


def noisy(number: int) -> tuple[Gold, Extraction]:
    """People at 0.4; others at 0.9, and at 0.6 what is none."""
    marks = ((0, "person", 0.4), (2, "other", 0.9), (1, "other", 0.6))
    return document(number, ((0, "person"), (2, "other")), marks)


EDGES = ((0, 2, 0.7), (1, 3, 0.6), (2, 0, 0.3))
"""Relations between the words of `TEXT`: head, tail, score."""


def related(number: int, **more: Any) -> tuple[Gold, Extraction]:
    """Four people, one true relation, three claims."""
    people = tuple((word, "person") for word in range(4))
    gold, found = document(number, people, tuple((word, "person", 0.9) for word in range(4)))
    ids = [entity.id for entity in found.entities]
    edges = tuple(Relation(ids[head], ids[tail], "knows", score) for head, tail, score in EDGES)
    truth = replace(gold, relations=(Relation("0", "2", "knows"),), **more)
    return truth, Extraction(found.document, SCHEMA, found.entities, edges, "given")


@pytest.mark.parametrize(
    ("more", "f1"),
    [
        ({}, 1.0),
        # the pair that nobody annotated is no mistake, at whatever threshold
        ({"partial": True}, 1.0),
        # the first two words are one thing, the others too: the two better claims say the same, which holds
        ({"clusters": ((0, 1), (2, 3)), "facts": ((0, 1, "knows"),)}, 1.0),
    ],
)
def test_the_pair_is_chosen_by_what_the_report_counts(more: dict[str, Any], f1: float) -> None:
    development = run(related(0, **more))
    chosen = best_thresholds(development)
    assert report(development, chosen).relations.f1 == f1
    grid = [report(development, Thresholds(chosen.entity, relation)).relations.f1 for relation in GRID]
    assert max(grid) == f1
    # the nearest to the usual one that reaches it
    assert chosen.relation == min((t for t, g in zip(GRID, grid, strict=True) if g == f1), key=lambda t: abs(t - 0.5))


def test_of_equal_pairs_the_nearest_to_the_usual_one_is_chosen() -> None:
    gold, found = related(0)
    sure = replace(found, relations=(replace(found.relations[0], score=0.95),))
    assert best_thresholds(run((gold, sure))) == Thresholds()
    low = replace(found, relations=(replace(found.relations[0], score=0.2),))
    assert best_thresholds(run((gold, low))) == Thresholds(0.3, 0.175)


def test_a_top_that_stands_hardly_out_is_left_to_chance() -> None:
    """120 people at 0.9, and one more right one at 0.15 where the pair would follow it."""
    marks = [document(number, ((0, "person"),), ((0, "person", 0.9),)) for number in range(120)]
    development = run(*marks, document(120, ((0, "person"),), ((0, "person", 0.15),)))
    assert best_thresholds(development, slack=0.0).entity < 0.15
    assert best_thresholds(development) == Thresholds()
    many = run(*marks, *(document(number, ((0, "person"),), ((0, "person", 0.15),)) for number in range(120, 140)))
    assert best_thresholds(many).entity == pytest.approx(0.125)


def test_a_file_without_relations_leaves_their_threshold_as_it_is() -> None:
    gold, found = related(0)
    assert best_thresholds(run((replace(gold, relations=()), found))).relation == Thresholds().relation


def test_labels_that_need_other_thresholds_get_them() -> None:
    development = run(*(noisy(number) for number in range(FEWEST)))
    common = best_thresholds(development)
    assert report(development, common).entities.f1 == pytest.approx(0.8)
    chosen = by_label(development, common)
    assert report(development, chosen).entities.f1 == 1.0
    assert chosen.of_entity("person") < 0.4
    assert 0.6 <= chosen.of_entity("other") < 0.9
    assert (chosen.entity, chosen.relation, chosen.relations) == (common.entity, common.relation, ())


def test_a_span_that_one_label_gives_up_goes_to_the_next() -> None:
    # above the threshold of "other" the same word would be that, and "person" would never be asked
    marks = ((0, "other", 0.7), (0, "person", 0.5))
    development = run(*(document(number, ((0, "person"), (2, "other")), marks) for number in range(FEWEST)))
    common = Thresholds(0.3, 0.5)
    assert report(development, common).entities.f1 == 0.0
    chosen = by_label(development, common)
    assert chosen.of_entity("other") >= 0.7
    assert report(development, chosen).entities.recall == 0.5


def test_relations_have_thresholds_of_their_own() -> None:
    def one(number: int) -> tuple[Gold, Extraction]:
        gold, found = document(number, ((0, "person"), (2, "person")), ((0, "person", 0.9), (2, "person", 0.9)))
        a, b = found.entities
        edges = (Relation(a.id, b.id, "knows", 0.8), Relation(b.id, a.id, "knows", 0.6))
        truth = Gold(gold.document, gold.entities, (Relation("0", "1", "knows"),))
        return truth, Extraction(found.document, SCHEMA, found.entities, edges, "given")

    development = run(*map(one, range(FEWEST)))
    chosen = by_label(development, Thresholds(0.5, 0.3))
    assert 0.6 <= chosen.of_relation("knows") < 0.8
    assert chosen.entities == ()
    assert report(development, chosen).relations.f1 == 1.0


def test_a_label_with_few_examples_keeps_the_common_threshold() -> None:
    development = run(*(noisy(number) for number in range(FEWEST - 1)))
    common = best_thresholds(development)
    assert by_label(development, common) == common


def test_entities_keep_it_where_they_have_no_precision_to_gain() -> None:
    partial = run(
        *((Gold(gold.document, gold.entities, (), partial=True), found) for gold, found in map(noisy, range(FEWEST)))
    )
    given = run(*map(noisy, range(FEWEST)), given=True)
    for development in (partial, given):
        assert by_label(development, Thresholds(0.5, 0.5)) == Thresholds(0.5, 0.5)


def test_what_gains_nothing_stays() -> None:
    development = run(*(document(number, ((0, "person"),), ((0, "person", 0.9),)) for number in range(FEWEST)))
    assert by_label(development, Thresholds(0.5, 0.5)) == Thresholds(0.5, 0.5)
