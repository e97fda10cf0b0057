"""Makes the parity fixtures: tiny random checkpoints, written and read by the reference package `gliner`.

Run as a script it writes one checkpoint: `python tests/relex_core/peer.py FORM DIRECTORY`.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from relex_core.locating import EMBEDDED

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
BERT = {"model_type": "bert", **TINY, "vocab_size": 30525, "max_position_embeddings": 512, "pad_token_id": 0}
DEBERTA = {
    **{"model_type": "deberta-v2", **TINY, "vocab_size": 30525, "max_position_embeddings": 64, "pad_token_id": 0},
    **{"relative_attention": True, "share_att_key": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 16},
    **{"norm_rel_ebd": "layer_norm", "position_biased_input": False, "type_vocab_size": 0, "layer_norm_eps": 1e-7},
    **{"max_relative_positions": -1, "hidden_act": "gelu"},
}
MODERNBERT = {
    **{"model_type": "modernbert", **TINY, "vocab_size": 30525, "max_position_embeddings": 512, "pad_token_id": 0},
    **{"local_attention": 16, "global_attn_every_n_layers": 2, "cls_token_id": 101, "sep_token_id": 102},
}
PLAIN: dict[str, Any] = {
    **{"model_name": "tiny", "hidden_size": 32, "max_width": 4, "max_len": 384, "dropout": 0.1, "num_rnn_layers": 0},
    **{"span_mode": "markerV0", "relations_layer": "none", "triples_layer": None, "subtoken_pooling": "first"},
    **{"class_token_index": 30522, "rel_token_index": 30524, "vocab_size": 30525, "embed_ent_token": True},
    **{"ent_token": "<<ENT>>", "sep_token": "<<SEP>>", "rel_token": "<<REL>>", "encoder_config": BERT},
    "words_splitter_type": "whitespace",
}
FORMS: dict[str, dict[str, Any]] = {
    "bert": {},
    "bert-lstm-projection": {"hidden_size": 24, "num_rnn_layers": 1},
    "bert-two-lstm-layers": {"num_rnn_layers": 2},
    "bert-token": {"span_mode": "token_level"},
    "bert-labels": {"embed_ent_token": False, "embed_rel_token": False},
    "deberta": {"encoder_config": DEBERTA},
    "deberta-lstm-projection": {"encoder_config": DEBERTA, "hidden_size": 24, "num_rnn_layers": 1},
    "deberta-token": {"encoder_config": DEBERTA, "span_mode": "token_level", "num_rnn_layers": 1},
    "deberta-unbucketed": {"encoder_config": {**DEBERTA, "position_buckets": -1, "max_relative_positions": 24}},
    "deberta-v2-conv": {"encoder_config": {**DEBERTA, "conv_kernel_size": 3, "conv_act": "gelu"}},
    "modernbert": {"encoder_config": MODERNBERT},
    **{f"bert-{pooling}": {"subtoken_pooling": pooling} for pooling in ("last", "mean", "max")},
    **{
        f"adjacency-{name}": {"relations_layer": name} for name in ("dot", "bilinear", "mlp", "attention", "gcn", "gat")
    },
}
FORMS["deberta-sentencepiece"] = {
    "encoder_config": {**DEBERTA, "vocab_size": 400},
    **{"class_token_index": -1, "rel_token_index": -1, "vocab_size": -1},
}
# parts that meet: selection, scorer, LSTM, encoder and the form of entities do not get in each other's way
FORMS |= {
    "mixed-gcn-ComplEx-lstm": {"relations_layer": "gcn", "triples_layer": "ComplEx", "num_rnn_layers": 1},
    "mixed-deberta-mlp-lstm": {"encoder_config": DEBERTA, "relations_layer": "mlp", "num_rnn_layers": 1},
    "mixed-deberta-gat-HolE": {"encoder_config": DEBERTA, "relations_layer": "gat", "triples_layer": "HolE"},
    "mixed-token-bilinear-mean": {
        **{"span_mode": "token_level", "relations_layer": "bilinear", "subtoken_pooling": "mean"},
        "hidden_size": 24,
    },
}
PARAMETER_FREE = ("UM", "SE", "TransE", "DistMult", "SimplE", "ComplEx", "QuatE", "HolE", "DistMA")
AT_768 = ("TransH", "TransF", "PairRE", "TripleRE", "ERMLP", "ConvKB")
"""Scorers that the reference builds at hidden size 768 only."""
FORMS |= {f"triples-{name}": {"triples_layer": name} for name in PARAMETER_FREE}
FORMS |= {f"triples-{name}": {"triples_layer": name, "hidden_size": 768} for name in AT_768}

TEXTS = (
    "Zoë Müller founded Straße-Bau GmbH in München, and in 2019 the firm bought Naïve Ltd. of Łódź for €3.5m.",
    "The naïve café-owner 😀 José met 김철수 in Seoul — they'd co-founded TensorWorks_2 (R&D), said the FT.",
    "Ada Lovelace worked with Charles Babbage in London.",
    "في عام 2020 انتقلت ليلى من القاهرة إلى برلين. She now leads Siemens' AI-lab there.",
    "   ",
    "Rain.",
)
LABELS = ["person", "organization", "place of work or residence"]
RELATIONS = ["works for", "founded by", "located in"]


def sentencepiece(path: Path) -> int:
    """A unigram tokenizer built as DeBERTa-v3's is; the number of [ENT]."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    trainer = trainers.UnigramTrainer(vocab_size=250, special_tokens=special, unk_token="[UNK]", show_progress=False)
    tokenizer.train_from_iterator([*TEXTS, *LABELS, *RELATIONS] * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    first = tokenizer.get_vocab_size()
    tokenizer.add_special_tokens(["<<ENT>>", "<<SEP>>", "<<REL>>"])
    tokenizer.save(str(path / "tokenizer.json"))
    names = {
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "mask_token": "[MASK]",
    }
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", **names, "bos_token": "[CLS]", "eos_token": "[SEP]"}
    (path / "tokenizer_config.json").write_text(json.dumps(settings))
    return first


def write(form: str, path: Path, seed: int = 0) -> Path:
    """A checkpoint of that form, with weights that the reference drew at random, large enough to be decisive."""
    import torch
    from gliner.config import UniEncoderSpanRelexConfig, UniEncoderTokenRelexConfig
    from gliner.modeling.base import UniEncoderSpanRelexModel, UniEncoderTokenRelexModel
    from safetensors.torch import save_file

    settings = json.loads(json.dumps({**PLAIN, **FORMS[form]}))
    path.mkdir(parents=True, exist_ok=True)
    if form == "deberta-sentencepiece":
        first = sentencepiece(path)
        settings |= {"class_token_index": first, "rel_token_index": first + 2, "vocab_size": first + 3}
        settings["encoder_config"]["vocab_size"] = first + 3
    else:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(EMBEDDED / "mini" / name, path / name)
    (path / "gliner_config.json").write_text(json.dumps(settings))
    token_level = settings["span_mode"] == "token_level"
    kind = UniEncoderTokenRelexConfig if token_level else UniEncoderSpanRelexConfig
    torch.manual_seed(seed)
    model = (UniEncoderTokenRelexModel if token_level else UniEncoderSpanRelexModel)(kind(**settings))
    state = {}
    small = str(settings["triples_layer"]) in ("UM", "SE", "TransE", "TransH", "TransF", "PairRE", "TripleRE")
    for key, value in model.state_dict().items():
        spread = value.is_floating_point() and value.dim() > 1
        factor = 1.6 if spread and "embeddings" not in key else 1.0
        if spread and form.startswith("deberta") and "encoder.layer" in key:
            factor = 10.0  # drawn too small to attend to anything: without positions all labels would look alike
        if small and key.endswith("layer.1.output.LayerNorm.weight"):
            factor = 0.15  # a distance counts as 10 at most: vectors must lie closer together than that
        state[key] = (value * factor).clone().contiguous()
    save_file(state, path / "model.safetensors")
    return path


if __name__ == "__main__":
    print(write(sys.argv[1], Path(sys.argv[2])))
