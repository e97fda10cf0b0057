"""The embedded checkpoint, loaded once."""

from __future__ import annotations

import pytest

from relex_core.inference import Extractor
from relex_core.types import Document, Schema

TEXT = (
    "Ada Lovelace worked for Charles Babbage in London. Marie Curie was born in Warsaw and worked at the University "
    "of Paris. Steve Jobs founded Apple in Cupertino, California."
)


@pytest.fixture(scope="session")
def mini() -> Extractor:
    """The embedded checkpoint on the CPU, in fp32."""
    return Extractor.load("mini", device="cpu", dtype="fp32")


@pytest.fixture(scope="session")
def document() -> Document:
    """Three sentences with ten names."""
    return Document.from_text(TEXT)


@pytest.fixture(scope="session")
def schema() -> Schema:
    """Three entity labels, four relation labels."""
    return Schema.of(["person", "organization", "location"], ["works for", "located in", "born in", "founded by"])
