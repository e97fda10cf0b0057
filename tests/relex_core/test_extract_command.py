from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from relex_core.__main__ import main
from relex_core.errors import GIVE_UP
from relex_core.jsonl import thresholds_to_json
from relex_core.types import Thresholds
from tests.relex_core.tiny import broken

ARGUMENTS = ["extract", "--entities", "person,organization,location", "--relations", "works for,born in"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main([*ARGUMENTS, *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_text_file_gives_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "note.txt"
    file.write_text("Marie Curie was born in Warsaw 😀.", encoding="utf-8")
    code, out, _ = run(capsys, "--input", str(file))
    record = json.loads(out)
    assert code == 0
    assert set(record) == {"id", "text", "model_version", "entities", "relations"}
    assert record["id"] == "note"
    assert [set(entity) for entity in record["entities"]] == [{"id", "start", "end", "label", "score"}] * 2
    ids = {e["id"]: record["text"][e["start"] : e["end"]] for e in record["entities"]}
    assert [(ids[r["head"]], r["label"], ids[r["tail"]]) for r in record["relations"]] == [
        ("Marie Curie", "born in", "Warsaw")
    ]


def test_jsonl_in_and_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [{"id": "1", "text": "Bob works for IBM."}, {"text": "line\u2028separator Eve"}]
    source.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    assert run(capsys, "--input", str(source), "--out", str(target), "--dtype", "bf16")[:2] == (0, "")
    assert [json.loads(line)["text"] for line in target.read_text("utf-8").split("\n")[:-1]] == [
        line["text"] for line in lines
    ]


def test_the_output_never_takes_the_place_of_the_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "same.jsonl"
    file.write_text('{"text":"Bob works for IBM."}\n')
    code, out, err = run(capsys, "--input", str(file), "--out", str(tmp_path / ".." / tmp_path.name / "same.jsonl"))
    assert (code, out) == (2, "")
    assert "none of the inputs" in err
    assert file.read_text() == '{"text":"Bob works for IBM."}\n'


def test_what_is_interrupted_leaves_the_output_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"text":"Bob works for IBM."}\n' * 2)
    target.write_text("former\n")
    made = []

    def first_alone(extraction: object) -> dict[str, object]:
        if made:
            raise KeyboardInterrupt
        made.append(extraction)
        return {}

    monkeypatch.setattr("relex_core.extract_command.extraction_to_json", first_alone)
    assert run(capsys, "--input", str(source), "--out", str(target))[0] == 130
    assert made
    assert target.read_text() == "former\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_broken_lines_are_listed_and_left_out_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text('{"text":"Bob works for IBM."}\n{bad\n\n{"x":1}\n{"text":" "}\n', encoding="utf-8")
    code, out, err = run(capsys, "--input", str(file))
    assert (code, out) == (2, "")
    assert all(f"line {number}:" in err for number in (2, 4, 5))
    assert "--skip-bad-lines" in err
    code, out, err = run(capsys, "--input", str(file), "--skip-bad-lines")
    assert code == 0
    assert len(out.splitlines()) == 1
    assert "line 2:" in err


@pytest.fixture(scope="module")
def fails_at_cem(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(broken(tmp_path_factory.mktemp("cem"), "Cem"))


def of_texts(path: Path, *texts: str) -> Path:
    path.write_text("".join(json.dumps({"id": f"t{at}", "text": text}) + "\n" for at, text in enumerate(texts)))
    return path


@pytest.mark.parametrize("to_file", [False, True])
def test_a_text_at_which_the_model_fails_takes_no_other_with_it(
    to_file: bool, fails_at_cem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = of_texts(tmp_path / "in.jsonl", "Ada met Bo.", "Cem ran.", "Bo ran.", "Dee met Cem.", "Eve met Bo.")
    target = tmp_path / "out.jsonl"
    code, out, err = run(
        capsys, "--checkpoint", fails_at_cem, "--input", str(source), *(["--out", str(target)] if to_file else [])
    )
    assert code == 1
    written = (target.read_text("utf-8") if to_file else out).splitlines()
    assert [json.loads(line)["id"] for line in written] == ["t0", "t2", "t4"]
    second, fourth, last = err.splitlines()
    assert second.startswith(
        "text 2 of 5: Expected a text that the model can read, found that it fails at document 't1'"
    )
    assert "scores are numbers" in second
    assert fourth.startswith("text 4 of 5: ")
    assert "'t3'" in fourth
    assert last.startswith("error: Expected a model that reads every text, found that it failed at 2 of 5. ")
    assert "Traceback" not in err


def test_what_no_text_can_be_read_into_stays_as_it_was(
    fails_at_cem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = of_texts(tmp_path / "in.jsonl", "Cem ran.", "Cem slept."), tmp_path / "out.jsonl"
    target.write_text("former\n")
    code, _, err = run(capsys, "--checkpoint", fails_at_cem, "--input", str(source), "--out", str(target))
    assert (code, target.read_text()) == (2, "former\n")
    assert "failed at 2 of 2" in err
    assert "nothing is written" in err


def test_a_model_that_fails_at_everything_is_given_up(
    fails_at_cem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [f"Cem met Bo {n} times." for n in range(GIVE_UP + 5)]
    source = of_texts(tmp_path / "in.jsonl", "Ada met Bo.", *texts)
    code, out, err = run(capsys, "--checkpoint", fails_at_cem, "--input", str(source))
    assert (code, [json.loads(line)["id"] for line in out.splitlines()]) == (1, ["t0"])
    assert len(err.splitlines()) == GIVE_UP + 1
    assert f"failed at {GIVE_UP} of {GIVE_UP + 6}; the last 5 were not tried" in err


def test_labels_that_no_text_can_be_read_with_are_told_once(
    fails_at_cem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = of_texts(tmp_path / "in.jsonl", "Ada met Bo.", "Bo ran.")
    code, out, err = run(capsys, "--checkpoint", fails_at_cem, "--entities", "?!" * 100, "--input", str(source))
    assert (code, out) == (2, "")
    assert err.startswith("error: Expected labels that leave room for text")
    assert err.count("Expected") == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "an empty text"),
        ("a.txt", b"Caf\xe9", "--encoding"),
        ("a.txt", b"\xff\xfeA", "UTF-16"),
        ("a.txt", b"A\x00B", "U+0000"),
        ("a.jsonl", b"\n\n", "at least one document"),
        ("a.jsonl", b'{"id": "a\\ud800", "text": "Ada"}', "in the id of a document"),
        ("a.docx", b"PK", "--format"),
    ],
)
def test_bad_files(name: str, content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_bytes(content)
    code, out, err = run(capsys, "--input", str(tmp_path / name))
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--entities", " , "], "at least one label"),
        (["--entities", "person,person"], "once"),
        (["--entities", "a<<ENT>>b"], "<<ENT>>"),
        (["--threshold", "3"], "between 0 and 1"),
        (["--thresholds", "missing.json"], "missing.json"),
        (["--thresholds", "pyproject.toml"], "none in pyproject.toml"),
        (["--thresholds", "x.json", "--threshold", "0.3"], "found both"),
        (["--checkpoint", "nowhere"], "embedded checkpoint (mini)"),
        (["--device", "abacus"], "a device of this machine"),
        (["--input", "missing.txt"], "readable file"),
        (["--batch-size", "0"], "at least 1"),
        (["--checkpoint", "nowhere", "--out", "none/x.jsonl"], "Choose another --out"),
    ],
)
def test_bad_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Ada met Bo.")))
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err


def test_a_full_disk_behind_standard_output_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    (tmp_path / "a.txt").write_text("Ada met Bo.")
    monkeypatch.setattr(sys, "stdout", Full())
    assert main([*ARGUMENTS, "--input", str(tmp_path / "a.txt")]) == 2
    assert "No space left on device" in capsys.readouterr().err


def test_as_a_program_reading_standard_input() -> None:
    command = [sys.executable, "-m", "relex_core", *ARGUMENTS, "--checkpoint", "mini", "--input", "-"]
    done = subprocess.run(
        command, input="Bob works for IBM.", capture_output=True, text=True, encoding="utf-8", check=True
    )
    assert json.loads(done.stdout)["entities"][0]["label"] == "person"


@pytest.mark.parametrize(
    ("encoding", "arguments"),
    [("utf-16", []), ("utf-8-sig", []), ("utf-8", []), ("cp1250", ["--encoding", "windows-1250"])],
)
def test_input_of_another_encoding(
    encoding: str, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_bytes("Marie Skłodowska was born in Łódź.\r\n".encode(encoding))
    code, out, _ = run(capsys, "--input", str(tmp_path / "a.txt"), *arguments)
    assert code == 0
    assert json.loads(out)["text"] == "Marie Skłodowska was born in Łódź.\r\n"


def test_thresholds_of_single_labels_come_from_an_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("Marie Curie was born in Warsaw.")
    chosen = Thresholds(0.4, 0.6, (("location", 1.0),))
    (tmp_path / "scores.json").write_text(json.dumps({"files": [{"thresholds": thresholds_to_json(chosen)}]}))
    code, out, _ = run(capsys, "--input", str(tmp_path / "a.txt"), "--thresholds", str(tmp_path / "scores.json"))
    assert code == 0
    assert [entity["label"] for entity in json.loads(out)["entities"]] == ["person"]


def test_output_is_utf_8_on_a_console_that_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Zoë Łuk 🚀 met Bo.", "utf-8")
    command = [sys.executable, "-m", "relex_core", *ARGUMENTS, "--input", str(tmp_path / "a.txt")]
    settings = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(command, capture_output=True, env=settings, check=True)
    assert json.loads(done.stdout.decode("utf-8"))["text"] == "Zoë Łuk 🚀 met Bo."


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="file names are text there")
def test_the_name_of_a_file_may_be_any_bytes(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    Path(os.fsdecode(name)).write_text("Ada met Bo.")
    command = [sys.executable, "-m", "relex_core", *ARGUMENTS, "--input", name]
    done = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(done.stdout)["id"] == "caf?"


def test_help_needs_no_module_of_unix() -> None:
    lines = ("import sys", "sys.modules['resource'] = None", "from relex_core.__main__ import main", "main(['--help'])")
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_needs_no_torch() -> None:
    lines = (
        "import sys",
        "from relex_core.__main__ import main",
        "try: main(['--help'])",
        "except SystemExit: pass",
        "assert 'torch' not in sys.modules",
    )
    code = "\n".join(lines)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
