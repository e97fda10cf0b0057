"""Files as others write them: small ones of our own in each format, and broken or hostile ones."""

from __future__ import annotations

import gzip
import io
import json
import re
import socket
import sys
import zipfile
from pathlib import Path

import pytest

from db import exports, imports
from db.formats import FORMATS, Attributed, Item, files, zipping
from db.store import Store
from relex_core import types
from relex_core.errors import FormatError, RelexError, UnreadRest
from relex_core.types import MAX_DOCUMENT, Annotation, Document, Entity, Extraction, Relation, Schema


def read(name: str, path: Path, schema: Schema | None = None) -> list[Item]:
    reader = FORMATS[name].read
    assert reader
    return list(reader(path, schema))


def only(name: str, path: Path, schema: Schema | None = None) -> Annotation:
    (item,) = read(name, path, schema)
    assert isinstance(item, Annotation), item
    return item


def said(record: Annotation | Extraction) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """(text, label) of marks, (head text, label, tail text) of relations."""
    texts = {e.id: e.text(record.document) for e in record.entities}
    marks = [(texts[e.id], e.label) for e in record.entities]
    return marks, [(texts[r.head], r.label, texts[r.tail]) for r in record.relations]


def put(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    data = content if isinstance(content, bytes | str) else json.dumps(content)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_gliner_examples_of_others_are_read_from_lines_and_arrays(tmp_path: Path) -> None:
    row = {"tokenized_text": ["Ada", "met", "Bob"], "ner": [[0, 0, "person"], [2, 2, "person"]]}
    row["relations"] = [[0, 1, "knows"]]
    expected = ([("Ada", "person"), ("Bob", "person")], [("Ada", "knows", "Bob")])
    assert said(only("gliner", put(tmp_path, "a.jsonl", row))) == expected
    both = read("gliner", put(tmp_path, "a.json", [row, row]))
    assert [said(item) for item in both if isinstance(item, Annotation)] == [expected] * 2


def test_a_graph_that_extract_found_is_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entity = {"id": "a", "start": 0, "end": 3, "label": "person", "score": 0.9}
    row = {"text": "Ada left.", "entities": [entity], "relations": [], "windows": [[0, 9]]}
    checks: list[Document] = []
    check = types.check_graph

    def counted(document: Document, *graph: object) -> None:
        checks.append(document)
        check(document, *graph)  # type: ignore[arg-type]

    monkeypatch.setattr(types, "check_graph", counted)
    (found,) = read("extract", put(tmp_path, "a.jsonl", row))
    assert isinstance(found, Extraction)
    assert found.windows == ((0, 9),)
    assert len(checks) == 1


def test_a_key_that_stands_twice_is_told_and_nothing_is_chosen(tmp_path: Path) -> None:
    twice = '{"text": "Ada met Bob", "label": [[0, 3, "person"]], "label": []}'
    inside = '{"text": "Ada", "meta": {"\\u0061": 1, "a": 2}, "label": []}'
    good = '{"text": "Eve", "label": [[0, 3, "person"]]}'
    long = " " * (1 << 16)
    for content in ("\n".join((twice, inside, good)), f"[{twice},{long}{inside},{good}]"):
        first, second, third = read("doccano", put(tmp_path, "a.jsonl", content.encode()))
        assert isinstance(first, FormatError)
        assert "'label' more than once" in str(first)
        assert first.lines == (1,)
        assert isinstance(second, FormatError)
        assert "'a' more than once" in str(second)
        assert isinstance(third, Annotation)
        assert third.document.text == "Eve"


def test_scores_make_an_extraction(tmp_path: Path) -> None:
    record = {
        "id": "1",
        "text": "Ada",
        "tokens": ["Ada"],
        "entities": [{"start": 0, "end": 0, "label": "p", "score": 0.5}],
    }
    (item,) = read("relex-jsonl", put(tmp_path, "a.jsonl", {**record, "relations": [], "model_version": "m@1"}))
    assert isinstance(item, Extraction)
    assert (item.model_version, item.entities[0].score) == ("m@1", 0.5)


def test_scores_of_a_spacy_pipeline_and_of_datasets_make_extractions(tmp_path: Path) -> None:
    import datasets
    import numpy
    import spacy
    from spacy.tokens import Doc, DocBin, Span, SpanGroup

    doc = Doc(spacy.blank("en").vocab, words=["Ada", "met", "Bob"])
    spans = [Span(doc, 0, 1, label="person"), Span(doc, 2, 3, label="person")]
    doc.spans["sc"] = SpanGroup(doc, name="sc", spans=spans, attrs={"scores": numpy.array([0.75, 0.5])})
    if not Doc.has_extension("rel"):
        Doc.set_extension("rel", default=None)
    doc._.rel = {(0, 2): {"knows": 0.25, "hates": 0.0}}
    (item,) = read("spacy", put(tmp_path, "a.spacy", DocBin(store_user_data=True, docs=[doc]).to_bytes()))
    assert isinstance(item, Extraction)
    assert [e.score for e in item.entities] == [0.75, 0.5]
    assert [(r.label, r.score) for r in item.relations] == [("knows", 0.25), ("hates", 0.0)]
    entities = [{"start": 0, "end": 3, "label": "person", "score": 0.5}]
    row = {"text": "Ada met Bob", "entities": entities, "relations": []}
    datasets.Dataset.from_list([row]).save_to_disk(str(tmp_path / "folder"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for file in (tmp_path / "folder").iterdir():
            archive.write(file, file.name)
    (item,) = read("datasets", tmp_path / "a.zip")
    assert isinstance(item, Extraction)
    assert [e.score for e in item.entities] == [0.5]


@pytest.mark.parametrize("group", ["entities", "sc"])
def test_an_empty_group_of_spans_does_not_hide_the_entities_of_a_spacy_pipeline(tmp_path: Path, group: str) -> None:
    import spacy
    from spacy.tokens import Doc, DocBin, Span

    doc = Doc(spacy.blank("en").vocab, words=["Ada", "met", "Bob"])
    doc.spans[group] = []
    doc.set_ents([Span(doc, 0, 1, label="person"), Span(doc, 2, 3, label="person")])
    annotation = only("spacy", put(tmp_path, "a.spacy", DocBin(docs=[doc]).to_bytes()))
    assert said(annotation)[0] == [("Ada", "person"), ("Bob", "person")]


def test_a_doccano_project_of_relations_is_read_as_doccano_exports_it(tmp_path: Path) -> None:
    text = "Google was founded on September 4, 1998, by Larry Page and Sergey Brin."
    spans = [(251, 0, 6, "ORG"), (252, 22, 39, "DATE"), (253, 44, 54, "PERSON"), (254, 59, 70, "PERSON")]
    row = {
        "id": 17,
        "text": text,
        "entities": [{"id": id, "label": label, "start_offset": a, "end_offset": b} for id, a, b, label in spans],
        "relations": [
            {"id": 31, "from_id": 251, "to_id": 252, "type": "foundedAt"},
            {"id": 32, "from_id": 251, "to_id": 253, "type": "foundedBy"},
            {"id": 33, "from_id": 251, "to_id": 254, "type": "foundedBy"},
        ],
        "Comments": ["sure?"],
    }
    annotation = only("doccano", put(tmp_path, "admin.jsonl", row))
    assert annotation.document.id == "17"
    marks, relations = said(annotation)
    assert marks == [
        ("Google", "ORG"),
        ("September 4, 1998", "DATE"),
        ("Larry Page", "PERSON"),
        ("Sergey Brin", "PERSON"),
    ]
    assert relations == [
        ("Google", "foundedAt", "September 4, 1998"),
        ("Google", "foundedBy", "Larry Page"),
        ("Google", "foundedBy", "Sergey Brin"),
    ]


def test_datasets_and_brat_folders_are_read_like_their_archives(tmp_path: Path) -> None:
    import datasets

    entities = [{"start": 0, "end": 3, "label": "person"}]
    rows = [{"id": f"{n}", "text": "Ada met Bob", "entities": entities, "relations": []} for n in range(3)]
    both = datasets.DatasetDict(train=datasets.Dataset.from_list(rows[:2]), test=datasets.Dataset.from_list(rows[2:]))
    both.save_to_disk(str(tmp_path / "saved"))
    items = read("datasets", tmp_path / "saved")
    assert [i.document.id for i in items if isinstance(i, Annotation)] == ["2", "0", "1"], "test comes before train"
    assert [i.document.id for i in read("datasets", tmp_path / "saved" / "train") if isinstance(i, Annotation)] == [
        "0",
        "1",
    ]
    folder = tmp_path / "brat"
    folder.mkdir()
    for n in (10, 9):
        put(folder, f"{n}.txt", "Ada met Bob")
        put(folder, f"{n}.ann", "T1\tPerson 0 3\tAda\nT2\tPerson 8 11\tBob\nR1\tMet Arg1:T1 Arg2:T2\n")
        put(folder, f".{n}.txt", "hidden")
    items = read("brat", folder)
    assert [i.document.id for i in items if isinstance(i, Annotation)] == ["9", "10"]
    assert isinstance(items[0], Annotation)
    assert said(items[0])[1] == [("Ada", "Met", "Bob")]
    (error,) = read("datasets", folder)[:1] or [None]
    assert error is None, "nothing of its kind in it, which an import refuses"


def test_a_saved_folder_that_names_a_file_outside_gets_nothing_of_it(tmp_path: Path) -> None:
    put(tmp_path, "secret", b"secret")
    (tmp_path / "folder").mkdir()
    put(tmp_path / "folder", "state.json", {"_data_files": [{"filename": "../secret"}]})
    (error,) = read("datasets", tmp_path / "folder")
    assert "a folder that datasets saved" in str(error)
    assert "KeyError" in str(error)


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_that_no_memory_holds_is_refused_after_a_part_of_it(tmp_path: Path, packed: bool) -> None:
    line = json.dumps({"text": "Ada", "entities": [], "relations": []}).encode() + b"\n"
    long = b'{"text": "' + b"a" * (files.MAX_LINE + 1000)
    content = line + long
    path = put(tmp_path, "a.jsonl", gzip.compress(content, 1) if packed else content)
    good, error = read("doccano", path)
    assert isinstance(good, Annotation)
    assert isinstance(error, UnreadRest)
    assert "at most 64,000,000 bytes in line (or item) 2" in str(error)
    path = put(tmp_path, "b.json", gzip.compress(b"[" + line + b"," + long, 1) if packed else b"[" + line + b"," + long)
    good, error = read("doccano", path)
    assert isinstance(good, Annotation)
    assert "at most 64,000,000 bytes in line (or item) 2" in str(error)


def test_names_of_archive_members_are_apart_on_every_file_system() -> None:
    ids = ["A", "a", "CON", "con.txt", "lpt1", "a", "Ä", "a~2", "x" * 200, "X" * 200, "console", "-", ".b"]
    with zipping.member_names() as names:
        given = [names.of(id) for id in ids]
    assert len({name.lower() for name in given}) == len(ids)
    devices = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
    assert not {name.lower().partition(".")[0] for name in given} & devices
    assert all(name.isascii() and not set(name) & set('<>:"/\\|?*') for name in given)
    back = [files.member_id(name) for name in given]
    assert back[:5] == ids[:5]
    assert (back[5], back[6]) == ("a~2", "Ä"), "the same id twice gets an ending"
    assert given[10] == "console"


@pytest.mark.parametrize("name", ["jsonld", "turtle"])
def test_statements_without_an_order_are_read_by_the_numbers_in_their_ids(tmp_path: Path, name: str) -> None:
    format = FORMATS[name]
    assert format.write
    path = tmp_path / "out"
    format.write([Annotation(Document(f"d{n}", f"Ada {n}"), Schema()) for n in (10, 9, 100)], path)
    assert [i.document.id for i in read(name, path) if isinstance(i, Annotation)] == ["d10", "d9", "d100"]
    order = r', "relex:order": {[^}]*}| ;\s+relex:order "[0-9]+"\^\^xsd:integer'
    text, count = re.subn(order, "", path.read_text("utf-8"))
    assert count == 3
    path.write_text(text, "utf-8")
    assert [i.document.id for i in read(name, path) if isinstance(i, Annotation)] == ["d9", "d10", "d100"]


@pytest.mark.parametrize("score", ["NaN", "-0.1", "1.5", "Infinity", '"high"', "true"])
def test_scores_that_are_no_probability_are_refused(tmp_path: Path, score: str) -> None:
    entity = '{"start": 0, "end": 0, "label": "p", "score": %s}' % score  # noqa: UP031
    line = f'{{"text": "Ada", "tokens": ["Ada"], "entities": [{entity}], "relations": []}}'
    (error,) = read("relex-jsonl", put(tmp_path, "a.jsonl", line))
    assert "between 0 and 1" in str(error)


def test_the_given_schema_comes_first_and_is_completed(tmp_path: Path) -> None:
    row = {"text": "Ada", "label": [[0, 3, "PER"]]}
    schema = Schema.of(["place"], ["knows"])
    annotation = only("doccano", put(tmp_path, "a.jsonl", row), schema)
    assert [label.name for label in annotation.schema.entity_labels] == ["place", "PER"]
    assert annotation.schema.relation_labels == schema.relation_labels


def test_bad_lines_are_named_and_good_ones_offered(tmp_path: Path) -> None:
    good = json.dumps({"text": "Ada", "entities": [], "relations": []}).encode()
    bad = b'{"text": "Ada", "entities": [{"id": 1, "label": "p", "start_offset": 2, "end_offset": 9}]}'
    path = put(tmp_path, "a.jsonl", b"\n".join([good, bad, b"\xff", b"{", good]))
    items = read("doccano", path)
    assert [isinstance(item, RelexError) for item in items] == [False, True, True, True, False]
    assert [getattr(item, "lines", None) for item in items[1:4]] == [(2,), (3,), (4,)]


def test_a_byte_of_another_encoding_costs_one_record_and_names_its_line(tmp_path: Path) -> None:
    rows = ["id,text", *(f"d{n},word number {n} and some text" for n in range(1, 1001))]
    rows[801] = 'd801,"caf\xe9\nin Paris"'
    items = read("csv", put(tmp_path, "a.csv", "\n".join(rows).encode("cp1252")))
    assert [item.id for item in items if isinstance(item, Document)] == [f"d{n}" for n in range(1, 1001) if n != 801]
    (error,) = [item for item in items if isinstance(item, RelexError)]
    assert "UTF-8 text in line 802, found the byte 0xe9 at position 9" in str(error)
    (error,) = read("csv", put(tmp_path, "a.csv", "id,text,d\xe9j\xe0\n1,Ada,x\n".encode("cp1252")))
    assert "UTF-8 text in line 1" in str(error)
    array = b'[{"text": "Ada", "label": []}, {"text": "caf\xe9", "label": []}, {"text": "Bob", "label": []}]'
    one, error, three = read("doccano", put(tmp_path, "a.json", array))
    assert "UTF-8 text in item 2, found the byte 0xe9 at position 13" in str(error)
    assert [item.text for item in (one, three) if isinstance(item, Document)] == ["Ada", "Bob"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("conllu", b"1\tAda" + b"\t_" * 8 + b"\n2\tn\xe9e" + b"\t_" * 8 + b"\n\n1\tBob" + b"\t_" * 8 + b"\n\n"),
        ("conll04", b"#doc 1\n0\tAda\tO\t['N']\t[0]\n1\tn\xe9e\tO\t['N']\t[1]\n#doc 2\n0\tBob\tO\t['N']\t[0]\n"),
    ],
)
def test_a_record_that_lacks_one_of_its_lines_is_not_taken_for_a_shorter_one(
    tmp_path: Path, name: str, content: bytes
) -> None:
    error, good = read(name, put(tmp_path, "a", content))
    assert "found the byte 0xe9" in str(error)
    assert isinstance(good, Annotation)
    assert good.document.text == "Bob"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (b'2,"' + b"a" * (MAX_DOCUMENT + 1) + b"\n3,Bob\n", "in line 3"),
        (b'2,"Eve said\n4,Dee\n5,"Fay"\n3,Bob\n', "in the lines 3 to 5"),
        (b'2,"Eve" said\n3,Bob\n', "in line 3"),
    ],
)
def test_a_row_that_cannot_be_read_costs_only_what_it_swallowed(tmp_path: Path, rows: bytes, told: str) -> None:
    first, error, last = read("csv", put(tmp_path, "a", b"id,text\n1,Ada\n" + rows))
    assert [item.text for item in (first, last) if isinstance(item, Document)] == ["Ada", "Bob"]
    assert isinstance(error, FormatError)
    assert not isinstance(error, UnreadRest)
    assert told in error.found


