"""A real Argilla server for the session, and for each test a workspace, an annotator and a project of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from db.argilla_client import ArgillaClient, ArgillaSettings
from db.argilla_store import ArgillaStore
from db.argilla_sync import Synced, sync, waiting
from db.outbox import Waiting
from db.store import Store
from relex_core.types import Document, Entity, Extraction, Relation, Schema
from tests.argilla_server.running import PYTHON, ArgillaServer
from tests.components import missing, program

SCHEMA = Schema.of(["person", "place"], ["born in", "knows"])
_numbers = count()


@pytest.fixture(scope="session")
def server() -> Iterator[ArgillaServer]:
    if not list(PYTHON.parents[1].glob("lib/*/site-packages/argilla_server")):
        missing("the environment of an Argilla server", "make .venv-argilla/.ready")
    program("redis-server", how="apt-get install redis-server")
    running = ArgillaServer()
    try:
        running.start()
        yield running
    finally:
        running.close()


@dataclass
class Team:
    """A project on both sides. What ends in `_there` goes past our client, as Argilla's own page does."""

    server: ArgillaServer
    store: Store
    workspace_id: str
    client: ArgillaClient
    ada: dict[str, Any]
    project: str = "letters"

    def sync(self, **options: Any) -> Synced:
        return sync(self.store, self.project, self.client, **options)

    @property
    def dataset(self) -> ArgillaStore:
        found = ArgillaStore(self.client, self.project, self.store.project(self.project).schema)
        assert found.find()
        return found

    def waiting(self) -> Waiting:
        return waiting(self.store, self.project, self.client.settings)

    def records_there(self) -> dict[str, dict[str, Any]]:
        path = f"/datasets/{self.dataset.id}/records"
        items = self.server.call("GET", path, include="responses", limit=1000)["items"]
        return {item["metadata"]["document"]: item for item in items if item.get("metadata")}

    def answer_there(self, document: str, entities: list[tuple[int, int, str]], relations: str, status: str) -> None:
        """Ada answers at Argilla's page, with her own key."""
        record = self.records_there()[document]["id"]
        spans = [{"start": start, "end": end, "label": label} for start, end, label in entities]
        values = {"entities": {"value": spans}, "relations": {"value": relations}}
        item = {"record_id": record, "status": status, "values": values}
        answer = self.server.call("POST", "/me/responses/bulk", {"items": [item]}, key=self.ada["api_key"])
        assert answer["items"][0]["error"] is None, answer


@pytest.fixture
def team(server: ArgillaServer, tmp_path: Path) -> Iterator[Team]:
    number = next(_numbers)
    name = f"team-{number}"
    workspace = server.workspace(name)
    ada = server.user(f"ada-{number}", workspace)
    store = Store.open(f"sqlite:///{tmp_path}/relex.db")
    store.create_project("letters", SCHEMA)
    client = ArgillaClient(ArgillaSettings(server.url, name), server.key, attempts=1)
    yield Team(server, store, workspace, client, ada)
    client.close()
    store.close()


def extraction(document: Document) -> Extraction:
    """What a model would suggest: the first word is a person, the last one a place."""
    first, last = document.text.split()[0], document.text.split()[-1]
    place = document.text.rindex(last)
    head = Entity.suggested(0, len(first), "person", 0.9)
    tail = Entity.suggested(place, place + len(last), "place", 0.8)
    return Extraction(document, SCHEMA, (head, tail), (Relation(head.id, tail.id, "born in", 0.7),), "mini@1")
