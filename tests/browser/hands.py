"""A scripted annotator at the real editor: keys, clicks and drags that any person has, each of them counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from relex_core.types import Annotation
from tests.browser.annotator_driver import BOXES
from tests.browser.effort import Plan, Span, Triple, triples

# What the editor holds, read for checking only: nothing is changed from here.
LOOK = """(root) => {
  const e = root.editor;
  const names = ['key', 'kind', 'id', 'start', 'end', 'label', 'status', 'head', 'tail'];
  const plain = (i) => Object.fromEntries(names.map((name) => [name, i[name]]));
  return {
    document: e.doc.id, focus: e.focus, armed: (e.entityLabels[e.armed] || {}).name,
    tied: e.tied || '', asks: e.pop.open,
    labels: e.entityLabels.map((l) => l.name),
    entities: e.entities.map(plain), relations: e.relations.map(plain),
  };
}"""
BUTTON = """(list, [key, act]) => {
  const row = [...list.querySelectorAll('.row')].find((r) => r.item.key === key);
  return row ? (act ? row.querySelector(`[data-act=${act}]`) : row) : null;
}"""


@dataclass(frozen=True)
class Star:
    """Relations of one label between a hub and others; `reverse` where the hub is the tail. A run of others that
    follow one another in the text, given by its first and last, is one drag."""

    hub: Span
    label: str
    reverse: bool
    runs: tuple[tuple[Span, Span], ...]
    size: int

    def cost(self, hub: Span | None, tied: str) -> tuple[float, Any]:
        """Actions for each relation, from where the hands are; the rest makes the choice definite."""
        actions = (self.hub != hub) + (self.label != tied) + len(self.runs)
        return actions / self.size, (-self.size, self.hub, self.label, self.reverse)


def stars(missing: set[Triple], entities: list[Span]) -> list[Star]:
    """All that the missing relations can be drawn as. `entities` are all that stand in the text, in order."""
    groups: dict[tuple[Span, str, bool], set[Span]] = {}
    for head, tail, label in missing:
        groups.setdefault((head, label, False), set()).add(tail)
        groups.setdefault((tail, label, True), set()).add(head)
    found = []
    for (hub, label, reverse), others in groups.items():
        runs: list[tuple[Span, Span]] = []
        open_ = False
        for span in entities:
            # the hub itself may lie in a run: no relation joins it to itself
            if span in others:
                runs = [*runs[:-1], (runs[-1][0], span)] if open_ else [*runs, (span, span)]
            open_ = span in others or (open_ and span == hub)
        found.append(Star(hub, label, reverse, tuple(runs), len(others)))
    return found


@dataclass
class Hands:
    """`actions` counts keys (a combination is one), clicks and drags, also those with Shift or Alt held.

    Moving the pointer to where a click or key takes place is part of that action, as it is in the other tools.
    """

    page: Page
    actions: int = 0

    def look(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.locator(".relex.editing").evaluate(LOOK)
        return found

    def key(self, name: str) -> None:
        self.actions += 1
        self.page.keyboard.press(name)

    def click(self, span: Span) -> None:
        """On the middle of the first line of a span."""
        self.actions += 1
        self.page.mouse.click(*self._middle(span))

    def point(self, span: Span) -> None:
        """Move the pointer onto the middle of a span."""
        x, y = self._middle(span)
        self.page.mouse.move(x - 2, y - 12)
        self.page.mouse.move(x, y, steps=4)

    def tie(self, first: Span, last: Span, reverse: bool) -> None:
        """Shift and click, or Shift and drag from the first to the last: relations to all entities there."""
        self.actions += 1
        keys = ["Shift", *(["Alt"] if reverse else [])]
        for key in keys:
            self.page.keyboard.down(key)
        self.page.mouse.move(*self._middle(first))
        self.page.mouse.down()
        if first != last:
            self.page.mouse.move(*self._middle(last), steps=6)
        self.page.mouse.up()
        for key in reversed(keys):
            self.page.keyboard.up(key)

    def drag(self, span: Span, exact: bool = False) -> None:
        """Over a span, by whole words or with Alt by letters."""
        self.actions += 1
        boxes = self._boxes(span)
        if exact:
            self.page.keyboard.down("Alt")
        first, last = boxes[0], boxes[-1]
        self.page.mouse.move(first[0] + 1, (first[1] + first[3]) / 2)
        self.page.mouse.down()
        self.page.mouse.move((last[0] + last[2]) / 2, (last[1] + last[3]) / 2, steps=3)
        self.page.mouse.move(last[2] - 1, (last[1] + last[3]) / 2, steps=3)
        self.page.mouse.up()
        if exact:
            self.page.keyboard.up("Alt")

    def press(self, key: str, act: str) -> bool:
        """A button in the list beside the text, or with no `act` the row itself; whether it is there."""
        handle = self.page.locator(".relex.editing .list").evaluate_handle(BUTTON, [key, act]).as_element()
        if handle is None:
            return False
        self.actions += 1
        handle.click()
        return True

    def label(self, name: str) -> None:
        """Give the focused thing a label: one click on its chip, which for the first ten could be its digit."""
        self.actions += 1
        chips = self.page.locator(".relex.editing .labels .chip")
        chips.filter(has=self.page.locator(f"xpath=.//span[text()={_quoted(name)}]")).first.click()

    def option(self, name: str) -> None:
        """Choose from the list that popped up."""
        self.actions += 1
        options = self.page.locator(".relex.editing .pop .option")
        options.filter(has=self.page.locator(f"xpath=.//span[text()={_quoted(name)}]")).first.dispatch_event(
            "pointerdown"
        )

    def raise_relations(self, value: float) -> None:
        """Move the slider of the relation threshold."""
        self.actions += 3
        self.page.locator(".relex.editing .tools button", has_text="thresholds").click()
        slider = self.page.get_by_label("threshold, relations", exact=True)
        slider.evaluate("(s, v) => { s.value = v; s.dispatchEvent(new Event('input')); s.onchange(); }", value)
        self.page.keyboard.press("Escape")

    def _boxes(self, span: Span) -> list[list[float]]:
        text = self.page.locator(".relex.editing .text").first
        found: list[list[float]] = text.evaluate(BOXES, list(span))
        return found

    def _middle(self, span: Span) -> tuple[float, float]:
        left, top, right, bottom = self._boxes(span)[0]
        return (left + right) / 2, (top + bottom) / 2

    # the corrections

    def correct(self, work: Plan, gold: Annotation) -> None:
        """Everything in `work` but the last key."""
        for entity, label in work.relabel:
            self._relabel(entity.span, label)
        # a new span takes the place of the suggestions that it overlaps
        for span, label in sorted((*work.add, *((s, e.label) for e, s in work.move)), key=lambda new: new[::-1]):
            self._add(span, label)
        self._reject(gold)
        for relation, label in work.relabel_relation:
            self._relation_row(relation.head, relation.tail, relation.label)
            self.label(label)
        for relation in work.flip:
            self._relation_row(relation.head, relation.tail, relation.label)
            self.key("f")
        self._relate(gold)

    def _relabel(self, span: Span, label: str) -> None:
        """Point and press the label's digit; labels past the tenth by a click and one on the label."""
        number = self.look()["labels"].index(label) + 1
        if number <= 10:
            self.point(span)
            self.key(str(number % 10))
        else:
            self._focus(span)
            self.label(label)

    def _relate(self, gold: Annotation) -> None:
        """Draw what is missing: the cheapest star of relations of one label next, until there is none."""
        hub: Span | None = None
        for _ in range(200):
            state = self.look()
            spans = {e["id"]: (e["start"], e["end"]) for e in state["entities"]}
            there = {(spans.get(r["head"]), spans.get(r["tail"]), r["label"]) for r in state["relations"]}
            missing = triples(gold) - there
            if not missing:
                return
            star = min(stars(missing, sorted(spans.values())), key=lambda star: star.cost(hub, state["tied"]))
            if star.hub != hub:
                self._focus(star.hub)
                hub = star.hub
            first, last = star.runs[0]
            self.tie(first, last, star.reverse)
            if self.look()["asks"]:
                self.option(star.label)
            elif state["tied"] != star.label:
                self.label(star.label)
        raise AssertionError("there is no end to missing relations")

    def _focus(self, span: Span) -> None:
        for _ in range(3):
            self.click(span)
            state = self.look()
            focused = next((e for e in state["entities"] if e["key"] == state["focus"]), None)
            if focused and (focused["start"], focused["end"]) == span:
                return
        raise AssertionError(f"{span} cannot be focused")

    def _add(self, span: Span, label: str) -> None:
        for exact in (False, True):
            self.drag(span, exact)
            state = self.look()
            focused = next((e for e in state["entities"] if e["key"] == state["focus"]), None)
            if focused and (focused["start"], focused["end"]) == span:
                if focused["label"] != label:
                    self.label(label)
                return
            self.key("u")
        raise AssertionError(f"{span} cannot be marked")

    def _reject(self, gold: Annotation) -> None:
        """Every suggestion that is not gold, until none is left: rejecting one may bring up another."""
        wanted = {(e.span, e.label) for e in gold.entities}
        for _ in range(200):
            state = self.look()
            spans = {e["id"]: (e["start"], e["end"]) for e in state["entities"]}
            wrong = [
                e
                for e in state["entities"]
                if ((e["start"], e["end"]), e["label"]) not in wanted and e["status"] == "suggested"
            ]
            related = {(h, t) for h, t, _ in triples(gold)}
            related |= {(t, h) for h, t in related}
            false = [
                r
                for r in state["relations"]
                if r["status"] == "suggested" and (spans.get(r["head"]), spans.get(r["tail"])) not in related
            ]
            first = next(iter([*wrong, *false]), None)
            if first is None:
                return
            assert self.press(first["key"], "reject"), f"no row for {first}"
        raise AssertionError("there is no end to wrong suggestions")

    def _relation_row(self, head: str, tail: str, label: str) -> None:
        state = self.look()
        key = next(r["key"] for r in state["relations"] if (r["head"], r["tail"], r["label"]) == (head, tail, label))
        assert self.press(key, "")


def _quoted(text: str) -> str:
    return f'"{text}"' if '"' not in text else f"'{text}'"
