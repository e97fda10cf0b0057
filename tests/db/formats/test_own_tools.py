"""Each format is read by the tool that it is made for."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import networkx
import pytest
from hypothesis import HealthCheck, given, settings

from db.formats import FORMATS, Attributed
from db.formats.csv_files import plain
from db.formats.inception import ENTITY, RELATION
from db.formats.label_studio import config
from relex_core.editing import Accept, AddEntity, Relabel, RemoveEntity, RemoveRelation, begin
from relex_core.types import Annotation, Document, Entity, Extraction, Relation
from tests.components import missing
from tests.db.formats.conftest import SCHEMA, annotations
from tests.edits import apply_all

hostile = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def written(name: str, given: Iterable[Annotation], folder: Path) -> Path:
    format = FORMATS[name]
    assert format.write
    path = folder / f"out{format.suffix}"
    format.write(given, path)
    return path


def unpacked(name: str, given: Iterable[Annotation], folder: Path) -> Path:
    with zipfile.ZipFile(written(name, given, folder)) as archive:
        archive.extractall(folder / name)
    return folder / name


@pytest.fixture
def decided() -> Attributed:
    """Work on suggestions: one accepted, one relabelled, one rejected, one added."""
    document = Document("d", "Ada Lovelace met Charles in London, not in Paris.", "letters.txt")
    spots = (("Ada Lovelace", "person"), ("Charles", "person"), ("London", "PER"), ("Paris", "PER"))
    places = [(document.text.index(t), document.text.index(t) + len(t), label) for t, label in spots]
    ada, charles, london, paris = (Entity.suggested(*place, 0.9 - n / 10) for n, place in enumerate(places))
    relations = (Relation(ada.id, charles.id, "works for", 0.8), Relation(ada.id, paris.id, "born in", 0.6))
    relations += (Relation(ada.id, london.id, "works_for", 0.55),)
    extraction = Extraction(document, SCHEMA, (ada, charles, london, paris), relations, "mini@1")
    accept = Accept((ada.id, london.id), (relations[0].key,))
    edits = [accept, Relabel(london.id, "a b"), AddEntity("own", 13, 16, "x|y"), RemoveEntity(paris.id)]
    edits.append(RemoveRelation(*relations[2].key))
    a = apply_all(begin(extraction), edits)
    fields = (a.entities, a.relations, a.rejected_entities, a.rejected_relations, a.based_on, a.undecided)
    return Attributed(a.document, a.schema, *fields, "ada@example.org", "2026-01-02T03:04:05+00:00", 3)


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_gliner_collates_the_examples_with_our_negatives(decided: Attributed, tmp_path: Path) -> None:
    from gliner import GLiNER

    path = written("gliner", [decided], tmp_path)
    (record,) = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert record["ner_negatives"] == ["PER"]
    assert record["rel_negatives"] == ["works_for"]
    model = GLiNER.from_pretrained(str(Path(__file__).parents[3] / "relex_core/checkpoints/mini"))
    model.data_processor.config.augment_data_prob = 0.0  # it drops types by chance
    batch = model.data_processor.collate_raw_batch([record])
    types = set(batch["classes_to_id"][0])
    assert {"person", "a b", "x|y", "PER"} <= types, "the rejected label is asked for"
    assert {"works for", "works_for"} <= set(batch["rel_class_to_ids"][0])
    words = record["tokenized_text"]
    marked = [" ".join(words[first : last + 1]) for first, last, _ in record["ner"]]
    assert marked == ["Ada Lovelace", "met", "Charles", "London"]


@pytest.mark.peer
def test_glirel_collates_every_example(decided: Attributed) -> None:
    if find_spec("glirel") is None:
        missing("glirel", "pip install glirel==1.2.1 loguru==0.7.3")
    from glirel.modules.base import InstructBase

    about = {"max_width": 12, "max_len": 384, "max_entity_pair_distance": None, "span_marker_mode": "markerv1"}
    training = {"fixed_relation_types": True, "num_train_rel_types": 15, "shuffle_types": False, "random_drop": False}
    loader = InstructBase(Namespace(**about, **training, device="cpu"))

    @hostile
    @given(annotations())
    def check(annotation: Annotation) -> None:
        with TemporaryDirectory() as folder:
            path = written("glirel", [annotation, decided], Path(folder))
            records = [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]
        # validation warns of texts without a mark, at which this loader stops
        records = [record for record in records if record["ner"]]
        batch = loader.collate_fn(records, train_relation_types=["works for", "born in"])
        for record, pairs, labels, ids in zip(
            records, batch["relations_idx"].tolist(), batch["rel_label"].tolist(), batch["id_to_classes"], strict=True
        ):
            learned = {
                (tuple(head), tuple(tail), ids[label])
                for (head, tail), label in zip(pairs, labels, strict=True)
                if label > 0
            }
            # one relation for a pair of places, of which validation warns
            wanted = {
                (tuple(r["head"]["position"]), tuple(r["tail"]["position"])): r["relation_text"]
                for r in record["relations"]
            }
            assert learned == {(*pair, label) for pair, label in wanted.items()}

    check()


def test_gliner2_accepts_every_example(decided: Attributed) -> None:
    from gliner2.training.data import TrainingDataset

    @hostile
    @given(annotations())
    def check(annotation: Annotation) -> None:
        with TemporaryDirectory() as folder:
            dataset = TrainingDataset.load(str(written("gliner2", [annotation, decided], Path(folder))))
            report = dataset.validate(raise_on_error=False)
            assert report["invalid"] == 0, report
            assert len(dataset) == 2
            assert len(dataset[0].relations) == len(annotation.relations)

    check()


def test_spacys_corpus_reads_the_files(decided: Attributed, tmp_path: Path) -> None:
    import spacy
    from spacy.training import Corpus

    folder = unpacked("spacy", [decided, decided], tmp_path)
    (first, _) = Corpus(folder)(spacy.blank("en"))
    reference = first.reference
    assert reference.text == decided.document.text
    spans = {(s.start_char, s.end_char, s.label_) for s in reference.spans["entities"]}
    assert spans == {(e.start, e.end, e.label) for e in decided.entities}
    assert [e.text for e in reference.ents] == ["Ada Lovelace", "met", "Charles", "London"]
    assert reference._.rel == {(0, 3): {"works for": 1.0}}


def test_datasets_loads_the_folder(decided: Attributed, tmp_path: Path) -> None:
    import datasets

    dataset = datasets.load_from_disk(str(unpacked("datasets", [replace(decided)] * 1001, tmp_path)))
    assert len(dataset) == 1001
    row = dataset[1000]
    assert row["text"] == decided.document.text
    head = row["entities"][row["relations"][0]["head"]]
    assert row["text"][head["start"] : head["end"]] == "Ada Lovelace"


def test_conllu_parses_every_block() -> None:
    import conllu

    @hostile
    @given(annotations())
    def check(annotation: Annotation) -> None:
        with TemporaryDirectory() as folder:
            text = written("conllu", [annotation, annotation], Path(folder)).read_text("utf-8")
        sentences = conllu.parse(text)
        assert len(sentences) == 2
        begun = [tag for token in sentences[0] for tag in token["misc"]["Entity"].split(";") if tag.startswith("B-")]
        assert len(begun) == len(annotation.entities)

    check()


def test_networkx_reads_the_graph() -> None:
    @hostile
    @given(annotations())
    def check(annotation: Annotation) -> None:
        with TemporaryDirectory() as folder:
            graph = networkx.read_graphml(written("graphml", [annotation], Path(folder)), force_multigraph=True)
        entities = {n: data for n, data in graph.nodes(data=True) if data["kind"] == "entity"}
        assert sorted((d["start"], d["end"], d["label"], d["text"]) for d in entities.values()) == sorted(
            (e.start, e.end, e.label, e.text(annotation.document)) for e in annotation.entities
        )
        relations = [d["relation"] for h, t, d in graph.edges(data=True) if t in entities]
        assert sorted(relations) == sorted(r.label for r in annotation.relations)

    check()


def test_every_cypher_statement_is_grammatical() -> None:
    from antlr4 import CommonTokenStream, InputStream
    from antlr4_cypher import CypherLexer, CypherParser

    @hostile
    @given(annotations())
    def check(annotation: Annotation) -> None:
        with TemporaryDirectory() as folder:
            lines = written("cypher", [annotation], Path(folder)).read_bytes().decode().split(";\n")[:-1]
        assert len(lines) == 1 + len(annotation.entities) + len(annotation.relations)
        for line in lines:
            parser = CypherParser(CommonTokenStream(CypherLexer(InputStream(line))))
            parser.removeErrorListeners()
            parser.script()
            assert parser.getNumberOfSyntaxErrors() == 0, line

    check()


def test_rdflib_finds_the_same_statements_in_both_syntaxes(decided: Attributed, tmp_path: Path) -> None:
    import rdflib
    from rdflib.compare import isomorphic

    turtle = rdflib.Graph().parse(written("turtle", [decided], tmp_path), format="turtle")
    jsonld = rdflib.Graph().parse(written("jsonld", [decided], tmp_path), format="json-ld")
    assert isomorphic(turtle, jsonld)
    who = """
        PREFIX relex: <urn:relex:vocabulary:> PREFIX prov: <http://www.w3.org/ns/prov#>
        PREFIX oa: <http://www.w3.org/ns/oa#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
        SELECT ?text ?decision ?name ?score ?model WHERE {
            ?mark a relex:Entity ; oa:exact ?text ; relex:decision ?decision ; relex:revision ?revision .
            ?revision prov:wasAttributedTo/rdfs:label ?name .
            ?revision prov:wasDerivedFrom/prov:wasAttributedTo/rdfs:label ?model .
            OPTIONAL { ?mark prov:wasDerivedFrom/relex:score ?score } }"""
    rows = {tuple(None if v is None else v.toPython() for v in row) for row in turtle.query(who)}
    assert rows == {
        ("Ada Lovelace", "accepted", "ada@example.org", 0.9, "mini@1"),
        ("Charles", "accepted", "ada@example.org", 0.8, "mini@1"),
        ("London", "relabelled", "ada@example.org", 0.7, "mini@1"),
        ("met", "added", "ada@example.org", None, "mini@1"),
    }
    rejected = turtle.query("SELECT ?t { ?s <urn:relex:vocabulary:decision> 'rejected' . ?s oa:exact ?t }")
    assert [str(row[0]) for row in rejected] == ["Paris"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_label_studio_accepts_tasks_under_the_config(decided: Attributed, tmp_path: Path) -> None:
    from label_studio_sdk.label_interface import LabelInterface

    interface = LabelInterface(config(SCHEMA))
    assert interface.is_valid
    (task,) = json.loads(written("label-studio", [decided], tmp_path).read_text("utf-8"))
    assert task["data"]["text"] == decided.document.text
    (annotation,) = task["annotations"]
    (prediction,) = task["predictions"]
    assert interface.validate_annotation(annotation)
    assert annotation["completed_by"] == {"email": "ada@example.org"}
    assert interface.validate_prediction(prediction)
    annotation["result"][0]["value"]["labels"] = ["unknown"]
    assert not interface.validate_annotation(annotation), "the check itself can fail"


def test_label_studio_hears_of_addresses_alone_and_other_names_come_back(decided: Attributed, tmp_path: Path) -> None:
    named = [replace(decided, annotator=name) for name in ("ada@example.org", "ada", "a@b", "")]
    path = written("label-studio", named, tmp_path)
    answers = [task["annotations"][0] for task in json.loads(path.read_text("utf-8"))]
    assert [answer.get("completed_by") for answer in answers] == [{"email": "ada@example.org"}, None, None, None]
    read = FORMATS["label-studio"].read
    assert read
    back = [item.annotator for item in read(path, None) if isinstance(item, Attributed)]
    assert back == ["ada@example.org", "ada", "a@b", ""]


def test_cassis_and_a_plain_xml_parser_find_the_marks_where_they_are(tmp_path: Path) -> None:
    import cassis

    document = Document("emoji", "😀 Ada wrote.")
    entities = (Entity("a", 2, 5, "person"), Entity("b", 0, 1, "x|y"))
    annotation = Annotation(document, SCHEMA, entities, (Relation("a", "b", "works for"),))
    folder = unpacked("inception", [annotation], tmp_path)
    types = cassis.load_typesystem(io.BytesIO((folder / "TypeSystem.xml").read_bytes()))
    xmi = (folder / "emoji.xmi").read_bytes()
    cas = cassis.load_cas_from_xmi(io.BytesIO(xmi), typesystem=types)
    assert {mark.get_covered_text() for mark in cas.select(ENTITY)} == {"Ada", "😀"}
    (relation,) = cas.select(RELATION)
    assert (relation.Governor.value, relation.label, relation.Dependent.value) == ("person", "works for", "x|y")
    marks = [e for e in ElementTree.fromstring(xmi).iter() if e.tag.endswith("NamedEntity")]
    units = {(int(e.get("begin", -1)), int(e.get("end", -1))) for e in marks}
    assert units == {(3, 6), (0, 2)}, "UIMA counts UTF-16 units"


def test_a_spreadsheet_gets_no_formula() -> None:
    @hostile
    @given(annotations())
    def check(annotation: Annotation) -> None:
        with TemporaryDirectory() as folder:
            text = written("csv-triples", [annotation], Path(folder)).read_bytes().decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        for row in rows:
            assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in row.values())
            assert not any(cell.startswith(("\t", "\r", "\n")) for cell in row.values())
        entities = annotation.by_id()
        expected = []
        for r in annotation.relations:
            head, tail = entities[r.head], entities[r.tail]
            expected.append((head.text(annotation.document), r.label, tail.text(annotation.document)))
        assert [(plain(r["head"]), plain(r["relation"]), plain(r["tail"])) for r in rows] == expected

    check()


def test_brat_finds_the_text_at_each_offset() -> None:
    @hostile
    @given(annotations())
    def check(annotation: Annotation) -> None:
        with TemporaryDirectory() as folder, zipfile.ZipFile(written("brat", [annotation], Path(folder))) as archive:
            names = archive.namelist()
            text = archive.read(next(n for n in names if n.endswith(".txt"))).decode()
            lines = archive.read(next(n for n in names if n.endswith(".ann"))).decode().split("\n")
            conf = archive.read("annotation.conf").decode()
        assert text == annotation.document.text
        for line in lines[:-1]:
            assert len(line.split("\t")) == 3 or line.startswith("R") or "\t" in annotation.document.text
            type_name = line.split("\t")[1].split(" ")[0]
            assert type_name in conf
            assert type_name.isascii()
            assert type_name.replace("_", "").replace("-", "").isalnum()

    check()
