"""Why a fine-tuning run ended before it was done, in words, from its exit status and the end of its log."""

from __future__ import annotations

import signal
from pathlib import Path


def explain(home: Path, code: int | None) -> str:
    """Why a run ended before it was done, and what to do: from its exit status and the end of its log."""
    kept = (home / "model/state.pt").is_file()
    again = "Resume goes on from the last save." if kept else "Resume begins it again: nothing was saved yet."
    tail = _tail(home / "log.txt")
    refused = [line[7:] for line in tail if line.startswith("error: ")]
    if code == 2 and refused:
        return refused[-1]
    if any(sign in line.lower() for line in tail for sign in _NO_MEMORY) and code != -signal.SIGKILL:
        return f"There was not enough memory. Shorter texts or a smaller base checkpoint need less. {again}"
    if any("No space left on device" in line for line in tail):
        return f"The disk is full. Free some space; {again[0].lower()}{again[1:]}"
    if code is None:
        return f"The process is gone without a word: the machine was restarted, or somebody ended it. {again}"
    if code == -signal.SIGKILL:
        return f"The process was killed, by somebody or by the system for want of memory. {again}"
    if code < 0:
        return f"The process was ended ({signal.Signals(-code).name}). {again}"
    last = tail[-1] if tail else "it said nothing"
    return f"The training program failed: {last[:300]}. The whole log is {home / 'log.txt'}. {again}"


_NO_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "memoryerror", "not enough memory")


def _tail(path: Path) -> list[str]:
    """The last lines of a log, without the empty ones."""
    if not path.is_file():
        return []
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 8000))
        text = log.read().decode("utf-8", "replace")
    # what came before the last launch is another story
    return [line.strip() for line in text.rpartition("--- launched")[2].splitlines()[1:] if line.strip()]
