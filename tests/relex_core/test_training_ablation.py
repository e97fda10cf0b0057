from __future__ import annotations

import json
from pathlib import Path

import pytest

from relex_core.__main__ import main
from relex_core.ablation import FORMS, ablate
from relex_core.checkpoint import load
from relex_core.errors import ConfigError, InputError
from relex_core.training_config import DataFile, TrainConfig
from tests.relex_core.tiny import checkpoint, corpus


def test_each_form_trains_from_the_same_start_and_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, data = checkpoint(tmp_path / "base"), corpus(tmp_path / "d.jsonl")
    plan = {"base": str(base), "data": [{"path": str(data)}], "steps": 1, "seed": 7, "threads": 1, "device": "cpu"}
    plan |= {"sampling": {"mixture": False}}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    command = ["ablate", str(tmp_path / "plan.json"), "--out", str(tmp_path / "out"), "--dev", str(data)]
    assert main([*command, "--forms", "all pairs, pair MLP", "mlp adjacency", "DistMult scorer"]) == 0
    rows = [json.loads(path.read_text()) for path in sorted((tmp_path / "out").glob("*/row.json"))]
    assert [row["form"] for row in rows] == ["DistMult scorer", "all pairs, pair MLP", "mlp adjacency"]
    assert all(row["steps"] == 1 and row["examples"] == 4 for row in rows)
    assert rows[1]["pairs"] > 0
    assert all(row["milliseconds"] > 0 and 0 <= row["average_precision"] <= 1 for row in rows)
    assert rows[2]["parameters"] > rows[1]["parameters"]
    plain, mlp = (
        load(tmp_path / "out" / name / "base", device="cpu").model.state_dict()
        for name in ("all-pairs-pair-MLP", "mlp-adjacency")
    )
    own = load(base, device="cpu").model.state_dict()
    assert all(value.equal(mlp[key]) for key, value in plain.items())
    assert all(value.equal(plain[key]) for key, value in own.items() if not key.startswith("relations."))
    # what the checkpoint has learnt of its own relation scorer is no head start for its form
    assert any(not value.equal(plain[key]) for key, value in own.items() if key.startswith("relations."))
    assert (tmp_path / "out" / "table.md").read_text() in capsys.readouterr().out + "\n"
    # what is there is read back, but not as what another plan asks for
    assert main([*command, "--forms", "mlp adjacency"]) == 0
    assert main([*command, "--forms", "mlp adjacency", "--steps", "2"]) == 2
    assert "the same plan" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dev = corpus(tmp_path / "dev.jsonl")
    assert main(["ablate", "forms", "--steps", "1", "--dev", str(dev), "--out", str(dev / "out")]) == 2
    assert capsys.readouterr().err.startswith("error: Expected to write or read every file, found Not a directory at ")


def test_unknown_forms_are_refused(tmp_path: Path) -> None:
    plan = TrainConfig(data=(DataFile("x"),), steps=1, dev=("d",))
    with pytest.raises(ConfigError, match="quantum"):
        ablate(plan, tmp_path, ["quantum adjacency"])
    assert len(FORMS) == 10


def test_a_development_file_that_cannot_be_read_is_told_before_the_training(tmp_path: Path) -> None:
    plan = TrainConfig(base=str(checkpoint(tmp_path / "base")), data=(DataFile("x"),), steps=1, dev=("none.jsonl",))
    with pytest.raises(InputError, match=r"none\.jsonl"):
        ablate(plan, tmp_path / "out", list(FORMS))
    assert not (tmp_path / "out").exists()
