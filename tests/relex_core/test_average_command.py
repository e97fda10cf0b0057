from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from relex_core.__main__ import main
from relex_core.average_command import average
from relex_core.checkpoint import load, write
from relex_core.errors import CheckpointError
from tests.relex_core.tiny import checkpoint


def other(tmp_path: Path) -> tuple[Path, Path]:
    """Two checkpoints of one form: the second has every weight one higher."""
    first, second = checkpoint(tmp_path / "a"), tmp_path / "b"
    loaded = load(first, device="cpu", dtype="fp32")
    loaded.model.load_state_dict({key: value + 1 for key, value in loaded.model.state_dict().items()})
    write(loaded.model, loaded.builder, loaded.path, second)
    return first, second


def test_every_weight_is_the_weighted_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = other(tmp_path)
    out = tmp_path / "mean"
    command = ["average", f"{first}=0.75", f"{second}=0.25", "--out", str(out), "--dtype", "fp32"]
    assert main(command) == 0
    assert str(out) in capsys.readouterr().out
    mean = load(out, device="cpu", dtype="fp32").model.state_dict()
    for key, value in load(first, device="cpu", dtype="fp32").model.state_dict().items():
        assert mean[key].sub(value).sub(0.25).abs().max() < 1e-6, key


def test_a_full_disk_leaves_the_checkpoint_that_is_there(tmp_path: Path) -> None:
    first, second = other(tmp_path)
    out, new = checkpoint(tmp_path / "out", name="former"), tmp_path / "new"
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    # no file may grow beyond 2 MB: the weights do not fit
    script = (
        "import resource, signal, sys; from relex_core.__main__ import main; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, -1)); "
        "sys.exit(main(sys.argv[1:]))"
    )
    for place in (out, new):
        command = [sys.executable, "-c", script, "average", f"{first}=0.5", f"{second}=0.5", "--out", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: Expected to write a checkpoint to {place}, found ")
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    assert not new.exists()


def test_checkpoints_of_another_form_are_refused(tmp_path: Path) -> None:
    wide = checkpoint(tmp_path / "wide", relations_layer="gat")
    with pytest.raises(CheckpointError, match="first adjacency"):
        average([(str(checkpoint(tmp_path / "a")), 0.5), (str(wide), 0.5)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_no_place_for_a_checkpoint_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    note = tmp_path / "photos" / "note.txt"
    note.write_text("mine")
    monkeypatch.setattr("relex_core.checkpoint.load", lambda *_, **__: pytest.fail("loaded"))
    for out, message in ((note, "a file"), (note / "deeper", "a file"), (note.parent, "note.txt in")):
        assert main(["average", "mini=0.4", "mini=0.6", "--out", str(out)]) == 2
        assert message in capsys.readouterr().err
    assert note.read_text() == "mine"


def test_a_checkpoint_may_be_replaced(tmp_path: Path) -> None:
    first, second = other(tmp_path)
    assert main(["average", f"{first}=0.75", f"{second}=0.25", "--out", str(first)]) == 0


@pytest.mark.parametrize("parts", [["mini=1.5", "mini=-0.5"], ["mini=0.5"], ["mini"], ["=1"]])
def test_shares_that_make_no_whole_are_refused(
    tmp_path: Path, parts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["average", *parts, "--out", str(tmp_path / "out")]) == 2
    assert "sum to 1" in capsys.readouterr().err
