"""Names that people join in a project's graph, and those that are proposed to them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

import networkx as nx
import pytest
import rdflib

from db import audit, corpus_reading, exports, imports, label_changes, leaving, naming
from db.__main__ import main
from db.alike import alike
from db.corpus import Corpus, Lens, Mention, Node, Source, narrow, normal
from db.formats import merged, writers
from db.manifests import file_hash
from db.names_command import read_csv
from db.naming import Decision
from db.store import Store
from relex_core.editing import Accept, apply, begin
from relex_core.errors import FormatError, InputError
from relex_core.types import Document, Entity, Extraction, Relation, Schema, Thresholds

SCHEMA = Schema.of(["person", "place"], ["lives in"])
MODEL = "m@1"
TEXTS = {
    "a": "Ada Lovelace lives in London.",
    "b": "Lovelace lives in LONDON. Byron lives in Rome.",
    "c": "A. Lovelace lives in Londinium. LOVELACE lives in Londinium.",
}


@pytest.fixture
def store(store: Store) -> Store:
    """Each sentence says that somebody lives somewhere."""
    store.create_project("p", SCHEMA)
    for id, text in TEXTS.items():
        entities, relations = [], []
        at = 0
        for sentence in re.split(r"(?<=[a-zN])\. ?", text)[:-1]:
            start = text.index(sentence, at)
            who, _, where = sentence.partition(" lives in ")
            head = Entity.suggested(start, start + len(who), "person", 0.9)
            tail = Entity.suggested(start + len(sentence) - len(where), start + len(sentence), "place", 0.9)
            entities += [head, tail]
            relations.append(Relation(head.id, tail.id, "lives in", 0.9))
            at = start + len(sentence)
        store.add_documents("p", [Document(id, text)])
        store.save_extraction("p", Extraction(Document(id, text), SCHEMA, tuple(entities), tuple(relations), MODEL))
    return store


def read(store: Store) -> Corpus:
    return corpus_reading.read(store, "p", Source.BOTH, Thresholds(), MODEL)


def said(store: Store) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Mentions and other names of each person's node."""
    return {n.text: (len(n.mentions), n.others) for n in read(store).nodes if n.label == "person"}


def test_names_that_are_joined_are_one_node_with_all_that_is_said_of_it(store: Store) -> None:
    before = corpus_reading.stamp(store, "p")
    assert said(store) == {"Ada Lovelace": (1, ()), "Lovelace": (2, ()), "A. Lovelace": (1, ()), "Byron": (1, ())}
    naming.join(store, "p", "person", ["Lovelace", "A. Lovelace"], "Ada Lovelace", by="bo")
    assert corpus_reading.stamp(store, "p") != before, "others see it as well"
    assert said(store) == {"Ada Lovelace": (4, ("Lovelace", "A. Lovelace")), "Byron": (1, ())}
    edges = {(e.head[0], e.tail[0]): len(e.evidence) for e in read(store).edges}
    assert edges == {("ada lovelace", "london"): 2, ("ada lovelace", "londinium"): 2, ("byron", "rome"): 1}
    assert store.document("p", "b").text == TEXTS["b"]


def test_what_was_joined_goes_on_together_and_comes_apart_one_by_one(store: Store) -> None:
    naming.join(store, "p", "person", ["Lovelace"], "A. Lovelace")
    naming.join(store, "p", "person", ["A. Lovelace"], "Ada Lovelace")
    assert said(store)["Ada Lovelace"] == (4, ("Lovelace", "A. Lovelace"))
    naming.join(store, "p", "person", ["Ada Lovelace"], "LOVELACE")
    assert said(store) == {"LOVELACE": (4, ("Ada Lovelace", "A. Lovelace")), "Byron": (1, ())}
    naming.part(store, "p", "person", ["ada  lovelace", "LOVELACE"])
    assert said(store) == {"LOVELACE": (3, ("A. Lovelace",)), "Ada Lovelace": (1, ()), "Byron": (1, ())}


