"""What notebooks hand over: arrays, series and numbers of numpy; and what no tokenizer takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from relex_core.compat import GLiNER
from relex_core.errors import InputError
from relex_core.inference import Extractor

TEXT = "Marie Curie was born in Warsaw."
LABELS, RELATIONS = ["person", "location"], ["born in"]


@pytest.fixture(scope="module")
def model(mini: Extractor) -> GLiNER:
    return GLiNER(mini)


@pytest.mark.parametrize("kind", [np.array, pd.Series, iter])
def test_texts_and_labels_from_a_notebook(model: GLiNER, kind: Any) -> None:
    two: Any = np.int64(2)
    found = model.inference(kind([TEXT]), kind(LABELS), kind(RELATIONS), batch_size=two)
    assert found == model.inference([TEXT], LABELS, RELATIONS)
    assert {type(entity["label"]) for entity in found[0][0]} == {str}


def test_offsets_from_a_table(model: GLiNER) -> None:
    plain = [{"start": 0, "end": 11, "label": "person"}, {"start": 24, "end": 30, "label": "location"}]
    spans: list[dict[Any, Any]] = [dict(row) for _, row in pd.DataFrame(plain).iterrows()]
    spans[0]["start"] = np.int64(0)
    entities, relations = model.inference(TEXT, LABELS, RELATIONS, spans=[spans])
    assert (entities, relations) == model.inference(TEXT, LABELS, RELATIONS, spans=[plain])
    assert relations[0]
    for wrong in ({"start": False, "end": True}, {"start": 0.0, "end": 11.0}):
        with pytest.raises(InputError, match="hold a word"):
            model.inference(TEXT, LABELS, RELATIONS, spans=[[wrong]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"texts": TEXT.encode()}, "found bytes"),
        ({"texts": ["Ada", "\ud83d met Bo"]}, "in text 1"),
        ({"labels": ["per\ud800son"]}, "labels as text"),
        ({"labels": {"person": "\ud800"}}, "labels as text"),
        ({"threshold": float("nan")}, "one threshold"),
        ({"relation_threshold": [float("nan")]}, "one relations"),
        ({"batch_size": True}, "batch_size of at least 1"),
        ({"batch_size": 2.0}, "batch_size of at least 1"),
    ],
)
def test_what_cannot_be_read_is_said(model: GLiNER, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.inference(**{"texts": [TEXT], "labels": LABELS, "relations": RELATIONS, **change})
