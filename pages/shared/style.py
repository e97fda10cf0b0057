"""The look that Streamlit's theme options cannot say: one style sheet, sent once a run."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared import palette

_SHEET = Path(__file__).parent / "style.css"


def inject() -> None:
    """Give the page the product's style sheet and the colours of labels as CSS variables."""
    sheet = _SHEET.read_text("utf-8")
    st.html(f"<style>\n:root, .stApp {{\n{palette.css_variables()}\n}}\n{sheet}</style>")


def add(sheet: str) -> None:
    """Give the page a further style sheet of this folder, for one screen."""
    st.html(f"<style>\n{(_SHEET.parent / sheet).read_text('utf-8')}</style>")
