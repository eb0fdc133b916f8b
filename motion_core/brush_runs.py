"""A painted motion brush as runs: small enough to be kept in JSON beside the trajectories.

{"size": [W, H], "runs": [[start, length], …]}

Pixels are counted from 0 along the rows, top to bottom; a run may go on in the next row. Runs rise and do not overlap.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .controls.motion_brush import PAINTED
from .errors import MotionError, ShapeError
from .types import Size

LONGEST = 512  # pixels of the longer side: a brush is coarse, and a workflow stays small


def brush_from_runs(value: object) -> Tensor:
    """The brush [H, W], float, 1 where it painted. MotionError says what is wrong with a value that is no brush."""
    if not isinstance(value, dict) or not {"size", "runs"} <= value.keys():
        raise MotionError('A brush is {"size": [W, H], "runs": [[start, length], …]}; got something else.')
    size = _size(value["size"])
    pixels = size.height * size.width
    brush, end = torch.zeros(pixels), 0
    if not isinstance(value["runs"], list):
        raise MotionError("The runs of a brush are a list of [start, length]; got something else.")
    for number, run in enumerate(value["runs"], start=1):
        pair = _pair(run)
        if pair is None:
            raise MotionError(f"Run {number} of the brush should be two whole numbers, [start, length]; it is not.")
        start, length = pair
        if start < end or length < 1 or length > pixels - start:
            raise MotionError(
                f"Run {number} of the brush is [{start}, {length}]; runs rise, do not overlap, and end within the "
                f"{pixels} pixels of {size}. Paint the brush again."
            )
        end = start + length
        brush[start:end] = 1.0
    return brush.view(*size)


def runs_from_brush(brush: Tensor) -> dict:
    """The object to put in JSON, of a brush [H, W], 0…1; half paint counts. MotionError if it is beyond LONGEST."""
    if brush.ndim != 2 or 0 in brush.shape:
        raise ShapeError(f"A brush is [H, W]; got {list(brush.shape)}.")
    size = Size.of(brush)
    if max(size) > LONGEST:
        raise MotionError(f"A brush is kept with at most {LONGEST} pixels a side; got {size}. Resize it before.")
    painted = (brush.detach().cpu() >= PAINTED).flatten().numpy()
    edges = np.flatnonzero(np.diff(painted, prepend=False, append=False)).tolist()
    runs = [[start, end - start] for start, end in list(pairwise(edges))[::2]]
    return {"size": [size.width, size.height], "runs": runs}


def _size(value: object) -> Size:
    pair = _pair(value)
    if pair is None:
        raise MotionError("The size of a brush is two whole numbers, [W, H]; got something else.")
    width, height = pair
    if min(width, height) < 1 or max(width, height) > LONGEST:
        raise MotionError(f"A brush is 1 … {LONGEST} pixels wide and high; this one says {width}×{height}.")
    return Size(height=height, width=width)


def _pair(value: object) -> tuple[int, int] | None:
    """The two whole numbers that a list is, if it is that."""
    if isinstance(value, list) and len(value) == 2 and all(type(number) is int for number in value):
        return value[0], value[1]
    return None
