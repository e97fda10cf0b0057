"""A directory or hub id <-> a model, in GLiNER's own file format: the names of the weights are a contract."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from relex_core.config import ModelConfig
from relex_core.encoder import TransformersEncoder
from relex_core.errors import CheckpointError, ConfigError, RelexError, quote
from relex_core.locating import check_target, label, locate
from relex_core.model import RelexModel
from relex_core.outputs import together, writing
from relex_core.prompt import PromptBuilder, load_tokenizer, max_pieces
from relex_core.reduced import has_bf16, reduce

_log = logging.getLogger(__name__)

PREFIXES = (
    ("encoder.", "token_rep_layer.bert_layer.model."),
    ("projection.", "token_rep_layer.projection."),
    ("lstm.", "rnn."),
    ("spans.", "span_rep_layer.span_rep_layer."),
    ("token_scorer.", "scorer."),
    ("entity_prompt.", "prompt_rep_layer."),
    ("adjacency.", "relations_rep_layer.relation_rep_layer."),
    ("relations.interaction.", "triples_score_layer.interaction."),
    ("relations.", "pair_rep_layer."),
)
"""Prefixes of our parameter names and of GLiNER's."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready for use. `limit` is the encoder's longest input in pieces, None if it has no limit."""

    model: RelexModel
    builder: PromptBuilder
    config: ModelConfig
    version: str
    path: Path
    limit: int | None


def load(
    name_or_path: str | Path,
    *,
    device: str = "auto",
    dtype: str = "auto",
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    token: str | bool | None = None,
) -> LoadedModel:
    """Load an embedded name ("mini"), a directory or a hub id. Raises CheckpointError or ConfigError."""
    path = locate(name_or_path, revision, cache_dir=cache_dir, local_files_only=local_files_only, token=token)
    config = read_config(path)
    builder = load_tokenizer(path, config)
    weights, digest = read_weights(path)
    model = _build(config)
    fill(model, weights, path.name)
    _check_pieces(model, builder)
    place, kind = choose(device, dtype)
    if kind is torch.bfloat16 and not has_bf16(place):
        _log.warning("This processor would emulate bf16: fp32 is faster here.")
    if place.type == "cpu" and kind is torch.bfloat16:
        model = reduce(model).eval().requires_grad_(False)
    else:
        model = model.to(place, kind).eval().requires_grad_(False)
    return LoadedModel(model, builder, config, f"{label(path)}@{digest[:12]}", path, max_pieces(path, config))


def read_config(path: Path) -> ModelConfig:
    """Raises CheckpointError or ConfigError."""
    file = path / "gliner_config.json"
    try:
        data = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(file, "a JSON object", error) from error
    if not isinstance(data, dict):
        raise _unreadable(file, "a JSON object", type(data).__name__)
    return ModelConfig.from_json(data)


def read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """Weights by GLiNER's names, and the SHA-256 of their file. Raises CheckpointError."""
    file = path / "model.safetensors"
    if not file.is_file():
        file = path / "pytorch_model.bin"
    if not file.is_file():
        raise _unreadable(path, "model.safetensors or pytorch_model.bin", "neither")
    try:
        if file.suffix == ".safetensors":
            weights = _read_safetensors(file)
        else:
            weights = torch.load(file, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, EOFError, RuntimeError, ValueError, KeyError) as error:
        raise _unreadable(file, "whole weights", error) from error
    except Exception as error:  # pickle.UnpicklingError: weights_only refuses code
        raise _unreadable(file, "plain weights without code", error) from error
    if not isinstance(weights, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) and value.layout == torch.strided
        for key, value in weights.items()
    ):
        raise _unreadable(file, "weights by name", type(weights).__name__ + " of other things")
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {re.sub(r"^_orig_mod\.", "", key): value for key, value in weights.items()}, digest


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    """Weights by name; one that shares another's numbers is saved once, and its metadata says under which name."""
    with safe_open(file, framework="pt", device="cpu") as stream:
        weights = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118 (no mapping)
        for omitted, saved in (stream.metadata() or {}).items():
            if omitted not in weights and saved in weights:
                weights[omitted] = weights[saved]
    return weights


