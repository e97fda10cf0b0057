"""A small project and invented scores, for tests that need no model."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any

from db.store import Store
from relex_core.errors import ModelBusy
from relex_core.service import ModelService
from relex_core.types import Document, Entity, Extraction, Relation, Schema

SCHEMA = Schema.of(["person", "place"], ["met in", "lives in"])
MODEL = "mini@test"
NAMES = ("Ada", "Bob", "Cem", "Dora", "Eva", "Finn", "Gil", "Hana", "Ivo", "Jan")


def text(name: str) -> str:
    return f"{name} met Charles in London."


def store_with(folder: Path, documents: int = 6, project: str = "news") -> Store:
    """A store with one project whose documents are d0, d1 and so on."""
    store = Store.open(f"sqlite:///{folder}/relex.sqlite")
    store.create_project(project, SCHEMA)
    store.add_documents(project, [Document(f"d{n}", text(NAMES[n])) for n in range(documents)])
    return store


def suggest(store: Store, id: str, score: float = 0.9, schema: Schema = SCHEMA, project: str = "news") -> Extraction:
    """Save suggestions for a document: two persons, a place and a relation, with scores about `score`."""
    document = store.document(project, id)
    name, charles = document.text.split()[0], document.text.index("Charles")
    london = document.text.index("London")
    entities = (
        Entity.suggested(0, len(name), "person", score),
        Entity.suggested(charles, charles + 7, "person", score),
        Entity.suggested(london, london + 6, "place", score),
    )
    relation = Relation(entities[0].id, entities[2].id, "met in", score)
    extraction = Extraction(document, schema, entities, (relation,), MODEL)
    store.save_extraction(project, extraction)
    return extraction


class Overrun(ModelService):
    """A model with a full queue."""

    version = MODEL

    def __init__(self) -> None:
        """No thread of its own."""

    def submit(self, *args: Any, **more: Any) -> Any:
        raise ModelBusy(expected="a free place", found="none", change="Try again.")

    submit_rescore = submit


class Silent(Overrun):
    """A model that takes its time."""

    def submit(self, *args: Any, **more: Any) -> Any:
        return Future()
