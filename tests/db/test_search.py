from __future__ import annotations

import pytest

from db import check, search
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
    "russian": "Вчера Новая Газета писала",
    "decomposed": "Rose\u0301-Bar am Platz",
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
        ('"новая газета"', ["russian"]),
        ('"газета новая"', []),
        ("rosé-bar", ["decomposed"]),
        ("ROSE\u0301-BAR", ["decomposed"]),
        ('"große STRASSE"', ["straße"]),
        ('"naïve straße"', ["cafe"]),
        ('"हिन्दी में"', ["devanagari"]),
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


@pytest.mark.parametrize("many", [5_000, 0])
def test_a_word_is_found_while_it_is_typed(letters: Store, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each length, on both sides of the longest beginning that is in the index."""
    monkeypatch.setattr(search, "MANY", many)
    letters.add_documents("letters", [Document("towns", "Unforgettable towns")])
    word = "unforgettable"
    for length in range(1, len(word) + 1):
        assert "towns" in ids(letters, word[:length])
        assert ids(letters, f"towns {word[:length]}") == ["towns"]
        assert ids(letters, word[:length], order=Order.UNCERTAINTY, states=[State.FLAGGED]) == []
    assert set(ids(letters, "un")) == {"towns", "percent"}
    assert ids(letters, "unx") == []


def test_long_text_is_found_whole(letters: Store) -> None:
    text = " ".join(f"w{n}" for n in range(20_000)) + " finale" + " " + "x" * 5_000
    letters.add_documents("letters", [Document("long", text)])
    assert ids(letters, "finale") == ["long"]
    assert ids(letters, "x" * 300) == ["long"]


@pytest.mark.parametrize("letter", ["x", "ж", "𐐨"])
def test_more_words_than_the_index_has_room_for_spoil_nothing(letters: Store, letter: str) -> None:
    """1.3, 2.7 and 5.3 MB of different words, of which PostgreSQL's tsvector holds 1 MiB."""
    text = " ".join(f"{n:05}{letter * 220}" for n in range(6_000))
    document = Document("long", text)
    assert letters.add_documents("letters", [document]).added == 1
    letters.save("letters", Annotation(document, SCHEMA, (Entity("e", 0, 5, "person"),)), annotator="ann")
    assert letters.document("letters", "long") == document
    assert ids(letters, "long") == ["long"]
    assert ids(letters, text.split()[0] + " ") == ids(letters, text.split()[900] + " ") == ["long"]
    assert ids(letters, "nowhere ") == []
    assert ids(letters, "london ") == ["born"]
    assert list(check.check(letters.database)) == []


@pytest.mark.parametrize("engine", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_an_index_spoilt_by_too_many_words_is_found_and_mended(letters: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_ROOM", 10**9)
    letters.add_documents("letters", [Document("long", " ".join(f"{n:05}{'x' * 220}" for n in range(6_000)))])
    assert ids(letters, "long") == []
    monkeypatch.undo()
    assert [finding.what for finding in check.check(letters.database)] == ["is not in the search index"]
    check.repair(letters.database)
    assert list(check.check(letters.database)) == []
    assert ids(letters, "long") == ["long"]
