from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from relex_core.augmentation import MISCELLANEOUS, OTHER_NAMES, REST, view
from relex_core.checkpoint import load
from relex_core.datasets import read_gold
from relex_core.errors import CheckpointError, ConfigError, InputError, SchemaError
from relex_core.evaluation import predict_file, report
from relex_core.examples import Example, example, join
from relex_core.jsonl import dumps, training_record
from relex_core.labels import LabelKnowledge
from relex_core.loss_weights import LossWeights
from relex_core.metrics import Counts
from relex_core.reduced import has_bf16
from relex_core.sampling import Sampler, Sampling, Source, make_pools
from relex_core.targets import assemble
from relex_core.training import STOP, Trainer, make_optimizer, rate
from relex_core.training_config import DataFile, TrainConfig, read_train_config
from relex_core.types import Annotation, Document, Entity, Relation, RelationLabel, Schema, Thresholds
from relex_core.views import Augmentation, View
from tests.relex_core.tiny import TEXTS, checkpoint, corpus, record

ROOT = Path(__file__).parents[2]
AS_IT_IS = Augmentation(0.0, 16, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 48, False, 0.0, 0.0, 0.0, 0.0)
KNOWN = LabelKnowledge({"works for": {"same": ["employed by"], "inverse": ["employs"]}})


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("tiny") / "tiny")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("data") / "train.jsonl")


def config(base: Path, data: Path, **changes: object) -> TrainConfig:
    return TrainConfig(
        base=str(base),
        data=(DataFile(str(data)),),
        encoder_lr=3e-3,
        head_lr=3e-3,
        threads=1,
        warmup=2,
        decay=0.0,
        steps=4,
        dropout=0.0,
        device="cpu",
        log_every=1,
        loss=LossWeights(alpha=-1.0),
        sampling=Sampling(mixture=False, texts=2, pieces=10_000),
        augmentation=AS_IT_IS,
    ).with_changes(**changes)


def silent(_: str) -> None:
    pass


def examples(tmp_path: Path, *numbers: int, **more: object) -> list[Example]:
    return [example(gold, "x") for gold in read_gold(corpus(tmp_path / "x.jsonl", *numbers, **more))]


def asked(item: Example, how: Augmentation = AS_IT_IS, seed: int = 0, *others: Example, closed: bool = False) -> View:
    pools = make_pools([Source(item.source, (item, *others))], {item.source: closed}, KNOWN)
    return view(item, pools, KNOWN, how, random.Random(seed))


def named(seen: View) -> set[tuple[str, str, str]]:
    """The relations a view asks for, in words."""
    words = [" ".join(seen.words[a : b + 1]) for a, b in seen.spans]
    return {(words[seen.pairs[p][0]], seen.relation_labels[m], words[seen.pairs[p][1]]) for p, m in seen.positives}


# the loop


def test_four_examples_are_learned_by_heart(data: Path, tmp_path: Path) -> None:
    # label vectors from the label's own piece: a random encoder need not learn first to carry it to the marker
    base = checkpoint(tmp_path / "base", embed_ent_token=False, embed_rel_token=False)
    plan = config(base, data, steps=100, log_every=25)
    plan = replace(plan, sampling=replace(plan.sampling, texts=4))
    Trainer(plan, tmp_path / "run", silent).run()
    from relex_core.adapters.own import Own
    from relex_core.inference import Extractor

    learned = Own(Extractor.load(tmp_path / "run" / "last", device="cpu"))
    for number in range(4):
        found = report(predict_file(learned, corpus(tmp_path / "one.jsonl", number)), Thresholds(0.5, 0.5))
        assert found.entities.f1 == 1.0
        assert found.relations == Counts(tp=len(TEXTS[number][2]))
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0] / 10
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "done"


def test_a_killed_run_goes_on_as_if_nothing_had_happened(tiny: Path, data: Path, tmp_path: Path) -> None:
    plan = config(tiny, data, steps=6, dropout=0.1, augmentation=Augmentation())
    Trainer(plan, tmp_path / "whole", silent).run()

    class Killed(Exception):
        pass

    def die(line: str) -> None:
        if line.startswith("step      4"):
            raise Killed

    with pytest.raises(Killed):
        Trainer(plan.with_changes(save_every=3), tmp_path / "parts", die).run()
    assert json.loads((tmp_path / "parts" / "status.json").read_text())["state"] == "failed"
    resumed = Trainer(plan, tmp_path / "parts", silent)
    assert resumed.progress.step == 3
    resumed.run()
    states = [torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("whole", "parts")]
    assert states[0]["progress"]["step"] == states[1]["progress"]["step"] == 6
    for key, value in states[0]["model"].items():
        assert torch.equal(value, states[1]["model"][key]), key


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tiny: Path, data: Path, tmp_path: Path) -> None:
    found = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        Trainer(config(tiny, data, steps=2, seed=seed, dropout=0.1), tmp_path / name, silent).run()
        found[name] = (tmp_path / name / "last" / "model.safetensors").read_bytes()
    assert found["a"] == found["b"] != found["c"]


