"""The processes that share an evaluation: as many as accelerate launched, or one without it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch

from motion_core.errors import MotionError

LONGEST_WAIT = timedelta(days=30)  # of a process that is finished, for the others

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Crew:
    """All processes, as one of them sees them. device: where this one computes."""

    device: str
    index: int = 0
    processes: int = 1

    def share(self, things: Sequence[Thing]) -> list[Thing]:
        """This process' part of what is the same list in all of them, in its order."""
        return list(things[self.index :: self.processes])

    def gathered(self, things: list[Thing]) -> list[Thing]:
        """What all processes have, once all have got here; the same list in all of them."""
        if self.processes == 1:
            return things
        from accelerate.utils import gather_object

        return gather_object(things)


@contextmanager
def crew() -> Iterator[Crew]:
    """As it was launched. MotionError if several processes were and cannot share the work."""
    on_cpu = not torch.cuda.is_available() or os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true"
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if launched == 1:
        yield Crew("cpu" if on_cpu else "cuda")
        return
    try:
        from accelerate import PartialState
    except ImportError:
        raise MotionError("Several processes share the work by accelerate: pip install accelerate") from None
    # told so, or each process without a GPU would take itself for the only one
    state = PartialState(cpu=on_cpu, timeout=LONGEST_WAIT)
    if state.num_processes != launched:
        raise MotionError(f"{launched} processes were launched, but accelerate sees {state.num_processes} of them.")
    yield Crew(str(state.device), state.process_index, state.num_processes)
    torch.distributed.destroy_process_group()
