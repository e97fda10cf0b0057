"""Colours stay apart and readable in both themes."""

from __future__ import annotations

import pytest

from pages.shared import palette

# what the theme really has behind the text
PAGES = {False: "#fbfaf7", True: "#15171a"}
TEXT = {False: "#1d2024", True: "#e8e6e1"}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("position", range(len(palette.ANCHORS)))
def test_contrast(position: int, dark: bool) -> None:
    page = PAGES[dark]
    fill = palette.fill(position, dark)
    assert palette.contrast(TEXT[dark], fill) >= 4.5
    assert palette.contrast(palette.ink(position, dark), fill) >= 4.5
    assert palette.contrast(palette.ink(position, dark), page) >= 4.5
    assert palette.contrast(palette.line(position, dark), page) >= 3


def test_positions_past_the_end_begin_again() -> None:
    assert palette.line(len(palette.ANCHORS) + 2) == palette.line(2)


def test_variables_follow_the_scheme() -> None:
    sheet = palette.css_variables()
    assert f"--fill-0:light-dark({palette.fill(0)},{palette.fill(0, True)});" in sheet
    assert sheet.count("light-dark") == 3 * len(palette.ANCHORS)