def test_accumulated_batches_equal_one_large_batch(tiny: Path, data: Path, tmp_path: Path) -> None:
    small = config(tiny, data, steps=1, accumulate=2)
    large = replace(small, accumulate=1, sampling=replace(small.sampling, texts=4))
    weights = []
    for name, plan in (("small", small), ("large", large)):
        trainer = Trainer(plan, tmp_path / name, silent)
        loaded = trainer.loaded
        # the same question whatever the batch: the order of labels is drawn for each batch otherwise
        trainer.make_batch = lambda _, items, loaded=loaded: assemble(  # type: ignore[method-assign]
            [asked(item) for item in items], loaded.builder, loaded.config, loaded.limit
        )
        trainer.run()
        weights.append(trainer.loaded.model.state_dict())
    apart = [(value - weights[1][key]).abs() > 1e-4 for key, value in weights[0].items()]
    # Adam's first step is the sign of the gradient, which rounding can turn where the gradient is nearly 0
    assert sum(int(cells.sum()) for cells in apart) < 1e-4 * sum(cells.numel() for cells in apart)


def test_a_finished_run_is_left_as_it_is(tiny: Path, data: Path, tmp_path: Path) -> None:
    plan = config(tiny, data, steps=3, dev=(str(data),), evaluate_every=3)
    for _ in range(2):
        assert Trainer(plan, tmp_path, silent).run().step == 3
        lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines if "dev" in line] == [3]
    tired = config(tiny, data, steps=40, dev=(str(data),), evaluate_every=2, patience=1, head_lr=1e-9, encoder_lr=1e-9)
    assert [Trainer(tired, tmp_path / "tired", silent).run().step for _ in range(2)] == [4, 4]


def test_development_files_of_one_name_are_scored_each(tiny: Path, data: Path, tmp_path: Path) -> None:
    files = []
    for number, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        files.append(str(corpus(tmp_path / folder / "dev.jsonl", number)))
    plan = config(tiny, data, steps=1, dev=tuple(files), evaluate_every=1)
    progress = Trainer(plan, tmp_path / "run", silent).run()
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    (scored,) = (line for line in lines if "dev" in line)
    assert list(scored["dev"]) == files
    each = [found["entity_f1"] + found["relation_f1"] for found in scored["dev"].values()]
    assert scored["value"] == pytest.approx(sum(each) / 2, abs=1e-4)
    assert progress.best == pytest.approx(sum(each) / 2)


def test_without_a_development_file_nothing_is_best(tiny: Path, data: Path, tmp_path: Path) -> None:
    progress = Trainer(config(tiny, data, steps=2, evaluate_every=1), tmp_path, silent).run()
    assert (progress.step, progress.evaluated) == (2, 0)
    assert not (tmp_path / "best").exists()
    assert '"dev"' not in (tmp_path / "metrics.jsonl").read_text()


def test_metrics_of_what_is_done_again_stand_once(tiny: Path, data: Path, tmp_path: Path) -> None:
    def die(line: str) -> None:
        if line.startswith("step      3"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Trainer(config(tiny, data, save_every=2), tmp_path, die).run()
    with (tmp_path / "metrics.jsonl").open("a") as metrics:
        metrics.write('{"step": 3, "lo')
    Trainer(config(tiny, data), tmp_path, silent).run()
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4]


def test_weights_that_are_no_numbers_are_never_saved(tiny: Path, data: Path, tmp_path: Path) -> None:
    plan = config(tiny, data, steps=8, encoder_lr=1e30, head_lr=1e30, save_every=1, log_every=100)
    with pytest.raises(InputError, match="finite weights"):
        Trainer(plan, tmp_path, silent).run()
    load(tmp_path / "last", device="cpu")


def test_a_run_does_not_go_on_with_other_data_or_a_spoilt_state(tiny: Path, tmp_path: Path) -> None:
    data = corpus(tmp_path / "train.jsonl")
    Trainer(config(tiny, data, steps=2), tmp_path / "run", silent).run()
    corpus(data, 0, 1)
    with pytest.raises(ConfigError, match="other data"):
        Trainer(config(tiny, data, steps=4), tmp_path / "run", silent)
    corpus(data)
    state = tmp_path / "run" / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="whole state"):
        Trainer(config(tiny, data, steps=4), tmp_path / "run", silent)


def test_what_is_missing_is_said_before_the_first_step(tiny: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1]")
    bare = corpus(tmp_path / "bare.jsonl", entities=[], relations=[])
    for change, message in (
        ({"dev": (str(bare),)}, "annotated entities"),
        ({"dev": (str(tmp_path / "none.jsonl"),)}, "none.jsonl"),
        ({"paraphrases": str(tmp_path / "none.json")}, "none.json"),
        ({"paraphrases": str(tmp_path / "list.json")}, "same"),
        ({"data": (DataFile(str(data), weight=0.0),)}, "weight above 0"),
    ):
        with pytest.raises(InputError, match=message):
            Trainer(config(tiny, data).with_changes(**change), tmp_path / "run", silent)
    with pytest.raises(InputError, match=r"write .*list\.json, found File exists"):
        Trainer(config(tiny, data), tmp_path / "list.json", silent)


def test_long_texts_are_learnt_in_passages(tiny: Path, tmp_path: Path) -> None:
    data = corpus(tmp_path / "d.jsonl")
    said: list[str] = []
    Trainer(config(tiny, data, steps=1, max_words=7), tmp_path / "run", said.append).run()
    assert "2 texts of more than 7 words" in said[0]
    known = json.loads((tmp_path / "run" / "config.json").read_text())["data"][0]
    assert known["divided"] == 2
    assert known["examples"] > len(read_gold(data))


