"""huggingface_hub's own client against a local server that speaks the endpoints it uses."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from relex_core.hub import is_hub_id
from tests.relex_core.tiny import checkpoint

LARGE = 12_000_000
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Serves one repository; files can be asked for in part."""

    root: Path
    asked: list[str]
    trouble: int | str = ""

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = self.path.split("?")[0]
        self.asked.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        if isinstance(self.trouble, int):
            return self.send(b"{}", {}, self.trouble)
        if self.trouble == "no hub":
            return self.send(b"<html>", {})
        if path.startswith("/api/models/owner/tiny/tree/"):
            tree = [
                {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": "0" * 40}
                for file in sorted(self.root.iterdir())
            ]
            return self.send(json.dumps(tree).encode(), {})
        if path.startswith("/api/models/owner/tiny"):
            files = [{"rfilename": file.name} for file in sorted(self.root.iterdir())]
            return self.send(
                json.dumps({"id": "owner/tiny", "sha": COMMIT, "siblings": files, "private": False}).encode(), {}
            )
        name = path.rsplit("/", 1)[-1]
        if path.startswith("/owner/tiny/resolve/") and (self.root / name).is_file():
            body = (self.root / name).read_bytes()
            return self.send(body, {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "X-Repo-Commit": COMMIT})
        self.send(b"{}", {"X-Error-Code": "RepoNotFound"}, 404)
        return None

    def send(self, body: bytes, headers: dict[str, str], status: int = 200) -> None:
        start = self.headers.get("Range", "").removeprefix("bytes=").split("-")[0]
        if start and status == 200:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body, status = body[int(start) :], 206
        self.send_response(status)
        for key, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET" and self.trouble == "breaks off" and not start:
            self.wfile.write(body[:LARGE])
            self.connection.close()
        elif self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    Hub.root, Hub.asked = checkpoint(tmp_path_factory.mktemp("hub")), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def extract(endpoint: str, home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own: the client reads its settings once, when it is imported."""
    command = [sys.executable, "-m", "relex_core", "extract", "--entities", "person", *arguments]
    settings = {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "PATH": "",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **environment,
    }
    settings |= {"HF_HUB_DISABLE_XET": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, input="Ada met Bo.", capture_output=True, text=True, env=settings, timeout=200, check=False
    )


def test_a_checkpoint_is_fetched_pinned_cached_and_used_offline(hub: str, tmp_path: Path) -> None:
    first = extract(hub, tmp_path, "--checkpoint", "owner/tiny", "--revision", COMMIT)
    assert first.returncode == 0, first.stderr
    read = json.loads(first.stdout)
    assert (read["text"], read["model_version"].split("@")[0]) == ("Ada met Bo.", "owner--tiny")
    assert any(f"/resolve/{COMMIT}/model.safetensors" in line for line in Hub.asked)
    assert (tmp_path / "hub" / "models--owner--tiny" / "snapshots" / COMMIT / "model.safetensors").exists()
    asked = len(Hub.asked)
    offline = extract(hub, tmp_path, "--checkpoint", "owner/tiny", "--revision", COMMIT, HF_HUB_OFFLINE="1")
    assert offline.stdout == first.stdout
    assert len(Hub.asked) == asked


def test_offline_says_where_it_looked(tmp_path: Path) -> None:
    done = extract("http://127.0.0.1:9", tmp_path, "--checkpoint", "owner/tiny")
    assert done.returncode == 2
    assert str(tmp_path / "hub") in done.stderr
    assert "Go online once" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_part_of_a_checkpoint_in_the_cache_is_told(tmp_path: Path) -> None:
    blobs = tmp_path / "hub" / "models--owner--tiny" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "0123").touch()
    done = extract("http://127.0.0.1:9", tmp_path, "--checkpoint", "owner/tiny")
    assert done.returncode == 2
    assert "but a part of it. Try again" in done.stderr


def test_unknown_repository(hub: str, tmp_path: Path) -> None:
    done = extract(hub, tmp_path, "--checkpoint", "owner/other")
    assert done.returncode == 2
    assert "Check the id and the revision" in done.stderr


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (401, "HF_TOKEN"),
        (403, "refuses (HTTP 403)"),
        (500, "says HTTP 500"),
        ("no hub", "Go online once"),
    ],
)
def test_a_hub_in_trouble_is_told_from_none(
    trouble: int | str, message: str, hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hub, "trouble", trouble)
    done = extract(hub, tmp_path, "--checkpoint", "owner/tiny")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_id_that_the_hub_would_not_have(tmp_path: Path) -> None:
    done = extract("http://127.0.0.1:9", tmp_path, "--checkpoint", "owner/a--b")
    assert done.returncode == 2
    assert "such as owner/name" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_download_that_breaks_off_goes_on_where_it_stood(
    hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the client stores what it has got in pieces of 10 MB
    large = Hub.root / "tokenizer.large"
    large.write_bytes(bytes(2 * LARGE))
    try:
        Hub.asked.clear()
        monkeypatch.setattr(Hub, "trouble", "breaks off")
        done = extract(hub, tmp_path, "--checkpoint", "owner/tiny")
        assert done.returncode == 0, done.stderr
        gets = [line for line in Hub.asked if line.startswith("GET") and large.name in line]
        assert [int(line.partition("bytes=")[2].rstrip("-") or 0) > 0 for line in gets] == [False, True]
        (snapshot,) = (tmp_path / "hub" / "models--owner--tiny" / "snapshots").iterdir()
        assert (snapshot / large.name).read_bytes() == large.read_bytes()
    finally:
        large.unlink()


@pytest.mark.parametrize(
    ("name", "fits"), [("a/b", True), ("mini", False), ("./a", False), ("/a/b", False), ("a/b/c", False)]
)
def test_what_is_a_hub_id(name: str, fits: bool) -> None:
    assert is_hub_id(name) is fits
