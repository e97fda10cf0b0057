from __future__ import annotations

from pathlib import Path

import pytest

from relex_core.datasets import read_gold
from relex_core.errors import FormatError
from relex_core.examples import example
from relex_core.marked import Marked, read_marked
from relex_core.training_config import PRESETS
from relex_core.words import Words

ADA = """# a comment
[Ada|mathematician; person] of the [University of [Oslo|city; location]|university; organization] wrote \\[1\\].
1 > 2: works at; affiliation
3 > 2: seat of
1 !> 3: lives in

🙂 Nothing here.
"""


def test_spans_types_and_relations(tmp_path: Path) -> None:
    first, second = read_marked(ADA, "a.marked")
    assert isinstance(first, Marked)
    assert isinstance(second, Marked)
    assert first.text == "Ada of the University of Oslo wrote [1]."
    assert [(first.text[s:e], types) for s, e, types in first.spans] == [
        ("Ada", ("mathematician", "person")),
        ("University of Oslo", ("university", "organization")),
        ("Oslo", ("city", "location")),
    ]
    assert first.relations == ((0, 1, "works at"), (0, 1, "affiliation"), (2, 1, "seat of"))
    assert first.wrong == ((0, 2, "lives in"),)
    assert (second.text, second.spans, second.line) == ("🙂 Nothing here.", (), 7)
    (tmp_path / "a.marked").write_text(ADA, "utf-8")
    item = example(read_gold(tmp_path / "a.marked")[0])
    assert item.entities[0] == (0, 0, "person")
    assert item.types[0] == (0, 0, ("mathematician",))
    assert item.wrong_relations == ((0, 2, "lives in"),)
    assert not item.partial


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[Ada|person wrote.", "closing bracket"),
        ("[Ada] wrote.", "brackets of the form"),
        ("[|person] wrote.", "a text and a type"),
        ("Ada] wrote.", "brackets of the form"),
        ("[Ada|person] met [Bo|person].\n1 > 3: knows", "1 to 2, found 1 and 3"),
        ("[Ada|person] met [Bo|person].\n1 > 1: knows", "two different"),
        ("[Ada|person] met [Bo|person].\n1 knows 2", "1 > 2: works for"),
        ("[Ada|person] met [Bo|person].\n1 > 2: knows\n1 !> 2: knows", "both ways"),
    ],
)
def test_what_cannot_be_read_says_where_and_the_rest_is_read(text: str, message: str, tmp_path: Path) -> None:
    bad, good = read_marked(f"{text}\n\n[Ada|person] slept.", "a.marked")
    assert isinstance(bad, FormatError)
    assert message in str(bad)
    assert "a.marked, line" in str(bad)
    assert isinstance(good, Marked)
    (tmp_path / "a.marked").write_text(text, "utf-8")
    with pytest.raises(FormatError):
        read_gold(tmp_path / "a.marked")


def test_a_separator_of_lines_may_stand_in_a_sentence() -> None:
    (found,) = read_marked("[Ada|person] met\u2028[Bo|person]\x85.\n1 > 2: met", "a.marked")
    assert isinstance(found, Marked)
    assert (found.text, found.relations) == ("Ada met\u2028Bo\x85.", ((0, 1, "met"),))


def test_the_texts_that_mini_learns_from_are_sound() -> None:
    files = sorted((PRESETS / "texts").glob("*.marked"))
    assert files
    seen = set()
    for path in files:
        for text in read_marked(path.read_text("utf-8"), path.name):
            assert isinstance(text, Marked), text
            assert text.text not in seen, (path.name, text.line)
            seen.add(text.text)
            words = Words.of(text.text)
            for start, end, types in text.spans:
                # `augmentation` teaches that these are not what "other" asks for
                assert "other" not in types or {"nationality", "language"}.isdisjoint(types), (path.name, text.line)
                covered = words.covering(start, end)
                assert covered is not None
                assert words.offsets(*covered) == (start, end), (path.name, text.line, text.text[start:end])
