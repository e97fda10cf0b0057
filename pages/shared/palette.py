"""Colours of labels: a fixed order that survives colour blindness, for the light and the dark theme.

First the seven hues of Okabe and Ito (2008, "Color universal design"), then those of Paul Tol's muted
scheme (2021, technical note SRON/EPS/TN/09-002) that none of the seven resembles. A label keeps its
position for ever; positions past the end begin again, which is why each label also carries a letter.

Every hue comes in three tones, each derived from the anchor by mixing, so that text stays readable:
`fill` behind words, `line` for outlines, arcs and nodes (at least 3:1 against the page), `ink` for letters
and labels (at least 4.5:1 against page and fill; WCAG 2.2, 1.4.11 and 1.4.3).
"""

from __future__ import annotations

from functools import cache

ANCHORS: tuple[tuple[str, str], ...] = (
    ("blue", "#0072B2"),
    ("orange", "#E69F00"),
    ("green", "#009E73"),
    ("purple", "#CC79A7"),
    ("vermillion", "#D55E00"),
    ("sky", "#56B4E9"),
    ("yellow", "#F0E442"),
    ("indigo", "#332288"),
    ("wine", "#882255"),
    ("olive", "#999933"),
    ("teal", "#44AA99"),
    ("rose", "#CC6677"),
    ("forest", "#117733"),
    ("plum", "#AA4499"),
    ("sand", "#DDCC77"),
)
"""Name and anchor colour of each position."""

PAGE = {False: "#FBFAF7", True: "#15171A"}
"""The page behind the colours: light, dark (as in .streamlit/config.toml)."""

TEXT = {False: "#000000", True: "#FFFFFF"}
"""Towards which colour a tone is mixed when it stands out too little."""

_FILL = {False: 0.17, True: 0.30}


@cache
def fill(position: int, dark: bool = False) -> str:
    """Light background behind words, as #RRGGBB."""
    return mix(PAGE[dark], _anchor(position), _FILL[dark])


@cache
def line(position: int, dark: bool = False) -> str:
    """Outlines, arcs and nodes, as #RRGGBB: at least 3:1 against the page."""
    return _stand_out(_anchor(position), (PAGE[dark],), 3.0, dark)


@cache
def ink(position: int, dark: bool = False) -> str:
    """Letters and labels, as #RRGGBB: at least 4.5:1 against the page and against `fill`."""
    return _stand_out(_anchor(position), (PAGE[dark], fill(position, dark)), 4.5, dark)


def css_variables() -> str:
    """CSS declarations --fill-0, --line-0, --ink-0 and so on, which follow the `color-scheme` in force."""
    tones = (("fill", fill), ("line", line), ("ink", ink))
    return "\n".join(
        f"--{name}-{position}:light-dark({tone(position, False)},{tone(position, True)});"
        for position in range(len(ANCHORS))
        for name, tone in tones
    )


def mix(first: str, second: str, share: float) -> str:
    """The colour that is `share` of `second` and the rest of `first`, mixed in sRGB.

    >>> mix("#000000", "#FFFFFF", 0.5)
    '#808080'
    """
    channels = (a + (b - a) * share for a, b in zip(_channels(first), _channels(second), strict=True))
    return "#" + "".join(f"{round(channel * 255):02X}" for channel in channels)


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, definition of "contrast ratio").

    >>> contrast("#000000", "#FFFFFF")
    21.0
    """
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _anchor(position: int) -> str:
    return ANCHORS[position % len(ANCHORS)][1]


def _stand_out(color: str, backgrounds: tuple[str, ...], ratio: float, dark: bool) -> str:
    for step in range(41):
        tone = mix(color, TEXT[dark], step / 40)
        if all(contrast(tone, background) >= ratio for background in backgrounds):
            return tone
    return TEXT[dark]


def _channels(color: str) -> tuple[float, float, float]:
    return int(color[1:3], 16) / 255, int(color[3:5], 16) / 255, int(color[5:7], 16) / 255


def _luminance(color: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
