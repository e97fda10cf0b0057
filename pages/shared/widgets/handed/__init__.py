"""A file on its way to the browser: it is saved at once, and a link saves it again."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared.takeaways import Takeaway

_HERE = Path(__file__).parent


@cache
def _component() -> Any:
    return st.components.v2.component(
        "relex_handed",
        html='<p class="rx-handed"><span></span><a></a></p>',
        css=(_HERE / "handed.css").read_text("utf-8"),
        js=(_HERE / "handed.js").read_text("utf-8"),
        isolate_styles=False,
    )


def handed(file: Takeaway, size: str, *, key: str) -> None:
    """Save `file` on the visitor's machine, once, and say so; `size` in words."""
    data = {"token": file.token, "address": file.address, "name": file.name, "size": size}
    _component()(key=key, data=data, height="content")
