"""What Explore has open, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from relex_core.types import Document, Schema

Mode = Literal["marked", "plain", "correct"]
"""The text with marks, as a text box, or in the editor."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """Documents, the place of the one that is shown, and the label set.

    `project` is the name of the project that corrections go to, "" before the first.
    """

    documents: tuple[Document, ...]
    schema: Schema
    at: int = 0
    mode: Mode = "marked"
    project: str = ""

    @property
    def document(self) -> Document:
        return self.documents[self.at]
