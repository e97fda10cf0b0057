from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from relex_core.datasets import labels_of, locate, read_gold
from relex_core.errors import FormatError, InputError
from relex_core.examples import clean_silver, example, join
from relex_core.jsonl import dumps, training_record
from relex_core.types import Annotation, Document, Entity, Relation, Schema
from tests.relex_core.tiny import corpus, record


def test_corpus_offsets_are_those_of_the_text(tmp_path: Path) -> None:
    given = {**record(0), "text": "Ada  Lovelace works for Acme in London."}
    (tmp_path / "a.jsonl").write_text(json.dumps(given) + "\n")
    (gold,) = read_gold(tmp_path / "a.jsonl")
    assert [entity.text(gold.document) for entity in gold.entities] == ["Ada  Lovelace", "Acme", "London"]
    assert [(r.head, r.tail, r.label) for r in gold.relations] == [("0", "1", "works for")]


def test_gzip_reads_the_same(tmp_path: Path) -> None:
    plain = corpus(tmp_path / "a.jsonl")
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert [g.document.text for g in read_gold(packed)] == [g.document.text for g in read_gold(plain)]
    assert [label.name for label in labels_of(read_gold(packed)).relation_labels] == [
        "founded by",
        "lives in",
        "works for",
    ]


def test_an_exported_annotation_keeps_its_offsets_and_rejections(tmp_path: Path) -> None:
    document = Document.from_text("Ada met the Bo-Co team.", id="d")
    schema = Schema.of(["person", "team"], ["met"])
    entities = (Entity("a", 0, 3, "person"), Entity("b", 12, 17, "team"))
    wrong = (Entity("c", 4, 7, "person"),)
    made = Annotation(document, schema, entities, (), wrong, (Relation("b", "a", "met"),))
    (tmp_path / "x.jsonl").write_text(dumps(training_record(made)) + "\n", "utf-8")
    (gold,) = read_gold(tmp_path / "x.jsonl")
    assert [(e.start, e.end, e.label) for e in gold.entities] == [(0, 3, "person"), (12, 17, "team")]
    assert [(e.start, e.end) for e in gold.rejected_entities] == [(4, 7)]
    assert [(r.head, r.tail, r.label) for r in gold.rejected_relations] == [("1", "0", "met")]
    item = example(gold)
    assert item is not None
    assert item.wrong_relations == ((1, 0, "met"),)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1"),
        (json.dumps({"text": "Ada", "tokens": ["Bo"], "entities": [], "relations": []}), "line 1"),
        (json.dumps(record(0, relations=[{"head": 0, "tail": 9, "label": "x"}])), "between entities 0 and 9"),
        (json.dumps({"tokenized_text": ["a"], "ner": [[0, 7, "x"]], "relations": []}), "word indices"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "bad.jsonl").write_text(line + "\n")
    with pytest.raises(FormatError, match=message):
        read_gold(tmp_path / "bad.jsonl")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        read_gold(tmp_path / "nowhere.jsonl")
    (tmp_path / "no.gz").write_bytes(b"plain")
    with pytest.raises(InputError, match=r"no\.gz"):
        read_gold(tmp_path / "no.gz")


def test_tokens_must_occur_in_order() -> None:
    assert locate("a a b", ["a", "a", "b"]) == [0, 2, 4]
    with pytest.raises(ValueError):
        locate("a b", ["b", "a"])


def test_pseudo_documents_keep_relations_and_know_their_seams(tmp_path: Path) -> None:
    items = [item for gold in read_gold(corpus(tmp_path / "a.jsonl", 0, 2)) if (item := example(gold))]
    whole = join(items)
    assert whole.words == items[0].words + items[1].words
    assert whole.part == (0, 0, 0, 1, 1)
    assert whole.relations == ((0, 1, "works for"), (3, 4, "lives in"))
    first, last, label = whole.entities[4]
    assert (whole.words[first : last + 1], label) == (("Rome",), "city")
    compound = join(items, "while")
    assert " ".join(compound.words) == "Ada Lovelace works for Acme in London while Cy lives in Rome ."
    assert compound.entities == whole.entities


def test_silver_dates_are_no_places(tmp_path: Path) -> None:
    odd = record(2, entities=[{"start": 0, "end": 0, "label": "person"}, {"start": 3, "end": 3, "label": "date"}])
    kept = {
        **odd,
        "relations": [{"head": 0, "tail": 1, "label": "born in"}, {"head": 0, "tail": 1, "label": "located in"}],
    }
    (tmp_path / "s.jsonl").write_text(json.dumps(kept) + "\n")
    item = example(read_gold(tmp_path / "s.jsonl")[0])
    assert item is not None
    assert clean_silver(item).relations == ((0, 1, "born in"),)
