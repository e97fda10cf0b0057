"""What a checkpoint's configuration (`gliner_config.json`) may say, checked before anything is built from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeGuard

from relex_core.errors import ConfigError, quote

POOLINGS = ("first", "last", "mean", "max")
"""How the pieces of a word become one vector; the released checkpoints take the first."""

ADJACENCIES = ("none", "dot", "bilinear", "mlp", "attention", "attn", "gcn", "gat")
"""Section 3.5: "none" looks at all pairs in one step, the others select pairs first. "attn" is "attention"."""

ATTENDING, HEADS = ("attention", "attn", "gat"), 8
"""Which of them attend over the entities, and with how many heads (the reference's number)."""

TRIPLE_SCORERS = (
    *("TransE", "TransH", "TransF", "PairRE", "TripleRE", "RotatE", "UM", "SE"),
    *("DistMult", "SimplE", "ComplEx", "QuatE", "HolE", "DistMA", "TuckER", "ERMLP", "ConvKB"),
)
"""Section 3.6: what may stand in `triples_layer`; without one a pair MLP scores."""

SPAN_MODES = ("markerV0", "token_level")
"""Section 3.4: all spans up to `max_width`, or start, end and inside scores for each word."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A `gliner_config.json`, with that format's names and defaults.

    `max_len` counts words of a text (labels not included). `passage_words` is ours: longer texts are read in passages
    of whole sentences of at most so many words, because the checkpoint learnt from short texts; 0 is no such limit.
    `layout_mark` is ours, too: what is read, after the pieces of a word, where a table's cell, a heading or a paragraph
    ends there without punctuation (`layout`).
    `extra` holds the keys that nothing here reads, so that saving keeps them.
    """

    encoder_config: Mapping[str, Any]
    relations_layer: str
    triples_layer: str | None = None
    model_name: str = ""
    name: str = "relex"
    span_mode: str = "markerV0"
    hidden_size: int = 512
    max_width: int = 12
    max_len: int = 384
    passage_words: int = 0
    layout_mark: str = ""
    dropout: float = 0.4
    subtoken_pooling: str = "first"
    num_rnn_layers: int = 1
    ent_token: str = "<<ENT>>"  # noqa: S105
    sep_token: str = "<<SEP>>"  # noqa: S105
    rel_token: str = "<<REL>>"  # noqa: S105
    class_token_index: int = -1
    rel_token_index: int = -1
    embed_ent_token: bool = True
    embed_rel_token: bool = True
    vocab_size: int = -1
    words_splitter_type: str = "whitespace"
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        choices: tuple[tuple[str, object, tuple[str | None, ...]], ...] = (
            ("relations_layer", self.relations_layer, ADJACENCIES),
            ("triples_layer", self.triples_layer, (None, *TRIPLE_SCORERS)),
            ("span_mode", self.span_mode, SPAN_MODES),
            ("subtoken_pooling", self.subtoken_pooling, POOLINGS),
            ("words_splitter_type", self.words_splitter_type, ("whitespace",)),
        )
        for key, value, allowed in choices:
            if value not in allowed:
                raise _wrong(key, f"one of {', '.join(map(str, allowed))}", value)
        for key in ("ent_token", "sep_token", "rel_token"):
            if not isinstance(getattr(self, key), str) or not getattr(self, key):
                raise _wrong(key, "the text of a token", getattr(self, key))
        for key in ("num_rnn_layers", "class_token_index", "rel_token_index"):
            if not whole(getattr(self, key)):
                raise _wrong(key, "a whole number", getattr(self, key))
        for key in ("embed_ent_token", "embed_rel_token"):
            if not isinstance(getattr(self, key), bool):
                raise _wrong(key, "true or false", getattr(self, key))
        for key in ("hidden_size", "max_width", "max_len"):
            value = getattr(self, key)
            if not whole(value) or value < 1:
                raise _wrong(key, "a whole number of at least 1", value)
        if not whole(self.passage_words) or self.passage_words < 0:
            raise _wrong("passage_words", "a whole number of at least 0", self.passage_words)
        if not isinstance(self.layout_mark, str) or (self.layout_mark and self.subtoken_pooling != "first"):
            expected = "a text such as '|', with subtoken_pooling 'first'"
            raise _wrong("layout_mark", expected, self.layout_mark)
        if not isinstance(self.dropout, int | float) or not 0.0 <= self.dropout < 1.0:
            raise _wrong("dropout", "a number from 0 to below 1", self.dropout)
        if not isinstance(self.encoder_config, Mapping):
            raise _wrong("encoder_config", "the encoder's own configuration", self.encoder_config)
        if self.num_rnn_layers > 0 and self.hidden_size % 2:
            raise _wrong("hidden_size", "an even number, as the LSTM runs in two directions", self.hidden_size)
        if self.relations_layer in ATTENDING and self.hidden_size % HEADS:
            raise _wrong("hidden_size", f"a multiple of {HEADS}, the heads of its relations_layer", self.hidden_size)
        for key in ("fuse_layers", "span_encoder_config", "precomputed_prompts_mode"):
            if self.extra.get(key):
                raise _wrong(key, "nothing, as no GLiNER-Relex checkpoint uses it", self.extra[key])

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ModelConfig:
        """Read the object in a `gliner_config.json`. Raises ConfigError; unknown keys are kept in `extra`."""
        if data.get("relations_layer") is None:
            raise _wrong("relations_layer", "a GLiNER-Relex checkpoint, which names one", data.get("relations_layer"))
        known = {f.name for f in fields(cls)} - {"extra"}
        given = {key: value for key, value in data.items() if key in known}
        given.setdefault("encoder_config", None)
        if given.get("model_name") is None:
            given.pop("model_name", None)
        extra = {key: value for key, value in data.items() if key not in known and key != "model_type"}
        return cls(**given, extra=extra)

    def to_json(self) -> dict[str, Any]:
        """The inverse of `from_json`, with the `model_type` that GLiNER writes."""
        kind = "token" if self.span_mode == "token_level" else "span"
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "extra"}
        own["encoder_config"] = dict(self.encoder_config)
        for key in ("passage_words", "layout_mark"):
            if not own[key]:
                del own[key]
        return {"model_type": f"gliner_uni_encoder_{kind}_relex", **own, **self.extra}

    @property
    def encoder_type(self) -> str:
        """The `model_type` of the encoder, such as "bert"; GLiNER's default is "deberta-v2"."""
        return str(self.encoder_config.get("model_type", "deberta-v2"))


def whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number, which true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(key: str, expected: str, found: object) -> ConfigError:
    return ConfigError(
        expected=f"{key} to be {expected}",
        found=quote(found),
        change="Correct gliner_config.json, or choose another checkpoint.",
        value=found,
    )
