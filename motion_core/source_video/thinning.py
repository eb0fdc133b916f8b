"""A motion that arrives frame by frame, kept in little memory and retimed to as many frames as are wanted."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..types import MotionField

SPARE = 4  # times as many frames are kept as are wanted, so that what lies between two kept ones hardly matters


class Thinned:
    """Displacements [2, H, W] and seen masks [H, W] of frames 0, 1, 2 …; how many will come is not known.

    wanted: frames to be retimed to. At most SPARE times as many are kept, every one, every second, every fourth …;
        all when None.
    """

    def __init__(self, wanted: int | None) -> None:
        self.wanted = wanted
        self.count = 0
        self._stride = 1
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}
        self._last: tuple[Tensor, Tensor] | None = None

    def add(self, displacement: Tensor, seen: Tensor) -> None:
        self._last = displacement, seen
        if self.count % self._stride == 0:
            self._kept[self.count] = self._last
        self.count += 1
        if self.wanted is not None and len(self._kept) > SPARE * self.wanted:
            self._stride *= 2
            self._kept = {number: kept for number, kept in self._kept.items() if number % self._stride == 0}

    def retimed(self) -> tuple[MotionField, Tensor]:
        """The field [F, 2, H, W], linear between the frames that were kept, and seen [F, H, W]: at both of them.

        Nothing is kept any more: what was is let go while the field is made, so that there is never much of it twice.
        """
        if self._last is not None:
            self._kept[self.count - 1] = self._last
            self._last = None
        numbers = np.array(sorted(self._kept))
        frames = self.wanted or self.count
        first = self._kept[0]
        field, seen = first[0].new_empty(frames, *first[0].shape), first[1].new_empty(frames, *first[1].shape)
        for frame, place in enumerate(np.linspace(0, self.count - 1, frames)):
            after = min(int(np.searchsorted(numbers, place)), len(numbers) - 1)
            before = after if numbers[after] == place else after - 1
            for passed in [number for number in self._kept if number < numbers[before]]:
                del self._kept[passed]
            (start, start_seen), (end, end_seen) = self._kept[numbers[before]], self._kept[numbers[after]]
            span = numbers[after] - numbers[before]
            field[frame] = torch.lerp(start, end, float((place - numbers[before]) / span) if span else 0.0)
            seen[frame] = start_seen & end_seen
        return MotionField(field), seen
