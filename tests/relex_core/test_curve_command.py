from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from relex_core.__main__ import main
from relex_core.curve_command import _examples

LINES = (
    {"step": 1, "loss": 3.0, "entity_loss": 2.0, "relation_loss": 1.0, "encoder_lr": 1e-4, "examples": 4},
    {"step": 2, "loss": 2.0, "entity_loss": 1.5, "relation_loss": 0.5, "encoder_lr": 5e-5, "examples": 8},
    {"step": 2, "dev": {"news": {"entity_f1": 0.5, "relation_f1": 0.25, "thresholds": [0.5, 0.5]}}, "value": 0.75},
)


def write(directory: Path, *lines: object, cut: str = "") -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + cut, "utf-8")
    return directory


def test_a_run_becomes_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "curve.svg"
    run = write(tmp_path / "run", *LINES, cut='{"step": 3, "lo')
    assert main(["curve", str(run), "--out", str(out)]) == 0
    assert "3 lines" in capsys.readouterr().out
    with_scores = out.read_text("utf-8")
    assert main(["curve", str(write(run, *LINES[:2])), "--out", str(out)]) == 0
    # words are drawn as outlines, each with its text in a comment
    assert "examples seen" in with_scores
    assert "news, relation F1" in with_scores
    assert "news" not in out.read_text("utf-8")


def test_scores_stand_where_they_were_taken_also_between_logged_steps(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    between = {**LINES[2], "step": 3}
    out = tmp_path / "curve.svg"
    assert main(["curve", str(write(tmp_path / "run", *LINES[:2], between, 7)), "--out", str(out)]) == 0
    assert "news, relation F1" in out.read_text("utf-8")
    assert _examples(3, LINES[:2]) == 12


def test_a_picture_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    for name in ("curve.xyz", "none/curve.svg"):
        assert main(["curve", str(write(tmp_path / "run", *LINES)), "--out", str(tmp_path / name)]) == 2
        assert "Choose another --out" in capsys.readouterr().err


def test_what_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["curve", str(tmp_path), "--out", str(tmp_path / "x.svg")]) == 2
    assert "metrics.jsonl" in capsys.readouterr().err
    assert main(["curve", str(write(tmp_path, LINES[2])), "--out", str(tmp_path / "x.svg")]) == 2
    assert "metrics of at least one step" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ({key: value for key, value in LINES[0].items() if key != "examples"}, "examples"),
        ({**LINES[0], "encoder_lr": "fast"}, "encoder_lr"),
        ({**LINES[0], "step": 0}, "step"),
        ({"dev": {}}, "step"),
        ({"step": 2, "dev": {"news": {"entity_f1": 0.5}}}, "relation_f1"),
        ({"step": 2, "dev": {"news": 0.5}}, "entity_f1"),
    ],
)
def test_a_line_that_cannot_be_drawn_is_named(
    tmp_path: Path, line: object, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["curve", str(write(tmp_path, LINES[0], line)), "--out", str(tmp_path / "x.svg")]) == 2
    assert f"the number {missing} in line 2 of metrics.jsonl" in capsys.readouterr().err


def test_without_the_extra_it_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["curve", str(write(tmp_path, *LINES)), "--out", str(tmp_path / "x.svg")]) == 2
    assert "pip install matplotlib" in capsys.readouterr().err
