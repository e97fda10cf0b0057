"""Relations read off syntax. The sentences are our own; `silver_sample.jsonl` holds 200 hand-checked relations
from open text (names, label, verdict; the sentences themselves are identified by their hash)."""

from __future__ import annotations

import gzip
import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("spacy")

from relex_core import silver
from relex_core.datasets import read_gold
from relex_core.errors import ConfigError, InputError
from relex_core.examples import example
from relex_core.silver import load_parser, make_silver, read_sentences

SAMPLE = Path(__file__).parent / "silver_sample.jsonl"


@pytest.fixture(scope="module")
def parser() -> Any:
    return load_parser()


def relations(parser: Any, text: str) -> set[tuple[str, str, str]]:
    found = set()
    for record in read_sentences(parser(text), "test", 0):
        names = [" ".join(record["tokens"][e["start"] : e["end"] + 1]) for e in record["entities"]]
        found |= {(names[r["head"]], r["label"], names[r["tail"]]) for r in record["relations"]}
    return found


@pytest.mark.parametrize(
    ("text", "head", "label", "tail"),
    [
        ("Tim Cook, chief executive of Apple, was born in Alabama.", "Tim Cook", "chief executive of", "Apple"),
        ("Tim Cook, chief executive of Apple, was born in Alabama.", "Tim Cook", "born in", "Alabama"),
        ("Apple's chairman, Arthur Levinson, lives in California.", "Arthur Levinson", "chairman of", "Apple"),
        ("Apple's chairman, Arthur Levinson, lives in California.", "Arthur Levinson", "lives in", "California"),
        ("Apple chairman Arthur Levinson visited Paris.", "Arthur Levinson", "works for", "Apple"),
        ("Google acquired YouTube in 2006.", "Google", "acquired", "YouTube"),
        ("Google acquired YouTube in 2006.", "YouTube", "acquired by", "Google"),
        ("IBM was founded by Charles Flint in 1911.", "IBM", "founded by", "Charles Flint"),
        ("IBM was founded by Charles Flint in 1911.", "Charles Flint", "founded", "IBM"),
        ("IBM was founded by Charles Flint in 1911.", "IBM", "founded in year", "1911"),
        ("Tom Hanks married Rita Wilson in Greece.", "Rita Wilson", "married", "Tom Hanks"),
        ("American actor Tom Hanks lives in Chicago.", "Tom Hanks", "nationality", "American"),
        ("Microsoft has its headquarters in Redmond.", "Microsoft", "has headquarters in", "Redmond"),
        ("Barack Obama, who led the Democratic Party, moved to Hawaii.", "Barack Obama", "moved to", "Hawaii"),
        ("He works in Dallas, Texas.", "Dallas", "located in", "Texas"),
    ],
)
def test_what_a_sentence_says_is_read(parser: Any, text: str, head: str, label: str, tail: str) -> None:
    assert (head, label, tail) in relations(parser, text)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("They visited France, Ireland, Spain and Portugal.", "located in"),
        ("Google did not acquire YouTube.", "acquires"),
        ("Angela Merkel met Barack Obama before Christmas during World War II.", "met during"),
        ("IBM said on Tuesday that Google sued it last year.", "said on date"),
    ],
)
def test_what_it_does_not_say_is_not(parser: Any, text: str, label: str) -> None:
    assert label not in {found for _, found, _ in relations(parser, text)}


def types(parser: Any, text: str) -> dict[str, list[str]]:
    return {
        " ".join(record["tokens"][e["start"] : e["end"] + 1]): e.get("types", [])
        for record in read_sentences(parser(text), "test", 0, keep_empty=True)
        for e in record["entities"]
    }


@pytest.mark.parametrize(
    ("text", "name", "called"),
    [
        ("Marie Curie was a physicist and chemist from Poland.", "Marie Curie", ["physicist", "chemist"]),
        ("Tim Cook, a businessman from Alabama, runs Apple.", "Tim Cook", ["businessman"]),
        ("The guitarist Jonny Greenwood lives in Oxford.", "Jonny Greenwood", ["guitarist"]),
        ("He crossed rivers such as the Danube near Vienna.", "Danube", ["river"]),
        ("Ada studied at Stanford University in California.", "Stanford University", ["university"]),
        ("Napoleon lost the Battle of Waterloo in Belgium.", "Battle of Waterloo", ["battle"]),
        ("Microsoft is a software company in Redmond.", "Microsoft", ["software company", "company"]),
    ],
)
def test_what_a_sentence_calls_a_thing_is_its_type(parser: Any, text: str, name: str, called: list[str]) -> None:
    assert types(parser, text)[name] == called


