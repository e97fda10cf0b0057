"""`python -m relex_core benchmark`: the same work through this package and through `gliner`, as a ratio.

Workloads (paper section 5.1 and what hurts users): (a) 50 documents of about 288 words one by one, (b) the same in
batches of 8, (c) a document full of entities, (d) one long document, with the peak memory. Both packages read the same
checkpoint, texts, labels and thresholds with as many threads, in alternation; the ratio is that of the medians, and
outputs must agree. On a shared machine look at the ratio of processor time. mini takes 512 pieces and the peer cuts
beyond, so its texts and label sets are made to fit.

The floor is what no implementation in fp32 can go below: the operations of the encoder's matrix products (projections,
attention and feed-forward, for every piece of texts and labels, without padding) over the rate at which this machine
multiplies two matrices of 1,024 x 1,024 with as many threads. What is above it are the heads, normalisation, softmax,
relative positions, memory traffic and Python.

Peak memory is the most that a process needs while it answers, beyond what it needs with the model loaded: resident
memory as the system counts it, in a process of its own for each package. The loaded model has answered about another
text, so that all imports are done; then it has forgotten what it keeps for later answers, and free memory was given
back to the system. So weights, Python and torch are not in the figure; tensors, holes in the heap, what oneDNN compiles
for new shapes and what is kept for later answers are. The figure in brackets is that of a second answer about the same
text: without what is compiled and kept once.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from relex_core.errors import InputError

PEOPLE = "Ada Berg,Jonas Weil,Mara Quist,Tomas Rell,Ines Falk,Karim Nadir,Lena Odum,Pavel Stern,Ruth Calder,Omar Hale"
FIRMS = "Norvik Labs,Halden Steel,Quarry Bank,Tessel Group,Mirabel Foods,Oster Rail,Lumen Press,Cobalt Works"
PLACES = "Oslo,Turin,Porto,Leeds,Graz,Basel,Lyon,Ghent,Malmo,Cork,Bergen,Trieste"
SENTENCES = (
    "{p} works for {f} in {l}.",
    "In {y}, {f} moved its head office from {l} to {l2}, where {p} had founded a small laboratory.",
    "{p} and {p2} met at the university of {l} and later joined {f} as engineers.",
    "The board of {f} said on Monday that {p} would leave the company after nine years.",
    "According to the report, the plant near {l} made about a third of what {f} sold in {y}.",
    "Nobody expected the talks to last that long, and the weather did not help either.",
)
ENTITIES = ("person", "organization", "location", "date", "event", "product")
RELATION_LABELS = """
works for,located in,founded by,born in,lives in,owned by,member of,part of,headquartered in,married to,educated at
employed by,capital of,leader of,subsidiary of,competitor of,supplier of,parent of,sibling of,colleague of,author of
winner of,creator of,publisher of,director of,investor in,partner of,successor of,neighbour of,friend of,student of
teacher of,producer of,user of,operator of,sponsor of,opponent of,ally of,sold to,bought from,moved to,died in,buried in
named after,known for,spoken in,written in,played for,signed by,built by
"""
RELATIONS = tuple(RELATION_LABELS.strip().replace("\n", ",").split(","))

LEGEND = (
    "floor: operations of the encoder's matrix products over the measured rate of a large one; in brackets how many "
    "times the floor fp32 takes. ratio: median of the peer over ours, fp32 / bf16. differ: entities + relations that "
    "only one of peer and fp32 has."
)

RELATIONS_KEPT = 300
"""Relations of the first text that the thresholds for random weights let through."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Documents of `words` words between white space, read in batches; `dense` ones are lists of names."""

    name: str
    documents: int
    words: int
    batch: int
    entities: int = 6
    relations: int = 20
    dense: bool = False
    entities_found: int = 0


