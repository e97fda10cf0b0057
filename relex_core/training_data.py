"""The files of a training configuration -> examples, and training data made from raw text on first use."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from relex_core.datasets import iterate_gold
from relex_core.errors import InputError
from relex_core.examples import clean_silver, example
from relex_core.labels import LabelKnowledge
from relex_core.sampling import Sampler, Source, make_pools
from relex_core.training_config import DataFile, TrainConfig
from relex_core.views import Pools


def prepare(config: TrainConfig, directory: Path, say: Callable[[str], None]) -> tuple[Sampler, Pools, LabelKnowledge]:
    """Read the training files, making those first that come from raw text. Raises InputError."""
    paraphrases = json.loads(config.path(config.paraphrases).read_text("utf-8")) if config.paraphrases else {}
    known = LabelKnowledge(paraphrases)
    sources = []
    for entry in config.data:
        path = data_path(entry, config, directory)
        if entry.text and not path.is_file():
            _make_silver(entry, path, config, say)
        sources.append(_source(entry, path, config))
    if not any(source.examples for source in sources):
        raise InputError(
            expected="training data with at least one text",
            found=f"none in {len(sources)} files",
            change="Give files with annotated texts.",
        )
    pools = make_pools(sources, {entry.path: entry.closed for entry in config.data}, known)
    return Sampler(sources, config.sampling, config.seed), pools, known


def data_path(entry: DataFile, config: TrainConfig, directory: Path) -> Path:
    """Where a training file is: what is made from raw text lies in the run's own directory."""
    return directory / "silver" / Path(entry.path).name if entry.text else config.path(entry.path)


def _make_silver(entry: DataFile, path: Path, config: TrainConfig, say: Callable[[str], None]) -> None:
    from relex_core.silver import make_silver

    path.parent.mkdir(exist_ok=True)
    say(f"reading {', '.join(entry.text)} for relations in its syntax")
    skip = {record.document.text for name in entry.skip for record in iterate_gold(config.path(name))}
    part = path.with_name(f"part-{path.name}")
    make_silver([config.path(name) for name in entry.text], part, skip, limit=None, keep_empty=0.1)
    os.replace(part, path)


def _source(entry: DataFile, path: Path, config: TrainConfig) -> Source:
    examples = []
    for gold in iterate_gold(path):
        item = example(gold, entry.path, config.max_words)
        if item is not None:
            examples.append(clean_silver(item) if entry.silver else item)
        if entry.limit and len(examples) >= entry.limit:
            break
    return Source(entry.path, tuple(examples), entry.weight)