def test_a_name_that_is_mentioned_nowhere_can_be_shown(store: Store) -> None:
    naming.join(store, "p", "person", ["Byron"], "George Gordon Byron")
    assert said(store)["George Gordon Byron"] == (1, ("Byron",))
    naming.part(store, "p", "person", ["Byron"])
    assert said(store)["Byron"] == (1, ())


def test_another_spelling_of_the_same_name_can_be_shown(store: Store) -> None:
    naming.join(store, "p", "person", ["Lovelace"], "LoveLace")
    assert said(store)["LoveLace"] == (2, ())


def test_labels_that_are_renamed_keep_their_names(store: Store) -> None:
    naming.join(store, "p", "person", ["Lovelace"], "Ada Lovelace")
    label_changes.rename(store, "p", "entity", "person", "human")
    assert {n.text: n.others for n in read(store).nodes if n.label == "human"} == {
        "Ada Lovelace": ("Lovelace",),
        "A. Lovelace": (),
        "Byron": (),
    }
    naming.part(store, "p", "human", ["Lovelace"])
    assert not any(node.others for node in read(store).nodes)


@pytest.mark.parametrize(("label", "names"), [("animal", ["Lovelace"]), ("person", [" \n"])])
def test_what_cannot_be_joined_is_refused(store: Store, label: str, names: list[str]) -> None:
    with pytest.raises(InputError, match="Expected"):
        naming.join(store, "p", label, names, "Ada Lovelace")
    assert not any(node.others for node in read(store).nodes)


def test_each_way_to_decide_writes_the_same_lines_and_none_that_changes_nothing(store: Store) -> None:
    def lines(project: str) -> list[tuple[str, str, dict[str, object]]]:
        found = audit.events(store, project)
        return [(e.action, e.by, dict(e.detail)) for e in reversed(found) if e.action in naming.ACTIONS]

    store.create_project("q", SCHEMA)
    for _ in range(2):
        naming.join(store, "p", "person", ["Lovelace", "A. Lovelace"], "Ada Lovelace", by="bo")
        naming.keep_apart(store, "p", "person", "Byron", "Ada Lovelace", by="bo")
    naming.part(store, "p", "person", ["A. Lovelace", "Byron"], by="bo")
    said = [Decision(naming.JOINED, "person", name, "Ada Lovelace") for name in ("Lovelace", "A. Lovelace")]
    said += [Decision(naming.APART, "person", "Byron", "Ada Lovelace")]
    assert naming.decide(store, "q", [*said, *said], by="bo") == 3
    assert naming.decide(store, "q", [Decision(naming.PARTED, "person", "A. Lovelace")], by="bo") == 1
    assert lines("p") == lines("q")
    named = [detail["names"] for _, _, detail in lines("p")]
    assert named == [["Lovelace", "A. Lovelace"], ["Byron", "Ada Lovelace"], ["A. Lovelace"]]


def test_proposals_are_asked_once(store: Store) -> None:
    def proposed() -> dict[str, tuple[str, str]]:
        return {found.name.text: (found.into.text, found.why) for found in alike(read(store))}

    assert proposed() == {"A. Lovelace": ("Ada Lovelace", "a shorter form")}, "document b names her by no longer one"
    leaving.leave_out(store, "p", ["b"])
    part = ("A. Lovelace", "a part of it, said after it")
    assert proposed() == {"A. Lovelace": ("Ada Lovelace", "a shorter form"), "LOVELACE": part}
    naming.keep_apart(store, "p", "person", "LOVELACE", "A. Lovelace")
    assert set(proposed()) == {"A. Lovelace"}
    naming.join(store, "p", "person", ["A. Lovelace"], "Ada Lovelace")
    assert proposed()["LOVELACE"] == ("Ada Lovelace", part[1]), (
        "that it is not her under the name that she has now, nobody said"
    )
    naming.join(store, "p", "person", ["Lovelace"], "Ada Lovelace")
    assert proposed() == {}
    naming.part(store, "p", "person", ["LOVELACE"])
    assert set(proposed()) == {"LOVELACE"}


