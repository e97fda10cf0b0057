from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from relex_core.datasets import joined, labels_of, locate, read_gold
from relex_core.errors import FormatError, InputError
from relex_core.examples import Example, clean_silver, example, examples, join
from relex_core.jsonl import dumps, training_record
from relex_core.types import Annotation, Document, Entity, Relation, RelationLabel, Schema
from tests.relex_core.tiny import corpus, record

EMPTY: dict[str, list[object]] = {"entities": [], "relations": []}


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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", json.dumps(record(0)).encode()),
        ("a.jsonl.gz", json.dumps(record(0)).encode()),
        ("a.marked", b"[Ada Lovelace|person] works for Acme in London ."),
    ],
)
def test_a_byte_order_mark_is_no_text(tmp_path: Path, name: str, content: bytes) -> None:
    content = "\ufeff".encode() + content
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    (gold,) = read_gold(tmp_path / name)
    assert gold.document.text == "Ada Lovelace works for Acme in London ."


@pytest.mark.parametrize("value", [0, False, "0"])
def test_an_id_may_be_any_value(tmp_path: Path, value: object) -> None:
    words = {"tokenized_text": ["Ada"], "ner": []}
    lines = (record(0, id=value), {**words, "id": value}, {**words, "relex": {"id": value, "text": "Ada", **EMPTY}})
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [gold.document.id for gold in read_gold(tmp_path / "a.jsonl")] == [str(value)] * 3
    for nothing in ("", None):
        (tmp_path / "a.jsonl").write_text(json.dumps(record(0, id=nothing)))
        assert [gold.document.id for gold in read_gold(tmp_path / "a.jsonl")] == ["a-1"]


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
    assert item.wrong_relations == ((1, 0, "met"),)


def test_a_long_text_is_learnt_in_passages(tmp_path: Path) -> None:
    """Whole sentences, with what lies in them whole; offsets of marks are those of the passage."""
    text = "Ada met Bo in Rome. Cy left. Ada saw Dee there. Dee ran."
    document = Document.from_text(text, id="d")
    schema = Schema.of(["person", "city"], ["met", "saw", "in"])
    names = {"a": "Ada", "b": "Bo", "r": "Rome", "c": "Cy", "d": "Dee"}
    at = {id: text.index(name) for id, name in names.items()} | {"e": text.index("Ada saw")}
    marks = [
        Entity(id, at[id], at[id] + len(names.get(id, "Ada")), "city" if id == "r" else "person") for id in "abrced"
    ]
    edges = (Relation("a", "b", "met"), Relation("e", "d", "saw"), Relation("e", "r", "in"))
    turned_down = (Relation("b", "a", "saw"), Relation("d", "c", "met"))
    made = Annotation(document, schema, tuple(marks), edges, (), turned_down)
    (tmp_path / "x.jsonl").write_text(dumps(training_record(made)) + "\n", "utf-8")
    (gold,) = read_gold(tmp_path / "x.jsonl")
    whole = example(gold)
    assert examples(gold, max_words=100) == [whole]
    parts = examples(gold, max_words=9)
    assert [" ".join(part.words) for part in parts] == [
        "Ada met Bo in Rome . Cy left .",
        "Cy left . Ada saw Dee there .",
        "Ada saw Dee there . Dee ran .",
    ]

    def said(of: Example, edges: tuple[tuple[int, int, str], ...]) -> list[tuple[str, str, str]]:
        words = [" ".join(of.words[a : b + 1]) for a, b, _ in of.entities]
        return [(words[head], label, words[tail]) for head, tail, label in edges]

    assert [said(part, part.relations) for part in parts] == [
        [("Ada", "met", "Bo")],
        [("Ada", "saw", "Dee")],
        [("Ada", "saw", "Dee")],
    ]
    assert [said(part, part.wrong_relations) for part in parts] == [[("Bo", "saw", "Ada")], [("Dee", "met", "Cy")], []]
    assert [len(part.entities) for part in parts] == [4, 3, 2]


def test_records_are_joined_to_long_texts(tmp_path: Path) -> None:
    gold = read_gold(corpus(tmp_path / "a.jsonl", 0, 1, 2, 0, 1))
    long = joined(gold, 2)
    assert [len(one.document.text.split("\n\n")) for one in long] == [2, 2, 1]
    for one, parts in zip(long, (gold[:2], gold[2:4], gold[4:]), strict=True):
        marked = [e.text(part.document) for part in parts for e in part.entities]
        assert [e.text(one.document) for e in one.entities] == marked
        assert [e.id for e in one.entities] == [str(at) for at in range(len(marked))]
        texts = {e.id: e.text(one.document) for e in one.entities}
        own = [
            (part.entities[int(r.head)].text(part.document), r.label, part.entities[int(r.tail)].text(part.document))
            for part in parts
            for r in part.relations
        ]
        assert [(texts[r.head], r.label, texts[r.tail]) for r in one.relations] == own
    assert labels_of(long) == labels_of(gold)
    assert joined(gold[:1], 3)[0].document == gold[0].document
    for unusable in (replace(gold[0], partial=True), replace(gold[0], clusters=((0,),))):
        with pytest.raises(InputError, match="completely annotated"):
            joined([gold[1], unusable], 2)


