"""What an editor of one tab has open, where both a run of its page and a posted correction find it.

A seat lives as long as the visitor's session holds it; then its token names nothing any more.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from relex_core.types import Thresholds


@dataclass(eq=False)
class Seat:
    """One editor's place. Everything but the token changes, under the lock.

    `desk` is what lies there: a `desk.Desk` in Annotate, a `sheet.Sheet` in Explore, or None; `store` and `readings`
    are what its corrections need. `scope` names the project and the annotator: what was corrected under another one
    is not meant for this desk. The token is a secret between the server and the tab: who knows it corrects under
    the tab's name. `turn` counts the documents that were opened here, so that the browser knows which of two messages
    is the later one. `page_is_old` says that what stands around the editor does not show yet what came past the page.
    """

    desk: Any = None
    store: Any = None
    readings: Any = None
    thresholds: Thresholds = field(default_factory=Thresholds)
    scope: str = ""
    document: str = ""
    turn: int = 0
    page_is_old: bool = False
    acknowledged: dict[str, int] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def __post_init__(self) -> None:
        _SEATS[self.token] = self

    def open(self, document: str) -> None:
        """Note which document is open now."""
        if document != self.document:
            self.document = document
            self.turn += 1

    def acknowledge(self, committed: Mapping[str, int]) -> None:
        """Remember what clients may forget."""
        kept = self.acknowledged
        self.acknowledged = {**kept, **{c: max(n, kept.get(c, 0)) for c, n in committed.items()}}


_SEATS: WeakValueDictionary[str, Seat] = WeakValueDictionary()


def find(token: str) -> Seat | None:
    """The seat of that token, None if nobody sits there."""
    return _SEATS.get(token)


def scope(project: str, annotator: str) -> str:
    """What keeps apart, in one browser and on one seat, the corrections of different work."""
    return f"{project}/{annotator}"
