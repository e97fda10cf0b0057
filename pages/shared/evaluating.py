"""Evaluation for people to look at: run in the background, kept as the file that the command writes, read back.

A result is the JSON of `python -m relex_core evaluate --json`, one for each checkpoint, in the data folder: it
outlives the tab and the server, and one from elsewhere can be laid beside it. No Streamlit in here.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from db.formats import named
from db.store import Store
from db.values import State
from pages.shared.bundles import file_stem
from pages.shared.jobs import Job, Jobs, Pieces
from relex_core.errors import FormatError, InputError, quote
from relex_core.evaluate_command import result
from relex_core.evaluation import Predictor, Report, predict_file, report
from relex_core.jsonl import thresholds_from_json
from relex_core.outputs import replacing, writing
from relex_core.tuning import best_thresholds, by_label
from relex_core.types import Document, Entity, Extraction, Schema, Thresholds

EVALUATION = "evaluation"
"""What this background work is called."""

Load = Callable[[str], Predictor]
Json = dict[str, Any]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be measured: each checkpoint on one annotated file.

    At `thresholds`, or with `development` (the content and name of another annotated file) at those that are best
    there for each checkpoint, `by_label` also for single labels.
    """

    checkpoints: tuple[str, ...]
    thresholds: Thresholds
    gold_entities: bool = False
    development: tuple[bytes, str] | None = None
    by_label: bool = False


@dataclass(frozen=True, slots=True)
class Wrong:
    """One relation or entity that was missed or claimed falsely, with its text. Spans in code points, half open.

    An entity has no `tail`.
    """

    document: str
    text: str
    missed: bool
    label: str
    head: Span
    tail: Span | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """One checkpoint on one file, as a report says it. `figures` are those of entities and relations."""

    predictor: str
    data: str
    sha256: str
    documents: int
    partial: bool
    gold_entities: bool
    thresholds: Thresholds
    figures: Mapping[str, Mapping[str, Any]]
    confusions: tuple[tuple[str, str, int], ...]
    errors: tuple[Wrong, ...]

    @property
    def title(self) -> str:
        return f"{self.predictor.removeprefix('relex_core, ')} on {self.data}"


class Watched:
    """A predictor that tells a job how many documents it has read, and ends when the job is stopped."""

    def __init__(self, predictor: Predictor, job: Job) -> None:
        self.predictor, self.job, self.name = predictor, job, predictor.name

    def predict(
        self,
        documents: Sequence[Document],
        schema: Schema,
        floor: Thresholds,
        given: Sequence[tuple[Entity, ...]] | None = None,
    ) -> Iterator[Extraction]:
        yield from self.job.counted(self.predictor.predict(documents, schema, floor, given))


def folder() -> Path:
    """Where results are kept, beside the database."""
    return Path(os.environ.get("RELEX_DATA") or "data") / "evaluations"


def start(jobs: Jobs, question: Question, data: bytes, name: str, load: Load, who: str) -> Job:
    """Measure in the background; `data` is the content of an annotated file called `name`. Raises InputError."""
    if not question.checkpoints:
        raise InputError(expected="a checkpoint", found="none", change="Choose one or two checkpoints.")
    # the total is corrected as soon as the file has been read
    return jobs.start(who, EVALUATION, 0, _pieces(question, data, name, load))


def _pieces(question: Question, data: bytes, name: str, load: Load) -> Pieces:
    def work(job: Job) -> Generator[int]:
        with tempfile.TemporaryDirectory() as scratch:
            path = _written(Path(scratch) / "data", data, name)
            given = question.development
            development = None if given is None else _written(Path(scratch) / "development", *given)
            files = [path] if development is None else [development, path]
            job.total = sum(map(_records, files)) * len(question.checkpoints)
            for checkpoint in question.checkpoints:
                yield 0
                predictor = load(checkpoint)
                thresholds = question.thresholds
                watched = Watched(predictor, job)
                if development is not None:
                    tried = predict_file(watched, development, question.gold_entities)
                    thresholds = best_thresholds(tried)
                    if question.by_label:
                        thresholds = by_label(tried, thresholds)
                run = predict_file(watched, path, question.gold_entities)
                save(predictor.name, thresholds, [report(run, thresholds)])
            yield 0

    return work


def _written(folder: Path, content: bytes, name: str) -> Path:
    """A file of a folder of its own, whatever the others are called."""
    folder.mkdir()
    path = folder / _file_name(name)
    path.write_bytes(content)
    return path


def gold_of(store: Store, project: str) -> bytes:
    """A project's submitted annotations as an annotated file. Raises InputError if there are none, NotFound."""
    annotations = list(store.annotations(project, states=(State.SUBMITTED,)))
    if not annotations:
        raise InputError(
            expected=f"submitted documents in project {quote(project)}",
            found="none",
            change="Submit documents under Annotate first, or choose a file.",
            value=project,
        )
    gliner = named("gliner")
    assert gliner.write is not None
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "gold.jsonl"
        gliner.write(iter(annotations), path)
        return path.read_bytes()


