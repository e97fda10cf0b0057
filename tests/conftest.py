"""The order in which workers of pytest-xdist are given the modules."""

from __future__ import annotations

import os
from collections import Counter

import pytest

LONG = (
    "tests/browser/test_train.py",
    "tests/pages/test_training_runs.py",
    "tests/db/argilla/test_sync.py",
    "tests/db/test_faults.py",
    "tests/db/test_full_server.py",
    "tests/db/formats/test_own_tools.py",
    "tests/db/formats/test_streaming.py",
    "tests/pages/test_settings_argilla.py",
    "tests/relex_core/test_average_command.py",
    "tests/relex_core/test_memory.py",
)
"""What takes longer than its number of tests tells. Whoever got one of these last would keep the others waiting."""


@pytest.hookimpl(trylast=True)  # of what the marks have left
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long modules first, then those of many tests; `--no-loadscope-reorder` leaves it at that."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    modules = [item.nodeid.partition("::")[0] for item in items]
    many = Counter(modules)
    place = {module: (module not in LONG, -many[module], at) for at, module in reversed(list(enumerate(modules)))}
    items.sort(key=lambda item: place[item.nodeid.partition("::")[0]])
