"""How far things move: in the whole picture, where the brush lets nothing move, and beside the motion that was given.

Of a motion that was found in frames, only what is seen counts: elsewhere it is filled in, not measured.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ..errors import ShapeError
from ..types import MotionField, check_region
from .not_measured import NotMeasured, check_later_frames
from .seen import LEAST_SEEN, check_enough, check_seen

OUTSIDE = 0.05  # what may move by less than this share is outside the brush, and outside its soft edge


def average_displacement(field: MotionField, seen: Tensor | None = None) -> float:
    """Motion-I2V (Shi et al. 2024), Table 1: the mean of ‖f_{0→i}‖ over frames 1 … F-1 and all pixels, in pixels.

    seen: [F, H, W] bool; if given, the mean over frames of the mean over the pixels that are seen in each.
    The paper names no resolution; this is in pixels of the field's grid, so it is told together with field.size.
    """
    return _mean(field.displacement[1:], counted(field, seen))


def drift_outside(field: MotionField, region: Tensor, seen: Tensor | None = None) -> float:
    """The mean displacement over frames 1 … F-1 of the pixels outside of the region, in pixels of the field's grid.

    region: [H, W], 0…1, how much each pixel of the reference may move. Pixels of its soft edge are not counted.
    seen: as in average_displacement.
    """
    return _mean(field.displacement[1:], counted(field, seen, region))


def motion_error(found: MotionField, given: MotionField, seen: Tensor | None = None) -> float:
    """The mean end-point error: ‖found - given‖ over frames 1 … F-1 and the pixels that are seen, in pixels."""
    if found.displacement.shape != given.displacement.shape:
        raise ShapeError(
            f"Motions of one shape are compared; got {list(found.displacement.shape)} and "
            f"{list(given.displacement.shape)}. Re-time or resize one of them."
        )
    pairs = zip(found.displacement[1:], given.displacement[1:], strict=True)
    return _mean((one - other.to(one) for one, other in pairs), counted(found, seen))


def counted(field: MotionField, seen: Tensor | None = None, region: Tensor | None = None) -> Tensor:
    """Which pixels such a mean is over: [F-1, H, W] bool, of frames 1 … F-1.

    A frame in which fewer than 1 % are seen does not count; NotMeasured if fewer than 1 % are left of all.
    """
    check_later_frames(field.frames)
    where = torch.ones(field.size, dtype=torch.bool)
    if region is not None:
        check_region(region, field.size)
        where = region.cpu() < OUTSIDE
        if not where.any():
            raise NotMeasured("the brush covers the whole picture")
    if seen is None:
        return where.expand(field.frames - 1, -1, -1)
    check_seen(seen, field)
    counts = seen[1:].cpu() & where
    counts[counts.flatten(1).sum(dim=1) < LEAST_SEEN * where.sum()] = False
    check_enough(int(counts.sum()), int(where.sum()) * len(counts))
    return counts


def _mean(steps: Iterable[Tensor], counts: Tensor) -> float:
    """The mean over frames of the mean length of displacements [2, H, W] where they count, [F-1, H, W].

    In double precision, so that sums over many pixels stay exact.
    """
    pairs = ((step, where.to(step.device)) for step, where in zip(steps, counts, strict=True))
    means = [torch.hypot(*step.detach().double().unbind())[where].mean() for step, where in pairs if where.any()]
    return torch.stack(means).mean().item()
