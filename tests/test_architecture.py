"""The direction of imports, and what may be imported where (README, "How it is built")."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import LONG

ROOT = Path(__file__).parents[1]
LIGHT = {"types", "errors", "jsonl", "words", "editing", "selection", "outputs"}


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} is empty"
    return found


def imports(path: Path) -> set[str]:
    """Dotted names of all that a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def offenders(folder: str, *banned: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(folder)
        for name in sorted(imports(path))
        if any(name == b or name.startswith(b + ".") for b in banned)
    ]


@pytest.mark.parametrize(
    ("folder", "banned"),
    [
        ("relex_core", ("streamlit", "sqlalchemy", "alembic", "argilla", "db", "pages", "app")),
        ("db", ("torch", "transformers", "streamlit", "pages", "app")),
        ("pages/shared", ("pages.screens", "app", "sqlalchemy")),
        ("pages/screens", ("app", "sqlalchemy", "torch", "transformers")),
    ],
)
def test_imports_point_one_way(folder: str, banned: tuple[str, ...]) -> None:
    assert offenders(folder, *banned) == []


def test_db_knows_only_the_values_and_files_of_relex_core() -> None:
    bad = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules("db")
        for name in imports(path)
        if name.startswith("relex_core.") and name.split(".")[1] not in LIGHT
    ]
    assert bad == []


def test_use_cases_know_no_streamlit() -> None:
    for name in ("actions.py", "corrections.py"):
        assert not any(i.split(".")[0] == "streamlit" for i in imports(ROOT / "pages/shared" / name))


def test_what_a_button_or_a_field_does_to_the_store_tells_what_is_refused() -> None:
    """An error in a callback ends the run before anything is drawn: it has to be told there."""
    bad, seen = [], 0
    for path in modules("pages"):
        source = path.read_text()
        called = set(re.findall(r"on_(?:click|change|submit)=(\w+)", source))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.name in called:
                text = ast.unparse(node)
                touches = re.search(r"\b(store|resources|training_runs)\b", text) is not None
                seen += touches
                if touches and "guard()" not in text and "except " not in text:
                    bad.append(f"{path.stem}.{node.name}")
    assert bad == []
    assert seen > 25


def test_session_state_and_cached_resources_have_one_home() -> None:
    for path in [*modules("pages"), ROOT / "app.py"]:
        tree = ast.parse(path.read_text())
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if path != ROOT / "pages/shared/state.py":
            assert "session_state" not in used, path
        if path != ROOT / "pages/shared/resources.py":
            assert "cache_resource" not in used, path


def test_no_page_stands_where_streamlit_would_serve_it_without_the_app() -> None:
    assert [path.name for path in (ROOT / "pages").glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("relex_core", "torch,transformers,numpy"),
        ("relex_core.jsonl", "torch,transformers,numpy"),
        ("relex_core.selection", "torch,transformers,numpy"),
        ("relex_core.outputs", "torch,transformers,numpy"),
        ("relex_core.locating", "torch,transformers,numpy,huggingface_hub"),
        ("relex_core.training_config", "torch,transformers,numpy"),
        # it waits beside a training, for hours
        ("pages.shared.training_process", "torch,transformers,numpy,streamlit"),
        ("db.store", "torch,transformers,streamlit,argilla"),
        ("db.exports", "torch,transformers,streamlit,argilla"),
    ],
)
def test_light_modules_stay_light(module: str, heavy: str) -> None:
    script = f"import sys, {module}; sys.exit(' '.join(set('{heavy}'.split(',')) & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.strip() == ""
    assert done.returncode == 0


NOWHERE = "an embedded checkpoint (mini)"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("extract --entities person --checkpoint nonsense", NOWHERE),
        ("evaluate --data {data} --checkpoint nonsense", NOWHERE),
        ("train stage2 --base nonsense --out {out}", NOWHERE),
        ("train nonsense", "a preset (stage1, "),
        ("ablate nonsense --dev {data} --out {out}", "a preset (stage1, "),
        ("average mini=0.5 nonsense=0.5 --out {out}", NOWHERE),
        ("average mini=0.5 --out {out}", "that sum to 1"),
        ("average mini=1 --out {data}", "a directory that can be written"),
    ],
)
def test_what_cannot_be_done_is_told_before_torch_is_loaded(command: str, message: str, tmp_path: Path) -> None:
    data, out = tmp_path / "data.jsonl", tmp_path / "out"
    data.write_text('{"text": "Ada met Bo.", "entities": [], "relations": []}\n')
    script = f"""
import sys
from relex_core.__main__ import main
assert main({command.format(data=data, out=out).split()!r}) == 2
sys.exit(" ".join({{"torch", "transformers"}} & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, input="Ada.", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert message in done.stderr
    assert not out.exists()


def test_a_first_answer_does_not_wait_for_what_it_does_not_use() -> None:
    script = """
import sys
from relex_core.inference import Extractor
from relex_core.checkpoint import load
from relex_core.types import Document, Schema
text = "Ada Lovelace worked with Charles Babbage in London."
found = Extractor(load("mini", device="cpu")).extract(Document.from_text(text), Schema.of(["person"], ["works with"]))
assert found.entities
sys.exit(" ".join({"torch._dynamo", "sympy", "transformers"} & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_a_first_step_of_training_does_not_wait_for_what_it_does_not_use(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from relex_core.training import Trainer
from tests.relex_core.test_training import config, corpus, silent
from tests.relex_core.tiny import checkpoint
folder = Path(sys.argv[1])
plan = config(checkpoint(folder / "tiny"), corpus(folder / "data.jsonl", 0, 1, 2), steps=2)
assert Trainer(plan, folder / "run", silent).run().step == 2
sys.exit(" ".join({"torch._dynamo", "sympy", "transformers"} & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_reading_order_names_every_module() -> None:
    lines = [line for line in (ROOT / "relex_core/__init__.py").read_text().splitlines() if line.startswith("    ")]
    named = {word.rstrip(",") for line in lines for word in re.split(r"\s{2,}", line.strip())[0].split()}
    modules = {path.stem for path in (ROOT / "relex_core").glob("*.py") if not path.stem.endswith(("_command", "__"))}
    assert modules - named == set(), "missing in the package's reading order"


def test_the_modules_that_are_begun_first_are_there() -> None:
    assert [name for name in LONG if not (ROOT / name).is_file()] == []
