from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from relex_core.errors import ModelBusy, SchemaError
from relex_core.inference import Extractor
from relex_core.service import ModelService
from relex_core.types import Annotation, Document, Entity, Schema


@pytest.fixture
def service(mini: Extractor) -> Iterator[ModelService]:
    with ModelService(mini, batch_size=4, capacity=64) as running:
        yield running


def test_answers_are_those_of_the_extractor(
    service: ModelService, mini: Extractor, document: Document, schema: Schema
) -> None:
    assert service.submit(document, schema).result(60) == mini.extract(document, schema)
    assert service.version == mini.version


def test_requests_that_arrive_together_share_a_batch(service: ModelService, schema: Schema) -> None:
    before = service.calls
    futures = [service.submit(Document.from_text(f"Bo met Cy{i} in Rome."), schema) for i in range(4)]
    assert [future.result(60).document.text[7:10] for future in futures] == ["Cy0", "Cy1", "Cy2", "Cy3"]
    assert service.calls - before <= 2


def test_twenty_people_wait_no_longer_than_one_batch_of_a_bulk_job(service: ModelService, schema: Schema) -> None:
    long = "Ada Berg worked for Halden Steel in Oslo. " * 20
    finished: list[str] = []
    bulk = [service.submit(Document.from_text(f"{long} {i}"), schema, bulk=True) for i in range(40)]
    for future in bulk:
        future.add_done_callback(lambda _: finished.append("bulk"))
    while not finished:
        time.sleep(0.005)

    def ask(number: int) -> None:
        service.submit(Document.from_text(f"Cy{number} lives in Rome."), schema).result(60)
        finished.append("person")

    at_start = len(finished)
    people = [threading.Thread(target=ask, args=(i,)) for i in range(20)]
    for thread in people:
        thread.start()
    for thread in people:
        thread.join()
    first = finished.index("person")
    # the batch that was being read, and at most the one taken before the first person came
    assert finished[at_start:first].count("bulk") <= 2 * service.batch_size
    last = len(finished) - 1 - finished[::-1].index("person")
    assert finished[first:last].count("bulk") <= service.batch_size
    assert not bulk[-1].done()
    for future in bulk:
        future.cancel()


def test_a_full_queue_says_so_and_what_waits_can_be_cancelled(mini: Extractor, schema: Schema) -> None:
    with ModelService(mini, batch_size=1, capacity=3) as service:
        documents = [Document.from_text("Ada met Bo in Oslo. " * 40 + str(i)) for i in range(12)]
        futures = []
        busy = None
        for document in documents:
            try:
                futures.append(service.submit(document, schema))
            except ModelBusy as error:
                busy = error
        assert "Try again" in str(busy)
        assert futures[-1].cancel()
        with pytest.raises(CancelledError):
            futures[-1].result(1)
        assert futures[0].result(60).document == documents[0]


def test_an_error_reaches_only_its_owner(service: ModelService, document: Document, schema: Schema) -> None:
    bad, good = service.submit(document, Schema.of([], ["x"])), service.submit(document, schema)
    with pytest.raises(SchemaError):
        bad.result(60)
    assert good.result(60).entities


def test_rescoring_goes_through_the_same_thread(service: ModelService, document: Document, schema: Schema) -> None:
    entities = (Entity("a", 0, 12, "person"), Entity("b", 24, 39, "person"))
    found = service.submit_rescore(Annotation(document, schema, entities)).result(60)
    assert found.entities == entities


def test_a_closed_service_refuses(mini: Extractor, document: Document, schema: Schema) -> None:
    service = ModelService(mini)
    service.close()
    with pytest.raises(ModelBusy):
        service.submit(document, schema)
