"""Frame stride: how far apart in time the predicted frames lie. A larger stride asks for larger motion.

More than the published 16 frames come in two ways. A smaller stride with more frames is sampled: the predictor says
what happens in between, up to the 33 frames whose positions it knows (frame_strides(31, 4) spans the published 120).
Any number is interpolated by MotionField.retimed: smooth, but nothing new happens between the predicted frames.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import MotionError

FRAMES = 16  # of a clip, counting the reference, as the authors make them
MOST_FRAMES = 33  # counting the reference: the rows of the published position tables, and the reference
PUBLISHED_STRIDE = 8.0  # frames of the training video between two predicted ones: 8, 16, … 120


def frame_strides(frames: int, stride: float = PUBLISHED_STRIDE) -> Tensor:
    """[F-1]: frames of the training video between the reference and frames 1 … F-1; may be fractional."""
    if frames < 2:
        raise MotionError(f"Strides need the reference and at least one later frame; got {frames} frames.")
    if not (math.isfinite(stride) and stride > 0):
        raise MotionError(f"A frame stride is a finite number above 0; got {stride}.")
    return torch.arange(1, frames) * float(stride)
