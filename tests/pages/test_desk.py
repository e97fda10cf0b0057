"""The annotator's desk with the real model: reading ahead, committing, going on, rescoring, bulk work, labels."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from db import assignments, audit, gold, label_changes, leaving, progress
from db.store import Store
from db.values import Order, State
from pages.shared import bulk, label_sets, queueing, review, suggestions
from pages.shared import desk as desks
from pages.shared.corrections import Batch, Command
from pages.shared.desk import Desk
from pages.shared.jobs import Job, Jobs, Pieces
from pages.shared.queueing import Filter
from pages.shared.readings import Readings
from relex_core.editing import Accept, AddEntity, AddRelation, RemoveEntity, apply, begin
from relex_core.errors import SchemaError
from relex_core.inference import Extractor
from relex_core.selection import undecided
from relex_core.service import ModelService
from relex_core.types import Annotation, Document, RelationLabel, Schema, Thresholds, Undecided
from tests.edits import apply_all
from tests.pages.projects import NAMES, SCHEMA, Overrun, Silent, store_with, suggest, text
from tests.relex_core.tiny import broken

FILE = Filter(order=Order.FILE)
SHOWN = Thresholds()


@pytest.fixture(scope="module")
def readings() -> Iterator[Readings]:
    with ModelService(Extractor.load("mini", device="cpu")) as service:
        yield Readings(service)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return store_with(tmp_path)


@pytest.fixture
def fails_at_cem(tmp_path: Path) -> Iterator[Readings]:
    """A model with scores that are no numbers for any text with that name in it, which is d2."""
    with ModelService(Extractor.load(broken(tmp_path, "Cem"), device="cpu"), batch_size=4) as service:
        yield Readings(service)


def sat_down(store: Store, readings: Readings, filter: Filter = FILE, annotator: str = "ada") -> Desk:
    desk = desks.sit_down(store, readings, "news", annotator, filter)
    deadline = time.monotonic() + 60
    while desk.waiting and time.monotonic() < deadline:
        desk = desks.settle(store, readings, desk, 0.2)
    assert not desk.waiting
    return desk


def done(document: str, client: str = "c", seq: int = 10) -> Batch:
    wishes = (Command(seq, "submit", seconds=4.0, keystrokes=3), Command(seq + 1, "next"))
    return Batch(client, document, commands=wishes)


def test_the_next_documents_lie_ready_before_they_are_needed(store: Store, readings: Readings) -> None:
    desk = sat_down(store, readings)
    assert desk.open is not None
    assert [opened[0].document.id for opened in desk.ahead] == ["d1", "d2"]
    calls = readings.service.calls
    desk, acknowledged = desks.take(store, readings, desk, done("d0"), SHOWN)
    assert acknowledged == {"c": 11}
    assert desk.walk.current == "d1"
    assert desk.open is not None
    assert desk.open[0].document.id == "d1"
    # only the one that came into sight had to be read
    assert readings.service.calls <= calls + 1
    saved = store.latest("news", "d0")
    assert saved is not None
    assert (saved.state, saved.seconds, saved.keystrokes) == (State.SUBMITTED, 4.0, 3)


def test_what_was_submitted_is_known_from_then_on_and_alone_only_ones_own(store: Store, readings: Readings) -> None:
    suggest(store, "d0")
    desk = sat_down(store, readings)
    assert desk.open is not None
    marks = (AddEntity("a", 0, 3, "person"), AddEntity("b", 8, 15, "place"), AddRelation("a", "b", "met in"))
    desk, _ = desks.take(store, readings, desk, Batch("c", "d0", ops=tuple(enumerate(marks, 1))), SHOWN)
    assert desk.habits.counts() == (), "nobody said yet that it is done"
    desk, _ = desks.take(store, readings, desk, done("d0"), SHOWN)
    assert desk.habits.counts() == ((("person", "place", "met in"), 1),)
    assert desks.refresh(store, readings, desk).habits == desk.habits
    shared = desks.sit_down(store, readings, "news", "eva", replace(FILE, shared=True))
    assert shared.habits.counts() == ()


def test_sending_a_batch_again_goes_on_only_once(store: Store, readings: Readings) -> None:
    desk = sat_down(store, readings)
    for _ in range(2):
        desk, _ = desks.take(store, readings, desk, done("d0"), SHOWN)
    assert desk.walk.current == "d1"
    assert len(store.revisions("news", "d0")) == 1


def test_work_on_two_documents_in_one_message(store: Store, readings: Readings) -> None:
    desk = sat_down(store, readings)
    desk, _ = desks.take(store, readings, desk, done("d0"), SHOWN)
    edit = AddEntity("own-1", 4, 7, "person")
    desk, _ = desks.take(store, readings, desk, Batch("c", "d1", ops=((12, edit),)), SHOWN)
    assert desk.open is not None
    assert "own-1" in desk.open[0].by_id()
    assert desk.open[1] == 1


def test_a_document_that_is_gone_is_told_and_not_sent_forever(store: Store, readings: Readings) -> None:
    desk, acknowledged = desks.take(
        store, readings, sat_down(store, readings), Batch("c", "gone", ops=((3, RemoveEntity("x")),)), SHOWN
    )
    assert acknowledged == {"c": 3}
    assert "gone" in desk.refused[0].message


def rename(store: Store, old: str, new: str) -> None:
    """What another person does with the labels meanwhile."""
    label_sets.rename(store, "news", label_changes.preview(store, "news", "entity", old, new), "eva")


@pytest.mark.parametrize("saved", [True, False])
def test_a_label_that_somebody_renames_meanwhile_is_in_nobodys_way(
    store: Store, readings: Readings, saved: bool
) -> None:
    desk = sat_down(store, readings)
    assert desk.open is not None
    shown = [e.id for e in undecided(desk.open[0], SHOWN)[0]]
    if saved:
        first = Batch("c", "d0", ops=((1, Accept((shown[0],))),))
        desk, _ = desks.take(store, readings, desk, first, SHOWN)
    rename(store, "person", "human")
    rest = Batch("c", "d0", ops=((2, Accept(tuple(shown))), (3, AddEntity("own", 4, 7, "human"))), revision=int(saved))
    desk, acknowledged = desks.take(store, readings, desk, rest, SHOWN)
    assert (acknowledged, desk.refused, desk.conflict) == ({"c": 3}, (), None)
    latest = store.latest("news", "d0")
    assert latest is not None
    assert {e.id for e in latest.annotation.entities} == {*shown, "own"}
    assert desk.open is not None
    assert desk.open[0].schema == desk.schema == store.project("news").schema
    statements: list[str] = []

    @sa.event.listens_for(store.database._reader, "before_cursor_execute")
    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    # it is asked at each correction: no label is read for it
    assert not desks.is_old(store, desk)
    assert [s for s in statements if "label_sets" in s or "schemas" in s] == []
    assert any("FROM projects" in s for s in statements)


def test_what_was_shown_is_accepted_though_the_model_has_not_read_it_with_a_new_label(store: Store) -> None:
    found = suggest(store, "d0")
    silent = Readings(Silent())
    desk = desks.sit_down(store, silent, "news", "ada", FILE)
    label_sets.edit(store, "news", {"op": "add", "kind": "entity", "names": "river"})
    accept = Batch("c", "d0", ops=((1, Accept(tuple(e.id for e in found.entities), (found.relations[0].key,))),))
    desk, _ = desks.take(store, silent, desk, accept, SHOWN)
    latest = store.latest("news", "d0")
    assert latest is not None
    assert (desk.refused, len(latest.annotation.entities), len(latest.annotation.relations)) == ((), 3, 1)
    # it opens when the model has read it
    assert desk.waiting


@pytest.mark.parametrize("narrowed", [True, False])
def test_enter_on_what_no_longer_fits_keeps_the_rest_and_the_document_open(store: Store, narrowed: bool) -> None:
    found = suggest(store, "d0")
    silent = Readings(Silent())
    desk = desks.sit_down(store, silent, "news", "ada", FILE)
    if narrowed:
        ends = {"name": "met in", "head_types": ["place"], "tail_types": ["place"]}
        label_sets.edit(store, "news", {"op": "change", "kind": "relation", "name": "met in", "to": ends})
    else:
        label_sets.edit(store, "news", {"op": "remove", "kind": "entity", "name": "person"})
    accept = Accept(tuple(e.id for e in found.entities), (found.relations[0].key,))
    wishes = (Command(2, "submit"), Command(3, "next"))
    desk, acknowledged = desks.take(store, silent, desk, Batch("c", "d0", ((1, accept),), wishes), SHOWN)
    assert acknowledged == {"c": 3}
    latest = store.latest("news", "d0")
    assert latest is not None
    assert latest.state is State.IN_PROGRESS
    kept = [e for e in found.entities if narrowed or e.label == "place"]
    assert [e.id for e in latest.annotation.entities] == [e.id for e in kept]
    assert (desk.walk.current, "'d0' is not submitted" in desk.refused[0].message) == ("d0", True)


def test_a_wish_that_a_busy_model_cannot_grant_is_refused_and_the_corrections_stay(store: Store) -> None:
    suggest(store, "d0")
    overrun = Readings(Overrun())
    desk = desks.sit_down(store, overrun, "news", "ada", replace(FILE, search="Ada"))
    sent = Batch("c", "d0", ops=((1, AddEntity("own", 4, 7, "person")),), commands=(Command(2, "rescore"),))
    desk, acknowledged = desks.take(store, overrun, desk, sent, SHOWN)
    assert acknowledged == {"c": 2}
    assert [(r.seq, "a free place" in r.message) for r in desk.refused] == [(2, True)]
    assert desk.open is not None
    assert (desk.open[1], [e.id for e in desk.open[0].entities]) == (1, ["own"])
    # nobody was told yet: it stays when the desk is laid anew
    assert desks.refresh(store, overrun, desk).refused == desk.refused


def test_rescore_keeps_the_decisions_and_scores_relations_on_them(store: Store, readings: Readings) -> None:
    desk = sat_down(store, readings)
    ops = ((1, AddEntity("own", 8, 15, "place")), (2, AddEntity("other", 19, 25, "person")))
    desk, _ = desks.take(store, readings, desk, Batch("c", "d0", ops=ops, commands=(Command(3, "rescore"),)), SHOWN)
    assert desk.open is not None
    annotation = desk.open[0]
    assert {"own", "other"} <= set(annotation.by_id())
    assert annotation.based_on is not None
    between = {(r.head, r.tail) for r in annotation.based_on.relations}
    # with what is still a suggestion too
    open_ = {e.id for e in undecided(annotation, SHOWN)[0]}
    assert any({"own", "other"} & set(pair) and open_ & set(pair) for pair in between)
    assert all(r.score is not None for r in annotation.based_on.relations)
    assert not {"own", "other"} & {e.id for e in undecided(annotation, SHOWN)[0]}
    assert between <= {(a, b) for a in annotation.based_on.by_id() for b in annotation.based_on.by_id()}


def test_people_in_a_team_do_not_see_each_others_marks(store: Store, readings: Readings) -> None:
    assignments.share(store, "news", ["ada", "bob"], 1.0)
    team = replace(FILE, shared=True)
    ada, bob = sat_down(store, readings, team), sat_down(store, readings, team, "bob")
    ada, _ = desks.take(store, readings, ada, Batch("a", "d0", ops=((1, AddEntity("a-1", 4, 7, "person")),)), SHOWN)
    bob, _ = desks.take(store, readings, bob, Batch("b", "d0", ops=((1, AddEntity("b-1", 16, 18, "place")),)), SHOWN)
    assert bob.conflict is None
    assert [e.id for e in desks.refresh(store, readings, bob).open[0].entities] == ["b-1"]  # type: ignore[index]
    assert {r.annotator for r in store.by_annotator("news", "d0")} == {"ada", "bob"}


def rescored(store: Store, readings: Readings, desk: Desk) -> Desk:
    """After somebody marked two places in d0 and wanted relations on them."""
    marks = (AddEntity("own", 8, 15, "place"), AddEntity("other", 19, 25, "person"))
    desk, _ = desks.take(store, readings, desk, Batch("c", "d0", ops=tuple(enumerate(marks, 1))), SHOWN)
    wish = Batch("c", "d0", commands=(Command(3, "rescore"),), revision=1)
    return desks.take(store, readings, desk, wish, SHOWN)[0]


def own_pairs(desk: Desk) -> set[tuple[str, str, str]]:
    """Suggested relations at the marks of `rescored`."""
    assert desk.open is not None
    assert desk.open[0].based_on is not None
    return {r.key for r in desk.open[0].based_on.relations if {"own", "other"} & {r.head, r.tail}}


@pytest.mark.parametrize("shared", [True, False])
def test_what_was_rescored_stays_before_the_annotator_and_nobody_else(
    store: Store, readings: Readings, shared: bool
) -> None:
    if shared:
        assignments.share(store, "news", ["ada", "bob"], 1.0)
    team = replace(FILE, shared=shared)
    read = sat_down(store, readings, team, "bob").open
    assert read is not None
    desk = rescored(store, readings, sat_down(store, readings, team))
    pairs = own_pairs(desk)
    assert pairs
    # a run of the whole page, before and after something was saved on it
    assert own_pairs(desks.refresh(store, readings, desk)) == pairs
    edit = AddEntity("late", 0, 2, "person")
    desk, _ = desks.take(store, readings, desk, Batch("c", "d0", ops=((4, edit),), revision=1), SHOWN)
    assert own_pairs(desks.refresh(store, readings, desk)) == pairs
    # a reload
    assert own_pairs(sat_down(store, readings, team)) == pairs
    saved = store.latest("news", "d0")
    assert saved is not None
    assert saved.annotation.based_on is not None
    assert pairs <= {r.key for r in saved.annotation.based_on.relations}
    # somebody else is shown what the model found, whoever marked what
    assert sat_down(store, readings, team, "bob").open[0].based_on == read[0].based_on  # type: ignore[index]
    assert store.extraction("news", "d0") == read[0].based_on


def test_a_mark_that_was_rescored_and_taken_back_is_gone(store: Store, readings: Readings) -> None:
    desk = rescored(store, readings, sat_down(store, readings))
    away = Batch("c", "d0", ops=((4, RemoveEntity("own")),), revision=1)
    desk, _ = desks.take(store, readings, desk, away, SHOWN)
    desk = desks.refresh(store, readings, desk)
    assert desk.open is not None
    annotation = desk.open[0]
    # it was no suggestion, so it was not turned down either
    assert annotation.rejected_entities == ()
    assert annotation.based_on is not None
    assert "own" not in annotation.based_on.by_id()
    assert {"other"} == {end for pair in own_pairs(desk) for end in pair[:2]} & {"own", "other"}


def test_labels_that_were_added_after_rescoring_are_read(store: Store, readings: Readings) -> None:
    desk = rescored(store, readings, sat_down(store, readings))
    label_sets.edit(store, "news", {"op": "add", "kind": "entity", "names": "river"})
    desk = desks.refresh(store, readings, desk)
    deadline = time.monotonic() + 60
    while desk.waiting and time.monotonic() < deadline:
        desk = desks.settle(store, readings, desk, 0.2)
    assert own_pairs(desk) == set()


def with_a_new_label(store: Store, readings: Readings) -> Desk:
    """Before a document that has to be read anew, as somebody has added a label, with a wish to rescore."""
    slow = Readings(Silent())
    desk = sat_down(store, readings)
    label_sets.edit(store, "news", {"op": "add", "kind": "entity", "names": "river"})
    marks = (AddEntity("own", 8, 15, "place"), AddEntity("other", 19, 25, "person"))
    sent = Batch("c", "d0", ops=tuple(enumerate(marks, 1)), commands=(Command(3, "rescore"),))
    desk, acknowledged = desks.take(store, slow, desk, sent, SHOWN)
    assert (acknowledged, desk.open, desk.refused) == ({"c": 3}, None, ())
    return desk


def awaited(store: Store, readings: Readings, desk: Desk) -> Desk:
    deadline = time.monotonic() + 60
    while desk.waiting and time.monotonic() < deadline:
        desk = desks.settle(store, readings, desk, 0.2)
    return desk


def test_a_wish_to_rescore_waits_for_the_reading_with_new_labels(store: Store, readings: Readings) -> None:
    desk = awaited(store, readings, with_a_new_label(store, readings))
    assert own_pairs(desk)
    assert desk.open is not None
    assert "river" in {label.name for label in desk.open[0].schema.entity_labels}
    assert desk.wish is None


def test_a_wish_to_rescore_that_waited_is_refused_by_a_model_that_is_busy_then(
    store: Store, readings: Readings
) -> None:
    desk = with_a_new_label(store, readings)
    schema = store.project("news").schema
    suggest(store, "d0", schema=schema)
    desk = desks.settle(store, Readings(Overrun()), replace(desk, walk=replace(desk.walk, ahead=())))
    assert [(r.client, r.seq, "a free place" in r.message) for r in desk.refused] == [("c", 3, True)]


def test_a_wish_to_rescore_ends_where_the_document_is_left(store: Store, readings: Readings) -> None:
    desk = with_a_new_label(store, readings)
    desk, _ = desks.take(store, readings, desk, Batch("c", "d0", commands=(Command(4, "next"),)), SHOWN)
    desk = awaited(store, readings, desk)
    assert desk.open is not None
    assert desk.open[0].document.id == "d1"
    assert desk.open[0].based_on is not None
    assert not desk.open[0].based_on.rescored
    assert desk.wish is None


def test_reading_the_whole_project_can_be_stopped_and_resumed(store: Store, readings: Readings) -> None:
    jobs = Jobs()
    first = suggestions.score_all(store, lambda: readings.service, jobs, "news")
    first.stop()
    assert first.wait(60)
    left = progress.count_unscored(store, "news", readings.service.version)
    again = suggestions.score_all(store, lambda: readings.service, jobs, "news")
    assert again.wait(60)
    assert again.error == ""
    assert again.done == left
    assert progress.count_unscored(store, "news", readings.service.version) == 0


def test_how_long_reading_will_take_is_guessed_by_the_length_of_texts(store: Store, readings: Readings) -> None:
    suggestions.read(store, readings, "news", store.document("news", "d0"), SCHEMA, 60)
    long = Document("long", " ".join(text(name) for name in NAMES))
    store.add_documents("news", [long])
    job = suggestions.score_all(store, lambda: readings.service, Jobs(), "news")
    assert job.wait(60)
    assert (job.done, job.share) == (6, 1.0)
    assert job.read == job.characters == len(long.text) + sum(len(text(name)) for name in NAMES[1:6])
    # a hundredth of the documents, most of what there is to read
    job = Job("scoring", total=100, done=1, characters=100_000, read=90_000, started=time.monotonic() - 90)
    assert job.seconds_left == pytest.approx(10, abs=1)


def test_a_project_is_read_anew_when_its_model_reads_in_other_passages(store: Store, readings: Readings) -> None:
    loaded, jobs = readings.service.extractor.loaded, Jobs()
    with ModelService(Extractor(loaded, passage_words=0)) as at_once:
        assert suggestions.score_all(store, lambda: at_once, jobs, "news").wait(60)
        before = store.extraction("news", "d0", at_once.version)
        assert before is not None
        assert before.model_version == at_once.version
        store.save("news", apply(begin(before), Accept((before.entities[0].id,))), annotator="ada")
    assert progress.count_unscored(store, "news", readings.service.version) == 6
    again = suggestions.score_all(store, lambda: readings.service, jobs, "news")
    assert (again.wait(60), again.done) == (True, 6)
    found = store.extraction("news", "d0")
    assert found is not None
    assert found.model_version == readings.service.version != before.model_version
    # what was read before, and what was decided on it, stays
    assert store.extraction("news", "d0", before.model_version) == before
    saved = store.latest("news", "d0")
    assert saved is not None
    assert (saved.model_version, len(saved.annotation.entities)) == (before.model_version, 1)


def test_reading_the_whole_project_goes_on_when_its_model_was_closed(store: Store, readings: Readings) -> None:
    extractor = readings.service.extractor
    services = [ModelService(extractor, batch_size=1)]
    asked = 0

    def serve() -> ModelService:
        nonlocal asked
        asked += 1
        if asked == 6:
            # some documents are being read then, and one is handed over in the same moment
            services.append(ModelService(extractor))
            services[0].close()
            return services[0]
        return services[-1]

    job = suggestions.score_all(store, serve, Jobs(), "news")
    assert job.wait(60)
    assert (job.error, job.done) == ("", 6)
    assert progress.count_unscored(store, "news", extractor.version) == 0
    services[-1].close()


def test_reading_that_waits_for_a_place_can_be_stopped(store: Store, readings: Readings) -> None:
    with ModelService(readings.service.extractor, capacity=0) as full:
        job = suggestions.score_all(store, lambda: full, Jobs(), "news")
        assert not job.wait(0.5)
        job.stop()
        assert job.wait(5)
    assert (job.error, job.done) == ("", 0)


def test_reading_that_waits_for_a_place_ends_where_its_project_is_archived(store: Store, readings: Readings) -> None:
    with ModelService(readings.service.extractor, capacity=0) as full:
        job = suggestions.score_all(store, lambda: full, Jobs(), "news")
        assert not job.wait(0.5)
        leaving.archive(store, "news")
        assert job.wait(5)
        assert (job.error, job.done, job.stopped) == ("", 0, False)
        leaving.unarchive(store, "news")
        job = suggestions.score_all(store, lambda: full, Jobs(), "news")
        assert not job.wait(0.5)
        leaving.leave_out(store, "news", [f"d{n}" for n in range(6)])
        assert job.wait(5)
        assert (job.error, job.total) == ("", 0)


def test_what_failed_before_is_not_counted_as_still_to_be_read(
    store: Store, fails_at_cem: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # d2, at which the model fails, lies beyond the first page of the second round
    monkeypatch.setattr(suggestions, "_PAGE", 1)
    service, jobs = fails_at_cem.service, Jobs()
    first = ["d0", "d1"]
    leaving.leave_out(store, "news", first)
    assert suggestions.score_all(store, lambda: service, jobs, "news").wait(60)
    leaving.bring_back(store, "news", first)
    totals = []

    def serve() -> ModelService:
        job = jobs.get("news", suggestions.SCORING)
        totals.append(job.total if job is not None and job.running else None)
        return service

    job = suggestions.score_all(store, serve, jobs, "news")
    assert job.wait(60)
    assert (job.done, job.share) == (2, 1.0), "the bar is full although one document was not read"
    assert {total for total in totals if total is not None} == {2}


def test_reading_a_project_asks_the_store_little(
    store: Store, readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a slow machine must not look more often
    monkeypatch.setattr(suggestions, "_LOOK", 60)
    begun = 0

    @sa.event.listens_for(store.database._reader, "begin")
    def note(connection: object) -> None:
        nonlocal begun
        begun += 1

    def read_all(documents: list[Document]) -> int:
        store.add_documents("news", documents)
        before = begun
        job = suggestions.score_all(store, lambda: readings.service, Jobs(), "news")
        assert job.wait(60)
        assert job.done == len(documents)
        return begun - before

    assert suggestions.score_all(store, lambda: readings.service, Jobs(), "news").wait(60)
    few, many = (
        read_all([Document(f"{size}-{n}", f"{text(name)} {size}") for n, name in enumerate(NAMES[:size])])
        for size in (2, 10)
    )
    # its text, whether it is left out, its place among what was found; and the project before and after
    assert many - few == 8 * 5


def test_a_document_at_which_the_model_fails_holds_up_no_other(store: Store, fails_at_cem: Readings) -> None:
    service, jobs = fails_at_cem.service, Jobs()
    store.add_documents("news", [Document(f"more{n}", f"{text(NAMES[n])} Then they left.") for n in range(2)])

    def read_all() -> tuple[Job, dict[str, str]]:
        job = suggestions.score_all(store, lambda: service, jobs, "news")
        assert job.wait(60)
        return job, suggestions.failures(store, job, "news", service.version)

    job, failed = read_all()
    assert (job.error, job.done, list(failed)) == ("", 7, ["d2"])
    assert "document 'd2'" in failed["d2"]
    assert "scores are numbers" in failed["d2"]
    assert progress.unscored(store, "news", service.version) == ("d2",)
    # once is enough, until labels or model are others or somebody asks
    calls = service.calls
    job, failed = read_all()
    assert (job.error, job.done, list(failed), service.calls) == ("", 0, ["d2"], calls)
    assert suggestions.failures(store, job, "news", "another") == {}
    jobs.forget("news", suggestions.SCORING)
    assert list(read_all()[1]) == ["d2"]
    assert service.calls > calls
    store.save_schema("news", Schema.of(["person", "place", "date"], ["met in"]))
    assert suggestions.failures(store, job, "news", service.version) == {}
    calls = service.calls
    job, failed = read_all()
    assert (job.error, job.done, list(failed)) == ("", 7, ["d2"])
    leaving.leave_out(store, "news", ["d2"])
    assert suggestions.failures(store, job, "news", service.version) == {}


def test_a_model_that_fails_at_everything_is_stopped(tmp_path: Path, fails_at_cem: Readings) -> None:
    store = store_with(tmp_path / "many", 0)
    store.add_documents("news", [Document(f"c{n}", f"Cem met Bob {n} times.") for n in range(130)])
    job = suggestions.score_all(store, lambda: fails_at_cem.service, Jobs(), "news")
    assert job.wait(120)
    assert "scores are numbers" in job.error
    assert job.done == 0


def test_a_document_at_which_the_model_fails_can_be_marked_by_hand(store: Store, fails_at_cem: Readings) -> None:
    desk = sat_down(store, fails_at_cem)
    assert [o[0].document.id for o in desk.ahead] == ["d1", "d2"], "those after it come as well"
    for at in range(2):
        assert desks.fault(fails_at_cem, desk) == ""
        desk, _ = desks.take(store, fails_at_cem, desk, done(f"d{at}", seq=10 + 2 * at), SHOWN)
    desk = awaited(store, fails_at_cem, desk)
    assert desk.open is not None
    assert desk.open[0] == Annotation(store.document("news", "d2"), SCHEMA)
    assert "document 'd2'" in desks.fault(fails_at_cem, desk)
    calls = fails_at_cem.service.calls
    mark = Batch("c", "d2", ops=((20, AddEntity("own", 0, 3, "person")),), commands=(Command(21, "rescore"),))
    desk, acknowledged = desks.take(store, fails_at_cem, desk, mark, SHOWN)
    assert acknowledged == {"c": 21}
    desk = desks.refresh(store, fails_at_cem, desk)
    assert desk.open is not None
    assert [e.id for e in desk.open[0].entities] == ["own"]
    assert fails_at_cem.service.calls == calls, "it is not tried at each turn"
    fails_at_cem.try_again(desk.open[0].document, desk.schema)
    desk = awaited(store, fails_at_cem, desks.refresh(store, fails_at_cem, desk))
    assert "document 'd2'" in desks.fault(fails_at_cem, desk)
    assert fails_at_cem.service.calls > calls


def test_bulk_acceptance_counts_first_accepts_and_is_taken_back(store: Store) -> None:
    for n, score in enumerate((0.95, 0.95, 0.4)):
        suggest(store, f"d{n}", score)
    wish = bulk.Wish("news", "ada", "mini@test", Thresholds(0.9, 0.9), submit=True)
    jobs = Jobs()
    job, counted = bulk.preview(store, jobs, wish)
    assert job.wait(30)
    assert (counted.documents, counted.suggestions, counted.labels["person"]) == (2, 8, 4)
    assert store.counts("news")[State.SUBMITTED] == 0
    job, accepted = bulk.accept(store, jobs, wish)
    assert job.wait(30)
    assert (accepted.documents, accepted.suggestions) == (2, 8)
    assert store.counts("news")[State.SUBMITTED] == 2
    # somebody works on one of them: it is left alone
    later = store.latest("news", "d0")
    assert later is not None
    store.save("news", later.annotation, annotator="eva", expected=later.number)
    assert bulk.undo(store, jobs, wish).wait(30)
    assert len(store.latest("news", "d0").annotation.entities) == 3  # type: ignore[union-attr]
    back = store.latest("news", "d1")
    assert back is not None
    assert (back.annotation.entities, back.state) == ((), State.NEW)


def test_a_bulk_acceptance_is_also_taken_back_where_the_document_was_left_out_since(store: Store) -> None:
    """Otherwise the document would bring back what its annotator has undone."""
    suggest(store, "d0", 0.95)
    wish = bulk.Wish("news", "ada", "mini@test", Thresholds(0.9, 0.9), submit=True)
    carried_out(bulk.accept(store, Jobs(), wish))
    leaving.leave_out(store, "news", ["d0"])
    assert bulk.undo(store, Jobs(), wish).wait(30)
    assert leaving.is_left_out(store, "news", "d0")
    leaving.bring_back(store, "news", ["d0"])
    back = store.latest("news", "d0")
    assert back is not None
    assert (back.annotation.entities, back.state) == ((), State.NEW)
    assert store.counts("news")[State.SUBMITTED] == 0


def test_bulk_acceptance_ends_where_its_project_is_archived(store: Store) -> None:
    for n in range(6):
        suggest(store, f"d{n}", 0.95)
    wish = bulk.Wish("news", "ada", "mini@test", Thresholds(0.9, 0.9), submit=True)

    class Archived(Jobs):
        """Somebody archives the project when the first document is done."""

        def start(self, project: str, what: str, total: int, pieces: Pieces) -> Job:
            def archived(job: Job) -> Generator[int]:
                for done in pieces(job):
                    leaving.archive(store, "news")
                    yield done

            return super().start(project, what, total, archived)

    job, tally = bulk.accept(store, Archived(), wish)
    assert job.wait(30)
    assert "'news', which was archived meanwhile" in job.error
    assert (tally.documents, store.counts("news")[State.SUBMITTED]) == (1, 1)
    # the way back is open all the same
    assert bulk.undo(store, Jobs(), wish).wait(30)
    assert store.counts("news")[State.NEW] == 6


def test_what_a_bulk_acceptance_leaves_was_before_nobody(store: Store) -> None:
    found = suggest(store, "d0", 0.95)
    wish = bulk.Wish("news", "ada", "mini@test", Thresholds(0.9, 0.96), submit=True)
    assert carried_out(bulk.accept(store, Jobs(), wish)).suggestions == 3
    latest = store.latest("news", "d0")
    assert latest is not None
    assert latest.annotation.undecided == Undecided(not_shown_relations=(found.relations[0].key,))


def by_person(store: Store, id: str) -> dict[str, tuple[object, ...]]:
    """What each one decided about a document, and in which state they left it; "" is the document's own state."""
    said = ("entities", "relations", "rejected_entities", "rejected_relations", "based_on")
    found = {r.annotator: (*(getattr(r.annotation, s) for s in said), r.state) for r in store.by_annotator("news", id)}
    latest = store.latest("news", id)
    return {**found, "": (latest.annotator, latest.state) if latest else ()}


