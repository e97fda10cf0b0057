"""The script's rules are Python's rules: what is shown, what a correction does, where words end."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from pages.shared.widgets.annotator import script
from pages.shared.widgets.annotator.protocol import document_to_json, schema_to_json, thresholds_to_json
from relex_core.editing import (
    Accept,
    AddEntity,
    AddRelation,
    Edit,
    Flip,
    MoveBounds,
    Relabel,
    RelabelRelation,
    RemoveEntity,
    RemoveRelation,
    Restore,
    Withdraw,
    apply,
    begin,
    edit_from_json,
    edit_to_json,
)
from relex_core.errors import RelexError
from relex_core.selection import undecided
from relex_core.types import Annotation, Document, Entity, Extraction, Relation, RelationLabel, Schema, Thresholds
from relex_core.words import Words
from tests.edits import apply_all

pytestmark = pytest.mark.browser

TEXT = "Ada 👩‍🔬 met e\u0301milie of the Mother-in-law Society, 3% of 東京大学 and بسامي. " * 3
SCHEMA = Schema.of(
    ["person", "place", "group"],
    [
        RelationLabel("knows", head_types=("person",), tail_types=("person", "group"), symmetric=True),
        RelationLabel("in", tail_types=("place",), inverse="holds"),
        RelationLabel("likes"),
        RelationLabel("holds", head_types=("group", "place"), inverse="in"),
    ],
)


@pytest.fixture(scope="module")
def rules(chromium: Browser) -> Page:
    """A blank page in which `relex` is the editor's module."""
    page = chromium.new_page()
    page.evaluate(
        """async (source) => {
          globalThis.relex = await import(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
        }""",
        script(),
    )
    return page


def random_extraction(rng: random.Random) -> Extraction:
    spans = {(s, min(len(TEXT), s + rng.randint(1, 12))) for s in (rng.randrange(len(TEXT)) for _ in range(14))}
    entities = [
        Entity.suggested(s, e, label, rng.choice([0.2, 0.3, 0.5, round(rng.random(), 3)]))
        for s, e in sorted(spans)
        for label in rng.sample(["person", "place", "group"], rng.randint(1, 2))
    ]
    pairs = {
        (h.id, t.id, rng.choice(["knows", "in", "likes", "holds"]))
        for h in entities
        for t in entities
        if rng.random() < 0.1
    }
    relations = [Relation(*pair, round(rng.random(), 3)) for pair in sorted(pairs) if pair[0] != pair[1]]
    return Extraction(Document("d", TEXT), SCHEMA, tuple(entities), tuple(relations), "random")


def random_thresholds(rng: random.Random) -> Thresholds:
    return Thresholds(
        rng.choice([0.0, 0.2, 0.3, 0.5]),
        rng.choice([0.0, 0.3, 0.6]),
        (("place", rng.random()),) if rng.random() < 0.5 else (),
        (("likes", rng.random()),) if rng.random() < 0.5 else (),
    )


def random_edit(rng: random.Random, annotation: Annotation, n: int, before: Annotation) -> Edit:
    assert annotation.based_on
    ids = [e.id for e in (*annotation.entities, *annotation.based_on.entities)]
    keys = [r.key for r in (*annotation.relations, *annotation.based_on.relations)] or [("a", "b", "in")]
    one, other, key = rng.choice(ids), rng.choice(ids), rng.choice(keys)
    label, relation = rng.choice(["person", "place", "group"]), rng.choice(["knows", "in", "likes", "holds"])
    start = rng.randrange(len(TEXT) - 5)
    return rng.choice(
        [
            AddEntity(f"own{n}", start, start + rng.randint(1, 4), label),
            AddEntity(f"own{n // 2}", start, start + 1, label),
            RemoveEntity(one),
            Relabel(one, label),
            MoveBounds(one, start, start + rng.randint(1, 3)),
            AddRelation(one, other, relation),
            RemoveRelation(*key),
            RelabelRelation(*key, relation),
            Flip(*key),
            Accept((one, other), (key,)),
            Withdraw((one,), (key,)),
            Restore(before.entities, before.relations, before.rejected_entities, before.rejected_relations),
        ]
    )


