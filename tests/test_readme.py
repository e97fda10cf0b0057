"""What the README tells people to type works, and what it shows exists."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.S)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.strip()]


def test_make_targets_exist() -> None:
    targets = {line.split()[1] for line in COMMANDS if line.startswith("make ")}
    assert {"app", "test"} <= targets
    for target in targets:
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_commands_of_the_readme_run_as_written(tmp_path: Path) -> None:
    lines = [line for line in COMMANDS if line.startswith(("echo ", "python -m "))]
    # long ones are tested on their own
    lines = [line for line in lines if not re.match(r"python -m relex_core (train|evaluate|benchmark|silver)", line)]
    assert any(line.startswith("python -m relex_core extract") for line in lines)
    script = "set -eu\n" + "\n".join(lines).replace("python -m", f"{sys.executable} -m")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "RELEX_DATA": str(tmp_path / "data")}
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert [set(record) for record in found] == [{"id", "text", "entities", "relations", "model_version"}]
    assert {found[0]["text"][e["start"] : e["end"]] for e in found[0]["entities"]} >= {"Ada Lovelace", "London"}
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
