from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from pathlib import Path

import pytest
import torch
from torch.nn import Embedding

from relex_core.decoding import Scores
from relex_core.errors import CheckpointError, ModelBusy, ModelClosed, SchemaError
from relex_core.inference import Extractor
from relex_core.scoring import Window
from relex_core.service import ModelService
from relex_core.types import Annotation, Document, Entity, Extraction, Schema, Thresholds
from tests.relex_core.tiny import checkpoint


@pytest.fixture
def service(mini: Extractor) -> Iterator[ModelService]:
    with ModelService(mini, batch_size=4, capacity=64) as running:
        yield running


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Extractor:
    """A tiny checkpoint with short windows."""
    return Extractor.load(checkpoint(tmp_path_factory.mktemp("tiny"), max_len=32), device="cpu")


NOTHING = Thresholds(1.0, 1.0)
"""A floor that no score is above: random weights find too much."""


def long(name: str) -> Document:
    """A text of some twenty windows, as long as any other with a `name` as long."""
    return Document.from_text(f"{name}. " + "Ada Berg worked for Halden Steel in Oslo. " * 50)


def test_answers_are_those_of_the_extractor(
    service: ModelService, mini: Extractor, document: Document, schema: Schema
) -> None:
    # no more passages than make one batch: in other company the last digits of scores are others
    several = mini.extract(Document.from_text(f"{document.text} " * 5), schema)
    assert 1 < len(several.windows) <= 8
    for expected in (mini.extract(document, schema), several):
        assert service.submit(expected.document, schema).result(60) == expected
    assert service.version == mini.version


def test_requests_that_arrive_together_share_a_batch(service: ModelService, schema: Schema) -> None:
    before = service.calls
    futures = [service.submit(Document.from_text(f"Bo met Cy{i} in Rome."), schema) for i in range(4)]
    assert [future.result(60).document.text[7:10] for future in futures] == ["Cy0", "Cy1", "Cy2", "Cy3"]
    assert service.calls - before <= 2


def test_twenty_people_wait_for_one_batch_of_a_bulk_job_at_most(service: ModelService, schema: Schema) -> None:
    begun: set[int] = set()
    long = "Ada Berg worked for Halden Steel in Oslo. " * 12

    def watch(done: int, total: int) -> None:
        begun.add(service.calls)  # the same number for all documents of a batch

    bulk = [service.submit(Document.from_text(f"{long} {i}"), schema, bulk=True, watch=watch) for i in range(60)]
    while not begun:
        time.sleep(0.001)
    waited: list[int] = []

    def session(number: int) -> None:
        for turn in range(3):
            before = len(begun)
            service.submit(Document.from_text(f"Cy{number} lives in Rome {turn}."), schema).result(120)
            waited.append(len(begun) - before)

    people = [threading.Thread(target=session, args=(i,)) for i in range(20)]
    for thread in people:
        thread.start()
    for thread in people:
        thread.join()
    # the batch that was being read when they asked is not counted: none is begun while they wait, but one may be
    # between being asked and being heard
    assert len(waited) == 60
    assert max(waited) <= 1
    assert not bulk[-1].done(), "the bulk job was over before the last person had asked"
    for future in bulk:
        future.cancel()


def test_a_bulk_batch_that_fails_does_not_keep_people_waiting(service: ModelService, schema: Schema) -> None:
    order: list[str] = []
    asked: list[Future[Extraction]] = []

    def fail(done: int, total: int) -> None:
        if not asked:
            asked.append(service.submit(Document.from_text("Cy lives in Rome."), schema))
            asked[0].add_done_callback(lambda _: order.append("person"))
        raise ValueError("this document cannot be read")

    bad = service.submit(Document.from_text("Ada met Bo."), schema, bulk=True, watch=fail)
    good = [service.submit(Document.from_text(f"Ada met Bo {i}."), schema, bulk=True) for i in range(3)]
    for future in good:
        future.add_done_callback(lambda _: order.append("bulk"))
    with pytest.raises(ValueError, match="cannot be read"):
        bad.result(60)
    assert all(future.result(60) for future in (*asked, *good))
    # each document is read alone after the failure, and people pass before the next of them
    assert order[0] == "person"


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


