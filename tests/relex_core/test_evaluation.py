from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relex_core import metrics
from relex_core.adapters.predictions_file import PredictionsFile
from relex_core.datasets import Gold, joined, read_gold
from relex_core.errors import ConfigError, FormatError, InputError
from relex_core.evaluation import SCORING_FLOOR, Predictor, Run, own_labels, predict_file, report
from relex_core.jsonl import dumps, extraction_to_json
from relex_core.metrics import Counts
from relex_core.tuning import best_thresholds, parse_thresholds
from relex_core.types import Document, Entity, Extraction, Relation, RelationLabel, Schema, Thresholds
from tests.relex_core.tiny import checkpoint, corpus, record

SCHEMA = Schema.of(["person", "company", "city"], ["works for", "founded by", "lives in"])


def extraction(
    gold: Gold, entities: Sequence[tuple[int, str, float]], relations: Sequence[tuple[int, int, str, float]]
) -> Extraction:
    """Entities by the number of a gold one, with another label or score; relations between them."""
    made = tuple(Entity.suggested(*gold.entities[i].span, label, score) for i, label, score in entities)
    by_number = {i: entity.id for (i, *_), entity in zip(entities, made, strict=True)}
    edges = tuple(Relation(by_number[h], by_number[t], label, score) for h, t, label, score in relations)
    return Extraction(gold.document, SCHEMA, made, edges, "test")


def gold(tmp_path: Path, number: int = 0, **more: object) -> Gold:
    return read_gold(corpus(tmp_path / "g.jsonl", number, **more))[0]


def test_direction_label_span_and_type_count(tmp_path: Path) -> None:
    truth = gold(tmp_path)
    right = extraction(truth, [(0, "person", 0.9), (1, "company", 0.9)], [(0, 1, "works for", 0.9)])
    turned = extraction(truth, [(0, "person", 0.9), (1, "company", 0.9)], [(1, 0, "works for", 0.9)])
    mistyped = extraction(truth, [(0, "person", 0.9), (1, "city", 0.9)], [(0, 1, "works for", 0.9)])
    renamed = extraction(truth, [(0, "person", 0.9), (1, "company", 0.9)], [(0, 1, "lives in", 0.9)])
    found = [metrics.score(truth, e) for e in (right, turned, mistyped, renamed)]
    assert [metrics.micro(s.relations) for s in found] == [
        Counts(tp=1),
        Counts(fp=1, fn=1),
        Counts(tp=1),
        Counts(fp=1, fn=1),
    ]
    assert [metrics.micro(s.typed).tp for s in found] == [1, 0, 0, 0]
    assert metrics.micro(found[0].entities) == Counts(tp=2, fn=1)
    assert metrics.micro(found[2].entities) == Counts(tp=1, fp=1, fn=2)
    assert found[3].confusions == (("works for", "lives in"),)
    assert found[3].missed == (((0, 12), (23, 27), "works for"),)
    assert found[1].false == (((23, 27), (0, 12), "works for"),)


DECLARED = Schema.of(
    ["person", "company"],
    [RelationLabel("partner of", symmetric=True), RelationLabel("works for", inverse="employs"), "employs"],
)
BOTH_WAYS = ((0, 1, "partner of"), (1, 0, "partner of"), (0, 1, "works for"), (1, 0, "employs"))


@pytest.mark.parametrize(
    ("annotated", "labels"),
    [
        ((0, 3), {"partner of", "employs"}),
        ((1, 2), {"partner of", "works for"}),
        ((0, 1, 2, 3), {"partner of", "works for"}),
    ],
)
@pytest.mark.parametrize("clusters", [(), ((0,), (1,))])
def test_what_says_the_same_counts_once(
    tmp_path: Path, annotated: tuple[int, ...], labels: set[str], clusters: tuple[tuple[int, ...], ...]
) -> None:
    edges = [BOTH_WAYS[number] for number in annotated]
    truth = replace(
        gold(tmp_path),
        relations=tuple(Relation(str(head), str(tail), label) for head, tail, label in edges),
        clusters=clusters,
        facts=tuple(edges) if clusters else (),
    )
    entities = [(0, "person", 0.9), (1, "company", 0.9)]
    found = replace(extraction(truth, entities, []), schema=DECLARED)
    ids = [entity.id for entity in found.entities]
    claims = tuple(Relation(ids[head], ids[tail], label, 0.9) for head, tail, label in BOTH_WAYS)
    right = metrics.score(truth, replace(found, relations=claims))
    assert metrics.micro(right.relations) == metrics.micro(right.typed) == Counts(tp=2)
    assert set(right.relations) == labels, "under the first label that is annotated"
    nothing = metrics.score(truth, found)
    assert metrics.micro(nothing.relations) == metrics.micro(nothing.typed) == Counts(fn=2)
    other = metrics.score(replace(truth, relations=(), facts=()), replace(found, relations=claims))
    assert metrics.micro(other.relations) == metrics.micro(other.typed) == Counts(fp=2)
    assert len(other.false) == 2