def fill(model: RelexModel, weights: dict[str, Tensor], name: str) -> None:
    """Put weights with GLiNER's names into a model. Raises CheckpointError, naming what is missing, misshapen or
    unused: a layer that the configuration does not have would be left out of what was trained."""
    own = model.state_dict()
    given = {ours(key): value for key, value in weights.items()}
    missing = [key for key in own if key not in given and not key.endswith("num_batches_tracked")]
    shapes = [key for key in own if key in given and given[key].shape != own[key].shape]
    kinds = [key for key in own if key in given and own[key].is_floating_point() != given[key].is_floating_point()]
    real = {
        key: given[key].float() if own[key].is_floating_point() else given[key]
        for key in own
        if key in given and key not in kinds
    }
    broken = [key for key, value in real.items() if not bool(torch.isfinite(value).all())]
    for word, expected, bad in (
        ("missing", "all weights that its configuration asks for", missing),
        ("wrong", "weights of the shapes that its configuration asks for", shapes),
        ("wrong", "weights that are real numbers", kinds),
        ("wrong", "finite weights", broken),
        ("unused", "no weights beyond those that its configuration asks for", [k for k in given if _unused(k, own)]),
    ):
        if bad:
            more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
            raise CheckpointError(
                expected=f"{expected} in {name}",
                found=f"{word} {', '.join(theirs(key) for key in bad[:5])}{more}",
                change="Copy or download the checkpoint again, or correct gliner_config.json.",
                value=tuple(theirs(key) for key in bad),
            )
    model.load_state_dict({**own, **real}, assign=True)


def _unused(key: str, own: Mapping[str, Tensor]) -> bool:
    """Whether a weight belongs to a part or to a layer of the encoder that a model does not have.

    Others that it lacks, such as the pooler of transformers' BERT or kept position numbers, change no score.
    """
    layer = re.match(r"encoder\..*?layers?\.\d+\.", key)
    if layer is not None:
        return not any(other.startswith(layer[0]) for other in own)
    return key not in own and not key.startswith("encoder.") and theirs(key) != key


def _check_pieces(model: RelexModel, builder: PromptBuilder) -> None:
    """Raises CheckpointError if the tokenizer has pieces that the encoder has no vector for."""
    encoder = model.encoder
    if isinstance(encoder, TransformersEncoder):
        rows = len(encoder.whole[0].get_input_embeddings().weight)
    else:
        rows = encoder.embeddings.word_embeddings.num_embeddings
    pieces = max(builder.tokenizer.get_vocab_size(), builder.pad + 1, builder.ent + 1, builder.sep + 1, builder.rel + 1)
    if pieces > rows:
        raise CheckpointError(
            expected=f"a tokenizer of at most {rows:,} pieces, for which the encoder has vectors",
            found=f"{pieces:,}",
            change="Use the tokenizer that was saved with the weights.",
            value=pieces,
        )


def save(loaded: LoadedModel, path: Path, *, dtype: torch.dtype = torch.float32) -> None:
    """Write a directory that this package and `gliner` load: configuration, safetensors, tokenizer.

    Raises CheckpointError; what was there is as it was then.
    """
    check_target(path)
    with writing(
        f"a checkpoint to {path}", path, "Free some space or choose another place.", CheckpointError, Exception
    ):
        write(loaded.model, loaded.builder, loaded.path, path, dtype=dtype)


def write(
    model: RelexModel, builder: PromptBuilder, source: Path, path: Path, *, dtype: torch.dtype = torch.float32
) -> None:
    """`save` for a model in training; `source` is where the tokenizer's settings are copied from.

    The files come into their places when all of them are written. Raises what those who write them raise.
    """
    new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    try:
        with together() as files:
            _write(model, builder, source, lambda name: files.aside(path / name), dtype)
            with files.placed():
                pass
    finally:
        if new and not any(path.iterdir()):
            path.rmdir()


