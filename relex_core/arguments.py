"""What callers of the reference package may give -> what the engine takes, checked; see `compat`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from operator import index
from typing import Any

import numpy as np

from relex_core.decoding import Floats
from relex_core.errors import InputError, quote
from relex_core.words import Words

Labels = str | Sequence[str] | Mapping[str, str]
EntityDict = dict[str, Any]
Mark = tuple[EntityDict, tuple[int, int]]
"""A given entity, and its first and last word."""

WITHOUT_EFFECT = frozenset(
    (
        *("force_download", "proxies", "resume_download", "strict", "load_tokenizer", "resize_token_embeddings"),
        *("compile_torch_model", "quantize", "low_cpu_mem_usage", "variant", "load_onnx_model", "onnx_model_file"),
        *("session_options", "post_fusion_schema", "_attn_implementation", "runtime", "runtime_model_file"),
        "runtime_options",
    )
)
"""Arguments of the reference's `from_pretrained` that say how it is to work inside."""

DTYPES = {"float32": "fp32", "float": "fp32", "float16": "fp16", "half": "fp16", "bfloat16": "bf16"}
"""Other names of number types that the reference takes."""


def readable(text: object) -> bool:
    """Whether there is a word to read; anything else than text is nothing, as in the reference."""
    return isinstance(text, str) and bool(text.strip())


def listed_texts(texts: Any) -> list[Any]:
    """One text or several, as a list. Raises InputError for what a tokenizer could not read."""
    if isinstance(texts, bytes):
        raise InputError(expected="texts as str", found="bytes", change="Decode them: texts.decode('utf-8').")
    found = [texts] if isinstance(texts, str) else list(texts)
    for number, text in enumerate(found):
        if isinstance(text, str) and (lone := _LONE.search(text)):
            raise InputError(
                expected="readable Unicode text",
                found=f"half of a character, {quote(lone[0])}, in text {number}",
                change="Read the file in its own encoding.",
                value=number,
            )
    return found


def check(batch_size: int, input_spans: Any, spans: Any, count: int, most: int | None = None) -> None:
    """Raises InputError for arguments that cannot be used."""
    if (_whole(batch_size) or 0) < 1:
        raise InputError(expected="a batch_size of at least 1", found=quote(batch_size), change="Use 8.")
    if most is not None and (_whole(most) or 0) < 1:
        raise InputError(
            expected="most as at least 1 relation, or None for all", found=quote(most), change="Use 20000."
        )
    if spans is not None and input_spans is not None:
        raise InputError(
            expected="spans or input_spans",
            found="both",
            change="Use spans for entities that are certain, input_spans to restrict what is found.",
        )
    for name, given in (("spans", spans), ("input_spans", input_spans)):
        if given is None:
            continue
        usable = _listed(given) and len(given) == count and all(_listed(one) for one in given)
        if not usable or not all(isinstance(span, Mapping) for one in given for span in one):
            raise InputError(
                expected=f"{name} as one list of dictionaries for each of {count} texts",
                found=quote(given),
                change="Give an empty list for a text without.",
                value=given,
            )


_LONE = re.compile("[\ud800-\udfff]")
"""Halves of characters, which no tokenizer takes."""


def _whole(value: Any) -> int | None:
    """A whole number, numpy's and torch's too; None for anything else, such as true and false."""
    try:
        return None if isinstance(value, bool) else index(value)
    except TypeError:
        return None


def _listed(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def label_sets(labels: Any, count: int) -> list[dict[str, str]]:
    """For each text the labels' names and what is prompted for them, duplicates left out. Raises InputError."""
    if isinstance(labels, str | Mapping):
        return [_label_set(labels)] * count
    listed = [] if labels is None else list(labels)
    own = [not isinstance(one, str) and isinstance(one, Iterable) for one in listed]
    if not any(own):
        return [_label_set(listed)] * count
    if len(listed) != count or not all(own):
        raise InputError(
            expected=f"one label set for each of {count} texts",
            found=f"{sum(own)} label sets" + ("" if all(own) else " among other things"),
            change="Give one list for all texts, or as many lists as texts.",
            value=labels,
        )
    return [_label_set(one) for one in listed]


def _label_set(labels: Any) -> dict[str, str]:
    if isinstance(labels, str):
        labels = [labels]
    named = dict(labels) if isinstance(labels, Mapping) else {name: name for name in labels}
    for text in (*named, *named.values()):
        if not isinstance(text, str) or _LONE.search(text):
            raise InputError(
                expected="labels as text, or as names and descriptions", found=quote(text), change="Name the label."
            )
    return {str(name): str(text) for name, text in named.items()}  # numpy has a str of its own


def per_text(value: Any, count: int, name: str) -> list[float]:
    """One number for each text, from one for all or a list; numbers of numpy and torch too. Raises InputError."""
    try:
        values = [float(value)] * count if not hasattr(value, "__len__") else [float(one) for one in value]
    except (TypeError, ValueError):
        # a tensor without dimensions has a length that it cannot tell
        values = [float(value)] * count if getattr(value, "ndim", None) == 0 else []
    if len(values) != count or any(map(math.isnan, values)):
        raise InputError(
            expected=f"one {name} for each of {count} texts",
            found=quote(value),
            change="Give one number for all.",
            value=value,
        )
    return values


def dtype_name(dtype: Any) -> str:
    """A number type, as torch or the reference name it -> as `checkpoint.load` does; None means fp32."""
    name = str(dtype or "fp32").removeprefix("torch.").lower()
    return DTYPES.get(name, name)


def floor(value: float, count: int) -> Floats:
    """One threshold for each of `count` labels."""
    return np.full(count, value, np.float32)


def given(words: Words, spans: Sequence[Mapping[str, Any]]) -> tuple[Mark, ...]:
    """Given entities in the order of the text, each once, and the words they touch. Raises InputError."""
    found: dict[tuple[int, int, str], Mark] = {}
    for span in spans:
        start, end, label = _whole(span.get("start")), _whole(span.get("end")), span.get("label", "")
        touched = None
        if start is not None and end is not None and 0 <= start < end <= len(words.text):
            touched = words.covering(start, end)
        if start is None or end is None or touched is None or not isinstance(label, str):
            raise InputError(
                expected=f"spans (start, end, label) that hold a word of a text of {len(words.text):,} characters",
                found=quote(span),
                change="Give start and end as code points, end exclusive, and label as text.",
                value=span,
            )
        entity = {"start": start, "end": end, "text": words.text[start:end], "label": label, "score": None}
        found.setdefault((start, end, label), (entity, touched))
    return tuple(found[key] for key in sorted(found))