def test_a_quotation_mark_that_nothing_closes_is_no_text(tmp_path: Path) -> None:
    first, error = read("csv", put(tmp_path, "a", b'id,text\n1,Ada\n2,"Eve\n3,Bob\n'))
    assert isinstance(first, Document)
    assert isinstance(error, FormatError)
    assert "in the lines 3 to 4" in error.found


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("doccano", b'[{"text": "Ada", "label": []}, {text: 1}, {"text": "Bob", "label": []}]', "item) 2"),
        ("doccano", b'[{"text": "Ada", "label": []}, {"text": "B', "item) 2"),
        (
            "doccano",
            b'[{"text": "Ada", "label": []}]' + b" " * 70_000 + b'[{"text": "Bob", "label": []}]',
            "its JSON array",
        ),
    ],
)
def test_what_ends_the_reading_of_a_file_says_so(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    good, error = read(name, put(tmp_path, "a", content))
    assert isinstance(good, Document)
    assert isinstance(error, UnreadRest)
    assert found in str(error)
    assert "what follows was not read" in str(error)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("gliner", {"tokenized_text": ["Ada"], "ner": []}),
        ("relex-jsonl", {"tokens": ["Ada"], "entities": [], "relations": []}),
        ("gliner2", {"input": "Ada", "output": {}}),
        ("glirel", {"tokenized_text": ["Ada"], "ner": []}),
        ("doccano", {"text": "Ada", "label": [[0, 3, "person"]]}),
        ("label-studio", {"data": {"text": "Ada"}, "annotations": [{"result": []}]}),
        ("conll04", {"tokens": ["Ada"], "entities": []}),
        ("extract", {"text": "Ada", "entities": [], "relations": []}),
    ],
)
def test_an_id_of_zero_is_an_id(tmp_path: Path, name: str, row: dict[str, object]) -> None:
    ids = [0, 1, "", None]
    items = read(name, put(tmp_path, "a.json", [{**row, "id": id} for id in ids]))
    found = [item.document.id for item in items if isinstance(item, Annotation | Extraction)]
    assert found[:2] == ["0", "1"]
    assert found[2:] == [Document.from_text("Ada").id] * 2


