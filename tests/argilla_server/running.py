"""A running Argilla server for tests, as a context manager that can also stop and start it again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / os.environ.get("ARGILLA_VENV", ".venv-argilla") / "bin" / "python"


class ArgillaServer:
    """A server with data of its own. `url` stays the same over a restart."""

    def __init__(self) -> None:
        # a socket's path has at most 107 bytes, which the folders of pytest can exceed
        self._folder = tempfile.mkdtemp(prefix="argilla-")
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self.key = ""

    def start(self) -> None:
        port = self.url.rpartition(":")[2] or "0"
        launch = Path(__file__).with_name("launch.py")
        with (Path(self._folder) / "log").open("a") as log:
            self._process = subprocess.Popen(
                [str(PYTHON), str(launch), self._folder, port],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the server did not start: {(Path(self._folder) / 'log').read_text()[-2000:]}"
        self.url, self.key = json.loads(line)["url"], json.loads(line)["api_key"]

    def stop(self) -> None:
        if self._process is not None:
            assert self._process.stdin
            assert self._process.stdout
            self._process.stdin.close()
            self._process.wait(30)
            self._process.stdout.close()
            self._process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def call(self, method: str, path: str, body: object = None, key: str = "", **params: Any) -> Any:
        """As somebody at Argilla's own page would do it: not through our client."""
        headers = {"X-Argilla-Api-Key": key or self.key}
        response = httpx.request(
            method, f"{self.url}/api/v1{path}", json=body, headers=headers, params=params, timeout=60
        )
        assert response.is_success, response.text
        return response.json() if response.content else None

    def workspace(self, name: str) -> str:
        return str(self.call("POST", "/workspaces", {"name": name})["id"])

    def user(self, name: str, workspace: str, role: str = "annotator") -> dict[str, Any]:
        body = {"first_name": name, "username": name, "role": role, "password": "long enough"}
        user: dict[str, Any] = self.call("POST", "/users", body)
        self.call("POST", f"/workspaces/{workspace}/users", {"user_id": user["id"]})
        return user
