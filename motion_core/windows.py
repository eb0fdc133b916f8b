"""Windows: how a clip longer than the motion module can see at once is rendered, in overlapping parts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .errors import MotionError

LONGEST = 16  # frames, counting the reference: as the motion modules were trained
OVERLAP = 4  # frames


@dataclass(frozen=True)
class Windows:
    """frames: of one window, counting the reference, which is in every one; None is what the motion module was trained
        for, 16, or what its position table has room for.
    overlap: frames that two windows share besides the reference; None is 4, or as many as smaller windows can.
    """

    frames: int | None = None
    overlap: int | None = None

    def over(self, frames: int, most: int) -> list[list[int]]:
        """The frames of each window over a clip of F frames, the reference first; most: what the network can see."""
        length = min(LONGEST, most) if self.frames is None else self.frames
        if not 2 <= length <= most:
            raise MotionError(f"A window of this motion module has 2 … {most} frames; got {length}.")
        if frames <= length:
            return [list(range(frames))]
        later = length - 1
        overlap = min(OVERLAP, later - 1) if self.overlap is None else self.overlap
        if not 0 <= overlap < later:
            raise MotionError(f"Windows of {length} frames overlap by 0 … {later - 1} frames; got {overlap}.")
        starts = [*range(1, frames - later, later - overlap), frames - later]
        return [[0, *range(start, start + later)] for start in starts]


WINDOWS = Windows()


def blend_weights(windows: list[list[int]], frames: int) -> Tensor:
    """[windows, F]: what each window says about each frame, summing to 1 over the windows.

    Inside a window the weight falls linearly to both of its ends, so that the last word about a frame is never that
    of a window that it is about to leave; the reference counts alike in all.
    """
    weights = torch.zeros(len(windows), frames)
    for row, (_, *later) in zip(weights, windows, strict=True):
        ramp = torch.arange(1, len(later) + 1)
        row[later] = torch.minimum(ramp, ramp.flip(0)).float()
        row[0] = 1
    return weights / weights.sum(dim=0)