def node(text: str, label: str = "person", documents: str = "d", mentions: int = 1) -> Node:
    return Node((normal(text), label), text, tuple(Mention(d, at, at + 1) for d in documents for at in range(mentions)))


@pytest.mark.parametrize(
    ("nodes", "into"),
    [
        ([node("Acme, Inc."), node("ACME", mentions=2)], {"Acme, Inc.": "ACME"}),
        ([node("José Núñez", mentions=2), node("Jose Nunez")], {"Jose Nunez": "José Núñez"}),
        ([node("U.S."), node("US", mentions=2)], {"U.S.": "US"}),
        ([node("W.H.O."), node("World Health Organization")], {"W.H.O.": "World Health Organization"}),
        ([node("J. R. Tolkien"), node("John Ronald Reuel Tolkien")], {"J. R. Tolkien": "John Ronald Reuel Tolkien"}),
        ([node("J. Smith"), node("John Smith", documents="e"), node("Jane Smith", documents="f")], {}),
        ([node("J. Smith"), node("John Smith"), node("Jane Smith", documents="f")], {"J. Smith": "John Smith"}),
        ([node("York"), node("New York", documents="e")], {}),
        ([node("Alan Turing", mentions=2), node("Alan Turning")], {"Alan Turning": "Alan Turing"}),
        ([node("Flight 12"), node("Flight 21"), node("Flight 1 2")], {}),
        ([node("1843"), node("1834"), node("184-3")], {}),
        ([node("Ada"), node("Ada", label="place")], {}),
        # a chain ends at the longest
        ([node("WHO"), node("W.H.O.", mentions=2), node("World Health Organization")],
         {"WHO": "W.H.O.", "W.H.O.": "World Health Organization"}),
    ],
)  # fmt: skip
def test_what_is_proposed(nodes: Sequence[Node], into: dict[str, str]) -> None:
    assert {found.name.text: found.into.text for found in alike(Corpus(SCHEMA, tuple(nodes)))} == into


def test_files_name_the_others(store: Store, tmp_path: Path) -> None:
    naming.join(store, "p", "person", ["Lovelace", "A. Lovelace"], "Ada Lovelace")
    view = narrow(read(store), Lens(limit=None))
    merged.write_graphml(view, tmp_path / "graph.graphml")
    named = {data["name"]: data["others"] for _, data in nx.read_graphml(tmp_path / "graph.graphml").nodes(data=True)}
    assert (named["Ada Lovelace"], named["Byron"]) == ("Lovelace; A. Lovelace", "")
    one, other = rdflib.Graph(), rdflib.Graph()
    merged.write_jsonld(view, tmp_path / "graph.jsonld")
    merged.write_turtle(view, tmp_path / "graph.ttl")
    one.parse(tmp_path / "graph.jsonld", format="json-ld")
    other.parse(tmp_path / "graph.ttl", format="turtle")
    assert set(one) == set(other)
    assert set(map(str, one.objects(None, rdflib.SKOS.altLabel))) == {"Lovelace", "A. Lovelace"}


def url(store: Store) -> str:
    return store.database.url.render_as_string(hide_password=False)


def names(store: Store, verb: str, *arguments: str, project: str = "p") -> int:
    return main(["names", verb, "--database", url(store), "--project", project, *arguments])


