"""`python -m relex_core extract`: texts -> one JSON object a line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, TextIO

from relex_core.encoding import decode
from relex_core.errors import GIVE_UP, FormatError, InputError, ReadingError, RelexError, SchemaError, quote
from relex_core.jsonl import document_from_json, dumps, extraction_to_json, read_lines, reading, thresholds_from_json
from relex_core.locating import locate
from relex_core.outputs import check_output, output
from relex_core.selection import select
from relex_core.types import Document, EntityLabel, Extraction, RelationLabel, Schema, Thresholds

if TYPE_CHECKING:
    from relex_core.inference import Extractor, Job

PASSAGE_HELP = "read longer texts in passages of at most so many words (default: the checkpoint's; 0: no such limit)"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `extract`."""
    parser = subparsers.add_parser(
        "extract",
        help="entities and relations of texts, as JSON lines",
        description='Reads .txt (one document) or .jsonl ({"id", "text"} a line) and writes a JSON object a line.',
    )
    parser.add_argument("--checkpoint", default="mini", help="embedded name, directory or hub id (default: mini)")
    parser.add_argument("--revision", help="branch, tag or commit of a hub id")
    parser.add_argument("--entities", required=True, help="entity labels, comma-separated")
    parser.add_argument("--relations", default="", help="relation labels, comma-separated")
    parser.add_argument("--threshold", type=float, help="for entities (default: 0.3)")
    parser.add_argument("--relation-threshold", type=float, help="for relations (default: 0.5)")
    parser.add_argument("--thresholds", metavar="FILE", help="those that evaluate --json wrote, also of single labels")
    parser.add_argument("--input", default="-", help=".txt or .jsonl file, - for standard input (default)")
    parser.add_argument("--format", choices=("txt", "jsonl"), help="of the input, if its name does not say")
    parser.add_argument("--encoding", default="", help="of the input (default: its byte order mark's, else UTF-8)")
    parser.add_argument("--out", default="-", help="file to write, - for standard output (default)")
    parser.add_argument("--skip-bad-lines", action="store_true", help="read the good lines of a broken .jsonl")
    parser.add_argument("--nested", action="store_true", help="let an entity stand inside another")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--passage-words", type=int, help=PASSAGE_HELP)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.add_argument("--dtype", default="auto", choices=("auto", "fp32", "bf16", "fp16"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """1 if the model failed at some of the texts: the others are written all the same. Raises RelexError for bad input,
    or if no text could be read; nothing is written then, and a file is there whole or as it was."""
    thresholds = _thresholds(arguments.threshold, arguments.relation_threshold, arguments.thresholds)
    schema = Schema.of(
        (EntityLabel(name) for name in _names(arguments.entities)),
        (RelationLabel(name) for name in _names(arguments.relations)),
    )
    if not schema.entity_labels:
        raise InputError(expected="at least one label after --entities", found="none", change="Name some labels.")
    if arguments.batch_size < 1:
        raise InputError(expected="--batch-size of at least 1", found=str(arguments.batch_size), change="Use 8.")
    documents = read(arguments.input, arguments.format, skip_bad=arguments.skip_bad_lines, encoding=arguments.encoding)
    if arguments.out != "-":
        check_output(Path(arguments.out), [Path(arguments.input)] if arguments.input != "-" else [])
    checkpoint = locate(arguments.checkpoint, arguments.revision)  # refused before torch takes its seconds
    from relex_core.inference import Extractor

    extractor = Extractor.load(
        checkpoint,
        device=arguments.device,
        dtype=arguments.dtype,
        passage_words=arguments.passage_words,
    )
    tally = _Tally(len(documents))
    found = tally.read_of(_found(extractor, [(one, schema, thresholds) for one in documents], arguments.batch_size))
    lines = (dumps(extraction_to_json(select(one, thresholds, arguments.nested))) for one in found)
    if arguments.out == "-":
        _print(lines)
    else:
        with output(Path(arguments.out)) as part, part.open("w", encoding="utf-8", newline="\n") as stream:
            _write(lines, stream)
    if tally.failed:
        print(f"error: {tally.error()}", file=sys.stderr)
    return 1 if tally.failed else 0


@dataclass(slots=True)
class _Tally:
    """Of how many texts how many were read, and at how many the model failed."""

    texts: int
    read: int = 0
    failed: int = 0

    def read_of(self, found: Iterable[Extraction | ReadingError]) -> Iterator[Extraction]:
        """The extractions among what was found; the others are named on standard error. Raises ReadingError at the end
        if there is none."""
        row = 0
        for one in found:
            if isinstance(one, ReadingError):
                self.failed, row = self.failed + 1, row + 1
                print(f"text {self.read + self.failed:,} of {self.texts:,}: {one}", file=sys.stderr)
                if row == GIVE_UP:
                    break
            else:
                self.read, row = self.read + 1, 0
                yield one
        if not self.read:
            raise self.error()

    def error(self) -> ReadingError:
        """What is said at the end where there was a failure."""
        untried = self.texts - self.read - self.failed
        rest = f"; the last {untried:,} were not tried" if untried else ""
        written = "those that were read are" if self.read else "nothing is"
        return ReadingError(
            expected="a model that reads every text",
            found=f"that it failed at {self.failed:,} of {self.texts:,}{rest}",
            change=f"Try other labels or another --checkpoint for these; {written} written.",
        )


def _found(extractor: Extractor, jobs: Sequence[Job], batch_size: int) -> Iterator[Extraction | ReadingError]:
    """The extraction of each text, or why there is none, in their order. Raises SchemaError."""
    step = 8 * batch_size
    for at in range(0, len(jobs), step):
        yield from _each(extractor, jobs[at : at + step], batch_size)


def _each(extractor: Extractor, jobs: Sequence[Job], batch_size: int) -> Iterator[Extraction | ReadingError]:
    """Texts read together; where that fails each half by itself, until what fails is alone."""
    try:
        yield from extractor.extract_batch(jobs, batch_size)
        return
    except SchemaError:  # of no single text
        raise
    except Exception as error:
        failure = ReadingError.at(jobs[0][0].id, error, "Try it with other labels or another --checkpoint.")
    # not above: what an error holds would be in memory still
    if len(jobs) == 1:
        yield failure
        return
    middle = len(jobs) // 2
    for half in (jobs[:middle], jobs[middle:]):
        yield from _each(extractor, half, batch_size)


def read(name: str, kind: str | None, *, skip_bad: bool = False, encoding: str = "") -> list[Document]:
    """Documents of a file or, for "-", of standard input. Raises InputError; FormatError names bad lines.

    Without an `encoding` the file is in UTF-8, or in what its byte order mark says.
    """
    kind = kind or {".txt": "txt", ".md": "txt", ".jsonl": "jsonl"}.get(Path(name).suffix.lower())
    if kind is None and name != "-":
        raise InputError(
            expected="a .txt or .jsonl file",
            found=quote(name),
            change="Say --format txt or --format jsonl if it is one; save any other file as text.",
            value=name,
        )
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise InputError(
            expected="a readable file",
            found=f"{quote(name)} ({error.strerror or type(error).__name__})",
            change="Check the path.",
            value=name,
        ) from error
    text = decode(data, encoding, "Name its encoding with --encoding, such as windows-1252, or save it as UTF-8.")
    if kind is None:
        kind = "jsonl" if text.lstrip().startswith("{") else "txt"
    # a file's name may be any bytes
    source = "" if name == "-" else Path(name).name.encode("utf-8", "replace").decode("utf-8")
    if kind == "txt":
        return [Document.from_text(text, id=PurePath(source).stem, source=source)]
    return _documents(text, source, skip_bad)


def _documents(text: str, source: str, skip_bad: bool) -> list[Document]:
    good: list[Document] = []
    bad: list[tuple[int, RelexError]] = []
    # not str.splitlines: U+2028 and others may stand inside a JSON string
    for number, record in read_lines(text.replace("\r\n", "\n").split("\n")):
        if isinstance(record, FormatError):
            bad.append((number, record))
            continue
        try:
            good.append(document_from_json(record, source))
        except InputError as error:
            bad.append((number, error))
    for number, problem in bad:
        print(f"line {number}: {problem}", file=sys.stderr)
    if bad and not skip_bad:
        numbers = tuple(number for number, _ in bad)
        rest = f", or add --skip-bad-lines to read the other {len(good):,}" if good else ""
        raise FormatError(
            expected="a JSON object with a text in each line",
            found=f"bad lines: {', '.join(map(str, numbers[:20]))}{', ...' if len(bad) > 20 else ''}",
            change=f"Correct {'them' if len(bad) > 1 else 'it'}{rest}.",
            lines=numbers,
        )
    if not good:
        raise InputError(expected="at least one document", found="none", change="Check the file.", value=source)
    return good


def _thresholds(entity: float | None, relation: float | None, file: str | None) -> Thresholds:
    """Two numbers, each with its usual value, or what `evaluate --json` wrote. Raises InputError."""
    if file is None:
        usual = Thresholds()
        return Thresholds(usual.entity if entity is None else entity, usual.relation if relation is None else relation)
    if entity is not None or relation is not None:
        raise InputError(
            expected="--thresholds, or --threshold and --relation-threshold", found="both", change="Leave one out."
        )
    expected = "the thresholds in a file that evaluate --json wrote"
    with reading(Path(file), expected) as text:
        try:
            return thresholds_from_json(json.load(text)["files"][0]["thresholds"])
        except (ValueError, LookupError, TypeError) as error:
            found = error.found if isinstance(error, RelexError) else f"none in {file}"
            raise InputError(expected=expected, found=found, change="Check the path.", value=file) from error


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def _print(lines: Iterable[str]) -> None:
    if isinstance(sys.stdout, TextIOWrapper):  # JSON is UTF-8, whatever the console is; a notebook's has no encoding
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    try:
        _write(lines, sys.stdout)
    except BrokenPipeError:  # who reads wants no more
        raise
    except OSError as error:
        raise InputError(
            expected="a standard output that can be written",
            found=str(error),
            change="Make room for it, or name a file with --out.",
        ) from error


def _write(lines: Iterable[str], stream: TextIO) -> None:
    for line in lines:
        print(line, file=stream, flush=True)
