"""Unknown places filled smoothly from around them: means go up a pyramid, and come down where nothing is known."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def fill_smoothly(values: Tensor, empty: Tensor) -> Tensor:
    """Values [C, H, W] with what is empty [H, W] (bool) filled from around it; zero if all is empty."""
    weight = (~empty).to(values)[None, None]
    pyramid = [(values[None] * weight, weight)]
    while max(pyramid[-1][1].shape[-2:]) > 1:
        total, weight = (F.avg_pool2d(level, 2, ceil_mode=True, count_include_pad=False) for level in pyramid[-1])
        fullest = weight.clamp(min=1e-12)
        weight = (4 * weight).clamp(max=1)
        pyramid.append((total / fullest * weight, weight))
    filled, _ = pyramid.pop()
    for total, weight in reversed(pyramid):
        coarse = F.interpolate(filled, total.shape[-2:], mode="bilinear", align_corners=False)
        filled = total + (1 - weight) * coarse
    return torch.where(empty, filled[0], values)