def carried_out(started: tuple[Job, bulk.Tally]) -> bulk.Tally:
    job, tally = started
    assert job.wait(30)
    assert job.error == ""
    return tally


def test_bulk_acceptance_in_a_team_keeps_to_ones_own_part_and_decisions(store: Store) -> None:
    for n in range(6):
        suggest(store, f"d{n}", 0.95)
    assignments.share(store, "news", ["ada", "bob"], 0.0)
    own = assignments.of(store, "news", "ada")
    assert 0 < len(own) < 6
    jobs = Jobs()
    wish = bulk.Wish("news", "ada", "mini@test", Thresholds(0.9, 0.9), submit=True)
    counted = carried_out(bulk.preview(store, jobs, wish))
    done = carried_out(bulk.accept(store, jobs, wish))
    assert (counted.documents, counted.labels) == (done.documents, done.labels) == (len(own), done.labels)
    assert {id for id in (f"d{n}" for n in range(6)) if store.latest("news", id)} == own
    job = bulk.undo(store, jobs, wish)
    assert job.wait(30)
    assert job.done == len(own)
    assert set(progress.states_of(store, "news", "ada").values()) == {State.NEW}
    assert store.counts("news")[State.NEW] == 6


def test_bulk_acceptance_neither_takes_over_nor_changes_what_another_decided(store: Store) -> None:
    suggestions_ = {id: suggest(store, id, 0.95) for id in ("d0", "d1", "d2")}
    assignments.share(store, "news", ["ada", "bob"], 1.0)
    first = suggestions_["d0"].entities[0]
    bobs = apply(apply(begin(suggestions_["d0"]), AddEntity("bobs", 4, 7, "place")), RemoveEntity(first.id))
    store.save("news", bobs, annotator="bob", state=State.SUBMITTED, independent=True)
    # ada's own decisions on another one, before and after which bob works on it
    adas = apply(begin(suggestions_["d1"]), RemoveEntity(suggestions_["d1"].entities[1].id))
    store.save("news", begin(suggestions_["d1"]), annotator="bob", independent=True)
    store.save("news", adas, annotator="ada", state=State.FLAGGED, note="whose?", independent=True)
    store.save("news", begin(suggestions_["d1"]), annotator="bob", state=State.SKIPPED, independent=True)
    before = {id: by_person(store, id) for id in suggestions_}
    counts = store.counts("news")
    jobs = Jobs()
    wish = bulk.Wish("news", "ada", "mini@test", Thresholds(0.9, 0.9), (*queueing.OPEN, State.FLAGGED), submit=True)
    counted = carried_out(bulk.preview(store, jobs, wish))
    done = carried_out(bulk.accept(store, jobs, wish))
    assert (counted.documents, counted.labels) == (done.documents, done.labels)
    # in d1 she turned one down, and with it the one relation stays between the two others
    assert (done.documents, done.suggestions, done.busy) == (3, 4 + 3 + 4, 0)
    mine = store.latest("news", "d0", "ada")
    assert mine is not None
    assert [e.id for e in mine.annotation.entities] == [e.id for e in suggestions_["d0"].entities]
    assert mine.annotation.rejected_entities == ()
    mine = store.latest("news", "d1", "ada")
    assert mine is not None
    assert mine.annotation.rejected_entities == adas.rejected_entities
    assert {id: by_person(store, id).get("bob") for id in before} == {id: was.get("bob") for id, was in before.items()}
    # bob goes on meanwhile: that is no reason to leave ada's acceptance
    more = apply(bobs, AddEntity("more", 8, 15, "place"))
    store.save("news", more, annotator="bob", state=State.SUBMITTED, independent=True)
    job = bulk.undo(store, jobs, wish)
    assert job.wait(30)
    assert job.done == 3
    after = {id: by_person(store, id) for id in before}
    assert after["d1"] == before["d1"]
    flagged = store.latest("news", "d1", "ada")
    assert flagged is not None
    assert flagged.note == "whose?"
    assert store.latest("news", "d0").annotation == more  # type: ignore[union-attr]
    for id in ("d0", "d2"):
        assert after[id].pop("ada") == ((), (), (), (), suggestions_[id], State.NEW)
    assert after["d0"][""] == before["d0"][""] == ("bob", State.SUBMITTED)
    assert store.counts("news") == counts


