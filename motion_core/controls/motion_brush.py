"""The motion brush: the region that may move. Everything else is known and still."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import MotionError, ShapeError
from ..types import Size

PAINTED = 0.5  # of full paint; exactly half counts, as the authors' 8-bit rounding lets it


def region_from_brush(brush: Tensor, size: Size) -> Tensor:
    """The region [H, W] that may move: 1 where the brush painted, 0 elsewhere. Nothing painted: all of it may.

    brush: [H', W'] or [1, 1, H', W'] of any size, 0…1 (integers 0…255), resized bilinearly with half-pixel centres.
    """
    if brush.ndim == 4 and brush.shape[:2] == (1, 1):
        brush = brush[0, 0]
    if brush.ndim != 2 or 0 in brush.shape:
        raise ShapeError(f"A motion brush is one mask [H, W] or [1, 1, H, W]; got {list(brush.shape)}.")
    if brush.is_complex():
        raise MotionError(f"A motion brush is painted with numbers 0…1; got {brush.dtype}.")
    whole = brush.dtype != torch.bool and not brush.is_floating_point()
    paint = brush.float() / 255 if whole else brush.float()
    if not torch.isfinite(paint).all():
        raise MotionError("The motion brush has a pixel that is not a finite number. Paint the mask again.")
    if paint.min() < 0 or paint.max() > 1:
        raise MotionError(
            f"A motion brush is painted with 0…1 (integers 0…255); "
            f"got {brush.min().item():g} … {brush.max().item():g}. Divide it by its full paint."
        )
    resized = F.interpolate(paint[None, None], size, mode="bilinear", align_corners=False)[0, 0]
    region = (resized >= PAINTED).float()
    return region if region.any() else torch.ones_like(region)
