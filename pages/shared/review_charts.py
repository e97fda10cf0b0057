"""The Review screen's plots: the work over time, and what became of suggestions."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import streamlit as st

from pages.shared import palette
from pages.shared.statistics import Acceptance, Point
from relex_core.types import Schema

_LINES = 130
"""Height of a plot over time, in pixels."""

_TOP = 19
"""Height of a bar with its gap, in pixels."""


def over_time(points: Iterable[Point], people: tuple[str, ...], key: str, alt: str, whole: bool = False) -> None:
    """A line for each annotator. `people` are all of them, in the order of their colours; `whole` is for counts."""
    dark = _dark()
    rows = [{"time": p.at.isoformat(), "annotator": p.annotator, "value": p.value} for p in points]
    axis = {"grid": True, "tickCount": 4, **({"tickMinStep": 1, "format": "d"} if whole else {})}
    colours = {"domain": list(people), "range": [palette.line(n, dark) for n in range(len(people))]}
    x = {"field": "time", "type": "temporal", "title": None, "axis": {"tickCount": 5, "grid": False}}
    y = {"field": "value", "type": "quantitative", "title": None, "axis": axis, "scale": {"domainMin": 0}}
    shape = "step-after" if whole else "linear"
    spec: dict[str, Any] = {
        "data": {"values": rows},
        "mark": {"type": "line", "point": {"size": 16}, "strokeWidth": 2, "interpolate": shape},
        "encoding": {
            "x": x,
            "y": y,
            "color": {"field": "annotator", "type": "nominal", "legend": None, "scale": colours},
            "tooltip": [
                {"field": "annotator"},
                {"field": "value", "format": "d" if whole else ".1f"},
                {"field": "time", "type": "temporal", "format": "%d %b %H:%M"},
            ],
        },
        "height": _LINES,
    }  # fmt: skip
    _draw(spec, key, alt)


def legend(people: tuple[str, ...]) -> None:
    """Which colour is whose, for all plots over time. Names are shown as text whatever they hold."""
    marks = (
        f'<span><i style="background:var(--line-{n % len(palette.ANCHORS)})"></i>{escape(name)}</span>'
        for n, name in enumerate(people)
    )
    st.html(f'<p class="rx-legend">{"".join(marks)}</p>')


def acceptance(found: Iterable[Acceptance], schema: Schema) -> None:
    """A bar for each label and model: which share of the decided suggestions was accepted as it was."""
    dark = _dark()
    hues = {("entity", label.name): label.color for label in schema.entity_labels}
    hues |= {("relation", label.name): label.color for label in schema.relation_labels}
    decided = [a for a in found if a.rate is not None]
    models = sorted({a.model for a in decided})
    rows = [
        {
            "label": a.label if a.kind == "entity" else f"→ {a.label}",
            "model": a.model,
            "rate": round(100 * (a.rate or 0.0), 1),
            "words": f"{100 * (a.rate or 0.0):.0f} % of {a.decided:,}" + (f"  ·  {a.model}" if len(models) > 1 else ""),
            "color": palette.line(hues.get((a.kind, a.label), 0), dark),
        }
        for a in sorted(decided, key=lambda a: (a.kind, a.label, a.model))
    ]
    order = list(dict.fromkeys(row["label"] for row in rows))
    # each bar has its name: the chart would leave out every other one where they are near each other
    names = {"labelLimit": 150, "labelOverlap": False, "ticks": False}
    y = {"field": "label", "type": "nominal", "title": None, "sort": order, "axis": names}
    x = {"field": "rate", "type": "quantitative", "title": None, "scale": {"domain": [0, 100]},
         "axis": {"values": [0, 25, 50, 75, 100], "labelExpr": "datum.value + ' %'"}}  # fmt: skip
    place = {"x": x, "y": y, **({"yOffset": {"field": "model", "sort": models}} if len(models) > 1 else {})}
    words = {"type": "text", "align": "left", "dx": 4, "fontSize": 11, "color": palette.TEXT[dark]}
    spec = {
        "data": {"values": rows},
        "encoding": place,
        "layer": [
            {
                "mark": {"type": "bar", "cornerRadiusEnd": 2},
                "encoding": {
                    "color": {"field": "color", "type": "nominal", "scale": None},
                    "tooltip": [{"field": "label"}, {"field": "model"}, {"field": "words", "title": "accepted"}],
                },
            },
            {"mark": words, "encoding": {"x": {"datum": 100}, "text": {"field": "words"}}},
        ],
        "height": max(60, _TOP * len(rows) + 24),
    }
    _draw(spec, "acceptance_chart", "share of suggestions accepted as they were, by label and model")


def _draw(spec: dict[str, Any], key: str, alt: str) -> None:
    still = {"background": "transparent", "padding": {"top": 6, "bottom": 0, "left": 0, "right": 0}}
    st.vega_lite_chart({**spec, **still}, key=key, alt=alt, width="stretch")


def _dark() -> bool:
    return st.context.theme.type == "dark"
