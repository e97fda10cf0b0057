"""The optimiser and its schedule (table 1): AdamW with two rates, warm-up, decay."""

from __future__ import annotations

from inspect import unwrap
from typing import Any

import torch
from torch import Tensor, nn

from relex_core.training_config import TrainConfig


class AdamW(torch.optim.AdamW):
    """torch's, without what it wraps around these for its compiler: to load that takes two seconds of each run."""

    add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = unwrap(torch.optim.Optimizer.zero_grad)
    state_dict = unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict = unwrap(torch.optim.Optimizer.load_state_dict)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        return unwrap(torch.optim.AdamW.step)(self, closure)


def make_optimizer(model: nn.Module, config: TrainConfig) -> AdamW:
    """AdamW with one rate for the encoder and one for the heads; no decay of biases and norms."""
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((name.startswith("encoder."), parameter.ndim > 1), []).append(parameter)
    return AdamW(
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