def test_bulk_acceptance_takes_only_documents_with_so_many_suggestions(store: Store) -> None:
    suggest(store, "d0", 0.95)
    poor = suggest(store, "d1", 0.95)
    store.save_extraction("news", replace(poor, entities=poor.entities[:1], relations=()))
    wish = bulk.Wish("news", "ada", "mini@test", Thresholds(0.9, 0.9), min_suggested=2)
    jobs = Jobs()
    assert carried_out(bulk.preview(store, jobs, wish)).documents == 1
    assert carried_out(bulk.accept(store, jobs, wish)).documents == 1
    assert store.latest("news", "d1") is None


def test_bulk_acceptance_does_not_see_the_adjudicated_version(store: Store) -> None:
    truth = suggest(store, "d0", 0.95)
    for who in ("bob", "eva", gold.ADJUDICATOR):
        store.save("news", begin(truth), annotator=who, state=State.SUBMITTED, independent=True)
    gold.choose_share(store, "news", 0.5)
    wish = bulk.Wish("news", "ada", "mini@test", Thresholds(0.9, 0.9), states=(State.SUBMITTED,), submit=True)
    jobs = Jobs()
    assert carried_out(bulk.accept(store, jobs, wish)).suggestions == 4
    latest = store.latest("news", "d0")
    assert latest is not None
    assert (latest.annotator, latest.annotation.entities) == (gold.ADJUDICATOR, ())
    assert bulk.undo(store, jobs, wish).wait(30)
    latest = store.latest("news", "d0")
    assert latest is not None
    assert (latest.annotator, latest.annotation.entities, latest.state) == (gold.ADJUDICATOR, (), State.SUBMITTED)


