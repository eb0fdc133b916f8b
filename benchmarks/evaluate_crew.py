"""The processes that share an evaluation: as many as accelerate launched, or one without it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch

from motion_core.errors import MotionError

LONGEST_WAIT = timedelta(days=30)  # of a process that is finished, for the others

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Crew:
    """All processes, as one of them sees them. state: accelerate's, or None if there is one process."""

    index: int = 0
    state: Any = None

    def share(self, things: Sequence[Thing]) -> list[Thing]:
        """This process' part of what is the same list in all of them."""
        if self.state is None:
            return list(things)
        with self.state.split_between_processes(list(things)) as mine:
            return list(mine)

    def gathered(self, things: list[Thing]) -> list[Thing]:
        """What all processes have, once all have got here; the same list in all of them."""
        if self.state is None:
            return things
        from accelerate.utils import gather_object

        return gather_object(things)

    @property
    def device(self) -> str:
        if self.state is not None:
            return str(self.state.device)
        return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def crew() -> Iterator[Crew]:
    """As it was launched. MotionError if several processes were and cannot share the work."""
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if launched == 1:
        yield Crew()
        return
    try:
        from accelerate import PartialState
    except ImportError:
        raise MotionError("Several processes share the work by accelerate: pip install accelerate") from None
    # told so, or each process without a GPU would take itself for the only one
    on_cpu = not torch.cuda.is_available() or os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true"
    state = PartialState(cpu=on_cpu, timeout=LONGEST_WAIT)
    if state.num_processes != launched:
        raise MotionError(f"{launched} processes were launched, but accelerate sees {state.num_processes} of them.")
    yield Crew(state.process_index, state)
    torch.distributed.destroy_process_group()
