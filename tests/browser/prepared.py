"""Streamlit in forks of one process that has imported beforehand what the app imports.

Most of what a start takes is importing torch and Streamlit. A fork has all that, and nothing else in common with other
servers: memory, threads, environment and data folder are its own. Starts that are measured are real ones.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).parents[2]

IMPORTED = (
    "pages.shared.frame",
    "pages.shared.direct",
    "pages.shared.takeaways",
    "pages.shared.sign_in",
    "streamlit.web.cli",
    "streamlit.web.bootstrap",
    "pandas",
)
"""What app.py imports, what serves it, what a first visit takes. None leaves a thread behind that a fork would miss."""

_prepared = multiprocessing.get_context("forkserver")
_prepared.set_forkserver_preload(list(IMPORTED))


class Fork:
    """A process, spoken to as one of `subprocess.Popen`; in a session of its own."""

    def __init__(self, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        """Run the command `streamlit` with these arguments and no other environment; what it says goes to `log`."""
        hear, say = _prepared.Pipe(duplex=False)
        self._process = _prepared.Process(target=_streamlit, args=(list(arguments), log, dict(environment), say))
        self._process.start()
        say.close()
        # whoever stops it stops its session, which has to be there
        hear.recv()
        hear.close()

    @property
    def pid(self) -> int:
        pid = self._process.pid
        assert pid
        return pid

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """The exit code. Raises subprocess.TimeoutExpired after so many seconds."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("streamlit", timeout)
        return code


def _streamlit(arguments: list[str], log: Path, environment: dict[str, str], say: Connection) -> None:
    # Streamlit collects garbage after each run, which takes longer the more is in memory: this much is not the script's
    gc.freeze()
    os.setsid()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab") as out:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(out.fileno(), stream.fileno())
    say.send(None)
    say.close()
    from streamlit.web.cli import main

    sys.argv = ["streamlit", *arguments]
    main(arguments, prog_name="streamlit")
