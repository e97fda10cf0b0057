"""How the product says that something cannot be done: what was expected, what was found, what to change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from pages.shared.wording import plain
from relex_core.errors import RelexError


@contextmanager
def guard() -> Iterator[None]:
    """Show a RelexError of the block as a message; anything else is our mistake and stays visible as one."""
    try:
        yield
    except RelexError as error:
        refuse(str(error))


def refuse(sentence: str) -> None:
    """A message about something that the user can mend."""
    st.warning(plain(sentence), icon=":material/info:")


def tell(sentence: str) -> None:
    """A message about something that happened."""
    st.info(plain(sentence))


def clock(moment: datetime) -> str:
    """A moment in the visitor's own time zone."""
    try:
        local = moment.astimezone(ZoneInfo(st.context.timezone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        local = moment.astimezone()
    return f"{local:%d %b %Y, %H:%M}"
