"""What can be taken away from Explore, made on the click."""

from __future__ import annotations

from pages.shared.workspace import Workspace


def menu(workspace: Workspace) -> None:
    """The popover with the downloads of what is shown."""
