"""Nothing that a person presses is lost to another message that comes from the same tab in the same moment.

A tab sends one message for a click and others by itself: a component that tells what it has drawn, a fragment
that looks again. Streamlit (1.67.0) takes the first, and before or while the callback of the click runs, asks at
each use of the session's state whether another has come; if so it drops the run, callback and all, and the second
message does not repeat the click. So while a message is applied nothing interrupts it; right after, Streamlit
asks again by itself. `runner.fastReruns` must be off as well (.streamlit/config.toml): with it every message gets a
thread of its own, and the former is stopped even before it has begun.

Without it messages share a thread, which then has to forget where the last one drew: a run of a fragment leaves the
fragment's place behind, and a run of the page that comes while it is being tidied up would draw the whole page there,
inside a popover for instance.
"""

from __future__ import annotations

import threading
from functools import wraps
from typing import Any

from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.state.safe_session_state import SafeSessionState

_applying = threading.local()


def keep() -> None:
    """Once for the process, before the first visitor."""
    if getattr(SafeSessionState.on_script_will_rerun, "whole", False):
        return
    SafeSessionState.on_script_will_rerun = _whole(SafeSessionState.on_script_will_rerun)  # type: ignore[method-assign]
    ScriptRunner._maybe_handle_execution_control_request = _patient(  # type: ignore[method-assign]
        ScriptRunner._maybe_handle_execution_control_request
    )
    ScriptRunner._run_script = _afresh(ScriptRunner._run_script)  # type: ignore[method-assign]


def _whole(apply: Any) -> Any:
    @wraps(apply)
    def whole(*args: Any, **kwargs: Any) -> None:
        _applying.now = True
        try:
            apply(*args, **kwargs)
        finally:
            _applying.now = False

    whole.whole = True  # type: ignore[attr-defined]
    return whole


def _patient(interrupt: Any) -> Any:
    @wraps(interrupt)
    def patient(runner: ScriptRunner) -> None:
        if not getattr(_applying, "now", False):
            interrupt(runner)

    return patient


def _afresh(run: Any) -> Any:
    @wraps(run)
    def afresh(*args: Any, **kwargs: Any) -> None:
        context_dg_stack.set(get_default_dg_stack_value())
        run(*args, **kwargs)

    return afresh