def test_a_full_disk_leaves_the_last_save_to_go_on_with(tiny: Path, data: Path, tmp_path: Path) -> None:
    plan = config(tiny, data, steps=4, save_every=1)
    Trainer(plan.with_changes(steps=2), tmp_path / "run", silent).run()
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()))
    # no file may grow beyond 2 MB: the weights do not fit
    script = (
        "import resource, signal, sys; from relex_core.__main__ import main; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, -1)); "
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "train", str(tmp_path / "plan.json"), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: Expected to be able to write")
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "failed"
    assert not list((tmp_path / "run").glob("*.part"))
    load(tmp_path / "run" / "last", device="cpu")
    resumed = Trainer(plan, tmp_path / "run", silent)
    assert resumed.progress.step == 2
    assert resumed.run().step == 4


def test_a_stop_file_ends_the_run_with_everything_saved(tiny: Path, data: Path, tmp_path: Path) -> None:
    trainer = Trainer(config(tiny, data, steps=50), tmp_path, silent)
    (tmp_path / STOP).touch()
    assert trainer.run().step == 1
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "stopped"
    assert (tmp_path / "last" / "model.safetensors").is_file()
    assert not (tmp_path / STOP).exists()


def test_ctrl_c_saves_what_was_learnt_and_a_second_one_ends_at_once(tiny: Path, data: Path, tmp_path: Path) -> None:
    presses = 1

    def press(line: str) -> None:
        if line.startswith("step"):
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)

    plan, before = config(tiny, data, steps=50, log_every=2), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        Trainer(plan, tmp_path, press).run()
    assert signal.getsignal(signal.SIGINT) is before
    status = json.loads((tmp_path / "status.json").read_text())
    assert (status["state"], status["step"]) == ("stopped", 3)
    presses = 2
    again = Trainer(plan, tmp_path, press)
    assert again.progress.step == 3
    with pytest.raises(KeyboardInterrupt):
        again.run()
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "stopped"
    assert Trainer(plan, tmp_path, silent).progress.step == 3


def test_another_run_in_the_directory_is_not_gone_on_with(tiny: Path, data: Path, tmp_path: Path) -> None:
    Trainer(config(tiny, data, steps=1), tmp_path, silent).run()
    assert Trainer(config(tiny, data, steps=2, log_every=5), tmp_path, silent).progress.step == 1
    with pytest.raises(ConfigError, match="another run"):
        Trainer(config(tiny, data, seed=7), tmp_path, silent)


