from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from db import check, label_changes, progress
from db.store import Store
from db.values import Order, State
from relex_core import editing
from relex_core.errors import Conflict, InputError, NotFound, SchemaError, StoreError
from relex_core.types import RESCORED, Annotation, Document, Entity, Relation, Schema, Thresholds, Undecided
from tests.db.conftest import ADA, CAFE, NIELS, SCHEMA, found, suggestions


@pytest.fixture
def project(store: Store) -> str:
    store.create_project("letters", SCHEMA, "Mark people.")
    store.add_documents("letters", [ADA, NIELS, CAFE])
    return "letters"


def accepted() -> Annotation:
    return editing.apply(editing.begin(suggestions()), editing.Accept(relations=(suggestions().relations[0].key,)))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_sqlite_is_opened_for_several_processes_and_power_cuts(store: Store) -> None:
    with store.database.read() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        said = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in asked]
    assert said == ["wal", 2, 1, 10_000]


def test_project_is_found_again(store: Store) -> None:
    made = store.create_project(" letters ", SCHEMA, "Mark people.")
    assert store.project("letters") == made
    assert (made.name, made.schema, made.schema_version, made.guidelines) == ("letters", SCHEMA, 1, "Mark people.")
    assert store.projects() == (made,)


def test_project_names_are_unique_and_known(store: Store) -> None:
    store.create_project("letters", SCHEMA)
    with pytest.raises(StoreError, match="not in use"):
        store.create_project("letters", SCHEMA)
    with pytest.raises(InputError, match="1 to 200 printable"):
        store.create_project("a\nb", SCHEMA)
    with pytest.raises(NotFound, match="'letters'"):
        store.project("other")


def test_documents_are_added_once(store: Store) -> None:
    store.create_project("letters", SCHEMA)
    assert store.add_documents("letters", [ADA, NIELS, ADA]).added == 2
    again = store.add_documents("letters", [replace(ADA, id="other"), CAFE])
    assert (again.added, again.duplicates, again.renamed) == (1, 1, ())
    assert store.document("letters", "ada") == ADA
    assert store.counts("letters")[State.NEW] == 3


def test_a_taken_id_is_changed_and_told(store: Store, project: str) -> None:
    other = Document("ada", "Quite another text.")
    added = store.add_documents(project, [other])
    ((wanted, given),) = added.renamed
    assert wanted == "ada"
    assert store.document(project, given).text == other.text
    assert store.add_documents(project, [other]).duplicates == 1


def test_one_text_under_two_ids_if_wanted(store: Store, project: str) -> None:
    copy = replace(ADA, id="ada again")
    assert store.add_documents(project, [copy], deduplicate=False).added == 1
    assert store.add_documents(project, [copy], deduplicate=False).added == 0
    store.save(project, Annotation(copy, SCHEMA), annotator="ann")
    assert store.latest(project, "ada") is None
    assert store.latest(project, "ada again") is not None


def test_extraction_comes_back_equal(store: Store, project: str) -> None:
    first = store.save_extraction(project, suggestions())
    assert store.save_extraction(project, suggestions()) == first
    assert store.save_extraction(project, suggestions(model="mini-2")) != first
    assert store.extraction(project, "ada") == suggestions(model="mini-2")
    assert store.extraction(project, "ada", "mini-1") == suggestions()
    assert store.extraction(project, "niels") is None


def test_revision_comes_back_equal(store: Store, project: str) -> None:
    edits = (editing.Accept(relations=(suggestions().relations[0].key,)),)
    saved = store.save(
        project,
        accepted(),
        annotator="ann",
        edits=edits,
        client="tab",
        seq=4,
        expected=0,
        state=State.SUBMITTED,
        thresholds=Thresholds(0.2, 0.4, (("person", 0.6),)),
        note="sure 😀",
        seconds=12.5,
        keystrokes=7,
    )
    assert saved.annotation == accepted()
    assert (saved.number, saved.model_version, saved.edits, saved.keystrokes) == (1, "mini-1", edits, 7)
    assert store.latest(project, "ada") == saved
    assert store.revisions(project, "ada") == (saved,)
    assert store.latest(project, "ada", "ann") == saved
    assert store.latest(project, "ada", "bob") is None
    assert store.annotators() == ("ann",)


