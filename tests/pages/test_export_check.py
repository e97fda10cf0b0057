"""Counts and warnings before an export, and the archives."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import audit
from db.store import Store
from pages.shared import bundles, export_check
from pages.shared.bundles import Shares
from relex_core.editing import begin
from relex_core.jsonl import annotation_from_training
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, RelationLabel, Schema, Thresholds

SCHEMA = Schema.of(["person", "place"], [RelationLabel("born in", head_types=("person",), tail_types=("place",))])
DOCUMENT = Document.from_text("Ada was born in London.")
ADA, LONDON = Entity.suggested(0, 3, "person", 0.9), Entity.suggested(16, 22, "place", 0.8)
EXTRACTION = Extraction(DOCUMENT, SCHEMA, (ADA, LONDON), (Relation(ADA.id, LONDON.id, "born in", 0.7),), "mini@1")


def files(packed: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_doubtful_annotations_are_counted() -> None:
    inside = Annotation(
        DOCUMENT, SCHEMA, (Entity("a", 1, 3, "person"), Entity("b", 16, 22, "place")), (Relation("b", "a", "born in"),)
    )
    summary = export_check.summarize([inside, Annotation(Document.from_text("Nothing here."), SCHEMA)])
    assert (summary.documents, summary.empty) == (2, 1)
    assert summary.entities == {"person": 1, "place": 1}
    told = {finding.what: finding.count for finding in summary.findings}
    assert told["marks that begin or end inside a word (trainers get whole words)"] == 1
    assert told["relations between types that their label does not allow"] == 1
    assert told["documents without a mark"] == 1
    assert told["entity labels with fewer than 10 examples"] == 2


def test_counts_are_there_while_the_counting_goes_on() -> None:
    summary = export_check.Summary()
    seen: list[tuple[int, int]] = []

    def annotations() -> Iterator[Annotation]:
        for _ in range(3):
            now = summary.copy()
            seen.append((now.documents, now.entities.total()))
            yield Annotation(DOCUMENT, SCHEMA, (Entity("a", 0, 3, "person"),))

    assert export_check.summarize(annotations(), into=summary) is summary
    assert seen == [(0, 0), (1, 1), (2, 2)]


def test_suggestions_leave_as_training_data_that_says_what_it_is() -> None:
    packed = files(bundles.suggestions_archive(EXTRACTION, Thresholds()))
    record = json.loads(packed["suggestions.jsonl"])
    assert record["ner"] == [[0, 0, "person"], [4, 4, "place"]]
    assert record["relations"] == [[0, 1, "born in"]]
    assert "no person has corrected" in json.loads(packed["suggestions.jsonl.manifest.json"])["origin"]
    back = annotation_from_training(record, SCHEMA)
    assert [e.span for e in back.entities] == [(0, 3), (16, 22)]


def test_a_project_leaves_with_its_manifest(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with Store.open(f"sqlite:///{tmp_path / 'x.sqlite'}") as store:
        store.create_project("a/b: c", SCHEMA)
        store.add_documents("a/b: c", [DOCUMENT])
        store.save("a/b: c", bundles.accepted(EXTRACTION, Thresholds()), annotator="ada")
        archive = bundles.project_archive(store, "a/b: c", tmp_path)
        packed = files(archive.read_bytes())
        assert archive == tmp_path / "a-b-c-gliner.zip"
    assert set(packed) == {"a-b-c.jsonl", "a-b-c.jsonl.manifest.json"}
    assert json.loads(packed["a-b-c.jsonl.manifest.json"])["counts"]["documents"] == 1


@pytest.mark.parametrize("format", ["gliner", "spacy", "brat", "datasets", "conllu"])
def test_three_sets_leave_in_one_archive(format: str, tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'x.sqlite'}") as store:
        store.create_project("news", SCHEMA)
        documents = [Document(f"d{n}", f"Ada met person {n}.") for n in range(20)]
        store.add_documents("news", documents)
        for document in documents:
            store.save("news", Annotation(document, SCHEMA, (Entity("a", 0, 3, "person"),)), annotator="ada")
        shares = Shares(dev=0.2, test=0.1, seed=7)
        seen: list[int] = []
        packed = bundles.project_archive(store, "news", tmp_path, format, split=shares, seen=seen.append, by="ada")
        assert seen == list(range(1, 21)), "one count for all three files"
        with zipfile.ZipFile(packed) as archive:
            names = [name for name in archive.namelist() if name.endswith(".manifest.json")]
            manifests = {name: json.loads(archive.read(name)) for name in names}
            assert archive.testzip() is None
        assert [(event.action, event.by) for event in audit.events(store, "news", 3)] == [("exported", "ada")] * 3
        again = bundles.project_archive(store, "news", tmp_path, format, split=shares)
        assert bundles.set_sizes(store.annotations("news"), shares) == {"train": 14, "dev": 4, "test": 2}
    counts = {m["filter"]["split"]["set"]: m["counts"]["documents"] for m in manifests.values()}
    assert counts == {"train": 14, "dev": 4, "test": 2}
    assert all(m["filter"]["split"]["seed"] == 7 for m in manifests.values())
    with zipfile.ZipFile(again) as archive:
        hashes = {name: json.loads(archive.read(name))["sha256"] for name in names}
    if format != "datasets":  # its files carry a fingerprint of their own
        assert hashes == {name: m["sha256"] for name, m in manifests.items()}


def test_nothing_is_accepted_below_the_thresholds() -> None:
    assert bundles.accepted(EXTRACTION, Thresholds(0.85, 0.5)).relations == ()
    assert begin(EXTRACTION).entities == ()