WORKLOADS = {
    "mini": (
        # as long as the encoder takes whole beside 26 labels: beyond, the peer cuts and this package reads in parts
        Workload("a", 50, 240, 1),
        Workload("b", 50, 240, 8),
        Workload("c", 1, 200, 1, dense=True),
        Workload("d", 1, 260, 1),
    ),
    "deberta": (
        Workload("a", 10, 288, 1, relations=50, entities_found=25),
        Workload("b", 16, 288, 8, relations=50, entities_found=25),
        Workload("c", 1, 1000, 1, relations=20, entities_found=150),
        # some 2,000 words as the model counts, marks included; beyond 2,048 the peer cuts
        Workload("d", 1, 1800, 1, relations=20, entities_found=40),
    ),
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `benchmark`."""
    parser = subparsers.add_parser(
        "benchmark", help="speed and memory beside the package gliner", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--peer", choices=("gliner", "none"), default="gliner")
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--checkpoints", nargs="+", default=["mini", "deberta"], choices=sorted(WORKLOADS))
    parser.add_argument("--workloads", nargs="+", default=["a", "b", "c", "d"], choices=("a", "b", "c", "d"))
    parser.add_argument("--layers", type=int, default=4, help="of the DeBERTa-v3-large-shaped random checkpoint")
    parser.add_argument("--documents", type=int, help="fewer documents for (a) and (b)")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60, help="a workload begins no further repetition after these")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a table, write the figures."""
    import torch

    torch.set_num_threads(arguments.threads)
    if arguments.measure:
        print(json.dumps(_peak(**json.loads(arguments.measure))))
        return 0
    if arguments.json and not Path(arguments.json).absolute().parent.is_dir():
        raise InputError(expected="a directory for --json", found=arguments.json, change="Make it first.")
    figures: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.checkpoints:
            path = str(_checkpoint(name, Path(scratch), arguments.layers))
            for workload in WORKLOADS[name]:
                if arguments.documents and workload.documents > 1:
                    workload = replace(workload, documents=arguments.documents)
                if workload.name in arguments.workloads:
                    figure = _measure(name, path, workload, arguments)
                    figures.append(figure)
                    print(_row(figure), flush=True)
    print(LEGEND)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"machine": _machine(), "figures": figures}, indent=1) + "\n")
    return 0


def documents(workload: Workload) -> list[str]:
    """Deterministic texts."""
    people, firms, places = PEOPLE.split(","), FIRMS.split(","), PLACES.split(",")
    texts = []
    for number in range(workload.documents):
        words: list[str] = []
        at = number
        # a tenth more or less, so that batches have something to pad
        size = int(workload.words * (1 + 0.1 * ((number % 5) - 2) / 2)) if workload.documents > 1 else workload.words
        while len(words) < size:
            names = {"p": people[at % 10], "p2": people[(at + 3) % 10], "f": firms[at % 8], "l": places[at % 12]}
            names |= {"l2": places[(at + 5) % 12], "y": str(1950 + at % 70)}
            pattern = "{p} met {p2} in {l}." if workload.dense else SENTENCES[(at + number) % len(SENTENCES)]
            words += pattern.format(**names).split()
            at += 1
        texts.append(" ".join(words))
    return texts


def _measure(name: str, path: str, workload: Workload, arguments: argparse.Namespace) -> dict[str, Any]:
    from relex_core.compat import GLiNER

    texts = documents(workload)
    runners: dict[str, Callable[[], Any]] = {}
    ours = GLiNER.from_pretrained(path)
    given = _thresholds(ours, texts, workload)
    runners["fp32"] = lambda: _inference(ours, texts, workload, given)
    reduced = GLiNER.from_pretrained(path, dtype="bf16")
    runners["bf16"] = lambda: _inference(reduced, texts, workload, given)
    if arguments.peer == "gliner":
        peer = _load_peer(path)
        runners["peer"] = lambda: _inference(peer, texts, workload, given)
    outputs = {kind: runner() for kind, runner in runners.items()}  # also the warm-up
    times: dict[str, list[float]] = {kind: [] for kind in runners}
    work: dict[str, list[float]] = {kind: [] for kind in runners}
    started = time.perf_counter()
    for turn in range(arguments.repeat):
        if turn and time.perf_counter() - started > arguments.seconds:
            break
        for kind, runner in runners.items():
            began, spent = time.perf_counter(), time.process_time()
            runner()
            times[kind].append(time.perf_counter() - began)
            work[kind].append(time.process_time() - spent)
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    floor = _floor(ours, texts, workload)
    figure: dict[str, Any] = {
        **asdict(workload),
        "checkpoint": name,
        "thresholds": given,
        "seconds": medians,
        "cpu_seconds": {kind: statistics.median(values) for kind, values in work.items()},
        "relations_found": sum(map(len, outputs["fp32"][1])),
        "entities_found": sum(map(len, outputs["fp32"][0])),
        "bf16": compare(outputs["fp32"], outputs["bf16"]),
        "repeats": len(times["fp32"]),
        "floor": {**floor, "times": medians["fp32"] / floor["seconds"]},
    }
    if "peer" in medians:
        figure["ratio_fp32"] = medians["peer"] / medians["fp32"]
        figure["ratio_bf16"] = medians["peer"] / medians["bf16"]
        cpu = figure["cpu_seconds"]
        figure["cpu_ratio_fp32"], figure["cpu_ratio_bf16"] = cpu["peer"] / cpu["fp32"], cpu["peer"] / cpu["bf16"]
        figure["peer"] = compare(outputs["peer"], outputs["fp32"])
    if workload.name in ("c", "d"):
        kinds = [kind for kind in ("fp32", "peer") if kind in runners]
        peaks = {kind: _peak_apart(kind, path, workload, given, arguments) for kind in kinds}
        figure["peak_bytes"] = {kind: first for kind, (first, _) in peaks.items()}
        figure["peak_bytes_again"] = {kind: second for kind, (_, second) in peaks.items()}
    return figure


