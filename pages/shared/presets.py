"""Label sets to begin with, one a field of work, with the types that a relation's ends may have."""

from __future__ import annotations

from relex_core.types import RelationLabel, Schema


def _relation(
    name: str, heads: str = "", tails: str = "", *, symmetric: bool = False, inverse: str = ""
) -> RelationLabel:
    return RelationLabel(name, head_types=_names(heads), tail_types=_names(tails), symmetric=symmetric, inverse=inverse)


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def _schema(entities: str, relations: list[RelationLabel]) -> Schema:
    # a relation keeps its own colour beside the others
    coloured = [
        RelationLabel(r.name, r.description, r.head_types, r.tail_types, r.symmetric, r.inverse, color)
        for color, r in enumerate(relations)
    ]
    return Schema.of(_names(entities), coloured)


PRESETS: dict[str, Schema] = {
    "people": _schema(
        "person, organization, location, award, date",
        [
            _relation("spouse", "person", "person", symmetric=True),
            _relation("born in", "person", "location"),
            _relation("works for", "person", "organization"),
            _relation("received award", "person, organization", "award"),
            _relation("located in", "organization, location", "location"),
        ],
    ),
    "news": _schema(
        "person, organization, location, event, date",
        [
            _relation("works for", "person", "organization"),
            _relation("lives in", "person", "location"),
            _relation("based in", "organization", "location"),
            _relation("located in", "location", "location"),
            _relation("took part in", "person, organization", "event"),
        ],
    ),
    "biomedical": _schema(
        "drug, disease, gene, protein, symptom",
        [
            _relation("treats", "drug", "disease, symptom"),
            _relation("causes", "drug, disease, gene", "disease, symptom"),
            _relation("inhibits", "drug, protein", "protein, gene"),
            _relation("associated with", "gene, protein", "disease"),
        ],
    ),
    "business": _schema(
        "company, person, product, location, amount of money",
        [
            _relation("acquired", "company", "company, product"),
            _relation("chief executive of", "person", "company"),
            _relation("founded", "person", "company"),
            _relation("headquartered in", "company", "location"),
            _relation("develops", "company", "product"),
        ],
    ),
    "science": _schema(
        "researcher, university, theory, discipline, instrument",
        [
            _relation("works at", "researcher", "university"),
            _relation("developed", "researcher", "theory, instrument"),
            _relation("field of work", "researcher", "discipline"),
            _relation("part of", "theory, discipline", "discipline"),
        ],
    ),
}
"""Name of a field -> its label set, the first one for the first sample."""