def test_what_a_submitted_document_left_alone_is_read_again(store: Store, project: str) -> None:
    person, place = suggestions().entities
    relation = suggestions().relations[0].key
    decided = editing.apply(editing.begin(suggestions()), editing.Accept((person.id,)))
    left = Undecided(seen=(place.id,), not_shown_relations=(relation,))
    saved = store.save(
        project, replace(decided, undecided=left), annotator="ann", state=State.SUBMITTED, thresholds=Thresholds(0.2)
    )
    assert saved.annotation.undecided == left
    for read in (store.latest(project, "ada"), store.revisions(project, "ada")[0], *store.latest_revisions(project)):
        assert read is not None
        assert (read.annotation.undecided, read.thresholds) == (left, Thresholds(0.2))
    # relations go by today's name, but in the history
    label_changes.rename(store, project, "relation", "born in", "native of", "ann")
    latest = store.latest(project, "ada")
    assert latest is not None
    assert latest.annotation.undecided == Undecided((place.id,), (), (), ((*relation[:2], "native of"),))
    assert store.revisions(project, "ada")[0].annotation.undecided == left
    # the same decisions in a document that is not submitted say nothing of it
    store.set_state(project, "ada", State.FLAGGED, annotator="ann")
    assert [r.annotation.undecided for r in store.revisions(project, "ada")] == [left, None]
    assert [finding for finding in check.check(store.database) if not finding.derived] == []


def test_relations_scored_on_ones_own_marks_are_not_what_the_model_found(store: Store, project: str) -> None:
    own, read = Entity("own-1", 13, 16, "place"), suggestions()
    store.save_extraction(project, read)
    anew = replace(
        read,
        entities=(read.entities[0], own, read.entities[1]),
        relations=(Relation(read.entities[0].id, "own-1", "born in", 0.7),),
        model_version=read.model_version + RESCORED,
    )
    row = store.queue(project, search='"Lovelace"')[0]
    saved = store.save(project, Annotation(ADA, SCHEMA, (own,), based_on=anew), annotator="ann", independent=True)
    # the revision says what the person saw
    assert saved.annotation.based_on == anew
    assert store.latest(project, "ada", "ann") == saved
    # and the document what the model found
    assert store.extraction(project, "ada") == read
    assert progress.extraction(store, project, "ada", "mini-1") == read
    assert progress.count_unscored(store, project, "mini-1") == 2
    assert store.queue(project, search='"Lovelace"')[0].score == row.score
    # also where it comes as an extraction, from a file for instance
    store.save_extraction(project, anew)
    assert store.extraction(project, "ada") == read
    assert list(check.check(store.database)) == []


def test_repeated_batch_is_saved_once(store: Store, project: str) -> None:
    first = store.save(project, accepted(), annotator="ann", client="tab", seq=3)
    assert store.save(project, accepted(), annotator="ann", client="tab", seq=3) == first
    assert store.save(project, accepted(), annotator="ann", client="tab", seq=2) == first
    second = store.save(project, Annotation(ADA, SCHEMA), annotator="ann", client="tab", seq=5)
    assert second.number == 2
    assert store.save(project, accepted(), annotator="ann", client="tab", seq=4) == second
    assert store.acknowledged(project, "ada", "tab") == 5
    assert store.acknowledged(project, "ada", "other tab") == 0
    assert store.acknowledged(project, "niels", "tab") == 0


def test_second_writer_is_refused_and_sees_the_first(store: Store, project: str) -> None:
    first = store.save(project, accepted(), annotator="ann", expected=0)
    with pytest.raises(Conflict, match="revision 1 by 'ann'") as refused:
        store.save(project, Annotation(ADA, SCHEMA), annotator="bob", expected=0)
    assert refused.value.value == first
    assert store.revisions(project, "ada") == (first,)
    store.save(project, Annotation(ADA, SCHEMA), annotator="bob", expected=1)


def test_independent_annotators_do_not_refuse_each_other(store: Store, project: str) -> None:
    store.save(project, accepted(), annotator="ann", expected=0, independent=True)
    store.save(project, Annotation(ADA, SCHEMA), annotator="bob", expected=0, independent=True)
    with pytest.raises(Conflict):
        store.save(project, accepted(), annotator="bob", expected=0, independent=True)
    assert [r.annotator for r in store.by_annotator(project, "ada")] == ["ann", "bob"]
    latest = store.latest(project, "ada", "ann")
    assert latest is not None
    assert latest.annotation == accepted()


def test_a_version_made_from_others_is_refused_once_these_are_not_the_latest(store: Store, project: str) -> None:
    for who in ("ann", "bob"):
        store.save(project, accepted(), annotator=who, state=State.SUBMITTED, independent=True)
    seen = {r.annotator: r.number for r in store.by_annotator(project, "ada")}
    store.save(project, accepted(), annotator="eva", independent=True)
    newer = store.save(project, Annotation(ADA, SCHEMA), annotator="bob", state=State.FLAGGED, independent=True)
    with pytest.raises(Conflict, match="revision 4 by 'bob'") as refused:
        store.save(project, accepted(), annotator="both", made_from=seen, independent=True)
    assert refused.value.value == (newer,)
    assert len(store.revisions(project, "ada")) == 4
    # work in progress of somebody who was not among them is no version yet
    store.save(project, accepted(), annotator="both", made_from={**seen, "bob": newer.number}, independent=True)


