"""A scripted annotator at the real editor: keys, clicks and drags that any person has, each of them counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
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
    asks: e.pop.open, ghost: e.ghost && [e.ghost.start, e.ghost.end, e.ghost.label],
    labels: e.entityLabels.map((l) => l.name), relation_labels: e.relationLabels.map((l) => l.name),
    entities: e.entities.map(plain), relations: e.relations.map(plain),
  };
}"""
BUTTON = """(list, [key, act]) => {
  const row = [...list.querySelectorAll('.row')].find((r) => r.item.key === key);
  return row ? (act ? row.querySelector(`[data-act=${act}]`) : row) : null;
}"""


@dataclass(frozen=True)
class Star:
    """Relations between a hub and others; `reverse` where the hub is the tail. A run of others that follow one another
    in the text, given by its first and last, is one drag: those between that are related already are left alone."""

    hub: Span
    reverse: bool
    runs: tuple[tuple[Span, Span], ...]
    size: int
    next: tuple[Span, Span] | None = None
    """The run beside the hub, if there is one."""

    @property
    def direct(self) -> tuple[Span, Span] | None:
        """A run that a drag from the hub reaches without a click on the hub: one entity, or the run beside it."""
        return self.next or next((run for run in self.runs if run[0] == run[1]), None)

    def cost(self, hub: Span | None) -> tuple[float, Any]:
        """Actions for each relation, from where the hands are; the rest makes the choice definite."""
        actions = (self.hub != hub and self.direct is None) + len(self.runs)
        return actions / self.size, (-self.size, self.hub, self.reverse)


def stars(missing: set[Triple], there: set[Triple], entities: list[Span]) -> list[Star]:
    """All that the missing relations can be drawn as. `entities` are all that stand in the text, in order, and `there`
    the relations between them."""
    groups: dict[tuple[Span, bool], set[Span]] = {}
    for head, tail, _ in missing:
        groups.setdefault((head, False), set()).add(tail)
        groups.setdefault((tail, True), set()).add(head)
    joined = {(head, tail) for head, tail, _ in there}
    found = []
    for (hub, reverse), others in groups.items():
        runs: list[tuple[Span, Span]] = []
        open_ = False
        beside: list[tuple[Span, Span]] = []
        for span in entities:
            # two that are related get a further relation only where it is drawn for them alone
            done = ((span, hub) if reverse else (hub, span)) in joined
            if span in others:
                runs = [*runs[:-1], (runs[-1][0], span)] if open_ and not done else [*runs, (span, span)]
            open_ = (span in others and not done) or (open_ and (span == hub or done))
        at = entities.index(hub)
        for first, last in runs:
            from_, to = (entities.index(first), entities.index(last))
            between = entities[at + 1 : from_] if at < from_ else entities[to + 1 : at] if to < at else None
            ends = {((span, hub) if reverse else (hub, span)) in joined for span in between or ()}
            if between is not None and False not in ends:
                beside.append((first, last))
        longest = max(beside, key=lambda run: entities.index(run[1]) - entities.index(run[0]), default=None)
        found.append(Star(hub, reverse, tuple(runs), len(others), longest))
    return found


def free_part(span: Span, others: list[Span]) -> Span:
    """The longest part of `span` that no shorter one covers, all of it if there is none.

    >>> free_part((0, 30), [(0, 30), (2, 8), (5, 12), (25, 40)])
    (12, 25)
    >>> free_part((0, 4), [(0, 2), (2, 4)])
    (0, 4)
    """
    shorter = [o for o in others if o[1] - o[0] < span[1] - span[0] and o[0] < span[1] and span[0] < o[1]]
    free, at = [], span[0]
    for start, end in sorted(shorter):
        free.append((at, start))
        at = max(at, end)
    free.append((at, span[1]))
    best = max(free, key=lambda part: part[1] - part[0])
    return best if best[0] < best[1] else span


