from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from relex_core.checkpoint import load, ours, save, theirs
from relex_core.compat import GLiNER
from relex_core.config import ADJACENCIES, TRIPLE_SCORERS, ModelConfig
from relex_core.errors import CheckpointError, ConfigError, RelexError
from relex_core.inference import Extractor
from relex_core.locating import EMBEDDED, label, locate
from relex_core.pairs import DECODERS
from relex_core.triples import INTERACTIONS
from relex_core.types import Document, Schema, Thresholds
from tests.relex_core.peer import BERT, DEBERTA
from tests.relex_core.tiny import checkpoint


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


def change_weights(path: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    weights = load_file(path / "model.safetensors")
    change(weights)
    save_file(weights, path / "model.safetensors")


def change_config(path: Path, **changes: object) -> None:
    file = path / "gliner_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_saving_and_loading_gives_equal_scores(tiny: Path, tmp_path: Path) -> None:
    first = Extractor.load(tiny)
    save(first.loaded, tmp_path / "again")
    document, schema = Document.from_text("Ada met Bo in Oslo."), Schema.of(["person", "city"], ["met"])
    one, other = first.extract(document, schema), Extractor.load(tmp_path / "again").extract(document, schema)
    assert [(e.id, e.score) for e in one.entities] == [(e.id, e.score) for e in other.entities]
    assert [(r.key, r.score) for r in one.relations] == [(r.key, r.score) for r in other.relations]
    assert load_file(tiny / "model.safetensors").keys() == load_file(tmp_path / "again" / "model.safetensors").keys()


def test_names_of_weights_are_those_of_the_reference(tiny: Path) -> None:
    names = set(load_file(EMBEDDED / "mini" / "model.safetensors"))
    assert "pair_rep_layer.0.weight" in names
    assert {theirs(ours(name)) for name in names} == names
    # the pooler is a part of transformers' BERT that nothing here reads
    assert {theirs(name) for name in load("mini").model.state_dict()} == {
        name for name in names if "pooler" not in name
    }


def test_version_is_of_the_weights(tiny: Path, copy: Path) -> None:
    before = load(copy).version
    change_weights(copy, lambda weights: weights["pair_rep_layer.0.bias"].add_(1))
    assert load(copy).version != before


def test_missing_weights_are_named(copy: Path) -> None:
    change_weights(
        copy, lambda weights: [weights.pop(k) for k in ("pair_rep_layer.0.bias", "prompt_rep_layer.3.weight")]
    )
    with pytest.raises(CheckpointError, match=r"missing prompt_rep_layer\.3\.weight, pair_rep_layer\.0\.bias"):
        load(copy)


def test_misshapen_weights_are_named(copy: Path) -> None:
    change_config(copy, hidden_size=16)
    with pytest.raises(CheckpointError, match=r"token_rep_layer\.projection\.weight"):
        load(copy)
    change_config(
        copy,
        hidden_size=32,
        encoder_config={
            **ModelConfig.from_json(json.loads((copy / "gliner_config.json").read_text())).encoder_config,
            "intermediate_size": 8,
        },
    )
    with pytest.raises(CheckpointError, match=r"wrong .*intermediate\.dense\.weight"):
        load(copy)


def test_numbers_that_are_none(copy: Path) -> None:
    change_weights(copy, lambda weights: weights["pair_rep_layer.0.bias"].fill_(float("nan")))
    with pytest.raises(CheckpointError, match=r"finite weights.*pair_rep_layer\.0\.bias"):
        load(copy)


@pytest.mark.parametrize("keep", [0, 7, 1000, -5])
def test_truncated_weights(copy: Path, keep: int) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load(copy)


def test_noise_instead_of_weights(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"\xff" * 4096)
    with pytest.raises(CheckpointError, match="whole weights"):
        load(copy)


class Harmful:
    """Would write a file when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.target,)


def test_pickled_code_does_not_run(copy: Path, tmp_path: Path) -> None:
    (copy / "model.safetensors").unlink()
    target = tmp_path / "harm"
    for write in (torch.save, lambda value, file: file.write_bytes(pickle.dumps(value))):
        write({"a": Harmful(target)}, copy / "pytorch_model.bin")
        with pytest.raises(CheckpointError, match="without code"):
            load(copy)
        assert not target.exists()


def test_plain_pickled_weights_are_read(tiny: Path, copy: Path) -> None:
    torch.save(
        {f"_orig_mod.{k}": v for k, v in load_file(copy / "model.safetensors").items()}, copy / "pytorch_model.bin"
    )
    (copy / "model.safetensors").unlink()
    one, other = load(tiny).model.state_dict(), load(copy).model.state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"relations_layer": None}, "GLiNER-Relex checkpoint"),
        ({"relations_layer": "magic"}, "one of none, dot"),
        ({"triples_layer": "ConvE"}, "one of None, TransE"),
        ({"span_mode": "markerV1"}, "markerV0"),
        ({"encoder_config": None}, "encoder's own configuration"),
        ({"hidden_size": 0}, "at least 1"),
        ({"fuse_layers": True}, "no GLiNER-Relex checkpoint"),
        ({"words_splitter_type": "jieba"}, "one of whitespace"),
        ({"dropout": "a lot"}, "dropout"),
        ({"dropout": None}, "dropout"),
        ({"ent_token": None}, "ent_token to be the text of a token"),
        ({"class_token_index": "x"}, "class_token_index to be a whole number"),
        ({"num_rnn_layers": 2.0}, "num_rnn_layers to be a whole number"),
        ({"embed_ent_token": "false"}, "true or false"),
        ({"hidden_size": 12, "relations_layer": "gat"}, "a multiple of 8"),
        ({"hidden_size": 12, "relations_layer": "attention"}, "a multiple of 8"),
        ({"encoder_config": {**BERT, "num_attention_heads": 7}}, "divide its width of 32"),
        ({"encoder_config": {**DEBERTA, "num_attention_heads": 0}}, "num_attention_heads of the encoder"),
        ({"encoder_config": {**BERT, "num_hidden_layers": 0}}, "num_hidden_layers of the encoder"),
        ({"encoder_config": {**DEBERTA, "hidden_size": "abc"}}, "hidden_size of the encoder"),
        ({"encoder_config": {**BERT, "layer_norm_eps": "small"}}, "encoder of type 'bert'"),
        ({"encoder_config": {**BERT, "model_type": "modernbert", "num_attention_heads": 7}}, "'modernbert'"),
    ],
)
def test_configurations_that_cannot_work(copy: Path, changes: dict[str, object], message: str) -> None:
    change_config(copy, **changes)
    with pytest.raises(ConfigError, match=message):
        load(copy)


def test_unknown_encoder_and_activation(copy: Path) -> None:
    change_config(copy, encoder_config={"model_type": "no-such-model"})
    with pytest.raises(CheckpointError, match="no-such-model"):
        load(copy)
    change_config(copy, encoder_config={**BERT, "hidden_act": "snake"})
    with pytest.raises(CheckpointError, match="snake"):
        load(copy)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "[]"])
def test_configuration_that_is_no_json(copy: Path, text: str) -> None:
    (copy / "gliner_config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"gliner_config\.json"):
        load(copy)


def test_layers_that_the_configuration_leaves_out_are_named(copy: Path, tmp_path: Path) -> None:
    change_config(copy, encoder_config={**BERT, "num_hidden_layers": 1})
    with pytest.raises(CheckpointError, match=r"unused token_rep_layer\.bert_layer\.model\.encoder\.layer\.1\."):
        load(copy)
    selecting = checkpoint(tmp_path / "selecting", relations_layer="bilinear")
    change_config(selecting, relations_layer="none")
    with pytest.raises(CheckpointError, match=r"unused relations_rep_layer\.relation_rep_layer\.proj"):
        load(selecting)
    recurrent = checkpoint(tmp_path / "recurrent", num_rnn_layers=1)
    change_config(recurrent, num_rnn_layers=0)
    with pytest.raises(CheckpointError, match=r"unused rnn\.lstm"):
        load(recurrent)


@pytest.mark.parametrize("kind", [torch.int32, torch.bool, torch.complex64])
def test_weights_that_are_no_real_numbers(copy: Path, kind: torch.dtype) -> None:
    change_weights(
        copy, lambda weights: weights.update({"pair_rep_layer.0.bias": weights["pair_rep_layer.0.bias"].to(kind)})
    )
    with pytest.raises(CheckpointError, match=r"real numbers.*pair_rep_layer\.0\.bias"):
        load(copy)


def test_weights_in_eight_bits_are_read(tiny: Path, copy: Path) -> None:
    name = "pair_rep_layer.0.bias"
    change_weights(copy, lambda weights: weights.update({name: weights[name].to(torch.float8_e4m3fn)}))
    one, other = (load(path).model.state_dict()[ours(name)] for path in (tiny, copy))
    assert torch.allclose(one, other, rtol=0.1, atol=1e-2)


@pytest.mark.parametrize(
    "value", [[1, 2], torch.ones(3), None, {"a": 5}, {1: torch.ones(2)}, {"a": torch.ones(2).to_sparse()}]
)
def test_files_of_other_things_than_weights(copy: Path, value: object) -> None:
    (copy / "model.safetensors").unlink()
    torch.save(value, copy / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="weights by name"):
        load(copy)


def test_whoever_may_read_the_configuration_may_read_the_weights(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    modes = {file.name: file.stat().st_mode for file in path.iterdir()}
    assert modes["model.safetensors"] == modes["gliner_config.json"]


def test_shared_weights_that_were_saved_once(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    first, second = (f"prompt_rep_layer.{i}.bias" for i in (0, 3))
    other = "span_rep_layer.span_rep_layer.project_start.0.bias"
    weights[first].copy_(weights.pop(other))
    assert second in weights
    save_file(weights, copy / "model.safetensors", metadata={other: first, "format": "pt"})
    state = load(copy).model.state_dict()
    assert torch.equal(state[ours(other)], state[ours(first)])


def test_a_tokenizer_of_more_pieces_than_the_encoder_knows(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "small", encoder_config={**BERT, "vocab_size": 30000})
    with pytest.raises(CheckpointError, match="at most 30,000 pieces"):
        load(path)
    path = checkpoint(tmp_path / "pad", encoder_config={**BERT, "pad_token_id": 99_999})
    with pytest.raises(CheckpointError, match="found 100,000"):
        load(path)


def positions(path: Path, kind: str) -> Extractor:
    """A tiny encoder of that type whose tokenizer knows no limit."""
    checkpoint(path, encoder_config={**BERT, "model_type": kind, "max_position_embeddings": 130, "pad_token_id": 1})
    (path / "tokenizer_config.json").write_text('{"cls_token": "[CLS]", "sep_token": "[SEP]"}')
    return Extractor.load(path)


@pytest.mark.parametrize(("kind", "limit"), [("bert", 130), ("roberta", 128), ("xlm-roberta", 128), ("camembert", 128)])
def test_a_text_as_long_as_the_encoder_takes(tmp_path: Path, kind: str, limit: int) -> None:
    extractor = positions(tmp_path, kind)
    assert extractor.loaded.limit == limit
    found = extractor.extract(Document.from_text("Ada met Bo . " * 40), Schema.of(["person"], ["met"]))
    assert len(found.windows) > 1


def test_t5_is_read_as_an_encoder_and_saved_whole(tmp_path: Path) -> None:
    t5 = {"model_type": "t5", "vocab_size": 30525, "d_model": 32, "num_layers": 2, "d_ff": 64, "num_heads": 4}
    first = Extractor.load(checkpoint(tmp_path / "one", encoder_config={**t5, "d_kv": 8}))
    save(first.loaded, tmp_path / "two")
    document, schema = Document.from_text("Ada met Bo in Oslo."), Schema.of(["person", "city"], ["met"])
    floor = Thresholds(0.0, 0.0)
    one, other = (e.extract(document, schema, floor) for e in (first, Extractor.load(tmp_path / "two")))
    assert one.relations
    assert one.relations == other.relations
    change_config(tmp_path / "two", encoder_config={"model_type": "bart", "d_model": 32})
    with pytest.raises(CheckpointError, match="also has a decoder"):
        load(tmp_path / "two")


def test_tokenizer_without_the_special_tokens(copy: Path) -> None:
    file = copy / "tokenizer.json"
    data = json.loads(file.read_text("utf-8"))
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] != "<<REL>>"]
    data["model"]["vocab"].pop("<<REL>>", None)
    file.write_text(json.dumps(data), "utf-8")
    with pytest.raises(CheckpointError, match="<<REL>>"):
        load(copy)
    file.write_text("{}", "utf-8")
    with pytest.raises(CheckpointError, match="a tokenizer in"):
        load(copy)
    file.unlink()
    with pytest.raises(CheckpointError, match=r"tokenizer\.json in"):
        load(copy)


def test_wrong_token_numbers(copy: Path) -> None:
    change_config(copy, class_token_index=7)
    with pytest.raises(CheckpointError, match="token 7"):
        load(copy)


@pytest.mark.parametrize("name", ["nowhere", "../mini", "/no/such/place", ""])
def test_unknown_places(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckpointError):
        locate(name)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("relex_core/checkpoints/mini", "mini"),
        ("/cache/hub/models--owner--tiny/snapshots/0123", "owner--tiny"),
        ("runs/snapshots/best", "best"),
        ("snapshots/best", "best"),
    ],
)
def test_what_a_checkpoint_is_called_in_versions(path: str, name: str) -> None:
    assert label(Path(path)) == name


def test_the_drop_in_tells_a_place_that_is_none(tiny: Path, tmp_path: Path) -> None:
    model = GLiNER.from_pretrained(tiny)
    assert model.to(torch.device("cpu")).device == model.to("cpu").device
    with pytest.raises(CheckpointError, match="banana"):
        model.to("banana")
    (tmp_path / "note.txt").write_text("mine")
    for name in ("note.txt", "note.txt/deeper"):
        with pytest.raises(CheckpointError, match="a file"):
            model.save_pretrained(tmp_path / name)


def test_devices_and_types(tiny: Path) -> None:
    with pytest.raises(CheckpointError, match="dtype"):
        load(tiny, dtype="fp8")
    with pytest.raises(RelexError, match="device of this machine"):
        load(tiny, device="abacus")
    assert load(tiny, device="cpu", dtype="auto").model.spans.out_project.second.weight.dtype == torch.float32


def test_reduced_scores_stay_close(mini: Extractor, document: Document, schema: Schema) -> None:
    within = 1e-2

    def scores(extractor: Extractor) -> dict[object, float]:
        found = extractor.extract(document, schema)
        entities: dict[object, float] = {e.id: e.score or 0.0 for e in found.entities}
        return entities | {r.key: r.score or 0.0 for r in found.relations}

    exact, low = scores(mini), scores(Extractor.load("mini", device="cpu", dtype="bf16"))
    # what either is sure of: one that is near to a threshold may fall on either side of it
    sure = [key for key in exact | low if max(exact.get(key, 0.0), low.get(key, 0.0)) > 0.5 + within]
    assert len(sure) > 5
    assert [low.get(key, 0.0) for key in sure] == pytest.approx([exact.get(key, 0.0) for key in sure], abs=within)


@pytest.mark.parametrize("quick", [True, False])
def test_an_emulated_bf16_is_said(
    quick: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("relex_core.checkpoint.has_bf16", lambda device: quick)
    load("mini", device="cpu", dtype="bf16")
    assert ("fp32 is faster here" in caplog.text) is not quick


def test_reduced_deberta_stays_close(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, encoder_config={**DEBERTA, "num_hidden_layers": 3}, num_rnn_layers=1)
    document, schema = Document.from_text("Ada met Bo in Oslo. " * 20), Schema.of(["person", "city"], ["met"])
    floor = Thresholds(0.0, 1.0)
    low, exact = (
        Extractor.load(path, dtype=d, device="cpu").extract(document, schema, floor) for d in ("bf16", "fp32")
    )
    scores = {e.id: e.score or 0.0 for e in exact.entities}
    differences = [abs((e.score or 0.0) - scores[e.id]) for e in low.entities if e.id in scores]
    assert 0 < max(differences) < 1e-2
    assert len(differences) > 100


def test_names_in_the_configuration_are_those_of_the_classes() -> None:
    assert set(ADJACENCIES) - {"none"} == set(DECODERS)
    assert set(TRIPLE_SCORERS) == set(INTERACTIONS)


def test_compat_saves_what_it_loads(tiny: Path, tmp_path: Path) -> None:
    GLiNER.from_pretrained(tiny).save_pretrained(tmp_path / "out")
    assert (
        json.loads((tmp_path / "out" / "gliner_config.json").read_text())["model_type"]
        == "gliner_uni_encoder_span_relex"
    )
    assert load(tmp_path / "out").config == load(tiny).config


def test_a_tokenizer_that_forgot_its_ends(tiny: Path, copy: Path) -> None:
    file = copy / "tokenizer.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "post_processor": None}), "utf-8")
    one, other = load(tiny).builder, load(copy).builder
    assert (other.before, other.after) == (one.before, one.after) == ((101,), (102,))
    (copy / "tokenizer_config.json").write_text('{"cls_token": [1], "sep_token": 5}')
    assert load(copy).builder.before == ()
    (copy / "tokenizer_config.json").write_text("[")
    with pytest.raises(CheckpointError, match=r"tokenizer_config\.json"):
        load(copy)
