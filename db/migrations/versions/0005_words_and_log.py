"""The audit log by person and by action. In SQLite the words of each document beside the search index, so that one
document is tested for a word at once, however many others have it; and beginnings of up to eight letters, as numbers
have."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_index("ix_audit_log_by", "audit_log", ["by", "pk"])
    op.create_index("ix_audit_log_action", "audit_log", ["action", "pk"])
    if op.get_bind().dialect.name == "sqlite":
        keep_words()


def keep_words() -> None:
    # an FTS5 table without `content` keeps what it was given in a table of its own, by document. The words are copied
    # from the old one, not cut anew from the texts, as in version 4
    op.execute(
        "CREATE VIRTUAL TABLE documents_fts_5 "
        "USING fts5(words, detail=none, tokenize='ascii', prefix='1 2 3 4 5 6 7 8', columnsize=0)"
    )
    op.execute("CREATE VIRTUAL TABLE temp.documents_fts_words USING fts5vocab(main, documents_fts, 'instance')")
    op.execute(
        "INSERT INTO documents_fts_5 (rowid, words) "
        "SELECT doc, group_concat(term, ' ') FROM temp.documents_fts_words GROUP BY doc ORDER BY doc"
    )
    op.execute("DROP TABLE temp.documents_fts_words")
    op.execute("DROP TABLE documents_fts")
    op.execute("ALTER TABLE documents_fts_5 RENAME TO documents_fts")
