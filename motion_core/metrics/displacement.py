"""How far things move: in the whole picture, and where the brush lets nothing move."""

from __future__ import annotations

import torch
from torch import Tensor

from ..types import MotionField, check_region
from .not_measured import NotMeasured, check_later_frames

OUTSIDE = 0.05  # what may move by less than this share is outside the brush, and outside its soft edge


def average_displacement(field: MotionField) -> float:
    """Motion-I2V (Shi et al. 2024), Table 1: the mean of ‖f_{0→i}‖ over frames 1 … F-1 and all pixels, in pixels.

    The paper names no resolution; this is in pixels of the field's grid, so it is told together with field.size.
    """
    check_later_frames(field.frames)
    return torch.stack([_lengths(step).mean() for step in field.displacement[1:]]).mean().item()


def drift_outside(field: MotionField, region: Tensor) -> float:
    """The mean displacement over frames 1 … F-1 of the pixels outside of the region, in pixels of the field's grid.

    region: [H, W], 0…1, how much each pixel of the reference may move. Pixels of its soft edge are not counted.
    """
    check_region(region, field.size)
    check_later_frames(field.frames)
    outside = region.to(field.displacement.device) < OUTSIDE
    if not outside.any():
        raise NotMeasured("the brush covers the whole picture")
    return torch.stack([_lengths(step)[outside].mean() for step in field.displacement[1:]]).mean().item()


def _lengths(step: Tensor) -> Tensor:
    """[H, W] of one displacement [2, H, W]; in double precision, so that sums over many pixels stay exact."""
    return torch.hypot(*step.detach().double().unbind())
