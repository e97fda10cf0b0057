"""Looking after the database from a page: the check as background work. No Streamlit here."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime

from db.check import Finding, check
from db.store import Store
from pages.shared.jobs import Job, Jobs

CHECK = "check"
SHOWN = 50
"""Findings that are kept to be shown; all are counted."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: its first findings, the number of all, and how many of these can be built anew."""

    at: datetime
    documents: int
    findings: tuple[Finding, ...]
    number: int
    derived: int


def start_check(store: Store, jobs: Jobs) -> Job:
    """Compute all hashes anew and compare all indexes, in the background. The job's result is a `Checked`."""

    def pieces(job: Job) -> Generator[int]:
        def seen() -> None:
            job.done += 1
            job.go_on()

        found: list[Finding] = []
        number = derived = 0
        for finding in check(store.database, seen):
            number, derived = number + 1, derived + finding.derived
            found += [finding] if len(found) < SHOWN else []
        job.result = Checked(store.now(), job.done, tuple(found), number, derived)
        yield 0

    total = sum(project.documents for project in store.projects(archived=None))
    return jobs.start("", CHECK, total, pieces)
