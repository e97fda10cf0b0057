from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from relex_core.datasets import read_gold
from relex_core.encoding import announced, decode
from relex_core.errors import InputError

RECORD = {"tokenized_text": ["Zoë", "lives", "in", "Łódź"], "ner": [[0, 0, "person"], [3, 3, "city"]], "relations": []}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_what_a_file_is(encoding: str, tmp_path: Path) -> None:
    line = json.dumps(RECORD, ensure_ascii=False) + "\r\n"
    assert decode(line.encode(encoding)) == line
    (tmp_path / "a.jsonl").write_bytes(line.encode(encoding))
    with gzip.open(tmp_path / "a.jsonl.gz", "wb") as file:
        file.write(line.encode(encoding))
    for name in ("a.jsonl", "a.jsonl.gz"):
        (gold,) = read_gold(tmp_path / name)
        assert gold.document.text == "Zoë lives in Łódź"


def test_nothing_is_guessed() -> None:
    assert decode("Café".encode("windows-1252"), "windows-1252") == "Café"
    assert decode("\ufeffCafé".encode("utf-16-be"), "utf-16-be") == "Café"
    with pytest.raises(InputError, match=r"UTF-8 text, found the byte 0xe9 at position 5, in line 2 .*Try this"):
        decode("A\nCafé".encode("windows-1252"), change="Try this.")
    with pytest.raises(InputError, match="UTF-16"):
        decode(b"\xff\xfeA")
    assert announced(b"") == "utf-8-sig"


@pytest.mark.parametrize("name", ["klingon", "hex", "rot13", "a\0b"])
def test_what_is_no_encoding_is_named(name: str) -> None:
    with pytest.raises(InputError, match="name of an encoding"):
        decode(b"abc", name)
