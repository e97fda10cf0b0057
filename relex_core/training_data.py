"""The files of a training configuration -> examples, and training data made from raw text on first use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from relex_core.datasets import iterate_gold, labels_of
from relex_core.errors import InputError
from relex_core.examples import Example, clean_silver, examples
from relex_core.labels import LabelKnowledge
from relex_core.sampling import Sampler, Source, make_pools
from relex_core.training_config import DataFile, TrainConfig
from relex_core.views import Pools


def prepare(config: TrainConfig, directory: Path, say: Callable[[str], None]) -> tuple[Sampler, Pools, LabelKnowledge]:
    """Read the training files, making those first that come from raw text. Raises InputError."""
    known = _knowledge(config)
    for name in config.dev:  # a run should not end with what could have been known at its beginning
        if not labels_of(iterate_gold(config.path(name))).entity_labels:
            raise InputError(
                expected="development files with annotated entities",
                found=f"none in {name}",
                change="Give another file.",
                value=name,
            )
    sources = []
    for entry in config.data:
        path = data_path(entry, config, directory)
        if entry.text and not path.is_file():
            _make_silver(entry, path, config, say)
        sources.append(_source(entry, path, config))
        if sources[-1].divided:
            longer = f"{sources[-1].divided:,} texts of more than {config.max_words} words (max_words)"
            say(f"{entry.path}: {longer} are learnt in passages")
    if not any(source.examples and source.weight > 0 for source in sources):
        raise InputError(
            expected="training data with at least one text and a weight above 0",
            found=f"none in {len(sources)} files",
            change="Give files with annotated texts.",
        )
    pools = make_pools(sources, {entry.path: entry.closed for entry in config.data}, known)
    return Sampler(sources, config.sampling, config.seed), pools, known


def _knowledge(config: TrainConfig) -> LabelKnowledge:
    """The tables of labels, with the paraphrases of the configuration. Raises InputError."""
    if not config.paraphrases:
        return LabelKnowledge()
    path = config.path(config.paraphrases)
    try:
        return LabelKnowledge(json.loads(path.read_text("utf-8-sig")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            expected='paraphrases {"label": {"same": [...], "inverse": [...]}}',
            found=f"{path} ({error})",
            change="Correct the path or the file, or set paraphrases to an empty text.",
            value=str(path),
        ) from error


def data_path(entry: DataFile, config: TrainConfig, directory: Path) -> Path:
    """Where a training file is: what is made from raw text lies in the run's own directory."""
    return directory / "silver" / Path(entry.path).name if entry.text else config.path(entry.path)


def _make_silver(entry: DataFile, path: Path, config: TrainConfig, say: Callable[[str], None]) -> None:
    from relex_core.silver import make_silver

    path.parent.mkdir(exist_ok=True)
    say(f"reading {', '.join(entry.text)} for relations in its syntax")
    skip = {record.document.text for name in entry.skip for record in iterate_gold(config.path(name))}
    make_silver([config.path(name) for name in entry.text], path, skip, limit=None, keep_empty=0.1)


def _source(entry: DataFile, path: Path, config: TrainConfig) -> Source:
    found: list[Example] = []
    divided = 0
    for gold in iterate_gold(path):
        items = examples(gold, entry.path, config.max_words)
        divided += len(items) > 1
        found += (clean_silver(item) if entry.silver else item for item in items)
        if entry.limit and len(found) >= entry.limit:
            break
    return Source(entry.path, tuple(found), entry.weight, divided)