def test_long_texts_wait_for_each_other_and_short_ones_for_none(quick: Extractor, schema: Schema) -> None:
    order: list[str] = []
    asked: dict[str, Future[Extraction]] = {}

    def ask(name: str, document: Document, then: Callable[[], None] = lambda: None, bulk: bool = False) -> None:
        def watch(done: int, total: int) -> None:
            assert total > 4
            if done == 2:
                then()

        watched = watch if document.text.startswith(name) else None
        asked[name] = service.submit(document, schema, floor=NOTHING, bulk=bulk, watch=watched)
        asked[name].add_done_callback(lambda _: order.append(name))

    def later() -> None:
        ask("two", long("two"), lambda: ask("b", Document.from_text("Bo met Cy.")))
        ask("a", Document.from_text("Ada met Bo."))

    with ModelService(quick, batch_size=2) as service:
        ask("bulk", long("bulk"), lambda: ask("one", long("one"), later), bulk=True)
        assert asked["bulk"].result(60)
        assert asked["two"].result(60)
    assert order == ["a", "one", "b", "two", "bulk"]


def test_what_ends_one_text_does_not_set_back_another(quick: Extractor, schema: Schema) -> None:
    seen: list[int] = []

    def stop(done: int, total: int) -> None:
        if done:
            raise CancelledError

    with ModelService(quick, batch_size=2) as service:
        stopped = service.submit(long("one"), schema, floor=NOTHING, watch=stop)
        other = service.submit(long("two"), schema, floor=NOTHING, watch=lambda done, _: seen.append(done))
        assert other.result(60).document == long("two")
        assert isinstance(stopped.exception(60), CancelledError)
    assert len(seen) > 2
    assert seen == sorted(set(seen))


