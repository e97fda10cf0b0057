"""How fast the editor answers, and how many actions corrections take: a table, and JSON in the file named by OUT.

    make bench-ui OUT=bench.json
    make bench-ui ONLY=corrections

The real app, model and store in headless Chromium. Times are taken inside the page, from the key to the frame
that shows its effect, or to the editor's word that the store has it. RELEX_SHARED names the data folder of the
correction part (default: beside the project); without it that part is left out.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import quantiles
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from db.store import Store
from relex_core.datasets import Gold, labels_of, read_gold
from relex_core.editing import Accept, apply, begin
from relex_core.inference import Extractor
from relex_core.selection import undecided
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, Schema, Thresholds
from tests.browser.conftest import FLAGS, ROOT, Server, start_server
from tests.browser.effort import Doccano, LabelStudio, plan, triples
from tests.browser.hands import Hands

RELATION_THRESHOLD = 0.9
"""The other threshold at which relations may be imported into the other tools."""

SIZES = {"300 words, 20 entities, 10 relations": (300, 20, 10), "2,000 words, 300 entities": (2000, 300, 150)}

# Each gives the milliseconds from the event to the second animation frame after it: what it changed is painted.
PAINTED = """async (pane, keys) => {
  const times = [];
  for (const key of keys) {
    await new Promise((done) => setTimeout(done, 60));
    const began = performance.now();
    pane.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true }));
    pane.getBoundingClientRect();
    const echoed = performance.now();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    times.push([echoed - began, performance.now() - began]);
  }
  return times;
}"""
ACKNOWLEDGED = """async (pane, keys) => {
  const status = pane.getRootNode().querySelector('.status');
  const times = [];
  for (const key of keys) {
    await new Promise((done) => setTimeout(done, 250));
    const began = performance.now();
    pane.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true }));
    while (status.textContent !== 'saved') {
      if (performance.now() - began > 20000) return times;
      await new Promise((done) => setTimeout(done, 2));
    }
    times.push(performance.now() - began);
  }
  return times;
}"""
SWITCHED = """async (pane, alone) => {
  const root = pane.closest('.relex');
  if (alone) { root.editor.upcoming = []; relexStudio.documents.clear(); }
  const before = root.editor.doc.id;
  const began = performance.now();
  pane.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, composed: true }));
  while (root.editor.doc.id === before) {
    if (performance.now() - began > 20000) return -1;
    await new Promise((done) => setTimeout(done, 1));
  }
  pane.getBoundingClientRect();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - began;
}"""
FOLLOWED = """async (table, [pane, key]) => {
  await new Promise((done) => setTimeout(done, 1500));
  const before = table.textContent;
  const began = performance.now();
  pane.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true }));
  while (table.textContent === before) {
    if (performance.now() - began > 5000) return -1;
    await new Promise((done) => setTimeout(done, 2));
  }
  return performance.now() - began;
}"""
SLID = """async (slider) => {
  const times = [];
  for (const value of [0.4, 0.5, 0.6, 0.7, 0.8, 0.5, 0.3, 0.45, 0.65, 0.35]) {
    await new Promise((done) => setTimeout(done, 60));
    const began = performance.now();
    slider.value = value;
    slider.dispatchEvent(new Event('input'));
    slider.getBoundingClientRect();
    times.push(performance.now() - began);
  }
  return times;
}"""


def main() -> int:
    data = Path(tempfile.mkdtemp(prefix="bench-ui-"))
    extractor = Extractor.load("mini")
    server = start_server(ROOT / "app.py", data)
    store = Store.open(f"sqlite:///{data / 'relex.sqlite'}")
    results: dict[str, Any] = {"model": extractor.version}
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            _warm(browser, server)
            results["speed"] = {}
            if os.environ.get("ONLY") != "corrections":
                for number, (name, size) in enumerate(SIZES.items()):
                    results["speed"][name] = _speed(browser, server, store, extractor.version, number, size)
                results["speed"]["Explore, first sample"] = _explore(browser, server)
            results["corrections"] = _corrections(browser, server, store, extractor)
            browser.close()
    finally:
        store.close()
        server.stop()
        shutil.rmtree(data, ignore_errors=True)
    _print(results)
    if os.environ.get("OUT"):
        Path(os.environ["OUT"]).write_text(json.dumps(results, indent=2) + "\n")
    return 0


def _warm(browser: Browser, server: Server) -> None:
    page = browser.new_page()
    page.goto(server.url)
    expect(page.locator(".relex .pane .s.m").first).to_be_visible(timeout=120_000)
    page.close()


def _open(browser: Browser, server: Server, project: str, document: str = "") -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{server.url}/annotate?project={project}" + (f"&document={document}" if document else ""))
    expect(page.locator(".relex.editing .par").first).to_be_attached(timeout=60_000)
    expect(page.locator(".relex.editing .status")).to_have_text("saved")
    return page


# speed


def _speed(
    browser: Browser, server: Server, store: Store, version: str, number: int, size: tuple[int, int, int]
) -> dict[str, Any]:
    project = f"speed-{number}"
    schema = Schema.of(["person", "organization", "place"], ["works for", "located in"])
    store.create_project(project, schema)
    made = [_made(f"{project}-{n:02}", n, schema, version, *size) for n in range(24)]
    store.add_documents(project, [e.document for e in made])
    for extraction in made:
        store.save_extraction(project, extraction)
    page = _open(browser, server, project)
    pane = page.locator(".relex.editing .pane")
    echo = pane.evaluate(PAINTED, list("axa1u]a[2xua3aax"))
    page.wait_for_timeout(1500)
    acknowledged = pane.evaluate(ACKNOWLEDGED, list("axaxaxaxaxaxaxaxaxax"))
    ahead, alone = [], []
    for round_ in range(16):
        page.wait_for_timeout(1500)
        took = pane.evaluate(SWITCHED, round_ % 2 == 1)
        if took >= 0:
            (alone if round_ % 2 else ahead).append(took)
        expect(page.locator(".relex.editing .status")).to_have_text("saved")
    page.get_by_role("button", name="thresholds").click()
    slid = page.get_by_label("threshold, entities", exact=True).evaluate(SLID)
    page.context.close()
    return {
        **_keys(echo, acknowledged),
        "document switch, prefetched": _spread(ahead),
        "document switch, not prefetched": _spread(alone),
        "slider to redraw": _spread(slid),
    }


def _keys(echo: list[tuple[float, float]], acknowledged: list[float]) -> dict[str, Any]:
    """What a key costs, from (handled, painted) and acknowledged times."""
    return {
        "key to local echo": _spread([t for t, _ in echo]),
        "key to painted frame": _spread([t for _, t in echo]),
        "operation to acknowledgement": _spread(acknowledged),
    }


def _explore(browser: Browser, server: Server) -> dict[str, Any]:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(30_000)
    page.goto(server.url)
    page.get_by_role("button", name="Correct this").click()
    pane = page.locator(".relex.editing .pane")
    expect(pane.locator(".s.m").first).to_be_visible()
    expect(page.locator(".relex.editing .status")).to_have_text("saved")
    page.wait_for_timeout(2000)
    echo = pane.evaluate(PAINTED, list("au" * 8))
    page.wait_for_timeout(2000)
    acknowledged = pane.evaluate(ACKNOWLEDGED, list("au" * 10))
    page.wait_for_timeout(2000)
    table = page.locator(".rx-table")
    followed = [took for key in "xu" * 5 if (took := table.evaluate(FOLLOWED, [pane.element_handle(), key])) >= 0]
    page.context.close()
    return {
        **_keys(echo, acknowledged),
        "operation to the table below the text": _spread(followed),
    }


def _made(id: str, number: int, schema: Schema, version: str, words: int, entities: int, relations: int) -> Extraction:
    """A text of so many words, its entities spread evenly, with scores that spread too."""
    each = words // entities
    text, found = "", []
    for n in range(entities):
        name = f"Name{number}x{n}"
        found.append((len(text), len(text) + len(name), ("person", "organization", "place")[n % 3]))
        text += name + " " + " ".join(("said", "that", "they", "had", "met")[k % 5] for k in range(each - 1))
        text += ".\n" if n % 12 == 11 else " "
    marks = tuple(Entity.suggested(a, b, label, 0.31 + (n * 37 % 65) / 100) for n, (a, b, label) in enumerate(found))
    related = tuple(
        Relation(marks[2 * n % entities].id, marks[(2 * n + 1) % entities].id, "works for", 0.51 + (n * 29 % 45) / 100)
        for n in range(relations)
    )
    return Extraction(Document(id, text), schema, marks, related, version)


def _spread(times: list[float]) -> dict[str, float]:
    if len(times) < 2:
        return {"p50": round(times[0], 1) if times else -1.0, "p95": -1.0, "n": len(times)}
    cut = quantiles(times, n=20, method="inclusive")
    return {"p50": round(cut[9], 1), "p95": round(cut[18], 1), "n": len(times)}


# corrections


def _corrections(browser: Browser, server: Server, store: Store, extractor: Extractor) -> dict[str, Any] | None:
    folder = Path(os.environ.get("RELEX_SHARED", ROOT.parent / "shared")) / "data" / "eval"
    files = sorted(folder.glob(os.environ.get("FILES", "crossre_*_test.jsonl")))
    if not files:
        print(f"corrections: left out, no crossre_*_test.jsonl in {folder}", file=sys.stderr)
        return None
    others: dict[tuple[str, float], Doccano | LabelStudio] = {
        (name, at): tool()
        for name, tool in (("doccano", Doccano), ("Label Studio", LabelStudio))
        for at in (Thresholds().relation, RELATION_THRESHOLD)
    }
    ours: Counter[str] = Counter()
    counts: dict[str, int] = {}
    unfinished = []
    seconds = 0.0
    for path in files:
        gold = read_gold(path)
        step = max(1, len(gold) // 5)
        chosen = gold[step // 2 :: step][:5]
        schema = labels_of(gold)
        project = path.name.split("_")[1]
        store.create_project(project, schema)
        extractions = [extractor.extract(g.document, schema) for g in chosen]
        store.add_documents(project, [g.document for g in chosen])
        for extraction in extractions:
            store.save_extraction(project, extraction)
        page = _open(browser, server, project)
        hands = Hands(page)
        waiting = {g.document.id: (g, e) for g, e in zip(chosen, extractions, strict=True)}
        while waiting:
            record, extraction = _next(hands, waiting)
            began, before = time.perf_counter(), Counter(hands.kinds)
            truth = _gold(record, schema)
            shown = _all_shown(extraction, Thresholds())
            try:
                hands.correct(plan(shown, truth), truth)
                hands.kind = "submit"
                hands.key("Enter")
                _check(store, project, truth)
            except (AssertionError, StopIteration, PlaywrightError) as error:
                unfinished.append(f"{record.document.id}: {str(error)[:160]}")
                for _ in range(3):  # out of a list, out of a relation, out of the focus
                    page.keyboard.press("Escape")
                if hands.look()["document"] == record.document.id:
                    page.keyboard.press("s")
                continue
            seconds += time.perf_counter() - began
            ours += hands.kinds - before
            for (_, at), tool in others.items():
                tool.correct(plan(_all_shown(extraction, Thresholds(relation=at)), truth))
            work = plan(_all_shown(extraction, Thresholds()), truth)
            for name in work.__slots__:
                counts[name] = counts.get(name, 0) + len(getattr(work, name))
        page.context.close()
    done = 5 * len(files) - len(unfinished)
    # their suggestions are imported at one threshold: whichever is better for them
    cheapest = {name: min(tool.actions for (n, _), tool in others.items() if n == name) for name, _ in others}
    best = min(cheapest.values())
    return {
        "documents": done,
        "corrections": counts,
        "actions": {"Relex Studio": ours.total(), **cheapest},
        "our actions by kind": dict(ours.most_common()),
        "share of the better one": round(ours.total() / best, 3) if best else None,
        "seconds a document, scripted": round(seconds / max(1, done), 1),
        "unfinished": unfinished,
    }


def _next(hands: Hands, waiting: dict[str, tuple[Gold, Extraction]]) -> tuple[Gold, Extraction]:
    """The document that the queue opened."""
    deadline = time.monotonic() + 30
    while (id := hands.look()["document"]) not in waiting:
        if time.monotonic() > deadline:
            raise AssertionError(f"the queue stays at {id}")
        time.sleep(0.05)
    return waiting.pop(id)


def _gold(record: Gold, schema: Schema) -> Annotation:
    return Annotation(record.document, schema, record.entities, record.relations)


def _all_shown(extraction: Extraction, thresholds: Thresholds) -> Annotation:
    begun = begin(extraction)
    entities, relations = undecided(begun, thresholds, twins=False)
    return apply(begun, Accept(tuple(e.id for e in entities), tuple(r.key for r in relations)))


def _check(store: Store, project: str, truth: Annotation) -> None:
    """The store holds exactly the gold annotation."""
    deadline = time.monotonic() + 15
    while True:
        latest = store.latest(project, truth.document.id)
        if latest is not None and str(latest.state) == "submitted":
            break
        if time.monotonic() > deadline:
            raise AssertionError(f"{truth.document.id} was not submitted")
        time.sleep(0.05)
    saved = {(e.span, e.label) for e in latest.annotation.entities}
    wanted = {(e.span, e.label) for e in truth.entities}
    assert saved == wanted, f"entities differ: {sorted(saved ^ wanted)[:4]}"
    differing = sorted(triples(latest.annotation) ^ triples(truth))
    assert not differing, f"relations differ: {differing[:4]}"


def _print(results: dict[str, Any]) -> None:
    for name, rows in results["speed"].items():
        print(f"\n{name:<48}{'p50 ms':>10}{'p95 ms':>10}{'n':>6}")
        for row, spread in rows.items():
            print(f"  {row:<46}{spread['p50']:>10}{spread['p95']:>10}{spread['n']:>6}")
    found = results["corrections"]
    if found is None:
        return
    print(f"\ncorrections of {found['documents']} documents from {results['model']}: {found['corrections']}")
    for tool, actions in found["actions"].items():
        print(f"  {tool:<46}{actions:>10} actions{actions / max(1, found['documents']):>10.1f} a document")
    print(f"  {'share of the better one':<46}{found['share of the better one']:>10}")
    print("  ours by kind: " + ", ".join(f"{kind} {n}" for kind, n in found["our actions by kind"].items()))
    for line in found["unfinished"]:
        print(f"  not finished: {line}")


if __name__ == "__main__":
    sys.exit(main())