def compare(one: Any, other: Any) -> dict[str, Any]:
    """How far two outputs agree: items that only one of them has, and the largest difference of scores."""
    result: dict[str, Any] = {}
    for kind, left, right in (("entities", one[0], other[0]), ("relations", one[1], other[1])):
        a, b = _scores(kind, left), _scores(kind, right)
        both = a.keys() & b.keys()
        result[kind] = {
            "both": len(both),
            "only_one": len(a.keys() ^ b.keys()),
            "largest_difference": max((abs(a[key] - b[key]) for key in both), default=0.0),
        }
    return result


def _scores(kind: str, items: Sequence[Sequence[dict[str, Any]]]) -> dict[Any, float]:
    if kind == "entities":
        return {(i, e["start"], e["end"], e["label"]): e["score"] for i, one in enumerate(items) for e in one}
    return {
        (i, r["head"]["start"], r["head"]["end"], r["tail"]["start"], r["tail"]["end"], r["relation"]): r["score"]
        for i, one in enumerate(items)
        for r in one
    }


def _inference(model: Any, texts: list[str], workload: Workload, given: dict[str, float]) -> Any:
    labels, relations = list(ENTITIES[: workload.entities]), list(RELATIONS[: workload.relations])
    return model.inference(texts, labels, relations, batch_size=workload.batch, **given)


def _thresholds(ours: Any, texts: list[str], workload: Workload) -> dict[str, float]:
    """The usual ones; for random weights those that let through as many entities as the workload asks for."""
    if not workload.entities_found:
        return {"threshold": 0.3, "relation_threshold": 0.5}
    # greedy decoding takes in the order of scores: what it takes at a threshold is what it takes at none, above it
    everything = ours.inference(
        texts[:1],
        list(ENTITIES[: workload.entities]),
        list(RELATIONS[: workload.relations]),
        threshold=0.0,
        return_relations=False,
    )[0]
    falling = sorted((entity["score"] for entity in everything), reverse=True)
    high = (falling[workload.entities_found - 1] + falling[workload.entities_found]) / 2
    found_relations = _inference(ours, texts[:1], workload, {"threshold": high, "relation_threshold": 0.0})[1][0]
    scores = sorted((relation["score"] for relation in found_relations), reverse=True)
    most = min(RELATIONS_KEPT, len(scores) - 1)
    return {"threshold": high, "relation_threshold": (scores[most - 1] + scores[most]) / 2}


def _load_peer(path: str) -> Any:
    import warnings

    try:
        from gliner import GLiNER as Peer
    except ImportError as error:
        raise InputError(
            expected="the package gliner beside this one",
            found="none",
            change="Install requirements-dev.txt, or say --peer none.",
        ) from error
    warnings.filterwarnings("ignore")
    peer = Peer.from_pretrained(path, map_location="cpu")
    peer.eval()
    return peer