def test_save_needs_a_known_document_with_that_text(store: Store, project: str) -> None:
    with pytest.raises(NotFound, match="id of a document"):
        store.save(project, Annotation(Document("new", "Nobody knows me."), SCHEMA), annotator="ann")
    with pytest.raises(InputError, match="another text"):
        store.save(project, Annotation(Document("ada", "Changed."), SCHEMA), annotator="ann")


def test_unknown_labels_are_refused(store: Store, project: str) -> None:
    other = Schema.of(["animal"])
    with pytest.raises(SchemaError, match="'animal'"):
        store.save(project, Annotation(ADA, other, (Entity("e", 0, 3, "animal"),)), annotator="ann")
    assert store.latest(project, "ada") is None


@pytest.mark.parametrize("note", ["\x00", "\ud83d"])
def test_what_databases_cannot_hold_is_refused(store: Store, project: str, note: str) -> None:
    with pytest.raises(InputError, match="readable characters"):
        store.save(project, accepted(), annotator="ann", note=note)
    with pytest.raises(InputError):
        store.save(project, accepted(), annotator=note)
    strange = Annotation(ADA, SCHEMA, (Entity(note, 0, 3, "person"),))
    try:
        store.save(project, strange, annotator="ann")
    except InputError:
        assert store.latest(project, "ada") is None
    else:
        assert next(store.annotations(project)) == strange


def test_set_state_is_a_revision_with_the_same_decisions(store: Store, project: str) -> None:
    store.save(project, accepted(), annotator="ann")
    flagged = store.set_state(project, "ada", State.FLAGGED, annotator="bob", note="odd")
    assert (flagged.number, flagged.annotation, flagged.note) == (2, accepted(), "odd")
    skipped = store.set_state(project, "niels", "skipped", annotator="bob")
    assert skipped.annotation == Annotation(NIELS, SCHEMA)
    counts = {State.NEW: 1, State.IN_PROGRESS: 0, State.SUBMITTED: 0, State.SKIPPED: 1, State.FLAGGED: 1}
    assert store.counts(project) == counts


def test_annotations_stream_the_latest_of_each_document(store: Store, project: str) -> None:
    store.save(project, Annotation(ADA, SCHEMA), annotator="bob", state=State.SUBMITTED)
    store.save(project, accepted(), annotator="ann", state=State.SUBMITTED)
    store.save(project, Annotation(CAFE, SCHEMA), annotator="bob", state=State.SKIPPED)
    plain = replace(accepted(), based_on=None)
    assert list(store.annotations(project)) == [plain, Annotation(CAFE, SCHEMA)]
    assert next(store.annotations(project, suggestions=True)) == accepted()
    assert list(store.annotations(project, states=[State.SUBMITTED])) == [plain]
    assert list(store.annotations(project, annotators=["bob"])) == [Annotation(ADA, SCHEMA), Annotation(CAFE, SCHEMA)]
    assert [r.model_version for r in store.latest_revisions(project)] == ["mini-1", None]


