"""The optimiser and its schedule (table 1): AdamW with two rates, warm-up, decay."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from relex_core.training_config import TrainConfig


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW with one rate for the encoder and one for the heads; no decay of biases and norms."""
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((name.startswith("encoder."), parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "base_lr": config.encoder_lr if encoder else config.head_lr,
                "lr": 0.0,
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (encoder, decays), parameters in sorted(groups.items(), key=lambda entry: entry[0], reverse=True)
        ],
        betas=config.betas,
    )


def rate(fraction: float, step: int, config: TrainConfig, total: int) -> float:
    """Factor on the learning rates: linear warm-up, flat, linear decay to 0."""
    if config.warmup >= 1:
        warm = min(1.0, (step + 1) / config.warmup)
    elif config.warmup > 0:
        warm = min(1.0, (fraction + (1 / total if total else 0.0)) / config.warmup)
    else:
        warm = 1.0
    cool = min(1.0, (1.0 - fraction) / config.decay) if config.decay > 0 else 1.0
    return max(0.0, min(warm, cool))
