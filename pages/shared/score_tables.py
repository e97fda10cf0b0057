"""What the Evaluate screen shows of results, as HTML in which every word of a user is escaped."""

from __future__ import annotations

import html
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from pages.shared.evaluating import Scored, Wrong, said
from pages.shared.wording import counted

SIDES = ("A", "B")


def figures(results: tuple[Scored, ...]) -> str:
    """A table: precision, recall and F1 with its interval, a row for each result and kind."""
    rows = []
    for side, scored in zip(SIDES, results, strict=False):
        about = f"{counted(scored.documents, 'document')}, {said(scored.thresholds)}"
        about += ", partial gold" if scored.partial else ""
        about += ", given entities" if scored.gold_entities else ""
        rows.append(
            f'<tr><th colspan="6"><b>{side}</b> {html.escape(scored.title)} <span>{html.escape(about)}</span></th></tr>'
        )
        for key, name in (
            ("entities", "entities"),
            ("relations", "relations"),
            ("relations_with_types", "relations, with entity types"),
        ):
            found = scored.figures[key]
            low, high = found["f1_95"]
            cells = "".join(f"<td>{found[k]:.3f}</td>" for k in ("precision", "recall", "f1"))
            rows.append(f"<tr><td>{name}</td>{cells}<td>{low:.3f} to {high:.3f}</td><td>{found['support']:,}</td></tr>")
    head = "".join(f"<th>{name}</th>" for name in ("", "precision", "recall", "F1", "95% interval", "support"))
    return f'<table class="rx-scores"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def labels(scored: Scored) -> str:
    """A bar of F1 for each label, those with the most gold first."""
    return "".join(
        f'<p class="rx-quiet">{name}, F1 by label</p>{_bars(scored.figures[key]["by_label"], dict(own))}'
        for key, name, own in (
            ("entities", "Entities", scored.thresholds.entities),
            ("relations", "Relations", scored.thresholds.relations),
        )
    )


def _bars(by_label: Mapping[str, Mapping[str, Any]], own: Mapping[str, float]) -> str:
    rows = [
        f"<span>{html.escape(label)}</span>"
        f'<i style="width:{100 * one["f1"]:.1f}%;background:var(--line-{at % 15})"></i>'
        f'<em title="precision {one["precision"]:.3f}, recall {one["recall"]:.3f}">'
        f"{one['f1']:.3f} · {one['support']:,} gold{f' · above {own[label]:g}' if label in own else ''}</em>"
        for at, (label, one) in enumerate(sorted(by_label.items(), key=lambda item: -item[1]["support"]))
    ]
    return f'<div class="rx-bars">{"".join(rows)}</div>'


def confusions(scored: Scored) -> str:
    """Pairs that carry another label than they should, the most frequent first."""
    rows = [
        f"<tr><td>{html.escape(true)}</td><td>{html.escape(claimed)}</td><td>{count:,}</td></tr>"
        for true, claimed, count in scored.confusions
    ]
    head = "<tr><th>true relation</th><th>claimed relation</th><th>pairs</th></tr>"
    return f'<table class="rx-scores rx-confusions"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'


def edge(error: Wrong) -> str:
    """head → label → tail, or entity: label, in the words of the text."""
    head = _words(error.text, error.head)
    return (
        f"{head}: {error.label}" if error.tail is None else f"{head} → {error.label} → {_words(error.text, error.tail)}"
    )


def _words(text: str, span: tuple[int, int]) -> str:
    return " ".join(text[slice(*span)].split())


def in_its_text(error: Wrong) -> str:
    """The text with the entity, or both ends of the relation, marked, escaped."""
    marks = {"entity": error.head} if error.tail is None else {"head": error.head, "tail": error.tail}
    places = sorted({0, len(error.text), *(place for span in marks.values() for place in span)})
    parts = []
    for start, end in pairwise(places):
        piece = html.escape(error.text[start:end])
        names = [name for name, span in marks.items() if span[0] <= start and end <= span[1]]
        parts.append(
            f'<mark class="{" ".join(names)}" title="{" and ".join(names)}">{piece}</mark>' if names else piece
        )
    said = "In the gold, not found" if error.missed else "Claimed, not in the gold"
    about = f"{said}: {html.escape(edge(error))}"
    return f'<p class="rx-quiet">{about} · {html.escape(error.document)}</p><p class="rx-passage">{"".join(parts)}</p>'