def _write(
    model: RelexModel, builder: PromptBuilder, source: Path, place: Callable[[str], Path], dtype: torch.dtype
) -> None:
    """Write a checkpoint's files where `place` wants each."""
    state: dict[str, Tensor] = {}
    for key, value in model.state_dict().items():
        kept = value.detach().to("cpu", dtype if value.is_floating_point() else value.dtype).contiguous()
        # safetensors refuses weights that share their numbers, as T5's embeddings do
        shared = any(kept.data_ptr() == other.data_ptr() for other in state.values() if kept.numel())
        state[theirs(key)] = kept.clone() if shared else kept
    text = json.dumps(model.config.to_json(), indent=1, ensure_ascii=False)
    config, weights = place("gliner_config.json"), place("model.safetensors")
    config.write_text(text + "\n", "utf-8")
    builder.tokenizer.save(str(place("tokenizer.json")))
    for name in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "spm.model"):
        if (source / name).is_file():
            place(name).write_bytes((source / name).read_bytes())
    save_file(state, weights, metadata={"format": "pt"})
    # safetensors leaves its temporary file's mode, with which nobody else could load what others can list
    shutil.copymode(config, weights)


def ours(key: str) -> str:
    """GLiNER's name of a weight -> ours."""
    return next((a + key[len(b) :] for a, b in PREFIXES if key.startswith(b)), key)


def theirs(key: str) -> str:
    """Our name of a weight -> GLiNER's."""
    return next((b + key[len(a) :] for a, b in PREFIXES if key.startswith(a)), key)


def choose(device: str, dtype: str) -> tuple[torch.device, torch.dtype]:
    """The device and number type that "auto" stands for: CUDA, then MPS, then CPU; fp32 on CPU, else fp16."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if dtype == "auto":
        dtype = "fp32" if device.startswith("cpu") else "fp16"
    kinds = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    if dtype not in kinds:
        raise CheckpointError(
            expected=f"a dtype among auto, {', '.join(kinds)}",
            found=quote(dtype),
            change="Choose one of these.",
            value=dtype,
        )
    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError) as error:
        raise CheckpointError(
            expected="a device of this machine (auto, cpu, cuda, mps)",
            found=quote(device),
            change="Choose auto.",
            value=device,
        ) from error
    return place, kinds[dtype]


def _build(config: ModelConfig) -> RelexModel:
    """A model without storage, as its weights are given; encoders of transformers keep buffers and need it.

    Raises ConfigError or CheckpointError.
    """
    try:
        return _model(config)
    except RelexError:
        raise
    except Exception as error:  # what torch and transformers raise for values that they cannot use
        raise ConfigError(
            expected=f"encoder_config to describe an encoder of type {quote(config.encoder_type)}",
            found=quote(f"{type(error).__name__}: {error}", 160),
            change="Correct gliner_config.json, or choose another checkpoint.",
            value=config.encoder_config,
        ) from error


def _model(config: ModelConfig) -> RelexModel:
    if config.encoder_type in ("bert", "deberta-v2"):
        with torch.device("meta"), _Undrawn():
            model = RelexModel(config)
        if not isinstance(model.encoder, TransformersEncoder):
            return model
    return RelexModel(config)


class _Undrawn(TorchFunctionMode):
    """Nothing is drawn for weights without storage: for normal numbers torch would load its whole compiler first."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        return kwargs["tensor"] if function is nn.init.normal_ else function(*args, **kwargs)


def _unreadable(file: Path, expected: str, found: Any) -> CheckpointError:
    return CheckpointError(
        expected=f"{expected} in {file.name}",
        found=quote(str(found), 160),
        change="Copy or download the checkpoint again.",
        value=str(file),
    )
