"""To which project corrections made in Explore go: not a new one for each change of the label set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from db import assignments, audit, label_changes, naming
from db.naming import Names
from db.store import Store
from pages.shared import actions, label_edits, resources
from pages.shared.corrections import Batch
from pages.shared.presets import PRESETS
from pages.shared.workspace import Workspace
from relex_core.editing import AddEntity, apply, begin
from relex_core.types import Document, Extraction, Schema, Thresholds


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'x.db'}") as opened:
        yield opened


def correct(store: Store, text: str, schema: Schema) -> Workspace:
    """A new visitor corrects a text with this label set."""
    workspace = Workspace((Document.from_text(text),), schema)
    return actions.begin_correcting(store, workspace, Extraction(workspace.document, schema, (), (), "m"))


def test_a_changed_label_set_stays_in_its_project(store: Store) -> None:
    first = correct(store, "Ada.", PRESETS["people"])
    wider = label_edits.apply(PRESETS["people"], {"op": "add", "kind": "entity", "names": "theory"})
    fewer = label_edits.apply(wider, {"op": "remove", "kind": "relation", "name": "spouse"})
    assert {correct(store, "Bo.", wider).project, correct(store, "Cem.", fewer).project} == {first.project}
    assert store.project("explore").documents == 3
    assert "theory" in {label.name for label in store.project("explore").schema.visible_entities}


def test_what_was_marked_with_a_label_that_is_gone_is_kept(store: Store) -> None:
    first = correct(store, "Ada won it.", PRESETS["people"])
    extraction = store.extraction(first.project, first.document.id)
    assert extraction is not None
    store.save(first.project, apply(begin(extraction), AddEntity("x", 0, 3, "award")), annotator="ada")
    without = label_edits.apply(PRESETS["people"], {"op": "remove", "kind": "entity", "name": "award"})
    assert correct(store, "Bo.", without).project == first.project
    latest = store.latest(first.project, first.document.id)
    assert latest is not None
    assert [e.label for e in latest.annotation.entities] == ["award"]
    assert latest.annotation.schema.entity("award").hidden


def test_another_field_of_work_gets_a_project_that_says_so(store: Store) -> None:
    correct(store, "Ada.", PRESETS["people"])
    assert correct(store, "Aspirin.", PRESETS["biomedical"]).project == "explore: drug, disease, gene"
    assert correct(store, "Ibuprofen.", PRESETS["biomedical"]).project == "explore: drug, disease, gene"
    assert correct(store, "Bo.", PRESETS["people"]).project == "explore"
    session = replace(correct(store, "Cem.", PRESETS["people"]), schema=PRESETS["science"], mode="marked")
    assert actions.begin_correcting(
        store, session, Extraction(session.document, PRESETS["science"], (), (), "m")
    ).project == ("explore")


def test_the_log_says_who_began_to_correct(store: Store) -> None:
    people = PRESETS["people"]
    workspace = Workspace((Document.from_text("Ada."),), people)
    begun = actions.begin_correcting(store, workspace, Extraction(workspace.document, people, (), (), "m"), "ada")
    actions.take_preset(store, begun, "science", "bob")
    assert [(event.action, event.by) for event in audit.events(store, begun.project)] == [
        ("label set saved", "bob"),
        ("documents added", "ada"),
        ("project created", "ada"),
    ]


def test_in_a_project_that_is_shared_out_explore_shows_ones_own_decisions_alone(store: Store) -> None:
    schema = PRESETS["people"]
    workspace = correct(store, "Ada met Bo.", schema)
    extraction = Extraction(workspace.document, schema, (), (), "m")
    assignments.share(store, workspace.project, ["ada", "eva"], 1.0)
    ada = Batch("a", workspace.document.id, ops=((1, AddEntity("x", 0, 3, "person")),))
    assert actions.commit(store, workspace, ada, extraction, "ada", Thresholds()).revision == 1
    assert [e.id for e in actions.annotation(store, workspace, extraction, "ada")[0].entities] == ["x"]
    assert actions.annotation(store, workspace, extraction, "eva") == (begin(extraction), 0)
    eva = Batch("e", workspace.document.id, ops=((1, AddEntity("y", 8, 10, "person")),))
    done = actions.commit(store, workspace, eva, extraction, "eva", Thresholds())
    assert (done.conflict, [e.id for e in done.annotation.entities]) == (None, ["y"])
    # shared out no more, the last one's decisions are everybody's
    assignments.stop(store, workspace.project)
    assert [e.id for e in actions.annotation(store, workspace, extraction, "ada")[0].entities] == ["y"]


def test_names_that_were_joined_in_its_project_are_one_in_explore(data: Path) -> None:
    store = resources.store()
    project = correct(store, "Ada met Countess Lovelace.", PRESETS["people"]).project
    assert resources.names("") == Names()
    naming.join(store, project, "person", ["Ada"], "Countess Lovelace")
    found = resources.names(project)
    assert found.key(("ada", "person")) == ("countess lovelace", "person")
    assert resources.names(project) is found, "the log is read only when somebody has decided"
    label_changes.rename(store, project, "entity", "person", "human")
    assert resources.names(project).key(("ada", "human")) == ("countess lovelace", "human")
    naming.part(store, project, "human", ["Ada"])
    assert resources.names(project).key(("ada", "human")) == ("ada", "human")
