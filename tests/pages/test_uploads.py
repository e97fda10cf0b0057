"""Files of every kind, good and bad: what is read, what is asked, what is refused."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import docx
import pytest
from streamlit.testing.v1 import AppTest

from db import leaving
from db.store import Store
from pages.shared import importing, uploads
from relex_core.errors import FormatError, InputError
from relex_core.types import Document, Schema
from tests.db.formats.test_reading import pdf


def texts(upload: uploads.Upload) -> list[str]:
    return [document.text for document in upload.documents]


def test_a_text_file_is_one_document() -> None:
    upload = uploads.read("dir/notes.md", "# Ada\r\nLovelace ✓".encode())
    assert texts(upload) == ["# Ada\nLovelace ✓"]
    assert upload.documents[0].source == "notes.md"
    assert not upload.guessed


def test_pdf_and_docx_are_read(tmp_path: Path) -> None:
    upload = uploads.read("dir/Zoë\n?.pdf", pdf(["Ada met Bob", "in London."]))
    assert [text.split() for text in texts(upload)] == [["Ada", "met", "Bob", "in", "London."]]
    assert upload.documents[0].source == "Zoë\n?.pdf"
    word = docx.Document()
    word.add_paragraph("Ada 😀 met Bob.")
    word.save(str(tmp_path / "c.docx"))
    assert texts(uploads.read("c.docx", (tmp_path / "c.docx").read_bytes())) == ["Ada 😀 met Bob."]
    long = "é" * 300 + ".pdf"
    with pytest.raises(InputError, match=r"text recognition"):
        uploads.read(long, pdf([]))
    for name in ("a.pdf", "a.docx"):
        with pytest.raises(FormatError, match=re.escape(name)):
            uploads.read(name, b"%PDF-1.7 and nothing")


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("a.txt", b"%PDF-1.7 ...", "a PDF file"),
        ("a.txt", b"PK\x03\x04rest", "a ZIP archive"),
        ("a.txt", b"abc\x00\x01\x02", "binary data"),
        ("a.txt", b"", "an empty file"),
        ("a.jsonl", b" \n ", "an empty file"),
        ("a.exe", b"hello", "a.exe"),
    ],
)
def test_what_is_no_text_is_refused_by_name(name: str, data: bytes, found: str) -> None:
    with pytest.raises(InputError, match=found):
        uploads.read(name, data)


def test_another_encoding_is_guessed_and_asked_about() -> None:
    text = "Die Straße führt über die Brücke nach Köln, sagte Frau Müller am späten Nachmittag. " * 4
    upload = uploads.read("a.txt", text.encode("windows-1252"))
    assert upload.guessed
    assert "Straße" in upload.preview
    assert texts(uploads.read("a.txt", text.encode("windows-1252"), encoding="windows-1252")) == [text]
    with pytest.raises(InputError, match="shift_jis"):
        uploads.read("a.txt", text.encode("windows-1252"), encoding="shift_jis")


def asking(data: bytes) -> None:
    """A script that asks about one file."""
    import streamlit as st
    from streamlit.proto.Common_pb2 import FileURLs
    from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

    from pages.shared import questions

    file = UploadedFile(UploadedFileRec("f1", "a.txt", "text/plain", data), FileURLs())
    documents = questions.ask([file])
    st.markdown("asks" if documents is None else documents[0].text)


def test_the_preview_follows_the_encoding_that_is_chosen() -> None:
    text = "A mail in plain words. " * 20 + "Журавлёв живёт в Москве и работает в Казани. " * 3
    app = AppTest.from_function(asking, args=(text.encode("windows-1251"),))
    app.run()
    assert "Журавлёв" in app.text[0].value
    assert app.selectbox[0].options.count("windows-1251") == 1
    assert "cp1251" not in app.selectbox[0].options
    for encoding, shown in (("windows-1252", "Æóðàâë¸â"), ("windows-1251", "Журавлёв")):
        app.selectbox[0].set_value(encoding).run()
        assert shown in app.text[0].value
        assert app.selectbox[0].value == encoding
        assert app.markdown[0].value == "asks"
    # one that does not have the bytes is told, and another can be chosen
    app.selectbox[0].set_value("gb18030").run()
    app.selectbox[0].set_value("shift_jis").run()
    assert "Choose another encoding." in app.warning[0].value
    assert app.checkbox[0].disabled
    app.selectbox[0].set_value("windows-1251").run()
    app.checkbox[0].check().run()
    assert app.markdown[0].value == text.rstrip()


def test_utf_16_with_a_mark_is_text() -> None:
    assert texts(uploads.read("a.txt", "Ada Lovelace".encode("utf-16"))) == ["Ada Lovelace"]


def test_json_lines_keep_the_good_and_number_the_bad() -> None:
    lines = [
        '{"id":"a","text":"Ada wrote."}',
        "{broken",
        "",
        '{"title":"no text"}',
        '{"text":" "}',
        '{"text":"Bob ran."}',
    ]
    upload = uploads.read("a.jsonl", "\n".join(lines).encode())
    assert texts(upload) == ["Ada wrote.", "Bob ran."]
    assert upload.documents[0].id == "a"
    assert upload.lines == (2, 4, 5)


def test_json_lines_of_training_examples_give_their_texts() -> None:
    record = {"tokenized_text": ["Ada", "wrote", "."], "ner": [[0, 0, "person"]], "relations": []}
    assert texts(uploads.read("a.jsonl", json.dumps(record).encode())) == ["Ada wrote ."]


def test_a_line_separator_inside_a_text_does_not_end_the_line() -> None:
    line = json.dumps({"text": "one\u2028two\x85three"}, ensure_ascii=False)
    assert texts(uploads.read("a.jsonl", line.encode())) == ["one\u2028two\x85three"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Père Noël habite à Genève, où l’hiver est froid – c’est “très” beau. Françoise naît à Paris."),
        ("cp1252", "Ingrid Åström född i Malmö arbetar för Ericsson på Söder."),
        ("cp1252", "Jürgen Müller arbeitete für die Münchner Rück in Köln – “schön” sagte er, 5 m² für 3 €."),
        ("cp1252", "El señor Muñoz nació en A Coruña y trabajó para Telefónica en España. ¿Cuándo? ¡Ayer!"),
        ("cp1250", "Łukasz Żak urodził się w Łodzi."),
        ("cp1250", "Tomáš Dvořák se narodil v Plzni a pracoval pro Škodu; jeho žena Jiřina žije v Praze."),
    ],
)
def test_what_is_not_utf_8_is_guessed_and_asked(encoding: str, text: str) -> None:
    upload = uploads.read("a.txt", text.encode(encoding))
    assert upload.guessed
    assert upload.preview == text


def test_a_table_with_one_likely_column_needs_no_question() -> None:
    upload = uploads.read("a.csv", b'id,text\n7,"Ada, then\nBob"\n8,\n')
    assert texts(upload) == ["Ada, then\nBob"]
    assert upload.documents[0].id == "7"
    assert len(upload.problems) == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_quotation_marks_inside_of_a_cell_cut_nothing_off(delimiter: str) -> None:
    rows = [["id", "text", '"a, b"; c'], ["7", 'He said "come, now"; then\nAda came.', "x"], ["8", "Bob ran.", ""]]
    table = io.StringIO()
    csv.writer(table, delimiter=delimiter).writerows(rows)
    upload = uploads.read("a.csv", table.getvalue().encode())
    assert texts(upload) == [rows[1][1], "Bob ran."]
    assert [document.id for document in upload.documents] == ["7", "8"]


def test_a_table_without_one_asks_for_the_column() -> None:
    data = b"head;words\nx;Ada wrote.\n"
    asked = uploads.read("a.csv", data)
    assert asked.columns == ("head", "words")
    assert asked.documents == ()
    assert texts(uploads.read("a.csv", data, column="words")) == ["Ada wrote."]


def test_a_broken_table_names_the_line() -> None:
    upload = uploads.read("a.csv", b'text\nAda\n"' + b"a" * 21_000_000 + b'"\nBob\n"Cy\nDee\n')
    assert [document.text for document in upload.documents] == ["Ada", "Bob"]
    assert [problem.lines for problem in upload.problems] == [(3,), (5,)]
    assert "in the lines 5 to 6" in upload.problems[1].found
    with pytest.raises(FormatError, match=r"in line 1 of 'a\.csv'"):
        uploads.read("a.csv", b'"text" and\nAda\n')


def test_a_long_text_is_divided_without_loss() -> None:
    text = "A paragraph about Ada.\n\n" * 20_000 + "x" * 300_000
    parts = uploads.parts(Document.from_text(text, source="long"))
    assert "".join(part.text for part in parts) == text
    assert max(len(part.text) for part in parts) <= uploads.MAX_PART
    assert len({part.id for part in parts}) == len(parts)
    assert parts[0].source == f"long, part 1 of {len(parts)}"


def test_a_long_text_is_imported_in_parts_and_a_second_time_not_at_all(tmp_path: Path) -> None:
    text = "".join(f"Paragraph {number} is about Ada.\n\n" for number in range(8_000))
    brought = (Document("long", text, "long.txt"), Document("short", "Ada wrote."))
    store = Store.open(f"sqlite:///{tmp_path}/relex.sqlite")
    store.create_project("p", Schema.of(["person"]))
    told = "1 text of more than 100,000 characters divided at paragraph ends into 3 parts, a document each."
    assert importing.add_texts(store, "p", brought, "ada") == f"4 documents added. {told}"
    parts = [store.document("p", f"long-{number}") for number in (1, 2, 3)]
    assert "".join(part.text for part in parts) == text
    assert [part.source for part in parts] == [f"long.txt, part {number} of 3" for number in (1, 2, 3)]
    again = importing.add_texts(store, "p", brought, "ada")
    assert again == f"0 documents added. 4 texts the project had already. {told}"
    whole = Document("whole", f"{text}The end.", extra='{"tokens": []}')
    assert importing.add_texts(store, "p", [whole], "ada") == "1 document added."
    assert store.document("p", "whole") == whole, "what its record says is about all of the text"


def test_a_long_text_that_was_imported_whole_is_there_already(tmp_path: Path) -> None:
    """Long texts were not always divided."""
    text = "".join(f"Paragraph {number} is about Ada.\n\n" for number in range(8_000))
    brought = (Document("long", text, "long.txt"), Document("other", f"{text}The end."))
    store = Store.open(f"sqlite:///{tmp_path}/relex.sqlite")
    store.create_project("p", Schema.of(["person"]))
    store.add_documents("p", brought[:1])
    told = importing.add_texts(store, "p", brought, "ada")
    assert told.startswith("3 documents added. 1 text the project had already. 1 text of more than")
    leaving.leave_out(store, "p", ["long"])
    again = importing.add_texts(store, "p", brought[:1], "ada")
    assert "0 documents added. 1 text the project had already. 1 of them is left out of the project" in again


def test_space_at_the_end_of_a_long_text_is_no_document_of_its_own() -> None:
    text = "word " * 2 + " " * 40
    parts = uploads.parts(Document.from_text(text), size=10)
    assert "".join(part.text for part in parts) == text
    assert len(parts) == 1
