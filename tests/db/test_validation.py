from __future__ import annotations

import pytest

from db.validation import Weight, validate
from relex_core.types import Annotation, Document, Entity, EntityLabel, Relation, RelationLabel, Schema

SCHEMA = Schema.of(
    ["person", "place", EntityLabel("unused", hidden=True)],
    [RelationLabel("born in", head_types=("person",), tail_types=("place",)), RelationLabel("met", symmetric=True)],
)


def found(annotation: Annotation, format: str = "gliner") -> dict[str, Weight]:
    findings = validate([annotation], format).findings
    return {finding.what: finding.weight for finding in findings if "example" not in finding.what}


def mark(text: str, *entities: Entity, relations: tuple[Relation, ...] = ()) -> Annotation:
    return Annotation(Document("d", text), SCHEMA, entities, relations)


@pytest.mark.parametrize(
    ("annotation", "format", "said", "weight"),
    [
        (mark("Ada left", Entity("a", 0, 4, "person")), "gliner", "white space at an end", Weight.WARNING),
        (mark("Adas left", Entity("a", 0, 3, "person")), "gliner", "inside a word", Weight.LOSS),
        (mark("Adas left", Entity("a", 0, 3, "person")), "jsonld", "inside a word", Weight.NOTE),
        (
            mark("a b c d e f g h i j k l m", Entity("a", 0, 25, "person")),
            "gliner",
            "wider than 12 words",
            Weight.WARNING,
        ),
        (mark("word " * 513), "gliner", "longer than the model's window", Weight.WARNING),
        (mark("Ada"), "csv-triples", "without a relation", Weight.LOSS),
        (mark("Ada left", Entity("a", 0, 3, "person")), "csv-triples", "marks in no relation", Weight.LOSS),
        (mark("Ada"), "glirel", "at which GLiREL's trainer stops", Weight.WARNING),
        (
            mark(
                "Ada Rome",
                Entity("a", 0, 3, "person"),
                Entity("b", 4, 8, "place"),
                relations=(Relation("a", "b", "born in"), Relation("a", "b", "met")),
            ),
            "glirel",
            "learns one",
            Weight.WARNING,
        ),
        (mark("Ada \x01"), "graphml", "control characters", Weight.LOSS),
        (
            mark("New York", Entity("a", 0, 8, "place"), Entity("b", 4, 8, "place")),
            "spacy",
            "overlapping marks",
            Weight.LOSS,
        ),
        (mark("Ada", Entity("a", 0, 3, "person"), Entity("b", 0, 3, "place")), "gliner", "two labels", Weight.WARNING),
        (
            mark(
                "Ada Bob",
                Entity("a", 0, 3, "person"),
                Entity("b", 4, 7, "person"),
                relations=(Relation("a", "b", "born in"),),
            ),
            "gliner",
            "does not allow",
            Weight.WARNING,
        ),
    ],
)
def test_each_fault_is_found_and_weighed(annotation: Annotation, format: str, said: str, weight: Weight) -> None:
    matching = [w for what, w in found(annotation, format).items() if said in what]
    assert matching == [weight]


def test_a_faultless_annotation_has_notes_at_most_and_exact_counts() -> None:
    entities = (Entity("a", 0, 3, "person"), Entity("b", 12, 18, "place"))
    given = [
        Annotation(Document(str(n), f"Ada born in London {n}"), SCHEMA, entities, (Relation("a", "b", "born in"),))
        for n in range(12)
    ]
    report = validate(iter(given))
    assert (report.documents, report.entities, report.relations) == (12, 24, 12)
    assert dict(report.entity_labels) == {"person": 12, "place": 12}
    assert [f.what for f in report.findings] == ["relation labels without an example"], "met is not used"
    assert not report.clean


def test_texts_that_occur_twice_are_named_with_their_twin() -> None:
    report = validate([mark("Ada left"), Annotation(Document("e", "ada  left"), SCHEMA)])
    (finding,) = [f for f in report.findings if "twice" in f.what]
    assert finding.places == (("e", "the same as d"),)
