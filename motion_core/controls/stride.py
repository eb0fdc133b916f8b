"""Frame stride: how far apart in time the predicted frames lie. A larger stride asks for larger motion."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import MotionError

PUBLISHED_STRIDE = 8.0  # frames of the training video between two predicted ones: 8, 16, … 120


def frame_strides(frames: int, stride: float = PUBLISHED_STRIDE) -> Tensor:
    """[F-1]: frames of the training video between the reference and frames 1 … F-1; may be fractional."""
    if frames < 2:
        raise MotionError(f"Strides need the reference and at least one later frame; got {frames} frames.")
    if not (math.isfinite(stride) and stride > 0):
        raise MotionError(f"A frame stride is a finite number above 0; got {stride}.")
    return torch.arange(1, frames) * float(stride)