def test_two_people_accept_in_bulk_at_the_same_time(store: Store) -> None:
    for n in range(6):
        suggest(store, f"d{n}", 0.95)
    assignments.share(store, "news", ["ada", "bob"], 1.0)
    jobs = Jobs()
    wishes = [bulk.Wish("news", who, "mini@test", Thresholds(0.9, 0.9)) for who in ("ada", "bob")]
    started = [bulk.accept(store, jobs, wish) for wish in wishes]
    assert [carried_out(each).documents for each in started] == [6, 6]


def test_labels_change_at_once_or_after_a_question(store: Store) -> None:
    suggest(store, "d0")
    assert label_sets.edit(store, "news", {"op": "add", "kind": "entity", "names": "river"}, "ada") is None
    assert (audit.events(store, "news")[0].action, audit.events(store, "news")[0].by) == ("label set saved", "ada")
    rename = {"op": "change", "kind": "entity", "name": "person", "to": {"name": "human"}}
    asked = label_sets.edit(store, "news", rename)
    assert asked is not None
    assert label_sets.question(asked).startswith("Rename person to human?")
    assert store.project("news").schema.entity("person").name == "person"
    assert label_sets.rename(store, "news", asked, "ada") == "person is now called human."
    merge = label_sets.edit(store, "news", {**rename, "name": "human", "to": {"name": "place"}})
    assert merge is not None
    assert merge.merges
    assert "Merge human into place?" in label_sets.question(merge)


