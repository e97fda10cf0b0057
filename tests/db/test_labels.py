from __future__ import annotations

from dataclasses import replace

import pytest

from db import audit, check, label_changes, projects, saving
from db.labels import Renames, Version, renames_since
from db.store import Store
from db.values import State
from relex_core import editing
from relex_core.errors import SchemaError, StoreError
from relex_core.types import Annotation, Entity, Relation, RelationLabel, Schema
from tests.db.conftest import ADA, CAFE, NIELS, SCHEMA, found, suggestions

TYPED = Schema(
    SCHEMA.entity_labels,
    (
        RelationLabel("born in", head_types=("person",), tail_types=("place",)),
        RelationLabel("works for", inverse="employs"),
        RelationLabel("employs", inverse="works for"),
    ),
)


@pytest.fixture
def project(store: Store) -> str:
    store.create_project("letters", TYPED)
    store.add_documents("letters", [ADA, NIELS, CAFE])
    extraction = replace(suggestions(), schema=TYPED)
    store.save_extraction("letters", extraction)
    accept = editing.Accept(relations=(extraction.relations[0].key,))
    store.save("letters", editing.apply(editing.begin(extraction), accept), annotator="ann")
    return "letters"


def latest(store: Store, id: str = "ada") -> Annotation:
    revision = store.latest("letters", id)
    assert revision is not None
    return revision.annotation


def labels_of(annotation: Annotation) -> list[str]:
    return [entity.label for entity in annotation.entities]


def test_rename_is_previewed_done_and_taken_back(store: Store, project: str) -> None:
    before, stored = latest(store), store.revisions(project, "ada")
    change = label_changes.preview(store, project, "entity", "person", "human")
    assert (change.merges, change.documents, change.mentions, change.suggested) == (False, 1, 1, 1)
    assert label_changes.rename(store, project, "entity", "person", "human", by="ann") == change
    after = latest(store)
    assert labels_of(after) == ["human", "place"]
    assert after.schema == store.project(project).schema
    assert after.schema.relation("born in").head_types == ("human",)
    assert after.schema.entity("human").letter == before.schema.entity("person").letter
    extraction = store.extraction(project, "ada")
    assert extraction == after.based_on
    assert extraction is not None
    assert [e.label for e in extraction.entities] == ["human", "place"]
    assert store.revisions(project, "ada") == stored  # history is as it was saved
    assert [row.id for row in store.queue(project, search="label:human")] == ["ada"]
    assert store.queue(project, search="label:person") == ()
    assert label_changes.undo(store, project).schema == TYPED
    assert latest(store) == before
    assert [row.id for row in store.queue(project, search="label:person")] == ["ada"]
    with pytest.raises(StoreError, match="just renamed"):
        label_changes.undo(store, project)
    assert [event.action for event in audit.events(store, project)][:2] == ["label change taken back", "label change"]
    assert store.project(project).schema_version == 3


def test_work_done_between_rename_and_undo_goes_back_too(store: Store, project: str) -> None:
    label_changes.rename(store, project, "entity", "person", "human")
    schema = store.project(project).schema
    store.save(project, Annotation(NIELS, schema, (Entity("e", 0, 10, "human"),)), annotator="ann")
    label_changes.undo(store, project)
    assert labels_of(latest(store, "niels")) == ["person"]
    # a page that still shows the label set of in between
    store.save(project, Annotation(CAFE, schema, (Entity("e", 4, 8, "human"),)), annotator="ann")
    assert labels_of(latest(store, "cafe")) == ["person"]
    assert [row.id for row in store.queue(project, search="label:person")] == ["ada", "niels", "cafe"]


def test_a_page_with_the_label_set_of_before_saves_under_the_new_name(store: Store, project: str) -> None:
    old = latest(store)
    label_changes.rename(store, project, "entity", "person", "human")
    store.save(project, old, annotator="ann")
    assert labels_of(latest(store)) == ["human", "place"]
    assert store.queue(project, search="label:person") == ()


@pytest.mark.parametrize("way", ["saved", "saved with many", "based on"])
def test_a_reading_that_began_before_a_rename_is_found_under_the_new_name(store: Store, project: str, way: str) -> None:
    before = store.project(project).schema
    label_changes.rename(store, project, "entity", "person", "human")
    reading = replace(found(NIELS, Entity.suggested(0, 5, "person", 0.9)), schema=before)
    if way == "saved":
        store.save_extraction(project, reading)
    elif way == "based on":
        store.save(project, editing.begin(reading), annotator="ann")
    else:
        with store.database.write() as connection:
            pk, _ = projects.find(connection, project)
            labels = projects.load_labels(connection, pk)
            work = saving.Work("ann", State.SUBMITTED, client="file", seq=1)
            saving.save_many(connection, labels, [(editing.begin(reading), work)], store.now())
    extraction = store.extraction(project, "niels")
    assert extraction is not None
    assert [e.label for e in extraction.entities] == ["human"]
    assert [row.id for row in store.queue(project, search="label:human")] == ["ada", "niels"]
    assert store.queue(project, search="label:person") == ()
    assert list(check.check(store.database)) == []