def test_a_batch_that_fails_is_read_again_one_by_one(
    quick: Extractor, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = quick.score
    tried: list[int] = []

    def refuse(windows: Sequence[Window], batch_size: int) -> list[Scores]:
        tried.append(len(windows))
        if any(len(window.pieces.ids) > 20 for window in windows):
            raise IndexError("index out of range in self")
        return score(windows, batch_size)

    monkeypatch.setattr(quick, "score", refuse)
    with ModelService(quick, batch_size=4) as service:
        good = [service.submit(Document.from_text(f"Ada met Bo{i}."), schema) for i in range(3)]
        bad = service.submit(Document.from_text("Ada met Bo in Oslo. " * 5), schema)
        assert all(future.result(60) for future in good)
        with pytest.raises(IndexError):
            bad.result(60)
    assert tried == [4, 1, 1, 1, 1]


def test_scores_that_are_no_numbers_reach_only_the_text_that_has_them(tmp_path: Path, schema: Schema) -> None:
    extractor = Extractor.load(checkpoint(tmp_path, max_len=32), device="cpu")
    odd, *_ = extractor.loaded.builder.pieces([("Cy",)])[0].ids
    (table,) = (m for m in extractor.loaded.model.encoder.modules() if isinstance(m, Embedding) and len(m.weight) > odd)
    with torch.no_grad():
        table.weight[odd] = torch.nan
    with ModelService(extractor, batch_size=4) as service:
        before = service.calls
        good = [service.submit(Document.from_text(f"Ada met Bo{'.' * n}"), schema, floor=NOTHING) for n in range(3)]
        bad = service.submit(Document.from_text("Cy met Bo."), schema, floor=NOTHING)
        marks = (Entity("a", 0, 3, "person"), Entity("b", 8, 10, "person"))
        again = service.submit_rescore(Annotation(Document.from_text("Ada met Bo."), schema, marks), floor=NOTHING)
        with pytest.raises(CheckpointError, match="scores are numbers"):
            bad.result(60)
        assert all(future.result(60).document for future in (*good, again))
        assert service.calls > before + 2, "they were gathered, and read again one by one"


def test_an_error_reaches_only_its_owner(service: ModelService, document: Document, schema: Schema) -> None:
    bad, good = service.submit(document, Schema.of([], ["x"])), service.submit(document, schema)
    with pytest.raises(SchemaError):
        bad.result(60)
    assert good.result(60).entities


def test_rescoring_goes_through_the_same_thread(service: ModelService, document: Document, schema: Schema) -> None:
    entities = (Entity("a", 0, 12, "person"), Entity("b", 24, 39, "person"))
    found = service.submit_rescore(Annotation(document, schema, entities)).result(60)
    assert found.entities == entities


def test_no_error_of_a_rescoring_ends_the_thread(
    service: ModelService, mini: Extractor, document: Document, schema: Schema
) -> None:
    annotation = Annotation(document, schema, (Entity("a", 0, 12, "person"), Entity("b", 24, 39, "person")))

    def refuse(module: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        raise IndexError("index out of range in self")

    hook = mini.loaded.model.encoder.register_forward_pre_hook(refuse)
    try:
        with pytest.raises(IndexError):
            service.submit_rescore(annotation).result(60)
    finally:
        hook.remove()
    assert service.submit_rescore(annotation).result(60).entities == annotation.entities


def test_rescoring_a_long_text_lets_other_people_pass(mini: Extractor, schema: Schema) -> None:
    sentence = "Ada Berg worked for Halden Steel in Oslo. "
    document = Document.from_text(sentence * 120)
    at = range(0, len(document.text), len(sentence))
    people = (Entity(f"p{i}", i, i + 8, "person") for i in at)
    firms = (Entity(f"f{i}", i + 20, i + 32, "organization") for i in at)
    order: list[str] = []
    with ModelService(mini, batch_size=1) as service:
        before = service.calls
        long = service.submit_rescore(Annotation(document, schema, (*people, *firms)))
        long.add_done_callback(lambda _: order.append("long"))
        while service.calls == before:
            time.sleep(0.001)
        short = service.submit(Document.from_text("Cy lives in Rome."), schema)
        short.add_done_callback(lambda _: order.append("short"))
        assert long.result(120).relations
        assert short.result(60)
    assert order == ["short", "long"]


def test_a_closed_service_refuses(mini: Extractor, document: Document, schema: Schema) -> None:
    service = ModelService(mini)
    service.close()
    with pytest.raises(ModelClosed):
        service.submit(document, schema)


def test_closing_waits_for_one_batch_and_all_that_wait_hear_of_it(quick: Extractor, schema: Schema) -> None:
    begun = threading.Event()

    def watch(done: int, total: int) -> None:
        begun.set()
        time.sleep(0.05)

    service = ModelService(quick, batch_size=1)
    asked = [service.submit(long("one"), schema, watch=watch)]
    assert begun.wait(60)
    asked += [service.submit(long("two"), schema), service.submit(long("three"), schema, bulk=True)]
    service.close()
    assert [type(future.exception(0)) for future in asked] == [ModelClosed] * 3


FORKED = """
import os, sys, torch
from relex_core.errors import ModelClosed
from relex_core.inference import Extractor
from relex_core.service import ModelService
from relex_core.types import Document, Schema

torch.set_num_threads(2)
extractor = Extractor.load("mini", device="cpu", dtype="fp32")
asked = Document.from_text("Ada Berg works for Halden Steel in Oslo."), Schema.of(["person", "city"], ["works for"])
with ModelService(extractor) as service:
    told = service.extract(*asked)
    child = os.fork()
    if not child:
        try:
            service.submit(*asked)
        except ModelClosed:
            found = extractor.extract(*asked)
            os._exit(3 if [e.id for e in found.entities] == [e.id for e in told.entities] else 1)
        os._exit(2)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork there")
def test_a_forked_process_reads_itself_and_waits_for_no_thread_of_its_parent() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], timeout=120, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
