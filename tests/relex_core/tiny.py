"""A tiny random checkpoint of this package, and gold records about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch.nn import Embedding

from relex_core.checkpoint import load, save, write
from relex_core.config import ModelConfig
from relex_core.locating import EMBEDDED
from relex_core.model import RelexModel
from relex_core.prompt import load_tokenizer
from tests.relex_core.peer import PLAIN

TEXTS = (
    (
        "Ada Lovelace works for Acme in London .",
        [(0, 1, "person"), (4, 4, "company"), (6, 6, "city")],
        [(0, 1, "works for")],
    ),
    (
        "Acme was founded by Bo in Paris .",
        [(0, 0, "company"), (4, 4, "person"), (6, 6, "city")],
        [(0, 1, "founded by")],
    ),
    ("Cy lives in Rome .", [(0, 0, "person"), (3, 3, "city")], [(0, 1, "lives in")]),
    ("Dee met Bo .", [(0, 0, "person"), (2, 2, "person")], []),
)


def checkpoint(path: Path, **changes: Any) -> Path:
    """Written to `path`, loadable by this package and by the reference."""
    config = ModelConfig.from_json({**json.loads(json.dumps(PLAIN)), "dropout": 0.0, **changes})
    torch.manual_seed(0)
    model = RelexModel(config)
    builder = load_tokenizer(EMBEDDED / "mini", config)
    write(model, builder, EMBEDDED / "mini", path)
    return path


def broken(path: Path, word: str) -> Path:
    """A checkpoint whose scores are no numbers for texts that hold `word`."""
    loaded = load(checkpoint(path / "sound"), device="cpu")
    first, *_ = loaded.builder.pieces([(word,)])[0].ids
    tables = [m for m in loaded.model.encoder.modules() if isinstance(m, Embedding) and len(m.weight) > first]
    with torch.no_grad():
        # finite, as a checkpoint has to be; what the encoder makes of it is not
        tables[0].weight[first] = -torch.finfo(torch.float32).max
        tables[0].weight[first, 0] *= -1
    save(loaded, path / "broken")
    return path / "broken"


def record(number: int, **more: Any) -> dict[str, Any]:
    """The corpus record of one of `TEXTS`."""
    text, entities, relations = TEXTS[number]
    return {
        "id": f"t{number}",
        "source": "tiny",
        "text": text,
        "tokens": text.split(" "),
        "entities": [{"start": a, "end": b, "label": label} for a, b, label in entities],
        "relations": [{"head": h, "tail": t, "label": label} for h, t, label in relations],
        "partial": False,
        **more,
    }


def corpus(path: Path, *numbers: int, **more: Any) -> Path:
    """A corpus file of some of `TEXTS`."""
    path.write_text("".join(json.dumps(record(n, **more)) + "\n" for n in numbers or range(len(TEXTS))), "utf-8")
    return path