def test_the_other_direction_of_what_was_turned_down_is_wrong_too(tmp_path: Path) -> None:
    truth = replace(gold(tmp_path), relations=(), partial=True, rejected_relations=(Relation("0", "1", "partner of"),))
    found = replace(extraction(truth, [(0, "person", 0.9), (1, "company", 0.9)], []), schema=DECLARED)
    head, tail = (entity.id for entity in found.entities)
    claim = Relation(tail, head, "partner of", 0.9)
    assert metrics.micro(metrics.score(truth, replace(found, relations=(claim,))).relations) == Counts(fp=1)


def test_partial_truth_counts_annotated_pairs_only(tmp_path: Path) -> None:
    truth = gold(tmp_path, partial=True)
    entities = [(0, "person", 0.9), (1, "company", 0.9), (2, "person", 0.9)]
    found = extraction(truth, entities, [(0, 2, "lives in", 0.9), (1, 0, "founded by", 0.9)])
    scored = metrics.score(truth, found)
    # the pair (0, 2) was not annotated; the reverse of (0, 1) was
    assert metrics.micro(scored.relations) == Counts(fp=1, fn=1)
    assert metrics.micro(scored.entities) == Counts(tp=2, fn=1)


def test_document_level_facts_hold_between_clusters(tmp_path: Path) -> None:
    text = "Ada met Bo . Lovelace employs Bo ."
    tokens = text.split()
    marks = [(0, "person"), (2, "person"), (4, "person"), (6, "person")]
    data = {
        "id": "d",
        "text": text,
        "tokens": tokens,
        "entities": [{"start": i, "end": i, "label": label} for i, label in marks],
        "relations": [],
        "clusters": [[0, 2], [1, 3]],
        "cluster_relations": [{"head": 0, "tail": 1, "label": "works for"}],
    }
    (tmp_path / "d.jsonl").write_text(json.dumps(data) + "\n")
    (truth,) = read_gold(tmp_path / "d.jsonl")
    people = [(i, "person", 0.9) for i in range(4)]
    both = extraction(truth, people, [(0, 3, "works for", 0.9), (2, 1, "works for", 0.9)])
    assert metrics.micro(metrics.score(truth, both).relations) == Counts(tp=1)
    within = extraction(truth, people, [(0, 2, "works for", 0.9)])
    assert metrics.micro(metrics.score(truth, within).relations) == Counts(fp=1, fn=1)
    assert metrics.score(truth, within).missed == (((0, 3), (8, 10), "works for"),)


