"""What pages ask of the store grows no faster than the logarithm of the number of documents, counted in steps of
SQLite's virtual machine: no clock decides, so that a busy machine changes nothing."""

from __future__ import annotations

import pytest

from db import benchmark
from db.benchmark import Figure

SIZES = (1_000, 10_000)
PATIENCE_MS = 1_000.0
"""For a machine that does other things as well: `python -m db benchmark` measures, this only finds what hangs."""


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    folder = tmp_path_factory.mktemp("growth")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(benchmark, "CALLS", 12)
        found = benchmark.run(lambda size: f"sqlite:///{folder}/{size}.sqlite", SIZES, revisions=2)
    return {figure.operation: figure for figure in found}


@pytest.mark.parametrize("what", ["open", "queue page", "search", "progress", "save"])
def test_work_grows_no_faster_than_the_logarithm(figures: dict[str, Figure], what: str) -> None:
    mine = [figure for operation, figure in figures.items() if operation.startswith(what)]
    assert mine
    assert all(steps > 0 for figure in mine for steps in figure.steps.values())
    assert {figure.operation: figure.steps for figure in mine if not figure.logarithmic} == {}
    assert {f.operation: f.medians for f in mine if max(f.medians.values()) > PATIENCE_MS} == {}


def test_what_grows_with_the_documents_is_noticed() -> None:
    times = dict.fromkeys((1_000, 20_000), 1.0)
    assert Figure("as the logarithm", times, {1_000: 3_000, 20_000: 4_300}).logarithmic
    assert not Figure("as the square root", times, {1_000: 3_000, 20_000: 13_000}).logarithmic
    told = benchmark.table([Figure("all of them", times, {1_000: 3_000, 20_000: 60_000})])
    assert "steps not logarithmic" in told
    assert "20.0x" in told