def said(thresholds: Thresholds) -> str:
    """Thresholds in a few words."""
    own = " or by label" if thresholds.entities or thresholds.relations else ""
    return f"above {thresholds.entity:g} / {thresholds.relation:g}{own}"


def as_given(thresholds: Thresholds) -> str:
    """The pair as the command takes it."""
    return f"{thresholds.entity},{thresholds.relation}"


def save(predictor: str, thresholds: Thresholds, reports: Iterable[Report]) -> Path:
    """Keep a result in the form of `python -m relex_core evaluate --json`; the file is there whole or not at all.

    Raises StoreError.
    """
    whole = result(predictor, as_given(thresholds), reports)
    files = whole["files"]
    stem = file_stem(f"{files[0]['data']} {predictor.removeprefix('relex_core, ')}")
    path = folder() / f"{datetime.now():%Y%m%d-%H%M%S-%f}-{stem}.json"
    with writing(f"a result into {folder()}", path, "Free some space, or let RELEX_DATA name another folder."):
        folder().mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def kept() -> tuple[Path, ...]:
    """The results in the data folder, newest first."""
    return tuple(sorted(folder().glob("*.json"), reverse=True))


def when(path: Path) -> str:
    """When a result of the data folder was made, for people."""
    with suppress(ValueError):
        return f"{datetime.strptime(path.name[:15], '%Y%m%d-%H%M%S'):%d %b %H:%M:%S}"
    return path.stem


def read(path: Path) -> tuple[Scored, ...]:
    """The results in a file of the data folder. Raises FormatError."""
    return opened(path.read_bytes(), path.name)


def opened(content: bytes, name: str) -> tuple[Scored, ...]:
    """The results in a file that the command wrote, one for each data file. Raises FormatError."""
    try:
        whole = json.loads(content.decode("utf-8"))
        found = tuple(_scored(str(whole["predictor"]), entry) for entry in whole["files"])
        if not found:
            raise ValueError("no data file in it")
        return found
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise FormatError(
            expected="a file written by python -m relex_core evaluate --json",
            found=f"{quote(name)} ({type(error).__name__}: {quote(str(error), 80)})",
            change="Choose another file, or evaluate again.",
            value=name,
        ) from error


def _scored(predictor: str, entry: Mapping[str, Any]) -> Scored:
    return Scored(
        predictor,
        str(entry["data"]),
        str(entry["sha256"]),
        int(entry["documents"]),
        bool(entry["partial"]),
        bool(entry["gold_entities"]),
        thresholds_from_json(entry["thresholds"]),
        {key: _figures(entry[key]) for key in ("entities", "relations", "relations_with_types")},
        tuple((str(c["true"]), str(c["claimed"]), int(c["count"])) for c in entry["confusions"]),
        tuple(_errors(entry["errors"])),
    )


def _figures(given: Mapping[str, Any]) -> Json:
    low, high = given["f1_95"]
    by_label = {str(label): _one(figures) for label, figures in given["by_label"].items()}
    return {**_one(given), "f1_95": (float(low), float(high)), "by_label": by_label}


def _one(given: Mapping[str, Any]) -> Json:
    shares = {key: float(given[key]) for key in ("precision", "recall", "f1")}
    if not all(0 <= share <= 1 for share in shares.values()):
        raise ValueError(f"figures that are no shares: {shares}")
    return {**shares, "support": int(given["support"])}


def _errors(documents: Iterable[Mapping[str, Any]]) -> Iterator[Wrong]:
    for document in documents:
        text = str(document["text"])
        for key in ("missed", "false"):
            for edge in document[key]:
                spans = [_span(edge[end], len(text)) for end in ("head", "tail")]
                yield Wrong(str(document["id"]), text, key == "missed", str(edge["label"]), spans[0], spans[1])
            # results written before entities were listed have none
            for mark in document.get(f"{key}_entities", ()):
                span = _span((mark["start"], mark["end"]), len(text))
                yield Wrong(str(document["id"]), text, key == "missed", str(mark["label"]), span)


def _span(given: Sequence[Any], length: int) -> Span:
    start, end = (int(place) for place in given)
    if not 0 <= start < end <= length:
        raise ValueError(f"a span {start} to {end} in a text of {length} characters")
    return start, end


def _records(path: Path) -> int:
    from relex_core.datasets import iterate_gold

    return sum(1 for _ in iterate_gold(path))


def _file_name(name: str) -> str:
    """A name for a temporary file that says what it holds; a user's name never becomes a path."""
    end = next((end for end in (".jsonl.gz", ".marked") if name.endswith(end[end.rindex(".") :])), ".jsonl")
    return file_stem(name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".marked")) + end