def test_what_an_older_model_found_does_not_come_back_into_the_index(store: Store, project: str) -> None:
    older = found(NIELS, Entity.suggested(0, 5, "person", 0.9))
    store.save_extraction(project, older)
    store.save_extraction(project, found(NIELS, Entity.suggested(19, 25, "place", 0.9), model="mini-2"))
    store.save_extraction(project, older)
    assert [row.id for row in store.queue(project, search="label:person")] == ["ada"]
    assert list(check.check(store.database)) == []


def test_merge_makes_twins_one_and_undo_parts_them(store: Store, project: str) -> None:
    twins = Annotation(
        NIELS,
        TYPED,
        (Entity("a", 0, 10, "person"), Entity("b", 0, 10, "organization"), Entity("c", 19, 25, "place")),
        (Relation("a", "c", "born in"), Relation("b", "c", "born in")),
    )
    store.save(project, twins, annotator="ann")
    change = label_changes.rename(store, project, "entity", "organization", "person")
    assert change.merges
    merged = latest(store, "niels")
    assert labels_of(merged) == ["person", "place"]
    assert merged.relations == (Relation("a", "c", "born in"),)
    assert [label.name for label in store.project(project).schema.entity_labels] == ["person", "place"]
    row = store.queue(project, search="niels")[0]
    assert (row.entities, row.relations) == (2, 1)
    label_changes.undo(store, project)
    assert latest(store, "niels") == twins
    assert [row.id for row in store.queue(project, search="label:organization")] == ["niels"]
    assert store.queue(project, search="niels")[0].entities == 3


def test_relation_labels_are_renamed_and_merged(store: Store, project: str) -> None:
    label_changes.rename(store, project, "relation", "works for", "has employer")
    assert store.project(project).schema.relation("employs").inverse == "has employer"
    label_changes.rename(store, project, "relation", "born in", "has employer")
    assert [r.label for r in latest(store).relations] == ["has employer"]
    label_changes.undo(store, project)
    assert [r.label for r in latest(store).relations] == ["born in"]


def test_rename_needs_a_label_and_a_name(store: Store, project: str) -> None:
    for old, new in (("nobody", "x"), ("person", "person"), ("person", ""), ("person", "<<ENT>>")):
        with pytest.raises(SchemaError):
            label_changes.rename(store, project, "entity", old, new)
    assert store.project(project).schema_version == 1


def test_a_label_in_use_is_hidden_not_deleted(store: Store, project: str) -> None:
    fewer = Schema.of(["organization", "event"], ["works for"])
    schema = store.save_schema(project, fewer).schema
    assert [(label.name, label.hidden) for label in schema.entity_labels] == [
        ("organization", False),
        ("event", False),
        ("person", True),
        ("place", True),
    ]
    assert [label.name for label in schema.visible_relations] == ["works for"]
    assert labels_of(latest(store)) == ["person", "place"]
    assert store.save_schema(project, fewer).schema_version == 2
    back = store.save_schema(project, Schema.of(["person", "organization"])).schema
    assert not back.entity("person").hidden


def test_extraction_with_a_label_that_is_gone(store: Store, project: str) -> None:
    store.save_extraction(project, replace(found(NIELS, Entity.suggested(0, 10, "organization", 0.9)), schema=TYPED))
    store.save_schema(project, Schema.of(["person", "place"], ["born in"]))
    extraction = store.extraction(project, "niels")
    assert extraction is not None
    assert extraction.entities == ()


def test_chains_of_renames() -> None:
    def step(number: int, old: str, new: str, reverts: int | None = None) -> Version:
        return Version(number, Renames(((old, new),)), reverts)

    chain = [Version(1, Renames()), step(2, "a", "b"), step(3, "b", "c")]
    assert renames_since(chain, 1).entities == (("a", "c"), ("b", "c"))
    assert renames_since(chain, 2).entities == (("b", "c"),)
    assert not renames_since(chain, 3)
    # a new label under a name that was free again is another label
    assert renames_since([*chain, step(4, "a", "d")], 1).entities == (("a", "c"), ("b", "c"))
