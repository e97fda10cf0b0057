from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from relex_core.errors import InputError
from relex_core.outputs import check_output, output, replacing
from tests.relex_core.tiny import checkpoint


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("former")
    out.chmod(0o600)
    with suppress(KeyboardInterrupt), output(out) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert out.read_text() == "former"
    with output(out) as part:
        part.write_text("new")
        assert out.read_text() == "former"
    assert (out.read_text(), out.stat().st_mode & 0o777) == ("new", 0o600)
    assert os.listdir(tmp_path) == ["out.jsonl"]


def test_what_cannot_be_written_is_known_before(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("former")
    (tmp_path / "link.jsonl").symlink_to("in.jsonl")
    for name in ("in.jsonl", "link.jsonl", "nowhere/../in.jsonl"):
        with pytest.raises(InputError, match="none of the inputs"):
            check_output(tmp_path / name, [tmp_path / "in.jsonl"])
    (tmp_path / "circle").symlink_to("circle")
    for name in (".", "nowhere/out.jsonl", "in.jsonl/out.jsonl", "x" * 300, "circle"):
        with pytest.raises(InputError, match="Choose another"):
            check_output(tmp_path / name, [], "--json")
        with pytest.raises(InputError, match="Choose another"), output(tmp_path / name) as part:
            part.write_text("new")
    check_output(tmp_path / "in.jsonl", [])
    check_output(tmp_path / "new.jsonl", [tmp_path / "in.jsonl"])
    assert (tmp_path / "in.jsonl").read_text() == "former"
    assert sorted(os.listdir(tmp_path)) == ["circle", "in.jsonl", "link.jsonl"]


def test_links_and_pipes_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    with output(tmp_path / "link") as part:
        part.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    check_output(tmp_path / "pipe", [])
    got: list[str] = []
    reader = Thread(target=lambda: got.append((tmp_path / "pipe").read_text()))
    reader.start()
    with output(tmp_path / "pipe") as part:
        part.write_text("new")
    reader.join(10)
    assert got == ["new"]
    assert (tmp_path / "pipe").is_fifo()


def test_a_full_disk_is_told_with_the_option(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"to write .*out, found No space left.*Choose another --json"),
        output(tmp_path / "out", "--json"),
    ):
        Path("/dev/full").write_text("new")
    assert os.listdir(tmp_path) == []


def killed(code: str, folder: Path) -> None:
    """Run `code`, which says "half" in the middle of its writing, and kill it there."""
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.kill()
    process.wait(10)
    process.stdout.close()


_FILE = """
import sys, time
from pathlib import Path
from relex_core.outputs import replacing
with replacing(Path(sys.argv[1]) / "out") as part:
    part.write_text("half")
    print("half", flush=True)
    time.sleep(60)
"""


def test_what_a_kill_left_goes_with_the_next_write_and_a_running_one_is_not_touched(tmp_path: Path) -> None:
    killed(_FILE, tmp_path)
    assert len(os.listdir(tmp_path)) == 1
    with replacing(tmp_path / "out") as part:
        part.write_text("first")
        assert len(os.listdir(tmp_path)) == 1
        with replacing(tmp_path / "other") as beside:
            beside.write_text("other")
        part.write_text(part.read_text() + " and last")
    assert sorted(os.listdir(tmp_path)) == ["other", "out"]
    assert (tmp_path / "out").read_text() == "first and last"


_CHECKPOINT = """
import sys, time
from pathlib import Path
import relex_core.checkpoint
from tests.relex_core.tiny import checkpoint

def half(state, path, metadata):
    path.write_bytes(b"half")
    print("half", flush=True)
    time.sleep(60)

relex_core.checkpoint.save_file = half
checkpoint(Path(sys.argv[1]))
"""


def test_a_checkpoint_is_whole_or_as_it_was_and_a_kill_leaves_nothing_for_long(tmp_path: Path) -> None:
    there = sorted(path.name for path in checkpoint(tmp_path / "a").iterdir())
    former = (tmp_path / "a" / "model.safetensors").read_bytes()
    killed(_CHECKPOINT, tmp_path / "a")
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == former
    assert len(os.listdir(tmp_path / "a")) == len(there) + 1
    checkpoint(tmp_path / "a")
    assert sorted(os.listdir(tmp_path / "a")) == there