def test_the_interval_of_many_documents_takes_no_memory_for_each() -> None:
    parts = [{"a": Counts(tp=1)}, {"a": Counts(fp=1, fn=2)}, {"b": Counts(tp=2, fp=1)}] * 10_000
    tracemalloc.start()
    low, high = metrics.interval(parts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000
    # as if each document were drawn by itself
    rng = np.random.default_rng(1)
    counted = np.array([[1, 0, 0], [0, 1, 2], [2, 1, 0]] * 10_000)
    drawn = [counted[rng.integers(0, len(counted), len(counted))].sum(0) for _ in range(200)]
    assert [low, high] == pytest.approx(np.percentile([Counts(*row).f1 for row in drawn], [2.5, 97.5]), abs=2e-3)


def test_the_version_in_the_name_of_a_file_stays(tmp_path: Path) -> None:
    (tmp_path / "found.jsonl").write_text("".join(f'{{"id":"t{n}","entities":[],"relations":[]}}\n' for n in range(4)))
    for name, shown in (("dev.v2.jsonl", "dev.v2"), ("dev.jsonl", "dev")):
        assert predict_file(PredictionsFile(tmp_path / "found.jsonl"), corpus(tmp_path / name)).name == shown


def test_bootstrap_interval_holds_the_estimate_and_narrows_with_data() -> None:
    parts = [{"x": Counts(tp=1)}, {"x": Counts(fp=1, fn=1)}] * 10
    low, high = metrics.interval(parts)
    assert low < 0.5 < high
    low_more, high_more = metrics.interval(parts * 20)
    assert high_more - low_more < (high - low) / 3
    assert metrics.interval([]) == (0.0, 0.0)


class Scripted:
    """Right entities with a sure score, right relations at 0.6, wrong ones at 0.4."""

    name = "scripted"

    def __init__(self, golds: Sequence[Gold]) -> None:
        self.golds = {g.document.id: g for g in golds}

    def predict(
        self,
        documents: Sequence[Document],
        schema: Schema,
        floor: Thresholds,
        given: Sequence[tuple[Entity, ...]] | None = None,
    ) -> Iterable[Extraction]:
        for document in documents:
            truth = self.golds[document.id]
            entities = [(i, e.label, 0.9) for i, e in enumerate(truth.entities)]
            right = [(int(r.head), int(r.tail), r.label, 0.6) for r in truth.relations]
            wrong = [(t, h, label, 0.4) for h, t, label, _ in right]
            made = extraction(truth, entities, right + wrong)
            yield Extraction(document, schema, made.entities, made.relations, self.name, floor)


def test_thresholds_are_chosen_on_the_development_file(tmp_path: Path) -> None:
    path = corpus(tmp_path / "dev.jsonl")
    predictor: Predictor = Scripted(read_gold(path))
    run = predict_file(predictor, path)
    loose = report(run, Thresholds(0.5, 0.3))
    assert (loose.relations.precision, loose.relations.recall) == (0.5, 1.0)
    chosen = best_thresholds(run)
    assert 0.4 <= chosen.relation < 0.6
    assert chosen.entity < 0.9
    best = report(run, chosen)
    assert (best.entities.f1, best.relations.f1, best.typed.f1) == (1.0, 1.0, 1.0)
    assert parse_thresholds(f"dev:{path}", predictor) == chosen
    # four documents are too few for thresholds by label
    assert parse_thresholds(f"labels:{path}", predictor) == chosen
    assert parse_thresholds("0.4,0.7", predictor) == Thresholds(0.4, 0.7)
    with pytest.raises(ConfigError, match="dev:FILE"):
        parse_thresholds("high", predictor)
    data = best.to_json()
    assert data["relations"]["by_label"]["works for"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}
    assert data["documents"] == 4
    assert json.loads(json.dumps(data)) == data
    assert data["errors"] == []


def test_predictions_from_elsewhere_are_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from relex_core.__main__ import main

    path = corpus(tmp_path / "conll04_test.jsonl")
    golds = read_gold(path)
    lines = [
        dumps(extraction_to_json(e)) for e in Scripted(golds).predict([g.document for g in golds], SCHEMA, Thresholds())
    ]
    (tmp_path / "p.jsonl").write_text("\n".join(lines) + "\n")
    out = tmp_path / "scores.json"
    command = ["evaluate", "--predictor", "predictions", "--checkpoint", str(tmp_path / "p.jsonl")]
    assert main([*command, "--data", str(path), "--thresholds", "0.5,0.5", "--json", str(out), "--per-label"]) == 0
    printed = capsys.readouterr().out
    assert "GLiNER-Relex 40.4" in printed
    assert json.loads(out.read_text())["files"][0]["relations"]["f1"] == 1.0
    (tmp_path / "p.jsonl").write_text(lines[0] + "\n")
    assert main([*command, "--data", str(path)]) == 2
    assert "t1" in capsys.readouterr().err


def predictions(path: Path, *records: dict[str, object]) -> PredictionsFile:
    path.write_text("".join(json.dumps(one) + "\n" for one in records), "utf-8")
    return PredictionsFile(path)


def told(number: int, **more: object) -> dict[str, object]:
    """What a program from elsewhere says of one of the texts: no scores, one mark twice, a label of its own."""
    entities = [
        {"id": "a", "start": 0, "end": 12, "label": "person"},
        {"id": "b", "start": 23, "end": 27, "label": "company"},
        {"id": "b2", "start": 23, "end": 27, "label": "company", "score": 0.2},
        {"id": "c", "start": 31, "end": 37, "label": "town"},
    ]
    edges = [("a", "b", "works for"), ("a", "b2", "works for"), ("b2", "c", "seated in")]
    relations = [{"head": head, "tail": tail, "label": label} for head, tail, label in edges]
    return {"id": f"t{number}", "entities": entities, "relations": relations, **more}


def test_predictions_need_no_scores_and_may_hold_duplicates_and_other_labels(tmp_path: Path) -> None:
    data = corpus(tmp_path / "d.jsonl", 0)
    found = report(predict_file(predictions(tmp_path / "p.jsonl", told(0)), data), Thresholds(0.5, 0.5))
    assert found.entities == Counts(tp=2, fp=1, fn=1)
    assert found.relations == Counts(tp=1, fp=1)
    # with given entities only the relations between these count
    given = report(predict_file(predictions(tmp_path / "p.jsonl", told(0)), data, True), Thresholds(0.5, 0.5))
    assert given.entities.f1 == 1.0
    assert given.relations == Counts(tp=1, fp=1)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (told(0, text="Another text."), "another text for 't0'"),
        (told(0, entities=[{"id": "a", "start": 0, "end": 999, "label": "person"}], relations=[]), "for 't0'"),
        (told(0, entities=[]), "unknown entity"),
        (told(0, entities=[{"id": "a", "start": "x"}]), "line 1"),
        (told(0, entities=7), "line 1"),
        (told(0, id=None), "line 1"),
    ],
)
def test_a_bad_prediction_is_named(record: dict[str, object], message: str, tmp_path: Path) -> None:
    data = corpus(tmp_path / "d.jsonl", 0)
    with pytest.raises(FormatError, match=message) as caught:
        predict_file(predictions(tmp_path / "p.jsonl", record), data)
    assert caught.value.lines == (1,)


