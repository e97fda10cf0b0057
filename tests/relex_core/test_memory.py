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


SPANS = """
words = [f"word{n}" for n in range(40)]
text = " ".join(words)
starts = [text.index(word) for word in words]
spans = [(starts[a], starts[b] + len(words[b])) for a in range(40) for b in range(a, 40)]
"""

RESCORING = """
import resource, sys, torch
from relex_core.inference import MAX_RELATIONS, Extractor
from relex_core.types import Annotation, Document, Entity, Schema, Thresholds
torch.set_num_threads(1)
extractor = Extractor.load("mini")
spans = spans[:500]
marks = tuple(Entity(f"e{n}", *span, "thing") for n, span in enumerate(spans))
schema = Schema.of(["thing"], [f"relation {n}" for n in range(50)])
document, everything = Document.from_text(text), Thresholds(0.0, 0.0)
extractor.rescore(Annotation(document, schema, marks[:4]), everything)
unit = 1 if sys.platform == "darwin" else 1024
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
found = extractor.rescore(Annotation(document, schema, marks), everything)
assert len(found.relations) == MAX_RELATIONS
assert not any(r.head == r.tail for r in found.relations)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit - before)
"""


def test_relations_on_five_hundred_given_entities_need_less_than_a_gibibyte() -> None:
    done = subprocess.run([sys.executable, "-c", SPANS + RESCORING], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2**28


SUPPLIED = """
import resource, sys, torch, warnings
from relex_core.compat import GLiNER
from relex_core.inference import MAX_RELATIONS
warnings.simplefilter("ignore")
torch.set_num_threads(1)
model = GLiNER.from_pretrained("mini")
spans = spans[:250]
given = [{"start": a, "end": b, "label": f"thing {n % 4}"} for n, (a, b) in enumerate(4 * spans)]
given += [{"start": 0, "end": 5, "label": f"other {n}"} for n in range(2000)]
labels = [f"relation {n}" for n in range(10)]
model.inference(text, [], labels, relation_threshold=0.0, spans=[given[:4]])
unit = 1 if sys.platform == "darwin" else 1024
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
_, (found,) = model.inference(text, [], labels, relation_threshold=0.0, spans=[given])
assert len(found) == MAX_RELATIONS
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit - before)
"""


def test_relations_on_thousands_of_supplied_entities_need_little() -> None:
    done = subprocess.run([sys.executable, "-c", SPANS + SUPPLIED], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2**28


LENGTHS = """
import resource, sys, torch
from relex_core.products import linear
torch.set_num_threads(1)
weight = torch.randn(384, 384)
with torch.inference_mode():
    linear(torch.randn(1100, 384), weight)
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    for rows in range(300, 600):
        linear(torch.randn(rows, 384), weight)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit - before)
"""


def test_texts_of_many_lengths_leave_no_product_each_behind() -> None:
    done = subprocess.run([sys.executable, "-c", LENGTHS], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2**26
