"""Files that a tab takes away straight from the disk, in pieces, however large they are.

What is handed to Streamlit to be downloaded lies in the server's memory for as long as the visitor is there. These lie
on the disk, under a name that cannot be guessed, until the tab asks for another one or is closed.
"""

from __future__ import annotations

import secrets
import shutil
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

PATH = "relex/files"


@dataclass(eq=False)
class Takeaway:
    """A file to take away as `name`. `folder`, if there is one, is deleted when nobody holds this any more."""

    path: Path
    name: str
    folder: Path | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _gone: Callable[[], object] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _TAKEAWAYS[self.token] = self
        # without a folder of its own, only the name is given up
        self._gone = weakref.finalize(self, _forget, self.token, self.folder)

    def discard(self) -> None:
        """Nobody takes it any more. What a closed tab held is discarded with it."""
        self._gone()

    @property
    def address(self) -> str:
        """Where it is, from the root of the app."""
        return f"{PATH}/{self.token}"


_TAKEAWAYS: WeakValueDictionary[str, Takeaway] = WeakValueDictionary()


def _forget(token: str, folder: Path | None) -> None:
    _TAKEAWAYS.pop(token, None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


async def _get(request: Request) -> Response:
    found = _TAKEAWAYS.get(request.path_params["token"])
    if found is None or not found.path.is_file():
        return PlainTextResponse("This file is not there any more. Ask for it again in the app.", 404)
    kept = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return FileResponse(found.path, filename=found.name, media_type="application/octet-stream", headers=kept)


routes = (Route(f"/{PATH}/{{token}}", _get),)