def test_predictions_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="once more"):
        predictions(tmp_path / "p.jsonl", told(0), told(0))
    (tmp_path / "p.jsonl.gz").write_bytes(b"\xff\xfe no gzip")
    (tmp_path / "deep.jsonl").write_text("[" * 200_000)
    for name in ("none.jsonl", "p.jsonl.gz", ".", "deep.jsonl"):
        with pytest.raises(InputError):
            PredictionsFile(tmp_path / name)


def test_options_are_checked_before_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from relex_core.__main__ import main

    data = corpus(tmp_path / "d.jsonl", 0)
    predictions(tmp_path / "p.jsonl", told(0))
    command = ["evaluate", "--predictor", "predictions", "--checkpoint", str(tmp_path / "p.jsonl"), "--data", str(data)]
    for more, message in (
        (["--limit", "-1"], "--limit"),
        (["--batch-size", "0"], "--batch-size"),
        (["--join", "0"], "--join"),
        (["--json", str(tmp_path / "none" / "x.json")], "--json"),
        (["--thresholds", "2,0.5"], "between 0 and 1"),
        (["--thresholds", "nan,0.5"], "between 0 and 1"),
    ):
        assert main([*command, *more]) == 2
        assert message in capsys.readouterr().err


def test_what_is_wrong_with_a_file_is_told_before_the_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from relex_core import evaluate_command
    from relex_core.__main__ import main

    def loaded(*_: object) -> Predictor:
        pytest.fail("loaded")

    monkeypatch.setattr(evaluate_command, "load_predictor", loaded)
    data, out = corpus(tmp_path / "d.jsonl", 0), tmp_path / "out.json"
    before = data.read_text()
    (tmp_path / "bad.jsonl").write_text("{bad")
    (tmp_path / "empty.jsonl").write_text("\n")
    for more, message in (
        (["--data", str(data), str(tmp_path / "bad.jsonl")], "line 1 of bad.jsonl"),
        (["--data", str(data), str(tmp_path / "none.jsonl")], "none.jsonl"),
        (["--data", str(data), "--thresholds", f"dev:{tmp_path / 'empty.jsonl'}"], "at least one record"),
        (["--data", str(data), "--own-labels", "0"], "--own-labels of at least 1"),
        (["--data", str(data), "--json", str(data)], "none of the inputs"),
        (["--data", str(data), "--thresholds", f"labels:{out}", "--json", str(out)], "out.json"),
    ):
        assert main(["evaluate", "--json", str(out), *more]) == 2
        assert message in capsys.readouterr().err
        assert not out.exists()
    assert data.read_text() == before


