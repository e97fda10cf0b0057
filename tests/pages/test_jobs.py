"""Work in the background says how it ended, on the page and in the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from typing import Any

import pytest

from db.argilla_links import link
from pages.shared import resources
from pages.shared.jobs import FAULT, Job
from pages.shared.suggestions import SCORING
from pages.shared.synchronising import Synchroniser
from pages.shared.upkeep import CHECK
from relex_core.errors import StoreError
from relex_core.types import Document, Schema
from tests.pages.conftest import Visit


def faulty(_: Job) -> Generator[int]:
    yield 1
    raise ZeroDivisionError("in /srv/app.py")


def test_a_fault_of_the_program_is_told_in_plain_words_and_logged_whole(caplog: pytest.LogCaptureFixture) -> None:
    job = Job("reading", 2).start(faulty)
    assert job.wait(30)
    assert (job.done, job.stopped, job.error) == (1, False, FAULT)
    (record,) = caplog.records
    assert "'reading'" in record.getMessage()
    assert "Traceback" in caplog.text
    assert "ZeroDivisionError: in /srv/app.py" in caplog.text


def test_what_people_can_mend_is_told_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    def full(_: Job) -> Generator[int]:
        yield 0
        raise StoreError(expected="a disk", found="none", change="Find one.")

    job = Job("reading", 2).start(full)
    assert job.wait(30)
    assert (job.error, caplog.records) == ("Expected a disk, found none. Find one.", [])


def test_a_job_that_fails_as_it_is_stopped_has_ended() -> None:
    begun = threading.Event()

    def unwilling(job: Job) -> Generator[int]:
        try:
            begun.set()
            while not job.stopped:
                time.sleep(0.01)
            yield 1
        finally:
            raise ZeroDivisionError

    job = Job("reading", 2).start(unwilling)
    assert begun.wait(30)
    job.stop()
    assert job.wait(30)
    assert job.error == FAULT


@pytest.mark.parametrize(("screen", "project", "what"), [("documents", "p", SCORING), ("settings", "", CHECK)])
def test_the_page_says_that_it_failed_and_nothing_of_the_inside(
    visit: Visit, screen: str, project: str, what: str
) -> None:
    store = resources.store()
    store.create_project("p", Schema.of(["person"], []))
    store.add_documents("p", [Document("d", "Ada slept.")])
    resources.jobs().forget(project, what)
    assert resources.jobs().start(project, what, 2, faulty).wait(30)
    app = visit(screen, project="p")
    resources.jobs().forget(project, what)
    assert not app.exception
    warned = " ".join(str(warning.value) for warning in app.warning)
    assert "the program itself failed" in warned
    assert "srv" not in warned
    assert "ZeroDivision" not in warned


def test_a_round_with_argilla_that_fails_by_a_fault_is_told(data: Any) -> None:
    store = resources.store()
    store.create_project("p", Schema.of(["person"], []))
    link(store, "p", "w", by="ada")

    def environment() -> dict[str, str]:
        raise ZeroDivisionError

    rounds = Synchroniser(store, resources.jobs(), environment)
    assert rounds.start("p").wait(30)
    last = rounds.last("p")
    assert last is not None
    assert (last.error, last.down) == (FAULT, False)
