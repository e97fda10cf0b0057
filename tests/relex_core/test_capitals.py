"""The mark that mini's uncased tokenizer puts after words with a capital: here, and in the reference package."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer, normalizers

from relex_core.locating import EMBEDDED

MINI = EMBEDDED / "mini"
WORDS = ["Paris", "is", "NATO", "U.S.", "iPhone", "Émile", "E\u0301mile", "مدينة", "🚀", "1963", "Москва", "l'Aquila"]
MARKED = {"Paris", "NATO", "U.S.", "Émile", "E\u0301mile", "Москва"}


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(MINI / "tokenizer.json"))


def test_a_mark_follows_capitals_and_belongs_to_the_word(tokenizer: Tokenizer) -> None:
    encoded = tokenizer.encode(WORDS, is_pretokenized=True, add_special_tokens=False)
    pieces: dict[int, list[str]] = {}
    for piece, word in zip(encoded.tokens, encoded.word_ids, strict=True):
        pieces.setdefault(word, []).append(piece)
    assert {WORDS[word] for word, own in pieces.items() if own[-1] == "^"} == MARKED
    assert all("^" not in own[:-1] for own in pieces.values())


def test_small_letters_are_read_as_without_the_mark(tokenizer: Tokenizer) -> None:
    words = ["the", "mayor", "of", "paris", "said"]
    before = tokenizer.encode(words, is_pretokenized=True, add_special_tokens=False).ids
    tokenizer.normalizer = normalizers.BertNormalizer()
    assert tokenizer.encode(words, is_pretokenized=True, add_special_tokens=False).ids == before


@pytest.mark.peer
def test_the_reference_reads_the_mark_too(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(str(MINI))
    ours = Tokenizer.from_file(str(MINI / "tokenizer.json"))
    assert (
        theirs(WORDS, is_split_into_words=True, add_special_tokens=False).input_ids
        == ours.encode(WORDS, is_pretokenized=True, add_special_tokens=False).ids
    )