def payload(annotation: Annotation) -> dict[str, Any]:
    return {
        "schema": schema_to_json(annotation.schema, 15),
        "document": document_to_json(annotation, 0, (0, len(TEXT))),
    }


PREPARE = """
  const decode = ({ schema, document }) => {
    const labels = new Map(schema.relations.map((l) => [l.name, l]));
    const entities = document.entities.map(([id, start, end, l, score]) =>
      ({ id, start, end, label: schema.entities[l].name, score }));
    const relations = document.relations.map(([head, tail, l, score]) =>
      ({ head, tail, label: schema.relations[l].name, score }));
    const suggested = {
      entities: new Map(entities.map((e) => [e.id, e])),
      relations: new Map(relations.map((r) => [relex.keyOf(r), r])),
    };
    return { labels, candidates: { entities, relations }, suggested, state: document.decisions };
  };
"""


def test_what_is_shown_is_what_python_shows(rules: Page) -> None:
    rng = random.Random(5)
    cases = []
    for _ in range(120):
        extraction = random_extraction(rng)
        annotation = begin(extraction)
        for entity in rng.sample(extraction.entities, 4):
            annotation = attempt(annotation, rng.choice([Accept((entity.id,)), RemoveEntity(entity.id)]))
        for relation in extraction.relations[:2]:
            annotation = attempt(annotation, rng.choice([Accept((), (relation.key,)), RemoveRelation(*relation.key)]))
        cases.append((annotation, random_thresholds(rng), rng.random() < 0.5))
    found = rules.evaluate(
        f"""(cases) => {{ {PREPARE}
          return cases.map((c) => {{
            const {{ labels, candidates, state }} = decode(c);
            const text = new relex.Text(c.document.text);
            const words = (e) => text.slice(e.start, e.end);
            const open = relex.undecided(state, candidates, labels, c.thresholds, c.nested, words);
            return [open.entities.map((e) => e.id), open.relations.map((r) => [r.head, r.tail, r.label])];
          }});
        }}""",
        [{**payload(a), "thresholds": thresholds_to_json(t), "nested": nested} for a, t, nested in cases],
    )
    for (annotation, thresholds, nested), (entities, relations) in zip(cases, found, strict=True):
        wanted_entities, wanted_relations = undecided(annotation, thresholds, nested, twins=False)
        assert entities == [e.id for e in wanted_entities]
        assert [tuple(r) for r in relations] == [r.key for r in wanted_relations]
    assert any(relations for _, relations in found)


def attempt(annotation: Annotation, edit: Edit) -> Annotation:
    try:
        return apply(annotation, edit)
    except RelexError:
        return annotation


def test_corrections_do_what_python_does(rules: Page) -> None:
    rng = random.Random(8)
    cases: list[tuple[Annotation, list[Edit], list[Annotation | None]]] = []
    for _ in range(60):
        annotation = begin(random_extraction(rng))
        edits: list[Edit] = []
        results: list[Annotation | None] = []
        now = before = annotation
        for n in range(14):
            edit = random_edit(rng, now, n, before)
            edits.append(edit)
            try:
                after = apply(now, edit)
            except RelexError:
                results.append(None)
                continue
            before, now = now, after
            results.append(now)
        cases.append((annotation, edits, results))
    found = rules.evaluate(
        f"""(cases) => {{ {PREPARE}
          return cases.map((c) => {{
            let {{ suggested, state }} = decode(c);
            return c.edits.map((edit) => {{
              try {{ state = relex.apply(state, edit, suggested); return state; }}
              catch (error) {{ if (error instanceof relex.Refused) return null; throw error; }}
            }});
          }});
        }}""",
        [{**payload(a), "edits": json.loads(json.dumps([edit_to_json(e) for e in edits]))} for a, edits, _ in cases],
    )
    compared = 0
    for (_, edits, results), states in zip(cases, found, strict=True):
        for edit, wanted, state in zip(edits, results, states, strict=True):
            assert (state is None) == (wanted is None), edit
            if wanted is None:
                continue
            compared += 1
            assert [(e["id"], e["start"], e["end"], e["label"]) for e in state["entities"]] == [
                (e.id, e.start, e.end, e.label) for e in wanted.entities
            ]
            assert [(r["head"], r["tail"], r["label"]) for r in state["relations"]] == [r.key for r in wanted.relations]
            assert [e["id"] for e in state["rejected_entities"]] == [e.id for e in wanted.rejected_entities]
            assert {(r["head"], r["tail"], r["label"]) for r in state["rejected_relations"]} == {
                r.key for r in wanted.rejected_relations
            }
    assert compared > 300


