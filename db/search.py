"""Full-text search through the database's own engine: FTS5 in SQLite, tsvector in PostgreSQL.

Texts are split into words here, not by the engine, so that both find the same: without case and accents, and
single characters in scripts that write no spaces. Phrases are compared so too, but PostgreSQL, which folds letters
itself (`_folded_there`), may tell rare ones apart. A document's id and source are found as well. Of a very long text
the words that first occur in its beginning are found (`_ROOM`); it is stored and read whole all the same.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db.tables import document_labels, documents, texts
from relex_core.types import Document

# scripts without spaces between words: Thai to Khmer, kana, Han
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
# PostgreSQL takes lexemes of at most 2,046 bytes
_LONGEST = 255
_ROOM = 1_000_000
"""Bytes of different words to a document. A tsvector has room for 1 MiB and, made from an array, is spoilt without a
word by more: then nothing in the document would be found. As many are taken in SQLite, so that both find the same."""

fts = sa.table("documents_fts", sa.column("rowid"), sa.column("words"))
kept = sa.table("documents_fts_content", sa.column("id"), sa.column("c0"))
"""Where FTS5 keeps the words of each document (SQLite, from migration 0005)."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: all `words` (the last one may go on), all `phrases` as they stand but for case and accents,
    all `labels`."""

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    open_end: bool = False


MANY = 5_000
"""Up to this number of hits, all are fetched and sorted at most."""

BEGINNINGS = 8
"""Up to this length SQLite has an index of how words begin (migration 0005). Few words begin alike for longer."""


@dataclass(frozen=True, slots=True)
class Hits:
    """The documents that fit a condition, both ways: `hits` selects the keys of all of them, the column `key`, from an
    index in its order; `probe` tests one document, in SQLite without looking at any other."""

    probe: sa.ColumnElement[bool]
    hits: sa.Select[Any]
    key: sa.ColumnElement[int]


@dataclass(frozen=True, slots=True)
class Test:
    """A condition on `documents` that can only be tested row by row."""

    probe: sa.ColumnElement[bool]


def folded(text: str) -> str:
    """`text` without case, accents and other marks on letters.

    >>> folded("Café-Straße, Новая Газета")
    'cafe-strasse, новая газета'
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    return plain.translate({ord(c): None for c in set(plain) if unicodedata.category(c) == "Mn"})


def words(text: str) -> list[str]:
    """The searchable words of `text`.

    >>> words("Café_Zoë, 東京")
    ['cafe', 'zoe', '東', '京']
    """
    return [word[:_LONGEST] for word in _WORD.findall(folded(text))]


def parse(search: str) -> Query:
    """What a person typed: words, "phrases in quotes" and label:name or label:"long name". What is typed without a
    space and falls into several words, as café-bar and 東京 do, is a phrase too.

    >>> parse('sonata label:"works for" "written in" Vien').labels
    ('works for',)
    """
    try:
        parts = shlex.shlex(search, posix=True)
        parts.whitespace_split, parts.commenters, parts.quotes, parts.escape = True, "", '"', ""
        items = list(parts)
    except ValueError:  # a quote that nobody closed: still being typed
        items = search.replace('"', " ").split()
    found: list[str] = []
    phrases, labels = [], []
    for item in items:
        if item.lower().startswith("label:"):
            labels += [item[6:].strip()] if item[6:].strip() else []
            continue
        parts_of = words(item)
        found += parts_of
        if len(parts_of) > 1:
            phrases.append(item)
    open_end = bool(items) and bool(found) and not search.endswith((" ", '"')) and len(words(items[-1])) == 1
    return Query(tuple(found), tuple(phrases), tuple(labels), open_end)


def index(connection: Connection, project: int, added: Iterable[tuple[int, Document]]) -> None:
    """Make documents findable, given as (key, document)."""
    rows = []
    for pk, document in added:
        found = dict.fromkeys(words(f"{document.id} {document.source} {document.text}"))
        room = accumulate(len(word.encode()) for word in found)
        tokens = [_project_word(project), *(word for word, used in zip(found, room, strict=True) if used <= _ROOM)]
        rows.append({"pk": pk, "words": " ".join(tokens) if is_sqlite(connection) else tokens})
    if not rows:
        return
    value, again = ":words", ""
    if not is_sqlite(connection):
        value = "array_to_tsvector(CAST(:words AS text[]))"
        again = "ON CONFLICT (rowid) DO UPDATE SET words = excluded.words"
    insert = f"INSERT INTO documents_fts (rowid, words) VALUES (:pk, {value}) {again}"  # noqa: S608
    connection.execute(sa.text(insert), rows)