def test_a_deleted_label_in_use_stays_hidden(store: Store, readings: Readings) -> None:
    desk = sat_down(store, readings)
    ops = (
        (1, AddEntity("x", 4, 7, "place")),
        (2, AddEntity("y", 16, 18, "person")),
        (3, AddRelation("y", "x", "lives in")),
    )
    desks.take(store, readings, desk, Batch("c", "d0", ops=ops), SHOWN)
    label_sets.edit(store, "news", {"op": "remove", "kind": "relation", "name": "lives in"})
    schema = store.project("news").schema
    assert label_sets.hidden(schema) == (("relation", "lives in"),)
    assert desks.refresh(store, readings, desk).open[0].relations[0].label == "lives in"  # type: ignore[index]
    label_sets.edit(store, "news", {"op": "add", "kind": "relation", "names": "lives in"})
    assert label_sets.hidden(store.project("news").schema) == ()
    assert queueing.start(store, "news", "ada", FILE).current == "d0"
    assert SCHEMA.relation("lives in").name == "lives in"


BORN = RelationLabel("born in", head_types=("person",), tail_types=("place",), inverse="home of")


@pytest.fixture
def strict(store: Store) -> Store:
    """One where relations say between which types they go."""
    home = RelationLabel("home of", head_types=("place",), tail_types=("person", "place"), inverse="born in", color=1)
    store.save_schema("news", Schema.of(["person", "place"], [BORN, home]))
    return store


