from __future__ import annotations

import json
from pathlib import Path

import pytest

from relex_core.__main__ import main
from relex_core.benchmark import ENTITIES, RELATIONS, WORKLOADS, Workload, compare, documents
from relex_core.checkpoint import load
from relex_core.words import Words


def test_texts_are_the_same_each_time_and_of_the_stated_length() -> None:
    workload = WORKLOADS["mini"][0]
    texts = documents(workload)
    assert texts == documents(workload)
    lengths = [len(text.split()) for text in texts]
    assert len(lengths) == 50
    assert sum(lengths) / 50 == pytest.approx(workload.words, rel=0.05)


def test_comparison_counts_what_only_one_has() -> None:
    entity = {"start": 0, "end": 1, "label": "a", "score": 0.5}
    found = compare(([[entity]], [[]]), ([[{**entity, "score": 0.4}, {**entity, "end": 2}]], [[]]))
    assert found["entities"] == {"both": 1, "only_one": 1, "largest_difference": pytest.approx(0.1)}


@pytest.mark.parametrize("workload", WORKLOADS["mini"], ids=lambda workload: workload.name)
def test_texts_for_mini_fit_its_window(workload: Workload) -> None:
    builder = load("mini", device="cpu").builder
    prompt = builder.prompt(ENTITIES[: workload.entities], RELATIONS[: workload.relations])
    pieces = builder.pieces([Words.of(text).words for text in documents(workload)])
    assert max(len(text.ids) for text in pieces) + len(prompt.ids) + 1 <= 512


@pytest.mark.parametrize("workload", WORKLOADS["deberta"], ids=lambda workload: workload.name)
def test_texts_without_a_window_are_not_cut_by_the_peer(workload: Workload) -> None:
    assert max(len(Words.of(text)) for text in documents(workload)) <= 2048


def test_the_command_writes_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.json"
    arguments = ["--peer", "none", "--checkpoints", "mini", "--workloads", "c", "--repeat", "1", "--json", str(target)]
    assert main(["benchmark", *arguments]) == 0
    figure = json.loads(target.read_text())["figures"][0]
    assert figure["entities_found"] > 60
    assert figure["bf16"]["entities"]["largest_difference"] < 1e-2
    assert 0 < figure["peak_bytes_again"]["fp32"] < figure["peak_bytes"]["fp32"] < 2**26
    floor = figure["floor"]
    assert floor["seconds"] == pytest.approx(floor["operations"] / floor["operations_per_second"])
    # six layers of 384 and 1,536, some 450 pieces: 10.6 million weights, twice for each, and attention
    assert 0.8e10 < floor["operations"] < 1.4e10
    assert floor["times"] == pytest.approx(figure["seconds"]["fp32"] / floor["seconds"])
    out = capsys.readouterr().out
    assert "mini" in out
    assert "floor: operations of the encoder's matrix products" in out