def test_exports_for_graphs_name_what_was_joined_and_training_data_do_not(store: Store, tmp_path: Path) -> None:
    for id in TEXTS:
        found = store.extraction("p", id)
        assert found is not None
        accepted = Accept(tuple(e.id for e in found.entities), tuple(r.key for r in found.relations))
        store.save("p", apply(begin(found), accepted), annotator="bo")

    def exported(round: str) -> dict[str, Path]:
        paths = {}
        for format in writers():
            paths[format.name] = tmp_path / round / f"all{format.suffix}"
            exports.snapshot(store, "p", paths[format.name], format=format.name)
        return paths

    before, stamp = exported("before"), exports.stamp(store, "p")
    naming.join(store, "p", "person", ["Lovelace", "A. Lovelace"], "Ada King")
    assert exports.stamp(store, "p") != stamp
    after = exported("after")
    changed = {name for name in after if file_hash(before[name]) != file_hash(after[name])}
    assert changed == {"csv-triples", "cypher", "graphml", "jsonld", "turtle"}
    with after["csv-triples"].open(encoding="utf-8", newline="") as file:
        rows = [(row["head"], row["head_name"], row["tail_name"]) for row in csv.DictReader(file)]
    assert rows == [
        ("Ada Lovelace", "Ada Lovelace", "London"),
        ("Lovelace", "Ada King", "LONDON"),
        ("Byron", "Byron", "Rome"),
        ("A. Lovelace", "Ada King", "Londinium"),
        ("LOVELACE", "Ada King", "Londinium"),
    ]
    nodes = nx.read_graphml(after["graphml"], force_multigraph=True).nodes(data=True)
    assert [(n["text"], n["name"]) for _, n in nodes if n.get("label") == "person"] == [row[:2] for row in rows]
    lines = after["cypher"].read_text("utf-8").splitlines()
    assert sum("e.text = 'LOVELACE'" in line and "e.name = 'Ada King'" in line for line in lines) == 1
    relex = rdflib.Namespace("urn:relex:vocabulary:")
    graphs = [rdflib.Graph().parse(after[name]) for name in ("turtle", "jsonld")]
    assert set(graphs[0]) == set(graphs[1])
    (node,) = graphs[0].subjects(rdflib.RDFS.label, rdflib.Literal("Ada King"))
    oa = rdflib.Namespace("http://www.w3.org/ns/oa#")
    named = [str(graphs[0].value(mention, oa.exact)) for mention in graphs[0].subjects(relex.name, node)]
    assert sorted(named) == ["A. Lovelace", "LOVELACE", "Lovelace"]
    merged.write_turtle(narrow(read(store), Lens()), tmp_path / "merged.ttl")
    assert (node, rdflib.RDF.type, relex.Name) in rdflib.Graph().parse(tmp_path / "merged.ttl"), "the same node there"
    for name in changed - {"csv-triples", "cypher"}:
        imports.load(store, f"back {name}", [after[name]], format=name, annotator="bo")
        for id in TEXTS:
            back, there = store.latest(f"back {name}", id), store.latest("p", id)
            assert back is not None
            assert there is not None
            assert back.annotation.entities == there.annotation.entities


def test_what_was_decided_can_be_carried_to_another_project(store: Store, tmp_path: Path) -> None:
    naming.join(store, "p", "person", ["Lovelace", "A. Lovelace"], "Ada Lovelace")
    naming.join(store, "p", "person", ["=Byron"], "BYRON")
    naming.join(store, "p", "place", ["London"], "LONDON")
    naming.join(store, "p", "place", ["Rome"], "London")
    naming.part(store, "p", "place", ["Rome"])
    naming.keep_apart(store, "p", "place", "London", "Londinium")
    table = tmp_path / "names.csv"
    assert names(store, "list", "--format", "csv", "--out", str(table)) == 0
    assert list(csv.reader(io.StringIO(table.read_text("utf-8")))) == [
        ["decision", "label", "name", "other", "why"],
        ["joined", "person", "A. Lovelace", "Ada Lovelace", ""],
        ["joined", "person", "Lovelace", "Ada Lovelace", ""],
        ["joined", "person", "'=Byron", "BYRON", ""],
        ["shown", "place", "London", "London", ""],
        ["different", "place", "Londinium", "London", ""],
    ]
    store.create_project("q", SCHEMA)
    naming.join(store, "q", "person", ["Lovelace"], "Ada Lovelace")
    assert names(store, "load", str(table), project="q") == 0
    assert naming.of(store, "q") == naming.of(store, "p")
    before = naming.made(store, "q")
    assert names(store, "load", str(table), project="q") == 0
    assert naming.made(store, "q") == before, "what was so already is not decided again"


