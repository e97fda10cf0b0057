from __future__ import annotations

import pytest

from db import search
from db.store import Store
from db.values import Order, State
from relex_core.types import Annotation, Document, Entity, Relation
from tests.db.conftest import SCHEMA, found

TEXTS = {
    "cafe": "The Café Zoë — naïve STRASSE.",
    "straße": "Große Straße in München",
    "tokyo": "東京タワーは高い",
    "arabic": "كتب محمد رسالة",
    "emoji": "good 👩‍👩‍👧 day",
    "operators": "a AND b OR NOT c NEAR(d) {col}: ^x* -y",
    "percent": "100% of under_score 'quoted' \\ text",
    "born": "Ada was born in London and born again",
    "devanagari": "हिन्दी में लिखा",
}


@pytest.fixture
def letters(store: Store) -> Store:
    store.create_project("letters", SCHEMA)
    store.create_project("other", SCHEMA)
    store.add_documents("letters", [Document(id, text, f"{id}-file.txt") for id, text in TEXTS.items()])
    store.add_documents("other", [Document("other", "Ada in another project")])
    return store


def ids(store: Store, query: str, **more: object) -> list[str]:
    return [row.id for row in store.queue("letters", search=query, **more)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cafe", ["cafe"]),
        ("CAFÉ zoe", ["cafe"]),
        ("cafe\u0301", ["cafe"]),
        ("strasse", ["cafe", "straße"]),
        ("munchen", ["straße"]),
        ("mün", ["straße"]),
        ("mün ", []),
        ("東京", ["tokyo"]),
        ("京東", []),
        ("タワー", ["tokyo"]),
        ("محمد", ["arabic"]),
        ("हिन्दी", ["devanagari"]),
        ("day good", ["emoji"]),
        ('"born in"', ["born"]),
        ('"in born"', []),
        ('"BORN IN london"', ["born"]),
        ('"born in', ["born"]),
        ("tokyo-file", ["tokyo"]),
        ("ada", ["born"]),
        ("NEAR(d)", ["operators"]),
        ("a AND b", ["operators"]),
        ("nothing OR NOT", []),
        ("100%", ["percent"]),
        ("under_score", ["percent"]),
        ('"100%_of"', []),
        ("'quoted'", ["percent"]),
        ("'; DROP TABLE documents; --", []),
        ("\ue0001", ["percent"]),  # what the index marks projects with is no word that can be asked for
        ('"', list(TEXTS)),
        ("   ", list(TEXTS)),
        ("\x00", list(TEXTS)),
    ],
)
def test_words(letters: Store, query: str, expected: list[str]) -> None:
    assert ids(letters, query) == expected


@pytest.mark.parametrize("many", [5_000, 1, 0])
def test_labels_states_and_orders(letters: Store, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of searching: fetching all hits, and walking the order."""
    monkeypatch.setattr(search, "MANY", many)
    born = letters.document("letters", "born")
    entities = (Entity("a", 0, 3, "person"), Entity("b", 16, 22, "place"))
    annotation = Annotation(born, SCHEMA, entities, (Relation("a", "b", "born in"),))
    letters.save("letters", annotation, annotator="ann", state=State.SUBMITTED)
    cafe = letters.document("letters", "cafe")
    letters.save_extraction("letters", found(cafe, Entity.suggested(9, 12, "person", 0.5)))
    assert ids(letters, "label:person") == ["cafe", "born"]
    assert ids(letters, 'label:"born in"') == ["born"]
    assert ids(letters, 'label:"born in" ada label:place') == ["born"]
    assert ids(letters, "label:person zoe") == ["cafe"]
    assert ids(letters, "label:nobody") == []
    assert ids(letters, "label:person", states=[State.NEW]) == ["cafe"]
    assert ids(letters, "file", states=["submitted"]) == ["born"]
    assert ids(letters, "file", order=Order.UNCERTAINTY)[0] == "cafe"
    assert sorted(ids(letters, "file", order=Order.RANDOM)) == sorted(TEXTS)
    first = letters.queue("letters", search="file", limit=3)
    rest = letters.queue("letters", search="file", after=first[-1])
    assert [row.id for row in (*first, *rest)] == list(TEXTS)


def test_long_text_is_found_whole(letters: Store) -> None:
    text = " ".join(f"w{n}" for n in range(20_000)) + " finale" + " " + "x" * 5_000
    letters.add_documents("letters", [Document("long", text)])
    assert ids(letters, "finale") == ["long"]
    assert ids(letters, "x" * 300) == ["long"]
