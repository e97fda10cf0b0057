"""Predictors from elsewhere: the real packages on tiny random checkpoints, a real HTTP endpoint on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from relex_core.adapters import openai_endpoint
from relex_core.adapters.openai_endpoint import OpenAiEndpoint
from relex_core.errors import CheckpointError, ConfigError, InputError
from relex_core.evaluate_command import load_predictor
from relex_core.evaluation import predict_file, report
from relex_core.types import Document, Entity, Schema, Thresholds
from tests.relex_core.tiny import checkpoint, corpus


class Chat(BaseHTTPRequestHandler):
    """Answers about the first text as it is annotated, about the second without JSON, about others with nonsense."""

    asked: list[dict[str, Any]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Chat.asked.append(body)
        text = body["messages"][1]["content"]
        answer = "I would rather not."
        if text.startswith("Ada"):
            told = {
                "entities": [{"text": "Ada Lovelace", "type": "person"}, {"text": "Acme", "type": "company"}],
                "relations": [{"head": "Ada Lovelace", "tail": "Acme", "label": "works for"}],
            }
            answer = "Here it is:\n```json\n" + json.dumps(told) + "\n```"
        elif text.startswith("Cy"):
            answer = json.dumps({"entities": [{"text": "Zed", "type": "person"}, 3], "relations": [{"head": 1}]})
        data = json.dumps({"choices": [{"message": {"content": answer}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    Chat.asked.clear()
    with HTTPServer(("127.0.0.1", 0), Chat) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_a_chat_endpoint_is_scored(endpoint: str, tmp_path: Path) -> None:
    predictor = OpenAiEndpoint(endpoint, "some-model")
    found = report(predict_file(predictor, corpus(tmp_path / "d.jsonl")), Thresholds(0.5, 0.5))
    assert (found.entities.tp, found.entities.fp) == (2, 0)
    assert (found.relations.tp, found.relations.fp) == (1, 0)
    assert predictor.unreadable == 2
    assert Chat.asked[0]["model"] == "some-model"
    assert "works for" in Chat.asked[0]["messages"][0]["content"]
    given = report(predict_file(predictor, tmp_path / "d.jsonl", gold_entities=True), Thresholds(0.5, 0.5))
    assert given.entities.f1 == 1.0
    assert given.relations.tp == 1


def test_a_silent_endpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="OPENAI_API_KEY"):
        predict_file(OpenAiEndpoint("http://127.0.0.1:9/v1", "m", timeout=2), corpus(tmp_path / "d.jsonl"))
    with pytest.raises(ConfigError, match="http"):
        OpenAiEndpoint("file:///etc", "m")


class Odd(BaseHTTPRequestHandler):
    """Answers each question with the next of `answers`: a status and a body, or a body that breaks off."""

    answers: list[tuple[int, bytes]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = Odd.answers.pop(0)
        self.send_response(status if status else 200)
        self.send_header("Content-Length", str(len(body) + (0 if status else 10)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(openai_endpoint, "WAIT", 0.0)
    with HTTPServer(("127.0.0.1", 0), Odd) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def says(content: object) -> tuple[int, bytes]:
    return 200, json.dumps({"choices": [{"message": {"content": content}}]}).encode()


def test_a_busy_endpoint_is_asked_again_and_odd_answers_are_counted(odd: str, tmp_path: Path) -> None:
    Odd.answers = [(503, b""), (429, b""), (0, b"{"), says(None), says([1]), says('{"a": ' * 9000 + "}"), says("[3]")]
    predictor = OpenAiEndpoint(odd, "m")
    run = predict_file(predictor, corpus(tmp_path / "d.jsonl"))
    assert predictor.unreadable == 4
    assert not any(e.entities for e in run.found)
    Odd.answers = [(401, b'{"error": "no such key"}')]
    with pytest.raises(InputError, match="no such key"):
        predict_file(predictor, tmp_path / "d.jsonl")
    Odd.answers = [(500, b"")] * openai_endpoint.TRIES
    with pytest.raises(InputError, match="500"):
        predict_file(predictor, tmp_path / "d.jsonl")
    assert not Odd.answers
    for address in ("http://[bad", "http://", "http://somebody:secret@127.0.0.1/v1", "http://127.0.0.1:port"):
        with pytest.raises(ConfigError, match="http") as caught:
            OpenAiEndpoint(address, "m")
        assert "secret" not in str(caught.value)


def test_a_label_is_known_in_whichever_case_an_answer_names_it(odd: str) -> None:
    document = Document.from_text("Ann met Bo in Us.")
    people = [{"text": "Ann", "type": "Person"}, {"text": "Bo", "type": " PERSON "}, {"text": "Us", "type": "us"}]
    met = {"head": "Ann", "tail": "Bo", "label": "MET"}
    Odd.answers = [says(json.dumps({"entities": people, "relations": [met]}))]
    schema = Schema.of(["person", "US", "us"], ["met"])
    (found,) = OpenAiEndpoint(odd, "m").predict([document], schema, Thresholds())
    assert [(e.text(document), e.label) for e in found.entities] == [("Ann", "person"), ("Bo", "person"), ("Us", "us")]
    assert [relation.label for relation in found.relations] == ["met"]


def test_repeated_names_get_their_own_places(odd: str) -> None:
    document = Document.from_text("Annapolis pleased Ann. Ann met Bo, and Ann left.")
    schema = Schema.of(["person"], ["met"])
    ann, bo = {"text": "Ann", "type": "person"}, {"text": "Bo", "type": "person"}
    told = {"entities": [ann, ann, bo, ann, ann, {"text": "Zed", "type": "person"}, {"text": " ", "type": "person"}]}
    met = {"relations": [{"head": "Ann", "tail": "Bo", "label": "met"}, {"head": "Ann", "tail": "Bo", "label": "ate"}]}
    predictor = OpenAiEndpoint(odd, "m")
    Odd.answers = [says(json.dumps({**told, **met}))] * 2
    (found,) = predictor.predict([document], schema, Thresholds())
    # whole words first, then inside a word; a name is not found more often than it stands there
    assert [e.span for e in found.entities] == [(0, 3), (18, 21), (23, 26), (31, 33), (39, 42)]
    assert [(r.head, r.tail) for r in found.relations] == [("23:26:person", "31:33:person")]
    given = (Entity("x", 18, 21, "person"), Entity("y", 31, 33, "person"), Entity("z", 39, 42, "person"))
    (found,) = predictor.predict([document], schema, Thresholds(), [given])
    assert [(r.head, r.tail) for r in found.relations] == [("z", "y")]


@pytest.mark.peer
def test_the_reference_package_finds_what_ours_finds(tmp_path: Path) -> None:
    pytest.importorskip("gliner")
    path = checkpoint(tmp_path / "tiny")
    data = corpus(tmp_path / "d.jsonl")
    scores = [
        report(predict_file(load_predictor(kind, str(path)), data), Thresholds(0.3, 0.4)).to_json()
        for kind in ("relex_core", "gliner")
    ]
    for key in ("entities", "relations", "relations_with_types", "confusions"):
        assert scores[0][key] == scores[1][key]


@pytest.mark.peer
def test_the_reference_package_knows_the_embedded_names(tmp_path: Path) -> None:
    pytest.importorskip("gliner")
    run = predict_file(load_predictor("gliner", "mini"), corpus(tmp_path / "d.jsonl"))
    assert report(run, Thresholds()).entities.f1 > 0.5
    with pytest.raises(CheckpointError, match="embedded checkpoint"):
        load_predictor("gliner", "nowhere")


@pytest.mark.peer
def test_gliner2_is_scored(tmp_path: Path) -> None:
    gliner2 = pytest.importorskip("gliner2")
    path = tiny_gliner2(gliner2, tmp_path / "g2")
    data = corpus(tmp_path / "d.jsonl")
    run = predict_file(load_predictor("gliner2", str(path)), data)
    assert sum(len(e.entities) for e in run.found) > 10
    scored = report(run, Thresholds(0.1, 0.1))
    assert scored.entities.support == 10
    with pytest.raises(ConfigError, match="gold-entities"):
        predict_file(load_predictor("gliner2", str(path)), data, gold_entities=True)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "glirel", None)
    with pytest.raises(ConfigError, match="pip install glirel"):
        load_predictor("glirel", "anything")


def tiny_gliner2(gliner2: Any, path: Path) -> Path:
    """A random GLiNER2 checkpoint, written by the package itself."""
    import torch
    from gliner2.configuration import ExtractorConfig
    from gliner2.inference.engine import SpanExtractor
    from transformers import BertConfig, PreTrainedTokenizerFast

    from relex_core.locating import EMBEDDED

    torch.manual_seed(0)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(EMBEDDED / "mini")
    encoder = BertConfig(
        vocab_size=len(tokenizer) + 40, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    model = SpanExtractor(ExtractorConfig(model_name="tiny"), encoder_config=encoder, tokenizer=tokenizer)
    model.save_pretrained(str(path))
    return path


@pytest.mark.peer
def test_glirel_relates_given_entities(tmp_path: Path) -> None:
    glirel = pytest.importorskip("glirel")
    path = tiny_glirel(glirel, tmp_path)
    data = corpus(tmp_path / "d.jsonl")
    run = predict_file(load_predictor("glirel", str(path)), data, gold_entities=True)
    scored = report(run, Thresholds(0.5, 0.05))
    assert scored.entities.f1 == 1.0
    assert scored.relations.tp + scored.relations.fp > 3
    with pytest.raises(ConfigError, match="--gold-entities"):
        predict_file(load_predictor("glirel", str(path)), data)


def tiny_glirel(glirel: Any, path: Path) -> Path:
    """A random GLiREL checkpoint, written by the package itself."""
    from argparse import Namespace

    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    from relex_core.locating import EMBEDDED

    torch.manual_seed(0)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(EMBEDDED / "mini")
    encoder = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    BertModel(encoder).save_pretrained(path / "encoder")
    tokenizer.save_pretrained(path / "encoder")
    settings: dict[str, Any] = {
        **{"model_name": str(path / "encoder"), "name": "tiny", "fine_tune": True, "subtoken_pooling": "first"},
        **{"hidden_size": 64, "dropout": 0.0, "max_width": 12, "max_len": 384, "max_types": 25, "scorer": "dot"},
        **{
            "span_marker_mode": "markerv1",
            "rel_mode": "marker",
            "label_embed_strategy": "ent_token",
            "loss_func": "focal_loss",
        },
        **{"num_train_rel_types": 15, "max_neg_type_ratio": 1, "random_drop": False, "shuffle_types": False},
        **{"fixed_relation_types": True, "alpha": 0.75, "gamma": 0, "ffn_mul": 4, "refine_prompt": False},
        **{
            "refine_relation": False,
            "add_entity_markers": False,
            "entity_start_token": "[E]",
            "entity_end_token": "[/E]",
        },
        **{"coref_classifier": False, "max_entity_pair_distance": None, "device": "cpu"},
    }
    glirel.GLiREL(Namespace(**settings)).save_pretrained(path / "glirel")
    return path / "glirel"
