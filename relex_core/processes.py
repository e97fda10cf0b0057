"""The processes that train together: this one alone, or those that `accelerate launch` started.

Whatever ends a run or sets its rates is decided by the main process and told to the others, as processes that part
ways wait for each other for ever.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any, TypeVar

import torch

PATIENCE = timedelta(hours=6)
"""How long processes wait for the main one, which also scores the development files and makes silver data."""

T = TypeVar("T")


class Processes:
    """`accelerator` is that of Hugging Face accelerate if there are several, else None."""

    def __init__(self) -> None:
        self.accelerator: Any = None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from accelerate import Accelerator, InitProcessGroupKwargs

            self.accelerator = Accelerator(kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)])

    @property
    def number(self) -> int:
        """How many train together."""
        return 1 if self.accelerator is None else int(self.accelerator.num_processes)

    @property
    def rank(self) -> int:
        return 0 if self.accelerator is None else int(self.accelerator.process_index)

    @property
    def main(self) -> bool:
        return self.rank == 0

    def main_first(self) -> AbstractContextManager[None]:
        """What is made once and read by all: the main process goes through the block before the others."""
        if self.accelerator is None:
            return nullcontext()
        first: AbstractContextManager[None] = self.accelerator.main_process_first()
        return first

    def from_main(self, *values: float) -> list[float]:
        """The main process's values, in every process."""
        if self.accelerator is None:
            return list(values)
        from accelerate.utils import broadcast

        kind = torch.float32 if self.accelerator.device.type == "mps" else torch.float64
        told: list[float] = broadcast(torch.tensor(values, dtype=kind, device=self.accelerator.device)).tolist()
        return told

    def share(self, group: Sequence[T]) -> list[T]:
        """This process's part of a group: each has as many, as each step waits for all; the first fill an odd end."""
        each = -(-len(group) // self.number)
        return [group[(self.rank + turn * self.number) % len(group)] for turn in range(each)]
