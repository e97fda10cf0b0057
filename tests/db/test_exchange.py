"""Snapshots and imports through the store; each format's own tests are in tests/db/formats."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import benchmark, check, exports, imports
from db.__main__ import main
from db.manifests import manifest_of, tool_version
from db.store import Store
from db.values import ADJUDICATOR, State
from relex_core import editing, jsonl
from relex_core.__main__ import main as relex_core_main
from relex_core.errors import FormatError, InputError, StoreError
from relex_core.types import Annotation, Document, Entity, EntityLabel, Relation, RelationLabel, Schema, sha256
from tests.db.conftest import ADA, CAFE, NIELS, SCHEMA, found, suggestions

# emoji with joiners, combining marks, Arabic, line ends that Python splits lines at but JSON Lines must not
PIECES = [
    "a",
    "Ada",
    "é",
    "e\u0301",
    "👩‍👩‍👧",
    "😀",
    "مرحبا",
    " ",
    "  ",
    "\n",
    "\u2028",
    "\x85",
    "-",
    "'",
    "東京",
    "\t",
    "İ",
    "½",
]


@st.composite
def annotations(draw: st.DrawFn) -> Annotation:
    """Any marks on any text: nested, crossing, inside words, of white space alone."""
    text = "".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12))) + "x"
    spans = st.tuples(st.integers(0, len(text) - 1), st.integers(1, len(text)), st.sampled_from(["person", "place"]))
    marked = draw(st.lists(spans.filter(lambda s: s[0] < s[1]), max_size=6, unique=True))
    entities = [Entity(f"e{n}", *mark) for n, mark in enumerate(marked)]
    split = draw(st.integers(0, len(entities)))
    kept = tuple(entities[:split])
    rejected = tuple(Entity(e.id, e.start, e.end, e.label, 0.25) for e in entities[split:])
    pairs = [(a.id, b.id) for a in kept for b in kept if a is not b]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=4)) if pairs else []
    relations = tuple(Relation(head, tail, "born in") for head, tail in edges)
    return Annotation(Document.from_text(text, source="x"), SCHEMA, kept, relations, rejected)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(annotations(), min_size=1, max_size=3, unique_by=lambda a: a.document.id))
def test_exported_annotations_come_back_equal(sqlite_template: Path, tmp_path: Path, given: list[Annotation]) -> None:
    path = tmp_path / f"{sha256(repr(given))}.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    store = Store.open(f"sqlite:///{path}")
    store.create_project("one", SCHEMA)
    store.add_documents("one", [annotation.document for annotation in given])
    for annotation in given:
        store.save("one", annotation, annotator="ann")
    file = path.with_suffix(".jsonl")
    exports.snapshot(store, "one", file)
    assert list(imports.read(file)) == given
    imports.load(store, "two", [file])
    assert list(store.annotations("two")) == given
    manifest_of(file).unlink()
    alone = list(imports.read(file))
    assert [(a.document, a.entities, a.relations) for a in alone] == [
        (a.document, a.entities, a.relations) for a in given
    ]
    store.close()


@pytest.fixture
def letters(store: Store) -> Store:
    schema = Schema(
        SCHEMA.entity_labels,
        (RelationLabel("born in", "was born in", ("person",), ("place",)), RelationLabel("works for", color=1)),
    )
    store.create_project("letters", schema)
    store.add_documents("letters", [ADA, NIELS, CAFE])
    begun = editing.begin(suggestions())
    accepted = editing.apply(begun, editing.Accept(relations=(suggestions().relations[0].key,)))
    store.save("letters", accepted, annotator="ann", state=State.SUBMITTED)
    rejected = editing.apply(
        editing.begin(found(NIELS, Entity.suggested(0, 10, "place", 0.8))), editing.RemoveEntity("0:10:place")
    )
    store.save("letters", rejected, annotator="bob")
    store.set_state("letters", "cafe", State.SKIPPED, annotator="bob")
    return store


def test_manifest_tells_what_the_file_holds(letters: Store, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "train.jsonl"
    written = exports.snapshot(letters, "letters", path)
    assert (written.documents, written.entities, written.relations) == (2, 2, 1)
    assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    manifest = json.loads(written.manifest_path.read_text())
    assert written.manifest_path.name == "train.jsonl.manifest.json"
    assert manifest["sha256"] == written.sha256
    assert manifest["counts"]["entity_labels"] == {"person": 1, "place": 1, "organization": 0}
    assert manifest["counts"]["rejected_entities"] == 1
    assert manifest["label_map"]["relations"] == {"born in": 0, "works for": 1}
    assert manifest["model_versions"] == {"mini-1": 2}
    assert manifest["annotators"] == {"ann": 1, "bob": 1}
    assert manifest["filter"] == {"states": ["in progress", "submitted", "flagged"], "annotators": None}
    assert manifest["tool"]["version"] == tool_version() != "unknown"


def test_trainer_fields(letters: Store, tmp_path: Path) -> None:
    exports.snapshot(letters, "letters", tmp_path / "out.jsonl")
    first, second = (json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines())
    assert first["tokenized_text"] == ["Ada", "Lovelace", "was", "born", "in", "London", ".", "😀"]
    assert first["ner"] == [[0, 1, "person"], [5, 5, "place"]]
    assert first["relations"] == [[0, 1, "born in"]]
    assert second["ner"] == []
    assert second["ner_negatives"] == ["place"]


@pytest.mark.parametrize("format", ["jsonld", "turtle", "label-studio"])
def test_suggestions_go_out_with_decisions_and_come_in_again(letters: Store, tmp_path: Path, format: str) -> None:
    """From the database, not from the writer alone: what a model said, how sure it was, and which one it was."""
    path = tmp_path / "out"
    exports.snapshot(letters, "letters", path, format=format)
    done = imports.load(letters, "copy", [path], format=format)
    assert (done.revisions, done.skipped) == (2, ())
    before, after = letters.latest("letters", "ada"), letters.latest("copy", "ada")
    assert before is not None
    assert after is not None
    assert after.model_version == before.model_version == "mini-1"
    assert before.annotation.based_on is not None
    assert after.annotation.based_on is not None
    assert set(after.annotation.based_on.entities) == set(before.annotation.based_on.entities)
    assert set(after.annotation.based_on.relations) == set(before.annotation.based_on.relations)
    assert [finding for finding in check.check(letters.database) if finding.where.startswith("copy")] == []
    assert imports.load(letters, "copy", [path], format=format).revisions == 0
    rejected = next(a for a in letters.annotations("copy") if a.document.id == "niels").rejected_entities
    assert [e.score for e in rejected] == [0.8]


def test_the_manifest_tells_label_studio_of_the_labels(letters: Store, tmp_path: Path) -> None:
    for format, told in (("label-studio", True), ("gliner", False)):
        made = exports.snapshot(letters, "letters", tmp_path / format, format=format)
        manifest = json.loads(made.manifest_path.read_text())
        assert ("settings" in manifest) == told
        if told:
            assert '<Label value="person"/>' in manifest["settings"]
        assert imports.load(letters, f"{format} copy", [tmp_path / format], format=format).added


def test_each_annotator_of_a_label_studio_task_gets_a_revision(store: Store, tmp_path: Path) -> None:
    def answer(who: object, *starts: int) -> dict[str, object]:
        spans = [{"start": at, "end": at + 3, "labels": ["person"]} for at in starts]
        marks = [{"id": f"r{at}", "type": "labels", "value": v} for at, v in zip(starts, spans, strict=True)]
        return {"completed_by": who, "result": marks}

    answers = [
        answer({"email": "eva@example.org"}, 0, 8),
        answer(5, 0),
        answer({"email": "eva@example.org"}, 8),
        answer({"email": ADJUDICATOR}),
    ]
    model = {"model_version": "other", "score": 0.5, "result": answer(0, 0)["result"]}
    first = {"id": 1, "data": {"text": "Ada met Bob"}, "annotations": answers, "predictions": [model, model]}
    again = {"id": 1, "data": {"text": "Ada met Bob"}, "annotations": answers[1:2]}
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps([first, again]))
    done = imports.load(store, "team", [path], format="label-studio", annotator="zoe")
    assert (done.added, done.extractions, done.revisions, done.skipped) == (2, 1, 5, ())
    made = [(r.annotator, len(r.annotation.entities)) for r in store.revisions("team", "1")]
    assert made == [("eva@example.org", 2), ("Label Studio user 5", 1), ("eva@example.org", 1), ("zoe", 0)]
    assert [r.annotator for r in store.revisions("team", "1~2")] == ["Label Studio user 5"], "another task, same text"
    assert imports.load(store, "team", [path], format="label-studio", annotator="zoe").revisions == 0
    of_eva = list(store.annotations("team", annotators=["eva@example.org"]))
    assert [[e.start for e in a.entities] for a in of_eva] == [[8]]


CURIE = "Marie Curie was born in Warsaw 😀."
LONG = f"{CURIE} Ada Lovelace was born in London. Steve Jobs was born in San Francisco."


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python -m relex_core extract` writes."""
    folder = tmp_path_factory.mktemp("extracted")
    texts, found = folder / "texts.jsonl", folder / "found.jsonl"
    lines = [{"id": "curie", "text": CURIE}, {"id": "none", "text": "so it goes"}, {"id": "long", "text": LONG}]
    texts.write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = ["extract", "--checkpoint", "mini", "--entities", "person,location", "--relations", "born in"]
    command += ["--input", str(texts), "--out", str(found), "--passage-words", "15"]
    assert relex_core_main(command) == 0
    return found