def test_gzip_and_byte_order_marks_are_no_obstacle(tmp_path: Path) -> None:
    line = "\ufeff" + json.dumps({"text": "Ada", "entities": [], "relations": []})
    path = put(tmp_path, "a.jsonl.gz", gzip.compress(line.encode()))
    assert only("doccano", path).document.text == "Ada"


@pytest.mark.parametrize("offset", [2, 3])
def test_label_studio_offsets_are_read_in_both_units(tmp_path: Path, offset: int) -> None:
    value = {"start": offset, "end": offset + 3, "text": "Ada", "labels": ["person"]}
    result = [{"id": "r1", "from_name": "label", "to_name": "text", "type": "labels", "value": value}]
    task = {"id": 7, "data": {"text": "😀 Ada"}, "annotations": [{"result": result}]}
    assert said(only("label-studio", put(tmp_path, "a.json", [task])))[0] == [("Ada", "person")]


def test_label_studio_predictions_and_cancelled_annotations(tmp_path: Path) -> None:
    value = {"start": 0, "end": 3, "text": "Ada", "labels": ["person"]}
    mark = {"id": "a", "type": "labels", "value": value, "score": 0.75}
    task = {"data": {"text": "Ada"}, "annotations": [{"was_cancelled": True, "result": []}]}
    task["predictions"] = [{"model_version": "m", "result": [mark]}]
    (item,) = read("label-studio", put(tmp_path, "a.json", [task]))
    assert isinstance(item, Extraction)
    assert item.entities[0].score == 0.75