def test_proposals_are_listed_and_taken_by_a_word(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leaving.leave_out(store, "p", ["b"])
    assert names(store, "list", "--proposed", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {(row["decision"], row["name"], row["other"], row["why"]) for row in found} == {
        ("proposed", "A. Lovelace", "Ada Lovelace", "a shorter form"),
        ("proposed", "LOVELACE", "A. Lovelace", "a part of it, said after it"),
    }
    assert names(store, "list", "--proposed", "--model", "another", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == [], "nobody but the model marked anything"
    assert names(store, "list", "--proposed") == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.split() == ["decision", "label", "name", "other", "why"]
    assert len({line.index("person") for line in rest}) == 1
    table = tmp_path / "names.csv"
    assert names(store, "list", "--proposed", "--format", "csv", "--out", str(table)) == 0
    answered = table.read_text("utf-8").replace('"proposed"', '"Joined"', 1)
    table.write_text(answered, "utf-8-sig")  # as a spreadsheet saves it
    assert names(store, "load", str(table)) == 0
    assert capsys.readouterr().out == "1 decisions, 1 of them new\n"
    assert [(made.name, made.other) for made in naming.decisions(store, "p")] == [("A. Lovelace", "Ada Lovelace")]


def test_names_are_joined_parted_and_kept_apart_by_name(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    about = ("--label", "person")
    assert names(store, "join", *about, "--into", "Ada Lovelace", "Lovelace", "A. Lovelace") == 0
    assert said(store) == {"Ada Lovelace": (4, ("Lovelace", "A. Lovelace")), "Byron": (1, ())}
    assert names(store, "part", *about, "A. Lovelace", "Byron") == 0
    assert capsys.readouterr().out == "2 decisions, 2 of them new\n2 decisions, 1 of them new\n"
    assert names(store, "differ", *about, "A. Lovelace", "Ada Lovelace") == 0
    assert {(m.action, m.name, m.other) for m in naming.decisions(store, "p")} == {
        (naming.JOINED, "Lovelace", "Ada Lovelace"),
        (naming.APART, "A. Lovelace", "Ada Lovelace"),
    }
    before = naming.made(store, "p")
    assert names(store, "join", "--label", "animal", "--into", "Ada", "Lovelace") == 2
    assert "an entity label of the project ('person', 'place')" in capsys.readouterr().err
    assert naming.made(store, "p") == before


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("decision,label,name\n", "no other"),
        ("", "no decision, label, name, other"),
        ("decision,label,name,other\nperhaps,person,Ada,Eva\n", "'perhaps' in line 2"),
        ("decision,label,name,other\nparted,person,Ada,\njoined,person,Ada\n", "an empty cell in line 3"),
        ('decision,label,name,other\njoined,person,"Ada,Eva\n', "quotation mark"),
    ],
)
def test_a_table_that_cannot_be_taken_is_told(tmp_path: Path, table: str, told: str) -> None:
    (tmp_path / "names.csv").write_text(table, "utf-8")
    with pytest.raises(FormatError, match=re.escape(told)):
        read_csv(tmp_path / "names.csv")


def test_a_table_is_taken_whole_or_not_at_all(store: Store, tmp_path: Path) -> None:
    rows = "joined;person;Lovelace;Ada Lovelace\njoined;animal;Cat;Dog\n"
    (tmp_path / "names.csv").write_text(f"decision;label;name;other\n{rows}", "utf-8")
    assert names(store, "load", str(tmp_path / "names.csv")) == 2
    assert naming.decisions(store, "p") == ()
