"""Whether two pictures show the same thing: pixel by pixel, and as two frames of one shot."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..optical_flow import LUMA

WINDOW, NARROW = 9, 5  # pixels across the window in which pictures are compared; the narrow one keeps to outlines
LIGHT = 32  # pixels across the places whose light is levelled before colours are compared
NOISE = 1e-4  # variance of grey 0…1 that is no texture: a deviation of 0.01, or 2.5 of 255 levels
ALIKE = 0.7  # correlation of two windows that show the same thing
BLANK = 1e-3  # share of the pixels that have texture at least, if a picture shows anything


def difference(picture: Tensor, other: Tensor) -> Tensor:
    """[H, W]: how much two pictures [3, H, W] differ around every pixel, 0…1; slow changes of light do not count.

    What is levelled may not differ more than before: near a great change, what stays as it was would.
    """
    change = (picture - other)[None]
    height, width = change.shape[-2:]
    coarse = (max(1, height // LIGHT), max(1, width // LIGHT))
    light = F.interpolate(F.adaptive_avg_pool2d(change, coarse), (height, width), mode="bilinear")
    return _windowed(torch.minimum(change.abs(), (change - light).abs()).mean(dim=1), NARROW)[0]


def correlation(picture: Tensor, other: Tensor) -> Tensor:
    """[H, W], -1…1: zero-normalised cross-correlation of the grey of two pictures [3, H, W] around every pixel."""
    grey = torch.stack([_grey(picture), _grey(other)])
    mean = _windowed(grey, WINDOW)
    variance = (_windowed(grey * grey, WINDOW) - mean * mean).clamp(min=0)
    covariance = _windowed(grey[:1] * grey[1:], WINDOW)[0] - mean[0] * mean[1]
    return (covariance + NOISE) / (variance + NOISE).prod(dim=0).sqrt()


def textured(picture: Tensor) -> Tensor:
    """[H, W] bool: where a picture [3, H, W] has anything that could be found again."""
    grey = _grey(picture)[None]
    mean = _windowed(grey, WINDOW)
    return (_windowed(grey * grey, WINDOW) - mean * mean)[0] > NOISE


def shows_nothing(picture: Tensor) -> bool:
    """True of a picture of one colour, such as a black frame, or of one slow gradient."""
    return textured(picture).float().mean().item() < BLANK


def _grey(picture: Tensor) -> Tensor:
    return torch.einsum("c h w, c -> h w", picture, picture.new_tensor(LUMA))


def _windowed(pictures: Tensor, window: int) -> Tensor:
    """The mean [N, H, W] over a window around every pixel."""
    return F.avg_pool2d(pictures[:, None], window, 1, window // 2, count_include_pad=False)[:, 0]
