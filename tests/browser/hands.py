"""A scripted annotator at the real editor: keys, clicks and drags that any person has, each of them counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from relex_core.types import Annotation
from tests.browser.annotator_driver import BOXES
from tests.browser.effort import Plan, Span, triples

# What the editor holds, read for checking only: nothing is changed from here.
LOOK = """(root) => {
  const e = root.editor;
  const names = ['key', 'kind', 'id', 'start', 'end', 'label', 'status', 'head', 'tail'];
  const plain = (i) => Object.fromEntries(names.map((name) => [name, i[name]]));
  return {
    document: e.doc.id, focus: e.focus, armed: (e.entityLabels[e.armed] || {}).name,
    entities: e.entities.map(plain), relations: e.relations.map(plain),
  };
}"""
BUTTON = """(list, [key, act]) => {
  const row = [...list.querySelectorAll('.row')].find((r) => r.item.key === key);
  return row ? (act ? row.querySelector(`[data-act=${act}]`) : row) : null;
}"""


@dataclass
class Hands:
    """`actions` counts keys (a combination is one), clicks and drags."""

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

    def pull(self, handle: str, place: tuple[float, float]) -> None:
        """Drag a handle of the focused entity to a place."""
        self.actions += 1
        box = self.page.locator(f".relex.editing {handle}").bounding_box()
        assert box, f"no {handle}"
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.move(place[0] - 4, place[1], steps=3)
        self.page.mouse.move(*place, steps=2)
        self.page.mouse.up()

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
            self._focus(entity.span)
            self.label(label)
        for entity, span in work.move:
            self._focus(entity.span)
            if span[0] != entity.start:
                self.pull(".grip[data-side=start]", self._edge(span, last=False))
            if span[1] != entity.end:
                self.pull(".grip[data-side=end]", self._edge(span, last=True))
        for span, label in work.add:
            self._add(span, label)
        self._reject(gold)
        for relation, label in work.relabel_relation:
            self._relation_row(relation.head, relation.tail, relation.label)
            self.label(label)
        for relation in work.flip:
            self._relation_row(relation.head, relation.tail, relation.label)
            self.key("f")
        for head, tail, label in work.add_relation:
            if not self._is_related(head, tail, label):
                self._focus(head)
                self.pull(".link", self._middle(tail))
                self.option(label)

    def _focus(self, span: Span) -> None:
        for _ in range(3):
            self.click(span)
            state = self.look()
            focused = next((e for e in state["entities"] if e["key"] == state["focus"]), None)
            if focused and (focused["start"], focused["end"]) == span:
                return
        raise AssertionError(f"{span} cannot be focused")

    def _edge(self, span: Span, last: bool) -> tuple[float, float]:
        boxes = self._boxes(span)
        left, top, right, bottom = boxes[-1] if last else boxes[0]
        return (right - 2 if last else left + 2), (top + bottom) / 2

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

    def _is_related(self, head: Span, tail: Span, label: str) -> bool:
        state = self.look()
        spans = {e["id"]: (e["start"], e["end"]) for e in state["entities"]}
        return any(
            (spans.get(r["head"]), spans.get(r["tail"]), r["label"]) == (head, tail, label) for r in state["relations"]
        )


def _quoted(text: str) -> str:
    return f'"{text}"' if '"' not in text else f"'{text}'"
