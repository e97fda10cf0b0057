"""What the model has read is asked once, tells how far it is, and can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path

import pytest

from db import leaving, progress
from db.store import Store
from pages.shared import suggestions
from pages.shared.jobs import Job, Jobs
from pages.shared.presets import PRESETS
from pages.shared.readings import Reading, Readings
from pages.shared.samples import SAMPLES
from relex_core.inference import Extractor
from relex_core.service import ModelService
from relex_core.types import FLOOR, Document, EntityLabel, Schema

SHORT = Document.from_text("Ada Lovelace was born in London.")
LONG = Document.from_text("\n\n".join(f"{n}. {SAMPLES[0].text}" for n in range(120)))
SCHEMA = Schema.of(["person", "location"], ["born in"])


@pytest.fixture(scope="module")
def readings() -> Iterator[Readings]:
    with ModelService(Extractor.load("mini")) as service:
        yield Readings(service)


def test_the_same_question_is_asked_once(readings: Readings) -> None:
    first = readings.ask(SHORT, SCHEMA)
    first.answer(SHORT, SCHEMA)
    calls = readings.service.calls
    constrained = replace(SCHEMA, relation_labels=(replace(SCHEMA.relation("born in"), head_types=("person",)),))
    again = readings.ask(Document.from_text(SHORT.text, id="other"), constrained)
    answer = again.answer(SHORT, constrained)
    assert again is first
    assert answer.schema == constrained
    assert readings.service.calls == calls
    assert readings.known(SHORT, SCHEMA) is first
    assert first.seconds > 0


def test_another_description_is_another_question(readings: Readings) -> None:
    described = replace(SCHEMA, entity_labels=(EntityLabel("person", "a human being", 0, "P"), SCHEMA.entity_labels[1]))
    assert readings.ask(SHORT, described) is not readings.ask(SHORT, SCHEMA)


def begun(readings: Readings, schema: Schema, *askers: str) -> Reading:
    """The reading of a long text whose first part is read."""
    for asker in askers:
        reading = readings.ask(LONG, schema, asker)
    assert until(lambda: reading.done > 0)
    return reading


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def test_other_labels_end_what_was_asked_with_the_ones_before(readings: Readings) -> None:
    old = begun(readings, SCHEMA, "ada", "bob")
    wider = Schema.of(["person", "location", "date"], ["born in"])
    # constraints are no other question, and somebody else waits
    readings.let_go(
        "ada", replace(SCHEMA, relation_labels=(replace(SCHEMA.relation("born in"), head_types=("person",)),))
    )
    readings.let_go("ada", wider)
    readings.let_go("eva", wider)
    assert not old.failed
    readings.let_go("bob", wider)
    new = readings.ask(SHORT, wider, "bob")
    new.answer(SHORT, wider, timeout=10)
    with pytest.raises(CancelledError):
        old.answer(LONG, SCHEMA, timeout=10)
    # whoever asks again before the model knows gets another reading
    assert readings.ask(LONG, SCHEMA, "ada") is not old
    readings.let_go("ada", wider)


def test_new_labels_of_a_project_end_its_reading_with_the_old_ones(readings: Readings, tmp_path: Path) -> None:
    service = readings.service
    text = Document.from_text("\n\n".join(f"{n}. {SAMPLES[0].text}" for n in range(60)))
    with Store.open(f"sqlite:///{tmp_path}/relex.sqlite") as store:
        store.create_project("long", SCHEMA)
        store.add_documents("long", [text])
        calls = service.calls
        job = suggestions.score_all(store, lambda: service, Jobs(), "long")
        assert until(lambda: service.calls > calls)
        store.save_schema("long", Schema.of(["person", "award"]))
        before, windows = service.calls, len(service.extractor.plan([(text, SCHEMA, FLOOR)])[0].windows)
        assert job.wait(60)
        assert not job.error
        found = store.extraction("long", text.id)
        assert found is not None
        assert [label.name for label in found.schema.visible_entities] == ["person", "award"]
        # the new reading, and no more than what was begun of the old one
        assert service.calls - before <= windows // service.batch_size + 4


def test_what_is_archived_or_left_out_is_not_read_on(
    readings: Readings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # well before a fast machine is through
    monkeypatch.setattr(suggestions, "_LOOK", 0.05)
    service, jobs = readings.service, Jobs()
    windows = len(service.extractor.plan([(LONG, SCHEMA, FLOOR)])[0].windows)
    # more than are handed over at once
    short = [Document(f"s{n}", f"Ada met Bob {n} times.") for n in range(30)]
    with Store.open(f"sqlite:///{tmp_path}/relex.sqlite") as store:
        store.create_project("p", SCHEMA)
        store.add_documents("p", [LONG, *short])

        def begun() -> Job:
            calls = service.calls
            job = suggestions.score_all(store, lambda: service, jobs, "p")
            assert until(lambda: service.calls > calls)
            return job

        start = service.calls
        job = begun()
        leaving.archive(store, "p")
        assert job.wait(60)
        assert (job.error, job.done) == ("", 0)
        assert not job.stopped, "nobody wished that it is not read"
        assert service.calls - start < windows // service.batch_size
        assert suggestions.score_all(store, lambda: service, jobs, "p").wait(60)
        assert progress.count_unscored(store, "p", service.version) == 31

        leaving.unarchive(store, "p")
        start = service.calls
        job = begun()
        leaving.leave_out(store, "p", [LONG.id, "s29"])
        assert job.wait(60)
        assert (job.error, job.done, job.total) == ("", 29, 29)
        assert service.calls - start < windows // service.batch_size
        assert store.extraction("p", LONG.id) is None
        assert store.extraction("p", "s29") is None

        leaving.bring_back(store, "p", ["s29"])
        assert suggestions.score_all(store, lambda: service, jobs, "p").wait(60)
        assert store.extraction("p", "s29") is not None


def test_a_long_text_tells_how_far_it_is_lets_others_by_and_stops(readings: Readings) -> None:
    long = readings.ask(LONG, PRESETS["people"])
    assert until(lambda: long.done > 0)
    assert 0 < long.done < long.total
    other = Document.from_text("Bob lives in Rome.")
    readings.ask(other, SCHEMA).answer(other, SCHEMA)
    assert not long.future.done()
    long.stop()
    with pytest.raises(CancelledError):
        long.answer(LONG, PRESETS["people"])
    assert readings.known(LONG, PRESETS["people"]) is None
    assert readings.ask(LONG, PRESETS["people"]) is not long
    readings.ask(LONG, PRESETS["people"]).stop()
