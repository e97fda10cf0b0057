"""Memory stays linear in spans and blockwise in pairs: measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import resource, sys, torch
from relex_core.relations import PairScorer
from relex_core.scoring import _above
torch.set_num_threads(1)
scorer = PairScorer(768, 0.0).eval()
entities, labels = torch.randn(500, 768), torch.randn(50, 768) / 10
with torch.inference_mode():
    _above(scorer.grid(entities[:4], labels), torch.full((50,), 0.5))
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    at, scores = _above(scorer.grid(entities, labels), torch.full((50,), 0.9))
    assert len(at) > 500
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit - before)
"""


def test_five_hundred_entities_times_fifty_relations_need_less_than_a_gibibyte() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2**28
