"""What the model has read is asked once, tells how far it is, and can be stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace

import pytest

from pages.shared.presets import PRESETS
from pages.shared.readings import Readings
from pages.shared.samples import SAMPLES
from relex_core.inference import Extractor
from relex_core.service import ModelService
from relex_core.types import Document, EntityLabel, Schema

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


def test_a_long_text_tells_how_far_it_is_lets_others_by_and_stops(readings: Readings) -> None:
    long = readings.ask(LONG, PRESETS["people"])
    deadline = time.monotonic() + 60
    while not long.done and time.monotonic() < deadline:
        time.sleep(0.01)
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
