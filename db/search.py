"""Full-text search through the database's own engine: FTS5 in SQLite, tsvector in PostgreSQL.

Texts are split into words here, not by the engine, so that both find the same: without case and accents, and
single characters in scripts that write no spaces. A document's id and source are found as well.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db.tables import document_labels, documents, texts
from relex_core.types import Document

# scripts without spaces between words: Thai to Khmer, kana, Han
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
# PostgreSQL takes lexemes of at most 2,046 bytes and about 1 MB to a document
_LONGEST = 255
_MOST = 30_000

fts = sa.table("documents_fts", sa.column("rowid"), sa.column("words"))


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: all `words` (the last one may go on), all `phrases` as they stand, all `labels`."""

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    open_end: bool = False


MANY = 5_000
"""With more hits than this, documents are walked in the wanted order and each is tested; with fewer, the hits are
fetched and sorted. Either way a page costs little: many hits are met soon, few are sorted soon."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on `documents`: as a test of one row, and as the keys of all that fit if these can be listed."""

    probe: sa.ColumnElement[bool]
    hits: sa.Select[Any] | None = None


def words(text: str) -> list[str]:
    """The searchable words of `text`.

    >>> words("Café_Zoë, 東京")
    ['cafe', 'zoe', '東', '京']
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if unicodedata.category(c) != "Mn")
    return [word[:_LONGEST] for word in _WORD.findall(plain)]


def parse(search: str) -> Query:
    """What a person typed: words, "phrases in quotes" and label:name or label:"long name".

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
        tokens = [_project_word(project), *list(found)[:_MOST]]
        rows.append({"pk": pk, "words": " ".join(tokens) if _is_sqlite(connection) else tokens})
    if not rows:
        return
    value = ":words" if _is_sqlite(connection) else "array_to_tsvector(CAST(:words AS text[]))"
    connection.execute(sa.text(f"INSERT INTO documents_fts (rowid, words) VALUES (:pk, {value})"), rows)  # noqa: S608


def filters(connection: Connection, project: int, query: Query) -> list[Filter]:
    """Conditions on `documents` for `query`."""
    found: list[Filter] = []
    if query.words:
        matches = _matches(connection, project, query)
        hits = sa.select(fts.c.rowid).where(matches)
        found.append(Filter(sa.exists().where(fts.c.rowid == documents.c.pk, matches), hits))
    for label in query.labels:
        mine = document_labels.c.project_pk == project, document_labels.c.label == label
        hits = sa.select(document_labels.c.document_pk).where(*mine).distinct()
        probe = sa.exists().where(document_labels.c.document_pk == documents.c.pk, document_labels.c.label == label)
        found.append(Filter(probe, hits))
    for phrase in query.phrases:
        places = texts.c.text, documents.c.source, documents.c.id
        holds = sa.or_(*(place.icontains(phrase, autoescape=True) for place in places))
        found.append(Filter(sa.exists().where(texts.c.document_pk == documents.c.pk, holds)))
    return found


def narrowest(connection: Connection, conditions: list[Filter]) -> tuple[Filter | None, int]:
    """The condition with the fewest hits and how many these are; None if all have more than MANY."""
    best, fewest = None, MANY + 1
    for condition in conditions:
        if condition.hits is None:
            continue
        number = connection.execute(
            sa.select(sa.func.count()).select_from(condition.hits.limit(MANY + 1).subquery())
        ).scalar_one()
        if number < fewest:
            best, fewest = condition, number
    return best, fewest


def _matches(connection: Connection, project: int, query: Query) -> sa.ColumnElement[bool]:
    quote, more, both = ('"', "*", " AND ") if _is_sqlite(connection) else ("'", ":*", " & ")
    terms = [f"{quote}{word}{quote}" for word in (_project_word(project), *query.words)]
    if query.open_end:
        terms[-1] += more
    said = "documents_fts MATCH :terms" if _is_sqlite(connection) else "words @@ CAST(:terms AS tsquery)"
    return sa.text(said).bindparams(terms=both.join(terms))  # type: ignore[return-value]


def _project_word(project: int) -> str:
    """A word that no text holds: it begins with a character of the private use area."""
    return f"\ue000{project}"


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