@pytest.mark.parametrize(
    ("touched", "words"),
    [
        ("d", "Ada"),
        ("\u200d", "👩‍🔬"),
        ("\u0301", "e\u0301milie"),
        ("in-", "Mother-in-law"),
        ("京", "東京"),
        ("سام", "بسامي"),
    ],
)
def test_spans_are_widened_to_words_and_graphemes(rules: Page, touched: str, words: str) -> None:
    start = TEXT.index(touched)
    found = rules.evaluate(
        "([text, start, end]) => { const t = new relex.Text(text); return t.snap(start, end); }",
        [TEXT, start, start + len(touched)],
    )
    assert TEXT[found[0] : found[1]] == words or (words == "東京" and TEXT[found[0] : found[1]] == "東京大学")


@pytest.mark.parametrize(
    "text",
    [
        "From: <maria.k-1+x@nordlicht-energie.de>, (see https://a.org/wiki/Mercury_(planet)). WWW.bo.org/x,y? 'ftp://q/e'!",
        "@lena: ask foo.@bar-x, 5@6, bo@ x@y www. http:// mailto:a@b.c_d; mother-in-law's co-op",
        "José@x.org می\u200cخواهم شَرِكَةُ 🎉 git@github.com:o/r.git https://a.b/c\u2014d “http://x.y”",
    ],
)
def test_words_are_those_that_the_model_reads(rules: Page, text: str) -> None:
    words = rules.evaluate("(text) => new relex.Text(text).words", text)
    assert tuple(text[start:end] for start, end in words) == Words.of(text).words


def test_exact_spans_split_no_grapheme(rules: Page) -> None:
    at = TEXT.index("\u0301")
    found = rules.evaluate("([text, a, b]) => new relex.Text(text).whole(a, b)", [TEXT, at, at + 3])
    assert TEXT[found[0] : found[1]] == "e\u0301mi"
    at = TEXT.index("🔬")
    found = rules.evaluate("([text, a, b]) => new relex.Text(text).whole(a, b)", [TEXT, at, at + 1])
    assert TEXT[found[0] : found[1]] == "👩‍🔬"


def test_window_of_a_text_keeps_its_offsets(rules: Page) -> None:
    start = TEXT.index("Society") - 3
    end = start + 40
    words = rules.evaluate("([t, from]) => new relex.Text(t, from).words", [TEXT[start:end], start])
    spans = [TEXT[s:e] for s, e in words]
    assert "Society" in spans
    assert all(start <= s < e <= end for s, e in words)
    assert replace(Document("d", TEXT)).text[words[0][0] : words[0][1]] == spans[0]


def test_undo_touches_only_what_differs(rules: Page) -> None:
    rng = random.Random(13)
    cases: list[tuple[Annotation, Annotation, Annotation]] = []
    for _ in range(150):
        start = begin(random_extraction(rng))
        states = [start]
        for n in range(rng.randint(2, 10)):
            states.append(attempt(states[-1], random_edit(rng, states[-1], n, rng.choice(states))))
        cases.append((start, states[-1], rng.choice(states[:-1])))
    found = rules.evaluate(
        f"""(cases) => {{ {PREPARE}
          return cases.map(([start, from, to]) =>
            relex.steps(decode(from).state, decode(to).state, decode(start).suggested));
        }}""",
        [[payload(a) for a in case] for case in cases],
    )
    whole = 0
    for (_, from_, to), steps in zip(cases, found, strict=True):
        edits = [edit_from_json(step) for step in steps]
        whole += any(isinstance(edit, Restore) for edit in edits)
        after = apply_all(from_, edits)
        for side in ("entities", "relations", "rejected_entities", "rejected_relations"):
            one, other = getattr(after, side), getattr(to, side)
            key = (lambda e: e.id) if "entities" in side else (lambda r: r.key)
            assert {key(item) for item in one} == {key(item) for item in other}, side
        assert after.entities == to.entities
    assert whole < len(cases) / 10, "nearly always there is a way that leaves the rest alone"