def test_thresholds_below_the_usual_floor_are_read_down_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from relex_core import evaluate_command

    data = corpus(tmp_path / "d.jsonl")
    floors: list[Thresholds] = []

    class Watched(Scripted):
        def predict(
            self,
            documents: Sequence[Document],
            schema: Schema,
            floor: Thresholds,
            given: Sequence[tuple[Entity, ...]] | None = None,
        ) -> Iterable[Extraction]:
            floors.append(floor)
            return super().predict(documents, schema, floor, given)

    monkeypatch.setattr(evaluate_command, "load_predictor", lambda *_: Watched(read_gold(data)))
    from relex_core.__main__ import main

    for asked in ("0.5,0.5", "0.02,0.01"):
        assert main(["evaluate", "--thresholds", asked, "--data", str(data)]) == 0
    assert floors == [SCORING_FLOOR, Thresholds(0.02, 0.01)]


def test_thresholds_are_chosen_as_they_are_scored(tmp_path: Path) -> None:
    # only the pair (0, 1) is annotated: surer claims about others say nothing
    data = corpus(tmp_path / "d.jsonl", 0, partial=True)
    (truth,) = read_gold(data)
    edges = [(0, 1, "works for", 0.3), (0, 2, "lives in", 0.9), (2, 1, "founded by", 0.9), (1, 0, "lives in", 0.2)]
    entities = [(0, "person", 0.9), (1, "company", 0.9), (2, "city", 0.9)]
    found = extraction(truth, entities, edges)
    run = Run("d", "", (truth,), SCHEMA, (found,), 1.0, False)
    assert 0.2 <= best_thresholds(run).relation < 0.3
    assert report(run, best_thresholds(run)).relations == Counts(tp=1)


def test_what_was_rejected_or_looked_for_counts_in_a_partial_text(tmp_path: Path) -> None:
    truth = gold(tmp_path, partial=True, annotated_relations=["lives in"])
    truth = replace(
        truth,
        rejected_entities=(Entity("9", 5, 12, "person"),),
        rejected_relations=(Relation("1", "2", "founded by"),),
    )
    entities = [(0, "person", 0.9), (1, "company", 0.9), (2, "city", 0.9)]
    edges = [(0, 2, "lives in", 0.9), (1, 2, "founded by", 0.9), (2, 1, "works for", 0.9)]
    found = extraction(truth, entities, edges)
    found = replace(found, entities=(*found.entities, Entity.suggested(5, 12, "person", 0.5)))
    scored = metrics.score(truth, found)
    # (2, 1, works for) is of a pair that nobody spoke of
    assert scored.relations == {"lives in": Counts(fp=1), "founded by": Counts(fp=1), "works for": Counts(fn=1)}
    assert metrics.micro(scored.entities) == Counts(tp=3, fp=1)


@pytest.mark.parametrize(
    "change",
    [
        {"text": None},
        {"relex": 3, "tokenized_text": ["a"]},
        {"entities": [{"start": -1, "end": -1, "label": "x"}], "relations": []},
        {"clusters": [[0, 9]]},
        {"clusters": [[0], [1]], "cluster_relations": [{"head": 0, "tail": 2, "label": "x"}]},
    ],
)
def test_gold_that_does_not_fit_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        gold(tmp_path, **change)


@pytest.mark.parametrize("gold_entities", [True, False])
def test_a_file_that_says_of_nothing_what_it_is_is_named(tmp_path: Path, gold_entities: bool) -> None:
    bare = corpus(tmp_path / "bare.jsonl", entities=[], relations=[])
    (tmp_path / "none.jsonl").write_text("")
    found = PredictionsFile(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match=r"type is known in .*bare\.jsonl"):
        predict_file(found, bare, gold_entities)


def test_gold_entities_are_related_whatever_their_score(tmp_path: Path) -> None:
    from relex_core.adapters.own import Own
    from relex_core.inference import Extractor

    path = corpus(tmp_path / "d.jsonl")
    run = predict_file(Own(Extractor.load(checkpoint(tmp_path / "tiny"))), path, gold_entities=True)
    scored = report(run, Thresholds(0.99, 0.0))
    assert scored.entities.f1 == 1.0
    assert scored.relations.recall > 0