@pytest.mark.parametrize(
    "text",
    [
        "Microsoft is not a bank in Redmond.",
        "Tom Hanks is a friend of Rita Wilson.",
        "Barack Obama visited the European Union in Brussels.",
    ],
)
def test_what_is_denied_or_says_nothing_is_no_type(parser: Any, text: str) -> None:
    assert not any(types(parser, text).values())


def test_records_are_training_examples(parser: Any, tmp_path: Path) -> None:
    source = tmp_path / "news.txt"
    source.write_text("Google acquired YouTube in 2006.\n\nIt rained.\nApple is based in California.\n", "utf-8")
    out = tmp_path / "silver.jsonl.gz"
    labels = make_silver([source], out, skip={"Apple is based in California."}, limit=None, keep_empty=0.0)
    assert labels["acquired"] == 1
    (gold,) = read_gold(out)
    assert [e.text(gold.document) for e in gold.entities] == ["Google", "YouTube", "2006"]
    item = example(gold)
    assert (0, 1, "acquired") in item.relations
    assert not item.partial
    with pytest.raises(InputError, match="nowhere"):
        make_silver([tmp_path / "nowhere.txt"], out, set(), None, 0.0)


def test_texts_that_cannot_be_read_leave_the_output_as_it_was(tmp_path: Path) -> None:
    out, good = tmp_path / "out.jsonl", tmp_path / "good.txt"
    out.write_text("what was there\n")
    good.write_text("Google acquired YouTube in 2006.\n")
    (tmp_path / "latin.txt").write_bytes("Müller\n".encode("latin-1"))
    (tmp_path / "fake.txt.gz").write_text("no gzip")
    # it breaks off after more texts than the parser takes at once, in blank lines that do not pack well
    blank = "\n".join("".join(random.Random(n).choices(" \t", k=80)) for n in range(2_000))
    packed = gzip.compress("".join(f"Ada founded Acme {n}.\n" for n in range(600)).encode() + blank.encode())
    (tmp_path / "cut.txt.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "empty.txt").write_text("\n\n")
    for names in (["latin.txt"], ["fake.txt.gz"], ["cut.txt.gz"], ["empty.txt"], ["good.txt", "none.txt"], ["."], []):
        with pytest.raises(InputError):
            make_silver([tmp_path / name for name in names], out, set(), None, 0.0)
        assert out.read_text() == "what was there\n"
        assert not list(tmp_path.glob(".*"))
    with pytest.raises(InputError, match="none of the inputs"):
        make_silver([good], good, set(), None, 0.0)
    assert good.read_text() == "Google acquired YouTube in 2006.\n"


def test_a_line_longer_than_the_parser_takes_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silver, "MAX_CHARACTERS", 40)
    (tmp_path / "a.txt").write_text(
        "\ufeffGoogle acquired YouTube in 2006. IBM was founded by Charles Flint.\n", "utf-8"
    )
    make_silver([tmp_path / "a.txt"], tmp_path / "out.jsonl", set(), None, 0.0)
    texts = [gold.document.text for gold in read_gold(tmp_path / "out.jsonl")]
    assert texts[0] == "Google acquired YouTube in 2006."
    assert list(silver._parts("x" * 100)) == ["x" * 40, "x" * 40, "x" * 20]


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import spacy

    monkeypatch.setattr(spacy.util, "is_package", lambda _: False)
    with pytest.raises(ConfigError, match="no spaCy's small English pipeline"):
        load_parser()
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(ConfigError, match=r"no spaCy\. Install"):
        load_parser()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from relex_core.__main__ import main

    (tmp_path / "a.txt").write_text("Google acquired YouTube in 2006.\n", "utf-8")
    out = tmp_path / "out.jsonl.gz"
    command = ["silver", "--input", str(tmp_path / "a.txt"), "--out", str(out)]
    for option, value in (("--limit", "0"), ("--keep-empty", "7")):
        assert main([*command, option, value]) == 2
    assert "--keep-empty between 0 and 1" in capsys.readouterr().err
    assert main([*command, "--skip", str(out)]) == 2
    assert "none of the inputs" in capsys.readouterr().err
    assert main(command) == 0
    assert "acquired" in capsys.readouterr().out
    with gzip.open(out, "rt", encoding="utf-8") as lines:
        assert json.loads(next(lines))["source"] == "silver-a"


def test_the_sample_bears_out_the_stated_precision() -> None:
    verdicts = [json.loads(line)["right"] for line in SAMPLE.read_text("utf-8").splitlines()]
    assert len(verdicts) == 200
    stated = (Path(__file__).parents[2] / "relex_core" / "silver.py").read_text("utf-8")
    assert f"{sum(verdicts)} of 200" in stated
