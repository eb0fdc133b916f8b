"""What changes from frame to frame although it moves along."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from ..errors import ShapeError
from ..types import MotionField
from ..warp import backward_warp, lands_inside
from .not_measured import NotMeasured, check_later_frames
from .seen import check_seen

LEVELS = 255  # of an 8-bit picture


def flicker(frames: Tensor, field: MotionField, seen: Tensor | None = None) -> float:
    """The mean of |I_{k+1}(x + f_{k+1}(x)) - I_k(x + f_k(x))| over frames, pixels x and colours, in levels of 255.

    frames: [F, 3, H, W], 0…1. field: the motion of the same frames, from frame 0. seen: [F, H, W] bool, False where
    pixel x of frame 0 is covered in a frame. A pixel counts in a pair if it is seen and lands inside in both.
    """
    wanted = (field.frames, 3, *field.size)
    if tuple(frames.shape) != wanted:
        raise ShapeError(f"The frames of this motion field are {list(wanted)}; got {list(frames.shape)}.")
    if seen is not None:
        check_seen(seen, field)
    check_later_frames(field.frames)
    total, count = 0.0, 0
    for first, second in pairwise(range(field.frames)):
        there = lands_inside(field.displacement[[first, second]]).all(dim=0)
        if seen is not None:
            there = there & (seen[first] & seen[second]).to(there.device)
        change = _carried_back(frames[second], field.displacement[second]) - _carried_back(
            frames[first], field.displacement[first]
        )
        total += change.abs()[:, there].double().sum().item()
        count += 3 * int(there.sum())
    if count == 0:
        raise NotMeasured("nothing is seen in two consecutive frames")
    return LEVELS * total / count


def _carried_back(frame: Tensor, displacement: Tensor) -> Tensor:
    """I(x + f(x)), [3, H, W]."""
    return backward_warp(frame[None].to(displacement.device).float(), displacement[None].float())[0]