def test_streaming_sees_one_moment(store: Store, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.revisions.BATCH", 1)
    for document in (ADA, NIELS, CAFE):
        store.save(project, Annotation(document, SCHEMA), annotator="ann")
    stream = store.annotations(project)
    next(stream)
    store.save(project, Annotation(NIELS, SCHEMA, (Entity("e", 0, 5, "person"),)), annotator="ann")
    assert next(stream) == Annotation(NIELS, SCHEMA)
    assert next(stream) == Annotation(CAFE, SCHEMA)


def test_clock_that_goes_back_keeps_the_order(store: Store, project: str) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    ticks = iter([now, now - timedelta(days=1), now + timedelta(seconds=1)])
    store._clock = lambda: next(ticks)
    for _ in range(3):
        store.save(project, accepted(), annotator="ann")
    saved = store.revisions(project, "ada")
    assert [r.number for r in saved] == [1, 2, 3]
    assert [r.saved_at for r in saved] == [now, now, now + timedelta(seconds=1)]
    assert store.latest(project, "ada") == saved[-1]


@pytest.mark.parametrize("order", list(Order))
def test_pages_hold_every_document_once(store: Store, order: Order) -> None:
    store.create_project("many", SCHEMA)
    texts = [f"Person {n} was born in London." for n in range(23)]
    store.add_documents("many", [Document(f"d{n}", text) for n, text in enumerate(texts)])
    for n in range(0, 23, 3):
        document = store.document("many", f"d{n}")
        entity = Entity.suggested(0, 6, "person", 0.3 + n / 100)
        store.save_extraction("many", found(document, entity))
        store.set_state("many", f"d{n}", State.FLAGGED if n % 2 else State.SUBMITTED, annotator="ann")
    whole = store.queue("many", order=order, limit=100)
    assert len({row.id for row in whole}) == 23
    pages = []
    page = store.queue("many", order=order, limit=4)
    while page:
        pages += page
        page = store.queue("many", order=order, limit=4, after=page[-1])
    assert tuple(pages) == whole
    assert store.queue("many", order=order, limit=4, after=pages[3].id) == whole[4:8]
    keys = [row.key for row in whole]
    assert keys == sorted(keys, reverse=order in (Order.UNCERTAINTY, Order.MIXED, Order.UPDATED))
    chosen = store.queue("many", order=order, states=[State.FLAGGED, "submitted"])
    assert len(chosen) == 8
    assert {row.state for row in chosen} == {State.FLAGGED, State.SUBMITTED}


def test_uncertain_documents_come_first(store: Store, project: str) -> None:
    sure = found(NIELS, Entity.suggested(0, 10, "person", 0.99))
    unsure = found(CAFE, Entity.suggested(4, 8, "place", 0.31))
    store.save_extraction(project, sure)
    store.save_extraction(project, unsure)
    rows = store.queue(project, order="uncertainty")
    assert [row.id for row in rows] == ["cafe", "niels", "ada"]
    assert rows[0].score == pytest.approx(1 - 0.01 / 0.7)
    assert rows[2].score is None


def test_diverse_documents_come_first(store: Store) -> None:
    store.create_project("many", SCHEMA)
    for n in range(12):
        document = Document(f"d{n}", f"Text number {n}.")
        label = "person" if n < 10 else ("place", "organization")[n - 10]
        store.add_documents("many", [document])
        store.save_extraction("many", found(document, Entity.suggested(0, 4, label, 0.9)))
    first = {row.id for row in store.queue("many", order="diversity", limit=3)}
    assert {"d10", "d11"} < first


def test_entity_rich_documents(store: Store, project: str) -> None:
    store.save_extraction(project, suggestions())
    assert [row.id for row in store.queue(project, min_suggested=2)] == ["ada"]
    assert store.queue(project, min_suggested=3) == ()


def test_relations_and_entities_are_listed(store: Store, project: str) -> None:
    store.save(project, accepted(), annotator="ann")
    row = store.queue(project)[0]
    assert (row.id, row.entities, row.relations, row.annotator, row.revisions) == ("ada", 2, 1, "ann", 1)
    assert row.updated_at is not None
    assert store.queue(project)[1].updated_at is None


def test_database_refuses_to_change_what_was_said(store: Store, project: str) -> None:
    store.save(project, accepted(), annotator="ann")
    for statement in ("UPDATE revisions SET note = 'x'", "DELETE FROM extractions", "DELETE FROM texts"):
        with pytest.raises(StoreError, match="only ever added"), store.database.write() as connection:
            connection.exec_driver_sql(statement)


def test_hostile_names_are_only_text(store: Store) -> None:
    name = "x'; DROP TABLE documents; --"
    store.create_project(name, Schema.of(["<script>alert(1)</script>"]))
    document = Document("../../etc/passwd'\"", "Robert'); DROP TABLE revisions;--", "%s %(x)s :y")
    store.add_documents(name, [document])
    assert store.document(name, document.id) == document
    assert [row.id for row in store.queue(name, search="robert'); DROP")] == [document.id]


def test_importing_db_is_light() -> None:
    code = (
        "import db.store, db.exports, db.imports, db.__main__, sys;"
        "print([m for m in ('torch', 'transformers', 'streamlit', 'pages', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_relations_between_merged_ends_survive_reading(store: Store, project: str) -> None:
    annotation = Annotation(
        ADA,
        SCHEMA,
        (Entity("a", 0, 12, "person"), Entity("b", 25, 31, "place")),
        (Relation("a", "b", "born in"),),
        rejected_entities=(Entity("c", 4, 12, "person", 0.4),),
        rejected_relations=(Relation("a", "b", "works for", 0.55),),
    )
    store.save(project, annotation, annotator="ann")
    assert next(store.annotations(project)) == annotation