@dataclass
class Hands:
    """`actions` counts keys (a combination is one), clicks and drags, also those with Shift or Alt held; `kinds` does
    so by what they were for.

    Moving the pointer to where a click or key takes place is part of that action, as it is in the other tools.
    """

    page: Page
    kind: str = ""
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def actions(self) -> int:
        return self.kinds.total()

    def act(self, times: int = 1) -> None:
        self.kinds[self.kind] += times

    def look(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.locator(".relex.editing").evaluate(LOOK)
        return found

    def key(self, name: str) -> None:
        self.act()
        self.page.keyboard.press(name)

    def click(self, span: Span) -> None:
        """On the middle of the first line of a span."""
        self.act()
        self.page.mouse.click(*self._middle(span))

    def point(self, span: Span) -> None:
        """Move the pointer onto the middle of a span."""
        x, y = self._middle(span)
        self.page.mouse.move(x - 2, y - 12)
        self.page.mouse.move(x, y, steps=4)

    def tie(self, first: Span, last: Span, reverse: bool) -> None:
        """Shift and click, or Shift and drag from the first to the last: relations to all entities there."""
        self.act()
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

    def join(self, hub: Span, first: Span, last: Span, reverse: bool) -> None:
        """Ctrl and drag from one entity to another: relations between them; with Shift to all on the way."""
        self.act()
        keys = ["Control", *(["Shift"] if first != last else []), *(["Alt"] if reverse else [])]
        for key in keys:
            self.page.keyboard.down(key)
        self.page.mouse.move(*self._middle(hub))
        self.page.mouse.down()
        self.page.mouse.move(*self._middle(last if hub < first else first), steps=6)
        self.page.mouse.up()
        for key in reversed(keys):
            self.page.keyboard.up(key)

    def drag(self, span: Span, exact: bool = False) -> None:
        """Over a span, by whole words or with Alt by letters."""
        self.act()
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
        self.act()
        handle.click()
        return True

    def label(self, name: str) -> None:
        """Give the focused thing a label: one click on its chip, which for the first ten could be its digit."""
        self.act()
        chips = self.page.locator(".relex.editing .labels .chip")
        chips.filter(has=self.page.locator(f"xpath=.//span[text()={_quoted(name)}]")).first.click()

    def option(self, name: str) -> None:
        """Choose from the list that popped up."""
        self.act()
        options = self.page.locator(".relex.editing .pop .option")
        options.filter(has=self.page.locator(f"xpath=.//span[text()={_quoted(name)}]")).first.click()

    def _boxes(self, span: Span) -> list[list[float]]:
        text = self.page.locator(".relex.editing .text").first
        found: list[list[float]] = text.evaluate(BOXES, list(span))
        return found

    def _middle(self, span: Span) -> tuple[float, float]:
        """Where a hand goes to have this span: not onto a shorter one inside it, where there is another place."""
        shown = [(e["start"], e["end"]) for e in self.look()["entities"]]
        # white space at the end of a line has no box
        boxes = self._boxes(free_part(span, shown)) or self._boxes(span)
        left, top, right, bottom = boxes[0]
        return (left + right) / 2, (top + bottom) / 2

    # the corrections

    def correct(self, work: Plan, gold: Annotation) -> None:
        """Everything in `work` but the last key."""
        # a new span takes the place of the suggestions that it overlaps: those first, lest they get another label
        shown = [(e["start"], e["end"]) for e in self.look()["entities"]]
        moved = {(s, e.label) for e, s in work.move}
        new = sorted({*work.add, *moved})
        over = [(span, label) for span, label in new if any(s < span[1] and span[0] < e for s, e in shown)]
        self._add_all(over, moved)
        self.kind = "relabel"
        self._relabel_all(work, gold)
        self._add_all([n for n in new if n not in over], moved)
        self._reject(gold)
        self._settle(gold)
        self.kind = "add_relation"
        self._relate(gold)

    def _add_all(self, new: list[tuple[Span, str]], moved: set[tuple[Span, str]]) -> None:
        armed = self.look()["armed"]  # what was given last is given first
        for span, label in sorted(new, key=lambda new: (new[1] != armed, *new[::-1])):
            self.kind = "move" if (span, label) in moved else "add"
            self._add(span, label)

    def _relabel_all(self, work: Plan, gold: Annotation) -> None:
        """One after the other; where most suggestions of a label want the same other one, the first and all like it."""
        wanted = {entity.span: label for entity, label in work.relabel}
        right = {e.span: e.label for e in gold.entities}
        groups = Counter((entity.label, label) for entity, label in work.relabel)
        for (before, after), size in groups.most_common():
            shown = [e for e in self.look()["entities"] if e["status"] == "suggested" and e["label"] == before]
            kept = [e for e in shown if right.get((e["start"], e["end"])) == before]
            mine = [(e["start"], e["end"]) for e in shown if wanted.get((e["start"], e["end"])) == after]
            if size > 2 + len(kept):
                self._relabel(mine[0], after)
                self.key("=")
                for entity in kept:
                    self._relabel((entity["start"], entity["end"]), before)
        for entity in self.look()["entities"]:
            span = entity["start"], entity["end"]
            if span in wanted and entity["label"] != wanted[span]:
                self._relabel(span, wanted[span])

    def _relabel(self, span: Span, label: str) -> None:
        """Point and press the label's digit; labels past the twentieth by a click and one on the label."""
        number = self.look()["labels"].index(label) + 1
        if number <= 20:
            self.point(span)
            self.key(str(number % 10) if number <= 10 else f"Alt+{number % 10}")
        else:
            self._focus(span)
            self.label(label)

    def _relate(self, gold: Annotation) -> None:
        """Draw what is missing: the cheapest star of relations next, until there is none."""
        hub: Span | None = None
        for _ in range(200):
            spans, there = self._related()
            missing = triples(gold) - there
            if not missing:
                return
            star = min(stars(missing, there, sorted(spans)), key=lambda star: star.cost(hub))
            run = star.runs[0]
            if star.hub != hub and star.direct:
                run = star.direct
                self.join(star.hub, *run, star.reverse)
            else:
                if star.hub != hub:
                    self._focus(star.hub)
                self.tie(*run, star.reverse)
            hub = star.hub
            if self.look()["asks"]:
                self.option(self._best(missing, star, run))
            self._correct_labels(missing, there)
        raise AssertionError("there is no end to missing relations")

    def _related(self) -> tuple[list[Span], set[Triple]]:
        state = self.look()
        spans = {e["id"]: (e["start"], e["end"]) for e in state["entities"]}
        there = {(spans[r["head"]], spans[r["tail"]], r["label"]) for r in state["relations"]}
        return list(spans.values()), there

    def _best(self, missing: set[Triple], star: Star, run: tuple[Span, Span]) -> str:
        """The label that most of what was just drawn should have."""
        ends = [(h, t, label) for h, t, label in missing if star.hub == (t if star.reverse else h)]
        inside = Counter(label for h, t, label in ends if run[0] <= (h if star.reverse else t) <= run[1])
        return max(sorted(inside), key=inside.__getitem__)

    def _correct_labels(self, missing: set[Triple], before: set[Triple]) -> None:
        """Of what was just drawn: all at once if it got one label and wants another one, else one by one."""
        state = self.look()
        ids = {(e["start"], e["end"]): e["id"] for e in state["entities"]}
        spans = {id: span for span, id in ids.items()}
        accepted = [r for r in state["relations"] if r["status"] == "accepted"]
        made = sorted({(spans[r["head"]], spans[r["tail"]], r["label"]) for r in accepted} - before)
        wanted: dict[tuple[Span, Span], set[str]] = {}
        for head, tail, label in missing:
            wanted.setdefault((head, tail), set()).add(label)
        wrong = [(h, t, label) for h, t, label in made if label not in wanted[h, t]]
        common = set.intersection(*(wanted[h, t] for h, t, _ in made)) if made else set()
        if wrong and common and len({label for _, _, label in made}) == 1:
            self.label(min(common))
            return
        for head, tail, label in wrong:
            if len(made) > 1:
                self._relabel_relation(ids[head], ids[tail], label, min(wanted[head, tail]))
            else:
                self.label(min(wanted[head, tail]))

    def _focus(self, span: Span) -> None:
        for _ in range(3):
            self.click(span)
            state = self.look()
            focused = next((e for e in state["entities"] if e["key"] == state["focus"]), None)
            if focused and (focused["start"], focused["end"]) == span:
                return
        raise AssertionError(f"{span} cannot be focused")

    def _add(self, span: Span, label: str) -> None:
        """One key where the pointer shows that the model nearly said so, else a drag and mostly a label."""
        self.point(span)
        if self.look()["ghost"] == [*span, label]:
            self.key("e")
            return
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
        """Every suggestion that no other label or direction makes right, until none is left: rejecting one may bring up
        another."""
        wanted = {e.span for e in gold.entities}
        related = {frozenset((head, tail)) for head, tail, _ in triples(gold)}
        for _ in range(200):
            state = self.look()
            spans = {e["id"]: (e["start"], e["end"]) for e in state["entities"]}
            open_ = [i for i in (*state["entities"], *state["relations"]) if i["status"] == "suggested"]
            wrong = [
                i
                for i in open_
                if (spans[i["id"]] not in wanted if i["kind"] == "entity" else _ends(i, spans) not in related)
            ]
            if not wrong:
                return
            first = wrong[0]
            self.kind = "reject" if first["kind"] == "entity" else "reject_relation"
            alike = [i for i in open_ if (i["kind"], i["label"]) == (first["kind"], first["label"])]
            if len(alike) > 1 and all(item in wrong for item in alike):
                self._point_at_row(first["key"])
                self.key("X")
            else:
                assert self.press(first["key"], "reject"), f"no row for {first}"
        raise AssertionError("there is no end to wrong suggestions")

    def _settle(self, gold: Annotation) -> None:
        """What is still suggested and not gold gets another label or direction, or goes."""
        right, labels = triples(gold), {e.span: e.label for e in gold.entities}
        for _ in range(200):
            state = self.look()
            spans = {e["id"]: (e["start"], e["end"]) for e in state["entities"]}
            for entity in state["entities"]:
                span = spans[entity["id"]]
                if entity["status"] == "suggested" and labels.get(span) not in (None, entity["label"]):
                    self.kind = "relabel"
                    self._relabel(span, labels[span])
            there = {(spans[r["head"]], spans[r["tail"]], r["label"]): r for r in state["relations"]}
            missing = right - set(there)
            wrong = next((t for t, r in there.items() if r["status"] == "suggested" and t not in right), None)
            if wrong is None:
                return
            relation, (head, tail, label) = there[wrong], wrong
            other = sorted(new for h, t, new in missing if (h, t) == (head, tail))
            if other:
                self.kind = "relabel_relation"
                self._relabel_relation(relation["head"], relation["tail"], label, other[0])
            elif (tail, head, label) in missing:
                self.kind = "flip"
                self._point_at_row(relation["key"])
                self.key("f")
            else:
                self.kind = "reject_relation"
                assert self.press(relation["key"], "reject"), f"no row for {relation}"
        raise AssertionError("there is no end to wrong relations")

    def _relabel_relation(self, head: str, tail: str, label: str, new: str) -> None:
        """Point at its row and press the label's digit; labels past the twentieth by a click and one on the label."""
        state = self.look()
        number = state["relation_labels"].index(new) + 1
        if number > 20:
            self._relation_row(head, tail, label)
            self.label(new)
            return
        self._point_at_row(self._relation_key(head, tail, label))
        self.key(str(number % 10) if number <= 10 else f"Alt+{number % 10}")

    def _point_at_row(self, key: str) -> None:
        row = self.page.locator(".relex.editing .list").evaluate_handle(BUTTON, [key, ""]).as_element()
        assert row is not None, f"no row for {key}"
        row.scroll_into_view_if_needed()
        box = row.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
        self.page.mouse.move(x - 12, y)
        self.page.mouse.move(x, y, steps=4)

    def _relation_row(self, head: str, tail: str, label: str) -> None:
        assert self.press(self._relation_key(head, tail, label), "")

    def _relation_key(self, head: str, tail: str, label: str) -> str:
        drawn = self.look()["relations"]
        return next(str(r["key"]) for r in drawn if (r["head"], r["tail"], r["label"]) == (head, tail, label))


def _ends(relation: dict[str, Any], spans: dict[str, Span]) -> frozenset[Span]:
    return frozenset((spans[relation["head"]], spans[relation["tail"]]))


def _quoted(text: str) -> str:
    return f'"{text}"' if '"' not in text else f"'{text}'"
