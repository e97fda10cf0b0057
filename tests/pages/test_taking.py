"""Files that a tab takes away: made in the background, sent from the disk in pieces, gone with the tab."""

from __future__ import annotations

import gc
import io
import threading
import time
import tracemalloc
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

from db import audit, benchmark
from db.store import Store
from pages.shared import bundles, resources, takeaways, taking
from pages.shared.takeaways import Takeaway
from relex_core.errors import StoreError
from relex_core.types import Annotation, Document, Entity, Schema
from tests.pages.asgi import ask
from tests.pages.conftest import Visit

SCHEMA = Schema.of(["person"], [])


def get(address: str) -> httpx.Response:
    return ask(Starlette(routes=takeaways.routes), "GET", f"/{address}")


@pytest.fixture
def app(visit: Visit) -> AppTest:
    store = resources.store()
    store.create_project("p", SCHEMA)
    documents = [Document(f"d{n}", f"Ada met person {n}.") for n in range(20)]
    store.add_documents("p", documents)
    for document in documents:
        store.save("p", Annotation(document, SCHEMA, (Entity("a", 0, 3, "person"),)), annotator="ada")
    return visit("export", project="p")


def taken(app: AppTest) -> Any:
    return app.session_state["remembered_download_export"]


def words(app: AppTest) -> str:
    assert not app.exception
    return " ".join(str(element.value) for element in (*app.warning, *app.info))


def test_an_export_is_made_and_lies_on_the_disk_until_the_choice_changes(app: AppTest) -> None:
    app.button(key="download_export").click().run()
    file = taken(app).job.result
    assert isinstance(file, Takeaway)
    answer = get(file.address)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="p-gliner.zip"'
    assert answer.headers["content-type"] == "application/octet-stream"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert set(archive.namelist()) == {"p.jsonl", "p.jsonl.manifest.json"}
        assert len(archive.read("p.jsonl").splitlines()) == 20
    (exported, *_) = audit.events(resources.store(), "p")
    assert (exported.action, exported.by) == ("exported", "me")
    path, address = file.path, file.address
    app.selectbox(key="export_format").set_value("brat").run()
    assert taken(app) is None
    assert not path.parent.exists()
    assert get(address).status_code == 404


def test_a_long_export_shows_how_far_it_is_and_can_be_stopped(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[Path] = []
    go_on = threading.Event()

    def slowly(store: Store, project: str, into: Path, *rest: Any, by: str) -> Path:
        folders.append(into)
        rest[-1](7)
        assert go_on.wait(60)
        rest[-1](8)
        raise AssertionError("went on")

    monkeypatch.setattr(bundles, "project_archive", slowly)
    app.button(key="download_export").click().run()
    job = taken(app).job
    assert (job.running, job.done, job.total) == (True, 7, 20)
    app.button(key="download_export_stop").click()
    app.run()
    go_on.set()
    assert job.wait(60)
    assert job.stopped
    assert not folders[0].exists()
    assert not words(app.run()), "who stops it needs no explanation"


def test_a_full_disk_is_told(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    app.button(key="download_export").click().run()
    assert taken(app).job.wait(60)
    assert "No space left on device" in words(app.run())


def test_names_of_files_are_no_header_and_no_path(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    file = Takeaway(tmp_path / "x", 'a"\r\nSet-Cookie: b=c/../é.zip')
    answer = get(file.address)
    assert answer.content == b"abc"
    assert "set-cookie" not in answer.headers
    assert get(f"{takeaways.PATH}/..%2F..%2Fetc%2Fpasswd").status_code == 404


def test_a_project_is_packed_in_bounded_memory(tmp_path: Path) -> None:
    def peak(size: int) -> int:
        with Store.open(f"sqlite:///{tmp_path}/{size}.sqlite") as store:
            benchmark.fill(store, size, revisions=1)
            with TemporaryDirectory() as warm:
                bundles.project_archive(store, "benchmark", Path(warm), states=None)
            tracemalloc.start()
            packed = bundles.project_archive(store, "benchmark", tmp_path, states=None)
            used = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        with zipfile.ZipFile(packed) as archive:
            assert len(archive.read("benchmark.jsonl").splitlines()) == size
        return used

    few, many = peak(300), peak(1500)
    assert many < few + 1_000_000, f"{few:,} bytes for 300 documents, {many:,} for 1,500"


def test_a_closed_tab_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "x").write_bytes(b"abc")
    (tmp_path / "kept").write_bytes(b"abc")
    for path, folder in ((tmp_path / "made" / "x", tmp_path / "made"), (tmp_path / "kept", None)):
        file = Takeaway(path, "x", folder)
        address = file.address
        assert get(address).content == b"abc"
        del file
        gc.collect()
        assert get(address).status_code == 404
    assert not (tmp_path / "made").exists()
    assert (tmp_path / "kept").exists()


def test_what_breaks_while_a_file_is_made_leaves_no_folder(tmp_path: Path) -> None:
    folders: list[Path] = []

    def broken(into: Path, seen: taking.Seen) -> Path:
        folders.append(into)
        raise StoreError(expected="a disk", found="none", change="Find one.")

    job = taking._begin("x", broken, 1)
    deadline = time.monotonic() + 30
    while job.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "Find one." in job.error
    assert not folders[0].exists()