def test_mixed_precision_learns_too(tiny: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relex_core.training.has_bf16", lambda device: True)
    trainer = Trainer(config(tiny, data, steps=12, bf16=True), tmp_path, silent)
    trainer.run()
    assert inside(trainer) == torch.bfloat16
    losses = [json.loads(line)["loss"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]
    assert load(tmp_path / "last", device="cpu").model.spans.project_start[0].weight.dtype == torch.float32


def inside(trainer: Trainer) -> torch.dtype:
    """The type in which the feed-forward networks of the encoder compute."""
    seen = []
    encoder: Any = trainer.loaded.model.encoder
    layer = encoder.encoder.layer[0].intermediate
    handle = layer.register_forward_hook(lambda module, given, output: seen.append(output.dtype))
    batch = next(iter(trainer.sampler.batches(0)))
    trainer.loss(trainer.make_batch(0, batch))
    handle.remove()
    return seen[0]


def test_an_emulated_bf16_is_not_trained_in(
    tiny: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relex_core.training.has_bf16", lambda device: False)
    said: list[str] = []
    trainer = Trainer(config(tiny, data, steps=1, bf16=True), tmp_path, said.append)
    assert inside(trainer) == torch.float32
    assert any("training in fp32" in line for line in said)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx2": True, "avx512_bf16": False}, False),
        ({"avx512_f": True}, False),
        ({"amx_bf16": True}, True),
        ({"avx512_bf16": True}, True),
        ({"neon": True, "bf16": True}, True),
        ({"neon": True}, False),
    ],
)
def test_which_processors_compute_in_bf16(
    capabilities: dict[str, bool], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert has_bf16(torch.device("cpu")) is expected


def test_early_stopping_keeps_the_best_weights(tiny: Path, data: Path, tmp_path: Path) -> None:
    plan = config(tiny, data, steps=40, dev=(str(data),), evaluate_every=2, patience=2, head_lr=1e-9, encoder_lr=1e-9)
    progress = Trainer(plan, tmp_path, silent).run()
    assert progress.step == 6  # best at 2, nothing better at 4 and 6
    assert progress.best_step == 2
    assert (tmp_path / "best" / "gliner_config.json").is_file()


@pytest.mark.parametrize(
    "changes", [{"span_mode": "token_level"}, {"relations_layer": "mlp"}, {"triples_layer": "DistMult"}]
)
def test_other_forms_learn_too(changes: dict[str, str], data: Path, tmp_path: Path) -> None:
    base = checkpoint(tmp_path / "base", **changes)
    Trainer(config(base, data, steps=20), tmp_path / "run", silent).run()
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert (lines[0]["adjacency_loss"] > 0) == ("relations_layer" in changes)


def test_rates_warm_up_and_decay(tiny: Path) -> None:
    plan = TrainConfig(steps=100, warmup=0.1, decay=0.5)
    curve = [rate(step / 100, step, plan, 100) for step in range(100)]
    assert curve[0] == pytest.approx(0.1)
    assert curve[9:50] == pytest.approx([1.0] * 41)
    assert curve[75] == pytest.approx(0.5)
    assert curve[-1] == pytest.approx(0.02)
    groups = make_optimizer(load(tiny, device="cpu").model.requires_grad_(True), plan).param_groups
    assert {group["base_lr"] for group in groups} == {plan.encoder_lr, plan.head_lr}
    assert all(p.ndim == 1 for group in groups if not group["weight_decay"] for p in group["params"])


# what is asked


def test_without_augmentation_an_example_is_asked_as_annotated(tmp_path: Path) -> None:
    (item,) = examples(tmp_path, 0)
    seen = asked(item)
    assert set(seen.entity_labels) == {"person", "company", "city"}
    assert {(a, b, seen.entity_labels[k]) for a, b, k in seen.entities} == set(item.entities)
    assert named(seen) == {("Ada Lovelace", "works for", "Acme")}
    assert len(seen.pairs) == 6
    assert not seen.unknown


@pytest.mark.parametrize("seed", range(30))
def test_no_augmentation_turns_a_true_relation_into_a_negative(tmp_path: Path, seed: int) -> None:
    items = examples(tmp_path)
    seen = asked(items[0], Augmentation(), seed, *items)
    head, tail = (seen.spans.index(span) for span in ((0, 1), (4, 4)))
    family = {"works for", "employed by", "employee of", "works at"}
    cells = {(seen.pairs[p], seen.relation_labels[m]) for p, m in seen.positives | seen.unknown}
    for label in family & set(seen.relation_labels):
        assert ((head, tail), label) in cells
    for label in {"employs", "employer of"} & set(seen.relation_labels):
        assert ((tail, head), label) in cells
    for pair, label in {(seen.pairs[p], seen.relation_labels[m]) for p, m in seen.positives}:
        assert pair == (
            (tail, head) if label in ("employs", "employer of", "has employee", "has staff member") else (head, tail)
        )


def test_a_text_full_of_relations_teaches_unrelated_pairs_too(tmp_path: Path) -> None:
    names = [f"Person{i}" for i in range(12)]
    related = [{"head": h, "tail": t, "label": "met"} for h in range(6) for t in range(6) if h != t]
    people = [{"start": 2 * i, "end": 2 * i, "label": "person"} for i in range(12)]
    text = " , ".join(names)
    made = record(0, text=text, tokens=text.split(" "), entities=people, relations=related)
    (tmp_path / "dense.jsonl").write_text(json.dumps(made) + "\n", "utf-8")
    item = example(read_gold(tmp_path / "dense.jsonl")[0], "dense")
    usual = replace(AS_IT_IS, max_pairs=Augmentation().max_pairs)
    assert len(asked(item, usual).pairs) == 12 * 11
    few = asked(item, replace(AS_IT_IS, max_pairs=20))
    assert len(set(few.pairs)) == len(related) + 20
    assert {pair for p, pair in enumerate(few.pairs) if any(p == cell[0] for cell in few.positives)} == {
        (edge["head"], edge["tail"]) for edge in related
    }


@pytest.mark.parametrize("preset", ["small", "stage2"])
def test_the_other_direction_of_a_symmetric_label_is_no_negative(tmp_path: Path, preset: str) -> None:
    schema = Schema.of(["person"], [RelationLabel("spouse", symmetric=True)])
    marks = (Entity("a", 0, 3, "person"), Entity("b", 18, 21, "person"))
    edges = (Relation("a", "b", "spouse"),)
    made = Annotation(Document.from_text("Ada is married to Bob ."), schema, marks, edges)
    (tmp_path / "x.jsonl").write_text(dumps(training_record(made)) + "\n", "utf-8")
    item = example(read_gold(tmp_path / "x.jsonl")[0], "x")
    how, shown = read_train_config(preset).augmentation, 0
    for seed in range(20):
        seen = asked(item, how, seed)
        at = {" ".join(seen.words[a : b + 1]).lower(): i for i, (a, b) in enumerate(seen.spans)}
        if "spouse" not in seen.relation_labels:
            continue
        shown += 1
        m = seen.relation_labels.index("spouse")
        right = {seen.pairs[p] for p, k in seen.positives if k == m}
        assert right == {(at["ada"], at["bob"]), (at["bob"], at["ada"])}
    assert shown


def test_the_inverse_name_exchanges_head_and_tail(tmp_path: Path) -> None:
    (item,) = examples(tmp_path, 0)
    how = replace(AS_IT_IS, rename_relation=1.0, inverse=1.0)
    found = {next(iter(named(asked(item, how, seed)))) for seed in range(20)}
    assert {(head, tail) for head, _, tail in found} == {("Acme", "Ada Lovelace")}
    assert "employs" in {label for _, label, _ in found}


def typed(tmp_path: Path, *numbers: int) -> list[Example]:
    """Examples whose people have narrower types."""
    return [
        replace(
            item, types=tuple((*span[:2], ("mathematician", "writer")) for span in item.entities if span[2] == "person")
        )
        for item in examples(tmp_path, *numbers)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_of_two_labels_that_fit_the_narrower_one_counts(tmp_path: Path, seed: int) -> None:
    items = typed(tmp_path)
    how = replace(Augmentation(), narrow=1.0, general=0.0, coarse=0.0, rename_entity=0.0, other=0.0, capital_labels=0.0)
    seen = asked(items[0], how, seed, *items)
    (ada,) = (span[:2] for span in items[0].entities if span[2] == "person")
    right = {seen.entity_labels[k] for a, b, k in seen.entities if (a, b) == ada}
    unknown = {seen.entity_labels[k] for a, b, k in seen.entities_unknown if (a, b) == ada}
    assert right <= {"mathematician", "writer"}
    if right:
        assert not unknown & {"person", "mathematician", "writer"}
    else:  # the label was dropped: what it would have said is not known
        assert not set(seen.entity_labels) & {"person"} or "person" in unknown


@pytest.mark.parametrize("seed", range(20))
def test_the_general_label_stands_beside_narrow_ones_and_is_wrong_where_they_are_right(
    tmp_path: Path, seed: int
) -> None:
    items = [
        replace(item, entities=tuple((a, b, "politician" if t == "person" else t) for a, b, t in item.entities))
        for item in examples(tmp_path)
    ]
    how = replace(AS_IT_IS, general=1.0, max_labels=20)
    seen = asked(items[0], how, seed, *items)
    assert "person" in seen.entity_labels
    people = {item[:2] for item in items[0].entities if item[2] == "politician"}
    shown = {seen.entity_labels[k] for a, b, k in seen.entities if (a, b) in people}
    # called by the general label or by its own, never by both; and the other one is known to be wrong
    assert shown == ({"politician"} if "politician" in seen.entity_labels else {"person"})
    assert not any((a, b) in people for a, b, _ in seen.entities_unknown)


@pytest.mark.parametrize("seed", range(40))
def test_a_catch_all_label_is_for_what_no_shown_label_covers(tmp_path: Path, seed: int) -> None:
    items = examples(tmp_path)
    seen = asked(
        items[0],
        replace(Augmentation(), other=1.0, rename_entity=0.0, drop_label=0.0, capital_labels=0.0),
        seed,
        *items,
    )
    catch_all = {k for k, label in enumerate(seen.entity_labels) if label in OTHER_NAMES}
    cells = {(a, b): {k for *span, k in seen.entities if span == [a, b]} for a, b, _ in seen.entities}
    for labels in cells.values():
        assert len(labels) == 1, "a thing is other or what a label says, never both"
    unknown = {(a, b) for a, b, k in seen.entities_unknown if k in catch_all}
    assert not unknown & set(cells)


def marked(tmp_path: Path, text: str) -> list[Example]:
    (tmp_path / "m.marked").write_text(text, "utf-8")
    return [example(gold, "m") for gold in read_gold(tmp_path / "m.marked")]


@pytest.mark.parametrize("seed", range(20))
def test_a_catch_all_label_does_not_mean_passing_times_and_bare_numbers(tmp_path: Path, seed: int) -> None:
    (item,) = marked(tmp_path, "[Last week|time] [12|number] of [65 miles|number] were paved, [5 May 1990|time].")
    how = replace(Augmentation(), other=1.0, rename_entity=0.0, drop_label=0.0, capital_labels=0.0, lower_text=0.0)
    seen = asked(item, how, seed)
    catch_all = {k for k, label in enumerate(seen.entity_labels) if label in ("other", "other entity")}
    called = {" ".join(seen.words[a : b + 1]) for a, b, k in seen.entities if k in catch_all}
    assert called <= {"65 miles", "5 May 1990"}


@pytest.mark.parametrize("seed", range(20))
def test_the_rest_is_amounts_and_dates_and_miscellaneous_is_nationalities(tmp_path: Path, seed: int) -> None:
    (item,) = marked(
        tmp_path,
        "[Ada|person], a [Swiss|nationality] pilot, saw [Halley|event] on [5 May 1990|time] for [12 euros|number] and "
        "wrote of it in [Spanish|language].",
    )
    how = replace(
        Augmentation(), other=1.0, rename_entity=0.0, drop_label=0.0, capital_labels=0.0, lower_text=0.0, coarse=0.0
    )
    seen = asked(item, how, seed)
    called = {" ".join(seen.words[a : b + 1]): seen.entity_labels[k] for a, b, k in seen.entities}
    masked = {(" ".join(seen.words[a : b + 1]), seen.entity_labels[k]) for a, b, k in seen.entities_unknown}
    assert not {called.get(words) for words in ("Swiss", "Spanish")} & set(REST)
    assert not {called.get(words) for words in ("5 May 1990", "12 euros")} & set(MISCELLANEOUS)
    wrong = {(words, name) for words in ("Swiss", "Spanish") for name in REST}
    assert not wrong & masked, "known to be wrong, where they have no name of their own too"


@pytest.mark.parametrize("seed", range(20))
def test_the_rest_is_not_asked_for_where_dates_and_amounts_are_not_annotated(tmp_path: Path, seed: int) -> None:
    (item,) = marked(tmp_path, "[Ada|person] saw [Halley|event] in 1990 for 12 euros.")
    seen = asked(item, replace(Augmentation(), other=1.0, capital_labels=0.0), seed)
    assert not set(REST) & set(seen.entity_labels)


def test_a_general_type_is_its_own_kind_though_a_text_calls_something_else_by_its_name(tmp_path: Path) -> None:
    items = marked(tmp_path, "[7|number; product] is a [car|vehicle; product].")
    pools = make_pools([Source("m", tuple(items))], {}, KNOWN)
    assert (pools.kind("number", KNOWN), pools.kind("vehicle", KNOWN)) == ("number", "product")


@pytest.mark.parametrize("seed", range(20))
def test_names_that_one_thing_has_elsewhere_are_not_held_against_it(tmp_path: Path, seed: int) -> None:
    first, *others = marked(
        tmp_path,
        "[Ada|physicist; person] and [Bo|scientist; person] and [Cy|dancer; person] work for [Acme|organization].\n"
        "1 > 4: employed by\n2 > 4: chemist at\n\n"
        "[Dee|physicist; scientist; person] is at [Ems|organization].\n1 > 2: chemist at; staff of\n\n"
        "[Gil|person] is at [Ems|organization].\n1 > 2: staff of; employed by",
    )
    how = replace(AS_IT_IS, narrow=1.0, max_labels=20)
    seen = asked(first, how, seed, *others)
    unknown = {(seen.words[a], seen.entity_labels[k]) for a, _, k in seen.entities_unknown}
    assert ("Ada", "scientist") in unknown
    assert not {("Ada", "dancer"), ("Cy", "scientist")} & unknown, (
        "never one thing: one is wrong where the other is right"
    )
    named = {(seen.spans[a], m) for p, m in seen.unknown for a, _ in (seen.pairs[p],)}
    assert named == set(), "chemist at and employed by were never said of one pair"
    more = replace(how, negatives=True)
    seen = asked(first, more, seed, *others)
    if "staff of" in seen.relation_labels:
        m = seen.relation_labels.index("staff of")
        masked = {
            " ".join(seen.words[a : b + 1])
            for p, k in seen.unknown
            if k == m
            for a, b in (seen.spans[seen.pairs[p][0]],)
        }
        assert masked == {"Ada", "Bo"}


@pytest.mark.parametrize("seed", range(10))
def test_a_text_with_many_names_leaves_room_for_wrong_ones(tmp_path: Path, seed: int) -> None:
    letters = "abcdefghijkl"
    (item,) = marked(
        tmp_path,
        "".join(f"[{c.upper()}|kind {c}; person] " for c in letters)
        + "\n1 > 2: "
        + "; ".join(f"holds {c}" for c in letters)
        + "\n1 !> 3: fails",
    )
    how = replace(Augmentation(), max_labels=8, drop_label=0.0, capital_labels=0.0, narrow=1.0, coarse=0.0)
    seen = asked(item, how, seed)
    assert len({m for _, m in seen.positives}) < 8
    assert len({k for *_, k in seen.entities}) <= 6
    assert "fails" in seen.relation_labels


def test_texts_in_small_letters_and_labels_in_capitals_mean_the_same(tmp_path: Path) -> None:
    (item,) = examples(tmp_path, 0)
    seen = asked(item, replace(AS_IT_IS, lower_text=1.0, capital_labels=1.0))
    plain = asked(item)
    assert seen.words == tuple(word.lower() for word in plain.words)
    assert {label.lower() for label in seen.entity_labels} == set(plain.entity_labels)
    assert set(seen.entity_labels) != set(plain.entity_labels)
    assert len(seen.entities) == len(plain.entities)


def test_partial_data_knows_nothing_of_what_is_absent(tiny: Path, tmp_path: Path) -> None:
    (item,) = examples(tmp_path, 0, partial=True)
    seen = asked(item)
    loaded = load(tiny, device="cpu")
    batch = assemble([seen], loaded.builder, loaded.config, loaded.limit)
    known = batch.targets.entities_known[0, :, :, 0]
    assert known[0, 1], "the marked span is known"
    assert known[1, 1], "and so is one that crosses it"
    assert not known[2, 0], "but not a word that nothing marked touches"
    pairs = {seen.pairs[p] for p in range(len(seen.pairs)) if batch.targets.relations_known_BPM[0, p, 0]}
    assert pairs == {(0, 1), (1, 0)}


def test_checked_labels_are_known_for_all_pairs(tmp_path: Path) -> None:
    more = {"partial": True, "annotated_relations": ["works for", "founded by"]}
    (item,) = examples(tmp_path, 0, **more)
    seen = asked(item, replace(AS_IT_IS, negatives=True))
    assert set(seen.relation_labels) == {"works for", "founded by"}
    assert not seen.unknown


def test_pairs_across_a_seam_are_negatives_even_in_partial_data(tmp_path: Path) -> None:
    first, second = examples(tmp_path, 0, 2, partial=True)
    seen = asked(join([first, second]))
    across = {p for p, pair in enumerate(seen.pairs) if (pair[0] < 3) != (pair[1] < 3)}
    assert len(across) == 12
    assert not {p for p, _ in seen.unknown} & across


def test_a_rejected_relation_is_a_known_negative(tmp_path: Path) -> None:
    (item,) = examples(tmp_path, 0, partial=True)
    seen = asked(replace(item, wrong_relations=((2, 0, "lives in"),)))
    m = seen.relation_labels.index("lives in")
    p = seen.pairs.index((2, 0))
    assert (p, m) not in seen.positives | seen.unknown


def test_types_of_one_group_are_known_together_in_closed_data(tmp_path: Path) -> None:
    items = examples(tmp_path, 0, 2, 3, partial=True)
    seen = asked(items[2], replace(AS_IT_IS, negatives=True), 0, *items, closed=True)
    assert seen.entities_known
    assert set(seen.entity_labels) == {"person", "company", "city"}
    nothing = replace(items[2], entities=(), relations=())
    assert not asked(nothing, AS_IT_IS, 0, *items, closed=True).entities_known


def test_targets_stand_in_the_cells_of_their_spans(tiny: Path, tmp_path: Path) -> None:
    seen = [asked(item) for item in examples(tmp_path, 0, 2)]
    loaded = load(tiny, device="cpu")
    targets = assemble(seen, loaded.builder, loaded.config, loaded.limit).targets
    cells = {tuple(cell) for cell in targets.entities.nonzero().tolist()}
    assert cells == {(b, first, last - first, k) for b, one in enumerate(seen) for first, last, k in one.entities}
    padding = targets.entities_known[1, len(seen[1].words) :]
    assert padding.numel()
    assert not padding.any()
    assert not targets.relations_known_BPM[1, len(seen[1].pairs) :].any()


def test_words_beyond_the_window_are_cut_with_what_touches_them(tiny: Path, tmp_path: Path) -> None:
    (item,) = examples(tmp_path, 0)
    loaded = load(tiny, device="cpu")
    seen = asked(item)
    limit = len(loaded.builder.prompt(seen.entity_labels, seen.relation_labels).ids) + 6
    batch = assemble([seen], loaded.builder, loaded.config, limit)
    assert batch.batch.ids_BT.shape[1] <= limit
    assert batch.targets.entities.sum() < len(item.entities)
    assert not batch.targets.relations_known_BPM.any()


def test_an_entity_whose_end_was_cut_off_is_not_known_at_token_level(tmp_path: Path) -> None:
    (item,) = examples(tmp_path, 0)
    loaded = load(checkpoint(tmp_path / "token", span_mode="token_level"), device="cpu")
    seen = asked(item)
    prompt, first = loaded.builder.prompt(seen.entity_labels, seen.relation_labels), loaded.builder.pieces([["Ada"]])[0]
    limit = len(prompt.ids) + len(first.ids) + len(loaded.builder.after)
    targets = assemble([seen], loaded.builder, loaded.config, limit).targets
    person = seen.entity_labels.index("person")
    assert targets.entities.shape[1] == 1, "Ada, of Ada Lovelace"
    assert not targets.entities_known[0, 0, person].any()
    others = [k for k in range(len(seen.entity_labels)) if k != person]
    assert targets.entities_known[0, 0, others].all()


def test_labels_that_leave_no_room_for_a_word(tiny: Path, tmp_path: Path) -> None:
    (item,) = examples(tmp_path, 0)
    loaded = load(tiny, device="cpu")
    with pytest.raises(SchemaError, match="room for a word"):
        assemble([asked(item)], loaded.builder, loaded.config, 10)


# sampling and configuration


def test_an_epoch_holds_each_example_once_and_a_chunk_depends_on_its_seed(tmp_path: Path) -> None:
    items = examples(tmp_path)
    source = Source("x", tuple(items))
    epoch = Sampler([source], Sampling(mixture=False, texts=3), 0).batches(5)
    assert sorted(item.words for batch in epoch for item in batch) == sorted(item.words for item in items)
    mixture = Sampling(chunk=50, join=0.5, texts=3)
    assert Sampler([source], mixture, 1).batches(2) == Sampler([source], mixture, 1).batches(2)
    assert Sampler([source], mixture, 1).batches(2) != Sampler([source], mixture, 1).batches(3)


@pytest.mark.parametrize("name", ["stage1", "stage2", "small", "mini", "forms"])
def test_presets_are_valid(name: str) -> None:
    plan = read_train_config(name)
    assert TrainConfig.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(("name", "encoder", "heads", "epochs"), [("stage1", 1e-5, 5e-5, 1), ("stage2", 3e-6, 5e-6, 5)])
def test_the_stages_are_those_of_table_1(name: str, encoder: float, heads: float, epochs: int) -> None:
    plan = read_train_config(name)
    assert (plan.encoder_lr, plan.head_lr, plan.epochs, plan.warmup) == (encoder, heads, epochs, 0.05)
    assert (plan.loss.alpha, plan.loss.gamma, plan.accumulate, plan.sampling.texts) == (0.75, 0.0, 1, 8)
    # nothing but their number bounds a batch of texts of the greatest length, and an epoch holds each once
    assert 8 * (plan.max_words * 1.3 + 45) < plan.sampling.pieces
    assert not plan.sampling.mixture


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder_lr": 0}, "encoder_lr"),
        ({"steps": 0, "epochs": 0}, "limit to the run"),
        ({"learning_rate": 1}, "learning_rate"),
        ({"loss": {"beta": 1}}, r"loss\.beta"),
        ({"patience": 2}, "development file"),
        ({"save_every": 0}, "save_every"),
        ({"threads": -1}, "threads"),
        ({"steps": 2.5}, "steps to be a whole number"),
        ({"seed": "x"}, "seed to be a whole number"),
        ({"epochs": True}, "epochs to be a whole number"),
        ({"minutes": float("nan")}, "minutes to be a number"),
        ({"bf16": "yes"}, "true or false"),
        ({"dev": "dev.jsonl"}, "dev to be a list"),
        ({"data": ["a.jsonl"]}, "file 1 to be a JSON object"),
        ({"data": [{"weight": 1}]}, "with a path"),
        ({"data": [{"path": "a", "weight": -1}]}, "weighted with 0 or more"),
        ({"data": [{"path": "a", "text": "abc"}]}, "text to be a list"),
        ({"betas": [0.9]}, "betas"),
        ({"loss": {"alpha": "x"}}, r"loss\.alpha to be a number"),
        ({"sampling": {"chunk": 0}}, r"sampling\.chunk"),
        ({"sampling": [1]}, "sampling to be a JSON object"),
        ({"augmentation": {"max_labels": 2}}, r"augmentation\.max_labels"),
        ({"augmentation": {"other": 7}}, r"augmentation\.other"),
        ({"dropout": 1}, "dropout"),
    ],
)
def test_a_wrong_configuration_says_what_to_change(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig.from_json({"steps": 5, **change})


def test_data_without_examples_is_refused(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("")
    with pytest.raises(InputError, match="at least one text"):
        Trainer(config(tiny, tmp_path / "none.jsonl"), tmp_path / "run", silent)


def test_the_command_fine_tunes_exported_annotations(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from relex_core.__main__ import main

    lines = [
        {"tokenized_text": r["tokens"], "ner": [[e["start"], e["end"], e["label"]] for e in r["entities"]],
         "relations": [[x["head"], x["tail"], x["label"]] for x in r["relations"]]}
        for r in (record(0), record(1))
    ]  # fmt: skip
    (tmp_path / "export.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = ["train", "stage2", "--data", str(tmp_path / "export.jsonl"), "--base", str(tiny), "--device", "cpu"]
    assert main([*command, "--out", str(tmp_path / "run"), "--steps", "2"]) == 0
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--steps", "1"]) == 0
    assert (tmp_path / "runs" / "stage2" / "last" / "model.safetensors").is_file()
    about = json.loads((tmp_path / "run" / "config.json").read_text())
    assert about["data"][0]["examples"] == 2
    assert len(about["data"][0]["sha256"]) == 64
    assert load(tmp_path / "run" / "last", device="cpu").version.startswith("last@")


def test_a_run_survives_kill_9(tiny: Path, data: Path, tmp_path: Path) -> None:
    plan = config(tiny, data, steps=4000, dropout=0.1, save_every=2)
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()))
    command = [
        sys.executable,
        "-m",
        "relex_core",
        "train",
        str(tmp_path / "plan.json"),
        "--out",
        str(tmp_path / "killed"),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not (tmp_path / "killed" / "state.pt").is_file() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
    resumed = Trainer(plan, tmp_path / "killed", silent)
    reached = resumed.progress.step
    assert reached >= 2
    assert reached % 2 == 0
    resumed.total = reached + 2
    resumed.run()
    whole = Trainer(plan.with_changes(steps=reached + 2), tmp_path / "whole", silent)
    whole.run()
    again = resumed.loaded.model.state_dict()
    assert all(torch.equal(value, again[key]) for key, value in whole.loaded.model.state_dict().items())


def launch(*command: str) -> None:
    """Two processes run a command."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*launcher, *command], capture_output=True, text=True, env=environment, timeout=200)
    assert done.returncode == 0, done.stderr[-4000:]


def status(run: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((run / "status.json").read_text())
    return found


ENDS: dict[str, tuple[dict[str, object], str, int | None]] = {
    # three batches for two times two places
    "all steps": ({"steps": 4, "accumulate": 2}, "done", 4),
    "patience": (
        {"steps": 400, "evaluate_every": 2, "patience": 1, "head_lr": 1e-9, "encoder_lr": 1e-9},
        "done",
        4,
    ),
    "time": ({"steps": 0, "minutes": 0.03}, "done", None),
    "stop file": ({"steps": 400}, "stopped", 1),
}
"""Changes of a plan, the state in which its run ends, and after how many steps."""

TRAIN_ALL = """
import sys
from relex_core.__main__ import main
for plan in sys.argv[1:]:
    if code := main(["train", plan, "--out", plan.removesuffix(".json")]):
        sys.exit(code)
"""


@pytest.fixture(scope="module")
def ended(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two processes, which take seconds to start, make a run for each of ENDS, called like it."""
    pytest.importorskip("accelerate")
    folder = tmp_path_factory.mktemp("ended")
    three = corpus(folder / "three.jsonl", 0, 1, 2)
    for name, (change, _, _) in ENDS.items():
        dev = {"dev": (str(three),)} if "patience" in change else {}
        plan = config(tiny, three, sampling=Sampling(mixture=False, texts=1, pieces=10_000), **change, **dev)
        (folder / f"{name}.json").write_text(json.dumps(plan.to_json()))
    (folder / "stop file").mkdir()
    (folder / "stop file" / STOP).touch()
    (folder / "train_all.py").write_text(TRAIN_ALL)
    launch(str(folder / "train_all.py"), *(str(folder / f"{name}.json") for name in ENDS))
    return folder


@pytest.mark.parametrize("name", ENDS)
def test_processes_end_together(name: str, ended: Path) -> None:
    _, state, steps = ENDS[name]
    found = status(ended / name)
    assert found["state"] == state
    assert steps in (None, found["step"])


def test_two_processes_do_what_two_accumulated_batches_do(tiny: Path, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    plan = config(tiny, data, steps=2, accumulate=2, sampling=Sampling(mixture=False, texts=1, pieces=10_000))
    alone = Trainer(plan, tmp_path / "alone", silent)
    alone.run()
    (tmp_path / "plan.json").write_text(json.dumps(plan.with_changes(accumulate=1).to_json()))
    launch("-m", "relex_core", "train", str(tmp_path / "plan.json"), "--out", str(tmp_path / "together"))
    found = status(tmp_path / "together")
    assert found["step"] == 2
    assert found["examples"] == alone.progress.examples == 4
    both = torch.load(tmp_path / "together" / "state.pt", weights_only=True)["model"]
    for key, value in alone.loaded.model.state_dict().items():
        torch.testing.assert_close(value, both[key], rtol=1e-3, atol=1e-4, msg=key)
