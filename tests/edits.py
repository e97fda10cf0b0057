"""Several corrections at once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from relex_core.editing import Edit, apply
from relex_core.types import Annotation


def apply_all(annotation: Annotation, edits: Iterable[Edit]) -> Annotation:
    """`apply`, one edit after the other."""
    return reduce(apply, edits, annotation)