def test_a_deleted_label_in_use_stays_where_relations_name_it(strict: Store) -> None:
    before = strict.project("news").schema
    marks = (AddEntity("a", 0, 3, "person"), AddEntity("b", 8, 15, "place"), AddRelation("a", "b", "born in"))
    strict.save("news", apply_all(Annotation(strict.document("news", "d0"), before), marks), annotator="ada")
    for kind, name in (("entity", "person"), ("relation", "born in")):
        label_sets.edit(strict, "news", {"op": "remove", "kind": kind, "name": name})
        now = strict.project("news").schema
        assert label_sets.hidden(now) == ((kind, name),)
        assert now.relation("born in").head_types == ("person",)
        assert not now.relation("born in").allows("place", "place")
        # brought back it is what it was
        label_sets.edit(strict, "news", {"op": "add", "kind": kind, "names": name})
        assert strict.project("news").schema == before


def test_a_label_is_not_deleted_where_a_relation_would_go_from_anything_then(strict: Store) -> None:
    with pytest.raises(SchemaError, match="'born in' can do without, found 'person', the only type at its head"):
        label_sets.edit(strict, "news", {"op": "remove", "kind": "entity", "name": "person"})
    assert strict.project("news").schema.relation("born in") == BORN
    for edit in (
        {"op": "remove", "kind": "relation", "name": "born in"},
        {"op": "remove", "kind": "entity", "name": "person"},
    ):
        label_sets.edit(strict, "news", edit)
    # one of two types may go
    assert strict.project("news").schema.relation("home of").tail_types == ("place",)