def misfits(annotation: Annotation) -> set[tuple[str, str, str]]:
    bounds, types = SCHEMA.bounds, annotation.by_id()
    return {
        r.key
        for r in annotation.relations
        if not all(label.allows(types[r.head].label, types[r.tail].label) for label in bounds[r.label])
    }


def checked(annotation: Annotation, edit: Edit) -> Annotation:
    """The annotation after the edit, unless the store would refuse that."""
    after = attempt(annotation, edit)
    return annotation if misfits(after) - misfits(annotation) else after


def sides(annotation: Annotation) -> dict[Any, Any]:
    """All that was decided: (kind, name) -> the decision."""
    return {
        **{("entity", e.id): (e.start, e.end, e.label) for e in annotation.entities},
        **{("entity", e.id): "rejected" for e in annotation.rejected_entities},
        **{("relation", *r.key): "drawn" for r in annotation.relations},
        **{("relation", *r.key): "rejected" for r in annotation.rejected_relations},
    }


def taken_back(rules: Page, cases: list[tuple[Annotation, Annotation, Annotation]]) -> list[tuple[Any, Any]]:
    """For each (before, after, now): what now becomes of it in Python, None if nothing goes back, and what is kept."""
    found = rules.evaluate(
        f"""(cases) => {{ {PREPARE}
          return cases.map((case_) => {{
            const [before, after, now] = case_.map((c) => decode(c).state), {{ suggested, labels }} = decode(case_[2]);
            const types = new Map(case_[2].schema.entities.map((l) => [l.name, l]));
            const {{ state, kept }} = relex.takeBack({{ before, after }}, now, types, labels);
            return [state && relex.steps(now, state, suggested), kept];
          }});
        }}""",
        [[payload(a) for a in case] for case in cases],
    )
    return [
        (edits and apply_all(now, [edit_from_json(edit) for edit in edits]), kept)
        for (_, _, now), (edits, kept) in zip(cases, found, strict=True)
    ]


def test_a_step_is_taken_back_where_it_stands_and_nothing_of_others_with_it(rules: Page) -> None:
    rng = random.Random(18)
    cases = []
    for _ in range(160):
        before = begin(random_extraction(rng))
        for n in range(rng.randint(0, 4)):
            before = checked(before, random_edit(rng, before, n, before))
        after = now = checked(before, random_edit(rng, before, 10, before))
        for n in range(rng.randint(0, 5)):
            now = checked(now, random_edit(rng, now, 20 + n, now))
        cases.append((before, after, now))
    outcomes: Counter[str] = Counter()
    for (before, after, now), (found, kept) in zip(cases, taken_back(rules, cases), strict=True):
        was, left, is_ = sides(before), sides(after), sides(now)
        then = sides(found or now)
        mine = {key for key in was | left if was.get(key) != left.get(key)}
        theirs = {key for key in left | is_ if left.get(key) != is_.get(key)}
        for key in was | left | is_:
            allowed = {was.get(key), is_.get(key)} if key in mine - theirs else {is_.get(key)}
            assert then.get(key) in allowed, key
        if not theirs:
            assert then == was
        assert bool(kept) == any(then.get(key) != was.get(key) for key in mine)
        outcomes["moved" if found else "kept" if kept else "gone"] += 1
        outcomes["partly"] += bool(found and kept)
        if found:
            assert misfits(found) <= misfits(now)
    assert min(outcomes[name] for name in ("moved", "kept", "gone", "partly")) > 3, outcomes


ADA = Entity.suggested(0, 3, "person", 0.9)
MET = Entity.suggested(10, 13, "place", 0.8)
SOCIETY = Entity.suggested(22, 31, "group", 0.7)