def _checkpoint(name: str, scratch: Path, layers: int) -> Path:
    """mini, or a random checkpoint of the shape of DeBERTa-v3-large with fewer layers and mini's vocabulary.

    Its spans have two words at most: random weights would else give many overlapping candidates, which no trained
    model does, and the peer, which pairs all of them, would run out of memory.
    """
    import torch

    from relex_core.checkpoint import load, write
    from relex_core.config import ModelConfig
    from relex_core.locating import EMBEDDED
    from relex_core.model import RelexModel

    if name == "mini":
        return EMBEDDED / "mini"
    mini = load("mini")
    encoder = {
        **{"model_type": "deberta-v2", "hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 4096},
        **{"num_hidden_layers": layers, "vocab_size": 30525, "max_position_embeddings": 512, "pad_token_id": 0},
        **{"relative_attention": True, "share_att_key": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 256},
        **{"norm_rel_ebd": "layer_norm", "position_biased_input": False, "type_vocab_size": 0},
        **{"layer_norm_eps": 1e-7, "max_relative_positions": -1, "hidden_act": "gelu"},
    }
    settings = {**mini.config.to_json(), "encoder_config": encoder, "hidden_size": 768, "num_rnn_layers": 1}
    torch.manual_seed(0)
    model = RelexModel(ModelConfig.from_json({**settings, "max_width": 2, "max_len": 2048}))
    path = scratch / "deberta"
    write(model, mini.builder, mini.path, path)
    # the tokenizer's limit is that of mini's encoder; this one has none
    config = json.loads((path / "tokenizer_config.json").read_text())
    (path / "tokenizer_config.json").write_text(json.dumps({**config, "model_max_length": int(1e30)}))
    return path


def _floor(ours: Any, texts: list[str], workload: Workload) -> dict[str, float]:
    """What the encoder's matrix products alone take: their operations, the rate of a large product, seconds."""
    import torch

    from relex_core.products import linear
    from relex_core.words import Words

    config = ours.config.encoder_config
    width, inner, layers = (int(config[k]) for k in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    builder = ours.extractor.loaded.builder
    prompt = len(builder.prompt(ENTITIES[: workload.entities], RELATIONS[: workload.relations]).ids) + 1
    sizes = [prompt + len(p.ids) for p in builder.pieces([Words.of(text).words for text in texts])]
    # for each piece: four projections and two of the feed-forward network; for each pair of pieces: q k and weights v
    operations = sum(layers * n * (2 * (4 * width * width + 2 * width * inner) + 4 * n * width) for n in sizes)
    left, right = torch.randn(1024, 1024), torch.randn(1024, 1024)
    spans = []
    for _ in range(10):
        began = time.perf_counter()
        linear(left, right)
        spans.append(time.perf_counter() - began)
    rate = 2 * 1024**3 / min(spans)
    return {"operations": float(operations), "operations_per_second": rate, "seconds": operations / rate}


def _peak_apart(kind: str, path: str, workload: Workload, given: dict[str, float], arguments: Any) -> list[int]:
    """Peak memory of a first and a second run beyond the loaded model, in a process of its own."""
    settings = json.dumps({"kind": kind, "path": path, "workload": asdict(workload), "given": given})
    command = [sys.executable, "-m", "relex_core", "benchmark", "--measure", settings]
    command += ["--threads", str(arguments.threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    peaks: list[int] = json.loads(done.stdout.strip().splitlines()[-1])
    return peaks


def _peak(kind: str, path: str, workload: dict[str, Any], given: dict[str, float]) -> list[int]:
    from relex_core.compat import GLiNER

    model = _load_peer(path) if kind == "peer" else GLiNER.from_pretrained(path)
    own = Workload(**workload)
    model.inference([" ".join(SENTENCES)], ["person"], ["works for"])
    # projections of relative positions are kept from the first answer on: they count as what answering needs
    model.model.eval()
    peaks = []
    for _ in range(2):
        _give_back()
        before = _resident(reset=True)
        _inference(model, documents(own), own, given)
        peaks.append(_resident() - before)
    return peaks


def _give_back() -> None:
    """Free memory to the system, so that what loading left in the heap does not hide what answering needs."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _resident(reset: bool = False) -> int:
    """Peak of resident memory in bytes; on Linux it can be set back to what is resident now."""
    status = Path("/proc/self/status")
    if not status.exists():
        import resource  # Windows has no such module

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) * 1024


def _machine() -> dict[str, Any]:
    import platform

    import torch

    versions = {"python": platform.python_version(), "torch": torch.__version__}
    cores, load = os.cpu_count(), round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return {**versions, "threads": torch.get_num_threads(), "cores": cores, "load": load}


def _row(figure: dict[str, Any]) -> str:
    seconds = figure["seconds"]
    text = f"{figure['checkpoint']:8} ({figure['name']})  fp32 {seconds['fp32']:7.3f} s  bf16 {seconds['bf16']:7.3f} s"
    text += f"  floor {figure['floor']['seconds']:6.3f} s ({figure['floor']['times']:.1f} x)"
    if "peer" in seconds:
        agree = figure["peer"]
        text += f"  peer {seconds['peer']:7.3f} s  ratio {figure['ratio_fp32']:5.2f} / {figure['ratio_bf16']:5.2f}"
        text += f" (processor time {figure['cpu_ratio_fp32']:5.2f} / {figure['cpu_ratio_bf16']:5.2f})"
        text += f"  differ {agree['entities']['only_one']} + {agree['relations']['only_one']}"
        text += f"  scores {agree['relations']['largest_difference']:.1e}"
    low = max(figure["bf16"][kind]["largest_difference"] for kind in ("entities", "relations"))
    text += f"  bf16 {low:.1e}  found {figure['entities_found']} + {figure['relations_found']}"
    if "peak_bytes" in figure:
        again = figure["peak_bytes_again"]
        text += "  peak " + ", ".join(
            f"{kind} {size / 2**20:.0f} ({again[kind] / 2**20:.0f}) MiB" for kind, size in figure["peak_bytes"].items()
        )
    return text
