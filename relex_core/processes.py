"""The processes that train together: this one alone, or those that `accelerate launch` started.

Whatever ends a run or sets its rates is decided by the main process and told to the others, as processes that part
ways wait for each other for ever.
"""

from __future__ import annotations

import os
import signal
import threading
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


class Interrupt:
    """In a `with` block of the main thread Ctrl-C asks for an end, once; the second time it ends what runs at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, *_: object) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # print may be what was interrupted
        os.write(2, b"stopping after this step, with everything saved; Ctrl-C once more stops at once\n")
