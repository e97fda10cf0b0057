"""The real components that tests need, and what happens where one is missing.

A missing component skips the test with a line that says how to get it; with CI=true it is a failure.
"""

from __future__ import annotations

import os
import shutil

import pytest


def missing(component: str, how: str) -> None:
    """Skip, or fail under CI=true."""
    message = f"{component} is not here: {how}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def program(name: str, *names: str, how: str) -> str:
    """Path of the first of these programs that is installed."""
    for candidate in (name, *names):
        path = shutil.which(candidate)
        if path:
            return path
    missing(name, how)
    raise AssertionError("unreachable")
