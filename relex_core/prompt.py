"""The encoder's input: [ENT] label [ENT] label [SEP] [REL] label [SEP] words (paper section 3.2).

The released checkpoints put a [SEP] after each of the two label lists. A label counts as one word however
many it has. The pieces of labels and words do not depend on their neighbours, so they are tokenised apart,
labels once for each label set, and joined here; the positions of [ENT] and [REL] are known from the joining
and never searched for in the text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from relex_core.config import ModelConfig
from relex_core.errors import CheckpointError, quote


@dataclass(frozen=True, slots=True)
class Prompt:
    """Pieces of a label set. `entities` and `relations` are the positions, in `ids`, that stand for a label."""

    ids: tuple[int, ...]
    entities: tuple[int, ...]
    relations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of a text: word i is `ids[starts[i]:starts[i + 1]]`, which may be empty."""

    ids: tuple[int, ...]
    starts: tuple[int, ...]


class PromptBuilder:
    """Tokenises labels and words for one checkpoint."""

    def __init__(
        self, tokenizer: Tokenizer, config: ModelConfig, ends: tuple[str | None, str | None] = (None, None)
    ) -> None:
        """`ends` are the tokens around every text, for a tokenizer.json that does not say."""
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer = tokenizer
        self.config = config
        self.ent = self._special(config.ent_token, config.class_token_index)
        self.sep = self._special(config.sep_token, -1)
        self.rel = self._special(config.rel_token, config.rel_token_index)
        self.mark = self._label_ids((config.layout_mark,))[0] if config.layout_mark else ()
        self.before, self.after = self._ends()
        if not self.before and not self.after:
            # transformers 5 has written tokenizers of DeBERTa without them (GLiNER issue 324)
            ids = [None if token is None else tokenizer.token_to_id(token) for token in ends]
            self.before, self.after = (() if id is None else (id,) for id in ids)
        self.pad = _pad_id(tokenizer, config)
        self._labels = lru_cache(maxsize=256)(self._label_ids)
        self._prompt = lru_cache(maxsize=64)(self._build)

    def prompt(self, entities: Sequence[str], relations: Sequence[str]) -> Prompt:
        """The pieces from the opening token to the second [SEP]."""
        return self._prompt(tuple(entities), tuple(relations))

    def pieces(self, texts: Sequence[Sequence[str]]) -> list[Pieces]:
        """The pieces of texts that are split into words."""
        encoded = self.tokenizer.encode_batch(
            [list(words) for words in texts], is_pretokenized=True, add_special_tokens=False
        )
        return [_by_word(e.ids, e.word_ids, len(words)) for e, words in zip(encoded, texts, strict=True)]

    def laid_out(self, pieces: Pieces, words: Sequence[str], divisions: Sequence[int]) -> Pieces:
        """A text's pieces with the checkpoint's `layout_mark` where layout divides it and no punctuation does.

        `divisions` are indices of words, rising (`layout`). The mark follows the pieces of the word before, which the
        first of them stands for: it is seen, and is no word.
        """
        ends = [at for at in divisions if words[at - 1][-1].isalnum()]
        if not self.mark or not ends:
            return pieces
        ids: list[int] = []
        starts: list[int] = []
        for first, last in pairwise((0, *ends, len(words))):
            starts += [at + len(ids) - pieces.starts[first] for at in pieces.starts[first:last]]
            ids += [*pieces.ids[pieces.starts[first] : pieces.starts[last]], *self.mark]
        size = len(ids) - len(self.mark)  # the end of the text is no division
        return Pieces(tuple(ids[:size]), (*starts, size))

    def _build(self, entities: tuple[str, ...], relations: tuple[str, ...]) -> Prompt:
        labels = self._labels(entities), self._labels(relations)
        ids, at = list(self.before), ([], [])  # type: tuple[list[int], tuple[list[int], list[int]]]
        own = self.config.embed_ent_token, self.config.embed_rel_token
        for kind, marker in enumerate((self.ent, self.rel)):
            for label in labels[kind]:
                at[kind].append(len(ids) + (not own[kind]))
                ids += [marker, *label]
            ids.append(self.sep)
        return Prompt(tuple(ids), tuple(at[0]), tuple(at[1]))

    def _label_ids(self, labels: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
        encoded = self.tokenizer.encode_batch(
            [[label] for label in labels], is_pretokenized=True, add_special_tokens=False
        )
        return tuple(tuple(e.ids) for e in encoded)

    def _special(self, token: str, index: int) -> int:
        found = self.tokenizer.token_to_id(token)
        if found is None or (index >= 0 and found != index):
            raise CheckpointError(
                expected=f"a tokenizer in which {token} is " + (f"token {index}" if index >= 0 else "a token"),
                found="no such token" if found is None else f"token {found}",
                change="Use the tokenizer that was saved with the weights.",
                value=token,
            )
        if not any(t.content == token for t in self.tokenizer.get_added_tokens_decoder().values()):
            raise CheckpointError(
                expected=f"{token} to be an added token of the tokenizer",
                found="an ordinary piece",
                change="Add it as a special token and save the checkpoint again.",
                value=token,
            )
        return found

    def _ends(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What the tokenizer puts before and after every text, such as [CLS] and [SEP]."""
        ids = self.tokenizer.encode([self.config.ent_token], is_pretokenized=True).ids
        middle = ids.index(self.ent)
        return tuple(ids[:middle]), tuple(ids[middle + 1 :])


def _by_word(ids: Sequence[int], word_ids: Sequence[int | None], count: int) -> Pieces:
    starts = [0] * (count + 1)
    for word in word_ids:
        if word is not None:
            starts[word + 1] += 1
    for i in range(count):
        starts[i + 1] += starts[i]
    return Pieces(tuple(ids), tuple(starts))


def _pad_id(tokenizer: Tokenizer, config: ModelConfig) -> int:
    pad = config.encoder_config.get("pad_token_id")
    if isinstance(pad, int) and pad >= 0:
        return pad
    return tokenizer.token_to_id("[PAD]") or tokenizer.token_to_id("<pad>") or 0


def load_tokenizer(path: Path, config: ModelConfig) -> PromptBuilder:
    """The tokenizer in a checkpoint's directory. Raises CheckpointError."""
    file = path / "tokenizer.json"
    if not file.is_file():
        raise CheckpointError(
            expected=f"tokenizer.json in {path.name}",
            found="none",
            change="Save the checkpoint with its fast tokenizer.",
            value=str(path),
        )
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises bare Exception
        raise CheckpointError(
            expected=f"a tokenizer in {file.name}",
            found=quote(str(error), 120),
            change="Copy or download the checkpoint again.",
            value=str(file),
        ) from error
    settings = _settings(path)
    ends = [settings.get(a) or settings.get(b) for a, b in (("cls_token", "bos_token"), ("sep_token", "eos_token"))]
    first, last = (end.get("content") if isinstance(end, dict) else end for end in ends)
    return PromptBuilder(
        tokenizer, config, (first if isinstance(first, str) else None, last if isinstance(last, str) else None)
    )


def _settings(path: Path) -> dict[str, Any]:
    """tokenizer_config.json, empty if there is none. Raises CheckpointError."""
    file = path / "tokenizer_config.json"
    if not file.is_file():
        return {}
    try:
        data = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise CheckpointError(
            expected=f"a JSON object in {file.name}",
            found=quote(str(error), 120),
            change="Copy or download the checkpoint again.",
            value=str(file),
        ) from error
    return data if isinstance(data, dict) else {}


_COUNT_FROM_PADDING = (
    *("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "roberta-prelayernorm", "xmod", "data2vec-text"),
    *("longformer", "mpnet", "ibert", "esm"),
)


def max_pieces(path: Path, config: ModelConfig) -> int | None:
    """The longest input the encoder takes, in pieces, with labels and special tokens; None if it has no limit."""
    limits: list[int] = []
    said = _settings(path).get("model_max_length")
    if isinstance(said, int | float) and 0 < said < 1_000_000:
        limits.append(int(said))
    relative = config.encoder_type in ("deberta-v2", "deberta") and not config.encoder_config.get(
        "position_biased_input", True
    )
    positions = config.encoder_config.get("max_position_embeddings")
    if isinstance(positions, int) and positions > 0 and not relative:
        # these count positions from the one after the padding's on
        padding = config.encoder_config.get("pad_token_id", 1)
        counted = padding + 1 if config.encoder_type in _COUNT_FROM_PADDING and isinstance(padding, int) else 0
        limits.append(positions - counted)
    return min(limits, default=None)
