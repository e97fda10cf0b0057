"""Texts and suggestions for the editor's tests: written for these tests, scores by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from relex_core.types import Document, Entity, Extraction, Relation, RelationLabel, Schema

SCHEMA = Schema.of(
    ["person", "organization", "location", "award", "work", "<script>alert(1)</script>"],
    [
        RelationLabel("works for", head_types=("person",), tail_types=("organization",), color=4),
        RelationLabel("located in", head_types=("organization", "location"), tail_types=("location",), color=2),
        RelationLabel("received", head_types=("person",), tail_types=("award",), color=3),
        RelationLabel("spouse of", head_types=("person",), tail_types=("person",), symmetric=True, color=5),
        RelationLabel("influenced", color=7),
    ],
)

NEWS = (
    "Marie Curie shared the Nobel Prize in Physics with her husband Pierre Curie in 1903 🏆. "
    "Curie had come from Warsaw to Paris, where she studied at the Sorbonne and later taught there.\n"
    "\n"
    "Her daughter Irène Joliot-Curie worked at the Radium Institute in Paris. <b>In 1935</b> she and "
    "Frédéric Joliot received the Nobel Prize in Chemistry; the institute, which Curie had founded, "
    "was by then a name in every laboratory of Europe.\n"
    "وُلدت ماري كوري في وارسو عام 1867.\n"
    "Later 👩‍🔬 Lise Meitner of Berlin wrote to Paris & asked for a sample.\n"
)


def news() -> Extraction:
    return _extraction(
        "news",
        NEWS,
        [
            ("Marie Curie", 0, "person", 0.97),
            ("Nobel Prize in Physics", 0, "award", 0.88),
            ("Physics", 0, "work", 0.34),
            ("Pierre Curie", 0, "person", 0.95),
            ("Warsaw", 0, "location", 0.91),
            ("Paris", 0, "location", 0.93),
            ("Sorbonne", 0, "organization", 0.62),
            ("Irène Joliot-Curie", 0, "person", 0.94),
            ("Radium Institute", 0, "organization", 0.79),
            ("Paris", 1, "location", 0.9),
            ("Frédéric Joliot", 0, "person", 0.89),
            ("Nobel Prize in Chemistry", 0, "award", 0.83),
            ("Europe", 0, "location", 0.41),
            ("ماري كوري", 0, "person", 0.66),
            ("وارسو", 0, "location", 0.58),
            ("Lise Meitner", 0, "person", 0.9),
            ("laboratory", 0, "organization", 0.15),
        ],
        [
            (0, 3, "spouse of", 0.91),
            (0, 1, "received", 0.86),
            (3, 1, "received", 0.74),
            (0, 6, "works for", 0.55),
            (7, 8, "works for", 0.81),
            (8, 9, "located in", 0.77),
            (10, 11, "received", 0.7),
            (7, 11, "received", 0.52),
            (0, 8, "works for", 0.33),
        ],
    )


def second() -> Extraction:
    return _extraction(
        "second",
        "Grace Hopper joined Remington Rand in New York. She wrote the first compiler there.",
        [
            ("Grace Hopper", 0, "person", 0.92),
            ("Remington Rand", 0, "organization", 0.81),
            ("New York", 0, "location", 0.77),
        ],
        [(0, 1, "works for", 0.83), (1, 2, "located in", 0.6)],
    )


def passages() -> Extraction:
    """Read in two passages: nothing holds the first and the last entity."""
    found = replace(second(), document=Document("passages", second().document.text))
    return replace(found, windows=((0, 34), (20, len(found.document.text))))


def nested() -> Extraction:
    return _extraction(
        "nested",
        "The University of California Press in Berkeley printed it.",
        [
            ("University of California Press", 0, "organization", 0.9),
            ("University of California", 0, "organization", 0.6),
            ("California", 0, "location", 0.7),
            ("Berkeley", 0, "location", 0.8),
        ],
        [(0, 3, "located in", 0.8)],
    )


def big() -> Extraction:
    """2,000 words, 300 entities, 150 relations."""
    return _generated("big", sentences=150)


def late() -> Extraction:
    """Like `big`; what the model is least sure of is a relation far below, between two lines."""
    found = _generated("late", sentences=150)
    least = Relation(found.entities[248].id, found.entities[241].id, "influenced", 0.501)
    return replace(found, relations=(*found.relations, least))


def huge() -> Extraction:
    """More than 100,000 characters, about 2,900 entities."""
    return _generated("huge", sentences=1480)


def vast() -> Extraction:
    """More than is sent at once: 250,000 characters, thousands of emoji among them."""
    return _generated("vast", sentences=3400, subject="🛠️👩‍🔬 tools")


def tied() -> Extraction:
    """One is less sure of an entity than of the relation that begins there, which is next in the list."""
    return _extraction(
        "tied",
        "Ada Byron wrote to Charles Babbage from Ockham.",
        [("Ada Byron", 0, "person", 0.7), ("Charles Babbage", 0, "person", 0.9), ("Ockham", 0, "location", 0.95)],
        [(0, 1, "influenced", 0.95)],
    )


def bare() -> Extraction:
    """Nothing suggested; emoji sequences, combining marks, Arabic, Japanese."""
    text = (
        "🏆🏆 Ada 👩‍🔬 met e\u0301milie du Cha\u0302telet.\n"
        "التقت ليلى العلوي بسامي في القاهرة.\n"
        "東京大学で研究した。\n"
        "<script>alert(1)</script> said Ada to Ada, and Adam.\n"
    )
    return _extraction("bare", text, [], [])


def hub() -> Extraction:
    """Ten relations to and from one entity, on its own line and on others."""
    names = [
        ("Ada Byron", "person"), ("Charles Babbage", "person"), ("London", "location"), ("Acme Works", "organization"),
        ("Mary Somerville", "person"), ("Augustus De Morgan", "person"), ("Surrey", "location"), ("Ockham", "location"),
        ("William King", "person"), ("Annabella Milbanke", "person"), ("Medal of Merit", "award"),
    ]  # fmt: skip
    text = (
        "Ada Byron worked with Charles Babbage in London for Acme Works while Mary Somerville and Augustus De Morgan "
        "taught her mathematics in Surrey near Ockham and William King wrote letters to Annabella Milbanke. Nobody "
        "there had heard of what was being built, and those who had did not believe that it would ever do a day's "
        "work for anybody. Years later came the Medal of Merit, which was kept in a drawer."
    )
    labels = {"person": "spouse of", "organization": "works for", "award": "received", "location": "influenced"}
    pairs = [(4, n, labels[label], 0.9) for n, (_, label) in enumerate(names) if n not in (4, 5, 9)]
    return _extraction(
        "hub",
        text,
        [(name, 0, label, 0.9) for name, label in names],
        [*pairs, (5, 4, "influenced", 0.8), (9, 4, "influenced", 0.7)],
    )


def arabic() -> Extraction:
    """Six relations from one entity, in a text that runs from right to left."""
    once = "التقت ليلى العلوي بسامي في القاهرة ثم سافرت إلى باريس حيث عملت في جامعة السوربون مع ماري كوري وزوجها. "
    text = (once * 3).strip()
    names = [
        ("ليلى العلوي", 0),
        ("بسامي", 0),
        ("القاهرة", 0),
        ("باريس", 0),
        ("السوربون", 0),
        ("ماري كوري", 0),
        ("القاهرة", 2),
    ]
    labels = ["person", "person", "location", "location", "organization", "person", "location"]
    relations = ["spouse of", "influenced", "influenced", "works for", "spouse of", "influenced"]
    spans = [(words, n, label, 0.9) for (words, n), label in zip(names, labels, strict=True)]
    return _extraction("arabic", text, spans, [(0, n + 1, label, 0.9) for n, label in enumerate(relations)])


SCENARIOS: dict[str, Callable[[], Extraction]] = {
    "news": news,
    "second": second,
    "passages": passages,
    "nested": nested,
    "big": big,
    "late": late,
    "huge": huge,
    "vast": vast,
    "tied": tied,
    "bare": bare,
    "hub": hub,
    "arabic": arabic,
}


def _generated(id: str, sentences: int, subject: str = "tools") -> Extraction:
    text, entities, relations = "", [], []
    for n in range(sentences):
        person, company = f"Person{n} Name{n}", f"Company{n} Works"
        start = len(text)
        text += f"{person} was hired by {company} after a long talk about {subject}.{' ' if (n + 1) % 5 else chr(10)}"
        head = Entity.suggested(start, start + len(person), "person", 0.35 + (n * 7 % 60) / 100)
        at = text.index(company, start)
        tail = Entity.suggested(at, at + len(company), "organization", 0.32 + (n * 11 % 60) / 100)
        entities += [head, tail]
        relations.append(Relation(head.id, tail.id, "works for", 0.51 + (n * 13 % 45) / 100))
    return Extraction(Document(id, text), SCHEMA, tuple(entities), tuple(relations), "by hand")


def _extraction(
    id: str, text: str, spans: list[tuple[str, int, str, float]], pairs: list[tuple[int, int, str, float]]
) -> Extraction:
    entities = []
    for wanted, occurrence, label, score in spans:
        at = -1
        for _ in range(occurrence + 1):
            at = text.index(wanted, at + 1)
        entities.append(Entity.suggested(at, at + len(wanted), label, score))
    relations = tuple(Relation(entities[h].id, entities[t].id, label, score) for h, t, label, score in pairs)
    ordered = tuple(sorted(entities, key=lambda e: e.start))
    return Extraction(Document(id, text), SCHEMA, ordered, relations, "by hand")