FAMILY = Schema.of(
    ["person"],
    [
        RelationLabel("spouse", symmetric=True),
        RelationLabel("parent of", inverse="child of"),
        "child of",
        RelationLabel("rival", symmetric=True),
        "met",
    ],
)


def family(path: Path, *relations: tuple[str, str, str], wrong: tuple[tuple[str, str, str], ...] = ()) -> Path:
    """A file of what a project exports: one text, Ada is "a", Bo is "b"."""
    marks = (Entity("a", 0, 3, "person"), Entity("b", 8, 10, "person"))
    edges, turned_down = (tuple(Relation(*key) for key in keys) for keys in (relations, wrong))
    made = Annotation(Document.from_text("Ada met Bo.", id="d"), FAMILY, marks, edges, (), turned_down)
    path.write_text(dumps(training_record(made)) + "\n", "utf-8")
    return path


def test_what_relation_labels_declare_goes_with_training_data(tmp_path: Path) -> None:
    path = family(tmp_path / "x.jsonl", ("a", "b", "spouse"), ("a", "b", "child of"))
    kept = json.loads(path.read_text("utf-8"))["relex"]["declared"]
    assert kept == {"symmetric": ["spouse"], "inverse": {"parent of": "child of"}}, "of the labels in question alone"
    golds = read_gold(path)
    assert [(r.name, r.symmetric, r.inverse) for r in labels_of(golds).relation_labels] == [
        ("child of", False, ""),
        ("spouse", True, ""),
    ], "an inverse that is not used is not asked for"
    both = (*golds, *read_gold(family(tmp_path / "y.jsonl", ("b", "a", "parent of"))))
    assert labels_of(both).relation("parent of").inverse == "child of"
    plain = family(tmp_path / "z.jsonl", ("a", "b", "met"))
    assert "declared" not in json.loads(plain.read_text("utf-8"))["relex"]


def test_what_is_right_is_learned_in_each_way_that_says_it(tmp_path: Path) -> None:
    file = family(
        tmp_path / "x.jsonl",
        ("b", "a", "spouse"),
        ("a", "b", "met"),
        ("a", "b", "child of"),
        wrong=(("a", "b", "rival"),),
    )
    item = example(read_gold(file)[0])
    assert set(item.relations) == {
        *((0, 1, "spouse"), (1, 0, "spouse"), (0, 1, "met")),
        *((0, 1, "child of"), (1, 0, "parent of")),
    }
    assert set(item.wrong_relations) == {(0, 1, "rival"), (1, 0, "rival")}


def test_declarations_that_are_none_are_refused(tmp_path: Path) -> None:
    record = json.loads(family(tmp_path / "x.jsonl", ("a", "b", "spouse")).read_text("utf-8"))
    for bad in ({"symmetric": 3}, {"inverse": ["child of"]}, ["spouse"]):
        record["relex"]["declared"] = bad
        (tmp_path / "bad.jsonl").write_text(dumps(record) + "\n", "utf-8")
        with pytest.raises(FormatError):
            read_gold(tmp_path / "bad.jsonl")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1"),
        (json.dumps({"text": "Ada", "tokens": ["Bo"], "entities": [], "relations": []}), "line 1"),
        (json.dumps(record(0, relations=[{"head": 0, "tail": 9, "label": "x"}])), "between entities 0 and 9"),
        (json.dumps({"tokenized_text": ["a"], "ner": [[0, 7, "x"]], "relations": []}), "word indices"),
        (json.dumps({"tokenized_text": ["a", "b"], "ner": [[0, 0.5, "x"]], "relations": []}), "found .*0.5"),
        (json.dumps({"tokenized_text": ["a"], "ner": [[0, float("inf"), "x"]], "relations": []}), "found .*inf"),
        (json.dumps({"tokenized_text": "Ada lives", "ner": [[0, 0, "x"]], "relations": []}), "found .*Ada lives"),
        (json.dumps(record(0, tokens="Ada")), "tokens, not a list"),
        (json.dumps(record(0, relations=[{"head": 1, "tail": 1, "label": "x"}])), "between entities 1 and 1"),
        (json.dumps(record(0, clusters=[[0], []])), "a cluster of the entities"),
        (json.dumps(record(0, clusters=[[7]])), "a cluster of the entities"),
        (json.dumps(record(0, annotated_relations="works for")), "annotated_relations, not a list"),
        (json.dumps(record(0, partial="false")), "neither true nor false"),
        (json.dumps(record(0, entities=[{"start": 0, "end": 1, "label": ""}], relations=[])), "entity labels of 1 to"),
        (json.dumps(record(0, relations=[{"head": 0, "tail": 1, "label": "a\tb"}])), "control characters"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "bad.jsonl").write_text(line + "\n")
    with pytest.raises(FormatError, match=message) as caught:
        read_gold(tmp_path / "bad.jsonl")
    assert "line 1 of bad.jsonl" in str(caught.value)


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
    items = [example(gold) for gold in read_gold(corpus(tmp_path / "a.jsonl", 0, 2))]
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
    assert clean_silver(item).relations == ((0, 1, "born in"),)
