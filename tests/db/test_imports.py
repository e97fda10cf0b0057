"""Where an imported file ends up: on which documents, by whom, and what is said of it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from db import check, documents, exports, imports, projects
from db.store import Store
from db.values import State
from relex_core.types import Document
from tests.db.conftest import SCHEMA

TEXT, OTHER = "Ada met Bob", "Other text here"


def record(id: str, text: str, *marks: tuple[int, str]) -> str:
    entities = [{"start": at, "end": at, "label": label} for at, label in marks]
    row = {"id": id, "tokens": text.split(), "text": text, "entities": entities, "relations": [], "source": "s"}
    return json.dumps(row) + "\n"


def load(store: Store, path: Path, annotator: str = "import") -> imports.Imported:
    return imports.load(store, "letters", [path], format="relex-jsonl", annotator=annotator)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_every_annotation_lands_on_a_document_with_its_text(
    store: Store, tmp_path: Path, order: tuple[int, ...]
) -> None:
    """Two documents of the same id, one of them with the text of a third."""
    records = [
        record("p", TEXT, (0, "person")),
        record("x", TEXT, (2, "place")),
        record("x", OTHER, (0, "organization")),
    ]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(records[at] for at in order))
    done = load(store, path)
    assert (done.added, done.revisions) == (3, 3)
    found = [(a.document.text, a.entities[0].label) for a in store.annotations("letters")]
    assert sorted(found) == [(TEXT, "person"), (TEXT, "place"), (OTHER, "organization")]
    assert {row.revisions for row in store.queue("letters")} == {1}
    assert store.counts("letters")[State.NEW] == 0
    assert exports.snapshot(store, "letters", tmp_path / "out.jsonl", format="relex-jsonl").documents == 3
    assert load(store, path).revisions == 0
    assert list(check.check(store.database)) == []


def test_two_people_import_the_same_file(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(record("p", TEXT, (0, "person")) + record("q", OTHER))
    for name in ("ann", "bob"):
        assert load(store, path, name).revisions == 2
    assert [load(store, path, name).revisions for name in ("ann", "bob", " bob ")] == [0, 0, 0]
    assert [r.annotator for r in store.by_annotator("letters", "p")] == ["ann", "bob"]
    assert len(store.revisions("letters", "p")) == 2
    assert list(check.check(store.database)) == []


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_two_add_the_same_documents_at_once(store: Store, url: str) -> None:
    """The second one comes while the first one's are in but not committed, and finds them when they are."""
    store.create_project("letters", SCHEMA)
    batch = [Document(f"d{n}", f"Text number {n}") for n in range(20)]
    results: list[object] = []

    def second() -> None:
        with Store.open(url) as other:
            try:
                results.append(other.add_documents("letters", [*batch, Document("d0", "a different text")]))
            except Exception as error:  # noqa: BLE001  told by the assertion below
                results.append(error)

    waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = :name")
    adder = threading.Thread(target=second)
    with store.database.write() as connection:
        pk, _ = projects.find(connection, "letters")
        documents.add(connection, pk, batch, store.now())
        adder.start()
        while adder.is_alive():
            with store.database.read() as look:
                if look.execute(waiting, {"name": store.database.url.database}).scalar_one():
                    break
    adder.join()
    (added,) = results
    assert not isinstance(added, Exception), added
    assert (added.added, added.duplicates, added.renamed[0][0]) == (1, 20, "d0")  # type: ignore[attr-defined]
    assert store.project("letters").documents == 21
    assert list(check.check(store.database)) == []


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_adding_documents_keeps_nobody_from_saving(store: Store) -> None:
    store.create_project("letters", SCHEMA)
    store.add_documents("letters", [Document("d0", TEXT)])
    with store.database.write() as connection:
        pk, _ = projects.find(connection, "letters")
        documents.add(connection, pk, [Document("d0", TEXT)], store.now())
        assert store.set_state("letters", "d0", State.SKIPPED, annotator="ann").number == 1
