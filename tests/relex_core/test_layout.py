"""What layout says is read: tables, lists, headings, lines of a signature; and wrapped prose stays one text."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relex_core.datasets import Gold
from relex_core.errors import ConfigError
from relex_core.examples import example, examples, join
from relex_core.inference import Extractor
from relex_core.layout import divisions
from relex_core.prompt import Pieces, load_tokenizer
from relex_core.selection import select
from relex_core.targets import assemble
from relex_core.types import Document, Entity, Schema, Thresholds
from relex_core.views import View
from relex_core.words import Words
from tests.relex_core.tiny import checkpoint

TABLE = "Name\tEmployer\tCity\nAda Lovelace\tAnalytical Engines\tLondon\nTim Cook\tApple\tCupertino\n"
WRAPPED = (
    "The company was founded in 1911 by a group of\n"
    "engineers from Vienna, and its first board met\n"
    "Anna Berg in the old town hall of the city on the\n"
    "river. It left the country later.\n"
    "Nobody knows why."
)


def parts(text: str) -> list[str]:
    """What stands between divisions, words joined by one space."""
    words = Words.of(text)
    at = [0, *divisions(words), len(words)]
    return [" ".join(words.words[a:b]) for a, b in pairwise(at)]


LAYOUTS = {
    "table": (
        TABLE.replace("\t", "\t "),
        ["Name", "Employer", "City", "Ada Lovelace", "Analytical Engines", "London", "Tim Cook", "Apple", "Cupertino"],
    ),
    "signature": ("Best\nAnna Berg\nSiemens AG\n80333 Munich", ["Best", "Anna Berg", "Siemens AG", "80333 Munich"]),
    "windows": ("Ada Lovelace\r\n\r\nGrace Hopper", ["Ada Lovelace", "Grace Hopper"]),
    "blank lines": ("Ada Lovelace\n \t\nGrace Hopper\n\n\nBo", ["Ada Lovelace", "Grace Hopper", "Bo"]),
    "pages": ("page one\fpage two", ["page one", "page two"]),
    "heading": (
        "The Board\nRoland Busch leads it since the spring .",
        ["The Board", "Roland Busch leads it since the spring ."],
    ),
    "short and wrapped": ("signed for the\nboard of Acme", ["signed for the board of Acme"]),
    "no capitals": ("وصل أحمد إلى\nمدينة القاهرة", ["وصل أحمد إلى مدينة القاهرة"]),
    "heading without capitals": ("عنوان قصير\n" + "وصل أحمد " * 6, ["عنوان قصير", ("وصل أحمد " * 6).strip()]),
    "empty": ("", [""]),
    "white": ("\n\n \t", [""]),
    "tab first": ("\tAda", ["Ada"]),
}


@pytest.mark.parametrize(("text", "expected"), LAYOUTS.values(), ids=LAYOUTS)
def test_layout_divides(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


def test_lines_of_wrapped_prose_are_not_divided() -> None:
    assert len(parts(WRAPPED)) == 2, "but for the line that ends before the last, which had room"
    assert parts(WRAPPED)[1] == "Nobody knows why ."


@given(
    st.lists(st.sampled_from(["Ada", "bo", "é", "7", ".", " ", "\n", "\n\n", "\t", "\f", "\r\n", "ا", "👩‍🚀"])).map(
        "".join
    )
)
def test_divisions_rise_and_lie_within(text: str) -> None:
    words = Words.of(text)
    found = divisions(words)
    assert list(found) == sorted(set(found))
    assert all(0 < at < len(words) and words.text[words.ends[at - 1] : words.starts[at]].isspace() for at in found)
    blank = [at for at in range(1, len(words)) if words.text[words.ends[at - 1] : words.starts[at]].count("\n") > 1]
    assert set(blank) <= set(found)


@given(st.lists(st.sampled_from(["Ada", "Lovelace", "unbelievably", ".", "-", "\u200b"]), min_size=1), st.data())
def test_marks_are_seen_and_are_no_words(mini: Extractor, words: list[str], data: st.DataObject) -> None:
    builder = mini.loaded.builder
    (plain,) = builder.pieces([words])
    at = sorted(data.draw(st.sets(st.integers(1, len(words) - 1)))) if len(words) > 1 else []
    read = builder.laid_out(plain, words, at)
    marked = [i for i in at if words[i - 1][-1].isalnum()]
    assert len(read.ids) == len(plain.ids) + len(marked) * len(builder.mark)
    for i in range(len(words)):
        more = builder.mark if i + 1 in marked else ()
        own = plain.ids[plain.starts[i] : plain.starts[i + 1]]
        assert read.ids[read.starts[i] : read.starts[i + 1]] == (*own, *more)


def found(extractor: Extractor, text: str) -> set[tuple[str, str]]:
    document = Document.from_text(text)
    schema = Schema.of(["person", "organization", "location"], ["works for"])
    return {(e.text(document), e.label) for e in select(extractor.extract(document, schema), Thresholds()).entities}


def test_mini_reads_a_table_and_a_signature(mini: Extractor) -> None:
    assert {
        ("Ada Lovelace", "person"),
        ("Analytical Engines", "organization"),
        ("London", "location"),
        ("Tim Cook", "person"),
        ("Apple", "organization"),
    } <= found(mini, TABLE)
    assert ("Anna Berg", "person") in found(mini, "See you on Monday\n\nAnna Berg\nSiemens AG\nMunich")


@pytest.mark.parametrize("span_mode", ["markerV0", "token_level"])
def test_no_entity_goes_on_beyond_a_division(tmp_path: Path, span_mode: str) -> None:
    extractor = Extractor.load(checkpoint(tmp_path, span_mode=span_mode))
    lowest = Thresholds(0.01, 1.0)
    schema = Schema.of(["person", "city"])
    for text, crossing in (("Ada Lovelace lives in London", True), ("Ada Lovelace\tlives in\n\nLondon", False)):
        document = Document.from_text(text)
        texts = [e.text(document) for e in extractor.extract(document, schema, lowest).entities]
        assert any("lives" in each and "Ada" in each for each in texts) == crossing
        assert any("Ada" in each for each in texts)
        assert not any("\t" in each or "\n" in each for each in texts)


def test_training_sees_what_reading_sees(tmp_path: Path, mini: Extractor) -> None:
    text = "Ada Lovelace\tAcme\nBo\tParis\n\nThe end."
    gold = Gold(Document.from_text(text), (Entity("0", 0, 12, "person"), Entity("1", 13, 17, "company")), ())
    (whole,) = examples(gold)
    assert whole.divisions == (2, 3, 4, 5)
    assert join([whole, whole]).divisions == (2, 3, 4, 5, 10, 11, 12, 13)
    lines = examples(gold, max_words=4)
    assert [(line.words, line.divisions) for line in lines] == [
        (("Ada", "Lovelace", "Acme"), (2,)),
        (("Bo", "Paris"), (1,)),
        (("The", "end", "."), ()),
    ]
    nothing: frozenset[tuple[int, int]] = frozenset()
    view = View(whole.words, ("person",), (), (), (), True, (), (), (), nothing, nothing, whole.divisions)
    config = mini.loaded.config
    batch = assemble([view], mini.loaded.builder, config, 512).batch
    (window,) = mini.plan([(gold.document, Schema.of(["person"]), Thresholds())])[0].windows
    assert tuple(batch.ids_BT[0].tolist())[-len(window.pieces.ids) - 1 : -1] == window.pieces.ids
    assert sum(window.pieces.ids.count(piece) for piece in mini.loaded.builder.mark) == len(whole.divisions)
    plain = replace(config, layout_mark="")
    builder = load_tokenizer(mini.loaded.path, plain)
    assert builder.laid_out(Pieces((5, 6), (0, 1, 2)), ["a", "b"], [1]) == Pieces((5, 6), (0, 1, 2))
    assert "layout_mark" not in plain.to_json()
    assert config.to_json()["layout_mark"] == "|"


@pytest.mark.parametrize("change", [{"layout_mark": 1}, {"layout_mark": "|", "subtoken_pooling": "mean"}])
def test_a_mark_that_would_be_part_of_words_is_refused(mini: Extractor, change: dict[str, object]) -> None:
    data = json.loads((mini.loaded.path / "gliner_config.json").read_text("utf-8"))
    with pytest.raises(ConfigError, match="layout_mark"):
        type(mini.loaded.config).from_json({**data, **change})


def test_a_long_table_is_divided_between_rows(mini: Extractor) -> None:
    rows = "".join(f"Ada Lovelace {n}\tAcme Works\tLondon\n" for n in range(40))
    document = Document.from_text(rows)
    windows = mini.extract(document, Schema.of(["person"])).windows
    assert len(windows) > 2
    assert all(rows[start:].startswith("Ada") and rows[end] == "\n" for start, end in windows)


def test_example_of_prose_has_no_divisions() -> None:
    assert example(Gold(Document.from_text("Ada met Bo. They left."), (), ())).divisions == ()
