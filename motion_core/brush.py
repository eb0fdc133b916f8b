"""The motion brush as a canvas keeps it: what may move and what holds still, small enough to lie beside trajectories.

{"size": [W, H], "move": [gap, run, gap, run, …], "still": […], "softness": 0.02}

Run lengths over the pixels, row by row from the top: a gap and a run by turns, the first gap may be 0, the last is left
out. No pixel is in both. Either list may be left out, and so may the softness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.fft import dctn, idctn
from torch import Tensor

from .controls.motion_brush import PAINTED
from .errors import MotionError, ShapeError
from .types import Size


@dataclass(frozen=True, eq=False)
class Brush:
    """move, still: [H, W] bool, painted as what may move and as what holds still; a grid over the whole picture.

    softness: of the region's edge, as sigma of a Gaussian, of the longer side.
    """

    move: Tensor
    still: Tensor
    softness: float = 0.0

    LONGEST = 512  # pixels of the longer side: a brush is coarse, and a workflow stays small
    SOFTEST = 0.2

    def __post_init__(self) -> None:
        shapes = [list(paint.shape) for paint in (self.move, self.still)]
        if shapes[0] != shapes[1] or len(shapes[0]) != 2 or 0 in shapes[0]:
            raise ShapeError(f"A brush is painted on two masks [H, W] of one size; got {shapes[0]} and {shapes[1]}.")
        if self.move.dtype != torch.bool or self.still.dtype != torch.bool:
            raise MotionError(f"A brush is painted with True; got {self.move.dtype} and {self.still.dtype}.")
        if max(self.size) > self.LONGEST:
            raise MotionError(f"A brush has at most {self.LONGEST} pixels a side; got {self.size}. Resize it before.")
        if (self.move & self.still).any():
            raise MotionError("The brush has pixels that may move and hold still at once. Paint the brush again.")
        if not 0 <= self.softness <= self.SOFTEST:
            raise MotionError(f"The softness of a brush is 0 … {self.SOFTEST}; got {self.softness:g}.")

    @property
    def size(self) -> Size:
        return Size.of(self.move)

    @classmethod
    def from_json(cls, value: object) -> Brush:
        """The brush that a parsed object holds. MotionError says what is wrong with one that holds none."""
        if not isinstance(value, dict) or "size" not in value or not {"move", "still"} & value.keys():
            raise MotionError(
                'A brush is {"size": [W, H], "move": [gap, run, …], "still": [gap, run, …]}; got something else.'
            )
        size, softness = _size(value["size"]), value.get("softness", 0.0)
        if isinstance(softness, bool) or not isinstance(softness, (int, float)) or not 0 <= softness <= cls.SOFTEST:
            raise MotionError(f"The softness of a brush is a number 0 … {cls.SOFTEST}; got something else.")
        move, still = (_painted(value.get(key, []), key, size) for key in ("move", "still"))
        return cls(move, still, float(softness))

    def to_json(self) -> dict:
        """What from_json reads."""
        move, still = _lengths(self.move), _lengths(self.still)
        value: dict = {"size": [self.size.width, self.size.height]}
        value |= {"move": move} if move or not still else {}
        value |= {"still": still} if still else {}
        return value | ({"softness": self.softness} if self.softness else {})

    @property
    def may_move(self) -> Tensor:
        """[H, W] bool: where it painted to move, or everywhere if it did not; and nowhere that it holds still."""
        return (self.move if self.move.any() else torch.ones_like(self.move)) & ~self.still

    def region(self, size: Size) -> Tensor:
        """How much each pixel [H, W] of a picture may move, 0…1; resized bilinearly with half-pixel centres."""
        resized = F.interpolate(self.may_move[None, None].float(), size, mode="bilinear", align_corners=False)
        region = (resized[0, 0] >= PAINTED).float()
        return _blurred(region, self.softness * max(size)) if self.softness else region


def _blurred(region: Tensor, sigma: float) -> Tensor:
    """By a Gaussian of that many pixels, mirrored beyond the edges: in cosines a product, whatever the sigma."""
    rows, columns = (_attenuation(side, sigma) for side in region.shape)
    blurred = idctn(dctn(region.numpy()) * rows[:, None] * columns)
    return torch.from_numpy(np.asarray(blurred, dtype=np.float32)).clamp(0, 1)


def _attenuation(side: int, sigma: float) -> np.ndarray:
    """What a Gaussian of sigma, in pixels, leaves of a side's cosines. It is sampled, so its spectrum repeats."""
    repeats = 2 * math.pi * np.arange(-3, 4)[:, None]
    spectrum = np.exp(-0.5 * (sigma * (math.pi * np.arange(side) / side + repeats)) ** 2).sum(axis=0)
    return (spectrum / spectrum[0]).astype(np.float32)


def _painted(value: object, key: str, size: Size) -> Tensor:
    """[H, W] bool of run lengths."""
    if not isinstance(value, list) or len(value) % 2 or not all(type(length) is int for length in value):
        raise MotionError(f"The “{key}” of a brush is a list of whole numbers, a gap and a run by turns; it is not.")
    pixels = size.height * size.width
    paint, end = torch.zeros(pixels, dtype=torch.bool), 0
    for index, length in enumerate(value):
        if length < min(index, 1) or length > pixels - end:
            raise MotionError(
                f"Number {index + 1} of the brush's “{key}” is {length}; gaps and runs are at least 1 long, and end "
                f"within the {pixels} pixels of {size}. Paint the brush again."
            )
        if index % 2:
            paint[end : end + length] = True
        end += length
    return paint.view(*size)


def _lengths(paint: Tensor) -> list[int]:
    """Run lengths of [H, W] bool."""
    edges = np.flatnonzero(np.diff(paint.cpu().flatten().numpy(), prepend=False, append=False))
    return np.diff(edges, prepend=0).tolist()


def _size(value: object) -> Size:
    if not isinstance(value, list) or len(value) != 2 or not all(type(side) is int for side in value):
        raise MotionError("The size of a brush is two whole numbers, [W, H]; got something else.")
    width, height = value
    if min(width, height) < 1 or max(width, height) > Brush.LONGEST:
        raise MotionError(f"A brush is 1 … {Brush.LONGEST} pixels wide and high; this one says {width}×{height}.")
    return Size(height=height, width=width)