def test_who_helped_to_settle_a_document_opens_the_case_again_by_a_correction(store: Store, readings: Readings) -> None:
    found = suggest(store, "d0", schema=SCHEMA)
    for who in ("ada", "eva", gold.ADJUDICATOR):
        store.save("news", begin(found), annotator=who, state=State.SUBMITTED, independent=True)
    gold.choose_share(store, "news", 0.5)
    assert [shared.adjudicated for shared in review.shared(review.work(store, "news"))] == [True]
    desk = desks.sit_down(store, readings, "news", "ada", Filter(), at="d0")
    accepted = Batch(
        "c", "d0", ops=((1, Accept((found.entities[0].id,))),), commands=(Command(2, "submit"),), revision=1
    )
    desk, _ = desks.take(store, readings, desk, accepted, SHOWN)
    assert (desk.refused, desk.conflict) == ((), None)
    assert [shared.adjudicated for shared in review.shared(review.work(store, "news"))] == [False]


def test_gold_comes_up_unannounced_and_is_measured(tmp_path: Path, readings: Readings) -> None:
    store = store_with(tmp_path, 8)
    for n in range(8):
        suggest(store, f"d{n}", schema=SCHEMA)
    truth = store.extraction("news", "d0")
    assert truth is not None
    accepted = apply(begin(truth), Accept(tuple(e.id for e in truth.entities)))
    for who in ("ada", "eva", gold.ADJUDICATOR):
        store.save("news", accepted, annotator=who, state=State.SUBMITTED, independent=True)
    gold.choose_share(store, "news", 0.5)
    desk = sat_down(store, readings, annotator="zoe")
    met = []
    for n in range(4):
        assert desk.open is not None
        annotation, revision = desk.open
        met.append(annotation.document.id)
        if met[-1] == "d0":
            # nothing of the adjudicated version is shown
            assert (annotation.entities, revision) == ((), 0)
            own = Accept(tuple(e.id for e in undecided(annotation, SHOWN)[0][:1]))
            wishes = (Command(2, "submit"), Command(3, "next"))
            batch = Batch(f"c{n}", "d0", ops=((1, own),), commands=wishes)
        else:
            batch = done(met[-1], client=f"c{n}")
        desk, _ = desks.take(store, readings, desk, batch, SHOWN)
        deadline = time.monotonic() + 60
        while desk.waiting and time.monotonic() < deadline:
            desk = desks.settle(store, readings, desk, 0.2)
    assert met.count("d0") == 1
    latest = store.latest("news", "d0")
    assert latest is not None
    assert latest.annotator == gold.ADJUDICATOR
    assert len(latest.annotation.entities) == len(truth.entities)
    (score,) = review.against_gold(store, "news")
    assert (score.annotator, score.documents) == ("zoe", 1)
    assert score.figures.strict.right + score.figures.strict.left == len(truth.entities) + 1
    assert all(shared.adjudicated for shared in review.shared(review.work(store, "news")))
    # who helped to settle it does not get it
    assert "d0" not in [o[0].document.id for o in sat_down(store, readings, annotator="ada").ahead]