def ada_task(**more: object) -> dict[str, object]:
    return {"id": 7, "data": {"text": "Ada met Bob"}, **more}


def ada_result(label: str = "person", **more: object) -> list[dict[str, object]]:
    result: list[dict[str, object]] = [
        {"id": id, "type": "labels", "value": {"start": at, "end": at + 3, "labels": [label]}, **more}
        for id, at in (("a", 0), ("b", 8))
    ]
    return [*result, {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right", "labels": ["met"]}]


def test_label_studio_scores_of_a_whole_prediction_count_for_what_has_none(tmp_path: Path) -> None:
    result = ada_result()
    result[0]["score"] = 0.25
    prediction = {"model_version": "m", "score": 0.75, "result": result}
    (item,) = read("label-studio", put(tmp_path, "a.json", [ada_task(predictions=[prediction])]))
    assert isinstance(item, Extraction)
    assert [e.score for e in item.entities] == [0.25, 0.75]
    assert [r.score for r in item.relations] == [0.75]


def test_label_studio_predictions_without_a_mark_are_no_decision(tmp_path: Path) -> None:
    prediction = {"model_version": "m", "score": 0.75, "result": []}
    (item,) = read("label-studio", put(tmp_path, "a.json", [ada_task(predictions=[prediction])]))
    assert isinstance(item, Extraction)
    assert item.entities == ()


def test_label_studio_annotations_of_a_task_are_each_of_their_own_person(tmp_path: Path) -> None:
    answers = [
        {"completed_by": {"id": 1, "email": "ada@example.org"}, "result": ada_result(), "parent_prediction": 12},
        {"completed_by": 3, "result": ada_result("PER")},
        {"result": []},
        {"completed_by": 4, "was_cancelled": True, "result": []},
    ]
    predictions = [{"id": id, "model_version": f"m{id}", "score": 0.5, "result": ada_result()} for id in (11, 12, 13)]
    items = read("label-studio", put(tmp_path, "a.json", [ada_task(annotations=answers, predictions=predictions)]))
    assert [getattr(item, "model_version", "") for item in items] == ["m13", "", "", ""]
    people = [item for item in items if isinstance(item, Attributed)]
    assert [p.annotator for p in people] == ["ada@example.org", "Label Studio user 3", "annotator 3"]
    assert [p.based_on.model_version for p in people if p.based_on] == ["m12", "m11", "m11"]
    assert [len(p.entities) for p in people] == [2, 2, 0]


def test_brat_fragments_over_a_line_break_are_one_mark_and_gaps_are_refused(tmp_path: Path) -> None:
    def archive(ann: str) -> Path:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as file:
            file.writestr("x/a.txt", "New\nYork has Ada")
            file.writestr("x/a.ann", ann)
        return put(tmp_path, "a.zip", content.getvalue())

    ann = "T1\tPlace 0 3;4 8\tNew York\nT2\tPerson 13 16\tAda\nR1\tlives Arg1:T2 Arg2:T1\n#1\tAnnotatorNotes T1\thm\n"
    assert said(only("brat", archive(ann))) == (
        [("New\nYork", "Place"), ("Ada", "Person")],
        [("Ada", "lives", "New\nYork")],
    )
    (error,) = read("brat", archive("T1\tPlace 0 3;9 12\tNew has\n"))
    assert "without gaps" in str(error)


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "C:/out.txt", "a/../../out.txt", "..\\out.txt"])
@pytest.mark.parametrize("format", ["brat", "spacy", "datasets", "inception", "docx"])
def test_archive_members_that_climb_out_are_refused(tmp_path: Path, name: str, format: str) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        info = zipfile.ZipInfo("x")
        info.filename = name
        file.writestr(info, "Ada")
    path = put(tmp_path, "a.zip", content.getvalue())
    try:
        items = read(format, path)
    except RelexError as error:
        items = [error]
    assert [type(item).__name__ for item in items] == ["FormatError"]
    assert "inside the archive's own folder" in str(items[0])
    assert not (tmp_path.parent / "out.txt").exists()


