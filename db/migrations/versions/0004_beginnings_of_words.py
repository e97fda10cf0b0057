"""An index of how words begin, so that a word still being typed is found as fast as a whole one (SQLite)."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    # an FTS5 table cannot take on an index later. The words are copied from the old one, not cut anew from the texts:
    # how words are cut is free to change, and this file says for ever what version 4 was
    op.execute(
        "CREATE VIRTUAL TABLE documents_fts_4 "
        "USING fts5(words, content='', detail=none, tokenize='ascii', prefix='1 2 3 4 5 6')"
    )
    op.execute("CREATE VIRTUAL TABLE temp.documents_fts_words USING fts5vocab(main, documents_fts, 'instance')")
    op.execute(
        "INSERT INTO documents_fts_4 (rowid, words) "
        "SELECT doc, group_concat(term, ' ') FROM temp.documents_fts_words GROUP BY doc"
    )
    op.execute("DROP TABLE temp.documents_fts_words")
    op.execute("DROP TABLE documents_fts")
    op.execute("ALTER TABLE documents_fts_4 RENAME TO documents_fts")
