"""What the README tells people to type works, and what it shows exists."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GRAPH = ("entities", "relations")
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.S)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.strip()]


SHOWN = [
    json.loads(block.replace('"score": ...', '"score": 1'))
    for block in re.findall(r"```\n(\{.*?)```", README, re.S)
    if "model_version" in block
]


def without_scores(record: dict[str, Any]) -> dict[str, Any]:
    """What the README shows of an extraction: all but scores and the weights' version."""
    kept = {key: [{k: v for k, v in one.items() if k != "score"} for one in record[key]] for key in GRAPH}
    return {**record, **kept, "model_version": record["model_version"].split("@")[0]}


def test_python_of_the_readme_prints_what_it_says() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README, re.S)
    done = subprocess.run([sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == re.findall(r"print\(.*\)  # (.+)", block)


def test_make_targets_exist() -> None:
    targets = {line.split()[1] for line in COMMANDS if line.startswith("make ")}
    assert {"app", "test"} <= targets
    for target in targets:
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_commands_of_the_readme_run_as_written(tmp_path: Path) -> None:
    lines = [line for line in COMMANDS if line.startswith(("echo ", "python -m "))]
    commands = {" ".join(line.split()[2:4]) for line in lines if line.startswith("python -m ")}
    assert commands >= {"relex_core extract", "db import", "db export", "relex_core train", "relex_core evaluate"}
    script = "set -eu\n" + "\n".join(lines).replace("python -m", f"{sys.executable} -m")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "RELEX_DATA": str(tmp_path / "data")}
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert [set(record) for record in found] == [{"id", "text", "entities", "relations", "model_version"}]
    assert [without_scores(found[0])] == [without_scores(shown) for shown in SHOWN]
    for name in ("gold.jsonl", "train.jsonl"):
        record = json.loads((tmp_path / name).read_text())
        assert (record["ner"], record["relations"]) == ([[0, 0, "person"], [3, 3, "location"]], [[0, 1, "lives in"]])
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["predictor"].startswith("relex_core, last@")
    assert [(file["data"], file["documents"]) for file in scores["files"]] == [("gold", 1)]
    manifest = json.loads((tmp_path / "train.jsonl.manifest.json").read_text())
    assert manifest["sha256"]


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("python -m")])
def test_documented_options_exist(command: str) -> None:
    words = command.split("#")[0].split()
    done = subprocess.run(
        [sys.executable, "-m", words[2], words[3], "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for option in re.findall(r"(?<=\s)--[a-z-]+", command):
        assert option in done.stdout, f"{option} is no option of {' '.join(words[:4])}"


def test_pictures_exist() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).stat().st_size > 10_000, picture
