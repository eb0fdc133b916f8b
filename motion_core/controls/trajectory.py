"""Drawn curves → a sparse field: sampled in time, stamped around their start.

As the authors of Motion-I2V do it: a square around the point where a trajectory begins asks, in every frame, for
the displacement of that point. Where squares overlap, the later trajectory holds.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from ..errors import MotionError, ShapeError
from ..types import Size, SparseField, Trajectory, check_region, frame_instants

STAMP = 8  # pixels around the start of a drag, in which the model is told where it goes; the authors' window is 64
SAME_PIXEL = 1e-6  # pixels; so that 80/320 of 320 rows is row 80, whatever the rounding

log = logging.getLogger(__name__)


def sparse_field(
    trajectories: Sequence[Trajectory], *, size: Size, frames: int, stamp: int = STAMP, region: Tensor | None = None
) -> SparseField:
    """What the trajectories ask for in a clip of F frames: displacement [F-1, 2, H, W] in pixels, known [F-1, 1, H, W].

    stamp: half the side of the square, in pixels: columns x0 - stamp … x0 + stamp - 1 around the pixel x0 under the
        start, cut at the border. A start outside the picture stamps what of its square lies inside, if anything.
    region: [H, W], 1 where the motion brush lets things move. Displacement is multiplied by it; outside it (below a
        half) everything is known and still.
    A pin stamps zero displacement. While a trajectory is not visible its square is unknown; one that is not
    visible in the reference frame moves nothing that can be seen there, and is left out.
    """
    if frames < 2:
        raise MotionError(f"A sparse field needs the reference and at least one later frame; got {frames} frames.")
    if stamp < 1:
        raise MotionError(f"A trajectory is stamped with at least 1 pixel around its start; got {stamp}.")
    if size.height < 1 or size.width < 1:
        raise ShapeError(f"A sparse field has at least one pixel; got {size}.")

    seen = np.array([t.seen_at(frame_instants(frames)) for t in trajectories], dtype=bool).reshape(-1, frames)
    if not seen[:, :1].all():
        log.warning("%d trajectories are not visible in the first frame and are left out.", (~seen[:, 0]).sum())
    points = np.array([t.sampled(frames) for t in trajectories]).reshape(-1, frames, 2) * [size.width, size.height]

    nobody = len(trajectories)
    owner = np.full(size, nobody)  # the trajectory that holds each pixel
    for index, (x, y) in enumerate(points[:, 0]):
        if seen[index, 0]:
            owner[_window(y, stamp, size.height), _window(x, stamp, size.width)] = index

    asked = np.zeros((frames - 1, 2, nobody + 1), dtype=np.float32)
    asked[..., :nobody] = rearrange((points[:, 1:] - points[:, :1]) * seen[:, 1:, None], "n f xy -> f xy n")
    answers = np.zeros((frames - 1, 1, nobody + 1), dtype=np.float32)
    answers[:, 0, :nobody] = seen[:, 1:].T

    owners = torch.from_numpy(owner)
    displacement, known = torch.from_numpy(asked)[..., owners], torch.from_numpy(answers)[..., owners]
    if region is None:
        return SparseField(displacement, known)
    check_region(region, size)
    return SparseField(displacement * region.to(displacement), known.masked_fill(region.cpu() < 0.5, 1.0))


def _window(start: float, stamp: int, length: int) -> slice:
    """The 2·stamp pixels of an axis around a start, in pixels from the border; those inside 0 … length-1."""
    middle = math.floor(start + SAME_PIXEL)
    return slice(min(max(middle - stamp, 0), length), min(max(middle + stamp, 0), length))
