"""The picture carried along a motion field: what moves passes in front, what it uncovers is filled from behind.

Where a pixel goes is splatted (warp.py), not its colour: every pixel of a frame learns which pixel of the picture it
shows and fetches it sharply, so a slow motion does not blur and a stretched thing does not crack. Behind it lies the
background plate: the picture without the things that move.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ShapeError
from ..types import MotionField, Size
from ..warp import landing_shares, surface_slope
from .plate import background_plate

NEARER = 4.0  # softmax importance of a pixel of motion against the ground: what moves passes in front
NEAREST = 60.0  # ... and its most
STILL = 0.05  # pixels of motion against the ground that do not count as motion
UNCOVERS = 0.5  # pixels of motion that leave a place behind, to be filled in the plate
STRETCH = 4  # a pixel is sent as up to 4×4 points when the field pulls it apart


def draft_frames(picture: Tensor, field: MotionField) -> Iterator[Tensor]:
    """The frames [3, H, W], 0…1, one after the other; the first is the picture itself.

    picture: [3, H, W], 0…1, of the field's size.
    """
    if picture.ndim != 3 or tuple(picture.shape[1:]) != tuple(field.size):
        raise ShapeError(
            f"The picture must be [3, {field.size.height}, {field.size.width}]; got {list(picture.shape)}."
        )
    yield picture
    if field.frames == 1:
        return
    margin = _margin(field)
    steps = F.pad(field.displacement[1:].float(), margin, mode="replicate")
    scene = F.pad(picture.float()[None], margin, mode="reflect")[0]
    grounds = [_Ground.under(step) for step in steps]
    uncovered = torch.zeros(*Size.of(scene), dtype=torch.bool)
    for step, ground in zip(steps, grounds, strict=True):
        uncovered |= ground.motion_against(step) > UNCOVERS
    plate = background_plate(scene, uncovered)
    left, _, top, _ = margin
    for step, ground in zip(steps, grounds, strict=True):
        frame = _frame(scene, plate, step, ground)
        yield frame[:, top : top + field.size.height, left : left + field.size.width].to(picture.dtype)


def _margin(field: MotionField) -> tuple[int, int, int, int]:
    """How far (left, right, top, bottom) the field draws in what lies beyond the picture: its mirror image."""
    moved, size = field.displacement, field.size
    inward = (moved[:, 0, :, 0], -moved[:, 0, :, -1], moved[:, 1, 0], -moved[:, 1, -1])
    most = (size.width - 1, size.width - 1, size.height - 1, size.height - 1)
    wanted = (math.ceil(max(0.0, side.max().item())) for side in inward)
    left, right, top, bottom = (min(w, m) for w, m in zip(wanted, most, strict=True))
    return left, right, top, bottom


def _frame(picture: Tensor, plate: Tensor, displacement: Tensor, ground: _Ground) -> Tensor:
    behind = plate if ground.rests else _fetch(plate, *ground.way_back(Size.of(plate)))
    against = ground.motion_against(displacement)
    moving = against > STILL
    if not moving.any():
        return behind.clamp(0, 1)
    reached, from_x, from_y, presence = _arrivals(displacement, against, moving)
    shown = _fetch(picture, from_x, from_y)
    frame = behind.flatten(1).clone()
    frame[:, reached] = torch.lerp(frame[:, reached], shown, presence)
    return frame.view_as(picture).clamp(0, 1)


def _arrivals(displacement: Tensor, against: Tensor, moving: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where moving things are seen: N pixels of the frame, the column and row of the picture that each one shows
    (what is nearest, softmax splatting), and how much of the pixel that fills, 0…1."""
    size = Size.of(displacement)
    pixels = size.height * size.width
    row, column = moving.nonzero(as_tuple=True)
    slope = surface_slope(displacement)[:, :, row, column]  # [2 (along x, along y), 2 (x, y), M]
    area = ((1 + slope[0, 0]) * (1 + slope[1, 1]) - slope[0, 1] * slope[1, 0]).clamp(1, STRETCH**2)
    steepness = slope.square().sum(dim=(0, 1)).sqrt()
    parts = min(STRETCH, max(1, math.ceil(0.5 + steepness.max().item())))
    depth = (against[row, column] * NEARER).clamp(max=NEAREST)
    weight = (depth - NEAREST).exp()

    landed = []
    sums = torch.zeros(pixels + 1, 4)
    for step_y in (torch.arange(parts) + 0.5) / parts - 0.5:
        for step_x in (torch.arange(parts) + 0.5) / parts - 0.5:
            source_x, source_y = column + step_x, row + step_y
            moved = displacement[:, row, column] + slope[0] * step_x + slope[1] * step_y
            payload = torch.stack([source_x, source_y, depth, torch.ones_like(depth)], dim=1) * weight[:, None]
            for target, share in landing_shares(source_x + moved[0], source_y + moved[1], size):
                index = torch.where(target < 0, pixels, target)
                sums.index_add_(0, index, payload * share[:, None])
                landed.append((index, share))
    reached = (sums[:pixels, 3] > 1e-30).nonzero()[:, 0]
    seen = sums / sums[:, 3:].clamp(min=1e-30)
    filled = torch.zeros(pixels + 1)
    tolerance = NEARER * (1 + 2 * steepness)  # neighbours on one surface differ in depth by its steepness
    for index, share in landed:  # only what is about as near as what is seen there fills the pixel
        filled.index_add_(0, index, share * area / parts**2 * (depth > seen[index, 2] - tolerance))
    presence = filled[reached].clamp(max=1)
    return reached, seen[reached, 0], seen[reached, 1], torch.where(presence > 0.99, 1.0, presence)


