"""The thresholds that are in force, and where they are kept: those of a project are a person's own there, over a
reload; those of Explore are the visit's, and with what is corrected there they are kept as well."""

from __future__ import annotations

from db import limits
from db.store import Store
from pages.shared import state
from pages.shared.state import VISIT
from relex_core.types import Thresholds


def turn_to(store: Store, project: str, anew: bool = False) -> None:
    """From here on the annotator's thresholds in that project hold: those chosen last, else the visit's.

    They are read once, and `anew` where labels have other names now. Raises NotFound.
    """
    scope = (project, state.annotator())
    if anew or state.thresholds_scope() != scope:
        state.turn_thresholds(scope, _chosen(store, scope))


def turn_back() -> None:
    """From here on the visit's own thresholds hold."""
    if state.thresholds_scope() != VISIT:
        state.turn_thresholds(VISIT, state.thresholds(VISIT))


def resume(store: Store, project: str) -> None:
    """Begin the visit with what the annotator chose last in that project. Raises NotFound."""
    state.turn_thresholds(VISIT, _chosen(store, (project, state.annotator())))


def keep(store: Store, project: str) -> None:
    """Keep what holds now for the annotator's next visit to that project. Raises NotFound."""
    scope, now = (project, state.annotator()), state.thresholds()
    if state.kept_thresholds(scope) != now:
        limits.choose(store, *scope, now)
        state.note_kept_thresholds(scope, now)


def use(store: Store, project: str, thresholds: Thresholds) -> None:
    """Let thresholds hold for the visit, and for the annotator in that project if there is one. Raises NotFound."""
    turn_back()
    state.set_thresholds(thresholds)
    if project:
        state.turn_thresholds((project, state.annotator()), thresholds)
        keep(store, project)


def _chosen(store: Store, scope: tuple[str, str]) -> Thresholds:
    found = limits.chosen(store, *scope)
    if found is None:
        return state.thresholds(VISIT)
    state.note_kept_thresholds(scope, found)
    return found
