"""The pages on an empty data folder and the embedded model, without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from pages.shared import resources

ROOT = Path(__file__).parents[2]

Visit = Callable[..., AppTest]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty data folder, and a store of its own for the test."""
    monkeypatch.setenv("RELEX_DATA", str(tmp_path))
    monkeypatch.delenv("RELEX_DATABASE_URL", raising=False)
    resources.store.clear()
    yield tmp_path
    resources.store().close()
    resources.store.clear()


@pytest.fixture
def visit(data: Path) -> Visit:
    """visit("explore", project="...", document="...") -> the page as a new visitor's first hit."""

    def open_page(screen: str = "explore", **address: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        if screen != "explore":
            app.switch_page(f"pages/screens/{screen}.py")
        for name, value in address.items():
            app.query_params[name] = value
        return app.run()

    return open_page


@pytest.fixture(scope="session", autouse=True)
def look_for_components_once() -> Iterator[None]:
    """For each `AppTest`, Streamlit reads what all installed packages say of themselves: a fifth of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session", autouse=True)
def close_models() -> Iterator[None]:
    """The model's thread ends with the tests."""
    yield
    st.cache_resource.clear()