def test_json_ld_with_a_remote_context_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for context in ("http://127.0.0.1:9/c", ["http://127.0.0.1:9/c"], {"@import": "http://127.0.0.1:9/c"}):
        (error,) = read("jsonld", put(tmp_path, "a.jsonld", {"@context": context, "@id": "urn:x"}))
        assert "holds its context itself" in str(error)


def test_xml_entities_of_files_are_not_resolved(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    types = FORMATS["inception"]
    assert types.write
    types.write([Annotation(Document("a", "Ada"), Schema())], tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        system, xmi = archive.read("TypeSystem.xml"), archive.read("a.xmi").decode()
    head, _, body = xmi.partition("?>")
    hostile = f'{head}?><!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]>' + body.replace("Ada", "&e;")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("TypeSystem.xml", system)
        archive.writestr("a.xmi", hostile)
    assert "secret" not in repr(
        [i.document.text if isinstance(i, Annotation) else i for i in read("inception", tmp_path / "b.zip")]
    )


def test_graphml_that_a_graph_tool_saved_again_is_read_and_one_with_entities_refused(tmp_path: Path) -> None:
    import networkx

    marks = (Entity("a", 0, 3, "person"), Entity("b", 8, 11, "person"))
    given = Annotation(
        Document("d", "Ada met Bob"),
        Schema.of(["person"], ["in document"]),
        marks,
        (Relation("a", "b", "in document"),),
    )
    write = FORMATS["graphml"].write
    assert write
    write([given], tmp_path / "a.graphml")
    graph = networkx.read_graphml(tmp_path / "a.graphml", force_multigraph=True)
    networkx.write_graphml(graph, tmp_path / "b.graphml")
    back = only("graphml", tmp_path / "b.graphml")
    assert said(back) == ([("Ada", "person"), ("Bob", "person")], [("Ada", "in document", "Bob")])
    lol = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><graphml><graph><node id="&b;"/></graph></graphml>'
    (error,) = read("graphml", put(tmp_path, "c.graphml", lol))
    assert "document type" in str(error)
    (error,) = read("graphml", put(tmp_path, "d.graphml", '<graphml><graph><node id="a"/></graph></graphml>'))
    assert "document nodes" in str(error)


def test_tables_of_texts(tmp_path: Path) -> None:
    table = 'id;text;note\r\n1;"Ada; said ""hi""\r\nand left";x\r\n2;\'=1+1;y\r\n;;\r\n3;   ;z\r\n'
    one, two, three = read("csv", put(tmp_path, "a.csv", table))
    assert isinstance(one, Document)
    assert isinstance(two, Document)
    assert (one.id, one.text) == ("1", 'Ada; said "hi"\r\nand left')
    assert two.text == "=1+1"
    assert "white space" in str(three)
    (error,) = read("csv", put(tmp_path, "b.csv", "a,b\n1,2\n"))
    assert '"text"' in str(error)


def test_plain_text_markdown_and_word_files(tmp_path: Path) -> None:
    import docx

    (text,) = read("text", put(tmp_path, "a.txt", "\ufeffAda\r\nBob\n"))
    assert isinstance(text, Document)
    assert (text.text, text.source) == ("Ada\r\nBob\n", "a.txt")
    assert isinstance(read("text", put(tmp_path, "b.txt", b"caf\xe9"))[0], RelexError)
    word = docx.Document()
    word.add_paragraph("Ada 😀 met")
    word.add_table(1, 2).rows[0].cells[1].text = "Bob"
    word.add_paragraph("in London")
    word.save(str(tmp_path / "c.docx"))
    (document,) = read("docx", tmp_path / "c.docx")
    assert isinstance(document, Document)
    assert document.text == "Ada 😀 met\n\tBob\nin London"


def pdf(lines: list[str]) -> bytes:
    """A PDF of one page, written by hand."""
    shown = " ".join(f"({line}) Tj 0 -20 Td" for line in lines)
    stream = f"BT /F1 12 Tf 50 700 Td {shown} ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /MediaBox [0 0 600 800] "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    tail = b"xref\n0 6\n0000000000 65535 f \n" + table
    return out + tail + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)


def test_pdf_text_layer_and_a_pdf_without_one(tmp_path: Path) -> None:
    (document,) = read("pdf", put(tmp_path, "a.pdf", pdf(["Ada met Bob", "in London."])))
    assert isinstance(document, Document)
    assert document.text.split() == ["Ada", "met", "Bob", "in", "London."]
    (error,) = read("pdf", put(tmp_path, "b.pdf", pdf([])))
    assert "text recognition" in str(error)


def test_docred_sentences_clusters_and_facts(tmp_path: Path) -> None:
    row = {
        "title": "Ada",
        "sents": [["Ada", "was", "born", "."], ["She", "left", "London", "."]],
        "vertexSet": [
            [
                {"name": "Ada", "sent_id": 0, "pos": [0, 1], "type": "PER"},
                {"name": "She", "sent_id": 1, "pos": [0, 1], "type": "PER"},
            ],
            [{"name": "London", "sent_id": 1, "pos": [2, 3], "type": "LOC"}],
        ],
        "labels": [{"h": 0, "t": 1, "r": "P19", "evidence": [0]}],
    }
    annotation = only("docred", put(tmp_path, "a.json", [row]))
    assert annotation.document.text == "Ada was born . She left London ."
    assert said(annotation) == ([("Ada", "PER"), ("She", "PER"), ("London", "LOC")], [("She", "P19", "London")])
    assert json.loads(annotation.document.extra)["facts"] == [[0, 1, "P19"]]


def test_conll04_in_both_forms(tmp_path: Path) -> None:
    spans = {"tokens": ["Ada", "Byron", "of", "London"], "orig_id": 5}
    spans["entities"] = [{"type": "Peop", "start": 0, "end": 2}, {"type": "Loc", "start": 3, "end": 4}]
    spans["relations"] = [{"type": "Live_In", "head": 0, "tail": 1}]
    expected = ([("Ada Byron", "Peop"), ("London", "Loc")], [("Ada Byron", "Live_In", "London")])
    assert said(only("conll04", put(tmp_path, "a.json", [spans]))) == expected
    lines = ["#doc 5", "0\tAda\tB-Peop\t['N']\t[0]", "1\tByron\tI-Peop\t['Live_In']\t[3]"]
    lines += ["2\tof\tO\t['N']\t[2]", "3\tLondon\tB-Loc\t['N']\t[3]", ""]
    assert said(only("conll04", put(tmp_path, "a.txt", "\n".join(lines)))) == expected


def test_crossre(tmp_path: Path) -> None:
    row = {"doc_key": "news-1", "sentence": ["Ada", "met", "Bob"], "ner": [[0, 0, "person"], [2, 2, "person"]]}
    row["relations"] = [[0, 0, 2, 2, "social", "", False, False]]
    annotation = only("crossre", put(tmp_path, "a.json", row))
    assert said(annotation) == ([("Ada", "person"), ("Bob", "person")], [("Ada", "social", "Bob")])


def test_conllu_of_other_tools_is_read_with_its_spaces(tmp_path: Path) -> None:
    rows = ["1\tAda\t_\t_\t_\t_\t_\t_\t_\tEntity=B-PER", "2\tleft\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No"]
    rows.append("3\t.\t_\t_\t_\t_\t_\t_\t_\t_")
    annotation = only("conllu", put(tmp_path, "a.conllu", "\n".join(["# sent_id = s1", *rows, "", ""])))
    assert annotation.document.text == "Ada left."
    assert said(annotation)[0] == [("Ada", "PER")]


def test_conllu_lines_for_several_words_are_what_the_text_has(tmp_path: Path) -> None:
    def row(number: str, form: str, misc: str = "_") -> str:
        return "\t".join([number, form, *"_" * 7, misc])

    rows = [row("1-2", "Aux"), row("1", "A", "Entity=B-X"), row("2", "les"), row("3", "amis"), row("4", "vient")]
    rows += [row("5-6", "du"), row("5", "de", "SpaceAfter=No"), row("6", "le", "Entity=B-GPE"), row("6.1", "dit")]
    rows += [
        row("7", "Canada", "Entity=I-GPE"),
        row("8-9", "dámelo", "SpaceAfter=No"),
        row("8", "da"),
        row("9", "melo"),
    ]
    rows += [row("10", ".", "Entity=B-P|Relation=1>6:1>after")]
    annotation = only("conllu", put(tmp_path, "a.conllu", "\n".join([*rows, "", ""])))
    assert annotation.document.text == "Aux amis vient du Canada dámelo."
    expected = [("Aux", "X"), ("du Canada", "GPE"), (".", "P")]
    assert said(annotation) == (expected, [(".", "after", "du Canada")])


def test_an_entity_that_spacy_rules_find_twice_is_two_marks(tmp_path: Path) -> None:
    import spacy
    from spacy.tokens import DocBin

    nlp = spacy.blank("en")
    rules = nlp.add_pipe("entity_ruler")
    rules.add_patterns([{"label": "ORG", "pattern": "Apple", "id": "apple"}])  # type: ignore[attr-defined]
    annotation = only("spacy", put(tmp_path, "a.spacy", DocBin(docs=[nlp("Apple opened. Apple closed.")]).to_bytes()))
    assert [(e.start, e.label) for e in annotation.entities] == [(0, "ORG"), (14, "ORG")]


def test_what_macos_adds_to_an_archive_and_hidden_files_are_no_documents(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("./c/a.txt", "Ada met Bob")
        for name in ("__MACOSX/c/._a.txt", "__MACOSX/c/._a.ann", "c/._b.txt", ".git/c.txt"):
            archive.writestr(name, b"\x00\x05\x16\x07\xa3")
    (document,) = read("brat", tmp_path / "a.zip")
    assert isinstance(document, Document)
    assert document.text == "Ada met Bob"


def test_merged_cells_of_a_word_file_are_read_once(tmp_path: Path) -> None:
    import docx

    word = docx.Document()
    table = word.add_table(3, 3)
    for at, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = f"c{at}"
    table.cell(0, 0).merge(table.cell(0, 2)).text = "Header"
    table.cell(1, 0).merge(table.cell(2, 0)).text = "Side"
    table.cell(2, 1).text = "Side"
    word.save(str(tmp_path / "a.docx"))
    (document,) = read("docx", tmp_path / "a.docx")
    assert isinstance(document, Document)
    assert document.text == "Header\nSide\tc4\tc5\nSide\tc8"


def test_gliner2_names_without_offsets_are_looked_up_unless_ambiguous(tmp_path: Path) -> None:
    output = {"entities": {"person": ["Ada"]}, "relations": []}
    assert said(only("gliner2", put(tmp_path, "a.jsonl", {"input": "Ada left", "output": output})))[0] == [
        ("Ada", "person")
    ]
    (error,) = read("gliner2", put(tmp_path, "a.jsonl", {"input": "Ada met Ada", "output": output}))
    assert "occurs once" in str(error)


@pytest.mark.parametrize(
    ("name", "module"),
    [("spacy", "spacy"), ("jsonld", "rdflib"), ("inception", "cassis"), ("pdf", "pypdf"), ("docx", "docx")],
)
def test_a_missing_package_is_named_with_the_way_to_get_it(
    name: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RelexError, match="pip install"):
        read(name, put(tmp_path, "a", "x"))


DATA_FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data"
FIRST = 100
"""Records of each file that are moved in and out: all of them take too long for every run."""


@pytest.mark.shared
@pytest.mark.parametrize("folder", ["dev", "eval", "train"])
def test_records_of_the_data_folder_come_back_equal_through_the_store(folder: str, tmp_path: Path) -> None:
    files = sorted([*(DATA_FOLDER / folder).glob("*.jsonl"), *(DATA_FOLDER / folder).glob("*.jsonl.gz")])
    if not files:
        pytest.skip("the data folder beside the project is not here")
    with Store.open(f"sqlite:///{tmp_path}/x.sqlite") as store:
        for file in files:
            with gzip.open(file, "rt", "utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
                given = [line for line, _ in zip(lines, range(FIRST), strict=False)]
            (tmp_path / "in.jsonl").write_text("".join(given), "utf-8")
            imports.load(store, file.name, [tmp_path / "in.jsonl"], format="relex-jsonl")
            exports.snapshot(store, file.name, tmp_path / "out.jsonl", format="relex-jsonl")
            after = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
            assert [json.loads(line) for line in after] == [json.loads(line) for line in given], file.name
