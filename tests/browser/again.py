"""The modules in which a test in the browser failed, once more and from their start: python -m tests.browser.again

Where two cores carry a browser, a server and a model, one of some hundreds of tests meets a pause at times; what is
wrong fails twice. The tests of a module share a server and build on what those before them did, so none of them can be
repeated alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable

from tests.browser.conftest import ROOT

FAILED = ROOT / ".pytest_cache/v/cache/lastfailed"

MOST = 3
"""More modules than that do not fail by chance."""


def modules(failed: Iterable[str]) -> list[str]:
    """The files of the browser's tests among the names of failed tests.

    >>> modules(["tests/browser/test_a.py::test_b[c]", "tests/browser/test_a.py::test_d", "tests/db/test_e.py::test_f"])
    ['tests/browser/test_a.py']
    """
    return sorted({name.split("::")[0] for name in failed if name.startswith("tests/browser/")})


def main() -> int:
    """The exit code of the second run, 1 if there is nothing that could be repeated."""
    found = modules(json.loads(FAILED.read_text(encoding="utf-8"))) if FAILED.is_file() else []
    if not 0 < len(found) <= MOST:
        print(f"{len(found)} modules failed in the browser; 1 to {MOST} are run again.", file=sys.stderr)
        return 1
    print(f"Once more, from their start: {', '.join(found)}", file=sys.stderr)
    return subprocess.call([sys.executable, "-m", "pytest", "-m", "browser", *found], cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
