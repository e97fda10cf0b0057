"""Marked text: annotated sentences as a person writes them, one text to a paragraph.

    [Ada Lovelace|mathematician; person] wrote notes on the [Analytical Engine|machine; invention] in [1843|year; date].
    1 > 2: wrote about; topic
    2 > 1: described by
    1 !> 2: built

Brackets enclose an entity and, behind the bar, its types from the narrowest to the most general; they may stand
in each other. Below the text stand the relations: numbers of head and tail, counted by opening brackets, and the
names that hold; behind `!>` names that one might think of but that do not hold. What is not written does not hold.
`\\[`, `\\|` and `\\]` are the characters themselves, `\\n` is a line break and `\\t` a tab of the text. A line that
begins with `#` is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from relex_core.errors import FormatError

_TOKEN = re.compile(r"\\([\[\]|\\nt])|([\[\]|])|([^\\\[\]|]+|\\)")
_SPACE = {"n": "\n", "t": "\t"}
_RELATION = re.compile(r"^(\d+)\s*(!?>)\s*(\d+)\s*:\s*(.+)$")


@dataclass(frozen=True, slots=True)
class Marked:
    """One text: spans are (start, end, types), code points, in the order of their opening brackets.

    Relations are (head, tail, name) by index of spans; `wrong` are those that a person said do not hold.
    """

    text: str
    spans: tuple[tuple[int, int, tuple[str, ...]], ...]
    relations: tuple[tuple[int, int, str], ...] = ()
    wrong: tuple[tuple[int, int, str], ...] = ()
    line: int = 1


@dataclass(slots=True)
class _Paragraph:
    line: int
    text: str
    edges: list[tuple[int, str]] = field(default_factory=list)


def read_marked(source: str, name: str) -> Iterator[Marked | FormatError]:
    """The texts of a file in order; one that cannot be read comes as an error and the rest goes on."""
    for paragraph in _paragraphs(source):
        try:
            yield _marked(paragraph, name)
        except FormatError as error:
            yield error


def _paragraphs(source: str) -> Iterator[_Paragraph]:
    current: _Paragraph | None = None
    # not str.splitlines: U+2028 and others may stand in a sentence
    for number, line in enumerate(source.split("\n"), 1):
        line = line.strip()
        if line.startswith("#"):
            continue
        if not line:
            if current is not None:
                yield current
            current = None
        elif current is None:
            current = _Paragraph(number, line)
        else:
            current.edges.append((number, line))
    if current is not None:
        yield current


def _marked(paragraph: _Paragraph, name: str) -> Marked:
    text, spans = _spans(paragraph, name)
    holds: dict[tuple[int, int, str], None] = {}
    wrong: dict[tuple[int, int, str], None] = {}
    for number, line in paragraph.edges:
        found = _RELATION.match(line)
        if found is None:
            raise _error(name, number, 'a relation such as "1 > 2: works for; employed by"', repr(line))
        head, sign, tail, labels = found.groups()
        ends = int(head) - 1, int(tail) - 1
        if not all(0 <= end < len(spans) for end in ends) or ends[0] == ends[1]:
            raise _error(name, number, f"two different entities of 1 to {len(spans)}", f"{head} and {tail}")
        for label in _names(labels):
            (holds if sign == ">" else wrong)[(*ends, label)] = None
    both = next((edge for edge in wrong if edge in holds), None)
    if both is not None:
        raise _error(name, paragraph.line, "a relation that holds or does not", f"{both[2]!r} said both ways")
    return Marked(text, tuple(spans), tuple(holds), tuple(wrong), paragraph.line)


def _spans(paragraph: _Paragraph, name: str) -> tuple[str, list[tuple[int, int, tuple[str, ...]]]]:
    text = ""
    spans: list[tuple[int, int, tuple[str, ...]]] = []
    open_spans: list[tuple[int, int]] = []  # (index, start of the types in `types` or -1)
    types: list[str | None] = []
    for escaped, bracket, plain in _TOKEN.findall(paragraph.text):
        inside = bool(open_spans) and types[open_spans[-1][0]] is not None
        if bracket == "[" and not inside:
            open_spans.append((len(spans), len(text)))
            spans.append((len(text), len(text), ()))
            types.append(None)
        elif bracket == "|" and open_spans and not inside:
            types[open_spans[-1][0]] = ""
        elif bracket == "]" and inside:
            index, start = open_spans.pop()
            labels = _names(types[index] or "")
            if not labels or not text[start:].strip():
                raise _error(name, paragraph.line, "a text and a type in each bracket", repr(text[start:]))
            spans[index] = (start, len(text), labels)
        elif bracket:
            raise _error(name, paragraph.line, "brackets of the form [text|type; type]", f"{bracket!r} after {text!r}")
        elif inside:
            index = open_spans[-1][0]
            types[index] = (types[index] or "") + (escaped or plain)
        else:
            text += _SPACE.get(escaped, escaped) or plain
    if open_spans:
        raise _error(name, paragraph.line, "a closing bracket", f"none for {text[open_spans[-1][1] :]!r}")
    return text, spans


def _names(labels: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label.strip() for label in labels.split(";") if label.strip()))


def _error(name: str, line: int, expected: str, found: str) -> FormatError:
    return FormatError(
        expected=expected, found=f"{found} ({name}, line {line})", change="Correct the line as the notation asks."
    )