def test_what_extract_prints_comes_in_as_suggestions(store: Store, extracted: Path) -> None:
    done = imports.load(store, "curie", [extracted], format="extract")
    assert (done.added, done.extractions, done.revisions, done.skipped) == (3, 3, 0, ())
    printed = [json.loads(line) for line in extracted.read_text("utf-8").splitlines()]
    # each passage is told, and only what was read in several has some
    read = [[LONG[start:end] for start, end in record.get("windows", ())] for record in printed]
    assert read == [[], [], [LONG[: LONG.index(" Steve")], LONG[LONG.index("Ada") :]]]
    assert printed[0]["model_version"].startswith("mini")
    for record in printed:
        extraction = store.extraction("curie", record["id"])
        assert extraction is not None
        assert extraction.model_version == record["model_version"]
        assert jsonl.extraction_to_json(extraction) == record
    assert [e["label"] for e in printed[0]["entities"]] == ["person", "location"]


def test_a_folder_is_imported_from_the_command_line(
    url: str, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text("Ada met Bob")
    (folder / "a.ann").write_text("T1\tPerson 0 3\tAda\n")
    command = ["import", "--database", url, "--project", "corpus", "--format"]
    assert main([*command, "brat", str(folder)]) == 0
    assert [len(a.entities) for a in store.annotations("corpus")] == [1]
    capsys.readouterr()
    assert main([*command, "gliner", str(folder)]) == 2
    assert "Is a directory: corpus" in capsys.readouterr().err
    assert main([*command, "datasets", str(folder)]) == 2
    assert "none that can be used" in capsys.readouterr().err


def test_filters(letters: Store, tmp_path: Path) -> None:
    def ids(**filter: object) -> list[str]:
        exports.snapshot(letters, "letters", tmp_path / "out.jsonl", **filter)  # type: ignore[arg-type]
        return [annotation.document.id for annotation in imports.read(tmp_path / "out.jsonl")]

    assert ids(states=[State.SUBMITTED]) == ["ada"]
    assert ids(states=None) == ["ada", "niels", "cafe"]
    assert ids(annotators=["bob"]) == ["niels"]
    with pytest.raises(InputError, match="found none"):
        ids(annotators=["nobody"])


def test_adjudicated_decisions_alone(url: str, letters: Store, tmp_path: Path) -> None:
    command = ["export", "--database", url, "--project", "letters", "--out", str(tmp_path / "out.jsonl")]
    assert main([*command, "--adjudicated"]) == 2
    settled = Annotation(ADA, SCHEMA, (Entity("e", 0, 3, "person"),))
    letters.save("letters", settled, annotator=ADJUDICATOR, state=State.SUBMITTED)
    letters.save("letters", Annotation(ADA, SCHEMA), annotator="ann", state=State.SUBMITTED)
    assert main([*command, "--adjudicated"]) == 0
    assert [(a.document.id, len(a.entities)) for a in imports.read(tmp_path / "out.jsonl")] == [("ada", 1)]
    assert main([*command, "--annotator", "ann"]) == 0
    assert [(a.document.id, len(a.entities)) for a in imports.read(tmp_path / "out.jsonl")] == [("ada", 0)]


def test_schema_with_constraints_comes_back(letters: Store, tmp_path: Path) -> None:
    exports.snapshot(letters, "letters", tmp_path / "out.jsonl")
    imports.load(letters, "copy", [tmp_path / "out.jsonl"])
    assert letters.project("copy").schema == letters.project("letters").schema


def test_import_adds_labels_to_a_project(store: Store, tmp_path: Path) -> None:
    store.create_project("letters", Schema.of(["place", "animal"]))
    path = tmp_path / "in.jsonl"
    path.write_text(
        '{"tokenized_text": ["Ada", "met", "Bo"], "ner": [[0, 0, "person"], [2, 2, "animal"]],'
        ' "relations": [[0, 1, "met"]]}\n'
    )
    done = imports.load(store, "letters", [path])
    assert (done.records, done.added, done.revisions) == (1, 1, 1)
    schema = store.project("letters").schema
    assert [label.name for label in schema.entity_labels] == ["place", "animal", "person"]
    assert len({label.letter for label in schema.entity_labels}) == 3
    assert store.project("letters").schema_version == 2
    revision = next(store.latest_revisions("letters"))
    assert (revision.annotator, revision.state, revision.note) == ("import", State.SUBMITTED, "imported from in.jsonl")
    assert [e.text(revision.annotation.document) for e in revision.annotation.entities] == ["Ada", "Bo"]


def test_labels_of_a_snapshot_keep_their_definitions_in_a_project_that_exists(store: Store, tmp_path: Path) -> None:
    person = EntityLabel("person", "a human being")
    married = RelationLabel("married", "spouses", ("person",), ("person",), symmetric=True)
    works = RelationLabel("works for", "an employee", ("person",), ("company",), inverse="employs")
    employs = RelationLabel("employs", "an employer", ("company",), ("person",), inverse="works for")
    whole = Schema.of([person, EntityLabel("company", "a firm"), "unused"], [married, works, employs, "seen in"])
    store.create_project("from", whole)
    store.add_documents("from", [ADA])
    ends = (Entity("a", 0, 3, "person"), Entity("b", 4, 12, "person"))
    related = (Relation("a", "b", "married"), Relation("a", "b", "works for"))
    store.save("from", Annotation(ADA, whole, ends, related), annotator="ann", state=State.SUBMITTED)
    exports.snapshot(store, "from", tmp_path / "out.jsonl", format="relex-jsonl")
    here = RelationLabel("married", "as this project has it", color=3)
    store.create_project("to", Schema.of(["place"], [here]))
    imports.load(store, "to", [tmp_path / "out.jsonl"], format="relex-jsonl")
    schema = store.project("to").schema
    assert [(label.name, label.description) for label in schema.entity_labels] == [
        ("place", ""),
        ("person", "a human being"),
        ("company", "a firm"),
    ]
    assert [replace(label, color=0) for label in schema.relation_labels] == [replace(here, color=0), works, employs]


def test_import_twice_adds_nothing(letters: Store, tmp_path: Path) -> None:
    exports.snapshot(letters, "letters", tmp_path / "out.jsonl")
    imports.load(letters, "copy", [tmp_path / "out.jsonl"])
    again = imports.load(letters, "copy", [tmp_path / "out.jsonl"])
    assert (again.added, again.duplicates, again.revisions) == (0, 2, 0)
    assert len(letters.revisions("copy", "ada")) == 1


BAD = """{"tokenized_text": ["Ada"], "ner": [[0, 0, "person"]]}
not json
{"ner": 3}
{"tokenized_text": ["B"], "ner": [[0, 5, "x"]]}
"""


def test_bad_lines_are_named_and_nothing_is_stored(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(BAD)
    with pytest.raises(FormatError, match="lines 2, 3, 4") as refused:
        imports.load(store, "letters", [path])
    assert refused.value.lines == (2, 3, 4)
    assert store.projects() == ()
    done = imports.load(store, "letters", [path], skip_bad=True)
    assert (done.added, len(done.skipped)) == (1, 3)


def test_same_text_twice_in_a_file_is_kept_twice(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    record = '{{"id": "{}", "tokens": ["Ada"], "entities": [{}], "relations": [], "text": "Ada", "source": "s"}}\n'
    mark = '{"start": 0, "end": 0, "label": "person"}'
    path.write_text(record.format("x", mark) + record.format("y", "") + record.format("x", ""))
    imports.load(store, "letters", [path], format="relex-jsonl")
    assert [len(a.entities) for a in store.annotations("letters")] == [1, 0, 0]
    imports.load(store, "letters", [path], format="relex-jsonl")
    exports.snapshot(store, "letters", tmp_path / "out.jsonl", format="relex-jsonl")
    before, after = (
        [json.loads(line) for line in file.read_text().splitlines()] for file in (path, tmp_path / "out.jsonl")
    )
    assert [{**record, "partial": False} for record in before] == after


def test_command_line(url: str, letters: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jsonl"
    arguments = ["--database", url, "--project"]
    assert main(["export", *arguments, "letters", "--format", "gliner", "--out", str(out)]) == 0
    assert "2 documents, 2 entities, 1 relations" in capsys.readouterr().out
    assert main(["import", *arguments, "copy", "--format", "gliner", str(out)]) == 0
    assert "2 documents added" in capsys.readouterr().out
    assert main(["export", *arguments, "nothing", "--out", str(out)]) == 2
    assert "'copy', 'letters'" in capsys.readouterr().err
    assert main(["import", *arguments, "copy", str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl" in capsys.readouterr().err
    (tmp_path / "bad.jsonl").write_text(BAD)
    assert main(["import", *arguments, "copy", str(tmp_path / "bad.jsonl")]) == 2
    assert "lines 2, 3, 4" in capsys.readouterr().err
    assert main(["import", *arguments, "copy", "--skip-bad", str(tmp_path / "bad.jsonl")]) == 0
    assert main(["migrate", "--database", url]) == 0
    assert main(["migrate", "--database", "mysql://anna:hunter2@host/x"]) == 2
    assert "hunter2" not in capsys.readouterr().err


def test_unwritable_place(letters: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Name another folder"):
        exports.snapshot(letters, "letters", tmp_path / "file" / "out.jsonl")


def test_split_files_hold_each_document_once(url: str, store: Store, tmp_path: Path) -> None:
    store.create_project("letters", SCHEMA)
    documents = [Document(f"d{n}", f"Ada met person {n}.") for n in range(40)]
    again = Document("d9 again", "ADA met  person 9.")
    store.add_documents("letters", [*documents, again])
    for n, document in enumerate([*documents, again]):
        label = "person" if n % 4 else "organization"
        store.save("letters", Annotation(document, SCHEMA, (Entity("e", 0, 3, label),)), annotator="ann")
    out = tmp_path / "data.jsonl"
    arguments = ["export", "--database", url, "--project", "letters", "--out", str(out)]
    assert main([*arguments, "--dev", "0.2", "--test", "0.1", "--seed", "3"]) == 0
    sets = {name: list(imports.read(tmp_path / f"data.{name}.jsonl")) for name in ("train", "dev", "test")}
    assert {name: len(found) for name, found in sets.items()} == {"train": 28, "dev": 8, "test": 4}
    assert sorted(a.document.id for found in sets.values() for a in found) == sorted(d.id for d in documents)
    assert sum(a.entities[0].label == "organization" for a in sets["dev"]) == 2
    manifest = json.loads((tmp_path / "data.dev.jsonl.manifest.json").read_text())
    assert manifest["filter"]["split"] == {
        "set": "dev",
        "seed": 3,
        "dev": 0.2,
        "test": 0.1,
        "duplicates": 1,
        "left_out": {"d9 again": "d9"},
    }


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Store]]:
    """Projects of so many documents."""
    folder = tmp_path_factory.mktemp("filled")
    with ExitStack() as opened:
        stores = {n: opened.enter_context(Store.open(f"sqlite:///{folder}/{n}.sqlite")) for n in (300, 1500)}
        for size, store in stores.items():
            benchmark.fill(store, size, revisions=1)
            # what is kept from the first time on is none of an export's own
            exports.split_snapshot(store, "benchmark", folder / "warm.jsonl", states=None)
        yield stores


@pytest.mark.parametrize("split", [False, True])
def test_an_export_holds_a_bounded_part_of_the_project(split: bool, filled: dict[int, Store], tmp_path: Path) -> None:
    """From the database to the file, not the writer alone."""

    def peak(size: int) -> int:
        tracemalloc.start()
        if split:
            sets = exports.split_snapshot(filled[size], "benchmark", tmp_path / f"{size}.jsonl", states=None)
            written = list(sets.values())
        else:
            written = [exports.snapshot(filled[size], "benchmark", tmp_path / f"{size}.jsonl", states=None)]
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert sum(file.documents for file in written) == size
        return used

    few, many = peak(300), peak(1500)
    # the 1,200 more of them are 2 MB as a file alone, and some times that as values; when memory is given back varies
    assert many < few + 1_000_000, f"{few:,} bytes for 300 documents, {many:,} for 1,500"


def test_an_import_does_not_go_through_all_labels_for_each_record(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels, path = 400, tmp_path / "open.jsonl"
    rows = [
        {
            "id": f"d{n}",
            "text": f"Ada knew Bob {n}",
            "tokens": ["Ada", "knew", "Bob", str(n)],
            "entities": [{"start": 0, "end": 0, "label": "person"}, {"start": 2, "end": 2, "label": "person"}],
            "relations": [{"head": 0, "tail": 1, "label": f"label {n}"}],
        }
        for n in range(labels)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    hashed = 0
    hash_of = RelationLabel.__hash__

    def count(label: RelationLabel) -> int:
        nonlocal hashed
        hashed += 1
        return hash_of(label)

    monkeypatch.setattr(RelationLabel, "__hash__", count)
    done = imports.load(store, "open", [path], format="relex-jsonl")
    assert (done.added, done.revisions) == (labels, labels)
    assert hashed <= 10 * labels  # a hash of the label set for each record would be 400 times all labels
    monkeypatch.undo()
    exports.snapshot(store, "open", tmp_path / "back.jsonl", format="relex-jsonl")
    back = [json.loads(line) for line in (tmp_path / "back.jsonl").read_text(encoding="utf-8").splitlines()]
    assert back == [{**row, "source": "", "partial": False} for row in rows]