def test_given_entities_of_unknown_type_are_related_without_a_prompt(tmp_path: Path) -> None:
    from relex_core.adapters.own import Own
    from relex_core.inference import Extractor

    entities = [{"start": 0, "end": 0, "label": "entity"}, {"start": 3, "end": 3, "label": "city"}]
    relations = [{"head": 0, "tail": 1, "label": "lives in"}]
    (tmp_path / "u.jsonl").write_text(json.dumps(record(2, entities=entities, relations=relations)) + "\n")
    own = Own(Extractor.load(checkpoint(tmp_path / "tiny")))
    run = predict_file(own, tmp_path / "u.jsonl", gold_entities=True)
    assert [label.name for label in run.schema.visible_entities] == ["city"]
    assert {entity.label for entity in run.found[0].entities} == {"entity", "city"}
    assert run.found[0].relations
    # where nothing else is known something has to be asked
    entities[1]["label"] = "entity"
    (tmp_path / "u.jsonl").write_text(json.dumps(record(2, entities=entities, relations=relations)) + "\n")
    run = predict_file(own, tmp_path / "u.jsonl", gold_entities=True)
    assert [label.name for label in run.schema.visible_entities] == ["entity"]


def test_thresholds_are_chosen_on_texts_as_long_as_those_that_are_scored(tmp_path: Path) -> None:
    class Asked(Scripted):
        texts: tuple[str, ...] = ()

        def predict(self, documents: Sequence[Document], *rest: Any) -> Iterable[Extraction]:
            self.texts = tuple(document.text for document in documents)
            return super().predict(documents, *rest)

    path = corpus(tmp_path / "dev.jsonl", 0, 2, 1)
    golds = read_gold(path)
    for join in (1, 2):
        predictor = Asked(joined(golds, join))
        parse_thresholds(f"dev:{path}", predictor, join=join)
        assert predictor.texts == tuple(long.document.text for long in joined(golds, join))


def test_each_text_can_be_asked_for_its_own_labels_and_some_others(tmp_path: Path) -> None:
    class Asked(Scripted):
        def __init__(self, golds: Sequence[Gold]) -> None:
            super().__init__(golds)
            self.schemas: list[Schema] = []

        def predict(self, documents: Sequence[Document], schema: Schema, *rest: Any) -> Iterable[Extraction]:
            self.schemas.append(schema)
            return super().predict(documents, schema, *rest)

    path = corpus(tmp_path / "d.jsonl")
    golds = read_gold(path)
    asked = [Asked(golds) for _ in range(2)]
    runs = [predict_file(predictor, path, others=1) for predictor in asked]
    assert asked[0].schemas == asked[1].schemas
    for one, schema in zip(golds, asked[0].schemas, strict=True):
        entities, relations = {e.label for e in one.entities}, {r.label for r in one.relations}
        assert entities <= schema.entity_names
        assert len(schema.entity_names - entities) == min(1, 3 - len(entities))
        assert relations <= schema.relation_names
        assert len(schema.relation_names - relations) == 1
    assert runs[0].name == "d, own labels + 1"
    assert report(runs[0], Thresholds(0.5, 0.5)).relations == Counts(tp=3)
    everything = Asked(golds)
    predict_file(everything, path)
    assert len(everything.schemas) == 1
    parse_thresholds(f"dev:{path}", everything, others=0)
    assert everything.schemas[1:] == list(own_labels(golds, runs[0].schema, 0))
    inverse = Schema.of(["person", "company", "city"], [RelationLabel("founded by", inverse="lives in"), "lives in"])
    assert [s.relation_names for s in own_labels(golds[1:2], inverse, 0)] == [{"founded by", "lives in"}]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text("\n")
    with pytest.raises(InputError, match="at least one record"):
        predict_file(Scripted([]), tmp_path / "e.jsonl")


def test_the_unknown_type_is_not_prompted(tmp_path: Path) -> None:
    entities = [{"start": 0, "end": 0, "label": "entity"}, {"start": 3, "end": 3, "label": "city"}]
    (tmp_path / "u.jsonl").write_text(json.dumps(record(2, entities=entities)) + "\n")
    golds = read_gold(tmp_path / "u.jsonl")
    from relex_core.datasets import labels_of

    assert [label.name for label in labels_of(golds).entity_labels] == ["city"]