def indexed(connection: Connection, project: int, pk: int) -> bool:
    """Whether a document can be found. In PostgreSQL it may be there and spoilt by more words than there is room for,
    as versions before this one wrote it."""
    there = sa.select(fts.c.rowid).where(fts.c.rowid == pk)
    if not is_sqlite(connection):
        there = there.where(_matches(connection, project, Query()))
    return connection.execute(there).first() is not None


def filters(connection: Connection, project: int, query: Query) -> list[Hits | Test]:
    """Conditions on `documents` for `query`."""
    found: list[Hits | Test] = []
    if query.words:
        found.append(_with_words(connection, project, query))
    for label in query.labels:
        key = document_labels.c.document_pk
        mine = document_labels.c.project_pk == project, document_labels.c.label == label
        found.append(Hits(sa.exists().where(key == documents.c.pk, *mine), sa.select(key).where(*mine).distinct(), key))
    for phrase in query.phrases:
        places = texts.c.text, documents.c.source, documents.c.id
        if is_sqlite(connection):
            holds = sa.or_(*(sa.func.instr(sa.func.folded(place), folded(phrase)) > 0 for place in places))
        else:
            wanted = _folded_there(sa.literal(phrase, sa.Text))
            holds = sa.or_(*(sa.func.strpos(_folded_there(place), wanted) > 0 for place in places))
        found.append(Test(sa.exists().where(texts.c.document_pk == documents.c.pk, holds)))
    return found


def _folded_there(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """What `folded` gives, but for letters that casefold spells out, of which ß is the common one, and marks outside
    the block of combining ones. The collation is named because lower() in the locale C knows ASCII alone."""
    lower = sa.func.lower(sa.func.replace(sa.collate(text, "und-x-icu"), "ẞ", "ss"))
    plain = sa.func.normalize(sa.func.replace(sa.func.replace(lower, "ß", "ss"), "ς", "σ"), sa.text("NFKD"))
    return sa.func.regexp_replace(plain, "[\u0300-\u036f]", "", "g")


def _with_words(connection: Connection, project: int, query: Query) -> Hits:
    if query.open_end and not (is_sqlite(connection) and len(query.words[-1]) <= BEGINNINGS):
        exact = replace(query, open_end=False)
        # a word that is whole in so many documents need not go on, which is dear to put together
        if _more(connection, sa.select(fts.c.rowid).where(_matches(connection, project, exact)), MANY):
            query = exact
    hits = sa.select(fts.c.rowid).where(_matches(connection, project, query))
    if not is_sqlite(connection):
        return Hits(documents.c.pk.in_(hits), hits, fts.c.rowid)
    # the index of words would seek the document anew in the list of each word; its own words are one row
    line = sa.literal(" ").concat(kept.c.c0).concat(" ")
    ends = [" "] * (len(query.words) - 1) + ["" if query.open_end else " "]
    each = (sa.func.instr(line, f" {word}{end}") > 0 for word, end in zip(query.words, ends, strict=True))
    return Hits(sa.exists().where(kept.c.id == documents.c.pk, *each), hits, fts.c.rowid)


def few(connection: Connection, conditions: Sequence[Hits], bound: int) -> Hits | None:
    """The first condition with at most `bound` hits; None if all have more."""
    return next((condition for condition in conditions if not _more(connection, condition.hits, bound)), None)


def _more(connection: Connection, hits: sa.Select[Any], bound: int) -> bool:
    """Whether there are more than `bound` hits."""
    return connection.execute(hits.offset(bound).limit(1)).first() is not None


def _matches(connection: Connection, project: int, query: Query) -> sa.ColumnElement[bool]:
    quote, more, both = ('"', "*", " AND ") if is_sqlite(connection) else ("'", ":*", " & ")
    terms = [f"{quote}{word}{quote}" for word in (_project_word(project), *query.words)]
    if query.open_end:
        terms[-1] += more
    said = "documents_fts MATCH :terms" if is_sqlite(connection) else "words @@ CAST(:terms AS tsquery)"
    return sa.text(said).bindparams(terms=both.join(terms))  # type: ignore[return-value]


def _project_word(project: int) -> str:
    """A word that no text holds: it begins with a character of the private use area."""
    return f"\ue000{project}"


def is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