@dataclass(frozen=True)
class _Ground:
    """The motion of the ground, on which things move: the affine motion that most pixels agree on.

    matrix: [2, 3], displacement in pixels = matrix @ (x, y, 1), x and y in pixels from the first pixel's centre.
    """

    matrix: Tensor

    @classmethod
    def under(cls, displacement: Tensor) -> _Ground:
        """By iteratively re-weighted least squares; at rest when a third of the picture rests."""
        spacing = max(1, max(Size.of(displacement)) // 64)
        sample = displacement[:, ::spacing, ::spacing].flatten(1).double()
        if (sample == 0).all(dim=0).double().mean() > 1 / 3:
            return cls(torch.zeros(2, 3))
        rows, columns = Size.of(displacement[:, ::spacing, ::spacing])
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        places = torch.stack([x * spacing, y * spacing, torch.ones_like(x)]).flatten(1).double()
        weight, affine = torch.ones_like(places[0]), torch.zeros(2, 3, dtype=torch.float64)
        for _ in range(12):
            weighted = places * weight
            normal = weighted @ places.T + 1e-6 * torch.eye(3, dtype=torch.float64)
            affine = torch.linalg.solve(normal, weighted @ sample.T).T
            left = (sample - affine @ places).norm(dim=0)
            weight = 1 / (1 + (left / left.median().clamp(min=0.1)) ** 2)
        return cls(affine.float())

    @property
    def rests(self) -> bool:
        return not bool(self.matrix.any())

    def motion_against(self, displacement: Tensor) -> Tensor:
        """[H, W] how far every pixel moves against the ground, in pixels."""
        if self.rests:
            return torch.hypot(*displacement)
        x, y = _pixel_grid(Size.of(displacement))
        ground = torch.stack([a * x + b * y + c for a, b, c in self.matrix])
        return torch.hypot(*(displacement - ground))

    def way_back(self, size: Size) -> tuple[Tensor, Tensor]:
        """The column and row [H, W] of the picture at which each pixel of the frame finds its ground."""
        back = torch.linalg.inv(torch.eye(2) + self.matrix[:, :2])
        x, y = _pixel_grid(size)
        x, y = x - self.matrix[0, 2], y - self.matrix[1, 2]
        return back[0, 0] * x + back[0, 1] * y, back[1, 0] * x + back[1, 1] * y


def _pixel_grid(size: Size) -> tuple[Tensor, Tensor]:
    return torch.arange(size.width).float(), torch.arange(size.height).float()[:, None]


def _fetch(picture: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The picture's colours [3, …] at columns x and rows y of any shape: bicubic; beyond it lies its mirror image."""
    height, width = Size.of(picture)
    places = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1).view(1, -1, 1, 2)
    colours = F.grid_sample(picture[None], places, mode="bicubic", padding_mode="reflection", align_corners=False)
    return colours.view(len(picture), *x.shape)