@pytest.mark.parametrize(
    ("earlier", "mine", "theirs", "moved", "kept"),
    [
        ([Accept((ADA.id,))], Relabel(ADA.id, "place"), [], {ADA.id: "person"}, []),
        # on what was relabelled somebody has drawn what its first type does not allow
        (
            [Accept((MET.id, SOCIETY.id))],
            Relabel(MET.id, "person"),
            [AddRelation(MET.id, SOCIETY.id, "knows")],
            None,
            [MET.id],
        ),
        # somebody has marked anew what was moved away
        ([Accept((ADA.id,))], MoveBounds(ADA.id, 0, 5), [AddEntity("bob", 0, 3, "person")], None, [ADA.id]),
        # somebody has related what was marked
        ([Accept((ADA.id,))], AddEntity("own", 4, 6, "group"), [AddRelation(ADA.id, "own", "knows")], None, ["own"]),
        # of two relations between the same two one goes, and its ends stay for the other
        (
            [],
            AddRelation(ADA.id, SOCIETY.id, "knows"),
            [AddRelation(ADA.id, SOCIETY.id, "likes")],
            {ADA.id: "person", SOCIETY.id: "group", (ADA.id, SOCIETY.id): "likes"},
            [ADA.id, SOCIETY.id],
        ),
        # a relation that was given another label, and a third one by somebody else, does not come back beside it
        (
            [AddRelation(ADA.id, SOCIETY.id, "knows")],
            RelabelRelation(ADA.id, SOCIETY.id, "knows", "likes"),
            [RelabelRelation(ADA.id, SOCIETY.id, "likes", "holds")],
            None,
            ["knows"],
        ),
        # half of what was accepted in one go was turned down since
        ([], Accept((ADA.id, SOCIETY.id)), [RemoveEntity(SOCIETY.id)], {}, [SOCIETY.id]),
    ],
)
def test_what_somebody_else_built_on_a_step_holds_it(
    rules: Page, earlier: list[Edit], mine: Edit, theirs: list[Edit], moved: dict[Any, str] | None, kept: list[str]
) -> None:
    before = apply_all(begin(Extraction(Document("d", TEXT), SCHEMA, (ADA, MET, SOCIETY), (), "m")), earlier)
    after = apply(before, mine)
    now = apply_all(after, theirs)
    ((found, held),) = taken_back(rules, [(before, after, now)])
    assert sorted(item.get("id", item["label"]) for item in held) == sorted(kept)
    if moved is None:
        assert found is None
    else:
        assert {e.id: e.label for e in found.entities} | {(r.head, r.tail): r.label for r in found.relations} == moved


@pytest.mark.parametrize(
    ("layout", "row"),
    [("US", "1234567890"), ("French", "&é\"'(-è_çà"), ("Czech", "+ěščřžýáíé")],
)
def test_the_number_row_gives_labels_whatever_signs_a_layout_writes_there(rules: Page, layout: str, row: str) -> None:
    events = [{"code": f"Digit{(n + 1) % 10}", "key": sign} for n, sign in enumerate(row)]
    assert read_keys(rules, events) == [{"digit": n + 1} for n in range(10)]


@pytest.mark.parametrize(
    ("event", "found"),
    [
        ({"code": "Digit1", "key": "!", "shiftKey": True}, {"action": "flag"}),
        ({"code": "Digit6", "key": "6", "shiftKey": True}, {"digit": 6}),  # French
        ({"code": "Digit5", "key": "[", "graph": True}, {"action": "shrink"}),  # AltGr on a French keyboard
        ({"code": "Digit8", "key": "[", "graph": True, "ctrlKey": True, "altKey": True}, {"action": "shrink"}),
        ({"code": "Digit3", "key": "'", "altKey": True}, {"digit": 13}),
        ({"code": "Digit3", "key": "#", "altKey": True, "shiftKey": True}, {"relation": 3}),
        ({"code": "NumpadAdd", "key": "+"}, {"action": "more"}),
        ({"code": "Numpad6", "key": "6"}, {"digit": 6}),
        ({"code": "Equal", "key": "-"}, {"action": "less"}),
        ({"code": "Digit6", "key": "-", "ctrlKey": True}, None),
    ],
)
def test_other_keys_keep_what_they_write(rules: Page, event: dict[str, Any], found: dict[str, Any] | None) -> None:
    assert read_keys(rules, [event]) == [found]


def read_keys(rules: Page, events: list[dict[str, Any]]) -> Any:
    """What each key event stands for; `graph` is AltGr."""
    return rules.evaluate(
        """(events) => events.map(({ graph = false, ...event }) => new relex.Keys().read({
          ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...event,
          getModifierState: (name) => name === 'AltGraph' && graph,
        }))""",
        events,
    )
