"""VBench's dynamic degree (Huang et al. 2024): does the clip move, yes or no?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

import torch
from torch import Tensor

from ..errors import MotionError, ShapeError
from ..types import MotionField, Size
from .not_measured import NotMeasured
from .seen import check_enough

LOOKED_AT = 8  # frames a second that are looked at
FASTEST = 0.05  # share of the pixels that stands for a pair of frames
THRESHOLD, PICTURE = 6.0, 256  # a pair moves if it goes farther than 6 px in a picture with a short side of 256
NEEDED, OF = 4, 16  # moving pairs, of so many frames


@dataclass(frozen=True)
class DynamicDegree:
    """The decision and what it rests on.

    scores: of every pair of frames, px. threshold: px. needed: how many pairs have to exceed it.
    """

    scores: tuple[float, ...]
    threshold: float
    needed: int

    @property
    def moving(self) -> int:
        """Pairs over the threshold."""
        return sum(score > self.threshold for score in self.scores)

    @property
    def dynamic(self) -> bool:
        return self.moving >= self.needed


def dynamic_degree(scores: Sequence[float], size: Size) -> DynamicDegree:
    """Decide by the scores (fastest_part) of n-1 pairs of n frames of that size.

    A clip is dynamic if at least round(4·n/16) pairs exceed 6·(short side/256) px. Of clips so short that this says 0,
    one pair is needed, or a constant clip of two frames would be dynamic.
    """
    if not scores:
        raise NotMeasured(f"of {LOOKED_AT} frames a second, fewer than two are left to look at")
    needed = max(1, round(NEEDED * (len(scores) + 1) / OF))
    return DynamicDegree(tuple(scores), THRESHOLD * min(size) / PICTURE, needed)


def check_fps(fps: float) -> None:
    """MotionError if a clip cannot have so many frames a second."""
    if not (isfinite(fps) and fps > 0):
        raise MotionError(f"A clip has more than zero frames a second; got {fps:g}.")


def every(fps: float) -> int:
    """Every how-many-th frame is looked at, to see about 8 a second."""
    check_fps(fps)
    return max(1, round(fps / LOOKED_AT))


def fastest_part(flow: Tensor, seen: Tensor | None = None) -> float:
    """The score of a pair of frames: the mean length of the 5 % longest vectors of its flow [2, H, W], in pixels.

    seen: [H, W] bool; if given, 5 % of the vectors there. NotMeasured if fewer than 1 % of all are.
    """
    if flow.ndim != 3 or flow.shape[0] != 2 or 0 in flow.shape:
        raise ShapeError(f"The flow between two frames is [2, H, W]; got {list(flow.shape)}.")
    lengths = torch.hypot(*flow.detach().double().unbind()).flatten()
    if seen is not None:
        check_enough(int(seen.sum()), seen.numel())
        lengths = lengths[seen.flatten().to(lengths.device)]
    return lengths.topk(max(1, int(len(lengths) * FASTEST))).values.mean().item()


def steps_between(frames: Tensor, flow: Callable[[Tensor, Tensor], Tensor], *, fps: float) -> Iterator[Tensor]:
    """The flow [2, H, W] between each of the frames [F, 3, H, W] that is looked at and the next one."""
    for first, second in pairwise(frames[:: every(fps)]):
        yield flow(first, second)


def steps_of(field: MotionField, *, fps: float) -> Iterator[Tensor]:
    """The same from a motion field, without frames: what each pixel of the reference goes in between, [2, H, W]."""
    for first, second in pairwise(field.displacement[:: every(fps)]):
        yield second - first
